// SPDX-License-Identifier: GPL-2.0-only
/*
 * inet_getname(sock, answer, peer) and inet6_getname() write a peer's address
 * into their caller's buffer. They are seen on entry, and on entry only: when
 * the client of the connection is known, the caller's buffer is filled then
 * and there, and the function is given another place to write its own answer
 * to, in the unused part of the calling task's stack.
 *
 * Whatever lies below a task's stack pointer is nobody's at the moment of that
 * task's store, and it lives as long as the task, not as long as this module.
 * So there is nothing to remember until the function returns, however long it
 * sleeps for the socket, and the module may be gone by then. The function's
 * return value stays its own: whether there is a peer at all is not our word.
 *
 * ftrace's own callbacks are the cheapest way to be called there; where they
 * are not to be had, the probe core calls the same code. Neither needs the
 * exclusive right to redirect the function, which would lock out livepatches.
 *
 * Context of the handlers: process context of the caller, preemption possibly
 * off, on older kernels interrupts off; they must not sleep.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "getname.h"
#include "count.h"
#include "store.h"

#include "compat.h"

/*
 * How far below the handler's frame the function may write: far enough that
 * neither its own frames nor those of BPF programs that it runs reach there
 * while they use the answer.
 */
#define ASIDE_BELOW	(THREAD_SIZE / 4)
#define ASIDE_SPARE	1024	/* of the stack's end, which must not be touched */

/*
 * A socket of our own, asked for its peer to see that the hooks are alive:
 * ftrace and the probe core can be switched off without telling anybody.
 */
static DEFINE_MUTEX(own_socket_lock);
static const struct sock *own_socket;
static unsigned int own_socket_seen;

/* Is enough left below this stack pointer for a function to write aside? */
static __always_inline bool has_aside(unsigned long sp)
{
	unsigned long room = sp - (unsigned long)end_of_stack(current);

	return room < THREAD_SIZE && room >= ASIDE_BELOW + ASIDE_SPARE;
}

static __always_inline void *aside(unsigned long sp)
{
	return (void *)ALIGN(sp - ASIDE_BELOW, 16);
}

static __always_inline void answer_v4(struct sockaddr_in *answer, const struct toa_addr *client)
{
	answer->sin_family = AF_INET;
	memcpy(&answer->sin_port, client->port, sizeof(answer->sin_port));
	memcpy(&answer->sin_addr, client->ip, sizeof(answer->sin_addr));
	memset(answer->sin_zero, 0, sizeof(answer->sin_zero));
}

static __always_inline void answer_v6(struct sockaddr_in6 *answer, const struct sock *sk,
				      const struct toa_addr *client)
{
	__be32 v4;

	answer->sin6_family = AF_INET6;
	memcpy(&answer->sin6_port, client->port, sizeof(answer->sin6_port));
	answer->sin6_flowinfo = toa_flow_label(sk);
	answer->sin6_scope_id = 0;
	if (client->family == AF_INET6) {
		memcpy(&answer->sin6_addr, client->ip, sizeof(answer->sin6_addr));
	} else {
		memcpy(&v4, client->ip, sizeof(v4));
		ipv6_addr_set_v4mapped(v4, &answer->sin6_addr);
	}
}

/*
 * Under RCU. Neither the family nor the length of the answer ever changes: an
 * IPv6 client does not fit into a sockaddr_in (getsockopt() of nat64.c tells).
 */
static __always_inline bool give(const struct sock *sk, const struct toa_addr *client,
				 void *answer, u8 family)
{
	if (family == AF_INET6)
		answer_v6(answer, sk, client);
	else if (client->family == AF_INET)
		answer_v4(answer, client);
	else
		return false;
	return true;
}

static __always_inline void on_unknown(const struct sock *sk)
{
	if (unlikely(sk == READ_ONCE(own_socket)))
		WRITE_ONCE(own_socket_seen, own_socket_seen + 1);
	else
		toa_count(TOA_GETNAME_EMPTY);
}

