/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for probe handlers, which run with preemption off. Everywhere else
 * that is GFP_ATOMIC and no more; under PREEMPT_RT the allocator sleeps, and a
 * stock is kept that process context fills up.
 */
#ifndef TOA_RESERVE_H
#define TOA_RESERVE_H

#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"

struct toa_reserve {
	struct kmem_cache *cache;
#ifdef TOA_PREEMPT_RT
	raw_spinlock_t lock;
	struct spare *spares;
	unsigned int count;
	struct work_struct refill;
#endif
};

int toa_reserve_init(struct toa_reserve *reserve, const char *name, size_t size);
void toa_reserve_exit(struct toa_reserve *reserve);

void *toa_reserve_alloc(struct toa_reserve *reserve);
void toa_reserve_free(struct toa_reserve *reserve, void *object);

#endif
