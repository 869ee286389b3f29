// SPDX-License-Identifier: GPL-2.0-only
/* 4.17. Before, it has a pointer to the length as its third argument. */
#include <linux/net.h>

int toa_have(struct socket *sock, struct sockaddr *answer);
int toa_have(struct socket *sock, struct sockaddr *answer)
{
	return kernel_getpeername(sock, answer);
}
