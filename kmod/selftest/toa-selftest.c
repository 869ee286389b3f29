// SPDX-License-Identifier: GPL-2.0-only
/*
 * toa-selftest - proves on a node that toa.ko gives applications the address
 * that a load balancer wrote into the TCP option: plays the balancer (wire.h)
 * and the application
 *
 * Prints a line "case=pass", "case=fail: why" or "case=skipped: why" for each
 * case. Exit status: 0 all passed or were skipped for a reason of the node's,
 * 1 one failed, 2 usage, 77 nothing could be tested (prints "skipped=why").
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define EXIT_USAGE	2
#define EXIT_SKIPPED	77
#define DEFAULT_KIND	254
#define CDN_KIND	28	/* carries no port */
#define KINDS_FILE	"/sys/module/toa/parameters/kinds"
#define TRUSTED_FILE	"/sys/module/toa/parameters/trusted"

#define CLIENT_V4	"203.0.113.7"
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

/* What the module wants: an option of this kind, from a balancer that it believes. */
struct balancer {
	int kind;
	char v4[WIRE_IP_TEXT];	/* empty: it believes none of this family */
	char v6[WIRE_IP_TEXT];
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

/* ---- the balancer ---- */

static size_t write_option(uint8_t *option, int kind, int family)
{
	size_t len = 4 + wire_address_len(family);

	option[0] = kind;
	option[1] = len;
	wire_put16(option + 2, CLIENT_PORT);
	inet_pton(family, family == AF_INET ? CLIENT_V4 : CLIENT_V6, option + 4);
	return len;
}

static const char *address_of(const struct balancer *balancer, int family)
{
	return family == AF_INET ? balancer->v4 : balancer->v6;
}

static enum outcome open_connection(struct wire *wire, const struct test_case *test, int kind)
{
	static const uint8_t mss[] = { 2, 4, 1400 >> 8, 1400 & 0xff };
	uint8_t option[20];
	size_t option_len = 0;

	if (wire_syn(wire, mss, sizeof(mss), "", 0))
		return failed_call("waiting for the SYN-ACK");

	if (test->has_option)
		option_len = write_option(option, kind, wire->family);
	if (wire_send(wire, FLAG_ACK, option, option_len, "", 0))
		return failed_call("sending the ACK");
	return PASS;
}

/* ---- the application ---- */

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
				   const struct wire *wire)
{
	struct sockaddr_storage expected;
	char got_text[128], expected_text[128];
	char ip[64];
	const char *client = test->packet_family == AF_INET ? CLIENT_V4 : CLIENT_V6;
	const char *peer = test->has_option ? client : wire->balancer;
	size_t expected_len = test->listen_family == AF_INET ? sizeof(struct sockaddr_in)
							     : sizeof(struct sockaddr_in6);

	snprintf(ip, sizeof(ip), "%s%s",
		 test->listen_family == test->packet_family ? "" : "::ffff:", peer);
	wire_fill_address(&expected, test->listen_family, ip,
			  test->has_option ? CLIENT_PORT : wire->port);

	print_address(got_text, sizeof(got_text), got);
	print_address(expected_text, sizeof(expected_text), &expected);
	if (len != expected_len || strcmp(got_text, expected_text) ||
	    got->ss_family != expected.ss_family)
		return because(FAIL, "%s gave %s (%u bytes), expected %s (%zu bytes)", call,
			       got_text, (unsigned int)len, expected_text, expected_len);
	return PASS;
}

/* Data goes both ways: the connection is sound, whatever its name is. */
static enum outcome exchange_data(struct wire *wire, int fd)
{
	struct segment answer;
	char buffer[16];

	if (wire_send(wire, FLAG_ACK | FLAG_PSH, (const uint8_t *)"", 0, "ping", 4))
		return failed_call("sending data");
	if (wire_wait_readable(fd) || read(fd, buffer, sizeof(buffer)) != 4)
		return failed_call("the application's read()");
	if (write(fd, "pong", 4) != 4)
		return failed_call("the application's write()");
	if (wire_receive(wire, FLAG_ACK, 4, &answer) || memcmp(answer.data, "pong", 4))
		return failed_call("waiting for the application's data");
	wire->ack = answer.seq + answer.len;
	if (wire_send(wire, FLAG_ACK, (const uint8_t *)"", 0, "", 0))
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
	if (wire_receive(wire, FLAG_ACK, 5, &answer))
		return failed_call("waiting for a TLS record");
	if (answer.data[0] != 23 || wire_get16(answer.data + 1) != TLS_1_2)
		return because(FAIL, "what came over kTLS is no TLS record");
	wire->ack = answer.seq + answer.len;
	return PASS;
}

static enum outcome check_peer(int fd, const struct test_case *test, const struct wire *wire)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &len))
		return failed_call("getpeername()");
	return expect_address("getpeername()", &address, len, test, wire);
}

