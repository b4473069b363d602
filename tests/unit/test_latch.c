/* SPDX-License-Identifier: MIT */
/* relay/worker/latch: every pair of state and event, and the effect of signalling on each state. */
#include "relay/worker/latch.h"

#include "base/clk.h"
#include "tests/harness/harness.h"

/* The signalled address. */
static const struct addr home = {.ip = {192, 0, 2, 1}, .port = 4000, .version = 4};
/* Another port of the signalled host. */
static const struct addr door = {.ip = {192, 0, 2, 1}, .port = 4999, .version = 4};
/* The source that the latch has learnt. */
static const struct addr away = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
/* Another port of the host of `away`. */
static const struct addr next = {.ip = {203, 0, 113, 9}, .port = 4200, .version = 4};
/* The signalled port on a third host. */
static const struct addr port = {.ip = {198, 51, 100, 7}, .port = 4000, .version = 4};
/* Another port of that third host. */
static const struct addr far = {.ip = {198, 51, 100, 7}, .port = 4321, .version = 4};
/* A fourth host, whose source had the leg before `away`. */
static const struct addr past = {.ip = {198, 51, 100, 8}, .port = 4400, .version = 4};
/* 0.0.0.0, signalled for hold. */
static const struct addr hold = {.port = 9, .version = 4};
static const struct addr none;

static const uint64_t T = 1000 * NS_PER_S;

static uint64_t after_ms(uint64_t ms)
{
	return T + ms * NS_PER_MS;
}

/* A latch in `state`. From LATCH_CHOOSING on it has learnt `away`, last heard at T; before that it
 * had `past`. */
static struct latch in_state(enum latch_state state)
{
	bool is_heard = state >= LATCH_CHOOSING;
	struct latch l = {.state = (uint8_t)state,
	                  .address = is_heard ? away : home,
	                  .signalled = home,
	                  .before = past,
	                  .window_ms = LATCH_WINDOW_MS};

	l.heard_ns = is_heard ? T : 0;
	l.since_ns = is_heard ? T - 60 * NS_PER_S : 0;
	l.until_ns = after_ms(state == LATCH_CHOOSING ? 3000 : 1000);
	l.policy = state == LATCH_FIXED                                ? LATCH_BY_SIGNALLING
	           : state == LATCH_WAITING || state == LATCH_CHOOSING ? LATCH_BY_CHOICE
	                                                               : LATCH_BY_FIRST;
	return l;
}

/* The packet that causes an event in a state. from is NULL if the event cannot happen in that
 * state. */
struct input {
	const struct addr *from;
	enum latch_evidence evidence;
	unsigned ms;
	bool is_hinted;
};

static struct input input_of(enum latch_state state, enum latch_event event)
{
	bool is_heard = state >= LATCH_CHOOSING;
	const struct input inputs[LATCH_EVENTS] = {
		[LATCH_SAME] = {is_heard ? &away : &home, LATCH_BARE, 5, false},
		[LATCH_PROOF] = {&far, LATCH_PROVEN, 5, false},
		[LATCH_SIGNALLED] = {is_heard ? &home : NULL, LATCH_BARE, 5, false},
		[LATCH_BEFORE] = {&past, LATCH_BARE, 5, false},
		[LATCH_BETTER] = {is_heard ? &far : NULL, LATCH_BARE, 5, true},
		[LATCH_QUIET] = {is_heard ? &far : NULL, LATCH_BARE,
	                         state == LATCH_LEARNT ? 15000 : 1000, false},
		[LATCH_OTHER] = {&far, LATCH_BARE, state == LATCH_LEARNT ? 14999 : 999, false},
		[LATCH_EXPIRE] = {state == LATCH_CHOOSING ? &far : NULL, LATCH_BARE, 3000, false},
	};

	return inputs[event];
}

