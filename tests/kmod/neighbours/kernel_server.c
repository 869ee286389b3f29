// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_server - a server inside the kernel, as NFS, SMB and iSCSI are
 *
 *	echo 2049 >/sys/module/kernel_server/parameters/listen
 *	cat /sys/module/kernel_server/parameters/peer
 *
 * listens in the writer's network namespace; accepts a connection and tells
 * the peer that the kernel believes in.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/sock.h>

static struct socket *listener;

static void stop(void)
{
	if (listener)
		sock_release(listener);
	listener = NULL;
}

static int set_listen(const char *value, const struct kernel_param *param)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	u16 port;
	int err;

	err = kstrtou16(value, 10, &port);
	if (err)
		return err;
	stop();
	address.sin_port = htons(port);
	err = sock_create_kern(current->nsproxy->net_ns, AF_INET, SOCK_STREAM, IPPROTO_TCP,
			       &listener);
	if (err)
		return err;
	err = listener->ops->bind(listener, (void *)&address, sizeof(address));
	return err ?: kernel_listen(listener, 4);
}

static const struct kernel_param_ops listen_ops = { .set = set_listen };
module_param_cb(listen, &listen_ops, NULL, 0200);

static int get_peer(char *buffer, const struct kernel_param *param)
{
	struct sockaddr_storage storage;
	struct sockaddr_in *peer = (struct sockaddr_in *)&storage;
	struct socket *connection;
	int err;

	if (!listener)
		return -ENOTCONN;
	err = kernel_accept(listener, &connection, 0);
	if (err)
		return err;
	err = connection->ops->getname(connection, (void *)&storage, 1);
	sock_release(connection);
	if (err < 0)
		return err;
	return scnprintf(buffer, PAGE_SIZE, "%pI4:%u\n", &peer->sin_addr, ntohs(peer->sin_port));
}

static const struct kernel_param_ops peer_ops = { .get = get_peer };
module_param_cb(peer, &peer_ops, NULL, 0400);

static int __init kernel_server_init(void)
{
	return 0;
}

static void __exit kernel_server_exit(void)
{
	stop();
}

module_init(kernel_server_init);
module_exit(kernel_server_exit);
MODULE_DESCRIPTION("A server in the kernel, for tests");
MODULE_LICENSE("GPL");
