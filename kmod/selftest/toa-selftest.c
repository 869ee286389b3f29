// SPDX-License-Identifier: GPL-2.0-only
/*
 * toa-selftest - proves on a node that toa.ko gives applications the address
 * that a load balancer wrote into the TCP option
 *
 *      this process                        the node's kernel
 *   +----------------+     TUN device    +-------------------+
 *   |  the balancer  | <---- packets --> | listening socket  |
 *   |  192.0.2.2     |                   | 192.0.2.1         |
 *   +----------------+                   +-------------------+
 *
 * All of it happens in a network namespace of its own, so the node's
 * addresses, routes and firewall neither matter nor change.
 *
 * Prints a line "case=pass", "case=fail: why" or "case=skipped: why" for each
 * case. Exit status: 0 all passed or were skipped for a reason of the node's,
 * 1 one failed, 2 usage, 77 nothing could be tested (prints "skipped=why").
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE	2
#define EXIT_SKIPPED	77
#define WAIT_MS		5000	/* for an answer; emulated and loaded nodes are slow */
#define DEFAULT_KIND	254
#define CDN_KIND	28	/* carries no port */
#define KINDS_FILE	"/sys/module/toa/parameters/kinds"

#define FLAG_FIN	0x01
#define FLAG_SYN	0x02
#define FLAG_RST	0x04
#define FLAG_PSH	0x08
#define FLAG_ACK	0x10

/* Addresses of the documentation ranges: nobody's. */
#define SERVER_V4	"192.0.2.1"
#define BALANCER_V4	"192.0.2.2"
#define CLIENT_V4	"203.0.113.7"
#define SERVER_V6	"2001:db8:1::1"
#define BALANCER_V6	"2001:db8:1::2"
#define CLIENT_V6	"2001:db8:c::7"
#define BALANCER_PORT	33333
#define CLIENT_PORT	40001

/* kTLS, as in linux/tls.h, which older systems do not have. */
#ifndef TCP_ULP
#define TCP_ULP		31
#endif
#ifndef SOL_TLS
#define SOL_TLS		282
#endif
#define TLS_TX		1
#define TLS_1_2		0x0303
#define TLS_AES_GCM_128	51

struct tls_aes_gcm_128 {
	uint16_t version;
	uint16_t cipher;
	uint8_t iv[8];
	uint8_t key[16];
	uint8_t salt[4];
	uint8_t sequence[8];
};

struct test_case {
	const char *name;
	int listen_family;	/* of the application's socket */
	int packet_family;	/* of the packets on the wire */
	int has_option;
	int with_ktls;
};

static const struct test_case cases[] = {
	{ "toa", AF_INET, AF_INET, 1, 0 },
	{ "plain", AF_INET, AF_INET, 0, 0 },
	{ "toa_mapped", AF_INET6, AF_INET, 1, 0 },
	{ "plain_mapped", AF_INET6, AF_INET, 0, 0 },
	{ "toa_v6", AF_INET6, AF_INET6, 1, 0 },
	{ "plain_v6", AF_INET6, AF_INET6, 0, 0 },
	{ "ktls", AF_INET, AF_INET, 1, 1 },
};

enum outcome { PASS, FAIL, SKIP };

/* The balancer's half of one TCP connection. */
struct wire {
	int tun;
	int family;
	uint16_t port;		/* of the balancer */
	uint16_t server_port;
	uint32_t seq;
	uint32_t ack;
};

struct segment {
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	size_t len;
	uint8_t data[2048];
};

static char reason[512];

static enum outcome because(enum outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return outcome;
}

static enum outcome failed_call(const char *call)
{
	return because(FAIL, "%s: %s", call, strerror(errno));
}

/* ---- packets ---- */

