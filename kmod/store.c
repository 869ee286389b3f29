// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "reserve.h"
#include "count.h"
#include "store.h"

#include "compat.h"

/*
 * Readers walk a bucket under RCU. Writers hold the bucket's lock with
 * interrupts off: they run in softirq (handshake), in process context (close)
 * and inside probe handlers, where older kernels forbid the _bh variants and
 * PREEMPT_RT locks that sleep.
 */
#define LOCKS 256	/* a power of two: a bucket's lock is its number's low bits */

struct toa_buckets toa_buckets;
static unsigned int buckets;	/* a power of two */
static unsigned int max_entries;
static atomic_t entries = ATOMIC_INIT(0);
static raw_spinlock_t locks[LOCKS];
static struct toa_reserve reserve;

/*
 * What an application holds of an MPTCP connection is another socket, made
 * later, with the addresses and ports of the first subflow: the entry is found
 * by these as well. The lock is taken inside a bucket's.
 */
#define MSK_BITS 10
static struct hlist_head msk_buckets[1 << MSK_BITS];
static DEFINE_RAW_SPINLOCK(msk_lock);

static struct hlist_head *msk_bucket(const struct sock *sk)
{
	u64 ends = (__force u64)inet_sk(sk)->inet_daddr << 32 | toa_sk_ports(sk);

	return &msk_buckets[hash_64(ends, MSK_BITS)];
}

static raw_spinlock_t *lock_of(unsigned int bucket)
{
	return &locks[bucket % LOCKS];
}

/* Take a place under the bound, or none. Any context. */
static bool take_place(void)
{
	if (atomic_inc_return(&entries) <= (int)max_entries)
		return true;
	atomic_dec(&entries);
	return false;
}

static void free_entry(struct rcu_head *rcu)
{
	toa_reserve_free(&reserve, container_of(rcu, struct toa_entry, rcu));
}

/* The bucket's lock is held. */
static void remove_locked(struct toa_entry *entry)
{
	hlist_del_rcu(&entry->node);
	if (!hlist_unhashed(&entry->msk_node)) {
		raw_spin_lock(&msk_lock);
		hlist_del_rcu(&entry->msk_node);
		raw_spin_unlock(&msk_lock);
	}
	atomic_dec(&entries);
	call_rcu(&entry->rcu, free_entry);
}

/* The bucket's lock is held. */
static void forget_locked(unsigned int bucket, const struct sock *sk)
{
	struct hlist_node *next;
	struct toa_entry *entry;

	hlist_for_each_entry_safe(entry, next, &toa_buckets.heads[bucket], node)
		if (entry->sk == sk)
			remove_locked(entry);
}

static struct toa_entry *make_entry(const struct sock *sk, const struct toa_addr *addr)
{
	struct toa_entry *entry;

	if (!take_place()) {
		toa_count(TOA_STORE_FULL);
		return NULL;
	}
	entry = toa_reserve_alloc(&reserve);
	if (!entry) {
		atomic_dec(&entries);
		toa_count(TOA_STORE_NO_MEMORY);
		return NULL;
	}
	entry->sk = sk;
	entry->peer = inet_sk(sk)->inet_daddr;
	entry->ports = toa_sk_ports(sk);
	entry->addr = *addr;
	if (!addr->has_port)
		memcpy(entry->addr.port, &inet_sk(sk)->inet_dport, sizeof(entry->addr.port));
	INIT_HLIST_NODE(&entry->msk_node);
	return entry;
}

/**
 * toa_store_add - remember the client behind a new connection
 * @sk:		the child socket: locked, hashed, not accepted yet
 * @addr:	the client's address; without a port, the connection's own stands for it
 * @for_msk:	an MPTCP listener made it: an application may hold another
 *		socket in its place, or this one
 *
 * Replaces what was known of @sk. With no memory or no place left nothing is
 * stored, which is counted: the application then sees the balancer's address,
 * and the connection is as good as any.
 *
 * Context: softirq, or process context with bottom halves off; never sleeps.
 */
void toa_store_add(const struct sock *sk, const struct toa_addr *addr, bool for_msk)
{
	struct toa_entry *entry = make_entry(sk, addr);
	unsigned int bucket = toa_store_bucket_of(sk);
	unsigned long flags;

	if (!entry)
		return;
	raw_spin_lock_irqsave(lock_of(bucket), flags);
	forget_locked(bucket, sk);
	hlist_add_head_rcu(&entry->node, &toa_buckets.heads[bucket]);
	if (for_msk) {
		raw_spin_lock(&msk_lock);
		hlist_add_head_rcu(&entry->msk_node, msk_bucket(sk));
		raw_spin_unlock(&msk_lock);
	}
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
}

/**
 * toa_store_forget - drop what is known of a socket that is being destroyed
 * @sk:	the socket; most have no entry, so an empty bucket costs no lock
 *
 * Context: any; never sleeps.
 */
void toa_store_forget(const struct sock *sk)
{
	unsigned int bucket = toa_store_bucket_of(sk);
	unsigned long flags;

	if (hlist_empty(&toa_buckets.heads[bucket]))
		return;
	raw_spin_lock_irqsave(lock_of(bucket), flags);
	forget_locked(bucket, sk);
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
}

/**
 * toa_store_find_for_msk - the client behind an MPTCP connection
 * @msk:	what the application holds of it; the caller holds a reference
 *
 * An entry's socket may be on its way out: under RCU its memory is never
 * anything else but a TCP socket, and what it says is compared, not followed.
 *
 * Context: any, under RCU, which the result lives by.
 * Return: the client's address and port, or NULL.
 */
const struct toa_addr *toa_store_find_for_msk(const struct sock *msk)
{
	const struct toa_entry *entry;

	hlist_for_each_entry_rcu(entry, msk_bucket(msk), msk_node)
		if (toa_have_same_ends(entry->sk, msk))
			return &entry->addr;
	return NULL;
}

unsigned long toa_store_size(void)
{
	return atomic_read(&entries);
}

/**
 * toa_store_init - make an empty store
 * @max_connections:	bound on the entries; 64 to 96 bytes each, and a byte
 *			of buckets per entry up front
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int toa_store_init(unsigned int max_connections)
{
	unsigned int i;
	int err;

	max_entries = max_connections;
	buckets = roundup_pow_of_two(max(max_connections / 8, 1024U));
	toa_buckets.shift = 32 - ilog2(buckets);
	for (i = 0; i < LOCKS; i++)
		raw_spin_lock_init(&locks[i]);

	err = toa_reserve_init(&reserve, "toa_entry", sizeof(struct toa_entry));
	if (err)
		return err;

	toa_buckets.heads = kvcalloc(buckets, sizeof(*toa_buckets.heads), GFP_KERNEL);
	if (!toa_buckets.heads) {
		toa_reserve_exit(&reserve);
		return -ENOMEM;
	}
	return 0;
}

/* Context: process; sleeps. No hook is armed any more: nobody adds or finds. */
void toa_store_exit(void)
{
	unsigned int bucket;

	for (bucket = 0; bucket < buckets; bucket++) {
		struct hlist_node *next;
		struct toa_entry *entry;

		hlist_for_each_entry_safe(entry, next, &toa_buckets.heads[bucket], node)
			remove_locked(entry);
		cond_resched();
	}
	rcu_barrier();
	kvfree(toa_buckets.heads);
	toa_reserve_exit(&reserve);
}
