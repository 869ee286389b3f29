/* SPDX-License-Identifier: GPL-2.0-only */
/* The IPv6 client behind an IPv4 connection. */
#ifndef TOA_NAT64_H
#define TOA_NAT64_H

#ifdef CONFIG_NETFILTER
int toa_nat64_init(void);
void toa_nat64_exit(void);
#else
/* Nobody passes our option on. */
static inline int toa_nat64_init(void)
{
	return 0;
}

static inline void toa_nat64_exit(void)
{
}
#endif

#endif
