/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which connection came from which client: a bounded hash table keyed by
 * socket. The module keeps nothing in the socket itself, whose fields belong
 * to others (kTLS, sockmap, SMC, in-kernel users).
 */
#ifndef TOA_STORE_H
#define TOA_STORE_H

#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/types.h>
#include <net/inet_sock.h>

#include "option.h"

#include "compat.h"

int toa_store_init(unsigned int max_connections);
void toa_store_exit(void);

void toa_store_add(const struct sock *sk, const struct toa_addr *addr, bool for_msk);
void toa_store_forget(const struct sock *sk);

unsigned long toa_store_size(void);

/* ---- looking things up: inline, since every getname does ---- */

struct toa_entry {
	struct hlist_node node;
	struct hlist_node msk_node;	/* unhashed: not for an MPTCP socket */
	const struct sock *sk;
	/* Whose entry this is beyond doubt: the memory of a socket is reused. */
	__be32 peer;
	u32 ports;
	struct toa_addr addr;
	struct rcu_head rcu;
};

struct toa_buckets {
	struct hlist_head *heads;
	unsigned int shift;	/* from 32 bits of hash to a bucket's number */
};

extern struct toa_buckets toa_buckets;

static __always_inline unsigned int toa_store_bucket_of(const struct sock *sk)
{
	/* The modulo is what the shift does by itself, and UBSAN need not ask. */
	return hash_64((unsigned long)sk, 32) >> (toa_buckets.shift % 32);
}

/* An empty one is all that there is to know of its sockets. */
static __always_inline const struct hlist_head *toa_store_bucket(const struct sock *sk)
{
	return &toa_buckets.heads[toa_store_bucket_of(sk)];
}

/**
 * toa_store_find_in - the client behind a TCP connection
 * @bucket:	toa_store_bucket() of @sk
 * @sk:		the TCP socket; the caller holds a reference
 *
 * Context: any, under RCU, which the result lives by.
 * Return: the client's address and port, or NULL.
 */
static __always_inline const struct toa_addr *
toa_store_find_in(const struct hlist_head *bucket, const struct sock *sk)
{
	const struct toa_entry *entry;

	hlist_for_each_entry_rcu(entry, bucket, node)
		if (entry->sk == sk && entry->peer == inet_sk(sk)->inet_daddr &&
		    entry->ports == toa_sk_ports(sk))
			return &entry->addr;
	return NULL;
}

const struct toa_addr *toa_store_find_for_msk(const struct sock *msk);

/* The same for any TCP or MPTCP socket. */
static inline const struct toa_addr *toa_store_find(const struct sock *sk)
{
	if (toa_sk_is_msk(sk))
		return toa_store_find_for_msk(sk);
	return toa_store_find_in(toa_store_bucket(sk), sk);
}

#endif
