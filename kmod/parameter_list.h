/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A parameter that is a list: words with commas between them, read under RCU
 * while it is written. No list at all, NULL, means no restriction.
 */
#ifndef TOA_PARAMETER_LIST_H
#define TOA_PARAMETER_LIST_H

#include <linux/rcupdate.h>
#include <linux/types.h>

struct toa_list {
	struct rcu_head rcu;
	unsigned int count;
	u64 items[];		/* as many as there are, of the kind's own type */
};

struct toa_list_kind {
	const char *parameter;
	const char *items;	/* what they are called: "networks" */
	const char *refused;	/* what a wrong word is: "no network like ..." */
	const char *unrestricted;	/* a word that means NULL, as an empty text does */
	unsigned int max;
	size_t item_size;
	bool (*parse)(const char *word, void *item);
};

int toa_list_set(struct toa_list __rcu **list, const struct toa_list_kind *kind,
		 const char *value);
void toa_list_free(struct toa_list __rcu **list);

#endif
