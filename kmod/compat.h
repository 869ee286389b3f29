/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels stands here; everything else reads as if for one. */
#ifndef TOA_COMPAT_H
#define TOA_COMPAT_H

#include <linux/ptrace.h>

/* The @n th argument (from 0) of a probed function, in its entry handler. */
static inline void *toa_argument(struct pt_regs *regs, unsigned int n)
{
	return (void *)regs_get_kernel_argument(regs, n);
}

#endif
