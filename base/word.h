/* SPDX-License-Identifier: MIT */
/* Tables of the words that protocols and settings use, with their values. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdint.h>

#include "base/str.h"

/* One word of a table. The last entry of a table has a NULL name. The table of an enum is defined
 * once, next to the enum. */
struct word {
	const char *name;
	uint8_t value;
};

/* Returns the entry with this name; NULL if the table has none. */
static inline const struct word *word_find(const struct word *words, struct str name)
{
	while (words->name && !str_is(name, words->name))
		words++;
	return words->name ? words : NULL;
}

/* Returns the word for the value; "unknown" if the table has none. */
static inline const char *word_name(const struct word *words, unsigned value)
{
	while (words->name && words->value != value)
		words++;
	return words->name ? words->name : "unknown";
}

#endif
