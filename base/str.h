/* SPDX-License-Identifier: MIT */
/* Slices of text with a length, and parsing of numbers. Slices do not own their text. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* A slice of text, not NUL-terminated. Pass and copy it by value. */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){.p = (lit), .n = sizeof(lit) - 1})
/* The two arguments of printf for a slice: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p
/* Like STR_ARG, for a wrong value in an error: at most the first 80 octets, so that a long value
 * leaves room for the words about what is allowed. */
#define STR_SHOWN(s) (int)((s).n < 80 ? (s).n : 80), (s).p

static inline struct str str_of(const char *c)
{
	return (struct str){.p = c ? c : "", .n = c ? strlen(c) : 0};
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){.p = p, .n = n};
}

bool str_eq(struct str a, struct str b);
/* Compares two slices without regard to the case of ASCII letters. */
bool str_eq_nocase(struct str a, struct str b);
bool str_is(struct str a, const char *c);
bool str_starts(struct str a, const char *prefix);
bool str_ends(struct str a, const char *suffix);

/* Returns the slice without leading and trailing blanks and tabs. */
struct str str_trim(struct str s);
/* Returns the text before the first `sep`, or the whole text if there is none. Sets `*rest` to the
 * text after `sep` (empty if there is none); `rest` may be NULL. */
struct str str_cut(struct str s, char sep, struct str *rest);
/* Removes the next word from `*s` and returns it; blanks and tabs separate words. Returns an empty
 * slice if no word is left. */
struct str str_word(struct str *s);
/* Returns the index of the first `c`; s.n if there is none. */
size_t str_find(struct str s, char c);
/* Returns `s` without its first `n` characters; empty if `s` has no more than `n`. */
struct str str_skip(struct str s, size_t n);

/* Parses an unsigned decimal number; the whole slice must be the number. ERR_SYNTAX: it is not a
 * number. ERR_RANGE: it is above `max`. */
enum err str_to_u64(struct str s, uint64_t max, uint64_t *out) MUST_USE;

enum { STR_U64_MAX = 20 };
/* Writes a decimal number without a NUL; returns the number of characters, at most STR_U64_MAX. */
size_t str_put_u64(char *out, uint64_t v);

/* Copies the slice into `out` and adds a NUL. ERR_TOO_BIG: the slice and the NUL do not fit into
 * `room`. */
enum err str_copy(struct str s, char *out, size_t room) MUST_USE;
/* Returns how many letters must be changed, added or removed to turn `a` into `b`, at most 3. Also
 * returns 3 if `a` or `b` has more than 40 octets. */
unsigned str_distance(struct str a, struct str b);

#endif
