/* SPDX-License-Identifier: MIT */
/* Replaces libFuzzer: gives every file of the corpus, and simple mutations of it, to
 * a fuzz target. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 64, FILE_MAX_BYTES = 1 << 20 };

static void try_octets(const uint8_t *data, size_t n)
{
	/* A heap copy of the exact size, so that the sanitizer detects a read past the end. */
	uint8_t *copy = malloc(n ? n : 1);

	CHECK(copy != NULL);
	memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void try_mutations(const uint8_t *data, size_t n)
{
	uint64_t state = n * 2654435761u + 1;
	uint8_t *copy = malloc(n ? n : 1);

	CHECK(copy != NULL);
	for (int i = 0; i < MUTATIONS && n; i++) {
		size_t cut = test_random(&state) % (n + 1);

		memcpy(copy, data, n);
		for (int k = 0; k < 1 + i % 4; k++)
			copy[test_random(&state) % n] ^= (uint8_t)(1u << (test_random(&state) & 7));
		try_octets(copy, i % 3 ? n : cut);
	}
	free(copy);
}

static void try_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(FILE_MAX_BYTES);
	size_t n;

	CHECK(f != NULL && data != NULL);
	n = fread(data, 1, FILE_MAX_BYTES, f);
	fclose(f);
	try_octets(data, n);
	try_mutations(data, n);
	free(data);
}

static unsigned try_path(const char *path)
{
	struct stat st;
	unsigned n = 0;
	struct dirent **names;
	int count;

	if (stat(path, &st))
		return 0;
	if (!S_ISDIR(st.st_mode)) {
		try_file(path);
		return 1;
	}
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char inner[4096];

		snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			n += try_path(inner);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return n;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	unsigned files = 0;

	for (int i = 1; i < argc; i++)
		files += try_path(argv[i]);
	if (!files) {
		printf("FAIL fuzz/%s: no corpus\n", name);
		return 1;
	}
	printf("PASS fuzz/%s: %u files\n", name, files);
	return 0;
}
