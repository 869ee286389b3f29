// SPDX-License-Identifier: GPL-2.0-only
/* 5.11. */
#include <linux/ftrace.h>

#pragma GCC diagnostic error "-Wincompatible-pointer-types"

void toa_have(struct ftrace_ops *ops,
	      void (*callback)(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct ftrace_regs *regs));
void toa_have(struct ftrace_ops *ops,
	      void (*callback)(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct ftrace_regs *regs))
{
	ops->func = callback;
}
