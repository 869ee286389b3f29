// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic - handshakes of every kind with a TOA option, by real packets
 *
 *   traffic CASE [N]
 *
 * Prints "pass" or what was wrong; exit status 0 or 1. Runs in a network
 * namespace of its own (see kmod/selftest/wire.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wire.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define FIRST_PORT 20000

static int tun;

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

static void need(int ok, const char *what)
{
	if (!ok)
		fail("%s: %s", what, strerror(errno));
}

/* ---- options: client number n is 10.n>>16.n>>8.n, port n ---- */

static size_t toa(uint8_t *at, unsigned int n)
{
	at[0] = 254;
	at[1] = 8;
	wire_put16(at + 2, n & 0xffff);
	at[4] = 10;
	at[5] = n >> 16;
	at[6] = n >> 8;
	at[7] = n;
	return 8;
}

static struct wire wire_to(uint16_t server_port, uint16_t port)
{
	struct wire wire = { .tun = tun, .family = AF_INET, .port = port,
			     .balancer = BALANCER_V4,
			     .server_port = server_port, .seq = 0x20000000U + port * 7919U };
	return wire;
}

static void syn(struct wire *wire)
{
	static const uint8_t mss[] = { 2, 4, 1400 >> 8, 1400 & 0xff };

	need(!wire_syn(wire, mss, sizeof(mss), "", 0), "SYN-ACK");
}

static void ack(struct wire *wire, const uint8_t *options, size_t len, const char *data)
{
	need(!wire_send(wire, FLAG_ACK, options, len, data, strlen(data)), "ACK");
}

/* A whole handshake of client n, or with n = 0 of one without an option. */
static struct wire arrive(uint16_t server_port, uint16_t port, unsigned int n)
{
	struct wire wire = wire_to(server_port, port);
	uint8_t option[8];

	syn(&wire);
	ack(&wire, option, n ? toa(option, n) : 0, "");
	return wire;
}

/* The peer is gone: nothing of the connection is left to the kernel either. */
static void reset(struct wire *wire)
{
	need(!wire_send(wire, FLAG_RST | FLAG_ACK, (const uint8_t *)"", 0, "", 0), "RST");
}

/* ---- the application ---- */

static int listen_v4(uint16_t *port)
{
	int fd = wire_listen(AF_INET, port);

	need(fd >= 0, "listen()");
	return fd;
}

static int accept_one(int listener, struct sockaddr_in *peer)
{
	socklen_t len = sizeof(*peer);
	int fd;

	need(!wire_wait_readable(listener), "waiting for the connection");
	fd = accept(listener, (struct sockaddr *)peer, &len);
	need(fd >= 0, "accept()");
	return fd;
}

static void is_client(const struct sockaddr_in *peer, unsigned int n, const char *call)
{
	unsigned int ip = ntohl(peer->sin_addr.s_addr);

	if (ip != (10U << 24 | n) || ntohs(peer->sin_port) != (n & 0xffff))
		fail("%s gave %s:%u for client %u", call, inet_ntoa(peer->sin_addr),
		     ntohs(peer->sin_port), n);
}

static void is_balancer(const struct sockaddr_in *peer, uint16_t port, const char *call)
{
	if (strcmp(inet_ntoa(peer->sin_addr), BALANCER_V4) || ntohs(peer->sin_port) != port)
		fail("%s gave %s:%u, not the balancer's port %u", call,
		     inet_ntoa(peer->sin_addr), ntohs(peer->sin_port), port);
}

static struct sockaddr_in peer_of(int fd)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	need(!getpeername(fd, (struct sockaddr *)&peer, &len), "getpeername()");
	return peer;
}

/* Accepts and sees client n both ways, or with n = 0 the balancer. */
static int expect(int listener, unsigned int n, uint16_t port)
{
	struct sockaddr_in peer;
	int fd = accept_one(listener, &peer);

	if (n) {
		is_client(&peer, n, "accept()");
		peer = peer_of(fd);
		is_client(&peer, n, "getpeername()");
	} else {
		is_balancer(&peer, port, "accept()");
		peer = peer_of(fd);
		is_balancer(&peer, port, "getpeername()");
	}
	return fd;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
	close(fd);
}

/* ---- cases ---- */

static void normal(int listener, uint16_t port, unsigned int n, uint16_t from)
{
	struct wire wire = arrive(port, from, n);
	int fd = expect(listener, n, from);

	reset(&wire);
	close(fd);
}

static void case_lost_ack(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = wire_to(port, FIRST_PORT);
	uint8_t option[8];

	syn(&wire);
	/* The third packet is lost; the first data makes the connection. */
	ack(&wire, option, toa(option, 77), "data");
	expect(listener, 77, 0);
	reset(&wire);
}

