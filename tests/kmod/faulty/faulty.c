// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that does what toa.ko must not do, one fault at a time, to see that
 * the debug kernel notices: insmod faulty.ko fault=NAME. It never stays.
 */
#include <linux/compiler.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *fault = "";
module_param(fault, charp, 0444);

static void sleep_under_spinlock(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void this_cpu_while_preemptible(void)
{
	pr_info("faulty: on processor %d\n", smp_processor_id());
}

static void rcu_list_without_rcu(void)
{
	struct entry {
		struct hlist_node node;
	} *entry;
	HLIST_HEAD(list);

	hlist_for_each_entry_rcu(entry, &list, node)
		break;
}

static void lock_order(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

struct with_rcu {
	struct rcu_head rcu;
};

static void nothing(struct rcu_head *rcu)
{
}

static void call_rcu_twice(void)
{
	struct with_rcu *object = kzalloc(sizeof(*object), GFP_KERNEL);

	rcu_read_lock();
	call_rcu(&object->rcu, nothing);
	call_rcu(&object->rcu, nothing);
	rcu_read_unlock();
	rcu_barrier();
	kfree(object);
}

static void use_after_free(void)
{
	char *memory = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(memory);
	kfree(memory);
	WRITE_ONCE(memory[8], 1);
}

static void heap_out_of_bounds(void)
{
	char *memory = kmalloc(61, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[61], 1);
	kfree(memory);
}

static void stack_out_of_bounds(void)
{
	char array[13] = { 0 };
	char *at = array + 13;

	OPTIMIZER_HIDE_VAR(at);
	WRITE_ONCE(*at, 1);
}

static void shift_out_of_bounds(void)
{
	int bits = 40;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("faulty: %d\n", 1 << bits);
}

static void leak(void)
{
	void *lost = kmalloc(96, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

static void end_of_the_stack(void)
{
	*end_of_stack(current) = 0;
	schedule();
}

static const struct {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "sleep-under-spinlock", sleep_under_spinlock },
	{ "this-cpu-while-preemptible", this_cpu_while_preemptible },
	{ "rcu-list-without-rcu", rcu_list_without_rcu },
	{ "lock-order", lock_order },
	{ "call-rcu-twice", call_rcu_twice },
	{ "use-after-free", use_after_free },
	{ "heap-out-of-bounds", heap_out_of_bounds },
	{ "stack-out-of-bounds", stack_out_of_bounds },
	{ "shift-out-of-bounds", shift_out_of_bounds },
	{ "leak", leak },
	{ "end-of-the-stack", end_of_the_stack },
};

static int __init faulty_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!strcmp(faults[i].name, fault)) {
			faults[i].commit();
			return -ECANCELED;
		}
	}
	return -EINVAL;
}
module_init(faulty_init);

MODULE_DESCRIPTION("Faults, one at a time");
MODULE_LICENSE("GPL");
