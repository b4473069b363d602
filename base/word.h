/* SPDX-License-Identifier: MIT */
/* Words of protocols and settings, and the values they stand for. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdint.h>

#include "base/str.h"

/* A table ends with a NULL name. The table of an enum stands beside the enum and is its only one.
 */
struct word {
	const char *name;
	uint8_t value;
};

/* NULL: the table has none. */
static inline const struct word *word_find(const struct word *words, struct str name)
{
	while (words->name && !str_is(name, words->name))
		words++;
	return words->name ? words : NULL;
}

/* "unknown" when no word stands for it. */
static inline const char *word_name(const struct word *words, unsigned value)
{
	while (words->name && words->value != value)
		words++;
	return words->name ? words->name : "unknown";
}

#endif