static const struct {
	enum latch_state next;
	enum latch_answer answer;
} want[LATCH_STATES][LATCH_EVENTS] = {
	[LATCH_FIXED] = {{LATCH_FIXED, LATCH_ACCEPT},
                         {LATCH_FIXED, LATCH_REFUSE},
                         {0},
                         {LATCH_FIXED, LATCH_REFUSE},
                         {0},
                         {0},
                         {LATCH_FIXED, LATCH_REFUSE},
                         {0}},
	[LATCH_OPEN] = {{LATCH_LEARNT, LATCH_ACCEPT},
                        {LATCH_LEARNT, LATCH_LEARN},
                        {0},
                        {LATCH_OPEN, LATCH_ACCEPT},
                        {0},
                        {0},
                        {LATCH_LEARNT, LATCH_LEARN},
                        {0}},
	[LATCH_WAITING] = {{LATCH_LEARNT, LATCH_ACCEPT},
                           {LATCH_LEARNT, LATCH_LEARN},
                           {0},
                           {LATCH_WAITING, LATCH_ACCEPT},
                           {0},
                           {0},
                           {LATCH_CHOOSING, LATCH_LEARN},
                           {0}},
	[LATCH_CHOOSING] = {{LATCH_CHOOSING, LATCH_ACCEPT},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_CHOOSING, LATCH_LEARN},
                            {LATCH_CHOOSING, LATCH_LEARN},
                            {LATCH_CHOOSING, LATCH_LEARN},
                            {LATCH_CHOOSING, LATCH_REFUSE},
                            {LATCH_LEARNT, LATCH_REFUSE}},
	[LATCH_LEARNT] = {{LATCH_LEARNT, LATCH_ACCEPT},
                          {LATCH_LEARNT, LATCH_LEARN},
                          {LATCH_LEARNT, LATCH_LEARN},
                          {LATCH_LEARNT, LATCH_LEARN},
                          {LATCH_LEARNT, LATCH_LEARN},
                          {LATCH_LEARNT, LATCH_LEARN},
                          {LATCH_LEARNT, LATCH_REFUSE},
                          {0}},
	[LATCH_REOPENED] = {{LATCH_LEARNT, LATCH_ACCEPT},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_LEARNT, LATCH_LEARN},
                            {LATCH_REOPENED, LATCH_REFUSE},
                            {0}},
};

static void every_pair(void)
{
	for (unsigned s = 0; s < LATCH_STATES; s++) {
		for (unsigned e = 0; e < LATCH_EVENTS; e++) {
			struct latch l = in_state((enum latch_state)s), before;
			struct input in = input_of((enum latch_state)s, (enum latch_event)e);

			if (!in.from)
				continue;
			test_context("state %u, event %u", s, e);
			l.is_hinted = in.is_hinted;
			before = l;
			EXPECT_INT(latch_may(&l, in.from, in.evidence, after_ms(in.ms)),
			           want[s][e].answer != LATCH_REFUSE);
			EXPECT_OCTETS(&l, sizeof(l), &before, sizeof(before));
			EXPECT_INT(latch_step(&l, in.from, in.evidence, after_ms(in.ms)),
			           want[s][e].answer);
			EXPECT_INT(l.state, want[s][e].next);
			EXPECT(addr_eq(&l.address, want[s][e].answer == LATCH_LEARN
			                                   ? in.from
			                                   : &before.address));
			EXPECT_INT(latch_has_learnt(&l),
			           latch_has_heard(&l) && !addr_eq(&l.address, &home));
			if (want[s][e].answer == LATCH_LEARN)
				EXPECT(addr_eq(&l.before, e == LATCH_QUIET ? &away : &none));
		}
	}
}

/* --- signalling ------------------------------------------------------------- */

static void says(struct latch *l, enum latch_policy policy, const struct addr *signalled,
                 uint64_t now_ns)
{
	latch_signal(l, &(struct latch_terms){.policy = policy}, signalled, now_ns);
}

