/* SPDX-License-Identifier: MIT */
/* A growing buffer for text and octets that are built piece by piece. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/str.h"

/* Initialize it with `struct buf b = {0}`. A failed append sets `bad`, which stays set: append
 * everything, then check `bad` once. After the first append `p` ends with a NUL. For text that may
 * hold keys use `struct buf b = {.wipes = true}`: it wipes octets that it drops, and memory that it
 * frees. Without that, copies of the octets stay behind in freed memory whenever it grows. */
struct buf {
	char *p;
	size_t n, room;
	bool bad;
	bool wipes; /* set it before the first append; buf_free keeps it */
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_text(struct buf *b, const char *c);
void buf_char(struct buf *b, char c);
void buf_number(struct buf *b, int64_t v); /* appends the number in decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Removes the first `n` octets. */
void buf_drop(struct buf *b, size_t n);
void buf_reset(struct buf *b);
void buf_free(struct buf *b);

static inline struct str buf_as_str(const struct buf *b)
{
	return str_make(b->p ? b->p : "", b->n);
}

static inline struct view buf_as_view(const struct buf *b)
{
	return (struct view){.p = (const uint8_t *)(b->p ? b->p : ""), .n = b->n};
}

#endif
