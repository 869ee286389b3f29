/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels stands here; everything else reads as if for the
 * newest. Include it last: some macros of the kernel's own are replaced.
 *
 * TOA_HAVE_* come from the checks (have/, see docs/kernels.md), which compile
 * a small file each with the target's headers. What is a macro needs no check:
 * #ifndef tells. Versions decide nothing, since distributions backport; those
 * in comments are mainline's and for the reader alone.
 */
#ifndef TOA_COMPAT_H
#define TOA_COMPAT_H

#include <linux/errno.h>
#include <linux/ftrace.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/vmalloc.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "have.h"

#ifdef TOA_HAVE_TASK_STACK_HEADER
#include <linux/sched/task_stack.h>
#else
#include <linux/sched.h>
#endif

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
#define TOA_PREEMPT_RT
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

/* ---- locks ---- */

#ifndef raw_spin_lock_init		/* 2.6.33; before, the name was an architecture's */
#define raw_spinlock_t spinlock_t
#define DEFINE_RAW_SPINLOCK(lock) DEFINE_SPINLOCK(lock)
#define raw_spin_lock_init(lock) spin_lock_init(lock)
#define raw_spin_lock(lock) spin_lock(lock)
#define raw_spin_unlock(lock) spin_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags) spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)
#endif

/* ---- RCU and lists ---- */

/*
 * Where RCU waits for sections with preemption off as well (4.20), these are
 * cheaper than calls of its own; since then there is no call_rcu_sched() of its own.
 */
#ifdef TOA_HAVE_CALL_RCU_SCHED
#define toa_rcu_read_lock() rcu_read_lock()
#define toa_rcu_read_unlock() rcu_read_unlock()
#else
#define toa_rcu_read_lock() rcu_read_lock_sched_notrace()
#define toa_rcu_read_unlock() rcu_read_unlock_sched_notrace()
#endif

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

