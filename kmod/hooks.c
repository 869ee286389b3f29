// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three places of the kernel's TCP, reached by name through the probe core:
 *
 *   tcp_v4_syn_recv_sock	a handshake is complete: the segment that
 *   tcp_v6_syn_recv_sock	completed it may carry the option
 *   inet_getname		getpeername(), accept(): the answer is rewritten
 *   inet6_getname
 *   tcp_destroy_sock		(tracepoint; before, tcp_v4_destroy_sock)
 *				the connection is forgotten
 *
 * Nothing in the kernel is overwritten, no symbol has to be exported, and the
 * probe core waits for running handlers before it lets the module go.
 *
 * Context of every probe handler: preemption off, and on older kernels
 * interrupts off; it must not sleep. The probed functions themselves run in
 * softirq or with bottom halves off (syn_recv_sock) and in process context,
 * where they may sleep between entry and return (getname).
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/cpumask.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "compat.h"
#include "hooks.h"
#include "stats.h"
#include "store.h"
#include "trust.h"

/*
 * How many calls of one function may be between entry and return at a time.
 * A getname sleeps there while another task holds the socket; only calls on
 * connections with a known client count, so this is far above what a server
 * shows. A call too many is answered with the balancer's address and counted.
 */
#define GETNAME_IN_FLIGHT 4096

/* A handshake does not sleep: one in softirq and one in process context a CPU. */
#define HANDSHAKES_PER_CPU 4

/* Written by the module's parameter, read by handlers: a byte at a time, no lock. */
struct toa_kinds toa_kinds;

/*
 * A socket of our own, asked for its peer to see that the hooks are alive:
 * the probe core can be switched off without telling anybody.
 */
static DEFINE_MUTEX(canary_lock);
static const struct sock *canary;
static unsigned int canary_seen;

/* ---- handshake: remember the client ---- */

/*
 * In-kernel servers (NFS, SMB, iSCSI) decide by the address of their real
 * peer. MPTCP listens on a kernel socket on behalf of an application.
 */
static bool is_kernels_own(const struct sock *listener)
{
	return toa_sk_is_kernels(listener) && !sk_is_mptcp(listener);
}

static enum toa_parsed read_option(const struct sk_buff *skb, struct toa_addr *client)
{
	const struct tcphdr *th = tcp_hdr(skb);
	unsigned int len = tcp_optlen(skb);

	/* tcp_v4_rcv and tcp_v6_rcv have pulled the whole header. */
	return toa_parse((const u8 *)(th + 1), len, &toa_kinds, client);
}

/* Context: see top. Nonzero: the return of this call is of no interest. */
static int handshake_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct sock *listener = toa_argument(regs, 0);
	const struct sk_buff *skb = toa_argument(regs, 1);
	struct toa_addr *client = (struct toa_addr *)ri->data;

	if (is_kernels_own(listener)) {
		toa_count(TOA_GETNAME_BYPASS);
		return 1;
	}
	switch (read_option(skb, client)) {
	case TOA_FOUND:
		if (toa_trusts_sender_of(skb))
			return 0;
		toa_count(TOA_PEER_UNTRUSTED);
		return 1;
	case TOA_MALFORMED:
		toa_count(TOA_OPTION_MALFORMED);
		return 1;
	default:
		toa_count(TOA_SYN_RECV_SOCK_NO_TOA);
		return 1;
	}
}
NOKPROBE_SYMBOL(handshake_entry);

/* IPv4 packets for an IPv6 socket pass here too, on their way to the function for IPv4. */
static int handshake_v6_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct sk_buff *skb = toa_argument(regs, 1);

	if (skb->protocol == htons(ETH_P_IP))
		return 1;
	return handshake_entry(ri, regs);
}
NOKPROBE_SYMBOL(handshake_v6_entry);

/*
 * Context: see top. The child is locked and not accepted yet, so nobody asks
 * for its peer and nobody destroys it before this returns.
 *
 * A child that lost the race for its place in the table of connections is
 * unhashed, and its destroy path has run or never will: it must not be stored.
 */
