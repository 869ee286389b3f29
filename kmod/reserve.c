// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/kernel.h>

#include "reserve.h"

#include "compat.h"

#ifdef TOA_PREEMPT_RT

/* New connections between two runs of the worker: a burst of them, on any machine. */
#define STOCK 4096

struct spare {
	struct spare *next;
};

/* Context: any. Return: the number that is there now. */
static unsigned int put_spare(struct toa_reserve *reserve, struct spare *spare)
{
	unsigned long flags;
	unsigned int count;

	raw_spin_lock_irqsave(&reserve->lock, flags);
	spare->next = reserve->spares;
	reserve->spares = spare;
	count = ++reserve->count;
	raw_spin_unlock_irqrestore(&reserve->lock, flags);
	return count;
}

/* Context: any. */
static struct spare *take_spare(struct toa_reserve *reserve, unsigned int *left)
{
	unsigned long flags;
	struct spare *spare;

	raw_spin_lock_irqsave(&reserve->lock, flags);
	spare = reserve->spares;
	if (spare) {
		reserve->spares = spare->next;
		reserve->count--;
	}
	*left = reserve->count;
	raw_spin_unlock_irqrestore(&reserve->lock, flags);
	return spare;
}

/* Context: process; may sleep. */
static void refill(struct work_struct *work)
{
	struct toa_reserve *reserve = container_of(work, struct toa_reserve, refill);
	struct spare *spare;

	do {
		spare = kmem_cache_alloc(reserve->cache, GFP_KERNEL);
	} while (spare && put_spare(reserve, spare) < STOCK);
}

static void stock_up(struct toa_reserve *reserve)
{
	raw_spin_lock_init(&reserve->lock);
	INIT_WORK(&reserve->refill, refill);
	refill(&reserve->refill);
}

static void sell_off(struct toa_reserve *reserve)
{
	struct spare *spare;
	unsigned int left;

	cancel_work_sync(&reserve->refill);
	while ((spare = take_spare(reserve, &left)) != NULL)
		kmem_cache_free(reserve->cache, spare);
}

void *toa_reserve_alloc(struct toa_reserve *reserve)
{
	struct spare *spare;
	unsigned int left;

	spare = take_spare(reserve, &left);
	if (left < STOCK / 2)
		schedule_work(&reserve->refill);
	return spare;
}

#else

static void stock_up(struct toa_reserve *reserve)
{
}

static void sell_off(struct toa_reserve *reserve)
{
}

/**
 * toa_reserve_alloc - an object, its contents undefined
 * @reserve:	where it comes from
 *
 * Context: any but NMI; never sleeps.
 * Return: the object, or NULL, without a word in the kernel's log.
 */
void *toa_reserve_alloc(struct toa_reserve *reserve)
{
	return kmem_cache_alloc(reserve->cache, GFP_ATOMIC | __GFP_NOWARN);
}

#endif

/* Context: softirq or process, preemption on under PREEMPT_RT (RCU callbacks are). */
void toa_reserve_free(struct toa_reserve *reserve, void *object)
{
	kmem_cache_free(reserve->cache, object);
}

/* Context: process; may sleep. Return: 0 or -ENOMEM. */
int toa_reserve_init(struct toa_reserve *reserve, const char *name, size_t size)
{
	reserve->cache = kmem_cache_create(name, size, 0, 0, NULL);
	if (!reserve->cache)
		return -ENOMEM;
	stock_up(reserve);
	return 0;
}

/* Context: process; may sleep. Every object has been freed. */
void toa_reserve_exit(struct toa_reserve *reserve)
{
	sell_off(reserve);
	kmem_cache_destroy(reserve->cache);
}
