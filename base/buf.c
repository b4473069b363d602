/* SPDX-License-Identifier: MIT */
/* A growing buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"

/* Like mem_resize, but wipes the old memory. */
static char *move(struct buf *b, size_t room)
{
	char *p = mem_alloc(room);

	if (!p)
		return NULL;
	if (b->p) {
		memcpy(p, b->p, b->n + 1);
		secret_wipe(b->p, b->room);
		mem_free(b->p);
	}
	return p;
}

static bool make_room(struct buf *b, size_t more)
{
	size_t want = b->n + more + 1;
	size_t room = b->room ? b->room : 256;
	char *p;

	if (b->bad || want < b->n)
		return b->bad = true, false;
	if (want <= b->room)
		return true;
	while (room < want)
		room = room > want / 2 ? want : room * 2;
	if (room < 2 * b->room)
		room = 2 * b->room;
	p = b->wipes ? move(b, room) : mem_resize(b->p, room, 1);
	if (!p)
		return b->bad = true, false;
	b->p = p;
	b->room = room;
	return true;
}

/* Fast path: replies are built from many small pieces, and nearly every piece fits into the
 * buffer. */
static inline bool has_room(const struct buf *b, size_t more)
{
	return !b->bad && more < b->room - b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!has_room(b, n) && !make_room(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_text(struct buf *b, const char *c)
{
	buf_add(b, c, strlen(c));
}

void buf_char(struct buf *b, char c)
{
	if (!has_room(b, 1) && !make_room(b, 1))
		return;
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void buf_number(struct buf *b, int64_t v)
{
	char text[1 + STR_U64_MAX] = "-";

	if (v < 0)
		buf_add(b, text, 1 + str_put_u64(text + 1, 0 - (uint64_t)v));
	else
		buf_add(b, text, str_put_u64(text, (uint64_t)v));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !make_room(b, (size_t)n)) {
		b->bad = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (!n)
		return;
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
	if (b->wipes)
		secret_wipe(b->p + b->n + 1, n);
}

void buf_reset(struct buf *b)
{
	if (b->wipes)
		secret_wipe(b->p, b->n);
	b->n = 0;
	b->bad = false;
	if (b->p)
		b->p[0] = '\0';
}

void buf_free(struct buf *b)
{
	if (b->wipes)
		secret_wipe(b->p, b->room);
	mem_free(b->p);
	*b = (struct buf){.wipes = b->wipes};
}
