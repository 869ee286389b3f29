// SPDX-License-Identifier: GPL-2.0-only
/* 4.14. Before, there is no SMC. */
#include <linux/tcp.h>

bool toa_have(const struct tcp_sock *tp);
bool toa_have(const struct tcp_sock *tp)
{
	return tp->syn_smc;
}
