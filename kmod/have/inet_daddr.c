// SPDX-License-Identifier: GPL-2.0-only
/* 2.6.33. Before, the same fields have no prefix. */
#include <net/inet_sock.h>

__be32 toa_have(const struct inet_sock *inet);
__be32 toa_have(const struct inet_sock *inet)
{
	return inet->inet_daddr;
}
