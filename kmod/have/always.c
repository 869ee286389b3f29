// SPDX-License-Identifier: GPL-2.0-only
/* Compiles with every kernel, or nothing does: the headers, the flags and the compiler work. */
#include <linux/ftrace.h>
#include <linux/hash.h>
#include <linux/inet.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/proc_fs.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

int toa_have(const struct sk_buff *skb);
int toa_have(const struct sk_buff *skb)
{
	return tcp_hdr(skb)->doff;
}
