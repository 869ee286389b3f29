/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TCP option that carries the client's address.
 *
 * Pure functions over bytes: no kernel state, no allocation, any context.
 * The same file is compiled into user-space tests.
 */
#ifndef TOA_OPTION_H
#define TOA_OPTION_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/socket.h>
#else
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
typedef uint8_t u8;
typedef uint16_t u16;
#endif

#define TOA_KINDS 256

/* Which option kinds are trusted to carry an address: one flag per kind. */
struct toa_kinds {
	u8 enabled[TOA_KINDS / 8];
};

struct toa_addr {
	u8 family;	/* AF_INET or AF_INET6 */
	bool has_port;	/* kind 28 carries an address only */
	u8 port[2];	/* network order */
	u8 ip[16];	/* network order; AF_INET uses the first 4 bytes */
};

enum toa_parsed {
	TOA_NONE,	/* no option of an enabled kind */
	TOA_FOUND,
	TOA_MALFORMED,	/* the option list is broken, or the address is none */
};

bool toa_kind_allowed(unsigned int kind);
void toa_kind_enable(struct toa_kinds *kinds, u8 kind);
bool toa_kind_enabled(const struct toa_kinds *kinds, u8 kind);

enum toa_parsed toa_parse(const u8 *options, unsigned int len,
			  const struct toa_kinds *kinds, struct toa_addr *addr);

#endif
