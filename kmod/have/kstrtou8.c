// SPDX-License-Identifier: GPL-2.0-only
/* 2.6.39. Before, kstrtouint and a look at the number. */
#include <linux/kernel.h>

int toa_have(const char *text, u8 *number);
int toa_have(const char *text, u8 *number)
{
	return kstrtou8(text, 10, number);
}
