// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "netns.h"

#include "compat.h"

#define MAX_NAMESPACES 256

struct namespaces {
	struct rcu_head rcu;
	unsigned int count;
	unsigned int inums[MAX_NAMESPACES];
};

/* NULL: all of them. Written under the module's parameter lock, read under RCU. */
static struct namespaces __rcu *watched;

static bool parse_inum(const char *word, unsigned int *inum)
{
	if (!strcmp(word, "init")) {
		*inum = toa_netns_inum(&init_net);
		return true;
	}
	return !kstrtouint(word, 10, inum) && *inum;
}

/* Context: process. Return: the list in @text, NULL for all, or an error pointer. */
static struct namespaces *parse_namespaces(char *text)
{
	struct namespaces *parsed;
	char *word;

	if (!*text || !strcmp(text, "all"))
		return NULL;
	parsed = kzalloc(sizeof(*parsed), GFP_KERNEL);
	if (!parsed)
		return ERR_PTR(-ENOMEM);

	while ((word = strsep(&text, ",")) != NULL) {
		if (parsed->count == MAX_NAMESPACES) {
			pr_err("netns: more than %d namespaces\n", MAX_NAMESPACES);
			goto invalid;
		}
		word = strim(word);
		if (!parse_inum(word, &parsed->inums[parsed->count++])) {
			pr_err("netns: '%s' is neither init nor a number as in readlink /proc/PID/ns/net\n",
			       word);
			goto invalid;
		}
	}
	return parsed;
invalid:
	kfree(parsed);
	return ERR_PTR(-EINVAL);
}

static void replace_watched(struct namespaces *new)
{
	struct namespaces *old = rcu_dereference_protected(watched, 1);

	rcu_assign_pointer(watched, new);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * toa_netns_set - look at connections in these network namespaces only
 * @list:	"all" (or empty), or with commas between them: "init", and the
 *		numbers that readlink /proc/PID/ns/net shows
 *
 * Connections that exist keep what they have.
 *
 * Context: process, under the module's parameter lock; may sleep.
 * Return: 0, -EINVAL (then nothing changed) or -ENOMEM.
 */
int toa_netns_set(const char *list)
{
	struct namespaces *parsed;
	char *text;

	text = kstrdup(list, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	parsed = parse_namespaces(strim(text));
	kfree(text);
	if (IS_ERR(parsed))
		return PTR_ERR(parsed);
	replace_watched(parsed);
	return 0;
}

/* The list as toa_netns_set takes it. Context: as toa_netns_set. */
int toa_netns_show(char *buffer, size_t size)
{
	const struct namespaces *list = rcu_dereference_protected(watched, 1);
	unsigned int i;
	int len = 0;

	if (!list)
		return scnprintf(buffer, size, "all%s", toa_param_end());
	for (i = 0; i < list->count; i++) {
		if (i)
			len += scnprintf(buffer + len, size - len, ",");
		if (list->inums[i] == toa_netns_inum(&init_net))
			len += scnprintf(buffer + len, size - len, "init");
		else
			len += scnprintf(buffer + len, size - len, "%u", list->inums[i]);
	}
	return len + scnprintf(buffer + len, size - len, "%s", toa_param_end());
}

/* Context: process; no hook is armed any more. */
void toa_netns_free(void)
{
	replace_watched(NULL);
}

/* Context: any; never sleeps. */
bool toa_netns_is_watched(const struct net *net)
{
	const struct namespaces *list;
	bool found = true;
	unsigned int i;

	rcu_read_lock();
	list = rcu_dereference(watched);
	if (list) {
		found = false;
		for (i = 0; !found && i < list->count; i++)
			found = list->inums[i] == toa_netns_inum(net);
	}
	rcu_read_unlock();
	return found;
}
