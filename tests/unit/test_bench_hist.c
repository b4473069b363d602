/* SPDX-License-Identifier: MIT */
/* bench/result/hist: values are exact when small and within one bucket when large; percentiles
 * agree with those of a sorted list. */
#include "bench/result/hist.h"

#include <stdlib.h>

#include "tests/harness/harness.h"

static struct hist h, other;

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void small_values_are_exact(void)
{
	hist_reset(&h);
	for (uint64_t v = 0; v < 256; v++) {
		hist_reset(&h);
		hist_add(&h, v);
		EXPECT_INT(hist_percentile(&h, 50), v);
	}
	hist_reset(&h);
	EXPECT_INT(hist_percentile(&h, 99), 0);
}

static void percentiles_match_a_sorted_list(void)
{
	static const double percents[] = {0, 1, 50, 90, 99, 99.9, 100};
	enum { N = 20000 };
	static uint64_t values[N];
	uint64_t seed = test_seed();

	test_context("seed %llu", (unsigned long long)seed);
	hist_reset(&h);
	for (size_t i = 0; i < N; i++) {
		values[i] = test_random(&seed) >> (24 + test_random(&seed) % 36);
		hist_add(&h, values[i]);
	}
	qsort(values, N, sizeof(*values), by_size);
	for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
		size_t rank = (size_t)(N * percents[i] / 100);
		uint64_t want = values[rank ? rank - 1 : 0], got = hist_percentile(&h, percents[i]);

		EXPECT((got > want ? got - want : want - got) <= want / 128 + 1);
	}
	EXPECT_INT(h.count, N);
	EXPECT_INT(hist_percentile(&h, 100), values[N - 1]);
}

static void sums_are_those_of_the_parts(void)
{
	hist_reset(&h);
	hist_reset(&other);
	hist_merge(&h, &other);
	EXPECT_INT(h.count, 0);
	hist_add(&other, 5);
	hist_add(&other, 1ull << 60);
	hist_merge(&h, &other);
	EXPECT_INT(h.min, 5);
	EXPECT(h.max == 1ull << 60);
	EXPECT_INT(hist_percentile(&h, 50), 5);
}

TEST_MAIN("bench_hist", {"small values are exact", small_values_are_exact},
          {"percentiles match a sorted list", percentiles_match_a_sorted_list},
          {"sums are those of the parts", sums_are_those_of_the_parts})
