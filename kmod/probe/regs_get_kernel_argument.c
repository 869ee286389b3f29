// SPDX-License-Identifier: GPL-2.0-only
/* 4.20 (x86_64), 5.2 (arm64). Before, the registers themselves are read. */
#include <linux/ptrace.h>

unsigned long toa_probe(struct pt_regs *regs);
unsigned long toa_probe(struct pt_regs *regs)
{
	return regs_get_kernel_argument(regs, 1);
}
