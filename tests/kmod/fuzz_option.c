// SPDX-License-Identifier: GPL-2.0-only
/*
 * toa_parse() of kmod/option.c on any bytes, for libFuzzer and for a replay.
 *
 * Input: a byte of flags for the usual kinds, one further kind, then the
 * options. The options lie in heap memory of exactly their size, so that the
 * sanitizer sees a read of one byte too many.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) do { if (!(condition)) die(#condition, __LINE__); } while (0)

static void die(const char *what, int line)
{
	fprintf(stderr, "fuzz_option.c:%d: does not hold: %s\n", line, what);
	abort();
}

static const uint8_t usual_kinds[8] = { 254, 253, 200, 28, 201, 202, 255, 35 };

/* What TCP assigns itself (IANA's list): no address may be looked for there. */
static int is_tcps_own(unsigned int kind)
{
	return (kind <= 34 && kind != 28) || kind == 69 || kind == 172 || kind == 174;
}

struct outcome {
	enum toa_parsed parsed;
	struct toa_addr addr;
};

/* ---- the reference: a machine that is fed one byte at a time ---- */

struct machine {
	enum { AT_KIND, AT_LENGTH, IN_BODY, ENDED } state;
	const struct toa_kinds *kinds;
	uint8_t option[256];
	unsigned int have, want;
	struct outcome outcome;
};

static int is_enabled(const struct toa_kinds *kinds, uint8_t kind)
{
	return kinds->enabled[kind >> 3] >> (kind & 7) & 1;
}

static void end(struct machine *m, enum toa_parsed parsed)
{
	m->state = ENDED;
	m->outcome.parsed = parsed;
}

static void address(struct machine *m, unsigned int ip, unsigned int ip_len, int has_port)
{
	struct toa_addr *addr = &m->outcome.addr;
	unsigned int i, any = 0;

	memset(addr, 0, sizeof(*addr));
	addr->family = ip_len == 4 ? AF_INET : AF_INET6;
	addr->has_port = has_port;
	for (i = 0; has_port && i < 2; i++)
		addr->port[i] = m->option[2 + i];
	for (i = 0; i < ip_len; i++)
		any |= addr->ip[i] = m->option[ip + i];
	end(m, any ? TOA_FOUND : TOA_MALFORMED);
}

static void complete(struct machine *m)
{
	m->state = AT_KIND;
	if (!is_enabled(m->kinds, m->option[0]))
		return;
	switch (m->option[0] << 8 | m->want) {
	case 28 << 8 | 7:
		return address(m, 3, 4, 0);
	case 28 << 8 | 19:
		return address(m, 3, 16, 0);
	}
	if (m->option[0] == 28)
		return;
	if (m->want == 8)
		address(m, 4, 4, 1);
	else if (m->want == 20)
		address(m, 4, 16, 1);
}

static void feed(struct machine *m, uint8_t byte)
{
	switch (m->state) {
	case AT_KIND:
		m->have = 0;
		if (byte == 0)
			return end(m, TOA_NONE);
		if (byte == 1)
			return;
		m->option[m->have++] = byte;
		m->state = AT_LENGTH;
		return;
	case AT_LENGTH:
		if (byte < 2)
			return end(m, TOA_MALFORMED);
		m->option[m->have++] = byte;
		m->want = byte;
		m->state = IN_BODY;
		break;
	case IN_BODY:
		m->option[m->have++] = byte;
		break;
	case ENDED:
		return;
	}
	if (m->have == m->want)
		complete(m);
}

static struct outcome reference(const uint8_t *options, size_t len, const struct toa_kinds *kinds)
{
	struct machine m = { .state = AT_KIND, .kinds = kinds };

	while (len--)
		feed(&m, *options++);
	if (m.state == AT_KIND)
		end(&m, TOA_NONE);
	else if (m.state != ENDED)
		end(&m, TOA_MALFORMED);
	return m.outcome;
}

/* ---- what must hold ---- */

