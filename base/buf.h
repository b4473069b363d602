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

/*
 * Starts zeroed: `struct buf b = {0}`. An append that can't be had sets `bad`, which stays: build
 * first, ask once. Always NUL-terminated when `n` > 0 was ever reached. Not for keys: it leaves
 * copies behind when it grows.
 */
struct buf {
	char *p;
	size_t n, room;
	bool bad;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_text(struct buf *b, const char *c);
void buf_char(struct buf *b, char c);
void buf_number(struct buf *b, int64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the first `n` octets. */
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