/* Under RCU; what is said in on_entry(). */
static __always_inline void reply(const struct sock *sk, const struct toa_addr *client,
				  unsigned long *answer, unsigned long sp, u8 family)
{
	if (!client) {
		on_unknown(sk);
	} else if (has_aside(sp) && give(sk, client, (void *)*answer, family)) {
		toa_count(TOA_GETNAME_OK);
		*answer = (unsigned long)aside(sp);
	} else {
		toa_count(TOA_GETNAME_MISMATCH);
	}
}

/* Apart, so that a TCP socket's way has no call in it and no registers to save. */
static noinline void on_msk_entry(const struct sock *msk, unsigned long *answer,
				  unsigned long sp, u8 family)
{
	toa_rcu_read_lock();
	reply(msk, toa_store_find_for_msk(msk), answer, sp, family);
	toa_rcu_read_unlock();
}

/* A getname of @family is entered with these arguments, of which @answer may change. */
static __always_inline void on_entry(const unsigned long *sock, unsigned long *answer,
				     const unsigned long *peer, unsigned long sp, u8 family)
{
	const struct sock *sk = ((const struct socket *)*sock)->sk;
	const struct hlist_head *bucket;

	if (!(int)*peer || !sk)
		return;
	if (unlikely(!toa_sk_is_tcp(sk))) {
		if (toa_sk_is_msk(sk))
			on_msk_entry(sk, answer, sp, family);
		return;
	}
	bucket = toa_store_bucket(sk);
	if (hlist_empty(bucket)) {
		on_unknown(sk);
		return;
	}
	toa_rcu_read_lock();
	reply(sk, toa_store_find_in(bucket, sk), answer, sp, family);
	toa_rcu_read_unlock();
}

/* ---- called by ftrace, or by the probe core ---- */

static __always_inline void probe_entry(struct pt_regs *regs, u8 family)
{
	on_entry(toa_argument_slot(regs, 0), toa_argument_slot(regs, 1),
		 toa_argument_slot(regs, TOA_GETNAME_PEER), regs->sp, family);
}

static int probe_v4(struct kprobe *probe, struct pt_regs *regs)
{
	probe_entry(regs, AF_INET);
	return 0;
}
NOKPROBE_SYMBOL(probe_v4);

static int probe_v6(struct kprobe *probe, struct pt_regs *regs)
{
	probe_entry(regs, AF_INET6);
	return 0;
}
NOKPROBE_SYMBOL(probe_v6);

#ifdef TOA_FTRACE
static __always_inline void trace_entry(toa_ftrace_regs *regs, u8 family)
{
	/* Called by the function itself, so on its stack; not all have regs->sp. */
	on_entry(toa_ftrace_argument(regs, 0), toa_ftrace_argument(regs, 1),
		 toa_ftrace_argument(regs, TOA_GETNAME_PEER),
		 (unsigned long)__builtin_frame_address(0), family);
}

static notrace void trace_v4(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, toa_ftrace_regs *regs)
{
	trace_entry(regs, AF_INET);
}

static notrace void trace_v6(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, toa_ftrace_regs *regs)
{
	trace_entry(regs, AF_INET6);
}
#endif

struct getname_hook {
	const char *function;
	bool needs_ipv6;	/* absent where IPv6 is off or not loaded */
	kprobe_pre_handler_t probe_handler;
	bool probed;
	struct kprobe probe;
#ifdef TOA_FTRACE
	bool traced;
	unsigned long traced_at;
	struct ftrace_ops trace;
#endif
};

static struct getname_hook getname_hooks[] = {
	{
		.function = "inet_getname",
		.probe_handler = probe_v4,
#ifdef TOA_FTRACE
		.trace = { .func = trace_v4, .flags = TOA_FTRACE_FLAGS },
#endif
	},
	{
		.function = "inet6_getname",
		.needs_ipv6 = true,
		.probe_handler = probe_v6,
#ifdef TOA_FTRACE
		.trace = { .func = trace_v6, .flags = TOA_FTRACE_FLAGS },
#endif
	},
};

