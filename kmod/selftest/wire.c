// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define DEVICE "toa0"
#define SYN_AGAIN_MS 1000

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

void wire_put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	wire_put16(at, value >> 16);
	wire_put16(at + 2, value & 0xffff);
}

uint16_t wire_get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)wire_get16(at) << 16 | wire_get16(at + 2);
}

size_t wire_address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static size_t ip_header_len(int family)
{
	return family == AF_INET ? 20 : 40;
}

/* Returns the offset of the source address; the destination follows it. */
static size_t write_ip_header(uint8_t *packet, const struct wire *wire, size_t payload)
{
	memset(packet, 0, ip_header_len(wire->family));
	if (wire->family == AF_INET) {
		packet[0] = 0x45;
		wire_put16(packet + 2, 20 + payload);
		packet[8] = 64;
		packet[9] = IPPROTO_TCP;
		inet_pton(AF_INET, wire->balancer, packet + 12);
		inet_pton(AF_INET, SERVER_V4, packet + 16);
		wire_put16(packet + 10, fold(sum_words(packet, 20, 0)));
		return 12;
	}
	packet[0] = 0x60;
	wire_put16(packet + 4, payload);
	packet[6] = IPPROTO_TCP;
	packet[7] = 64;
	inet_pton(AF_INET6, wire->balancer, packet + 8);
	inet_pton(AF_INET6, SERVER_V6, packet + 24);
	return 8;
}

int wire_send(struct wire *wire, uint8_t flags, const uint8_t *options,
	      size_t options_len, const void *data, size_t data_len)
{
	uint8_t packet[2048];
	size_t ip_len = ip_header_len(wire->family);
	size_t tcp_len = 20 + options_len + data_len;
	size_t addresses = write_ip_header(packet, wire, tcp_len);
	uint8_t *tcp = packet + ip_len;
	uint32_t sum;

	memset(tcp, 0, 20);
	wire_put16(tcp, wire->port);
	wire_put16(tcp + 2, wire->server_port);
	put32(tcp + 4, wire->seq);
	put32(tcp + 8, wire->ack);
	tcp[12] = (20 + options_len) / 4 << 4;
	tcp[13] = flags;
	wire_put16(tcp + 14, 65535);
	memcpy(tcp + 20, options, options_len);
	memcpy(tcp + 20 + options_len, data, data_len);

	sum = sum_words(packet + addresses, 2 * wire_address_len(wire->family),
			IPPROTO_TCP + tcp_len);
	wire_put16(tcp + 16, fold(sum_words(tcp, tcp_len, sum)));

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
	if (wire_get16(tcp) != wire->server_port || wire_get16(tcp + 2) != wire->port)
		return 0;
	header = ip_len + (tcp[12] >> 4) * 4;
	if (len < header || header < ip_len + 20)
		return 0;
	segment->seq = get32(tcp + 4);
	segment->ack = get32(tcp + 8);
	segment->flags = tcp[13];
	segment->options_len = header - ip_len - 20;
	memcpy(segment->options, tcp + 20, segment->options_len);
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

static int receive_for(const struct wire *wire, long wait_ms, uint8_t flags, size_t min_len,
		       struct segment *segment)
{
	long deadline = now_ms() + wait_ms;
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

int wire_receive(const struct wire *wire, uint8_t flags, size_t min_len,
		 struct segment *segment)
{
	return receive_for(wire, WIRE_WAIT_MS, flags, min_len, segment);
}

int wire_syn_answer(struct wire *wire, const uint8_t *options, size_t options_len,
		    const void *data, size_t data_len, struct segment *answer)
{
	uint32_t isn = wire->seq;
	int tries;

	for (tries = 0; tries < WIRE_WAIT_MS / SYN_AGAIN_MS; tries++) {
		wire->seq = isn;
		if (wire_send(wire, FLAG_SYN, options, options_len, data, data_len))
			return -1;
		if (!receive_for(wire, SYN_AGAIN_MS, FLAG_SYN | FLAG_ACK, 0, answer)) {
			wire->ack = answer->seq + 1;
			return 0;
		}
	}
	return -1;
}

int wire_syn(struct wire *wire, const uint8_t *options, size_t options_len,
	     const void *data, size_t data_len)
{
	struct segment answer;

	return wire_syn_answer(wire, options, options_len, data, data_len, &answer);
}

/* ---- sockets ---- */

void wire_fill_address(struct sockaddr_storage *address, int family, const char *ip,
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

int wire_listen(int family, uint16_t *port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int off = 0;
	int fd = socket(family, SOCK_STREAM, IPPROTO_TCP);

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	wire_fill_address(&address, family, family == AF_INET ? "0.0.0.0" : "::", 0);
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4) ||
	    getsockname(fd, (struct sockaddr *)&address, &len)) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
					: ((struct sockaddr_in6 *)&address)->sin6_port);
	return fd;
}

