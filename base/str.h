/* SPDX-License-Identifier: MIT */
/* Slices of text with a length, and parsing of numbers. Slices do not own their text. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* Not NUL-terminated. A value type: copy it freely. */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){.p = (lit), .n = sizeof(lit) - 1})
/* For printf: printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *c)
{
	return (struct str){.p = c ? c : "", .n = c ? strlen(c) : 0};
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){.p = p, .n = n};
}

bool str_eq(struct str a, struct str b);
/* Compares; ASCII letters match in upper and lower case. */
bool str_eq_nocase(struct str a, struct str b);
bool str_is(struct str a, const char *c);
bool str_starts(struct str a, const char *prefix);
bool str_ends(struct str a, const char *suffix);

/* Removes leading and trailing blanks and tabs. */
struct str str_trim(struct str s);
/* Returns the text before the first `sep`, or all of it if there is none. `*rest` is the text after
 * it, or empty. */
struct str str_cut(struct str s, char sep, struct str *rest);
/* Takes the next word (separated by blanks or tabs) from `*s`; empty at the end. */
struct str str_word(struct str *s);
/* Index of the first `c`; s.n if there is none. */
size_t str_find(struct str s, char c);
/* `s` without its first `n` characters (n at most s.n). */
struct str str_skip(struct str s, size_t n);

/* The whole slice must be an unsigned decimal number from 0 to `max`. ERR_SYNTAX, ERR_RANGE. */
enum err str_to_u64(struct str s, uint64_t max, uint64_t *out) MUST_USE;

enum { STR_U64_MAX = 20 };
/* Writes a decimal number without a NUL; returns the number of characters, at most STR_U64_MAX. */
size_t str_put_u64(char *out, uint64_t v);

/* Copies into a C string. ERR_TOO_BIG: text and NUL do not fit. */
enum err str_copy(struct str s, char *out, size_t room) MUST_USE;
/* How many letters to change, add or remove to turn `a` into `b`: 0 to 3; 3 stands for 3 or more,
 * and for a text above 40 octets. */
unsigned str_distance(struct str a, struct str b);

#endif
