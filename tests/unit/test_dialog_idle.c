/* SPDX-License-Identifier: MIT */
/* control/dialog/idle: when a call without packets ends. */
#include "base/clk.h"
#include "control/dialog/idle.h"
#include "tests/harness/harness.h"

/* A row has two values of a leg, first for leg a, then for leg b: the silence allowed (0: the leg
 * should receive none), and the time of the last packet. All in seconds. */
static const struct {
	uint32_t watch[2];
	unsigned heard[2], settled, now;
	bool is_over;
} rows[] = {
	{{60, 60}, {0, 0}, 1000, 1059, true}, /* no packet since the last signalling */
	{{60, 60}, {0, 0}, 1000, 1030, false},
	{{60, 60}, {1100, 1110}, 1000, 1172, true},
	{{60, 60}, {1100, 1171}, 1000, 1172, false}, /* leg b still receives packets */
	{{60, 60}, {1171, 1100}, 1000, 1172, false},
	/* Terminal a holds, and its music has ended: packets of terminal b do not count. */
	{{60, 0}, {1100, 1171}, 1000, 1172, true},
	{{60, 0}, {1130, 900}, 1000, 1172, false},
	/* Terminal a holds without music: packets before the hold, or in its first 10 s, are not
         * music. */
	{{60, 0}, {900, 900}, 1000, 1172, false},
	{{60, 0}, {1004, 1003}, 1000, 1172, false},
	{{0, 60}, {1004, 1003}, 1000, 1172, false},
	{{60, 0}, {1004, 1003}, 1000, 1004 + DIALOG_IDLE_LIMIT_S, true},
	{{0, 60}, {0, 1171}, 1000, 1172, false},
	{{60, 60}, {1100, 1100}, 1165, 1172, false}, /* signalling 7 s ago restarted the time */
	/* No leg should receive packets: both terminals hold, or the call rings. */
	{{0, 0}, {1100, 1100}, 1000, 1172, false},
	{{0, 0}, {1100, 1100}, 1000, 1099 + DIALOG_IDLE_LIMIT_S, false},
	{{0, 0}, {1100, 1100}, 1000, 1100 + DIALOG_IDLE_LIMIT_S, true},
	{{0, 0}, {0, 0}, 1000, 1000 + DIALOG_IDLE_LIMIT_S, true},
};

static void silence_is_judged_over_the_session(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_leg legs[2] = {{.exists = true}, {.exists = true}};
		struct spec_media media = {.active = 1, .legs = {.n = 2, .items = legs}};
		struct spec_session spec = {.media = {.n = 1, .items = &media}};
		struct relay_leg_stats leg_stats[2] = {{.last_rx_ns = 0}};
		struct relay_media_stats media_stats = {.n_legs = 2, .legs = leg_stats};
		struct relay_session_stats stats = {.n_media = 1, .media = &media_stats};
		bool is_quiet, misses = false;

		for (unsigned l = 0; l < 2; l++) {
			legs[l].relay.inactivity_ms = rows[i].watch[l] * 1000;
			leg_stats[l].last_rx_ns = rows[i].heard[l] * NS_PER_S;
		}
		test_context("row %zu", i);
		EXPECT_INT(dialog_idle_is_over(
				   &spec, &stats,
				   &(struct dialog_idle_times){rows[i].settled * NS_PER_S,
		                                               DIALOG_IDLE_LIMIT_S * NS_PER_S,
		                                               rows[i].now * NS_PER_S},
				   &is_quiet),
		           rows[i].is_over);
		for (unsigned l = 0; l < 2; l++)
			misses |= rows[i].watch[l] &&
			          rows[i].now >= rows[i].heard[l] + rows[i].watch[l];
		EXPECT_INT(is_quiet, misses);
	}
}

TEST_MAIN("dialog-idle", {"silence is judged over the session", silence_is_judged_over_the_session})