static void case_defer_accept(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = wire_to(port, FIRST_PORT);
	uint8_t option[8];
	int seconds = 5;

	need(!setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)),
	     "TCP_DEFER_ACCEPT");
	syn(&wire);
	ack(&wire, option, toa(option, 78), "");
	ack(&wire, option, toa(option, 78), "data");
	expect(listener, 78, 0);
	reset(&wire);
}

static void case_syncookies(void)
{
	uint16_t port;
	int listener;

	write_file("/proc/sys/net/ipv4/tcp_syncookies", "2");
	listener = listen_v4(&port);
	normal(listener, port, 79, FIRST_PORT);
	normal(listener, port, 0, FIRST_PORT + 1);
}

static void case_fastopen(void)
{
	/* MSS, Fast Open with an empty place for a cookie, then TOA on the SYN. */
	uint8_t options[16] = { 2, 4, 1400 >> 8, 1400 & 0xff, 34, 2, 1, 1 };
	struct wire wire;
	uint16_t port;
	int listener, fd;

	/* Servers, without a cookie, on every listening socket. */
	write_file("/proc/sys/net/ipv4/tcp_fastopen", "1538");
	listener = listen_v4(&port);
	wire = wire_to(port, FIRST_PORT);
	toa(options + 8, 80);
	need(!wire_syn(&wire, options, sizeof(options), "early", 5), "SYN-ACK");
	fd = expect(listener, 80, 0);
	reset(&wire);
	close(fd);
}

static void case_mptcp(void)
{
	uint16_t port;
	int listener;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (listener < 0) {
		printf("skipped: this kernel has no MPTCP\n");
		exit(0);
	}
	need(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 4) &&
	     !getsockname(listener, (struct sockaddr *)&address, &len), "listen on MPTCP");
	port = ntohs(address.sin_port);
	normal(listener, port, 81, FIRST_PORT);
	normal(listener, port, 0, FIRST_PORT + 1);
}

/* The same addresses and ports again, now without an option: nothing may be left. */
static void case_tuple_reuse(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	int i;

	for (i = 0; i < 50; i++) {
		normal(listener, port, 1000 + i, FIRST_PORT);
		normal(listener, port, 0, FIRST_PORT);
	}
}

static void case_two_options(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = wire_to(port, FIRST_PORT);
	uint8_t options[16];

	syn(&wire);
	toa(options, 90);
	toa(options + 8, 91);
	ack(&wire, options, 16, "");
	expect(listener, 90, 0);
	reset(&wire);
}

static void case_behind_others(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = wire_to(port, FIRST_PORT);
	/* An experimental option of somebody else's, NOPs, then ours. */
	uint8_t options[16] = { 254, 4, 0x12, 0x34, 1, 1, 1, 1 };

	syn(&wire);
	toa(options + 8, 92);
	ack(&wire, options, 16, "");
	expect(listener, 92, 0);
	reset(&wire);
}

/*
 * Options that no balancer writes. The connection comes about with its real
 * address, or, where the kernel itself drops such segments, not at all.
 */
static void case_malformed(void)
{
	static const uint8_t lists[][8] = {
		{ 254, 0, 1, 2, 10, 0, 0, 9 },		/* length 0 */
		{ 254, 1, 1, 2, 10, 0, 0, 9 },		/* length 1 */
		{ 254, 20, 1, 2, 10, 0, 0, 9 },		/* past the end */
		{ 254, 255, 1, 2, 10, 0, 0, 9 },
		{ 0, 254, 8, 1, 2, 10, 0, 0 },		/* behind the end of the list */
		{ 1, 1, 1, 1, 1, 1, 1, 254 },		/* a kind and nothing more */
		{ 254, 8, 1, 2, 0, 0, 0, 0 },		/* no address */
		{ 254, 6, 1, 2, 10, 0, 1, 1 },		/* no known layout */
	};
	uint16_t port;
	int listener = listen_v4(&port);
	unsigned int i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct wire wire = wire_to(port, FIRST_PORT + i);
		struct pollfd ready = { .fd = listener, .events = POLLIN };

		syn(&wire);
		ack(&wire, lists[i], sizeof(lists[i]), "");
		if (poll(&ready, 1, 300) > 0)
			close(expect(listener, 0, FIRST_PORT + i));
		reset(&wire);
	}
	normal(listener, port, 93, FIRST_PORT + i);
}

