// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives the files named on the command line to a fuzz target; for any compiler.
 * With --show before them, prints what the parameter holds after each instead.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The error or 0, and what is shown then; only parameters have it. */
int fuzz_show(const uint8_t *data, size_t size, char *shown) __attribute__((weak));

static void show(const char *path, const uint8_t *data, size_t size)
{
	static char shown[4096];
	const char *slash = strrchr(path, '/');
	int err = fuzz_show(data, size, shown);

	printf("%s %s %s", slash ? slash + 1 : path, err ? "refused" : "taken", shown);
}

int main(int argc, char **argv)
{
	static uint8_t buffer[1 << 16];
	int shows = argc > 1 && !strcmp(argv[1], "--show");
	int i;

	for (i = 1 + shows; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		uint8_t *exact;
		size_t size;

		if (!file) {
			perror(argv[i]);
			return 2;
		}
		size = fread(buffer, 1, sizeof(buffer), file);
		fclose(file);
		/* A copy of exactly its size: the target must not read on either. */
		exact = malloc(size ? size : 1);
		memcpy(exact, buffer, size);
		fprintf(stderr, "%s\n", argv[i]);
		if (shows)
			show(argv[i], exact, size);
		else
			LLVMFuzzerTestOneInput(exact, size);
		free(exact);
	}
	if (!shows)
		printf("%d replayed\n", argc - 1);
	return 0;
}
