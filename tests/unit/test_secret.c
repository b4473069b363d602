/* SPDX-License-Identifier: MIT */
/* Locked memory for keys: aligned, zeroed, wiped, out of core files, failing whole. */
#include "base/secret.h"

#include <sys/mman.h>

#include "base/mem.h"
#include "tests/harness/harness.h"

static void blocks_are_aligned_zeroed_and_apart(void)
{
	enum { N = 600 };
	static uint8_t *p[N];
	struct secret_usage before, after;

	secret_get_usage(&before);
	for (size_t i = 0; i < N; i++) {
		size_t n = i * 7 % 3000;

		p[i] = secret_alloc(n);
		REQUIRE(p[i] != NULL);
		EXPECT_INT((uintptr_t)p[i] % 64, 0);
		for (size_t k = 0; k < n; k++)
			REQUIRE(p[i][k] == 0);
		memset(p[i], (int)i, n);
	}
	for (size_t i = 0; i < N; i++) {
		size_t n = i * 7 % 3000;

		EXPECT(n == 0 || (p[i][0] == (uint8_t)i && p[i][n - 1] == (uint8_t)i));
		secret_free(p[i]);
	}
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

/* A freed block keeps its address in the free list: whoever gets it next must see zeroes, and so must anyone in between. */
static void freeing_wipes(void)
{
	uint8_t *p = secret_alloc(48), *q;

	REQUIRE(p != NULL);
	memset(p, 0xaa, 48);
	secret_free(p);
	q = secret_alloc(48);
	REQUIRE(q == p);
	for (int i = 0; i < 48; i++)
		EXPECT_INT(q[i], 0);
	secret_free(q);
}

/* smaps of the page shows `dd` (do not dump), `wf` (wipe on fork) and, where the limit allows, `lo` (locked). */
static void pages_are_guarded(void)
{
	uint8_t *p = secret_alloc(100);
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool inside = false, found = false;

	REQUIRE(p != NULL && f != NULL);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			struct secret_usage u;

			found = true;
			secret_get_usage(&u);
			EXPECT(strstr(line, " dd") != NULL);
			EXPECT(strstr(line, " wf") != NULL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they turn mlock into nothing */
			EXPECT(u.unlocked_bytes > 0 || strstr(line, " lo") != NULL);
#endif
		}
	}
	fclose(f);
	EXPECT(found);
	secret_free(p);
}

static void large_blocks_have_pages_of_their_own(void)
{
	struct secret_usage before, after;
	uint8_t *p;

	secret_get_usage(&before);
	p = secret_alloc(1 << 20);
	REQUIRE(p != NULL);
	p[(1 << 20) - 1] = 1;
	secret_free(p);
	secret_get_usage(&after);
	EXPECT_INT(after.mapped_bytes, before.mapped_bytes);
}

static void setting_keeps_the_old_on_failure(void)
{
	struct secret s = {0};

	REQUIRE_OK(secret_set(&s, "old key", 7));
	mem_fail_nth(1);
	EXPECT_ERR(secret_set(&s, "new key", 7), ERR_NOMEM);
	mem_fail_nth(0);
	EXPECT(s.len == 7 && secret_eq(s.octets, "old key", 7));
	EXPECT(!secret_eq(s.octets, "old kez", 7));
	secret_clear(&s);
	EXPECT(s.octets == NULL && s.len == 0);
}

TEST_MAIN("secret", {"blocks are aligned, zeroed and apart", blocks_are_aligned_zeroed_and_apart},
          {"freeing wipes", freeing_wipes}, {"pages are guarded", pages_are_guarded},
          {"large blocks have pages of their own", large_blocks_have_pages_of_their_own},
          {"setting keeps the old on failure", setting_keeps_the_old_on_failure})
