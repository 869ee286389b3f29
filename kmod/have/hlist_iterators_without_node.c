// SPDX-License-Identifier: GPL-2.0-only
/* 3.9. Before, the iterators of hlists have a struct hlist_node for themselves. */
#include <linux/rculist.h>

struct toa_have_entry {
	struct hlist_node node;
};

int toa_have(struct hlist_head *head);
int toa_have(struct hlist_head *head)
{
	struct toa_have_entry *entry;
	int count = 0;

	hlist_for_each_entry_rcu(entry, head, node)
		count++;
	return count;
}
