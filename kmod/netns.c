// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "netns.h"
#include "parameter_list.h"

#include "compat.h"

/* Their numbers; NULL: all of them. */
static struct toa_list __rcu *watched;

static bool parse_inum(const char *word, void *item)
{
	unsigned int *inum = item;

	if (!strcmp(word, "init")) {
		*inum = toa_netns_inum(&init_net);
		return true;
	}
	return !kstrtouint(word, 10, inum) && *inum;
}

static const struct toa_list_kind namespaces = {
	.parameter = "netns",
	.items = "namespaces",
	.refused = "neither init nor a number as in readlink /proc/PID/ns/net",
	.unrestricted = "all",
	.max = 256,
	.item_size = sizeof(unsigned int),
	.parse = parse_inum,
};

static unsigned int inum_at(const struct toa_list *list, unsigned int i)
{
	return ((const unsigned int *)list->items)[i];
}

/**
 * toa_netns_set - look at connections in these network namespaces only
 * @list:	"all" (or empty), or with commas between them: "init", and the
 *		numbers that readlink /proc/PID/ns/net shows
 *
 * Connections that exist keep what they have.
 *
 * Context and return: as toa_list_set().
 */
int toa_netns_set(const char *list)
{
	return toa_list_set(&watched, &namespaces, list);
}

/* The list as toa_netns_set takes it. Context: as toa_netns_set. */
int toa_netns_show(char *buffer, size_t size)
{
	const struct toa_list *list = rcu_dereference_protected(watched, 1);
	unsigned int i;
	int len = 0;

	if (!list)
		return scnprintf(buffer, size, "all%s", toa_param_end());
	for (i = 0; i < list->count; i++) {
		if (i)
			len += scnprintf(buffer + len, size - len, ",");
		if (inum_at(list, i) == toa_netns_inum(&init_net))
			len += scnprintf(buffer + len, size - len, "init");
		else
			len += scnprintf(buffer + len, size - len, "%u", inum_at(list, i));
	}
	return len + scnprintf(buffer + len, size - len, "%s", toa_param_end());
}

/* Context: process; no hook is armed any more. */
void toa_netns_free(void)
{
	toa_list_free(&watched);
}

/* Context: any; never sleeps. */
bool toa_netns_is_watched(const struct net *net)
{
	const struct toa_list *list;
	bool found = true;
	unsigned int i;

	rcu_read_lock();
	list = rcu_dereference(watched);
	if (list) {
		found = false;
		for (i = 0; !found && i < list->count; i++)
			found = inum_at(list, i) == toa_netns_inum(net);
	}
	rcu_read_unlock();
	return found;
}