/* Repeated signalling changes nothing. latch_reopen changes only the state LEARNT. */
static void once_more(void)
{
	for (unsigned s = 0; s < LATCH_STATES; s++) {
		struct latch l = in_state((enum latch_state)s), was;

		test_context("state %u", s);
		was = l;
		says(&l, (enum latch_policy)l.policy, &home, after_ms(10));
		EXPECT_OCTETS(&l, sizeof(l), &was, sizeof(was));
		latch_reopen(&l);
		EXPECT_INT(l.state, s == LATCH_LEARNT ? LATCH_REOPENED : s);
	}
}

static void first_states(void)
{
	static const enum latch_state first[LATCH_POLICIES] = {
		[LATCH_BY_SIGNALLING] = LATCH_FIXED, [LATCH_BY_FIRST] = LATCH_OPEN,
		[LATCH_BY_FOLLOWING] = LATCH_OPEN,   [LATCH_ASYMMETRIC] = LATCH_OPEN,
		[LATCH_BY_CHOICE] = LATCH_WAITING,
	};

	for (unsigned p = 0; p < LATCH_POLICIES; p++) {
		struct latch l = {.state = 0};

		test_context("policy %u", p);
		says(&l, (enum latch_policy)p, &home, T);
		EXPECT_INT(l.state, first[p]);
		EXPECT(addr_eq(&l.address, &home));
		EXPECT_INT(latch_may(&l, &far, LATCH_BARE, after_ms(3600000)),
		           first[p] != LATCH_FIXED);
		/* A new policy keeps the learnt address, unless the policy learns nothing. */
		l = in_state(LATCH_LEARNT);
		says(&l, (enum latch_policy)p, &home, T);
		EXPECT(addr_eq(&l.address, first[p] == LATCH_FIXED ? &home : &away));
		EXPECT_INT(l.state, first[p] == LATCH_FIXED ? LATCH_FIXED
		                    : p == LATCH_BY_FIRST   ? LATCH_LEARNT
		                                            : LATCH_REOPENED);
	}
}

/* After a move in signalling the previous peer may still send: for one second its packets pass, but
 * its address is not learnt. Later it may be learnt, because the signalled address may be wrong. */
static void previous_peer_is_not_learnt(void)
{
	struct latch l = in_state(LATCH_LEARNT);

	says(&l, LATCH_BY_FIRST, &far, T);
	EXPECT_INT(l.state, LATCH_OPEN);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(999)), LATCH_ACCEPT);
	EXPECT_INT(latch_step(&l, &away, LATCH_PROVEN, after_ms(999)), LATCH_ACCEPT);
	EXPECT(addr_eq(latch_to(&l), &far));
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(1000)), LATCH_LEARN);
	/* When the new peer has been learnt, packets of the previous peer are refused. */
	l = in_state(LATCH_LEARNT);
	says(&l, LATCH_BY_FIRST, &far, T);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(50)), LATCH_ACCEPT);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(60)), LATCH_REFUSE);
	/* If the peer already sends from the signalled address, there is no move. */
	l = in_state(LATCH_LEARNT);
	says(&l, LATCH_BY_FIRST, &away, T);
	EXPECT_INT(l.state, LATCH_REOPENED);
	EXPECT(!latch_has_learnt(&l));
}

/* Signalling that gives the first address, or 0.0.0.0 for hold, keeps the learnt source. */
static void hold_and_late_address(void)
{
	struct latch l = {.state = 0};

	says(&l, LATCH_BY_FIRST, &none, T);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, T), LATCH_LEARN);
	says(&l, LATCH_BY_FIRST, &home, after_ms(100));
	EXPECT(addr_eq(latch_to(&l), &away));
	says(&l, LATCH_BY_FIRST, &hold, after_ms(200));
	EXPECT(addr_eq(latch_to(&l), &hold) && addr_eq(&l.address, &away));
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(210)), LATCH_ACCEPT);
	EXPECT(addr_eq(latch_to(&l), &hold));
	says(&l, LATCH_BY_FIRST, &home, after_ms(300));
	EXPECT(addr_eq(latch_to(&l), &away));
	EXPECT_INT(latch_step(&l, &home, LATCH_BARE, after_ms(310)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(320)), LATCH_REFUSE);
}

