// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcp_v4_syn_recv_sock(listener, skb, request, ...) and tcp_v6_syn_recv_sock()
 * make the socket of a connection whose handshake is complete. The segment
 * that completed it may carry the option; the socket that is returned is
 * remembered with the client's address.
 *
 * Some balancers send the option with the SYN alone. security_inet_conn_request
 * (listener, skb, request) sees that SYN; what it carried waits in syn.c.
 *
 * Context of every handler: softirq, or process context with bottom halves
 * off; preemption off, on older kernels interrupts off; they must not sleep.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/cpumask.h>
#include <linux/if_ether.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "handshake.h"
#include "kinds.h"
#include "netns.h"
#include "count.h"
#include "store.h"
#include "syn.h"
#include "trust.h"

#include "compat.h"

/* A handshake does not sleep: one in softirq and one in process context a CPU. */
#define HANDSHAKES_PER_CPU 4

static bool remember_syns;

struct handshake {
	const struct sock *listener;	/* NULL: of no interest */
	struct toa_addr client;
};

/*
 * In-kernel servers (NFS, SMB, iSCSI) decide by the address of their real
 * peer. MPTCP and SMC listen on a kernel socket on behalf of an application.
 */
static bool is_kernels_own(const struct sock *listener)
{
	return toa_sk_is_kernels(listener) && !sk_is_mptcp(listener) &&
	       !toa_sk_serves_smc(listener);
}

static bool is_of_interest(const struct sock *listener)
{
	return !is_kernels_own(listener) && toa_netns_is_watched(sock_net(listener));
}

/* The client that this segment names, if its sender is believed. */
static enum toa_parsed read_client(const struct sk_buff *skb, struct toa_addr *client)
{
	const struct tcphdr *th = tcp_hdr(skb);
	enum toa_parsed parsed;

	/* tcp_v4_rcv and tcp_v6_rcv have pulled the whole header. */
	parsed = toa_parse((const u8 *)(th + 1), tcp_optlen(skb), &toa_kinds, client);
	if (parsed == TOA_MALFORMED)
		toa_count(TOA_OPTION_MALFORMED);
	if (parsed == TOA_FOUND && !toa_trusts_sender_of(skb)) {
		toa_count(TOA_PEER_UNTRUSTED);
		return TOA_MALFORMED;
	}
	return parsed;
}

/* ---- the SYN ---- */

static int on_syn(struct kprobe *probe, struct pt_regs *regs)
{
	const struct sock *listener = toa_argument(regs, 0);
	const struct sk_buff *skb = toa_argument(regs, 1);
	struct toa_addr client;
	bool named;

	/* A syncookie's ACK passes here, too. */
	if (!tcp_hdr(skb)->syn || !is_of_interest(listener))
		return 0;
	named = read_client(skb, &client) == TOA_FOUND;
	toa_syn_remember(sock_net(listener), skb, ntohl(tcp_hdr(skb)->seq),
			 named ? &client : NULL);
	return 0;
}
NOKPROBE_SYMBOL(on_syn);

static struct kprobe syn_probe = {
	.symbol_name = "security_inet_conn_request",
	.pre_handler = on_syn,
};

/* ---- the socket ---- */

static bool may_decline;

/* The return of this call is of no interest: what an entry handler returns then. */
static int decline(struct handshake *handshake)
{
	handshake->listener = NULL;
	return may_decline;
}

static int handshake_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct sock *listener = toa_argument(regs, 0);
	const struct sk_buff *skb = toa_argument(regs, 1);
	const struct request_sock *request = toa_argument(regs, 2);
	struct handshake *handshake = (struct handshake *)ri->data;
	struct toa_addr named_by_syn;
	bool named = false;

	if (!is_of_interest(listener)) {
		/* The row's name is that of the fields' first toa, which monitoring knows. */
		toa_count(TOA_GETNAME_BYPASS);
		return decline(handshake);
	}
	handshake->listener = listener;
	/* Whoever has the last word: the handshake went on, so the SYN's place may go. */
	if (remember_syns)
		named = toa_syn_find(sock_net(listener), skb, tcp_rsk(request)->rcv_isn,
				     &named_by_syn);
	switch (read_client(skb, &handshake->client)) {
	case TOA_FOUND:
		return 0;
	case TOA_MALFORMED:
		return decline(handshake);
	case TOA_NONE:
		break;
	}
	if (named) {
		handshake->client = named_by_syn;
		return 0;
	}
	toa_count(TOA_SYN_RECV_SOCK_NO_TOA);
	return decline(handshake);
}
NOKPROBE_SYMBOL(handshake_entry);

