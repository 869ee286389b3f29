/* SPDX-License-Identifier: GPL-2.0-only */
/* New connections: who is behind them. */
#ifndef TOA_HANDSHAKE_H
#define TOA_HANDSHAKE_H

#include <linux/types.h>

int toa_handshake_init(bool from_syn);
void toa_handshake_exit(void);

unsigned long toa_handshake_missed(void);

#endif
