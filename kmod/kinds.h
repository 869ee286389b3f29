/* SPDX-License-Identifier: GPL-2.0-only */
/* Which option kinds may carry an address: the parameter kinds=. */
#ifndef TOA_KINDS_H
#define TOA_KINDS_H

#include <linux/types.h>

#include "option.h"

int toa_kinds_set(const char *list);
int toa_kinds_show(char *buffer, size_t size);

/* Read by handlers while it is written, a byte at a time, without a lock. */
extern struct toa_kinds toa_kinds;

#endif
