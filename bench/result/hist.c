/* SPDX-License-Identifier: MIT */
/* A log-linear histogram. */
#include "bench/result/hist.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/*
 *  cell:   0 ... 127 | 128 ... 255 | 256 ... 383 | ...
 *  value:  0 ... 127 | 128 ... 255 | 256 ... 511 | ...   step 1, 1, 2, 4, ...
 */
static unsigned cell_of(uint64_t v)
{
	unsigned top, shift;

	if (v >> HIST_TOP_BITS)
		v = (1ull << HIST_TOP_BITS) - 1;
	if (v < 1u << HIST_SUB_BITS)
		return (unsigned)v;
	top = 63 - (unsigned)__builtin_clzll(v);
	shift = top - HIST_SUB_BITS;
	return ((shift + 1) << HIST_SUB_BITS) + (unsigned)(v >> shift) - (1u << HIST_SUB_BITS);
}

static uint64_t middle_of(unsigned cell)
{
	unsigned shift;

	if (cell < 1u << HIST_SUB_BITS)
		return cell;
	shift = (cell >> HIST_SUB_BITS) - 1;
	return ((uint64_t)((cell & ((1u << HIST_SUB_BITS) - 1)) + (1u << HIST_SUB_BITS)) << shift) +
	       (1ull << shift) / 2;
}

void hist_add(struct hist *h, uint64_t v)
{
	h->min = h->count == 0 || v < h->min ? v : h->min;
	h->max = v > h->max ? v : h->max;
	h->count++;
	h->sum += v;
	h->cells[cell_of(v)]++;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	if (from->count == 0)
		return;
	into->min = into->count == 0 || from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
	into->count += from->count;
	into->sum += from->sum;
	for (unsigned i = 0; i < HIST_CELLS; i++)
		into->cells[i] += from->cells[i];
}

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t want = (uint64_t)ceil((double)h->count * percent / 100), seen = 0, v;

	if (h->count == 0)
		return 0;
	if (percent >= 100)
		return h->max;
	for (unsigned i = 0; i < HIST_CELLS; i++) {
		seen += h->cells[i];
		if (seen < want || seen == 0)
			continue;
		v = middle_of(i);
		return v > h->max ? h->max : v < h->min ? h->min : v;
	}
	return h->max;
}

void hist_put(const struct hist *h, json_t *row, const char *prefix, double scale)
{
	static const struct {
		const char *name;
		double percent;
	} wanted[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}, {"max", 100}};
	char key[64];

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		snprintf(key, sizeof(key), "%s_%s", prefix, wanted[i].name);
		json_object_set_new(
			row, key, json_real((double)hist_percentile(h, wanted[i].percent) * scale));
	}
}
