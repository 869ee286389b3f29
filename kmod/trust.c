// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/inet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>

#include "compat.h"
#include "parameter_list.h"
#include "trust.h"

struct network {
	u8 ip[16];		/* network order; AF_INET uses the first 4 bytes */
	u8 family;
	u8 prefix_len;		/* bits */
};

/* Of networks; NULL: everyone. */
static struct toa_list __rcu *trust;

static u8 address_bits(u8 family)
{
	return family == AF_INET ? 32 : 128;
}

static bool parse_prefix_len(const char *text, struct network *network)
{
	network->prefix_len = address_bits(network->family);
	if (!text)
		return true;
	return !kstrtou8(text, 10, &network->prefix_len) &&
	       network->prefix_len <= address_bits(network->family);
}

/* "10.0.0.0/8", "2001:db8::/32", or one address. */
static bool parse_network(const char *text, void *item)
{
	struct network *network = item;
	char copy[INET6_ADDRSTRLEN + sizeof("/128")];
	char *prefix_len = copy;
	const char *end;
	char *ip;

	if (strscpy(copy, text, sizeof(copy)) < 0)
		return false;
	ip = strsep(&prefix_len, "/");
	memset(network, 0, sizeof(*network));
	if (in4_pton(ip, -1, network->ip, -1, &end))
		network->family = AF_INET;
	else if (in6_pton(ip, -1, network->ip, -1, &end))
		network->family = AF_INET6;
	else
		return false;
	/* Both are content with 10.0.0.1;10.0.0.2 and 10.0.0.1:443. */
	if (*end)
		return false;
	return parse_prefix_len(prefix_len, network);
}

static const struct toa_list_kind networks = {
	.parameter = "trusted",
	.items = "networks",
	.refused = "no network like 10.0.0.0/8 or 2001:db8::/32",
	.unrestricted = "",
	.max = 64,
	.item_size = sizeof(struct network),
	.parse = parse_network,
};

static const struct network *network_at(const struct toa_list *list, unsigned int i)
{
	return (const struct network *)list->items + i;
}

/**
 * toa_trust_set - believe the balancers in these networks only
 * @cidrs:	networks with commas between them; empty: believe everyone
 *
 * Connections that exist keep what they have.
 *
 * Context and return: as toa_list_set().
 */
int toa_trust_set(const char *cidrs)
{
	return toa_list_set(&trust, &networks, cidrs);
}

static int show_network(char *buffer, size_t size, const struct network *network)
{
	if (network->family == AF_INET)
		return scnprintf(buffer, size, "%pI4/%u", network->ip, network->prefix_len);
	return scnprintf(buffer, size, "%pI6c/%u", network->ip, network->prefix_len);
}

/* The networks as toa_trust_set takes them. Context: as toa_trust_set. */
int toa_trust_show(char *buffer, size_t size)
{
	const struct toa_list *list = rcu_dereference_protected(trust, 1);
	unsigned int i;
	int len = 0;

	for (i = 0; list && i < list->count; i++) {
		if (i)
			len += scnprintf(buffer + len, size - len, ",");
		len += show_network(buffer + len, size - len, network_at(list, i));
	}
	return len + scnprintf(buffer + len, size - len, "%s", toa_param_end());
}

/* Context: process; no hook is armed any more. */
void toa_trust_free(void)
{
	toa_list_free(&trust);
}

bool toa_trusts_everyone(void)
{
	return !rcu_access_pointer(trust);
}

static bool same_prefix(const u8 *a, const u8 *b, unsigned int bits)
{
	unsigned int bytes = bits / 8;
	u8 mask = 0xff << (8 - bits % 8);

	if (memcmp(a, b, bytes))
		return false;
	return !(bits % 8) || !((a[bytes] ^ b[bytes]) & mask);
}

static bool contains(const struct toa_list *list, u8 family, const void *ip)
{
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		const struct network *network = network_at(list, i);

		if (network->family == family &&
		    same_prefix(ip, network->ip, network->prefix_len))
			return true;
	}
	return false;
}

/**
 * toa_trusts_sender_of - may the sender of this segment name a client?
 * @skb:	a TCP segment with its IP header in place
 *
 * Context: any; never sleeps.
 */
bool toa_trusts_sender_of(const struct sk_buff *skb)
{
	const struct toa_list *list;
	bool trusted = true;

	rcu_read_lock();
	list = rcu_dereference(trust);
	if (list && skb->protocol == htons(ETH_P_IP))
		trusted = contains(list, AF_INET, &ip_hdr(skb)->saddr);
	else if (list)
		trusted = contains(list, AF_INET6, &ipv6_hdr(skb)->saddr);
	rcu_read_unlock();
	return trusted;
}
