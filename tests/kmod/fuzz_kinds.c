// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameter kinds= (kmod/kinds.c over kernel_shim.h) on any text,
 * for libFuzzer and for a replay. Input: the text, up to the first NUL.
 */
#include "kinds.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_show(const uint8_t *data, size_t size, char *shown);

#define MUST(condition) do { if (!(condition)) die(#condition, __LINE__); } while (0)

static void die(const char *what, int line)
{
	fprintf(stderr, "fuzz_kinds.c:%d: does not hold: %s\n", line, what);
	abort();
}

/* ---- the reference ---- */

/* Kinds of TCP itself: an address must not be looked for in them. */
static int is_tcps_own(unsigned long kind)
{
	return (kind <= 34 && kind != 28) || kind == 69 || kind == 172 || kind == 174;
}

/* A kind in decimal, blanks around it and one plus sign before it allowed; else -1. */
static int read_kind(const char *word, size_t len)
{
	static const char blanks[] = " \t\n\v\f\r";
	unsigned long kind = 0;
	size_t i;

	while (len && strchr(blanks, *word))
		word++, len--;
	while (len && strchr(blanks, word[len - 1]))
		len--;
	if (len && *word == '+')
		word++, len--;
	if (!len)
		return -1;
	for (i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return -1;
		kind = kind * 10 + (unsigned long)(word[i] - '0');
		if (kind > 255)
			return -1;
	}
	return is_tcps_own(kind) ? -1 : (int)kind;
}

/* Fills @wanted with a flag for each kind in @text; whether all words are kinds. */
static int reference(const char *text, char wanted[256])
{
	memset(wanted, 0, 256);
	for (;;) {
		size_t len = strcspn(text, ",");
		int kind = read_kind(text, len);

		if (kind < 0)
			return 0;
		wanted[kind] = 1;
		if (!text[len])
			return 1;
		text += len + 1;
	}
}

/* ---- what must hold ---- */

static void check_enabled(const char wanted[256])
{
	unsigned int kind;

	for (kind = 0; kind < 256; kind++)
		MUST(toa_kind_enabled(&toa_kinds, (u8)kind) == wanted[kind]);
}

static const char before[] = "254,200";

/* For the replay: what a write of @data to the parameter answers, and what it shows then. */
int fuzz_show(const uint8_t *data, size_t size, char *shown)
{
	char *text = strndup((const char *)data, size);
	int err;

	MUST(text && !toa_kinds_set(before));
	err = toa_kinds_set(text);
	toa_kinds_show(shown, PAGE_SIZE);
	free(text);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strnlen((const char *)data, size);
	char *text = strndup((const char *)data, len);
	char shown[PAGE_SIZE + 1], wanted[256], again[256];
	int err, valid;

	if (!text || len >= PAGE_SIZE) {	/* sysfs gives no more than a page */
		free(text);
		return 0;
	}
	MUST(!toa_kinds_set(before));
	valid = reference(text, wanted);
	err = toa_kinds_set(text);
	free(text);

	MUST(err == (valid ? 0 : -EINVAL));
	if (err)
		MUST(reference(before, wanted));	/* nothing has changed */
	check_enabled(wanted);

	memset(shown, 0x5a, sizeof(shown));
	err = toa_kinds_show(shown, PAGE_SIZE);
	MUST(err > 0 && err < PAGE_SIZE && shown[err] == '\0' && shown[err - 1] == '\n');
	MUST(reference(shown, again) && !memcmp(wanted, again, sizeof(wanted)));
	MUST(!toa_kinds_set(shown));
	check_enabled(wanted);
	return 0;
}
