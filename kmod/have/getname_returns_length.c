// SPDX-License-Identifier: GPL-2.0-only
/* 4.17. Before, getname has a pointer to the length as its third argument. */
#include <linux/net.h>

int toa_have(const struct proto_ops *ops, struct socket *sock, struct sockaddr *answer);
int toa_have(const struct proto_ops *ops, struct socket *sock, struct sockaddr *answer)
{
	return ops->getname(sock, answer, 1);
}
