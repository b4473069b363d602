/* SPDX-License-Identifier: MIT */
/* Checked allocation on top of libc. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t calls;
static _Thread_local uint64_t fail_at;
static _Thread_local bool failed;

bool mem_may_allocate(void)
{
	calls++;
	if (fail_at == 0 || --fail_at > 0)
		return true;
	failed = true;
	return false;
}

void *mem_alloc(size_t bytes)
{
	return mem_may_allocate() ? calloc(1, bytes ? bytes : 1) : NULL;
}

void *mem_array(size_t n, size_t size)
{
	return mem_may_allocate() ? calloc(n ? n : 1, size ? size : 1) : NULL;
}

void *mem_aligned(size_t align, size_t bytes)
{
	void *p = NULL;

	if (!mem_may_allocate() || posix_memalign(&p, align, bytes ? bytes : 1))
		return NULL;
	return memset(p, 0, bytes);
}

void *mem_resize(void *p, size_t n, size_t size)
{
	if (!mem_may_allocate())
		return NULL;
	return reallocarray(p, n ? n : 1, size ? size : 1);
}

void *mem_dup(const void *p, size_t bytes)
{
	void *q = mem_alloc(bytes);

	if (q && bytes)
		memcpy(q, p, bytes);
	return q;
}

char *mem_text(const char *p, size_t n)
{
	char *q = n + 1 > n ? mem_alloc(n + 1) : NULL;

	if (q && n)
		memcpy(q, p, n);
	return q;
}

void mem_free(void *p)
{
	free(p);
}

uint64_t mem_calls(void)
{
	return calls;
}

void mem_fail_nth(uint64_t n)
{
	fail_at = n;
	failed = false;
}

bool mem_has_failed(void)
{
	return failed;
}
