/* SPDX-License-Identifier: MIT */
/* keyctx/sdp/offer: every pair of state and event, and every kind of change. */
#include "keyctx/sdp/offer.h"
#include "tests/harness/harness.h"

/* The state table once more, by hand: next state and action after OFFER_A, OFFER_B, ANSWER_A,
 * ANSWER_B, REFUSED, END. */
static const struct {
	const char *next[OFFER_EVENT_COUNT], *action[OFFER_EVENT_COUNT];
} want[OFFER_STATE_COUNT] = {
	[OFFER_NEW] = {{"opening", "new", "new", "new", "new", "ended"},
                       {"open", "refuse", "refuse", "refuse", "nothing", "end"}},
	[OFFER_OPENING] = {{"opening", "opening", "opening", "stable", "new", "ended"},
                           {"replace", "glare", "refuse", "agree", "roll-back", "end"}},
	[OFFER_STABLE] = {{"a-offers", "b-offers", "stable", "stable", "stable", "ended"},
                          {"open", "open", "agree-again", "agree-again", "nothing", "end"}},
	[OFFER_A_OFFERS] = {{"a-offers", "a-offers", "a-offers", "stable", "stable", "ended"},
                            {"replace", "glare", "refuse", "agree", "roll-back", "end"}},
	[OFFER_B_OFFERS] = {{"b-offers", "b-offers", "stable", "b-offers", "stable", "ended"},
                            {"glare", "replace", "agree", "refuse", "roll-back", "end"}},
	[OFFER_ENDED] = {{"ended", "ended", "ended", "ended", "ended", "ended"},
                         {"refuse", "refuse", "refuse", "refuse", "refuse", "nothing"}},
};

static void every_pair_is_decided(void)
{
	for (unsigned s = 0; s < OFFER_STATE_COUNT; s++)
		for (unsigned e = 0; e < OFFER_EVENT_COUNT; e++) {
			enum offer_state state = (enum offer_state)s, next;
			enum offer_action look = offer_look(state, (enum offer_event)e, &next);
			enum offer_action done = offer_step(&state, (enum offer_event)e);

			test_context("%s + %s", offer_state_name((enum offer_state)s),
			             offer_event_name((enum offer_event)e));
			EXPECT_TEXT(offer_action_name(done), want[s].action[e]);
			EXPECT_TEXT(offer_state_name(state), want[s].next[e]);
			EXPECT(look == done && next == state);
			/* A refused or ignored event leaves the state. */
			if (done == OFFER_DO_REFUSE || done == OFFER_DO_GLARE ||
			    done == OFFER_DO_NOTHING)
				EXPECT_INT(state, s);
		}
}

static void every_kind_of_change_is_checked(void)
{
	for (unsigned bits = 0; bits < 128; bits++) {
		struct offer_news n = {.was_there = bits & 1,
		                       .is_there = bits & 2,
		                       .has_moved = bits & 4,
		                       .is_rekeyed = bits & 8,
		                       .has_switched = bits & 16};
		struct offer_policy p = {.accept_rekey = bits & 32, .allow_mode_switch = bits & 64};
		const char *expect = "none";

		if (!n.was_there && n.is_there)
			expect = "new";
		else if (n.was_there && !n.is_there)
			expect = "gone";
		else if (!n.was_there)
			expect = "none";
		else if (n.has_switched)
			expect = p.allow_mode_switch ? "switched" : "switch-refused";
		else if (n.has_moved && n.is_rekeyed)
			expect = "renewed";
		else if (n.has_moved)
			expect = "moved";
		else if (n.is_rekeyed)
			expect = p.accept_rekey ? "rekeyed" : "rekey-refused";
		test_context("news %u", bits);
		EXPECT_TEXT(offer_change_name(offer_judge(&n, &p)), expect);
		EXPECT_INT(offer_change_is_refusal(offer_judge(&n, &p)),
		           strstr(expect, "refused") != NULL);
	}
}

static void events_name_their_side(void)
{
	EXPECT_INT(offer_event_of(OFFER_SIDE_A, false), OFFER_EVENT_OFFER_A);
	EXPECT_INT(offer_event_of(OFFER_SIDE_B, false), OFFER_EVENT_OFFER_B);
	EXPECT_INT(offer_event_of(OFFER_SIDE_A, true), OFFER_EVENT_ANSWER_A);
	EXPECT_INT(offer_event_of(OFFER_SIDE_B, true), OFFER_EVENT_ANSWER_B);
}

TEST_MAIN("offer", {"every pair is decided", every_pair_is_decided},
          {"every kind of change is checked", every_kind_of_change_is_checked},
          {"events name their side", events_name_their_side})
