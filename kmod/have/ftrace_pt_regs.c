// SPDX-License-Identifier: GPL-2.0-only
/* 3.7 to 5.10. */
#include <linux/ftrace.h>

#pragma GCC diagnostic error "-Wincompatible-pointer-types"

void toa_have(struct ftrace_ops *ops,
	      void (*callback)(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct pt_regs *regs));
void toa_have(struct ftrace_ops *ops,
	      void (*callback)(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct pt_regs *regs))
{
	ops->func = callback;
	ops->flags = FTRACE_OPS_FL_SAVE_REGS;
}
