// SPDX-License-Identifier: GPL-2.0-only
/* Until 6.7; then the flag moves to inet_sk(). */
#include <linux/ipv6.h>

bool toa_have(const struct ipv6_pinfo *np);
bool toa_have(const struct ipv6_pinfo *np)
{
	return np->sndflow;
}
