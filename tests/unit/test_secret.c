/* SPDX-License-Identifier: MIT */
/* base/secret: locked memory for keys. It is aligned, zeroed, wiped on release, and left out of
 * core files; a failed allocation changes nothing. */
#include "base/secret.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* A freed block is wiped at once: its next user sees zeros. */
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

/* Finds the VmFlags line of the mapping that contains `p`, in smaps. */
static bool flags_of(const uint8_t *p, char line[512])
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false, found = false;

	CHECK(f);
	while (!found && fgets(line, 512, f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		found = inside && strncmp(line, "VmFlags:", 8) == 0;
	}
	fclose(f);
	return found;
}

/* The mapping of `p` must have the flags `dd` (left out of dumps), `wf` (wiped in a forked child)
 * and, if the limit allows, `lo` (locked). */
static void expect_guarded(const uint8_t *p)
{
	char flags[512];

	REQUIRE(flags_of(p, flags));
	EXPECT(strstr(flags, " dd") != NULL);
	EXPECT(strstr(flags, " wf") != NULL);
#if !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) /* these sanitizers make mlock a no-op */
	struct secret_usage u;

	secret_get_usage(&u);
	EXPECT(u.unlocked_bytes > 0 || strstr(flags, " lo") != NULL);
#endif
}

static void pages_are_guarded(void)
{
	uint8_t *p = secret_alloc(100);

	REQUIRE(p != NULL);
	expect_guarded(p);
	secret_free(p);
}

enum { MANY = 16384, KEY_BYTES = 512 };

/* With 8 MB of keys the later ones are on huge pages (`hg`) if the kernel has them, and just as
 * protected. If no huge region is available, small pages are used. */
static void many_blocks_share_huge_pages(void)
{
	static uint8_t *p[MANY];
	bool has_huge = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
	struct secret_usage before, after;
	struct rlimit was, tight;
	unsigned long pages = 0;
	char flags[512];
	FILE *f;

	for (size_t i = 0; i < MANY; i++) {
		p[i] = secret_alloc(KEY_BYTES);
		REQUIRE(p[i] != NULL);
		REQUIRE(p[i][0] == 0 && p[i][KEY_BYTES - 1] == 0);
		memset(p[i], (int)i, KEY_BYTES);
	}
	expect_guarded(p[MANY - 1]);
	REQUIRE(flags_of(p[MANY - 1], flags));
	secret_get_usage(&after);
	EXPECT(!has_huge || after.unlocked_bytes > 0 || strstr(flags, " hg") != NULL);
	for (size_t i = 0; i < MANY; i++) {
		EXPECT(p[i][0] == (uint8_t)i && p[i][KEY_BYTES - 1] == (uint8_t)i);
		secret_free(p[i]);
	}
/* The address space cannot be limited under these sanitizers, which reserve it. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	f = fopen("/proc/self/statm", "r");
	REQUIRE(f != NULL && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	REQUIRE(getrlimit(RLIMIT_AS, &was) == 0);
	tight = (struct rlimit){.rlim_cur = pages * 4096 + (1 << 20), .rlim_max = was.rlim_max};
	secret_get_usage(&before);
	REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
	/* 2,900 blocks of a new size class need more than the rest of a region. */
	for (size_t i = 0; i < 3000; i++) {
		p[i] = i < 2900 ? secret_alloc(960) : NULL;
		if (!p[i])
			break;
		memset(p[i], 1, 960);
	}
	REQUIRE(setrlimit(RLIMIT_AS, &was) == 0);
	secret_get_usage(&after);
	EXPECT((after.mapped_bytes - before.mapped_bytes) % (2 << 20) != 0);
	for (size_t i = 0; p[i]; i++)
		secret_free(p[i]);
#else
	(void)before, (void)was, (void)tight, (void)pages, (void)f;
#endif
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
          {"many blocks share huge pages, or small ones", many_blocks_share_huge_pages},
          {"large blocks have pages of their own", large_blocks_have_pages_of_their_own},
          {"setting keeps the old on failure", setting_keeps_the_old_on_failure})