/* Parses a copy of exactly the size of @options; what is not found is not touched. */
static struct outcome parse(const uint8_t *options, size_t len, const struct toa_kinds *kinds)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct toa_kinds before = *kinds;
	struct outcome outcome;
	struct toa_addr poison;

	MUST(exact);
	memcpy(exact, options, len);
	memset(&poison, 0xa5, sizeof(poison));
	memcpy(&outcome.addr, &poison, sizeof(poison));
	outcome.parsed = toa_parse(len ? exact : exact + 1, len, kinds, &outcome.addr);
	MUST(!memcmp(exact, options, len));
	MUST(!memcmp(&before, kinds, sizeof(before)));
	if (outcome.parsed != TOA_FOUND)
		MUST(!memcmp(&outcome.addr, &poison, sizeof(poison)));
	free(exact);
	return outcome;
}

static int same(const struct outcome *a, const struct outcome *b)
{
	return a->parsed == b->parsed &&
	       (a->parsed != TOA_FOUND || !memcmp(&a->addr, &b->addr, sizeof(a->addr)));
}

static int occurs(const uint8_t *in, size_t len, const uint8_t *what, size_t what_len)
{
	size_t i;

	for (i = 0; i + what_len <= len; i++)
		if (!memcmp(in + i, what, what_len))
			return 1;
	return 0;
}

/* What is told of a client stood on the wire, whole, and names somebody. */
static void check_found(const struct toa_addr *addr, const uint8_t *options, size_t len)
{
	static const uint8_t nothing[16];
	unsigned int ip_len = addr->family == AF_INET ? 4 : 16;
	uint8_t wire[18];

	MUST(addr->family == AF_INET || addr->family == AF_INET6);
	MUST(memcmp(addr->ip, nothing, ip_len));
	MUST(!memcmp(addr->ip + ip_len, nothing, 16 - ip_len));
	memcpy(wire, addr->port, 2);
	memcpy(wire + 2, addr->ip, ip_len);
	if (addr->has_port) {
		MUST(occurs(options, len, wire, 2 + ip_len));
	} else {
		MUST(!memcmp(addr->port, nothing, 2));
		MUST(occurs(options, len, wire + 2, ip_len));
	}
}

/* The first find stays the find, whatever a client appends; and so does NOP change nothing. */
static void check_surroundings(const struct outcome *outcome, const uint8_t *options, size_t len,
			       const struct toa_kinds *kinds)
{
	static const uint8_t spoof[8] = { 254, 8, 0, 80, 8, 8, 8, 8 };
	uint8_t more[300];
	struct outcome other;

	if (len + 1 + sizeof(spoof) > sizeof(more))
		return;
	more[0] = 1;
	memcpy(more + 1, options, len);
	other = parse(more, len + 1, kinds);
	MUST(same(outcome, &other));
	if (outcome->parsed != TOA_FOUND)
		return;
	memcpy(more + 1 + len, spoof, sizeof(spoof));
	other = parse(more + 1, len + sizeof(spoof), kinds);
	MUST(same(outcome, &other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct toa_kinds kinds = { { 0 } };
	struct outcome outcome, expected;
	char wanted[TOA_KINDS] = { 0 };
	unsigned int i;

	if (size < 2 || size > 2 + 255)
		return 0;
	for (i = 0; i < 8; i++)
		if (data[0] >> i & 1)
			wanted[usual_kinds[i]] = 1;
	MUST(toa_kind_allowed(data[1]) == !is_tcps_own(data[1]));
	if (!is_tcps_own(data[1]))
		wanted[data[1]] = 1;
	for (i = 0; i < TOA_KINDS; i++)
		if (wanted[i])
			toa_kind_enable(&kinds, i);
	for (i = 0; i < TOA_KINDS; i++)
		MUST(toa_kind_enabled(&kinds, i) == wanted[i] && is_enabled(&kinds, i) == wanted[i]);

	outcome = parse(data + 2, size - 2, &kinds);
	expected = reference(data + 2, size - 2, &kinds);
	MUST(same(&outcome, &expected));
	if (outcome.parsed == TOA_FOUND)
		check_found(&outcome.addr, data + 2, size - 2);
	check_surroundings(&outcome, data + 2, size - 2, &kinds);
	return 0;
}
