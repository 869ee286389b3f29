// SPDX-License-Identifier: GPL-2.0-only
/* Before 4.20, RCU does not wait for sections with preemption off. */
#include <linux/rcupdate.h>

void toa_have(struct rcu_head *head, void (*done)(struct rcu_head *head));
void toa_have(struct rcu_head *head, void (*done)(struct rcu_head *head))
{
	call_rcu_sched(head, done);
}
