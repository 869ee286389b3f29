/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/net/toa_stats: the counters, and what hooks and store tell of themselves. */
#ifndef TOA_PROC_H
#define TOA_PROC_H

/*
 * Fails where another module has that name already: a second entry of a name
 * makes the kernel warn, which some machines are told to panic for.
 */
int toa_proc_look(void);
int toa_proc_init(void);
void toa_proc_exit(void);

#endif
