/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose word is taken: a client can write the option itself, so only the load
 * balancers' own addresses should be believed.
 */
#ifndef TOA_TRUST_H
#define TOA_TRUST_H

#include <linux/skbuff.h>
#include <linux/types.h>

int toa_trust_set(const char *cidrs);
int toa_trust_show(char *buffer, size_t size);
void toa_trust_free(void);

bool toa_trusts_everyone(void);
bool toa_trusts_sender_of(const struct sk_buff *skb);

#endif
