// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three places where the module meets the kernel's TCP:
 *
 *   handshake.c	a connection is made: who is behind it?
 *   getname.c		its peer is asked for: the client is told
 *   here		it is destroyed: its client is forgotten
 *
 * Nothing in the kernel is overwritten, no symbol has to be exported, and the
 * kernel waits for running handlers before it lets the module go.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>

#include "getname.h"
#include "handshake.h"
#include "hooks.h"
#include "store.h"

#include "compat.h"

/* ---- the end of a connection ---- */

/* Context: softirq or process, preemption off. */
static void on_destroy(void *data, struct sock *sk)
{
	toa_store_forget(sk);
}

static struct toa_destroy_watch destroy_watch = { .handler = on_destroy };

/* ---- are probes run at all? ---- */

/*
 * debugfs' kprobes/enabled and kernel.ftrace_enabled switch probes off without
 * a word to their owners. A function of our own, probed as the handshake is,
 * tells.
 */
static DEFINE_MUTEX(canary_lock);
static unsigned int canary_seen;

static noinline int canary(int number)
{
	barrier();
	return number + 1;
}

static int canary_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(canary_seen, canary_seen + 1);
	return 0;
}
NOKPROBE_SYMBOL(canary_return);

static struct kretprobe canary_probe = {
	.kp.addr = (kprobe_opcode_t *)canary,
	.handler = canary_return,
	.maxactive = 4,
};

static bool probes_are_run(void)
{
	unsigned int before;
	bool alive;

	mutex_lock(&canary_lock);
	before = READ_ONCE(canary_seen);
	canary(before);
	alive = READ_ONCE(canary_seen) != before;
	mutex_unlock(&canary_lock);
	return alive;
}

/* ---- all of them ---- */

static int not_run(void)
{
	pr_err("the kernel took the probes but does not run them\n");
	return -ENODEV;
}

/**
 * toa_hooks_init - start to look at TCP connections
 * @from_syn:	believe options on SYNs, too
 *
 * The order matters: a connection is watched to its end before one is
 * remembered, and can be answered before one is remembered. The canary is
 * first, since some kernels (3.16) warn of each probe that goes while probes
 * are switched off.
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno; then nothing is hooked.
 */
int toa_hooks_init(bool from_syn)
{
	int err;

	err = register_kretprobe(&canary_probe);
	if (err) {
		pr_err("this kernel takes no probes: error %d\n", err);
		return err;
	}
	if (!probes_are_run()) {
		err = not_run();
		goto err_canary;
	}
	err = toa_watch_destroy(&destroy_watch);
	if (err) {
		pr_err("cannot see when TCP sockets are destroyed: error %d\n", err);
		goto err_canary;
	}
	err = toa_getname_init();
	if (err)
		goto err_destroy;
	err = toa_handshake_init(from_syn);
	if (err)
		goto err_getname;
	if (!toa_hooks_armed()) {
		err = not_run();
		goto err_handshake;
	}
	return 0;

err_handshake:
	toa_handshake_exit();
err_getname:
	toa_getname_exit();
err_destroy:
	toa_unwatch_destroy(&destroy_watch);
err_canary:
	unregister_kretprobe(&canary_probe);
	return err;
}

/* Context: process; sleeps until no handler runs any more. */
void toa_hooks_exit(void)
{
	toa_handshake_exit();
	toa_getname_exit();
	toa_unwatch_destroy(&destroy_watch);
	unregister_kretprobe(&canary_probe);
}

/**
 * toa_hooks_armed - do the hooks work at this moment?
 *
 * Context: process; may sleep.
 */
bool toa_hooks_armed(void)
{
	return probes_are_run() && toa_getname_armed();
}

/* Calls that the kernel could not show us: answered with the real peer. */
unsigned long toa_hooks_missed(void)
{
	return toa_handshake_missed() + toa_getname_missed();
}
