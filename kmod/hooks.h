/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the module meets the kernel's TCP: probes, and nothing written to it. */
#ifndef TOA_HOOKS_H
#define TOA_HOOKS_H

#include <linux/types.h>

int toa_hooks_init(bool from_syn);
void toa_hooks_exit(void);

bool toa_hooks_armed(void);
unsigned long toa_hooks_missed(void);

#endif