/* --- ranks of sources ------------------------------------------------------- */

/* For 3 s after the first packet a better source replaces a worse one at once; after that the
 * choice is final. */
static void the_choice(void)
{
	struct latch l = {.state = 0};

	says(&l, LATCH_BY_CHOICE, &home, T);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(12000)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &port, LATCH_BARE, after_ms(12100)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &door, LATCH_BARE, after_ms(12200)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &port, LATCH_BARE, after_ms(12300)), LATCH_REFUSE);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(12300)), LATCH_REFUSE);
	EXPECT_INT(latch_step(&l, &home, LATCH_BARE, after_ms(12400)), LATCH_LEARN);
	EXPECT_INT(l.state, LATCH_LEARNT);
	/* After these 3 s only the signalled address can replace the learnt source. */
	l = (struct latch){.state = 0};
	says(&l, LATCH_BY_CHOICE, &home, T);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(12000)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(14500)), LATCH_ACCEPT);
	EXPECT(!latch_may(&l, &door, LATCH_BARE, after_ms(15000)));
	EXPECT(latch_may(&l, &home, LATCH_BARE, after_ms(15000)));
}

static void patience(void)
{
	struct latch l = in_state(LATCH_LEARNT);

	/* A silent source loses the leg after 1 s to another port of its host, after 15 s to any
	 * host. When it sends again, it gets the leg back at once. */
	EXPECT(!latch_may(&l, &next, LATCH_BARE, after_ms(999)) &&
	       latch_may(&l, &next, LATCH_BARE, after_ms(1000)));
	EXPECT(!latch_may(&l, &far, LATCH_BARE, after_ms(14999)) &&
	       latch_may(&l, &far, LATCH_BARE, after_ms(15000)));
	l.before = none;
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(15000)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(15010)), LATCH_LEARN);
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(15020)), LATCH_REFUSE);
	/* A source that lost the leg gets it back only within the time that it had the leg before:
	 * here 1 s. */
	l = in_state(LATCH_LEARNT);
	l.since_ns = T - NS_PER_S;
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(15000)), LATCH_LEARN);
	EXPECT(latch_may(&l, &away, LATCH_BARE, after_ms(15999)));
	EXPECT_INT(latch_step(&l, &far, LATCH_BARE, after_ms(16000)), LATCH_ACCEPT);
	EXPECT(!latch_may(&l, &away, LATCH_BARE, after_ms(16000)));
	/* A strict latch never moves because of silence; after new signalling it may move. */
	l.is_strict = true;
	EXPECT(!latch_may(&l, &past, LATCH_BARE, after_ms(3600000)));
	latch_reopen(&l);
	EXPECT(latch_may(&l, &past, LATCH_BARE, after_ms(3600000)));
	/* A following latch: another source gets the leg as soon as the present one pauses for 100
	 * ms. */
	l = in_state(LATCH_LEARNT);
	l.policy = LATCH_BY_FOLLOWING;
	EXPECT(!latch_may(&l, &far, LATCH_BARE, after_ms(99)) &&
	       latch_may(&l, &far, LATCH_BARE, after_ms(100)));
}

/* On the latch for RTP, RTCP teaches a preliminary address: the first RTP packet replaces it, and
 * later RTCP changes nothing. */