static uint32_t sum_words(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *byte = data;

	for (; len > 1; len -= 2, byte += 2)
		sum += byte[0] << 8 | byte[1];
	if (len)
		sum += byte[0] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static size_t address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static size_t ip_header_len(int family)
{
	return family == AF_INET ? 20 : 40;
}

/* Returns the offset of the source address; the destination follows it. */
static size_t write_ip_header(uint8_t *packet, int family, size_t payload)
{
	memset(packet, 0, ip_header_len(family));
	if (family == AF_INET) {
		packet[0] = 0x45;
		put16(packet + 2, 20 + payload);
		packet[8] = 64;
		packet[9] = IPPROTO_TCP;
		inet_pton(AF_INET, BALANCER_V4, packet + 12);
		inet_pton(AF_INET, SERVER_V4, packet + 16);
		put16(packet + 10, fold(sum_words(packet, 20, 0)));
		return 12;
	}
	packet[0] = 0x60;
	put16(packet + 4, payload);
	packet[6] = IPPROTO_TCP;
	packet[7] = 64;
	inet_pton(AF_INET6, BALANCER_V6, packet + 8);
	inet_pton(AF_INET6, SERVER_V6, packet + 24);
	return 8;
}

static int send_segment(struct wire *wire, uint8_t flags, const uint8_t *options,
			size_t options_len, const void *data, size_t data_len)
{
	uint8_t packet[2048];
	size_t ip_len = ip_header_len(wire->family);
	size_t tcp_len = 20 + options_len + data_len;
	size_t addresses = write_ip_header(packet, wire->family, tcp_len);
	uint8_t *tcp = packet + ip_len;
	uint32_t sum;

	memset(tcp, 0, 20);
	put16(tcp, wire->port);
	put16(tcp + 2, wire->server_port);
	put32(tcp + 4, wire->seq);
	put32(tcp + 8, wire->ack);
	tcp[12] = (20 + options_len) / 4 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 65535);
	memcpy(tcp + 20, options, options_len);
	memcpy(tcp + 20 + options_len, data, data_len);

	sum = sum_words(packet + addresses, 2 * address_len(wire->family), IPPROTO_TCP + tcp_len);
	put16(tcp + 16, fold(sum_words(tcp, tcp_len, sum)));

	wire->seq += data_len + !!(flags & (FLAG_SYN | FLAG_FIN));
	return write(wire->tun, packet, ip_len + tcp_len) < 0 ? -1 : 0;
}

/* Whether @packet is a segment of this connection; then @segment is filled. */
static int read_segment(const struct wire *wire, const uint8_t *packet, size_t len,
			struct segment *segment)
{
	size_t ip_len = ip_header_len(wire->family);
	const uint8_t *tcp = packet + ip_len;
	size_t header;

	if (len < ip_len + 20 || packet[0] >> 4 != (wire->family == AF_INET ? 4 : 6))
		return 0;
	if (packet[wire->family == AF_INET ? 9 : 6] != IPPROTO_TCP)
		return 0;
	if (get16(tcp) != wire->server_port || get16(tcp + 2) != wire->port)
		return 0;
	header = ip_len + (tcp[12] >> 4) * 4;
	if (len < header)
		return 0;
	segment->seq = get32(tcp + 4);
	segment->ack = get32(tcp + 8);
	segment->flags = tcp[13];
	segment->len = len - header;
	memcpy(segment->data, packet + header, segment->len);
	return 1;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next segment of this connection with all of @flags set. */
static int receive_segment(const struct wire *wire, uint8_t flags, size_t min_len,
			   struct segment *segment)
{
	long deadline = now_ms() + WAIT_MS;
	long left;

