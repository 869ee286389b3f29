// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "stats.h"
#include "store.h"

/*
 * Readers walk a bucket under RCU. Writers hold the bucket's lock with
 * interrupts off: they run in softirq (handshake), in process context (close)
 * and inside probe handlers, where older kernels forbid the _bh variants.
 */
struct entry {
	struct hlist_node node;
	const struct sock *sk;
	/* Whose entry this is beyond doubt: the memory of a socket is reused. */
	__be32 peer;
	u32 ports;
	struct toa_addr addr;
	struct rcu_head rcu;
};

#define LOCKS 256	/* a power of two: a bucket's lock is its number's low bits */

static struct hlist_head *buckets;
static unsigned int bucket_bits;
static unsigned int max_entries;
static atomic_t entries = ATOMIC_INIT(0);
static spinlock_t locks[LOCKS];
static struct kmem_cache *cache;

static unsigned int bucket_of(const struct sock *sk)
{
	return hash_long((unsigned long)sk, bucket_bits);
}

static spinlock_t *lock_of(unsigned int bucket)
{
	return &locks[bucket % LOCKS];
}

static u32 ports_of(const struct sock *sk)
{
	return (__force u32)inet_sk(sk)->inet_dport << 16 | inet_sk(sk)->inet_num;
}

static bool is_entry_of(const struct entry *entry, const struct sock *sk)
{
	return entry->sk == sk && entry->ports == ports_of(sk) &&
	       entry->peer == inet_sk(sk)->inet_daddr;
}

/* Take a place under the bound, or none. Any context. */
static bool reserve(void)
{
	if (atomic_inc_return(&entries) <= (int)max_entries)
		return true;
	atomic_dec(&entries);
	return false;
}

static void free_entry(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct entry, rcu));
}

/* The bucket's lock is held. */
static void remove_locked(struct entry *entry)
{
	hlist_del_rcu(&entry->node);
	atomic_dec(&entries);
	call_rcu(&entry->rcu, free_entry);
}

/* The bucket's lock is held. */
static void forget_locked(unsigned int bucket, const struct sock *sk)
{
	struct hlist_node *next;
	struct entry *entry;

	hlist_for_each_entry_safe(entry, next, &buckets[bucket], node)
		if (entry->sk == sk)
			remove_locked(entry);
}

/**
 * toa_store_add - remember the client behind a new connection
 * @sk:		the child socket: locked, hashed, not accepted yet
 * @addr:	the client's address
 *
 * Replaces what was known of @sk. With no memory or no place left nothing is
 * stored, which is counted: the application then sees the balancer's address,
 * and the connection is as good as any.
 *
 * Context: softirq, or process context with bottom halves off; never sleeps.
 */
void toa_store_add(const struct sock *sk, const struct toa_addr *addr)
{
	unsigned int bucket = bucket_of(sk);
	struct entry *entry;
	unsigned long flags;

	if (!reserve()) {
		toa_count(TOA_STORE_FULL);
		return;
	}
	entry = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!entry) {
		atomic_dec(&entries);
		toa_count(TOA_STORE_NO_MEMORY);
		return;
	}
	entry->sk = sk;
	entry->peer = inet_sk(sk)->inet_daddr;
	entry->ports = ports_of(sk);
	entry->addr = *addr;

	spin_lock_irqsave(lock_of(bucket), flags);
	forget_locked(bucket, sk);
	hlist_add_head_rcu(&entry->node, &buckets[bucket]);
	spin_unlock_irqrestore(lock_of(bucket), flags);
}

/**
 * toa_store_find - the client behind a connection
 * @sk:		any TCP socket; the caller holds a reference
 * @addr:	filled when true is returned
 *
 * Context: any; never sleeps.
 * Return: whether a client's address is known.
 */
bool toa_store_find(const struct sock *sk, struct toa_addr *addr)
{
	const struct entry *entry;
	bool found = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(entry, &buckets[bucket_of(sk)], node) {
		if (is_entry_of(entry, sk)) {
			*addr = entry->addr;
			found = true;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/**
 * toa_store_forget - drop what is known of a socket that is being destroyed
 * @sk:	the socket; most have no entry, so an empty bucket costs no lock
 *
 * Context: any; never sleeps.
 */
void toa_store_forget(const struct sock *sk)
{
	unsigned int bucket = bucket_of(sk);
	unsigned long flags;

	if (hlist_empty(&buckets[bucket]))
		return;
	spin_lock_irqsave(lock_of(bucket), flags);
	forget_locked(bucket, sk);
	spin_unlock_irqrestore(lock_of(bucket), flags);
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

	max_entries = max_connections;
	bucket_bits = ilog2(roundup_pow_of_two(max(max_connections / 8, 1024U)));
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i]);

	cache = kmem_cache_create("toa_entry", sizeof(struct entry), 0, 0, NULL);
	if (!cache)
		return -ENOMEM;

	buckets = kvcalloc(1UL << bucket_bits, sizeof(*buckets), GFP_KERNEL);
	if (!buckets) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	return 0;
}

/* Context: process; sleeps. No hook is armed any more: nobody adds or finds. */
void toa_store_exit(void)
{
	unsigned int bucket;

	for (bucket = 0; bucket < 1U << bucket_bits; bucket++) {
		struct hlist_node *next;
		struct entry *entry;

		hlist_for_each_entry_safe(entry, next, &buckets[bucket], node)
			remove_locked(entry);
		cond_resched();
	}
	rcu_barrier();
	kvfree(buckets);
	kmem_cache_destroy(cache);
}
