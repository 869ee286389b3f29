/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels stands here; everything else reads as if for the
 * newest. Include it last: some macros of the kernel's own are replaced.
 *
 * TOA_HAVE_* come from the probes (probe/, see docs/kernels.md), which compile
 * a small file each with the target's headers. What is a macro needs no probe:
 * #ifndef tells. Versions decide nothing, since distributions backport; those
 * in comments are mainline's and for the reader alone.
 */
#ifndef TOA_COMPAT_H
#define TOA_COMPAT_H

#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/vmalloc.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "probed.h"

/* ---- the language ---- */

#ifndef READ_ONCE	/* 3.19 */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
#endif

#ifndef __rcu		/* 2.6.37 */
#define __rcu
#endif

#ifndef struct_size	/* 4.18; ours are small numbers, which cannot overflow */
#define struct_size(p, member, count) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (count))
#endif

/* Of a patched kernel before 5.3, or of a later one. */
#if defined(CONFIG_PREEMPT_RT) || defined(CONFIG_PREEMPT_RT_FULL)
#define TOA_PREEMPT_RT true
#else
#define TOA_PREEMPT_RT false
#endif

/* ---- text and memory ---- */

#ifndef TOA_HAVE_KSTRTOUINT
static inline int kstrtouint(const char *text, unsigned int base, unsigned int *number)
{
	unsigned long parsed;

	/* It takes a sign, and an empty text on some kernels. */
	if (*text < '0' || *text > '9' || strict_strtoul(text, base, &parsed))
		return -EINVAL;
	if (parsed > UINT_MAX)
		return -ERANGE;
	*number = parsed;
	return 0;
}
#endif

#ifndef TOA_HAVE_KSTRTOU8
static inline int kstrtou8(const char *text, unsigned int base, u8 *number)
{
	unsigned int parsed;
	int err = kstrtouint(text, base, &parsed);

	if (err)
		return err;
	if (parsed > 255)
		return -ERANGE;
	*number = parsed;
	return 0;
}
#endif

#ifndef TOA_HAVE_STRIM
static inline char *strim(char *text)
{
	return strstrip(text);
}
#endif

#ifndef TOA_HAVE_STRSCPY
static inline ssize_t strscpy(char *target, const char *text, size_t size)
{
	size_t len = strlcpy(target, text, size);

	return len < size ? (ssize_t)len : -E2BIG;
}
#endif

#ifndef TOA_HAVE_MEMCHR_INV
static inline void *memchr_inv(const void *start, int c, size_t size)
{
	const u8 *byte = start;

	for (; size; byte++, size--)
		if (*byte != (u8)c)
			return (void *)byte;
	return NULL;
}
#endif

#ifndef TOA_HAVE_KVCALLOC
/* Freed with kvfree, below. The products asked for here cannot overflow. */
static inline void *kvcalloc(size_t count, size_t size, gfp_t flags)
{
	void *memory = vmalloc(count * size);

	if (memory)
		memset(memory, 0, count * size);
	return memory;
}

#define kvfree(memory) vfree(memory)
#endif

/* ---- RCU and lists ---- */

#ifndef rcu_dereference_protected	/* 2.6.34 */
#define rcu_dereference_protected(p, condition) (p)
#endif

#ifndef rcu_access_pointer		/* 2.6.34 */
#define rcu_access_pointer(p) READ_ONCE(p)
#endif

#ifndef kfree_rcu			/* 3.0 */
static inline void toa_free_rcu(struct rcu_head *rcu)
{
	kfree(rcu);
}

/* The rcu_head is the first member. Whoever unloads must call rcu_barrier(). */
#define kfree_rcu(p, member) do {					\
	BUILD_BUG_ON(offsetof(typeof(*(p)), member));			\
	call_rcu(&(p)->member, toa_free_rcu);				\
} while (0)
#endif

#ifndef TOA_HAVE_HLIST_ITERATORS_WITHOUT_NODE
#define toa_hlist_entry(node, type, member) \
	((node) ? hlist_entry(node, type, member) : NULL)

#undef hlist_for_each_entry_safe
#define hlist_for_each_entry_safe(entry, next, head, member)		\
	for (entry = toa_hlist_entry((head)->first, typeof(*(entry)), member); \
	     entry && ((next) = (entry)->member.next, 1);		\
	     entry = toa_hlist_entry(next, typeof(*(entry)), member))