static int arm_probe(struct getname_hook *hook)
{
	int err;

	memset(&hook->probe, 0, sizeof(hook->probe));
	hook->probe.symbol_name = hook->function;
	hook->probe.pre_handler = hook->probe_handler;
	err = register_kprobe(&hook->probe);
	hook->probed = !err;
	return err;
}

static void disarm_probe(struct getname_hook *hook)
{
	if (hook->probed)
		unregister_kprobe(&hook->probe);
	hook->probed = false;
}

#ifdef TOA_FTRACE
/*
 * By address, never by name: a filter by name that matches nothing would have
 * every function of the kernel traced. The probe knows the address; the place
 * that ftrace patches may be some bytes behind it (endbr, bti).
 */
static void trace_instead(struct getname_hook *hook)
{
	unsigned int offset;

	for (offset = 0; offset <= 8; offset += 4) {
		hook->traced_at = (unsigned long)hook->probe.addr + offset;
		if (!ftrace_set_filter_ip(&hook->trace, hook->traced_at, 0, 1))
			break;
	}
	if (offset > 8)
		return;
	hook->traced = !register_ftrace_function(&hook->trace);
	if (hook->traced)
		disarm_probe(hook);
	else
		ftrace_set_filter_ip(&hook->trace, hook->traced_at, 1, 0);
}

static void disarm_trace(struct getname_hook *hook)
{
	if (!hook->traced)
		return;
	unregister_ftrace_function(&hook->trace);
	/* An empty filter holds no memory; ftrace_free_filter() is not exported everywhere. */
	ftrace_set_filter_ip(&hook->trace, hook->traced_at, 1, 0);
	hook->traced = false;
}
#else
static void trace_instead(struct getname_hook *hook)
{
}

static void disarm_trace(struct getname_hook *hook)
{
}
#endif

/**
 * toa_getname_init - start to answer
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno; then nothing is hooked.
 */
int toa_getname_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(getname_hooks); i++) {
		err = arm_probe(&getname_hooks[i]);
		if (err && getname_hooks[i].needs_ipv6 && toa_is_no_such_function(err)) {
			pr_info("%s is not there, IPv6 sockets are left alone\n",
				getname_hooks[i].function);
			continue;
		}
		if (err) {
			pr_err("cannot probe %s: error %d\n", getname_hooks[i].function, err);
			toa_getname_exit();
			return err;
		}
		trace_instead(&getname_hooks[i]);
	}
	return 0;
}

/* Context: process; sleeps until no handler runs any more. */
void toa_getname_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(getname_hooks); i++) {
		disarm_trace(&getname_hooks[i]);
		disarm_probe(&getname_hooks[i]);
	}
}

/**
 * toa_getname_armed - does the hook work at this moment?
 *
 * Context: process; may sleep.
 */
bool toa_getname_armed(void)
{
	struct sockaddr_storage answer;
	struct socket *sock;
	unsigned int before;
	bool alive;

	if (sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &sock))
		return false;

	mutex_lock(&own_socket_lock);
	before = READ_ONCE(own_socket_seen);
	WRITE_ONCE(own_socket, sock->sk);
	/* It has no peer: the answer is an error, and of no interest. */
	kernel_getpeername(sock, (struct sockaddr *)&answer);
	WRITE_ONCE(own_socket, NULL);
	alive = READ_ONCE(own_socket_seen) != before;
	mutex_unlock(&own_socket_lock);

	sock_release(sock);
	return alive;
}

/* Calls that the probe core did not show us: answered with the real peer. */
unsigned long toa_getname_missed(void)
{
	unsigned long missed = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(getname_hooks); i++)
		missed += getname_hooks[i].probe.nmissed;
	return missed;
}
