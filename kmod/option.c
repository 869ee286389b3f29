// SPDX-License-Identifier: GPL-2.0-only
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "option.h"

#define OPT_EOL		0
#define OPT_NOP		1
#define OPT_KIND_CDN	28

/*
 * How an address lies in an option. Kind and length select the layout; the
 * kind alone never does: 254 is the experimental kind, shared with others.
 */
struct layout {
	u8 len;		/* of the whole option, kind and length included */
	u8 family;
	u8 port;	/* offset in the option; 0: no port is carried */
	u8 ip;		/* offset in the option */
};

/* DPVS, LVS, Huawei ELB, Alibaba, Tencent, UCloud: kinds 254, 253, 200. */
static const struct layout common_layouts[] = {
	{ .len = 8, .family = AF_INET, .port = 2, .ip = 4 },
	{ .len = 20, .family = AF_INET6, .port = 2, .ip = 4 },
};

/* Alibaba CDN: a version byte, then the address. */
static const struct layout cdn_layouts[] = {
	{ .len = 7, .family = AF_INET, .port = 0, .ip = 3 },
	{ .len = 19, .family = AF_INET6, .port = 0, .ip = 3 },
};

static const struct layout *find_layout(u8 kind, u8 len)
{
	const struct layout *layouts = common_layouts;
	unsigned int i;

	if (kind == OPT_KIND_CDN)
		layouts = cdn_layouts;

	for (i = 0; i < 2; i++)
		if (layouts[i].len == len)
			return &layouts[i];
	return NULL;
}

/* Kinds that TCP itself assigns (RFC 793, 1323, 2018, 5925, 7413, 8684, ...). */
bool toa_kind_allowed(unsigned int kind)
{
	if (kind == OPT_KIND_CDN)
		return true;
	return kind > 34 && kind != 69 && kind != 172 && kind != 174 && kind < TOA_KINDS;
}

void toa_kind_enable(struct toa_kinds *kinds, u8 kind)
{
	kinds->enabled[kind / 8] |= 1U << (kind % 8);
}

bool toa_kind_enabled(const struct toa_kinds *kinds, u8 kind)
{
	return kinds->enabled[kind / 8] & (1U << (kind % 8));
}

static bool is_unspecified(const u8 *ip, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (ip[i])
			return false;
	return true;
}

static enum toa_parsed read_address(const u8 *option, const struct layout *layout,
				    struct toa_addr *addr)
{
	unsigned int ip_len = layout->family == AF_INET ? 4 : 16;

	/* An application told 0.0.0.0 would trust or log a client that is none. */
	if (is_unspecified(option + layout->ip, ip_len))
		return TOA_MALFORMED;

	memset(addr, 0, sizeof(*addr));
	addr->family = layout->family;
	addr->has_port = layout->port;
	if (addr->has_port)
		memcpy(addr->port, option + layout->port, sizeof(addr->port));
	memcpy(addr->ip, option + layout->ip, ip_len);
	return TOA_FOUND;
}

/**
 * toa_parse - find the client's address in a TCP header's options
 * @options:	first byte after the fixed 20-byte header
 * @len:	length of the options, in bytes; anything is safe
 * @kinds:	the kinds that may carry an address
 * @addr:	filled when TOA_FOUND is returned, untouched otherwise
 *
 * The first match wins: the balancer writes its option right after the fixed
 * header, so whatever follows it was sent by the client.
 *
 * Return: TOA_FOUND, TOA_NONE or TOA_MALFORMED.
 */
enum toa_parsed toa_parse(const u8 *options, unsigned int len,
			  const struct toa_kinds *kinds, struct toa_addr *addr)
{
	unsigned int pos = 0;

	while (pos < len) {
		const struct layout *layout;
		u8 kind = options[pos];
		u8 size;

		if (kind == OPT_EOL)
			return TOA_NONE;
		if (kind == OPT_NOP) {
			pos++;
			continue;
		}
		if (len - pos < 2)
			return TOA_MALFORMED;
		size = options[pos + 1];
		if (size < 2 || size > len - pos)
			return TOA_MALFORMED;

		layout = toa_kind_enabled(kinds, kind) ? find_layout(kind, size) : NULL;
		if (layout)
			return read_address(options + pos, layout, addr);
		pos += size;
	}
	return TOA_NONE;
}
