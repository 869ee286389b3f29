/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stand-in for the few kernel functions that kmod/parameter_list.c, trust.c and kinds.c
 * call, so that they are fuzzed in user space as they are. It is force-included;
 * fuzz.py puts empty files where the kernel's headers would be.
 *
 * Only what those need, by what the kernel documents of it. Whether it reads
 * text as kernels do is tested: test_on_kernels.py has the module in each of them
 * read the same corpus.
 */
#ifndef TOA_KERNEL_SHIM_H
#define TOA_KERNEL_SHIM_H

/* kmod/compat.h adapts to kernels, of which there is none here. */
#define TOA_COMPAT_H

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __rcu
#define PAGE_SIZE 4096
/* The C library's has no room for a scope. */
#undef INET6_ADDRSTRLEN
#define INET6_ADDRSTRLEN 48
#define GFP_KERNEL 0

/* ---- printk: the arguments are checked, nothing is written ---- */

static inline __attribute__((format(printf, 1, 2))) void shim_log(const char *format, ...)
{
	(void)format;
}
#define pr_err(...) shim_log(__VA_ARGS__)

/* ---- memory: the sanitizer sees what is lost or used after ---- */

#define kzalloc(size, flags) calloc(1, size)
#define kstrdup(text, flags) strdup(text)
#define kfree(p) free((void *)(p))
#define kfree_rcu(p, field) free(p)
#define struct_size(p, member, n) (sizeof(*(p)) + (n) * sizeof((p)->member[0]))
#define ERR_PTR(error) ((void *)(intptr_t)(error))
#define PTR_ERR(p) ((int)(intptr_t)(p))
#define IS_ERR(p) ((uintptr_t)(p) >= (uintptr_t)-4095)

/* ---- RCU: one thread ---- */

struct rcu_head {
	void *unused;
};
#define rcu_read_lock() do { } while (0)
#define rcu_read_unlock() do { } while (0)
#define rcu_dereference(p) (p)
#define rcu_dereference_protected(p, condition) (p)
#define rcu_access_pointer(p) (p)
#define rcu_assign_pointer(p, value) ((p) = (value))

/* ---- text ---- */

static inline char *strim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	for (len = strlen(text); len && isspace((unsigned char)text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

static inline ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	if (len == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(to, from, len + 1);
	return (ssize_t)len;
}

/* Decimal digits, a plus sign before them and one newline behind them allowed. */
static inline int shim_number(const char *text, unsigned int base, u64 max, u64 *value)
{
	u64 sum = 0;

	if (base != 10)
		abort();
	text += *text == '+';
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		/* Stays above max once it is there. */
		if (sum <= max)
			sum = sum * 10 + (u64)(*text - '0');
	}
	text += *text == '\n';
	if (*text)
		return -EINVAL;
	*value = sum;
	return sum > max ? -ERANGE : 0;
}

static inline int kstrtou8(const char *text, unsigned int base, u8 *result)
{
	u64 value;
	int err = shim_number(text, base, UINT8_MAX, &value);

	if (!err)
		*result = (u8)value;
	return err;
}

static inline int kstrtouint(const char *text, unsigned int base, unsigned int *result)
{
	u64 value;
	int err = shim_number(text, base, UINT32_MAX, &value);

	if (!err)
		*result = (unsigned int)value;
	return err;
}

/*
 * The kernel's readers of addresses stop at the first character that cannot
 * belong to one, which is a success unless the caller looks at @end. (@delim is
 * -1 in all calls here.)
 */
static inline int shim_pton(int family, const char *text, const char *alphabet, u8 *ip,
			    const char **end)
{
	char copy[64];
	size_t len = strspn(text, alphabet);

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(family, copy, ip) != 1)
		return 0;
	if (end)
		*end = text + len;
	return 1;
}

static inline int in4_pton(const char *text, int len, u8 *ip, int delim, const char **end)
{
	unsigned int i, value;
	const char *at = text;
	u8 bytes[4];

	(void)len;
	(void)delim;
	for (i = 0; i < 4; i++) {
		if (i && *at++ != '.')
			return 0;
		if (!isdigit((unsigned char)*at))
			return 0;
		for (value = 0; isdigit((unsigned char)*at); at++) {
			value = value * 10 + (unsigned int)(*at - '0');
			if (value > 255)
				return 0;
		}
		bytes[i] = (u8)value;
	}
	/* Digits of a hexadecimal number, and a fifth part, are no end. */
	if (isxdigit((unsigned char)*at) || *at == '.')
		return 0;
	memcpy(ip, bytes, sizeof(bytes));
	if (end)
		*end = at;
	return 1;
}

static inline int in6_pton(const char *text, int len, u8 *ip, int delim, const char **end)
{
	(void)len;
	(void)delim;
	return shim_pton(AF_INET6, text, "0123456789abcdefABCDEF:.", ip, end);
}

/* One conversion of @format, which may be the kernel's %pI4 or %pI6c. */
static inline int shim_convert(char *to, size_t size, const char **format, va_list *args)
{
	const char *at = *format;

	if (!strncmp(at, "%pI4", 4)) {
		*format = at + 4;
		return inet_ntop(AF_INET, va_arg(*args, void *), to, (socklen_t)size) ?
		       (int)strlen(to) : -1;
	}
	if (!strncmp(at, "%pI6c", 5)) {
		*format = at + 5;
		return inet_ntop(AF_INET6, va_arg(*args, void *), to, (socklen_t)size) ?
		       (int)strlen(to) : -1;
	}
	if (at[0] == '%' && at[1] == 's') {
		*format = at + 2;
		return snprintf(to, size, "%s", va_arg(*args, const char *));
	}
	if (at[0] == '%' && (at[1] == 'u' || at[1] == 'd')) {
		*format = at + 2;
		return snprintf(to, size, at[1] == 'u' ? "%u" : "%d", va_arg(*args, int));
	}
	if (*at == '%')
		abort();	/* a conversion that the shim has not learnt */
	*format = at + 1;
	return snprintf(to, size, "%c", *at);
}

static inline int scnprintf(char *to, size_t size, const char *format, ...)
{
	size_t used = 0;
	va_list args;

	if (!size)
		return 0;
	to[0] = '\0';
	va_start(args, format);
	while (*format && used + 1 < size) {
		char piece[64];
		int len = shim_convert(piece, sizeof(piece), &format, &args);

		if (len < 0 || len >= (int)sizeof(piece))
			abort();
		if ((size_t)len > size - 1 - used)
			len = (int)(size - 1 - used);
		memcpy(to + used, piece, (size_t)len);
		used += (size_t)len;
		to[used] = '\0';
	}
	va_end(args);
	return (int)used;
}

/* ---- module parameters ---- */

/* As on kernels from 4.15 on. */
#define toa_param_end() "\n"

struct kernel_param {
	const char *name;
};
struct kernel_param_ops {
	int (*set)(const char *value, const struct kernel_param *param);
	int (*get)(char *buffer, const struct kernel_param *param);
	void (*free)(void *arg);
};

/* ---- of the network: what trust.c looks at ---- */

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

/* A segment, of which only the source address counts. */
struct sk_buff {
	uint16_t protocol;
	const void *network_header;
};
struct shim_iphdr {
	u8 saddr[4];
};
struct shim_ipv6hdr {
	u8 saddr[16];
};
#define ip_hdr(skb) ((const struct shim_iphdr *)(skb)->network_header)
#define ipv6_hdr(skb) ((const struct shim_ipv6hdr *)(skb)->network_header)

#endif