/* Nor does the kernel keep two tasks from writing a parameter at a time. */
#define module_param_cb(name, ops, arg, perm)				\
	static DEFINE_MUTEX(toa_lock_of_##name);			\
	static int toa_set_param_##name(const char *value, struct kernel_param *param) \
	{								\
		int err;						\
									\
		mutex_lock(&toa_lock_of_##name);			\
		err = (ops)->set(value, param);				\
		mutex_unlock(&toa_lock_of_##name);			\
		return err;						\
	}								\
	static int toa_get_param_##name(char *buffer, struct kernel_param *param) \
	{								\
		int len;						\
									\
		mutex_lock(&toa_lock_of_##name);			\
		len = (ops)->get(buffer, param);			\
		mutex_unlock(&toa_lock_of_##name);			\
		return len;						\
	}								\
	module_param_call(name, toa_set_param_##name, toa_get_param_##name, arg, perm)
#endif

/*
 * What ends a parameter's text: before 4.15 the kernel adds a newline itself.
 * No header tells, a parameter of the kernel's own type does.
 */
static inline const char *toa_param_end(void)
{
	char buffer[16];
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

/* Is it what an application holds of an MPTCP connection? */
static inline bool toa_sk_is_msk(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP;
}

static inline bool toa_have_same_ends(const struct sock *a, const struct sock *b)
{
	return a->sk_portpair == b->sk_portpair && a->sk_addrpair == b->sk_addrpair &&
	       net_eq(sock_net(a), sock_net(b)) &&
#if IS_ENABLED(CONFIG_IPV6)
	       ipv6_addr_equal(&a->sk_v6_daddr, &b->sk_v6_daddr) &&
	       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr) &&
#endif
	       a->sk_family == b->sk_family;
}
#else
static inline bool sk_is_mptcp(const struct sock *sk)
{
	return false;
}

static inline bool toa_sk_is_msk(const struct sock *sk)
{
	return false;
}

static inline bool toa_have_same_ends(const struct sock *a, const struct sock *b)
{
	return false;
}
#endif

static inline bool toa_sk_is_tcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP;
}

/* Does this listener serve an application's SMC socket? */
static inline bool toa_sk_serves_smc(const struct sock *listener)
{
#ifdef TOA_HAVE_SYN_SMC
	return tcp_sk(listener)->syn_smc;
#else
	return false;
#endif
}

#ifndef TOA_HAVE_INET_DADDR
#define inet_daddr daddr
#define inet_dport dport
#define inet_num num
#endif

/* The peer's port and ours, as one number. */
static inline u32 toa_sk_ports(const struct sock *sk)
{
#ifdef sk_portpair			/* 3.13 */
	return (__force u32)sk->sk_portpair;
#else
	return (__force u32)inet_sk(sk)->inet_dport << 16 | inet_sk(sk)->inet_num;
#endif
}

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

/*
 * The number by which user space knows a namespace. Before 3.8 it knows none,
 * so that only the first can be told from the others, by its name.
 */
static inline unsigned int toa_netns_inum(const struct net *net)
{
#if defined(TOA_HAVE_NET_NS_INUM)
	return net->ns.inum;
#elif defined(TOA_HAVE_NET_PROC_INUM)
	return net->proc_inum;
#else
	return net == &init_net;
#endif
}

/* The flow label that getname tells along with an address. */
static inline __be32 toa_flow_label(const struct sock *sk)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);

#ifdef TOA_HAVE_NP_SNDFLOW
	return np && np->sndflow ? np->flow_label : 0;
#else
	return np && inet6_test_bit(SNDFLOW, sk) ? np->flow_label : 0;
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

/* Where the @n th argument (from 0) of a probed function lies, in its entry handler. */
static inline unsigned long *toa_argument_slot(struct pt_regs *regs, unsigned int n)
{
#if defined(CONFIG_X86_64)
	switch (n) {
	case 0:
		return &regs->di;
	case 1:
		return &regs->si;
	case 2:
		return &regs->dx;
	default:
		return &regs->cx;
	}
#elif defined(CONFIG_ARM64)
	return (unsigned long *)&regs->regs[n];
#else
#error "toa knows where x86_64 and arm64 keep the arguments of functions, no others"
#endif
}

static inline void *toa_argument(struct pt_regs *regs, unsigned int n)
{
	return (void *)*toa_argument_slot(regs, n);
}

/* getname(sock, answer, peer); before 4.17 getname(sock, answer, &length, peer). */
#ifdef TOA_HAVE_GETNAME_RETURNS_LENGTH
#define TOA_GETNAME_PEER 2
#else
#define TOA_GETNAME_PEER 3
#endif

/*
 * ftrace's own callbacks, where they can replace arguments: with all registers
 * saved, or with the arguments alone, which costs less (5.11; arm64: 6.2).
 */
#if defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) && defined(TOA_HAVE_FTRACE_REGS)
#define TOA_FTRACE
#define TOA_FTRACE_FLAGS 0
typedef struct ftrace_regs toa_ftrace_regs;

static inline unsigned long *toa_ftrace_argument(toa_ftrace_regs *fregs, unsigned int n)
{
#ifdef arch_ftrace_regs		/* 6.13 */
	struct __arch_ftrace_regs *saved = arch_ftrace_regs(fregs);
#else
	struct ftrace_regs *saved = fregs;
#endif
#ifdef CONFIG_X86_64
	return toa_argument_slot(&saved->regs, n);
#else
	return &saved->regs[n];
#endif
}
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && defined(TOA_HAVE_FTRACE_PT_REGS)
#define TOA_FTRACE
typedef struct pt_regs toa_ftrace_regs;

#ifdef TOA_HAVE_FTRACE_RECURSION_SAFE	/* 3.8 to 5.10; before and after: the default */
#define TOA_FTRACE_FLAGS (FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_RECURSION_SAFE)
#else
#define TOA_FTRACE_FLAGS FTRACE_OPS_FL_SAVE_REGS
#endif

static inline unsigned long *toa_ftrace_argument(toa_ftrace_regs *regs, unsigned int n)
{
	return toa_argument_slot(regs, n);
}
#endif

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
 * Whether an entry handler may return nonzero. In 2.6.32 (RHEL 6's too) the
 * instance taken for that call is never given back, and when the last one is
 * gone the probe is blind. No header tells; a probe with one instance, which is
 * called twice, does.
 */
static unsigned int toa_declined;

static noinline int toa_decline_here(int number)
{
	barrier();
	return number + 1;
}

static inline int toa_decline(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(toa_declined, toa_declined + 1);
	return 1;
}
NOKPROBE_SYMBOL(toa_decline);

/* Context: process; sleeps. To be asked once for each load. */
static inline bool toa_kretprobes_may_decline(void)
{
	static struct kretprobe probe = {
		.kp.addr = (kprobe_opcode_t *)toa_decline_here,
		.entry_handler = toa_decline,
		.handler = toa_decline,
		.maxactive = 1,
	};
	/* Else a copy of the function, made for this call, might be called. */
	int (*volatile call)(int) = toa_decline_here;

	if (register_kretprobe(&probe))
		return false;
	call(call(0));
	unregister_kretprobe(&probe);
	return READ_ONCE(toa_declined) == 2;
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
