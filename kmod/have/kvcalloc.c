// SPDX-License-Identifier: GPL-2.0-only
/* 4.18. Before, vmalloc. */
#include <linux/mm.h>
#include <linux/slab.h>

void *toa_have(size_t count);
void *toa_have(size_t count)
{
	return kvcalloc(count, 8, GFP_KERNEL);
}