static void hints(void)
{
	struct latch l = {.state = 0};

	says(&l, LATCH_BY_CHOICE, &home, T);
	EXPECT_INT(latch_step(&l, &next, LATCH_HINT, T), LATCH_LEARN);
	EXPECT(l.is_hinted);
	EXPECT_INT(latch_step(&l, &next, LATCH_HINT, after_ms(4000)), LATCH_ACCEPT);
	EXPECT_INT(latch_step(&l, &away, LATCH_BARE, after_ms(4010)), LATCH_LEARN);
	EXPECT(!l.is_hinted);
	EXPECT(!latch_may(&l, &next, LATCH_HINT, after_ms(3600000)));
	EXPECT(latch_may(&l, &next, LATCH_BARE, after_ms(3600000)));
	/* RTCP from the signalled address confirms it, and it is not preliminary. */
	l = (struct latch){.state = 0};
	says(&l, LATCH_BY_FIRST, &home, T);
	EXPECT_INT(latch_step(&l, &home, LATCH_HINT, T), LATCH_ACCEPT);
	EXPECT(!latch_may(&l, &far, LATCH_BARE, after_ms(10)));
	/* RTCP from the address that RTP comes from replaces an RTCP source on another host. */
	l = in_state(LATCH_LEARNT);
	EXPECT(!latch_may(&l, &far, LATCH_BARE, after_ms(10)) &&
	       latch_may(&l, &far, LATCH_BESIDE, after_ms(10)));
}

/* Random events. FIXED never moves. While the present source sends, an unproven source is refused,
 * unless it is the signalled address or the source that lost the leg by silence. A proven source
 * replaces the present source. */
static void any_order(void)
{
	const struct addr *const who[] = {&home, &door, &away, &next, &port, &far, &past};
	uint64_t random = test_seed();

	for (unsigned round = 0; round < 2000; round++) {
		struct latch l = {.state = 0};
		uint64_t now = T;

		says(&l, (enum latch_policy)(round % LATCH_POLICIES), &home, now);
		for (unsigned i = 0; i < 200; i++) {
			static const unsigned pauses_ms[] = {0, 1, 20, 90, 150, 1100, 5000, 16000};
			const struct addr *from = who[test_random(&random) % ARRAY_LEN(who)];
			enum latch_evidence evidence =
				test_random(&random) % 8 ? LATCH_BARE : LATCH_PROVEN;
			struct latch was;
			enum latch_answer answer;

			now += pauses_ms[test_random(&random) % ARRAY_LEN(pauses_ms)] * NS_PER_MS;
			if (test_random(&random) % 50 == 0)
				says(&l, (enum latch_policy)(round % LATCH_POLICIES),
				     who[test_random(&random) % 2], now);
			if (test_random(&random) % 50 == 0)
				latch_reopen(&l);
			was = l;
			EXPECT_INT(latch_may(&l, from, evidence, now),
			           (answer = latch_step(&l, from, evidence, now)) != LATCH_REFUSE);
			EXPECT(addr_eq(&l.address, answer == LATCH_LEARN ? from : &was.address));
			if (was.state == LATCH_FIXED)
				EXPECT_INT(answer, addr_eq(from, &was.signalled) ? LATCH_ACCEPT
				                                                 : LATCH_REFUSE);
			else if (evidence == LATCH_BARE && was.state >= LATCH_LEARNT &&
			         !latch_is_silent(&was, LATCH_FOLLOW_MS, now))
				EXPECT_INT(
					answer != LATCH_REFUSE,
					addr_eq(from, &was.address) ||
						addr_eq(from, &was.signalled) ||
						(addr_eq(from, &was.before) && now < was.until_ns));
			else if (evidence == LATCH_PROVEN && latch_has_heard(&was))
				EXPECT(addr_eq(&l.address, from));
		}
	}
}

TEST_MAIN("latch", {"any_order", any_order}, {"every_pair", every_pair}, {"once_more", once_more},
          {"first_states", first_states},
          {"previous_peer_is_not_learnt", previous_peer_is_not_learnt},
          {"hold_and_late_address", hold_and_late_address}, {"the_choice", the_choice},
          {"patience", patience}, {"hints", hints})