	while ((left = deadline - now_ms()) > 0) {
		struct pollfd ready = { .fd = wire->tun, .events = POLLIN };
		uint8_t packet[2048];
		ssize_t len;

		if (poll(&ready, 1, left) <= 0)
			continue;
		len = read(wire->tun, packet, sizeof(packet));
		if (len > 0 && read_segment(wire, packet, len, segment) &&
		    (segment->flags & flags) == flags && segment->len >= min_len)
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

/* ---- the balancer ---- */

static size_t write_option(uint8_t *option, int kind, int family)
{
	size_t len = 4 + address_len(family);

	option[0] = kind;
	option[1] = len;
	put16(option + 2, CLIENT_PORT);
	inet_pton(family, family == AF_INET ? CLIENT_V4 : CLIENT_V6, option + 4);
	return len;
}

static enum outcome open_connection(struct wire *wire, const struct test_case *test, int kind)
{
	static const uint8_t mss[] = { 2, 4, 1400 >> 8, 1400 & 0xff };
	struct segment answer;
	uint8_t option[20];
	size_t option_len = 0;

	if (send_segment(wire, FLAG_SYN, mss, sizeof(mss), "", 0))
		return failed_call("sending the SYN");
	if (receive_segment(wire, FLAG_SYN | FLAG_ACK, 0, &answer))
		return failed_call("waiting for the SYN-ACK");
	wire->ack = answer.seq + 1;

	if (test->has_option)
		option_len = write_option(option, kind, wire->family);
	if (send_segment(wire, FLAG_ACK, option, option_len, "", 0))
		return failed_call("sending the ACK");
	return PASS;
}

/* ---- the application ---- */

static void fill_address(struct sockaddr_storage *address, int family, const char *ip,
			 uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	address->ss_family = family;
	if (family == AF_INET) {
		inet_pton(AF_INET, ip, &v4->sin_addr);
		v4->sin_port = htons(port);
	} else {
		inet_pton(AF_INET6, ip, &v6->sin6_addr);
		v6->sin6_port = htons(port);
	}
}

static void print_address(char *text, size_t size, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	char ip[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
		snprintf(text, size, "%s:%u", ip, ntohs(v4->sin_port));
	} else {
		inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
		snprintf(text, size, "[%s]:%u", ip, ntohs(v6->sin6_port));
	}
}

static enum outcome expect_address(const char *call, const struct sockaddr_storage *got,
				   socklen_t len, const struct test_case *test,
				   uint16_t balancer_port)
{
	struct sockaddr_storage expected;
	char got_text[128], expected_text[128];
	char ip[64];
	const char *v4 = test->has_option ? CLIENT_V4 : BALANCER_V4;
	const char *v6 = test->has_option ? CLIENT_V6 : BALANCER_V6;
	size_t expected_len = test->listen_family == AF_INET ? sizeof(struct sockaddr_in)
							     : sizeof(struct sockaddr_in6);

	if (test->listen_family == AF_INET)
		snprintf(ip, sizeof(ip), "%s", v4);
	else if (test->packet_family == AF_INET)
		snprintf(ip, sizeof(ip), "::ffff:%s", v4);
	else
		snprintf(ip, sizeof(ip), "%s", v6);
	fill_address(&expected, test->listen_family, ip,
		     test->has_option ? CLIENT_PORT : balancer_port);

	print_address(got_text, sizeof(got_text), got);
	print_address(expected_text, sizeof(expected_text), &expected);
	if (len != expected_len || strcmp(got_text, expected_text) ||
	    got->ss_family != expected.ss_family)
		return because(FAIL, "%s gave %s (%u bytes), expected %s (%zu bytes)", call,
			       got_text, (unsigned int)len, expected_text, expected_len);
	return PASS;
}

static int listen_on(int family, uint16_t *port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int off = 0;
	int fd = socket(family, SOCK_STREAM, IPPROTO_TCP);

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	fill_address(&address, family, family == AF_INET ? "0.0.0.0" : "::", 0);
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4) ||
	    getsockname(fd, (struct sockaddr *)&address, &len)) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
					: ((struct sockaddr_in6 *)&address)->sin6_port);
	return fd;
}