/* IPv4 packets for an IPv6 socket pass here too, on their way to the function for IPv4. */
static int handshake_v6_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct sk_buff *skb = toa_argument(regs, 1);

	if (skb->protocol == htons(ETH_P_IP))
		return decline((struct handshake *)ri->data);
	return handshake_entry(ri, regs);
}
NOKPROBE_SYMBOL(handshake_v6_entry);

/*
 * The child is locked and not accepted yet, so nobody asks for its peer and
 * nobody destroys it before this returns.
 *
 * A child that lost the race for its place in the table of connections is
 * unhashed, and its destroy path has run or never will: it must not be stored.
 */
static int handshake_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct handshake *handshake = (const struct handshake *)ri->data;
	const struct sock *child = (const struct sock *)regs_return_value(regs);

	if (!handshake->listener || !child || sk_unhashed(child))
		return 0;
	toa_store_add(child, &handshake->client, sk_is_mptcp(handshake->listener));
	toa_count(TOA_SYN_RECV_SOCK_TOA);
	return 0;
}
NOKPROBE_SYMBOL(handshake_return);

struct handshake_hook {
	const char *function;
	bool needs_ipv6;	/* absent where IPv6 is off or not loaded */
	kretprobe_handler_t entry;
	bool armed;
	struct kretprobe probe;
};

static struct handshake_hook handshake_hooks[] = {
	{
		.function = "tcp_v4_syn_recv_sock",
		.entry = handshake_entry,
	},
	{
		.function = "tcp_v6_syn_recv_sock",
		.needs_ipv6 = true,
		.entry = handshake_v6_entry,
	},
};

static int arm(struct handshake_hook *hook)
{
	int err;

	memset(&hook->probe, 0, sizeof(hook->probe));
	hook->probe.kp.symbol_name = hook->function;
	hook->probe.entry_handler = hook->entry;
	hook->probe.handler = handshake_return;
	hook->probe.data_size = sizeof(struct handshake);
	hook->probe.maxactive = HANDSHAKES_PER_CPU * num_possible_cpus();

	err = register_kretprobe(&hook->probe);
	if (err && hook->needs_ipv6 && toa_is_no_such_function(err)) {
		pr_info("%s is not there, IPv6 connections are left alone\n", hook->function);
		return 0;
	}
	if (err)
		pr_err("cannot probe %s: error %d\n", hook->function, err);
	hook->armed = !err;
	return err;
}

static int watch_syns(void)
{
	int err = register_kprobe(&syn_probe);

	if (err)
		pr_err("from_syn: cannot probe %s: error %d\n", syn_probe.symbol_name, err);
	remember_syns = !err;
	return err;
}

/**
 * toa_handshake_init - start to look at new connections
 * @from_syn:	believe options on SYNs, too
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno; then nothing is hooked.
 */
int toa_handshake_init(bool from_syn)
{
	unsigned int i;
	int err = 0;

	may_decline = toa_kretprobes_may_decline();
	if (from_syn)
		err = watch_syns();
	for (i = 0; !err && i < ARRAY_SIZE(handshake_hooks); i++)
		err = arm(&handshake_hooks[i]);
	if (err)
		toa_handshake_exit();
	return err;
}

/*
 * All at once: each call of the probe core's waits for every CPU, several times.
 * Context: process; sleeps until no handler runs any more.
 */
void toa_handshake_exit(void)
{
	struct kretprobe *armed[ARRAY_SIZE(handshake_hooks)];
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handshake_hooks); i++) {
		if (handshake_hooks[i].armed)
			armed[count++] = &handshake_hooks[i].probe;
		handshake_hooks[i].armed = false;
	}
	unregister_kretprobes(armed, count);
	if (remember_syns)
		unregister_kprobe(&syn_probe);
	remember_syns = false;
}

/* Connections that found no free instance of a probe: they show the real peer. */
unsigned long toa_handshake_missed(void)
{
	unsigned long missed = syn_probe.nmissed;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handshake_hooks); i++)
		missed += handshake_hooks[i].probe.nmissed;
	return missed;
}
