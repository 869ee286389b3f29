// SPDX-License-Identifier: GPL-2.0-only
/* 3.8 to 5.10: the callback needs no guard. */
#include <linux/ftrace.h>

unsigned long toa_have(void);
unsigned long toa_have(void)
{
	return FTRACE_OPS_FL_RECURSION_SAFE;
}
