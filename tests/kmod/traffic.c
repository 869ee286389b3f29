// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic - handshakes of every kind with a TOA option, by real packets
 *
 *   traffic CASE [N]
 *
 * Prints "pass" or what was wrong; exit status 0 or 1. Runs in a network
 * namespace of its own (see kmod/selftest/wire.h).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#ifndef AF_SMC
#define AF_SMC 43
#endif

#define TOA_SO_GET_LOOKUP 4096	/* as DPVS and Tencent number it */

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

static void without(const char *what)
{
	printf("skipped: this kernel has no %s\n", what);
	exit(0);
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

/*
 * Settings of TCP: since 4.5 each network namespace has its own. Before, there is
 * one for all, which only the first namespace shows; it is as it was at the end.
 */
static struct setting {
	const char *path;
	int fd;
	char before[32];
} settings[] = {
	{ .path = "/proc/sys/net/ipv4/tcp_syncookies" },
	{ .path = "/proc/sys/net/ipv4/tcp_fastopen" },
};

/* To be called in the first namespace. */
static void keep_settings(void)
{
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		settings[i].fd = open(settings[i].path, O_RDWR);
}

static void restore_settings(void)
{
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].before[0])
			need(pwrite(settings[i].fd, settings[i].before,
				    strlen(settings[i].before), 0) > 0, settings[i].path);
}

static void set(const char *path, const char *text)
{
	struct setting *setting = settings;

	while (strcmp(setting->path, path))
		setting++;
	if (!access(path, F_OK)) {
		write_file(path, text);
		return;
	}
	if (setting->fd < 0)
		without(path);
	need(pread(setting->fd, setting->before, sizeof(setting->before) - 1, 0) > 0, path);
	atexit(restore_settings);
	need(pwrite(setting->fd, text, strlen(text), 0) > 0, path);
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

	set("/proc/sys/net/ipv4/tcp_syncookies", "2");
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
	set("/proc/sys/net/ipv4/tcp_fastopen", "1538");
	listener = listen_v4(&port);
	wire = wire_to(port, FIRST_PORT);
	toa(options + 8, 80);
	need(!wire_syn(&wire, options, sizeof(options), "early", 5), "SYN-ACK");
	fd = expect(listener, 80, 0);
	reset(&wire);
	close(fd);
}

/* A listener of another protocol than TCP; the test is skipped without it. */
static int listen_on(int family, int protocol, const char *name, uint16_t *port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int listener = socket(family, SOCK_STREAM, protocol);

	if (listener < 0)
		without(name);
	if (family == AF_INET6)
		wire_fill_address(&address, AF_INET6, "::", 0);
	else
		wire_fill_address(&address, AF_INET, "0.0.0.0", 0);
	need(!bind(listener, (struct sockaddr *)&address, len) && !listen(listener, 4) &&
	     !getsockname(listener, (struct sockaddr *)&address, &len), name);
	/* It is at the same place for both families. */
	*port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return listener;
}

static void case_mptcp(void)
{
	uint16_t port;
	int listener = listen_on(AF_INET, IPPROTO_MPTCP, "MPTCP", &port);

	normal(listener, port, 81, FIRST_PORT);
	normal(listener, port, 0, FIRST_PORT + 1);
}

/* RFC 8684: MP_CAPABLE on each segment of the handshake, the keys on its end. */
static void arrive_by_mptcp(struct wire *wire, const uint8_t *option, size_t len)
{
	static const uint8_t capable[] = { 2, 4, 1400 >> 8, 1400 & 0xff, 30, 4, 0x01, 0x01 };
	uint8_t options[40] = { 30, 20, 0x01, 0x01, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct segment answer;
	size_t i = 0;

	need(!wire_syn_answer(wire, capable, sizeof(capable), "", 0, &answer), "SYN-ACK");
	while (i + 12 <= answer.options_len && answer.options[i] != 30)
		i += answer.options[i] < 2 ? 1 : answer.options[i + 1];
	if (i + 12 > answer.options_len)
		fail("the server's SYN-ACK carries no MP_CAPABLE");
	memcpy(options + 12, answer.options + i + 4, 8);
	memcpy(options + 20, option, len);
	ack(wire, options, 20 + len, "");
}

static void is_mptcp(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	need(!getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), "SO_PROTOCOL");
	if (protocol != IPPROTO_MPTCP)
		fail("the connection fell back to protocol %d", protocol);
}

