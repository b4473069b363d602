/* SPDX-License-Identifier: MIT */
/* Reads test vectors. */
#include "tests/harness/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "tests/harness/harness.h"

static _Noreturn void give_up(const char *what, const char *name)
{
	printf("FAIL vectors: %s %s\n", what, name);
	exit(1);
}

void vectors_read(struct vectors *v, const char *name)
{
	char relative[128];
	FILE *f;

	snprintf(relative, sizeof(relative), "vectors/%s.txt", name);
	f = fopen(test_path(relative), "r");
	if (!f)
		give_up("cannot read", relative);
	v->n = fread(v->text, 1, sizeof(v->text), f);
	fclose(f);
}

struct str vectors_text(const struct vectors *v, const char *name, unsigned nth)
{
	struct str rest = str_make(v->text, v->n);

	while (rest.n) {
		struct str line = str_cut(rest, '\n', &rest);

		if (str_is(str_word(&line), name) && nth-- == 0)
			return str_trim(line);
	}
	return str_make("", 0);
}

size_t vectors_hex(const struct vectors *v, const char *name, uint8_t *out, size_t room)
{
	struct str text = vectors_text(v, name, 0);
	size_t n;

	if (text.n == 0 || hex_decode(text, out, room, &n) != ERR_OK)
		give_up("no octets for", name);
	return n;
}
