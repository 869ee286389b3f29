// SPDX-License-Identifier: GPL-2.0-only
/* 4.11. Before, it is all in linux/sched.h. */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>

unsigned long *toa_have(struct task_struct *task);
unsigned long *toa_have(struct task_struct *task)
{
	return end_of_stack(task);
}
