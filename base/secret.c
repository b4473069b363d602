/* SPDX-License-Identifier: MIT */
/* A slab allocator in locked memory: one free list for each block size. */
#include "base/secret.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum {
	/* size and alignment of a slab; all blocks of a slab are of one size class */
	SLAB_BYTES = 64 * 1024,
	/* size of a region: a mapping of one huge page that is cut into slabs */
	REGION_BYTES = 2 * 1024 * 1024,
	BLOCK_ALIGN = 64,
	/* up to this size one class per 64 octets, above it one class per power of two */
	FINE_MAX = 1024,
	FINE_CLASSES = FINE_MAX / BLOCK_ALIGN,
	CLASS_COUNT = FINE_CLASSES + 4, /* four more classes: 2, 4, 8 and 16 kB */
};

/* The header of a slab, in front of its blocks. The address of a block gives its slab, so a block
 * needs no header of its own: a key context has only 64 octets, and a session has several. */
struct slab {
	size_t bytes; /* size of each block; if is_own, size of the whole mapping */
	size_t n_class;
	bool is_own; /* the slab is one large block */
};
_Static_assert(sizeof(struct slab) <= BLOCK_ALIGN, "the header must fit before the first block");

struct free_block {
	struct free_block *next;
};

/* All threads share one set of pages, because RLIMIT_MEMLOCK is per process
 * (docs/decisions/0003). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct free_block *free_blocks[CLASS_COUNT];
/* the unused part of the current region; new slabs are cut from it */
static uint8_t *region, *region_end;
static struct secret_usage usage;
static bool require_locked;

static size_t class_of(size_t bytes)
{
	size_t c = FINE_CLASSES;

	if (bytes <= FINE_MAX)
		return bytes ? (bytes - 1) / BLOCK_ALIGN : 0;
	while (c < CLASS_COUNT && ((size_t)FINE_MAX << (c - FINE_CLASSES + 1)) < bytes)
		c++;
	return c;
}

static size_t bytes_of_class(size_t c)
{
	return c < FINE_CLASSES ? (c + 1) * BLOCK_ALIGN
	                        : (size_t)FINE_MAX << (c - FINE_CLASSES + 1);
}

static struct slab *slab_of(void *p)
{
	return (struct slab *)((uintptr_t)p & ~((uintptr_t)SLAB_BYTES - 1));
}

static void *map_aligned(size_t bytes, size_t align)
{
	uint8_t *p = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = (align - (uintptr_t)p % align) % align;
	if (before)
		munmap(p, before);
	if (before < align)
		munmap(p + before + bytes, align - before);
	return p + before;
}

/* Returns NULL if out of memory, or if `must_lock` is true and the pages cannot be locked. */
static void *map_pages(size_t bytes, size_t align, bool must_lock)
{
	void *p = map_aligned(bytes, align);

	if (!p)
		return NULL;
	/* This must come before mlock, which touches the pages. If there are no huge pages, the
	 * kernel uses small ones. */
	if (align >= REGION_BYTES)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	if (mlock(p, bytes)) {
		if (must_lock) {
			munmap(p, bytes);
			return NULL;
		}
		usage.unlocked_bytes += bytes;
	}
	/* Errors are ignored: a kernel without these flags works, too, but protects the keys
	 * less. */
	(void)madvise(p, bytes, MADV_DONTDUMP);
	(void)madvise(p, bytes, MADV_WIPEONFORK);
	usage.mapped_bytes += bytes;
	return p;
}

/* Takes the slab from a region of huge pages if possible: with thousands of keys on small pages,
 * each key costs a TLB miss. A process with few keys uses small pages, and so does one whose limit
 * on locked memory has no room for a region. */
static void *map_slab(void)
{
	void *p;

	if (region == region_end && usage.mapped_bytes >= REGION_BYTES) {
		region = map_pages(REGION_BYTES, REGION_BYTES, true);
		region_end = region ? region + REGION_BYTES : NULL;
	}
	if (region == region_end)
		return map_pages(SLAB_BYTES, SLAB_BYTES, require_locked);
	p = region;
	region += SLAB_BYTES;
	return p;
}

static bool refill(size_t class)
{
	struct slab *s = map_slab();
	size_t bytes = bytes_of_class(class);

	if (!s)
		return false;
	*s = (struct slab){.bytes = bytes, .n_class = class};
	/* Adds the last block first, so that the free list begins with the lowest address. */
	for (size_t n = (SLAB_BYTES - BLOCK_ALIGN) / bytes; n-- > 0;) {
		struct free_block *b =
			(struct free_block *)(void *)((uint8_t *)s + BLOCK_ALIGN + n * bytes);

		b->next = free_blocks[class];
		free_blocks[class] = b;
	}
	return true;
}

static void *take_own_mapping(size_t bytes)
{
	size_t whole = (bytes + BLOCK_ALIGN + 4095) & ~(size_t)4095;
	struct slab *s =
		map_pages(whole, whole < REGION_BYTES ? SLAB_BYTES : REGION_BYTES, require_locked);

	if (!s)
		return NULL;
	*s = (struct slab){.bytes = whole, .is_own = true};
	usage.in_use_bytes += whole;
	return (uint8_t *)s + BLOCK_ALIGN;
}

static void *take(size_t bytes)
{
	size_t class = class_of(bytes);
	struct free_block *b;

	if (class >= CLASS_COUNT)
		return take_own_mapping(bytes);
	if (!free_blocks[class] && !refill(class))
		return NULL;
	b = free_blocks[class];
	free_blocks[class] = b->next;
	b->next = NULL;
	usage.in_use_bytes += bytes_of_class(class);
	return b;
}

static void give(struct slab *s, void *p)
{
	struct free_block *b = p;

	usage.in_use_bytes -= s->bytes;
	if (s->is_own) {
		usage.mapped_bytes -= s->bytes;
		munmap(s, s->bytes);
		return;
	}
	b->next = free_blocks[s->n_class];
	free_blocks[s->n_class] = b;
}

void *secret_alloc(size_t bytes)
{
	void *p;

	if (!mem_may_allocate() || bytes > SIZE_MAX / 2)
		return NULL;
	pthread_mutex_lock(&lock);
	p = take(bytes);
	pthread_mutex_unlock(&lock);
	return p;
}

void secret_free(void *p)
{
	struct slab *s = slab_of(p);

	if (!p)
		return;
	secret_wipe(p, s->is_own ? s->bytes - BLOCK_ALIGN : s->bytes);
	pthread_mutex_lock(&lock);
	give(s, p);
	pthread_mutex_unlock(&lock);
}

void secret_wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

/* Hides the value from the compiler. Otherwise the compiler could stop the comparison at the first
 * difference. */
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
