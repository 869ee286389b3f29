/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which connection came from which client: a bounded hash table keyed by
 * socket. The module keeps nothing in the socket itself, whose fields belong
 * to others (kTLS, sockmap, SMC, in-kernel users).
 */
#ifndef TOA_STORE_H
#define TOA_STORE_H

#include <linux/types.h>
#include <net/sock.h>

#include "option.h"

int toa_store_init(unsigned int max_connections);
void toa_store_exit(void);

void toa_store_add(const struct sock *sk, const struct toa_addr *addr);
bool toa_store_find(const struct sock *sk, struct toa_addr *addr);
void toa_store_forget(const struct sock *sk);
unsigned long toa_store_size(void);

#endif