static enum outcome serve(struct wire *wire, int listener, const struct test_case *test)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	enum outcome outcome;
	int fd;

	if (wire_wait_readable(listener))
		return failed_call("waiting for the connection");
	fd = accept(listener, (struct sockaddr *)&address, &len);
	if (fd < 0)
		return failed_call("accept()");

	outcome = expect_address("accept()", &address, len, test, wire);
	if (outcome == PASS)
		outcome = check_peer(fd, test, wire);
	if (outcome == PASS)
		outcome = exchange_data(wire, fd);
	if (outcome == PASS && test->with_ktls)
		outcome = exchange_ktls(wire, fd);
	if (outcome == PASS)
		outcome = check_peer(fd, test, wire);

	wire_send(wire, FLAG_RST | FLAG_ACK, (const uint8_t *)"", 0, "", 0);
	close(fd);
	return outcome;
}

static enum outcome run_case(const struct test_case *test, int tun,
			     const struct balancer *balancer, uint16_t port)
{
	struct wire wire = { .tun = tun, .family = test->packet_family, .port = port,
			     .balancer = address_of(balancer, test->packet_family),
			     .seq = 0x10000000U };
	enum outcome outcome;
	int listener = wire_listen(test->listen_family, &wire.server_port);

	if (listener < 0)
		return because(SKIP, "no listening socket: %s", strerror(errno));
	outcome = open_connection(&wire, test, balancer->kind);
	if (outcome == PASS)
		outcome = serve(&wire, listener, test);
	close(listener);
	return outcome;
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

/*
 * An address in @network, "192.0.2.0/24" or the like, if it is of @family.
 * The last bits are set so that it is neither the network's own nor the server's.
 */
static int pick_address(char *text, int family, char *network)
{
	uint8_t ip[16];
	char *slash = strchr(network, '/');
	int bits = 8 * wire_address_len(family);

	if (slash)
		*slash = '\0';
	if (inet_pton(family, network, ip) != 1)
		return 0;
	if (slash && atoi(slash + 1) < bits - 1)
		ip[bits / 8 - 1] |= 2;
	return inet_ntop(family, ip, text, WIRE_IP_TEXT) != NULL;
}

/* The first network of each family that the module believes; any, if it believes all. */
static void find_believed(struct balancer *balancer)
{
	FILE *file = fopen(TRUSTED_FILE, "r");
	char line[4096] = "";
	char *network;

	strcpy(balancer->v4, BALANCER_V4);
	strcpy(balancer->v6, BALANCER_V6);
	if (!file)
		return;
	if (!fgets(line, sizeof(line), file) || line[0] == '\n') {
		fclose(file);
		return;
	}
	fclose(file);
	balancer->v4[0] = '\0';
	balancer->v6[0] = '\0';
	for (network = strtok(line, ",\n"); network; network = strtok(NULL, ",\n")) {
		char copy[64];

		snprintf(copy, sizeof(copy), "%s", network);
		if (!balancer->v4[0])
			pick_address(balancer->v4, AF_INET, copy);
		snprintf(copy, sizeof(copy), "%s", network);
		if (!balancer->v6[0])
			pick_address(balancer->v6, AF_INET6, copy);
	}
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

static int run_cases(int tun, const struct balancer *balancer, int has_v6, int ktls)
{
	int failures = 0;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct test_case *test = &cases[i];

		if (test->with_ktls && !ktls)
			continue;
		if (test->listen_family == AF_INET6 && !has_v6)
			report(test->name, because(SKIP, "this node has no IPv6"));
		else if (!address_of(balancer, test->packet_family)[0])
			report(test->name,
			       because(SKIP, "trusted= names no balancer of this family"));
		else
			failures += report(test->name,
					   run_case(test, tun, balancer, BALANCER_PORT + i));
	}
	return failures;
}

static int usage(void)
{
	fprintf(stderr, "usage: toa-selftest [--kind N] [--ktls]\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct balancer balancer = { .kind = module_kind() };
	int ktls = 0;
	int has_v6 = 0;
	int tun, arg;

	for (arg = 1; arg < argc; arg++) {
		if (!strcmp(argv[arg], "--ktls"))
			ktls = 1;
		else if (!strcmp(argv[arg], "--kind") && arg + 1 < argc)
			balancer.kind = atoi(argv[++arg]);
		else
			return usage();
	}
	if (balancer.kind < 1 || balancer.kind > 255)
		return usage();
	find_believed(&balancer);

	tun = wire_open_network(&has_v6, reason, sizeof(reason));
	if (tun < 0 || !(balancer.v4[0] || (balancer.v6[0] && has_v6))) {
		printf("skipped=%s\n", tun < 0 ? reason : "trusted= names no balancer of a family that this node has");
		return EXIT_SKIPPED;
	}
	return run_cases(tun, &balancer, has_v6, ktls) ? EXIT_FAILURE : EXIT_SUCCESS;
}
