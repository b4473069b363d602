/* SPDX-License-Identifier: MIT */
/* relay/front/balance: a new session goes to the worker with the least work. */
#include "base/clk.h"
#include "relay/front/balance.h"
#include "tests/harness/harness.h"

static void by_number_without_packets(void)
{
	struct balance p = {.n = 3};

	for (unsigned i = 0; i < 9; i++)
		EXPECT_INT(balance_take(&p), i % 3);
	balance_give(&p, 1);
	EXPECT_INT(balance_take(&p), 1);
}

/* A session weighs as much as the packets it sends; a new session weighs the average until
 * it is measured. */
static void by_packets_when_measured(void)
{
	struct balance p = {.n = 2};
	const uint64_t first[] = {3000, 100};

	EXPECT_INT(balance_take(&p), 0);
	EXPECT_INT(balance_take(&p), 1);
	EXPECT(!balance_is_due(&p, NS_PER_S - 1));
	EXPECT(balance_is_due(&p, NS_PER_S));
	balance_measure(&p, first, NS_PER_S);
	EXPECT_INT(p.of[0].pps, 3000);
	/* A new session counts as 1,550 packets a second, the average: worker 1 gets the next
	 * two. */
	EXPECT_INT(balance_take(&p), 1);
	EXPECT_INT(balance_take(&p), 1);
	EXPECT_INT(balance_take(&p), 0);
	/* Both sessions of worker 0 end, so worker 0 has the least work. */
	balance_give(&p, 0);
	balance_give(&p, 0);
	EXPECT_INT(balance_take(&p), 0);
}

static void a_measurement_covers_its_time(void)
{
	struct balance p = {.n = 2, .measured_ns = 5 * NS_PER_S};
	const uint64_t first[] = {4000, 2000}, second[] = {4000, 8000};

	balance_measure(&p, first, 7 * NS_PER_S);
	EXPECT_INT(p.of[0].pps, 2000);
	EXPECT_INT(p.of[1].pps, 1000);
	balance_measure(&p, second, 9 * NS_PER_S);
	EXPECT_INT(p.of[0].pps, 0);
	EXPECT_INT(p.of[1].pps, 3000);
	/* No time has passed since the last measurement. */
	balance_measure(&p, second, 9 * NS_PER_S);
	EXPECT_INT(balance_take(&p), 0);
}

static void one_worker_has_no_choice(void)
{
	struct balance p = {.n = 1};

	EXPECT(!balance_is_due(&p, 100 * NS_PER_S));
	EXPECT_INT(balance_take(&p), 0);
	EXPECT_INT(balance_take(&p), 0);
}

TEST_MAIN("place", {"by_number_without_packets", by_number_without_packets},
          {"by_packets_when_measured", by_packets_when_measured},
          {"a_measurement_covers_its_time", a_measurement_covers_its_time},
          {"one_worker_has_no_choice", one_worker_has_no_choice})
