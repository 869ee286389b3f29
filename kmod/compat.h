/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels stands here; everything else reads as if for one.
 * TOA_HAVE_* come from Kbuild, which looks at the target's headers.
 */
#ifndef TOA_COMPAT_H
#define TOA_COMPAT_H

#include <linux/ptrace.h>
#include <linux/types.h>
#include <net/sock.h>

#ifdef TOA_HAVE_MPTCP
#include <net/mptcp.h>
#else
/* Kernels before MPTCP: no socket is one of its subflows. */
static inline bool sk_is_mptcp(const struct sock *sk)
{
	return false;
}
#endif

/* The @n th argument (from 0) of a probed function, in its entry handler. */
static inline void *toa_argument(struct pt_regs *regs, unsigned int n)
{
	return (void *)regs_get_kernel_argument(regs, n);
}

#endif
