/* SPDX-License-Identifier: MIT */
/* bench/gen/probe and bench/result/tally: a changed octet of a packet is always detected; lost,
 * duplicated and reordered packets are counted separately. */
#include "bench/gen/probe.h"
#include "bench/result/tally.h"

#include "tests/harness/harness.h"

static void probes_round_trip(void)
{
	static const size_t sizes[] = {20, 21, 27, 28, 160, 500, 1201};
	uint8_t room[1300];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct probe in = {.flow = 7,
		                   .counter = 123456,
		                   .sent_ns = 0xabcdef012345,
		                   .late_ns = 4096},
			     out = {0};

		test_context("%zu octets", sizes[i]);
		probe_write(&in, room, sizes[i]);
		REQUIRE(probe_read(&out, room, sizes[i]));
		EXPECT_INT(out.flow, 7);
		EXPECT_INT(out.counter, 123456);
		EXPECT(out.sent_ns == in.sent_ns);
		EXPECT_INT(out.late_ns, 4096);
		for (size_t at = 0; at < sizes[i]; at++) {
			room[at] ^= 0x10;
			EXPECT(!probe_read(&out, room, sizes[i]));
			room[at] ^= 0x10;
		}
		EXPECT(!probe_read(&out, room, sizes[i] - 1));
	}
}

static void loss_duplicates_and_order_are_told_apart(void)
{
	static const struct {
		uint32_t counter;
		enum tally_fate want;
	} rows[] = {
		{0, TALLY_NEW},          {1, TALLY_NEW},          {1, TALLY_DUPLICATE},
		{3, TALLY_NEW},          {2, TALLY_REORDERED},    {2, TALLY_DUPLICATE},
		{1000, TALLY_NEW},       {500, TALLY_REORDERED},  {0, TALLY_DUPLICATE},
		{2000, TALLY_NEW},       {0, TALLY_TOO_LATE},     {977, TALLY_REORDERED},
		{1000, TALLY_DUPLICATE}, {976, TALLY_TOO_LATE},   {9000, TALLY_NEW},
		{2000, TALLY_TOO_LATE},  {8000, TALLY_REORDERED}, {8000, TALLY_DUPLICATE},
	};
	struct tally t = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu: %u", i, rows[i].counter);
		EXPECT_INT(tally_add(&t, rows[i].counter), rows[i].want);
	}
}

TEST_MAIN("bench_tally", {"probes round trip", probes_round_trip},
          {"loss, duplicates and order are told apart", loss_duplicates_and_order_are_told_apart})
