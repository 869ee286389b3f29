// SPDX-License-Identifier: GPL-2.0-only
/* 2.6.33. Before, the same function is called strstrip. */
#include <linux/string.h>

char *toa_have(char *text);
char *toa_have(char *text)
{
	return strim(text);
}
