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
	__be16 peer_port;
	u16 port;
	struct toa_addr addr;
	struct rcu_head rcu;
};

struct toa_buckets {
	struct hlist_head *heads;
	unsigned int bits;
};

extern struct toa_buckets toa_buckets;

/*
 * What an application holds of an MPTCP connection is another socket, made
 * later, with the addresses and ports of the first subflow: the entry is found
 * by these as well.
 */
#define TOA_MSK_BITS 10
extern struct hlist_head toa_msk_buckets[1 << TOA_MSK_BITS];

static inline struct hlist_head *toa_store_msk_bucket(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	u64 ends = (__force u64)inet->inet_daddr << 32 | (__force u64)inet->inet_dport << 16 |
		   inet->inet_num;

	return &toa_msk_buckets[hash_64(ends, TOA_MSK_BITS)];
}

const struct toa_addr *toa_store_find_for_msk(const struct hlist_head *bucket,
					      const struct sock *msk);

/* Where to look for what is known of a TCP or MPTCP socket. */
static __always_inline const struct hlist_head *toa_store_bucket(const struct sock *sk)
{
	if (unlikely(toa_sk_is_msk(sk)))
		return toa_store_msk_bucket(sk);
	return &toa_buckets.heads[hash_long((unsigned long)sk, toa_buckets.bits)];
}

/**
 * toa_store_find_in - the client behind a connection
 * @bucket:	toa_store_bucket() of @sk; an empty one can be passed over
 * @sk:		any TCP or MPTCP socket; the caller holds a reference
 *
 * Context: any, under RCU, which the result lives by.
 * Return: the client's address and port, or NULL.
 */
static __always_inline const struct toa_addr *
toa_store_find_in(const struct hlist_head *bucket, const struct sock *sk)
{
	const struct toa_entry *entry;

	if (unlikely(toa_sk_is_msk(sk)))
		return toa_store_find_for_msk(bucket, sk);
	hlist_for_each_entry_rcu(entry, bucket, node)
		if (entry->sk == sk && entry->peer == inet_sk(sk)->inet_daddr &&
		    entry->peer_port == inet_sk(sk)->inet_dport &&
		    entry->port == inet_sk(sk)->inet_num)
			return &entry->addr;
	return NULL;
}

/* As toa_store_find_in(), in the right bucket. */
static inline const struct toa_addr *toa_store_find(const struct sock *sk)
{
	return toa_store_find_in(toa_store_bucket(sk), sk);
}

#endif
