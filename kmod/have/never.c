// SPDX-License-Identifier: GPL-2.0-only
/* Compiles with no kernel: a call of a function that nobody declares is an error. */
#include <linux/kernel.h>

int toa_have(void);
int toa_have(void)
{
	return toa_function_that_nobody_declares();
}
