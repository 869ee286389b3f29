/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, a set for each CPU; proc.c shows them. */
#ifndef TOA_COUNT_H
#define TOA_COUNT_H

#include <linux/percpu.h>

#include "compat.h"

/* The order is the order of the rows; existing monitoring reads the first six. */
enum toa_counter {
	TOA_SYN_RECV_SOCK_TOA,
	TOA_SYN_RECV_SOCK_NO_TOA,
	TOA_GETNAME_OK,
	TOA_GETNAME_MISMATCH,
	TOA_GETNAME_BYPASS,
	TOA_GETNAME_EMPTY,
	TOA_OPTION_MALFORMED,
	TOA_PEER_UNTRUSTED,
	TOA_STORE_FULL,
	TOA_STORE_NO_MEMORY,
	TOA_EVICTIONS,
	TOA_COUNTERS,
};

struct toa_counters {
	unsigned long count[TOA_COUNTERS];
};

DECLARE_PER_CPU(struct toa_counters, toa_counters);

/* Any context. */
static inline void toa_count(enum toa_counter counter)
{
	this_cpu_inc(toa_counters.count[counter]);
}

#endif
