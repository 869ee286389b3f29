/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the module meets the kernel's TCP: probes, and nothing written to it. */
#ifndef TOA_HOOKS_H
#define TOA_HOOKS_H

#include <linux/types.h>

#include "option.h"

int toa_hooks_init(void);
void toa_hooks_exit(void);

bool toa_hooks_armed(void);
unsigned long toa_hooks_missed(void);

/* The option kinds that may carry an address. */
extern struct toa_kinds toa_kinds;

#endif