static void case_mptcp_client(void)
{
	uint8_t option[8];
	unsigned int n;
	uint16_t port;
	int listener = listen_on(AF_INET, IPPROTO_MPTCP, "MPTCP", &port);

	for (n = 82; n < 90; n++) {
		struct wire wire = wire_to(port, FIRST_PORT + n);
		int fd;

		arrive_by_mptcp(&wire, option, n & 1 ? toa(option, n) : 0);
		fd = expect(listener, n & 1 ? n : 0, FIRST_PORT + n);
		is_mptcp(fd);
		reset(&wire);
		close(fd);
	}
}

static size_t toa_v6(uint8_t *at, const char *ip, uint16_t port)
{
	at[0] = 254;
	at[1] = 20;
	wire_put16(at + 2, port);
	inet_pton(AF_INET6, ip, at + 4);
	return 20;
}

static void is_peer_v6(const struct sockaddr_in6 *peer, const char *ip, uint16_t port,
		       const char *call)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &peer->sin6_addr, text, sizeof(text));
	if (peer->sin6_family != AF_INET6 || strcmp(text, ip) || ntohs(peer->sin6_port) != port)
		fail("%s gave [%s]:%u, not [%s]:%u", call, text, ntohs(peer->sin6_port), ip, port);
}

/* Accepts on an IPv6 listener and sees this peer both ways. */
static int expect_v6(int listener, const char *ip, uint16_t port)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);
	int fd;

	need(!wire_wait_readable(listener), "waiting for the connection");
	fd = accept(listener, (struct sockaddr *)&peer, &len);
	need(fd >= 0, "accept()");
	is_peer_v6(&peer, ip, port, "accept()");
	len = sizeof(peer);
	need(!getpeername(fd, (struct sockaddr *)&peer, &len), "getpeername()");
	is_peer_v6(&peer, ip, port, "getpeername()");
	return fd;
}

/* IPv6 and IPv4 packets to an IPv6 socket, from clients with MPTCP and without. */
static void case_mptcp_v6(void)
{
	static const struct { int packets, client; const char *peer; } kinds[] = {
		{ AF_INET6, AF_INET6, "2001:db8:77::6" },
		{ AF_INET6, AF_INET, "::ffff:10.0.0.150" },
		{ AF_INET6, 0, BALANCER_V6 },
		{ AF_INET, AF_INET6, "2001:db8:77::6" },
		{ AF_INET, AF_INET, "::ffff:10.0.0.150" },
		{ AF_INET, 0, "::ffff:" BALANCER_V4 },
	};
	unsigned int i;
	uint16_t port;
	int listener = listen_on(AF_INET6, IPPROTO_MPTCP, "MPTCP over IPv6", &port);

	for (i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		int packets = kinds[i / 2].packets, client = kinds[i / 2].client;
		struct wire wire = wire_to(port, FIRST_PORT + i);
		uint8_t option[20];
		size_t len = 0;
		int fd;

		wire.family = packets;
		wire.balancer = packets == AF_INET ? BALANCER_V4 : BALANCER_V6;
		if (client)
			len = client == AF_INET ? toa(option, 150)
						: toa_v6(option, kinds[i / 2].peer, 150);
		if (i & 1) {
			arrive_by_mptcp(&wire, option, len);
		} else {
			syn(&wire);
			ack(&wire, option, len, "");
		}
		fd = expect_v6(listener, kinds[i / 2].peer, client ? 150 : FIRST_PORT + i);
		if (i & 1)
			is_mptcp(fd);
		reset(&wire);
		close(fd);
	}
}

/* A plain client at an SMC server: the kernel falls back to TCP. */
static void case_smc(void)
{
	uint16_t port;
	int listener = listen_on(AF_SMC, 0, "SMC", &port);

	normal(listener, port, 98, FIRST_PORT);
	normal(listener, port, 0, FIRST_PORT + 1);
}

