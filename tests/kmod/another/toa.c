// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another TOA, as nodes may run one before ours comes
 *
 * It makes /proc/net/toa_stats, as most do, and answers getpeername() of every
 * IPv4 connection with 192.0.2.77, so that one sees which of the two answered.
 */
#include <linux/in.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

struct asked {
	struct sockaddr_in *answer;
};

static int before(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct asked *asked = (struct asked *)instance->data;

	asked->answer = (void *)regs_get_kernel_argument(regs, 1);
	return !(int)regs_get_kernel_argument(regs, 2);
}

static int after(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct asked *asked = (struct asked *)instance->data;

	if ((long)regs_return_value(regs) > 0)
		asked->answer->sin_addr.s_addr = htonl(0xc000024d);
	return 0;
}

static struct kretprobe answers = {
	.kp.symbol_name = "inet_getname",
	.entry_handler = before,
	.handler = after,
	.data_size = sizeof(struct asked),
	.maxactive = 64,
};

static int show(struct seq_file *seq, void *v)
{
	seq_puts(seq, "another TOA\n");
	return 0;
}

static int __init another_init(void)
{
	int err = register_kretprobe(&answers);

	if (err)
		return err;
	if (proc_create_single("toa_stats", 0444, init_net.proc_net, show))
		return 0;
	unregister_kretprobe(&answers);
	return -ENOMEM;
}

static void __exit another_exit(void)
{
	unregister_kretprobe(&answers);
	remove_proc_entry("toa_stats", init_net.proc_net);
}

module_init(another_init);
module_exit(another_exit);
MODULE_DESCRIPTION("Another TOA, for tests");
MODULE_VERSION("9.9");
MODULE_LICENSE("GPL");
