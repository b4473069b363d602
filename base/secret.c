/* SPDX-License-Identifier: MIT */
/* A slab allocator over locked pages: one free list for each power of two. */
#include "base/secret.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum {
	SLAB_BYTES = 64 * 1024, /* one mapping feeds one size class */
	BLOCK_ALIGN = 64,
	CLASS_COUNT = 11, /* 64 octets to 64 kB */
};

/* Sits in the first 64 octets of every block; the caller gets what follows. */
struct block {
	struct block *next;
	size_t bytes; /* of the whole block, header included */
	size_t asked;
	bool is_own_mapping;
};

/* The pages are one per process by nature (RLIMIT_MEMLOCK is): docs/decisions/0003. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *free_blocks[CLASS_COUNT];
static struct secret_usage usage;
static bool require_locked;

static unsigned class_of(size_t bytes)
{
	unsigned c = 0;

	while (((size_t)128 << c) < bytes)
		c++;
	return c;
}

static void *map_pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mlock(p, bytes)) {
		if (require_locked) {
			munmap(p, bytes);
			return NULL;
		}
		usage.unlocked_bytes += bytes;
	}
	/* Absence of either advice (old kernels) weakens, but does not break, what was promised. */
	(void)madvise(p, bytes, MADV_DONTDUMP);
	(void)madvise(p, bytes, MADV_WIPEONFORK);
	usage.mapped_bytes += bytes;
	return p;
}

static bool refill(unsigned class)
{
	size_t bytes = (size_t)128 << class;
	size_t slab = bytes > SLAB_BYTES ? bytes : SLAB_BYTES;
	uint8_t *p = map_pages(slab);

	if (!p)
		return false;
	for (size_t at = 0; at + bytes <= slab; at += bytes) {
		struct block *b = (struct block *)(void *)(p + at);

		b->bytes = bytes;
		b->next = free_blocks[class];
		free_blocks[class] = b;
	}
	return true;
}

static struct block *take_own_mapping(size_t bytes)
{
	size_t whole = (bytes + 4095) & ~(size_t)4095;
	struct block *b = map_pages(whole);

	if (b) {
		b->bytes = whole;
		b->is_own_mapping = true;
	}
	return b;
}

static struct block *take(size_t bytes)
{
	unsigned class = class_of(bytes);
	struct block *b;

	if (class >= CLASS_COUNT)
		return take_own_mapping(bytes);
	if (!free_blocks[class] && !refill(class))
		return NULL;
	b = free_blocks[class];
	free_blocks[class] = b->next;
	return b;
}

void *secret_alloc(size_t bytes)
{
	struct block *b;

	if (!mem_may_allocate() || bytes > SIZE_MAX / 2)
		return NULL;
	pthread_mutex_lock(&lock);
	b = take(bytes + BLOCK_ALIGN);
	if (b) {
		b->next = NULL;
		b->asked = bytes;
		usage.in_use_bytes += bytes;
	}
	pthread_mutex_unlock(&lock);
	return b ? (uint8_t *)b + BLOCK_ALIGN : NULL;
}

void secret_free(void *p)
{
	struct block *b;

	if (!p)
		return;
	b = (struct block *)(void *)((uint8_t *)p - BLOCK_ALIGN);
	secret_wipe(p, b->asked);
	pthread_mutex_lock(&lock);
	usage.in_use_bytes -= b->asked;
	if (b->is_own_mapping) {
		usage.mapped_bytes -= b->bytes;
		munmap(b, b->bytes);
	} else {
		unsigned class = class_of(b->bytes);

		b->next = free_blocks[class];
		free_blocks[class] = b;
	}
	pthread_mutex_unlock(&lock);
}

void secret_wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

/* The compiler must not see that a difference already found decides. */
static inline uint64_t hide(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

bool secret_eq(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	uint64_t diff = 0;

	for (; n >= 8; n -= 8, x += 8, y += 8) {
		uint64_t v, w;

		memcpy(&v, x, 8);
		memcpy(&w, y, 8);
		diff = hide(diff | (v ^ w));
	}
	for (; n > 0; n--)
		diff = hide(diff | (uint64_t)(*x++ ^ *y++));
	return diff == 0;
}

enum err secret_make(struct secret *s, size_t len)
{
	uint8_t *p = secret_alloc(len);

	if (!p)
		return ERR_NOMEM;
	secret_clear(s);
	s->octets = p;
	s->len = len;
	return ERR_OK;
}

enum err secret_set(struct secret *s, const void *octets, size_t len)
{
	struct secret fresh = {0};

	if (secret_make(&fresh, len))
		return ERR_NOMEM;
	if (len)
		memcpy(fresh.octets, octets, len);
	secret_clear(s);
	*s = fresh;
	return ERR_OK;
}

void secret_clear(struct secret *s)
{
	secret_free(s->octets);
	s->octets = NULL;
	s->len = 0;
}

void secret_require_locked(bool on)
{
	pthread_mutex_lock(&lock);
	require_locked = on;
	pthread_mutex_unlock(&lock);
}

void secret_get_usage(struct secret_usage *out)
{
	pthread_mutex_lock(&lock);
	*out = usage;
	pthread_mutex_unlock(&lock);
}
