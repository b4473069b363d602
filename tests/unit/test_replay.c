/* SPDX-License-Identifier: MIT */
/* relay/packet: the replay window compared with a list of all indices seen, and the index estimate
 * compared with the nearest index. */
#include "relay/packet/replay.h"
#include "relay/packet/roc.h"
#include "tests/harness/harness.h"

static void edges(void)
{
	uint64_t bits[REPLAY_WORDS_MAX] = {0};
	struct replay r = {.log2_pkts = replay_log2(64)};

	EXPECT_INT(replay_check(&r, bits, 0), REPLAY_NEW);
	replay_commit(&r, bits, 100);
	EXPECT_INT(replay_check(&r, bits, 100), REPLAY_SEEN);
	EXPECT_INT(replay_check(&r, bits, 37), REPLAY_NEW);
	EXPECT_INT(replay_check(&r, bits, 36), REPLAY_OLD);
	replay_commit(&r, bits, 37);
	EXPECT_INT(replay_check(&r, bits, 37), REPLAY_SEEN);
	replay_commit(&r, bits, 101);
	EXPECT_INT(replay_check(&r, bits, 37), REPLAY_OLD);
	EXPECT_INT(replay_check(&r, bits, 100), REPLAY_SEEN);
	replay_commit(&r, bits, 101 + 64);
	EXPECT_INT(replay_check(&r, bits, 102), REPLAY_NEW);
	EXPECT_INT(replay_check(&r, bits, 101), REPLAY_OLD);
}

static void sizes(void)
{
	static const struct {
		unsigned pkts, log2;
	} rows[] = {{0, 6}, {64, 6}, {65, 7}, {128, 7}, {1000, 10}, {1024, 10}, {9999, 10}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_INT(replay_log2(rows[i].pkts), rows[i].log2);
}

/* The check of RFC 3711 3.3.2 with a list of all indices seen. */
static enum replay_answer model(const bool *seen, bool any, uint64_t highest, uint64_t size,
                                uint64_t index)
{
	if (any && index <= highest && highest - index >= size)
		return REPLAY_OLD;
	return seen[index] ? REPLAY_SEEN : REPLAY_NEW;
}

static void like_the_model(void)
{
	enum { SPAN = 20000 };
	static bool seen[SPAN];
	uint64_t seed = test_seed();

	for (unsigned log2 = 6; log2 <= 10; log2++) {
		uint64_t bits[REPLAY_WORDS_MAX] = {0}, highest = 0;
		struct replay r = {.log2_pkts = (uint8_t)log2};

		memset(seen, 0, sizeof(seen));
		for (unsigned n = 0; n < 20000; n++) {
			uint64_t back = test_random(&seed) % (3u << log2),
				 ahead = test_random(&seed) % 8;
			uint64_t jump =
				test_random(&seed) % 500 ? 0 : test_random(&seed) % (2u << log2);
			uint64_t at = highest + ahead + jump;
			uint64_t index = n & 1 && at >= back ? at - back : at;
			enum replay_answer want;

			if (index >= SPAN)
				break;
			want = model(seen, r.any, highest, 1u << log2, index);
			REQUIRE(replay_check(&r, bits, index) == want);
			if (want != REPLAY_NEW)
				continue;
			replay_commit(&r, bits, index);
			seen[index] = true;
			highest = index > highest ? index : highest;
		}
	}
}

static void estimates(void)
{
	static const struct {
		uint64_t highest;
		uint16_t seq;
		uint64_t want;
	} rows[] = {
		{0, 0, 0},
		{10, 65535, 65535}, /* no lower ROC exists */
		{65535, 0, 0x10000},
		{0x10000, 65535, 65535},
		{0x10005, 65530, 65530},
		{0x1ffff, 0, 0x20000},
		{0x20001, 0x8001, 0x28001}, /* 32,768 ahead of the highest */
		{0x20001, 0x8002, 0x18002},
		{0x28000, 0, 0x20000}, /* 32,768 behind the highest */
		{0x28001, 0, 0x30000},
		{ROC_INDEX_MAX, 0, ROC_INDEX_MAX + 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu", i);
		EXPECT(roc_estimate(rows[i].highest, rows[i].seq) == rows[i].want);
	}
}

static void estimate_is_nearest_and_rises(void)
{
	uint64_t seed = test_seed();

	for (unsigned n = 0; n < 200000; n++) {
		uint64_t highest = 0x18000 + test_random(&seed) % (1ull << 40);
		uint16_t seq = (uint16_t)test_random(&seed);
		uint64_t got = roc_estimate(highest, seq);
		uint64_t off = got > highest ? got - highest : highest - got;

		REQUIRE((got & 0xffff) == seq && off <= 32768);
		REQUIRE(roc_estimate(highest + test_random(&seed) % 70000, seq) >= got);
	}
}

TEST_MAIN("replay", {"edges", edges}, {"sizes", sizes}, {"like_the_model", like_the_model},
          {"estimates", estimates},
          {"estimate_is_nearest_and_rises", estimate_is_nearest_and_rises})
