// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "parameter_list.h"

#include "compat.h"

/* Context: process. Return: the list in @text, NULL for none, or an error pointer. */
static struct toa_list *parse_list(const struct toa_list_kind *kind, char *text)
{
	struct toa_list *parsed;
	char *word;

	if (!*text || !strcmp(text, kind->unrestricted))
		return NULL;
	parsed = kzalloc(sizeof(*parsed) + kind->max * kind->item_size, GFP_KERNEL);
	if (!parsed)
		return ERR_PTR(-ENOMEM);

	while ((word = strsep(&text, ",")) != NULL) {
		if (parsed->count == kind->max) {
			pr_err("%s: more than %u %s\n", kind->parameter, kind->max, kind->items);
			goto invalid;
		}
		word = strim(word);
		if (!kind->parse(word, (char *)parsed->items + parsed->count * kind->item_size)) {
			pr_err("%s: '%s' is %s\n", kind->parameter, word, kind->refused);
			goto invalid;
		}
		parsed->count++;
	}
	return parsed;
invalid:
	kfree(parsed);
	return ERR_PTR(-EINVAL);
}

static void replace_list(struct toa_list __rcu **list, struct toa_list *new)
{
	struct toa_list *old = rcu_dereference_protected(*list, 1);

	rcu_assign_pointer(*list, new);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * toa_list_set - take another list
 * @list:	replaced; readers of the old one are waited for
 * @kind:	what it is a list of
 * @value:	its words, with commas between them and blanks around them
 *
 * Context: process, under the module's parameter lock; may sleep.
 * Return: 0, -EINVAL (then nothing changed) or -ENOMEM.
 */
int toa_list_set(struct toa_list __rcu **list, const struct toa_list_kind *kind,
		 const char *value)
{
	struct toa_list *parsed;
	char *text;

	text = kstrdup(value, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	parsed = parse_list(kind, strim(text));
	kfree(text);
	if (IS_ERR(parsed))
		return PTR_ERR(parsed);
	replace_list(list, parsed);
	return 0;
}

/* Context: process; nobody reads it any more. */
void toa_list_free(struct toa_list __rcu **list)
{
	replace_list(list, NULL);
}
