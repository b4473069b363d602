/* SPDX-License-Identifier: MIT */
/* Test vectors as text: a file of `name value` lines under tests/vectors, `#` begins a comment. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { VECTORS_TEXT_MAX = 16384 };

struct vectors {
	char text[VECTORS_TEXT_MAX];
	size_t n;
};

/* "rfc3711-b3": ends the process when the file can't be read. */
void vectors_read(struct vectors *v, const char *name);
/* The value of the `nth` line (from 0) of that name; empty when there is none. */
struct str vectors_text(const struct vectors *v, const char *name, unsigned nth);
/* The same in octets; ends the process when it is missing or not hexadecimal. Returns the count. */
size_t vectors_hex(const struct vectors *v, const char *name, uint8_t *out, size_t room);

#endif
