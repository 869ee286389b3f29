/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A remote TCP peer made of single packets, on a TUN device in a network
 * namespace of its own: the node's addresses, routes and firewall neither
 * matter nor change.
 *
 *      this process                        the node's kernel
 *   +----------------+     TUN device    +-------------------+
 *   |  the balancer  | <---- packets --> | listening socket  |
 *   |  192.0.2.2     |                   | 192.0.2.1         |
 *   +----------------+                   +-------------------+
 */
#ifndef TOA_WIRE_H
#define TOA_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WIRE_WAIT_MS	5000	/* for an answer; emulated and loaded nodes are slow */

#define FLAG_FIN	0x01
#define FLAG_SYN	0x02
#define FLAG_RST	0x04
#define FLAG_PSH	0x08
#define FLAG_ACK	0x10

/* Addresses of the documentation ranges: nobody's. */
#define SERVER_V4	"192.0.2.1"
#define BALANCER_V4	"192.0.2.2"
#define SERVER_V6	"2001:db8:1::1"
#define BALANCER_V6	"2001:db8:1::2"

#define WIRE_IP_TEXT	46

#define MAX_OPTIONS	40

/* The balancer's half of one TCP connection. */
struct wire {
	int tun;
	int family;		/* AF_INET or AF_INET6 */
	const char *balancer;	/* its address; any, all are behind the device */
	uint16_t port;		/* of the balancer */
	uint16_t server_port;
	uint32_t seq;
	uint32_t ack;
};

struct segment {
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	size_t options_len;
	uint8_t options[MAX_OPTIONS];
	size_t len;
	uint8_t data[2048];
};

/* A descriptor of the TUN device; -1 with the reason in @why. Needs root. */
int wire_open_network(int *has_v6, char *why, size_t why_size);

/* 0, or -1 with errno. @options_len is a multiple of 4; @data at most 1400 bytes. */
int wire_send(struct wire *wire, uint8_t flags, const uint8_t *options, size_t options_len,
	      const void *data, size_t data_len);

/*
 * Sends a SYN until the SYN-ACK comes, as TCP does: a packet may be lost, and a
 * network that was just set up loses the first. 0, or -1 with errno.
 * wire_syn_answer() gives the SYN-ACK as well.
 */
int wire_syn(struct wire *wire, const uint8_t *options, size_t options_len,
	     const void *data, size_t data_len);
int wire_syn_answer(struct wire *wire, const uint8_t *options, size_t options_len,
		    const void *data, size_t data_len, struct segment *answer);

/* The next segment of this connection with all of @flags and @min_len bytes; -1 with errno. */
int wire_receive(const struct wire *wire, uint8_t flags, size_t min_len,
		 struct segment *segment);

/* A listening socket on any port, IPv6 ones for IPv4 too; -1 with errno. */
int wire_listen(int family, uint16_t *port);

/* Until @fd can be read: 0, or -1 with errno ETIMEDOUT. */
int wire_wait_readable(int fd);

size_t wire_address_len(int family);
void wire_put16(uint8_t *at, uint16_t value);
uint16_t wire_get16(const uint8_t *at);
void wire_fill_address(struct sockaddr_storage *address, int family, const char *ip,
		       uint16_t port);

#endif
