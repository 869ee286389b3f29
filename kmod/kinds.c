// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kinds.h"

#include "compat.h"

#define DEFAULT_KIND 254

struct toa_kinds toa_kinds = {
	.enabled = { [DEFAULT_KIND / 8] = 1U << (DEFAULT_KIND % 8) },
};

/* The list in @text as flags. Context: process. Return: 0 or -EINVAL. */
static int parse_kinds(char *text, struct toa_kinds *parsed)
{
	char *word;

	memset(parsed, 0, sizeof(*parsed));
	while ((word = strsep(&text, ",")) != NULL) {
		unsigned int kind;

		if (kstrtouint(strim(word), 10, &kind) || !toa_kind_allowed(kind)) {
			pr_err("kinds: '%s' is no TCP option kind that can carry an address\n",
			       word);
			return -EINVAL;
		}
		toa_kind_enable(parsed, kind);
	}
	return 0;
}

/**
 * toa_kinds_set - look for addresses in options of these kinds only
 * @list:	kinds in decimal with commas between them, at least one
 *
 * Context: process, under the module's parameter lock; may sleep.
 * Return: 0, -EINVAL (then nothing changed) or -ENOMEM.
 */
int toa_kinds_set(const char *list)
{
	struct toa_kinds parsed;
	char *text;
	int err;

	text = kstrdup(list, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = parse_kinds(text, &parsed);
	kfree(text);
	if (err)
		return err;

	toa_kinds = parsed;
	return 0;
}

/* The kinds as toa_kinds_set takes them. Context: any. */
int toa_kinds_show(char *buffer, size_t size)
{
	int len = 0;
	int kind;

	for (kind = 0; kind < TOA_KINDS; kind++)
		if (toa_kind_enabled(&toa_kinds, kind))
			len += scnprintf(buffer + len, size - len, "%s%d", len ? "," : "", kind);
	return len + scnprintf(buffer + len, size - len, "%s", toa_param_end());
}
