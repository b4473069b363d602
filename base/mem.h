/* SPDX-License-Identifier: MIT */
/* Checked allocation, a count of allocations, and a test switch that makes the nth allocation
 * fail. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* These functions return zeroed memory, or NULL if out of memory or n * size overflows. Any
 * thread. */
void *mem_alloc(size_t bytes);
void *mem_array(size_t n, size_t size);
void *mem_aligned(size_t align, size_t bytes);
/* Grows or shrinks a block. If it returns NULL, the old block is unchanged. New octets are not
 * zeroed. */
void *mem_resize(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t bytes);
/* Returns a NUL-terminated copy of `n` characters. */
char *mem_text(const char *p, size_t n);
void mem_free(void *p);

/* Returns the number of allocations by this thread so far. The packet path must not increase it. */
uint64_t mem_calls(void);

/* Other allocators call this before they allocate, so that mem_calls counts them and mem_fail_nth
 * can make them fail. If it returns false, the allocator must return NULL. */
bool mem_may_allocate(void);

/* For tests: lets one allocation of this thread fail, the nth from now on; 0 switches this off.
 * mem_has_failed returns true after that failure. */
void mem_fail_nth(uint64_t n);
bool mem_has_failed(void);

#endif
