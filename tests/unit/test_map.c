/* SPDX-License-Identifier: MIT */
/* base/map: the hash table compared with a plain array, in long random runs. */
#include "base/map.h"

#include "base/mem.h"
#include "tests/harness/harness.h"

enum { KEYS = 500, STEPS = 40000 };

static void behaves_like_an_array(void)
{
	static uint32_t keys[KEYS];
	bool present[KEYS] = {false};
	uint64_t state = test_seed();
	struct map *m;
	size_t count = 0;

	REQUIRE_OK(map_new(&m));
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = i * 2654435761u;
	for (int step = 0; step < STEPS; step++) {
		size_t k = test_random(&state) % KEYS;

		if (test_random(&state) & 1) {
			EXPECT_ERR(map_put(m, &keys[k], 4, &keys[k]),
			           present[k] ? ERR_EXISTS : ERR_OK);
			count += !present[k];
			present[k] = true;
		} else {
			EXPECT(map_remove(m, &keys[k], 4) == (present[k] ? &keys[k] : NULL));
			count -= present[k];
			present[k] = false;
		}
		k = test_random(&state) % KEYS;
		EXPECT(map_get(m, &keys[k], 4) == (present[k] ? &keys[k] : NULL));
	}
	EXPECT_INT(map_count(m), count);
	map_free(m);
}

static void visits_each_once(void)
{
	static uint32_t keys[KEYS];
	unsigned seen[KEYS] = {0};
	struct map *m;
	size_t at = 0;
	uint32_t *v;

	REQUIRE_OK(map_new(&m));
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = i;
		EXPECT_OK(map_put(m, &keys[i], 4, &keys[i]));
	}
	while ((v = map_next(m, &at)))
		seen[*v]++;
	for (uint32_t i = 0; i < KEYS; i++)
		EXPECT_INT(seen[i], 1);
	map_free(m);
}

/* A put that fails leaves the map unchanged. */
static void fails_whole(void)
{
	static char keys[64][8];
	struct map *m;
	int held = 0;

	REQUIRE_OK(map_new(&m));
	mem_fail_nth(1);
	for (int i = 0; i < 64; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		if (map_put(m, keys[i], strlen(keys[i]), keys[i]))
			break;
		held++;
	}
	mem_fail_nth(0);
	EXPECT(held > 0 && held < 64);
	EXPECT_INT(map_count(m), held);
	for (int i = 0; i < held; i++)
		EXPECT(map_get(m, keys[i], strlen(keys[i])) == keys[i]);
	map_free(m);
}

static void hash_depends_on_the_key(void)
{
	uint8_t key[16], other[16] = {0};

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	EXPECT(map_hash(key, "sluice", 6) == map_hash(key, "sluice", 6));
	EXPECT(map_hash(key, "sluice", 6) != map_hash(other, "sluice", 6));
	EXPECT(map_hash(key, "sluice", 6) != map_hash(key, "sluicf", 6));
	EXPECT(map_hash(key, "a\0", 2) != map_hash(key, "a", 1));
}

TEST_MAIN("map", {"behaves like an array", behaves_like_an_array},
          {"visits each once", visits_each_once}, {"fails whole", fails_whole},
          {"hash depends on the key", hash_depends_on_the_key})
