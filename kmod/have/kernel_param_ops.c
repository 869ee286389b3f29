// SPDX-License-Identifier: GPL-2.0-only
/* 2.6.36. Before, a parameter has two functions of its own and nothing to free it. */
#include <linux/moduleparam.h>

const struct kernel_param_ops *toa_have(void);
const struct kernel_param_ops *toa_have(void)
{
	static const struct kernel_param_ops ops;

	return &ops;
}
