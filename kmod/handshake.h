/* SPDX-License-Identifier: GPL-2.0-only */
/* New connections: who is behind them. */
#ifndef TOA_HANDSHAKE_H
#define TOA_HANDSHAKE_H

#include <linux/types.h>

#include "option.h"

int toa_handshake_init(bool from_syn);
void toa_handshake_exit(void);

unsigned long toa_handshake_missed(void);

/* The option kinds that may carry an address. */
extern struct toa_kinds toa_kinds;

#endif
