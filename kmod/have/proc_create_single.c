// SPDX-License-Identifier: GPL-2.0-only
/* 4.18. Before, file operations serve /proc. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

bool toa_have(struct proc_dir_entry *parent, int (*show)(struct seq_file *seq, void *v));
bool toa_have(struct proc_dir_entry *parent, int (*show)(struct seq_file *seq, void *v))
{
	return proc_create_single("toa", 0444, parent, show);
}
