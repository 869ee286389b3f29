/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients named by a SYN, until the handshake is complete. */
#ifndef TOA_SYN_H
#define TOA_SYN_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/net_namespace.h>

#include "option.h"

int toa_syn_init(void);
void toa_syn_exit(void);

void toa_syn_remember(const struct net *net, const struct sk_buff *skb, u32 isn,
		      const struct toa_addr *client);
bool toa_syn_find(const struct net *net, const struct sk_buff *skb, u32 isn,
		  struct toa_addr *client);

#endif
