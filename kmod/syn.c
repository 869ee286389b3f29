// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request socket dies in many ways and tells nobody, so nothing is tied to
 * it: a SYN's client waits in a table of fixed size, under the connection's
 * addresses, ports and initial sequence number. A place holds one; a newer SYN
 * takes it over. So a flood of SYNs costs no memory, only the word of SYNs
 * whose handshakes are still under way: those connections show the balancer.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tcp.h>

#include "count.h"
#include "syn.h"

#include "compat.h"

#define PLACES		8192	/* a power of two; about 100 bytes each */

/* Longer than a SYN+ACK is repeated by default: 5 times, 63 s. */
#define LIFETIME	(120 * HZ)

/* Compared as bytes: filled with zeroes first. */
struct syn_key {
	const struct net *net;
	__be32 from[4];		/* an IPv4 address in the first, zeroes behind */
	__be32 to[4];
	__be16 ports[2];
	u32 isn;
};

struct syn_place {
	raw_spinlock_t lock;
	bool taken;
	bool asked;		/* its handshake went on: it may go */
	unsigned long since;	/* jiffies */
	struct syn_key key;
	struct toa_addr client;
};

static struct syn_place *places;
static u32 secret;

static void make_key(struct syn_key *key, const struct net *net, const struct sk_buff *skb, u32 isn)
{
	const struct tcphdr *th = tcp_hdr(skb);

	memset(key, 0, sizeof(*key));
	key->net = net;
	if (skb->protocol == htons(ETH_P_IP)) {
		key->from[0] = ip_hdr(skb)->saddr;
		key->to[0] = ip_hdr(skb)->daddr;
	} else {
		memcpy(key->from, &ipv6_hdr(skb)->saddr, sizeof(key->from));
		memcpy(key->to, &ipv6_hdr(skb)->daddr, sizeof(key->to));
	}
	key->ports[0] = th->source;
	key->ports[1] = th->dest;
	key->isn = isn;
}

static struct syn_place *place_of(const struct syn_key *key)
{
	BUILD_BUG_ON(sizeof(*key) % sizeof(u32));
	return &places[jhash2((const u32 *)key, sizeof(*key) / sizeof(u32), secret) &
		       (PLACES - 1)];
}

static bool is_fresh(const struct syn_place *place)
{
	return place->taken && time_before(jiffies, place->since + LIFETIME);
}

static bool holds(const struct syn_place *place, const struct syn_key *key)
{
	return is_fresh(place) && !memcmp(&place->key, key, sizeof(*key));
}

/**
 * toa_syn_remember - the client that a SYN named
 * @net:	the connection's network namespace
 * @skb:	the SYN
 * @isn:	its sequence number
 * @client:	NULL: it named none, and nothing older counts any more
 *
 * Context: softirq, or bottom halves off; never sleeps.
 */
void toa_syn_remember(const struct net *net, const struct sk_buff *skb, u32 isn,
		      const struct toa_addr *client)
{
	struct syn_place *place;
	unsigned long flags;
	struct syn_key key;
	bool same;

	make_key(&key, net, skb, isn);
	place = place_of(&key);

	raw_spin_lock_irqsave(&place->lock, flags);
	same = holds(place, &key);
	if (client) {
		if (is_fresh(place) && !place->asked && !same)
			toa_count(TOA_EVICTIONS);
		place->since = jiffies;
		place->key = key;
		place->client = *client;
		place->asked = false;
		place->taken = true;
	} else if (same) {
		place->taken = false;
	}
	raw_spin_unlock_irqrestore(&place->lock, flags);
}

/**
 * toa_syn_find - the client that a connection's SYN named
 * @net:	the connection's network namespace
 * @skb:	a later segment of the same connection
 * @isn:	the SYN's sequence number
 * @client:	filled when true is returned
 *
 * Context: softirq, or bottom halves off; never sleeps.
 */
bool toa_syn_find(const struct net *net, const struct sk_buff *skb, u32 isn,
		  struct toa_addr *client)
{
	struct syn_place *place;
	unsigned long flags;
	struct syn_key key;
	bool found;

	make_key(&key, net, skb, isn);
	place = place_of(&key);

	raw_spin_lock_irqsave(&place->lock, flags);
	found = holds(place, &key);
	/* It stays: a full accept queue makes the handshake end another time. */
	if (found) {
		*client = place->client;
		place->asked = true;
	}
	raw_spin_unlock_irqrestore(&place->lock, flags);
	return found;
}

/* Context: process; may sleep. Return: 0 or -ENOMEM. */
int toa_syn_init(void)
{
	unsigned int i;

	places = kvcalloc(PLACES, sizeof(*places), GFP_KERNEL);
	if (!places)
		return -ENOMEM;
	for (i = 0; i < PLACES; i++)
		raw_spin_lock_init(&places[i].lock);
	get_random_bytes(&secret, sizeof(secret));
	return 0;
}

/* Context: process; no hook is armed any more. */
void toa_syn_exit(void)
{
	kvfree(places);
	places = NULL;
}
