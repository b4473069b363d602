/* SPDX-License-Identifier: MIT */
/* A bounded big-endian reader and writer; all octets from and to the network are read and written
 * through them. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A slice of octets. It does not own the octets. */
struct view {
	const uint8_t *p;
	size_t n;
};

/* A reader. It does not own the octets. A read past the end returns zero (or an empty view), does
 * not advance, and sets `bad`, which stays set: decode everything, then check rd_ok() once. Every
 * view that a read returns lies within [start, end]. */
struct rd {
	const uint8_t *start, *p, *end;
	bool bad;
};

static inline struct rd rd_make(const void *p, size_t n)
{
	const uint8_t *b = n ? p : (const uint8_t *)"";

	return (struct rd){.start = b, .p = b, .end = b + n};
}

static inline struct rd rd_view(struct view v)
{
	return rd_make(v.p, v.n);
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* Returns the number of octets read so far; error texts give it as the position of the error. */
static inline size_t rd_offset(const struct rd *r)
{
	return (size_t)(r->p - r->start);
}

/* True if everything was read and no read failed. */
static inline bool rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}

static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > rd_left(r)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline uint64_t rd_uint(struct rd *r, unsigned octets)
{
	const uint8_t *p = rd_take(r, octets);
	uint64_t v = 0;

	if (p)
		for (unsigned i = 0; i < octets; i++)
			v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_uint(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_uint(r, 2);
}

static inline uint32_t rd_u24(struct rd *r)
{
	return (uint32_t)rd_uint(r, 3);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_uint(r, 4);
}

static inline uint64_t rd_u64(struct rd *r)
{
	return rd_uint(r, 8);
}

/* Returns the next `n` octets. If fewer are left, returns an empty view and sets `bad`. */
static inline struct view rd_octets(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	return p ? (struct view){.p = p, .n = n} : (struct view){.p = r->end, .n = 0};
}

static inline void rd_skip(struct rd *r, size_t n)
{
	(void)rd_take(r, n);
}

/* Returns a reader of the next `n` octets only; `r` continues after them. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	struct view v = rd_octets(r, n);
	struct rd sub = rd_view(v);

	sub.bad = r->bad;
	return sub;
}

/* A writer. It does not own the memory. A write that does not fit writes nothing and sets `bad`,
 * which stays set. */
struct wr {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline struct wr wr_make(void *p, size_t n)
{
	return (struct wr){.start = p, .p = p, .end = (uint8_t *)p + n};
}

static inline bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

/* Reserves `n` octets for the caller to fill; NULL if they do not fit. */
static inline uint8_t *wr_take(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void wr_uint(struct wr *w, uint64_t v, unsigned octets)
{
	uint8_t *p = wr_take(w, octets);

	if (p)
		for (unsigned i = octets; i > 0; i--, v >>= 8)
			p[i - 1] = (uint8_t)v;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_uint(w, v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	wr_uint(w, v, 2);
}

static inline void wr_u24(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 3);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 4);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	wr_uint(w, v, 8);
}

static inline void wr_octets(struct wr *w, const void *p, size_t n)
{
	uint8_t *q = wr_take(w, n);

	if (q && n)
		memcpy(q, p, n);
}

static inline void wr_view(struct wr *w, struct view v)
{
	wr_octets(w, v.p, v.n);
}

/* Overwrites 16 bits at the offset `at`, which must be written already. Use it for a length that is
 * known only later. */
static inline void wr_patch_u16(struct wr *w, size_t at, uint16_t v)
{
	if (w->bad || at + 2 > wr_len(w)) {
		w->bad = true;
		return;
	}
	w->start[at] = (uint8_t)(v >> 8);
	w->start[at + 1] = (uint8_t)v;
}

/* Unchecked reads and writes for the packet path: the caller has already checked the length of the
 * header. */
static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Compiles to one byte swap and one store. From four single stores the compiler makes eighteen
 * instructions if `v` was shifted before. */
static inline void be32_put(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline bool view_eq(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
