/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/net/toa_stats: the counters, and what hooks and store tell of themselves. */
#ifndef TOA_PROC_H
#define TOA_PROC_H

int toa_proc_init(void);
void toa_proc_exit(void);

#endif