static void case_reuseport(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int listeners[4], is_shared, on = 1;
	unsigned int n;
	int i;

	for (i = 0; i < 4; i++) {
		listeners[i] = socket(AF_INET, SOCK_STREAM, 0);
		is_shared = !setsockopt(listeners[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
		if (!is_shared && errno == ENOPROTOOPT)
			without("SO_REUSEPORT");
		need(is_shared &&
		     !bind(listeners[i], (struct sockaddr *)&address, len) &&
		     !listen(listeners[i], 4) &&
		     !getsockname(listeners[i], (struct sockaddr *)&address, &len),
		     "a shared port");
	}
	for (n = 1; n <= 32; n++) {
		struct wire wire = arrive(ntohs(address.sin_port), FIRST_PORT + n, n);
		struct pollfd ready[4];
		int fd;

		for (i = 0; i < 4; i++)
			ready[i] = (struct pollfd){ .fd = listeners[i], .events = POLLIN };
		need(poll(ready, 4, WIRE_WAIT_MS) == 1, "one of the listeners");
		for (i = 0; !ready[i].revents; i++)
			;
		fd = expect(listeners[i], n, 0);
		reset(&wire);
		close(fd);
	}
}

/* ---- NAT64: an IPv6 client behind an IPv4 connection ---- */

struct nat64_peer {
	struct in6_addr saddr;
	uint16_t port;
};

/* What getsockopt() says about @fd must be this errno. */
static void nat64_fails(int fd, socklen_t len, int why, const char *what)
{
	struct nat64_peer peer;

	if (!getsockopt(fd, IPPROTO_IP, TOA_SO_GET_LOOKUP, &peer, &len) || errno != why)
		fail("getsockopt() of %s did not say %s: %s", what, strerror(why),
		     strerror(errno));
}

static void case_nat64(void)
{
	struct nat64_peer peer;
	socklen_t len = sizeof(peer);
	char text[INET6_ADDRSTRLEN];
	uint8_t option[20];
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = wire_to(port, FIRST_PORT);
	int fd;

	syn(&wire);
	ack(&wire, option, toa_v6(option, "2001:db8:77::5", 4444), "");
	fd = expect(listener, 0, FIRST_PORT);	/* no sockaddr_in holds the client */
	need(!getsockopt(fd, IPPROTO_IP, TOA_SO_GET_LOOKUP, &peer, &len), "getsockopt()");
	inet_ntop(AF_INET6, &peer.saddr, text, sizeof(text));
	if (len != sizeof(peer) || strcmp(text, "2001:db8:77::5") || ntohs(peer.port) != 4444)
		fail("getsockopt() gave %s:%u in %u bytes", text, ntohs(peer.port), len);
	nat64_fails(fd, sizeof(peer) - 1, EINVAL, "a buffer that is too small");
	reset(&wire);
	close(fd);

	wire = arrive(port, FIRST_PORT + 1, 0);
	nat64_fails(expect(listener, 0, FIRST_PORT + 1), sizeof(peer), ENOENT,
		    "a plain connection");
	reset(&wire);
	wire = arrive(port, FIRST_PORT + 2, 99);
	nat64_fails(expect(listener, 99, 0), sizeof(peer), ENOENT, "an IPv4 client");
	reset(&wire);
	nat64_fails(socket(AF_INET, SOCK_DGRAM, 0), sizeof(peer), ENOPROTOOPT, "a UDP socket");
}

/* ---- for a module with kinds=28: a version byte and an address, no port ---- */

static size_t cdn(uint8_t *at, int family, const char *ip)
{
	at[0] = 28;
	at[1] = family == AF_INET ? 7 : 19;
	at[2] = 1;
	inet_pton(family, ip, at + 3);
	at[at[1]] = 1;	/* a NOP: headers end on 32 bits */
	return at[1] + 1;
}

/* The client's address, and the port that the connection really comes from. */
static void case_no_port(void)
{
	static const struct { int packets, client; const char *ip, *peer; } to_v6[] = {
		{ AF_INET, AF_INET, "10.0.0.160", "::ffff:10.0.0.160" },
		{ AF_INET, AF_INET6, "2001:db8:77::7", "2001:db8:77::7" },
		{ AF_INET6, AF_INET6, "2001:db8:77::7", "2001:db8:77::7" },
	};
	struct nat64_peer nat64;
	socklen_t len = sizeof(nat64);
	struct sockaddr_in peer;
	uint8_t option[20];
	struct wire wire;
	unsigned int i;
	uint16_t port;
	int listener = listen_v4(&port);
	int fd;

	wire = wire_to(port, FIRST_PORT);
	syn(&wire);
	ack(&wire, option, cdn(option, AF_INET, "10.0.0.160"), "");
	fd = accept_one(listener, &peer);
	if (strcmp(inet_ntoa(peer.sin_addr), "10.0.0.160") || ntohs(peer.sin_port) != FIRST_PORT)
		fail("accept() gave %s:%u", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
	reset(&wire);
	close(fd);

	wire = wire_to(port, FIRST_PORT + 1);
	syn(&wire);
	ack(&wire, option, cdn(option, AF_INET6, "2001:db8:77::7"), "");
	fd = expect(listener, 0, FIRST_PORT + 1);
	/* Not there on every kernel: whether it should be, case_nat64() asks. */
	if (!getsockopt(fd, IPPROTO_IP, TOA_SO_GET_LOOKUP, &nat64, &len)) {
		if (ntohs(nat64.port) != FIRST_PORT + 1)
			fail("getsockopt() gave port %u", ntohs(nat64.port));
	} else {
		need(errno == ENOPROTOOPT, "getsockopt()");
	}
	reset(&wire);
	close(fd);

	listener = listen_on(AF_INET6, 0, "IPv6", &port);
	for (i = 0; i < sizeof(to_v6) / sizeof(to_v6[0]); i++) {
		wire = wire_to(port, FIRST_PORT + 2 + i);
		wire.family = to_v6[i].packets;
		wire.balancer = wire.family == AF_INET ? BALANCER_V4 : BALANCER_V6;
		syn(&wire);
		ack(&wire, option, cdn(option, to_v6[i].client, to_v6[i].ip), "");
		fd = expect_v6(listener, to_v6[i].peer, FIRST_PORT + 2 + i);
		reset(&wire);
		close(fd);
	}
}

/* ---- for a module with from_syn=1 ---- */

/* As many as meet in the table of SYNs, were one's place not free behind it. */
#define FROM_SYN 600

static void case_from_syn(void)
{
	uint8_t options[16] = { 2, 4, 1400 >> 8, 1400 & 0xff };
	uint8_t later[8];
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire;
	int i;

	for (i = 0; i < FROM_SYN; i++) {
		wire = wire_to(port, FIRST_PORT + i);
		toa(options + 4, 400 + i);
		need(!wire_syn(&wire, options, 12, "", 0), "SYN-ACK");
		/* The end of the handshake has the last word. */
		ack(&wire, later, i & 1 ? toa(later, 2000 + i) : 0, "");
		close(expect(listener, (i & 1 ? 2000 : 400) + i, 0));
		reset(&wire);
	}
	/* The same addresses and ports without an option: nothing may be left. */
	for (i = 0; i < FROM_SYN; i++)
		normal(listener, port, 0, FIRST_PORT + i);
}

/* ---- namespaces ---- */

static void case_netns(void)
{
	static const char parameter[] = "/sys/module/toa/parameters/netns";
	char link[64] = "", list[96];
	unsigned int inum;
	uint16_t port;
	int listener = listen_v4(&port);

	normal(listener, port, 110, FIRST_PORT);
	write_file(parameter, "init");
	arrive(port, FIRST_PORT + 1, 111);
	close(expect(listener, 0, FIRST_PORT + 1));
	/* Before 3.8 namespaces have no numbers. */
	if (readlink("/proc/self/ns/net", link, sizeof(link) - 1) > 0) {
		if (sscanf(link, "net:[%u]", &inum) != 1)
			fail("/proc/self/ns/net is %s", link);
		snprintf(list, sizeof(list), "init, %u", inum);
		write_file(parameter, list);
		normal(listener, port, 112, FIRST_PORT + 2);
	}
	write_file(parameter, "all");
	normal(listener, port, 113, FIRST_PORT + 3);
}

/* ---- a server in the kernel: neighbours/kernel_server.c ---- */

static void case_kernel_server(void)
{
	static const char parameters[] = "/sys/module/kernel_server/parameters";
	char path[96], peer[64] = "";
	struct wire wire;
	int fd;

	snprintf(path, sizeof(path), "%s/listen", parameters);
	write_file(path, "2049");
	wire = arrive(2049, FIRST_PORT, 140);
	snprintf(path, sizeof(path), "%s/peer", parameters);
	fd = open(path, O_RDONLY);
	need(fd >= 0 && read(fd, peer, sizeof(peer) - 1) > 0, path);
	if (strcmp(peer, BALANCER_V4 ":20000\n"))
		fail("the kernel's server was told %s", peer);
	reset(&wire);
}

/* ---- others at work on the same socket ---- */

static int bpf(int command, union bpf_attr *attributes)
{
	return syscall(__NR_bpf, command, attributes, sizeof(*attributes));
}

/* A connection in a BPF sockmap, whose operations it replaces; and out again. */
static void case_sockmap(void)
{
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4,
			       .value_size = 4, .max_entries = 1 };
	uint32_t key = 0;
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = arrive(port, FIRST_PORT, 120);
	int fd = expect(listener, 120, 0);
	int number = bpf(BPF_MAP_CREATE, &map);
	union bpf_attr element = { .map_fd = number, .key = (uintptr_t)&key,
				   .value = (uintptr_t)&fd };
	union bpf_attr place = { .map_fd = number, .key = (uintptr_t)&key };
	struct segment sent;
	struct sockaddr_in peer;

	if (number < 0)
		without("sockmap");
	need(!bpf(BPF_MAP_UPDATE_ELEM, &element), "into the sockmap");
	peer = peer_of(fd);
	is_client(&peer, 120, "getpeername() in a sockmap");
	need(write(fd, "hello", 5) == 5, "write()");
	need(!wire_receive(&wire, FLAG_PSH, 5, &sent), "what was written");
	need(!bpf(BPF_MAP_DELETE_ELEM, &place), "out of the sockmap");
	peer = peer_of(fd);
	is_client(&peer, 120, "getpeername() after a sockmap");
	reset(&wire);
	close(fd);
}

/* ---- the module goes while a task sleeps in getpeername() ---- */

struct sleepers {
	int fd;
	char *page;		/* of a memory that nobody brings yet */
	volatile int asked;
	struct sockaddr_in peer;
	int answer;
};

/* Holds the socket's lock: the kernel waits for the page to be written from. */
static void *send_page(void *argument)
{
	struct sleepers *sleepers = argument;

	need(write(sleepers->fd, sleepers->page, 16) == 16, "write()");
	return NULL;
}

static void *ask(void *argument)
{
	struct sleepers *sleepers = argument;
	socklen_t len = sizeof(sleepers->peer);

	sleepers->asked = 1;
	sleepers->answer = getpeername(sleepers->fd, (struct sockaddr *)&sleepers->peer, &len);
	sleepers->asked = 2;
	return NULL;
}

static int missing_memory(struct sleepers *sleepers)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int faults = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (faults < 0)
		without("userfaultfd");
	sleepers->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
	range.range.start = (uintptr_t)sleepers->page;
	range.range.len = 4096;
	need(!ioctl(faults, UFFDIO_API, &api) && !ioctl(faults, UFFDIO_REGISTER, &range),
	     "userfaultfd");
	return faults;
}

static void case_unload_while_asked(void)
{
	struct sleepers sleepers = { .answer = -1 };
	struct uffdio_zeropage zero = { .mode = 0 };
	int faults = missing_memory(&sleepers);
	pthread_t sender, asker;
	uint16_t port;
	int listener = listen_v4(&port);
	struct wire wire = arrive(port, FIRST_PORT, 130);
	struct pollfd fault = { .fd = faults, .events = POLLIN };

	sleepers.fd = expect(listener, 130, 0);
	pthread_create(&sender, NULL, send_page, &sleepers);
	need(poll(&fault, 1, WIRE_WAIT_MS) == 1, "the sender to wait for its page");
	pthread_create(&asker, NULL, ask, &sleepers);
	while (!sleepers.asked)
		usleep(1000);
	usleep(200000);
	printf("%s, ", sleepers.asked == 2 ? "did not sleep" : "slept");

	if (system("rmmod toa"))
		fail("rmmod failed");
	zero.range.start = (uintptr_t)sleepers.page;
	zero.range.len = 4096;
	need(!ioctl(faults, UFFDIO_ZEROPAGE, &zero), "to bring the page");
	pthread_join(sender, NULL);
	pthread_join(asker, NULL);
	need(!sleepers.answer, "getpeername()");
	is_client(&sleepers.peer, 130, "getpeername() that slept");
	sleepers.peer = peer_of(sleepers.fd);
	is_balancer(&sleepers.peer, FIRST_PORT, "getpeername() without the module");
	reset(&wire);
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
		if (!i) {
			printf("under way, ");
			fflush(stdout);
		}
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
		{ "mptcp-client", case_mptcp_client },
		{ "mptcp-v6", case_mptcp_v6 },
		{ "smc", case_smc },
		{ "reuseport", case_reuseport },
		{ "nat64", case_nat64 },
		{ "no-port", case_no_port },
		{ "from-syn", case_from_syn },
		{ "netns", case_netns },
		{ "sockmap", case_sockmap },
		{ "kernel-server", case_kernel_server },
		{ "unload-while-asked", case_unload_while_asked },
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
	keep_settings();
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
