// SPDX-License-Identifier: GPL-2.0-only
/* 3.10. Before, PDE(inode)->data; pde_data() since 5.17, where proc_create_single does it. */
#include <linux/proc_fs.h>

void *toa_have(const struct inode *inode);
void *toa_have(const struct inode *inode)
{
	return PDE_DATA(inode);
}
