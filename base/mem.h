/* SPDX-License-Identifier: MIT */
/* Checked allocation, a counter of allocations, and a test switch that makes the
 * nth allocation fail. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return zeroed memory, or NULL on failure or if n * size overflows. Any thread. */
void *mem_alloc(size_t bytes);
void *mem_array(size_t n, size_t size);
void *mem_aligned(size_t align, size_t bytes);
/* Grows or shrinks a block. On NULL the old block is unchanged. New octets are not zeroed. */
void *mem_resize(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t bytes);
/* A NUL-terminated copy of `n` characters. */
char *mem_text(const char *p, size_t n);
void mem_free(void *p);

/* Allocations of this thread since its start. The packet path must not increase it. */
uint64_t mem_calls(void);

/* Called by other allocators before they allocate, so that the counter and the switch below cover
 * them. False: fail the allocation. */
bool mem_may_allocate(void);

/* For tests: the nth next allocation of this thread fails, once; 0 switches this off.
 * mem_has_failed tells whether one has failed since. */
void mem_fail_nth(uint64_t n);
bool mem_has_failed(void);

#endif