static int wait_readable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (poll(&ready, 1, WAIT_MS) > 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

/* Data goes both ways: the connection is sound, whatever its name is. */
static enum outcome exchange_data(struct wire *wire, int fd)
{
	struct segment answer;
	char buffer[16];

	if (send_segment(wire, FLAG_ACK | FLAG_PSH, (const uint8_t *)"", 0, "ping", 4))
		return failed_call("sending data");
	if (wait_readable(fd) || read(fd, buffer, sizeof(buffer)) != 4)
		return failed_call("the application's read()");
	if (write(fd, "pong", 4) != 4)
		return failed_call("the application's write()");
	if (receive_segment(wire, FLAG_ACK, 4, &answer) || memcmp(answer.data, "pong", 4))
		return failed_call("waiting for the application's data");
	wire->ack = answer.seq + answer.len;
	if (send_segment(wire, FLAG_ACK, (const uint8_t *)"", 0, "", 0))
		return failed_call("acknowledging data");
	return PASS;
}

/* The sender of a TLS record is the kernel's, and meets what modules left in the socket. */
static enum outcome exchange_ktls(struct wire *wire, int fd)
{
	struct tls_aes_gcm_128 keys = { .version = TLS_1_2, .cipher = TLS_AES_GCM_128 };
	struct segment answer;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return because(SKIP, "this kernel has no kTLS: %s", strerror(errno));
	memset(keys.key, 0x2a, sizeof(keys.key));
	if (setsockopt(fd, SOL_TLS, TLS_TX, &keys, sizeof(keys))) {
		if (errno == ENOENT)
			return because(SKIP, "this kernel has no AES-GCM for kTLS");
		return failed_call("setting the kTLS keys");
	}
	if (write(fd, "secret", 6) != 6)
		return failed_call("write() over kTLS");
	if (receive_segment(wire, FLAG_ACK, 5, &answer))
		return failed_call("waiting for a TLS record");
	if (answer.data[0] != 23 || get16(answer.data + 1) != TLS_1_2)
		return because(FAIL, "what came over kTLS is no TLS record");
	wire->ack = answer.seq + answer.len;
	return PASS;
}

static enum outcome check_peer(int fd, const struct test_case *test, uint16_t balancer_port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &len))
		return failed_call("getpeername()");
	return expect_address("getpeername()", &address, len, test, balancer_port);
}

static enum outcome serve(struct wire *wire, int listener, const struct test_case *test)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	enum outcome outcome;
	int fd;

	if (wait_readable(listener))
		return failed_call("waiting for the connection");
	fd = accept(listener, (struct sockaddr *)&address, &len);
	if (fd < 0)
		return failed_call("accept()");

	outcome = expect_address("accept()", &address, len, test, wire->port);
	if (outcome == PASS)
		outcome = check_peer(fd, test, wire->port);
	if (outcome == PASS)
		outcome = exchange_data(wire, fd);
	if (outcome == PASS && test->with_ktls)
		outcome = exchange_ktls(wire, fd);
	if (outcome == PASS)
		outcome = check_peer(fd, test, wire->port);

	send_segment(wire, FLAG_RST | FLAG_ACK, (const uint8_t *)"", 0, "", 0);
	close(fd);
	return outcome;
}

static enum outcome run_case(const struct test_case *test, int tun, int kind, uint16_t port)
{
	struct wire wire = { .tun = tun, .family = test->packet_family, .port = port,
			     .seq = 0x10000000U };
	enum outcome outcome;
	int listener = listen_on(test->listen_family, &wire.server_port);

	if (listener < 0)
		return because(SKIP, "no listening socket: %s", strerror(errno));
	outcome = open_connection(&wire, test, kind);
	if (outcome == PASS)
		outcome = serve(&wire, listener, test);
	close(listener);
	return outcome;
}

/* ---- the network ---- */

