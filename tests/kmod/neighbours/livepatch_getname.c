// SPDX-License-Identifier: GPL-2.0-only
/*
 * livepatch_getname - a livepatch of inet_getname, which counts its calls
 *
 * A vendor may have to replace any function of a running kernel: that must
 * work with toa loaded before it and after it.
 */
#include <linux/in.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_sock.h>

static unsigned int calls;
module_param(calls, uint, 0444);

static int patched_getname(struct socket *sock, struct sockaddr_in *answer, int peer)
{
	const struct inet_sock *inet = inet_sk(sock->sk);

	calls++;
	if (peer && !inet->inet_dport)
		return -ENOTCONN;
	memset(answer, 0, sizeof(*answer));
	answer->sin_family = AF_INET;
	answer->sin_port = peer ? inet->inet_dport : inet->inet_sport;
	answer->sin_addr.s_addr = peer ? inet->inet_daddr : inet->inet_saddr;
	return sizeof(*answer);
}

static struct klp_func functions[] = {
	{ .old_name = "inet_getname", .new_func = patched_getname },
	{ }
};

static struct klp_object objects[] = {
	{ .funcs = functions },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init livepatch_getname_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit livepatch_getname_exit(void)
{
}

module_init(livepatch_getname_init);
module_exit(livepatch_getname_exit);
MODULE_DESCRIPTION("A livepatch, for tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
