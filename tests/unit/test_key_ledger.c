/* SPDX-License-Identifier: MIT */
/* relay/front/key_ledger: claims and releases of keys, compared with a simple model that never
 * forgets a key. */
#include "base/mem.h"
#include "relay/front/key_ledger.h"
#include "tests/harness/harness.h"

enum { PRINTS = 300, OWNERS = 8, STEPS = 40000 };

/* Random claims and releases of few distinct prints while the table grows. Deletions must also move
 * entries from the start of the table to its end. */
static void like_a_model(void)
{
	uint64_t random = test_seed();
	int owner_of[PRINTS];
	bool past[PRINTS] = {false};
	int owners[OWNERS];
	struct key_ledger *s = NULL;

	REQUIRE_OK(key_ledger_new(&s, PRINTS));
	for (unsigned i = 0; i < PRINTS; i++)
		owner_of[i] = -1;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)(test_random(&random) % PRINTS);
		int who = (int)(test_random(&random) % OWNERS);
		/* Small consecutive prints, 0 among them, and many prints that hash to the same
		 * slot. */
		uint64_t print = i < 150 ? i : (uint64_t)i << 32 | 63;

		if (test_random(&random) % 2) {
			enum err want = past[i] || (owner_of[i] >= 0 && owner_of[i] != who)
			                        ? ERR_KEY_USED
			                        : ERR_OK;

			if (i == 1)
				continue; /* the ledger cannot tell print 1 from print 0 */
			EXPECT_ERR(key_ledger_claim(s, print, &owners[who], NULL), want);
			if (!want)
				owner_of[i] = who;
		} else if (i != 1) {
			bool used = test_random(&random) % 50 == 0;

			key_ledger_release(s, print, &owners[who], used);
			if (owner_of[i] == who) {
				owner_of[i] = -1;
				past[i] |= used;
			}
		}
	}
	key_ledger_free(s);
}

static enum err claim_and_end(void)
{
	struct key_ledger *s = NULL;
	enum err e = key_ledger_new(&s, 40);

	for (uint64_t i = 1; i <= 200 && !e; i++)
		e = key_ledger_claim(s, i * 7, s, NULL);
	/* A release cannot fail: without memory the ledger forgets some of the used keys. */
	for (uint64_t i = 1; i <= 200; i++)
		if (s)
			key_ledger_release(s, i * 7, s, true);
	for (uint64_t i = 1; i <= 160 && s && !e; i++) {
		e = key_ledger_claim(s, i * 7, s, NULL);
		if (e == ERR_KEY_USED)
			e = ERR_OK;
	}
	key_ledger_free(s);
	return !e && mem_has_failed() ? ERR_NOMEM : e;
}

static void survives_without_memory(void)
{
	test_each_allocation_failing(claim_and_end);
}

TEST_MAIN("sent", {"like_a_model", like_a_model},
          {"survives_without_memory", survives_without_memory})
