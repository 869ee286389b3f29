/* SPDX-License-Identifier: GPL-2.0-only */
/* getpeername(), accept(): the client's address in place of the balancer's. */
#ifndef TOA_GETNAME_H
#define TOA_GETNAME_H

#include <linux/types.h>

int toa_getname_init(void);
void toa_getname_exit(void);

bool toa_getname_armed(void);
unsigned long toa_getname_missed(void);

#endif
