// SPDX-License-Identifier: GPL-2.0-only
/* 3.8 to 3.18. */
#include <net/net_namespace.h>

unsigned int toa_have(const struct net *net);
unsigned int toa_have(const struct net *net)
{
	return net->proc_inum;
}
