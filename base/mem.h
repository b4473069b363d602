/* SPDX-License-Identifier: MIT */
/* Checked allocation, a counter of allocations, and a switch that makes the nth one fail in tests.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return zeroed memory or NULL. Overflow of n * size is NULL. Any thread. */
void *mem_alloc(size_t bytes);
void *mem_array(size_t n, size_t size);
void *mem_aligned(size_t align, size_t bytes);
/* Grows or shrinks; on NULL the old block is untouched. New octets are not zeroed. */
void *mem_resize(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t bytes);
/* A NUL-terminated copy of `n` characters. */
char *mem_text(const char *p, size_t n);
void mem_free(void *p);

/* Allocations this thread has asked for since it started: the packet path must leave it still. */
uint64_t mem_calls(void);

/* What an allocator of its own asks first, so that the count and the switch below reach it too.
 * False: there is no memory. */
bool mem_may_allocate(void);

/* Tests: the nth next allocation of this thread fails, once; 0 turns it off. True if one has failed
 * since. */
void mem_fail_nth(uint64_t n);
bool mem_has_failed(void);

#endif
