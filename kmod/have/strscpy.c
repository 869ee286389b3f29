// SPDX-License-Identifier: GPL-2.0-only
/* 4.3. Before, strlcpy (which is gone from 6.8 on). */
#include <linux/string.h>

long toa_have(char *target, const char *text, size_t size);
long toa_have(char *target, const char *text, size_t size)
{
	return strscpy(target, text, size);
}
