// SPDX-License-Identifier: GPL-2.0-only
/* 5.6. Before, there is no MPTCP. */
#include <net/mptcp.h>

bool toa_have(const struct sock *sk);
bool toa_have(const struct sock *sk)
{
	return sk_is_mptcp(sk);
}
