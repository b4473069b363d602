/* SPDX-License-Identifier: MIT */
/* Test vectors: text files with `name value` lines under tests/vectors; `#` starts a comment. */
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

/* Reads the file `name` ("rfc3711-b3"); a failure ends the process. */
void vectors_read(struct vectors *v, const char *name);
/* Returns the value of the `nth` line (from 0) with this name; empty if there is none. */
struct str vectors_text(const struct vectors *v, const char *name, unsigned nth);
/* Decodes the value of the first line with this name from hexadecimal; returns the number of
 * octets. A missing or malformed line ends the process. */
size_t vectors_hex(const struct vectors *v, const char *name, uint8_t *out, size_t room);

#endif
