// SPDX-License-Identifier: GPL-2.0-only
/* 4.2. Before, kernel sockets are made in the first network namespace. */
#include <linux/net.h>

int toa_have(struct net *net, struct socket **sock);
int toa_have(struct net *net, struct socket **sock)
{
	return sock_create_kern(net, AF_INET, SOCK_STREAM, 0, sock);
}
