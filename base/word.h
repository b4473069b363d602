/* SPDX-License-Identifier: MIT */
/* The words of protocols and settings, and their values. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdint.h>

#include "base/str.h"

/* A table ends with a NULL name. The table of an enum is defined next to the enum, only once. */
struct word {
	const char *name;
	uint8_t value;
};

/* NULL if the table has no such word. */
static inline const struct word *word_find(const struct word *words, struct str name)
{
	while (words->name && !str_is(name, words->name))
		words++;
	return words->name ? words : NULL;
}

/* "unknown" if the table has no word for the value. */
static inline const char *word_name(const struct word *words, unsigned value)
{
	while (words->name && words->value != value)
		words++;
	return words->name ? words->name : "unknown";
}

#endif