int wire_wait_readable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (poll(&ready, 1, WIRE_WAIT_MS) > 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

/* ---- the network ---- */

static int set_v4(int fd, struct ifreq *request, unsigned long what, const char *value)
{
	struct sockaddr_storage address;

	wire_fill_address(&address, AF_INET, value, 0);
	memcpy(&request->ifr_addr, &address, sizeof(request->ifr_addr));
	return ioctl(fd, what, request);
}

static int bring_up(int fd, struct ifreq *request)
{
	request->ifr_flags = IFF_UP | IFF_RUNNING;
	return ioctl(fd, SIOCSIFFLAGS, request);
}

/* Every balancer is behind the device. (IPv6 has it from its prefix of 0 bits.) */
static int add_default_route(int fd)
{
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char *)DEVICE };

	route.rt_dst.sa_family = AF_INET;
	route.rt_genmask.sa_family = AF_INET;
	return ioctl(fd, SIOCADDRT, &route);
}

/* As struct in6_ifreq of linux/ipv6.h, which clashes with netinet/in.h. */
struct v6_request {
	struct in6_addr address;
	uint32_t prefix_len;
	int index;
};

static int add_v6(int fd)
{
	struct v6_request request = { .prefix_len = 0, .index = if_nametoindex(DEVICE) };

	inet_pton(AF_INET6, SERVER_V6, &request.address);
	return ioctl(fd, SIOCSIFADDR, &request);
}

/* A new IPv6 address answers no packet before a worker of the kernel has seen it. */
static int wait_for_v6(int fd)
{
	struct sockaddr_storage address;
	long deadline = now_ms() + WIRE_WAIT_MS;

	wire_fill_address(&address, AF_INET6, SERVER_V6, 0);
	while (bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in6))) {
		if (errno != EADDRNOTAVAIL || now_ms() > deadline)
			return -1;
		poll(NULL, 0, 10);
	}
	return 0;
}

static int set_v6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	int failed;

	if (fd < 0)
		return -1;
	failed = add_v6(fd) || wait_for_v6(fd);
	close(fd);
	return failed ? -1 : 0;
}

static int create_device(int tun, int fd, struct ifreq *request)
{
	memset(request, 0, sizeof(*request));
	request->ifr_flags = IFF_TUN | IFF_NO_PI;
	strcpy(request->ifr_name, DEVICE);
	return ioctl(tun, TUNSETIFF, request) ||
	       set_v4(fd, request, SIOCSIFADDR, SERVER_V4) ||
	       set_v4(fd, request, SIOCSIFNETMASK, "255.255.255.0") ||
	       bring_up(fd, request) ||
	       add_default_route(fd);
}

int wire_open_network(int *has_v6, char *why, size_t why_size)
{
	const char *step = "a network namespace";
	struct ifreq request;
	int tun = -1;
	int fd = -1;

	if (unshare(CLONE_NEWNET))
		goto failed;
	step = "/dev/net/tun";
	tun = open("/dev/net/tun", O_RDWR);
	if (tun < 0)
		goto failed;
	step = "a TUN device";
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || create_device(tun, fd, &request))
		goto failed;
	close(fd);
	*has_v6 = !set_v6();
	return tun;

failed:
	snprintf(why, why_size, "%s: %s", step, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (tun >= 0)
		close(tun);
	return -1;
}
