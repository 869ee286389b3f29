// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket_calls - what the calls that toa.ko touches cost, in nanoseconds of the
 * guest's clock; under QEMU with -icount shift=0 a nanosecond is an instruction
 *
 * Prints "name=count" lines, each the mean of many calls.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define ROUNDS		16
#define CALLS		2000
#define ACCEPTS		200
/* Short against a tick of the timer, so that many a round has none. */
#define CYCLES		20
#define MEGABYTE	(1 << 20)

static int tun;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/*
 * The least that a round took, for each of its calls: a timer that strikes and
 * an allocator that has to ask for pages are not what is measured.
 */
static void measure(const char *name, long long (*round)(int with_option), int with_option,
		    int calls, int rounds)
{
	long long least = round(with_option);
	int i;

	for (i = 1; i < rounds; i++) {
		long long spent = round(with_option);

		if (spent < least)
			least = spent;
	}
	printf("%s=%lld\n", name, (least + calls / 2) / calls);
}

/* A connection from the balancer, ready to be accepted. */
static void arrive(uint16_t server_port, uint16_t port, int with_option)
{
	static const uint8_t mss[] = { 2, 4, 1400 >> 8, 1400 & 0xff };
	static const uint8_t toa[] = { 254, 8, 0x9c, 0x41, 203, 0, 113, 7 };
	struct wire wire = { .tun = tun, .family = AF_INET, .port = port,
			     .balancer = BALANCER_V4,
			     .server_port = server_port, .seq = port * 7919U };

	need(!wire_syn(&wire, mss, sizeof(mss), "", 0), "SYN");
	need(!wire_send(&wire, FLAG_ACK, toa, with_option ? sizeof(toa) : 0, "", 0), "ACK");
}

static int server(uint16_t *port)
{
	int fd = wire_listen(AF_INET, port);

	need(fd >= 0 && !listen(fd, ACCEPTS), "listen()");
	return fd;
}

/* Accepting ACCEPTS connections, which all have arrived. */
static long long accepts(int with_option)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint16_t port;
	int listener = server(&port);
	int fds[ACCEPTS];
	long long spent;
	int i;

	for (i = 0; i < ACCEPTS; i++)
		arrive(port, 20000 + i, with_option);
	spent = -now();
	for (i = 0; i < ACCEPTS; i++)
		fds[i] = accept4(listener, (struct sockaddr *)&peer, &len, 0);
	spent += now();
	for (i = 0; i < ACCEPTS; i++) {
		need(fds[i] >= 0, "accept4()");
		close(fds[i]);
	}
	close(listener);
	return spent;
}

static long long getpeernames(int with_option)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint16_t port;
	int listener = server(&port);
	long long spent;
	int fd, i;

	arrive(port, 30000, with_option);
	need(!wire_wait_readable(listener), "the connection");
	fd = accept(listener, NULL, NULL);
	need(fd >= 0, "accept()");
	spent = -now();
	for (i = 0; i < CALLS; i++)
		getpeername(fd, (struct sockaddr *)&peer, &len);
	spent += now();
	close(fd);
	close(listener);
	return spent;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_storage address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	wire_fill_address(&address, AF_INET, "127.0.0.1", port);
	need(!connect(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), "connect()");
	return fd;
}

static long long cycles(int unused)
{
	struct linger reset = { 1, 0 };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint16_t port;
	int listener = server(&port);
	long long spent = -now();
	int i;

	(void)unused;
	for (i = 0; i < CYCLES; i++) {
		int client = connect_to(port);
		int served = accept4(listener, (struct sockaddr *)&peer, &len, 0);

		/* No TIME_WAIT: thousands of cycles must not run out of ports. */
		setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(served);
		close(client);
	}
	spent += now();
	close(listener);
	return spent;
}

static long long transfer(int unused)
{
	static char buffer[64 << 10];
	uint16_t port;
	int listener = server(&port);
	int client = connect_to(port);
	int served = accept(listener, NULL, NULL);
	long long spent = -now();
	int i;

	(void)unused;
	for (i = 0; i < MEGABYTE / (int)sizeof(buffer); i++) {
		size_t left = sizeof(buffer);

		need(write(client, buffer, sizeof(buffer)) == sizeof(buffer), "write()");
		while (left)
			left -= read(served, buffer, left);
	}
	spent += now();
	close(client);
	close(served);
	close(listener);
	return spent;
}

static void bring_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	need(!ioctl(fd, SIOCSIFFLAGS, &request), "lo");
	close(fd);
}

int main(void)
{
	char why[256];
	int has_v6;

	tun = wire_open_network(&has_v6, why, sizeof(why));
	if (tun < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	bring_loopback_up();
	measure("getpeername_plain", getpeernames, 0, CALLS, ROUNDS);
	measure("getpeername_toa", getpeernames, 1, CALLS, ROUNDS);
	measure("accept4_plain", accepts, 0, ACCEPTS, ROUNDS);
	measure("accept4_toa", accepts, 1, ACCEPTS, ROUNDS);
	measure("connect_accept_close", cycles, 0, CYCLES, 20 * ROUNDS);
	measure("transfer_1_mb", transfer, 0, 1, ROUNDS);
	return 0;
}