static int set_v4(int fd, struct ifreq *request, unsigned long what, const char *value)
{
	struct sockaddr_storage address;

	fill_address(&address, AF_INET, value, 0);
	memcpy(&request->ifr_addr, &address, sizeof(request->ifr_addr));
	return ioctl(fd, what, request);
}

static int bring_up(int fd, struct ifreq *request)
{
	request->ifr_flags = IFF_UP | IFF_RUNNING;
	return ioctl(fd, SIOCSIFFLAGS, request);
}

/* As struct in6_ifreq of linux/ipv6.h, which clashes with netinet/in.h. */
struct v6_request {
	struct in6_addr address;
	uint32_t prefix_len;
	int index;
};

static int set_v6(const char *device)
{
	struct v6_request request = { .prefix_len = 64, .index = if_nametoindex(device) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	int result;

	if (fd < 0)
		return -1;
	inet_pton(AF_INET6, SERVER_V6, &request.address);
	result = ioctl(fd, SIOCSIFADDR, &request);
	close(fd);
	return result;
}

/* A TUN device in a network namespace of our own; -1 with the reason. */
static int open_network(int *has_v6)
{
	struct ifreq request;
	int tun, fd, failed;

	if (unshare(CLONE_NEWNET)) {
		because(SKIP, "no network namespace: %s", strerror(errno));
		return -1;
	}
	tun = open("/dev/net/tun", O_RDWR);
	if (tun < 0) {
		because(SKIP, "/dev/net/tun: %s", strerror(errno));
		return -1;
	}
	memset(&request, 0, sizeof(request));
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	strcpy(request.ifr_name, "toa0");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	failed = fd < 0 || ioctl(tun, TUNSETIFF, &request) ||
		 set_v4(fd, &request, SIOCSIFADDR, SERVER_V4) ||
		 set_v4(fd, &request, SIOCSIFNETMASK, "255.255.255.0") ||
		 bring_up(fd, &request);
	if (failed) {
		because(SKIP, "setting up a TUN device: %s", strerror(errno));
		return -1;
	}
	close(fd);
	*has_v6 = !set_v6("toa0");
	return tun;
}

/* ---- the command ---- */

/* The first kind that the module listens to and that carries a port. */
static int module_kind(void)
{
	FILE *file = fopen(KINDS_FILE, "r");
	int found = DEFAULT_KIND;
	int kind;

	if (!file)
		return DEFAULT_KIND;
	while (fscanf(file, "%d,", &kind) == 1) {
		if (kind != CDN_KIND) {
			found = kind;
			break;
		}
	}
	fclose(file);
	return found;
}

static int report(const char *name, enum outcome outcome)
{
	static const char * const words[] = { "pass", "fail", "skipped" };

	if (outcome == PASS)
		printf("%s=pass\n", name);
	else
		printf("%s=%s: %s\n", name, words[outcome], reason);
	fflush(stdout);
	return outcome == FAIL;
}

static int usage(void)
{
	fprintf(stderr, "usage: toa-selftest [--kind N] [--ktls]\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int kind = module_kind();
	int ktls = 0;
	int has_v6 = 0;
	int failures = 0;
	int tun, arg;
	size_t i;

	for (arg = 1; arg < argc; arg++) {
		if (!strcmp(argv[arg], "--ktls"))
			ktls = 1;
		else if (!strcmp(argv[arg], "--kind") && arg + 1 < argc)
			kind = atoi(argv[++arg]);
		else
			return usage();
	}
	if (kind < 1 || kind > 255)
		return usage();

	tun = open_network(&has_v6);
	if (tun < 0) {
		printf("skipped=%s\n", reason);
		return EXIT_SKIPPED;
	}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct test_case *test = &cases[i];

		if (test->with_ktls && !ktls)
			continue;
		if (test->listen_family == AF_INET6 && !has_v6)
			report(test->name, because(SKIP, "this node has no IPv6"));
		else
			failures += report(test->name,
					   run_case(test, tun, kind, BALANCER_PORT + i));
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