#undef hlist_for_each_entry_rcu
#define hlist_for_each_entry_rcu(entry, head, member)			\
	for (entry = toa_hlist_entry(rcu_dereference((head)->first),	\
				     typeof(*(entry)), member);		\
	     entry;							\
	     entry = toa_hlist_entry(rcu_dereference((entry)->member.next), \
				     typeof(*(entry)), member))
#endif

/* ---- counters of each CPU ---- */

/* Before 2.6.34 each such variable had a prefix, which a backported this_cpu_inc wants too. */
#ifdef per_cpu_var
#undef this_cpu_inc
#define this_cpu_inc(counter) do {					\
	unsigned long toa_flags;					\
	local_irq_save(toa_flags);					\
	__get_cpu_var(counter)++;					\
	local_irq_restore(toa_flags);					\
} while (0)
#endif

/* ---- parameters ---- */

#ifndef TOA_HAVE_KERNEL_PARAM_OPS
struct kernel_param_ops {
	int (*set)(const char *value, const struct kernel_param *param);
	int (*get)(char *buffer, const struct kernel_param *param);
	void (*free)(void *arg);	/* called by nobody */
};

#define module_param_cb(name, ops, arg, perm)				\
	static int toa_set_param_##name(const char *value, struct kernel_param *param) \
	{								\
		return (ops)->set(value, param);			\
	}								\
	static int toa_get_param_##name(char *buffer, struct kernel_param *param) \
	{								\
		return (ops)->get(buffer, param);			\
	}								\
	module_param_call(name, toa_set_param_##name, toa_get_param_##name, arg, perm)
#endif

/*
 * What ends a parameter's text: before 4.15 the kernel adds a newline itself.
 * No header tells, a parameter of the kernel's own type does.
 */
static inline const char *toa_param_end(char *buffer)
{
	unsigned int number = 1;
	struct kernel_param param = { .arg = &number };
	int len = param_get_uint(buffer, &param);

	return len > 0 && buffer[len - 1] == '\n' ? "\n" : "";
}

/* ---- /proc ---- */

#ifndef TOA_HAVE_PROC_CREATE_SINGLE
static inline int toa_proc_open(struct inode *inode, struct file *file)
{
#ifdef TOA_HAVE_PDE_DATA
	return single_open(file, PDE_DATA(inode), NULL);
#else
	return single_open(file, PDE(inode)->data, NULL);
#endif
}

static inline struct proc_dir_entry *
proc_create_single(const char *name, mode_t mode, struct proc_dir_entry *parent,
		   int (*show)(struct seq_file *seq, void *v))
{
	static const struct file_operations operations = {
		.owner = THIS_MODULE,
		.open = toa_proc_open,
		.read = seq_read,
		.llseek = seq_lseek,
		.release = single_release,
	};

	return proc_create_data(name, mode, parent, &operations, show);
}
#endif

/* ---- sockets ---- */

#ifdef TOA_HAVE_SK_IS_MPTCP
#include <net/mptcp.h>
#else
static inline bool sk_is_mptcp(const struct sock *sk)
{
	return false;
}
#endif

#ifndef TOA_HAVE_INET_DADDR
#define inet_daddr daddr
#define inet_dport dport
#define inet_num num
#endif

/*
 * Whether the kernel made this socket for itself. The caller holds a reference
 * to it or is in softirq; it may be losing its struct socket at this moment.
 */
static inline bool toa_sk_is_kernels(const struct sock *sk)
{
#ifdef TOA_HAVE_SK_KERN_SOCK
	return sk->sk_kern_sock;
#else
	rwlock_t *lock = (rwlock_t *)&sk->sk_callback_lock;
	bool is_kernels;

	read_lock(lock);
	is_kernels = sk->sk_socket && !sk->sk_socket->file;
	read_unlock(lock);
	return is_kernels;
#endif
}

#ifndef TOA_HAVE_SOCK_CREATE_KERN_TAKES_NET
#define sock_create_kern(net, family, type, protocol, sock) \
	sock_create_kern(family, type, protocol, sock)
#endif

#ifndef TOA_HAVE_KERNEL_GETPEERNAME_RETURNS_LENGTH
static inline int toa_kernel_getpeername(struct socket *sock, struct sockaddr *answer)
{
	int len = sizeof(struct sockaddr_storage);
	int err = kernel_getpeername(sock, answer, &len);

	return err ? err : len;
}

#define kernel_getpeername(sock, answer) toa_kernel_getpeername(sock, answer)
#endif

/* ---- probes ---- */

#ifndef NOKPROBE_SYMBOL			/* 3.16; in a module, it did nothing before */
#define NOKPROBE_SYMBOL(function)
#endif

/* The @n th argument (from 0) of a probed function, in its entry handler. */
static inline void *toa_argument(struct pt_regs *regs, unsigned int n)
{
#if defined(TOA_HAVE_REGS_GET_KERNEL_ARGUMENT)
	return (void *)regs_get_kernel_argument(regs, n);
#elif defined(CONFIG_X86_64)
	switch (n) {
	case 0:
		return (void *)regs->di;
	case 1:
		return (void *)regs->si;
	case 2:
		return (void *)regs->dx;
	default:
		return (void *)regs->cx;
	}
#elif defined(CONFIG_ARM64)
	return (void *)regs->regs[n];
#else
#error "toa knows where x86_64 and arm64 keep the arguments of functions, no others"
#endif
}

/*
 * getname(sock, answer, peer) returns the length of its answer. Before 4.17 it
 * was getname(sock, answer, &length, peer) and returned 0.
 */
static inline int toa_getname_peer(struct pt_regs *regs)
{
#ifdef TOA_HAVE_GETNAME_RETURNS_LENGTH
	return (long)toa_argument(regs, 2);
#else
	return (long)toa_argument(regs, 3);
#endif
}

/* What toa_getname_length needs from the entry. */
static inline int *toa_getname_length_at(struct pt_regs *regs)
{
#ifdef TOA_HAVE_GETNAME_RETURNS_LENGTH
	return NULL;
#else
	return toa_argument(regs, 2);
#endif
}

static inline int toa_getname_length(struct pt_regs *regs, const int *at)
{
	int result = (int)regs_return_value(regs);

#ifdef TOA_HAVE_GETNAME_RETURNS_LENGTH
	return result;
#else
	return result < 0 ? result : *at;
#endif
}

/*
 * Whether @err of a registration says that the kernel has no such function:
 * before 2.6.38 that was -EINVAL, which means other things too.
 */
static inline bool toa_is_no_such_function(int err)
{
	struct kprobe nowhere = { .symbol_name = "toa_no_such_function" };

	return err == register_kprobe(&nowhere);
}

/*
 * The end of a connection: a tracepoint, and where there is none, a probe of
 * the function that was to have it, which IPv6's calls too.
 */
struct toa_destroy_watch {
	void (*handler)(void *data, struct sock *sk);
	struct tracepoint *tracepoint;
	struct kprobe probe;
};

#ifdef TOA_HAVE_TCP_DESTROY_SOCK_TRACEPOINT
#include <linux/tracepoint.h>
#include <trace/events/tcp.h>

static inline void toa_match_tracepoint(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "tcp_destroy_sock"))
		*(struct tracepoint **)found = tp;
}

static inline int toa_watch_destroy(struct toa_destroy_watch *watch)
{
	check_trace_callback_type_tcp_destroy_sock(watch->handler);

	for_each_kernel_tracepoint(toa_match_tracepoint, &watch->tracepoint);
	if (!watch->tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(watch->tracepoint, watch->handler, NULL);
}

static inline void toa_unwatch_destroy(struct toa_destroy_watch *watch)
{
	tracepoint_probe_unregister(watch->tracepoint, watch->handler, NULL);
	tracepoint_synchronize_unregister();
}
#else
static inline int toa_on_destroy(struct kprobe *probe, struct pt_regs *regs)
{
	container_of(probe, struct toa_destroy_watch, probe)->handler(NULL, toa_argument(regs, 0));
	return 0;
}

static inline int toa_watch_destroy(struct toa_destroy_watch *watch)
{
	memset(&watch->probe, 0, sizeof(watch->probe));
	watch->probe.symbol_name = "tcp_v4_destroy_sock";
	watch->probe.pre_handler = toa_on_destroy;
	return register_kprobe(&watch->probe);
}

static inline void toa_unwatch_destroy(struct toa_destroy_watch *watch)
{
	unregister_kprobe(&watch->probe);
}
#endif

#endif
