// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameter trusted= (kmod/trust.c over kernel_shim.h) on any text, for
 * libFuzzer and for a replay.
 *
 * Input: the text, up to the first NUL; then 16 bytes for each sender to ask for.
 */
#include "trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_show(const uint8_t *data, size_t size, char *shown);

#define MUST(condition) do { if (!(condition)) die(#condition, __LINE__); } while (0)
#define MOST_NETWORKS 64

static void die(const char *what, int line)
{
	fprintf(stderr, "fuzz_trust.c:%d: does not hold: %s\n", line, what);
	abort();
}

/* ---- the reference: what the parameter's description promises ---- */

struct net {
	int family;
	unsigned int bits;
	uint8_t ip[16];
};

struct list {
	int valid;
	unsigned int count;
	struct net nets[MOST_NETWORKS];
};

/* All of @text in decimal; the kernel's reader allows a plus sign before it. */
static int read_number(const char *text, unsigned int most, unsigned int *value)
{
	char *end;
	unsigned long number;

	text += *text == '+';
	if (!*text || strspn(text, "0123456789") != strlen(text))
		return 0;
	number = strtoul(text, &end, 10);
	*value = (unsigned int)number;
	return number <= most;
}

static int read_v4(char *text, uint8_t *ip)
{
	int parts = 0;
	char *part;

	while ((part = strsep(&text, ".")) != NULL) {
		unsigned int value;

		if (parts == 4 || *part == '+' || !read_number(part, 255, &value))
			return 0;
		ip[parts++] = (uint8_t)value;
	}
	return parts == 4;
}

static int read_net(char *text, struct net *net)
{
	char *slash = strchr(text, '/');
	unsigned int most;

	memset(net, 0, sizeof(*net));
	if (strlen(text) > 52)	/* no address is that long: only zeros in excess could be */
		return 0;
	if (slash)
		*slash++ = '\0';
	net->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (net->family == AF_INET6 ? inet_pton(AF_INET6, text, net->ip) != 1 :
				      !read_v4(text, net->ip))
		return 0;
	most = net->family == AF_INET ? 32 : 128;
	net->bits = most;
	return !slash || read_number(slash, most, &net->bits);
}

static int is_blank(const char *text)
{
	return text[strspn(text, " \t\n\v\f\r")] == '\0';
}

static struct list reference(const char *text)
{
	struct list list = { .valid = 1 };
	char *copy = strdup(text);
	char *rest = copy;
	char *word;

	MUST(copy);
	if (is_blank(text))
		rest = NULL;	/* everyone */
	while (list.valid && (word = strsep(&rest, ",")) != NULL) {
		char *last;

		word += strspn(word, " \t\n\v\f\r");
		for (last = word + strlen(word); last > word && is_blank(last - 1); last--)
			last[-1] = '\0';
		if (list.count == MOST_NETWORKS || !read_net(word, &list.nets[list.count++]))
			list.valid = 0;
	}
	free(copy);
	return list;
}

static int believes(const struct list *list, int family, const uint8_t *ip)
{
	unsigned int i, bit;

	if (!list->count)
		return 1;
	for (i = 0; i < list->count; i++) {
		const struct net *net = &list->nets[i];

		if (net->family != family)
			continue;
		for (bit = 0; bit < net->bits; bit++)
			if ((net->ip[bit / 8] ^ ip[bit / 8]) & (0x80 >> bit % 8))
				break;
		if (bit == net->bits)
			return 1;
	}
	return 0;
}

/* ---- what must hold ---- */

static bool ask(int family, const uint8_t *ip)
{
	/* Exactly the bytes of the address: one more is out of bounds. */
	size_t len = family == AF_INET ? 4 : 16;
	uint8_t *exact = malloc(len);
	struct sk_buff skb = {
		.protocol = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6),
		.network_header = exact,
	};
	bool answer;

	MUST(exact);
	memcpy(exact, ip, len);
	answer = toa_trusts_sender_of(&skb);
	free(exact);
	return answer;
}

static void check_sender(const struct list *list, int family, const uint8_t *ip)
{
	MUST(ask(family, ip) == believes(list, family, ip));
}

/* The network's own address, and those beside it at each end of its prefix. */
static void check_borders(const struct list *list, const struct net *net)
{
	unsigned int most = net->family == AF_INET ? 32 : 128;
	unsigned int i;

	check_sender(list, net->family, net->ip);
	for (i = 0; i < 3; i++) {
		unsigned int bit = net->bits - 1 + i;
		uint8_t ip[16];

		if (bit >= most)	/* a prefix of 0 bits has none before it */
			continue;
		memcpy(ip, net->ip, sizeof(ip));
		ip[bit / 8] ^= 0x80 >> bit % 8;
		check_sender(list, net->family, ip);
	}
}

static void check_senders(const struct list *list, const uint8_t *data, size_t size)
{
	unsigned int i;

	for (i = 0; i < list->count; i++)
		check_borders(list, &list->nets[i]);
	for (; size >= 16; data += 16, size -= 16) {
		check_sender(list, AF_INET, data);
		check_sender(list, AF_INET6, data);
	}
}

/* What is shown means the same when it is given back. */
static void check_shown(const struct list *list)
{
	char shown[PAGE_SIZE], again[PAGE_SIZE];
	struct list read;
	int len = toa_trust_show(shown, sizeof(shown));

	MUST(len > 0 && (size_t)len == strlen(shown) && shown[len - 1] == '\n');
	read = reference(shown);
	MUST(read.valid && read.count == list->count);
	MUST(!memcmp(read.nets, list->nets, list->count * sizeof(list->nets[0])));
	MUST(!toa_trust_set(shown));
	toa_trust_show(again, sizeof(again));
	MUST(!strcmp(shown, again));
}

static const char before[] = "192.0.2.0/24";

/* For the replay: what a write of @data to the parameter answers, and what it shows then. */
int fuzz_show(const uint8_t *data, size_t size, char *shown)
{
	char *text = strndup((const char *)data, size);
	int err;

	MUST(text && !toa_trust_set(before));
	err = toa_trust_set(text);
	toa_trust_show(shown, PAGE_SIZE);
	free(text);
	toa_trust_free();
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strnlen((const char *)data, size);
	char *text = strndup((const char *)data, len);
	struct list expected;
	int err;

	if (!text || len >= PAGE_SIZE) {	/* sysfs gives no more than a page */
		free(text);
		return 0;
	}
	expected = reference(text);
	MUST(!toa_trust_set(before));
	err = toa_trust_set(text);
	free(text);

	MUST(err == (expected.valid ? 0 : -EINVAL));
	if (err)
		expected = reference(before);	/* nothing has changed */
	MUST(toa_trusts_everyone() == !expected.count);
	check_senders(&expected, data + len, size - len);
	check_shown(&expected);
	toa_trust_free();
	MUST(toa_trusts_everyone());
	return 0;
}

#include "trust.c"