static int handshake_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct toa_addr *client = (struct toa_addr *)ri->data;
	const struct sock *child = (const struct sock *)regs_return_value(regs);

	if (!child || sk_unhashed(child))
		return 0;
	toa_store_add(child, client);
	toa_count(TOA_SYN_RECV_SOCK_TOA);
	return 0;
}
NOKPROBE_SYMBOL(handshake_return);

/* ---- getpeername, accept: tell the client ---- */

struct getname_call {
	struct sockaddr *answer;
	int *length_at;
	struct toa_addr client;
	bool is_canary;
};

static int getname_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct getname_call *call = (struct getname_call *)ri->data;
	const struct socket *sock = toa_argument(regs, 0);
	const struct sock *sk = sock->sk;

	if (!toa_getname_peer(regs) || !sk || sk->sk_protocol != IPPROTO_TCP)
		return 1;

	call->answer = toa_argument(regs, 1);
	call->length_at = toa_getname_length_at(regs);
	call->is_canary = sk == READ_ONCE(canary);
	if (call->is_canary)
		return 0;

	if (!toa_store_find(sk, &call->client)) {
		toa_count(TOA_GETNAME_EMPTY);
		return 1;
	}
	return 0;
}
NOKPROBE_SYMBOL(getname_entry);

static bool rewrite_v4(struct sockaddr_in *answer, const struct toa_addr *client)
{
	if (client->family != AF_INET)
		return false;
	memcpy(&answer->sin_addr, client->ip, sizeof(answer->sin_addr));
	if (client->has_port)
		memcpy(&answer->sin_port, client->port, sizeof(answer->sin_port));
	return true;
}

static bool rewrite_v6(struct sockaddr_in6 *answer, const struct toa_addr *client)
{
	__be32 v4;

	if (client->family == AF_INET6) {
		memcpy(&answer->sin6_addr, client->ip, sizeof(answer->sin6_addr));
	} else {
		memcpy(&v4, client->ip, sizeof(v4));
		ipv6_addr_set_v4mapped(v4, &answer->sin6_addr);
	}
	answer->sin6_scope_id = 0;
	if (client->has_port)
		memcpy(&answer->sin6_port, client->port, sizeof(answer->sin6_port));
	return true;
}

/* Neither the family nor the length of the answer ever changes. */
static bool rewrite(struct sockaddr *answer, int len, const struct toa_addr *client)
{
	if (answer->sa_family == AF_INET && len == sizeof(struct sockaddr_in))
		return rewrite_v4((struct sockaddr_in *)answer, client);
	if (answer->sa_family == AF_INET6 && len == sizeof(struct sockaddr_in6))
		return rewrite_v6((struct sockaddr_in6 *)answer, client);
	return false;
}

static int getname_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct getname_call *call = (const struct getname_call *)ri->data;
	int len;

	if (call->is_canary) {
		WRITE_ONCE(canary_seen, canary_seen + 1);
		return 0;
	}
	len = toa_getname_length(regs, call->length_at);
	if (len <= 0)
		return 0;
	if (rewrite(call->answer, len, &call->client))
		toa_count(TOA_GETNAME_OK);
	else
		toa_count(TOA_GETNAME_MISMATCH);
	return 0;
}
NOKPROBE_SYMBOL(getname_return);

/* ---- the end of a connection ---- */

/* Context: softirq or process, preemption off. */
static void on_destroy(void *data, struct sock *sk)
{
	toa_store_forget(sk);
}

static struct toa_destroy_watch destroy_watch = { .handler = on_destroy };

/* ---- the probes ---- */

struct hook {
	const char *function;
	bool needs_ipv6;	/* absent where IPv6 is off or not loaded */
	bool sleeps;		/* between entry and return */
	kretprobe_handler_t entry;
	kretprobe_handler_t exit;
	size_t data_size;
	bool armed;
	struct kretprobe probe;
};