static void case_reset_before_accept(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = arrive(port, FIRST_PORT, 94);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int fd;

	need(!wire_wait_readable(listener), "the connection");
	reset(&wire);
	fd = accept(listener, (struct sockaddr *)&peer, &len);
	need(fd >= 0, "accept()");
	if (!getpeername(fd, (struct sockaddr *)&peer, &len) || errno != ENOTCONN)
		fail("getpeername() of a reset connection did not say ENOTCONN");
}

/* Closed with connections that nobody accepted: the store must let go of them. */
static void case_backlog_closed(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	int i;

	for (i = 0; i < 3; i++)
		arrive(port, FIRST_PORT + i, 200 + i);
	need(!wire_wait_readable(listener), "the connections");
	poll(NULL, 0, 200);
	close(listener);
}

/* For a module that does not believe this balancer. */
static void case_untrusted(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = arrive(port, FIRST_PORT, 95);

	expect(listener, 0, FIRST_PORT);
	reset(&wire);
}

/* For a module with max_connections=2: the third keeps its real address. */
static void case_store_full(void)
{
	struct wire wires[3];
	uint16_t port;
	int listener = listen_v4(&port);
	int i;

	for (i = 0; i < 3; i++) {
		wires[i] = arrive(port, FIRST_PORT + i, 300 + i);
		expect(listener, i < 2 ? 300 + i : 0, FIRST_PORT + i);
	}
	for (i = 0; i < 3; i++)
		reset(&wires[i]);
}

/* N connections, with and without an option, up to 200 of them open at a time. */
static void case_many(unsigned int total)
{
	enum { OPEN = 200 };
	struct { int fd; unsigned int n; struct wire wire; } open[OPEN] = { { 0, 0, { 0 } } };
	uint16_t port;
	int listener = listen_v4(&port);
	unsigned int i;

	for (i = 0; i < total; i++) {
		uint16_t from = FIRST_PORT + i % 40000;
		unsigned int slot = random() % OPEN;
		unsigned int n = random() & 1 ? 1 + (random() & 0xffffff) : 0;

		if (open[slot].fd) {
			struct sockaddr_in peer = peer_of(open[slot].fd);

			if (open[slot].n)
				is_client(&peer, open[slot].n, "a later getpeername()");
			else
				is_balancer(&peer, open[slot].wire.port, "a later getpeername()");
			reset(&open[slot].wire);
			close(open[slot].fd);
		}
		open[slot].wire = arrive(port, from, n);
		open[slot].fd = expect(listener, n, from);
		open[slot].n = n;
	}
	for (i = 0; i < OPEN; i++)
		if (open[i].fd)
			reset(&open[i].wire);
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/*
 * One connection after the other until SIGTERM. The module comes and goes: a
 * peer is its own client or the balancer, never anybody else.
 */
static void case_load(void)
{
	uint16_t port;
	int listener = listen_v4(&port);
	unsigned int i;

	signal(SIGTERM, stop);
	for (i = 0; !stopped; i++) {
		struct wire wire = arrive(port, FIRST_PORT + i % 40000, i & 3 ? i + 1 : 0);
		struct sockaddr_in peer;
		int fd;

		fd = accept_one(listener, &peer);
		peer = peer_of(fd);
		if (strcmp(inet_ntoa(peer.sin_addr), BALANCER_V4))
			is_client(&peer, i + 1, "getpeername()");
		reset(&wire);
		close(fd);
	}
	printf("%u connections, ", i);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } cases[] = {
		{ "lost-ack", case_lost_ack },
		{ "defer-accept", case_defer_accept },
		{ "syncookies", case_syncookies },
		{ "fastopen", case_fastopen },
		{ "mptcp", case_mptcp },
		{ "tuple-reuse", case_tuple_reuse },
		{ "two-options", case_two_options },
		{ "behind-others", case_behind_others },
		{ "malformed", case_malformed },
		{ "reset-before-accept", case_reset_before_accept },
		{ "backlog-closed", case_backlog_closed },
		{ "untrusted", case_untrusted },
		{ "store-full", case_store_full },
		{ "load", case_load },
	};
	struct rlimit files = { 4096, 4096 };
	unsigned int i;
	int has_v6;
	char why[256];

	if (argc < 2)
		fail("usage: traffic CASE [N]");
	setrlimit(RLIMIT_NOFILE, &files);
	tun = wire_open_network(&has_v6, why, sizeof(why));
	if (tun < 0)
		fail("%s", why);

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			printf("pass\n");
			return 0;
		}
	}
	if (strcmp(argv[1], "many") || argc < 3)
		fail("no case %s", argv[1]);
	case_many(atoi(argv[2]));
	printf("pass\n");
	return 0;
}
