// SPDX-License-Identifier: GPL-2.0-only
/* 2.6.39. Before, strict_strtoul. */
#include <linux/kernel.h>

int toa_have(const char *text, unsigned int *number);
int toa_have(const char *text, unsigned int *number)
{
	return kstrtouint(text, 10, number);
}