static struct hook hooks[] = {
	{
		.function = "inet_getname",
		.sleeps = true,
		.entry = getname_entry,
		.exit = getname_return,
		.data_size = sizeof(struct getname_call),
	},
	{
		.function = "inet6_getname",
		.needs_ipv6 = true,
		.sleeps = true,
		.entry = getname_entry,
		.exit = getname_return,
		.data_size = sizeof(struct getname_call),
	},
	{
		.function = "tcp_v4_syn_recv_sock",
		.entry = handshake_entry,
		.exit = handshake_return,
		.data_size = sizeof(struct toa_addr),
	},
	{
		.function = "tcp_v6_syn_recv_sock",
		.needs_ipv6 = true,
		.entry = handshake_v6_entry,
		.exit = handshake_return,
		.data_size = sizeof(struct toa_addr),
	},
};

static int arm(struct hook *hook)
{
	int err;

	memset(&hook->probe, 0, sizeof(hook->probe));
	hook->probe.kp.symbol_name = hook->function;
	hook->probe.entry_handler = hook->entry;
	hook->probe.handler = hook->exit;
	hook->probe.data_size = hook->data_size;
	hook->probe.maxactive = hook->sleeps ? GETNAME_IN_FLIGHT
					     : HANDSHAKES_PER_CPU * num_possible_cpus();

	err = register_kretprobe(&hook->probe);
	if (err && hook->needs_ipv6 && toa_is_no_such_function(err)) {
		pr_info("%s is not there, IPv6 sockets are left alone\n", hook->function);
		return 0;
	}
	if (err) {
		pr_err("cannot probe %s: error %d\n", hook->function, err);
		return err;
	}
	hook->armed = true;
	return 0;
}

/* All at once: each call of the probe core's waits for every CPU, several times. */
static void disarm_all(void)
{
	struct kretprobe *armed[ARRAY_SIZE(hooks)];
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].armed)
			armed[count++] = &hooks[i].probe;
		hooks[i].armed = false;
	}
	unregister_kretprobes(armed, count);
}

/**
 * toa_hooks_init - start to look at TCP connections
 *
 * The order matters: a connection is watched to its end before one is
 * remembered, and can be answered before one is remembered.
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno; then nothing is hooked.
 */
int toa_hooks_init(void)
{
	unsigned int i;
	int err;

	err = toa_watch_destroy(&destroy_watch);
	if (err) {
		pr_err("cannot see when TCP sockets are destroyed: error %d\n", err);
		return err;
	}

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		err = arm(&hooks[i]);
		if (err)
			goto undo;
	}
	if (!toa_hooks_armed()) {
		pr_err("the kernel took the probes but does not run them\n");
		err = -ENODEV;
		goto undo;
	}
	return 0;
undo:
	disarm_all();
	toa_unwatch_destroy(&destroy_watch);
	return err;
}

/* Context: process; sleeps until no handler runs any more. */
void toa_hooks_exit(void)
{
	disarm_all();
	toa_unwatch_destroy(&destroy_watch);
}

/**
 * toa_hooks_armed - do the hooks work at this moment?
 *
 * Asks a socket of our own for its peer and looks whether our handlers saw
 * the question: debugfs' kprobes/enabled and kernel.ftrace_enabled switch
 * probes off without a word to their owners.
 *
 * Context: process; may sleep.
 */
bool toa_hooks_armed(void)
{
	struct sockaddr_storage answer;
	struct socket *sock;
	unsigned int before;
	bool alive;

	if (sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &sock))
		return false;

	mutex_lock(&canary_lock);
	before = READ_ONCE(canary_seen);
	WRITE_ONCE(canary, sock->sk);
	/* It has no peer: the answer is an error, and of no interest. */
	kernel_getpeername(sock, (struct sockaddr *)&answer);
	WRITE_ONCE(canary, NULL);
	alive = READ_ONCE(canary_seen) != before;
	mutex_unlock(&canary_lock);

	sock_release(sock);
	return alive;
}

/* Calls that found no free instance of a probe: answered with the real peer. */
unsigned long toa_hooks_missed(void)
{
	unsigned long missed = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		missed += hooks[i].probe.nmissed;
	return missed;
}
