// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "count.h"
#include "hooks.h"
#include "proc.h"
#include "store.h"

#include "compat.h"

#define PROC_NAME "toa_stats"

static const char * const counter_names[TOA_COUNTERS] = {
	[TOA_SYN_RECV_SOCK_TOA] = "syn_recv_sock_toa",
	[TOA_SYN_RECV_SOCK_NO_TOA] = "syn_recv_sock_no_toa",
	[TOA_GETNAME_OK] = "getname_toa_ok",
	[TOA_GETNAME_MISMATCH] = "getname_toa_mismatch",
	[TOA_GETNAME_BYPASS] = "getname_toa_bypass",
	[TOA_GETNAME_EMPTY] = "getname_toa_empty",
	[TOA_OPTION_MALFORMED] = "option_malformed",
	[TOA_PEER_UNTRUSTED] = "peer_untrusted",
	[TOA_STORE_FULL] = "store_full",
	[TOA_STORE_NO_MEMORY] = "store_no_memory",
	[TOA_EVICTIONS] = "evictions",
};

/* A number of the whole system: in the first column, zero in the others. */
static void show_total(struct seq_file *seq, const char *name, unsigned long total)
{
	int cpu;

	seq_printf(seq, "%-25s:", name);
	for_each_online_cpu(cpu) {
		seq_printf(seq, "%10lu ", total);
		total = 0;
	}
	seq_putc(seq, '\n');
}

static int proc_show(struct seq_file *seq, void *v)
{
	int cpu, i;

	seq_printf(seq, "%-26s", "");
	for_each_online_cpu(cpu)
		seq_printf(seq, "%7s%-4d", "CPU", cpu);
	seq_putc(seq, '\n');

	for (i = 0; i < TOA_COUNTERS; i++) {
		seq_printf(seq, "%-25s:", counter_names[i]);
		for_each_online_cpu(cpu)
			seq_printf(seq, "%10lu ", per_cpu(toa_counters, cpu).count[i]);
		seq_putc(seq, '\n');
	}
	show_total(seq, "probes_missed", toa_hooks_missed());
	show_total(seq, "connections", toa_store_size());
	return 0;
}

/* Process context, of whoever loads the module; its /proc is looked at. */
int toa_proc_look(void)
{
	const char *name = "/proc/net/" PROC_NAME;
	struct path path;

	/*
	 * The entry is made in the first network namespace. Who is in another one
	 * finds that by the first process; not all, for SELinux does not let insmod
	 * look there.
	 */
	if (!net_eq(current->nsproxy->net_ns, &init_net))
		name = "/proc/1/net/" PROC_NAME;
	if (kern_path(name, 0, &path))
		return 0;
	path_put(&path);
	pr_err("/proc/net/" PROC_NAME " is there already: another module that tells clients' addresses is loaded\n");
	return -EBUSY; /* -EEXIST is the module loader's own */
}

int toa_proc_init(void)
{
	if (!proc_create_single(PROC_NAME, 0444, init_net.proc_net, proc_show))
		return -ENOMEM;
	return 0;
}

void toa_proc_exit(void)
{
	remove_proc_entry(PROC_NAME, init_net.proc_net);
}
