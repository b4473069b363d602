/* SPDX-License-Identifier: MIT */
/* keyctx/kms/gba: GBA names and keys. The expected keys come from an independent implementation of
 * TS 33.220 B.2 and B.3. */
#include "keyctx/kms/gba.h"
#include "tests/harness/harness.h"

static const uint8_t *ks(void)
{
	static uint8_t k[GBA_KS_LEN];

	for (unsigned i = 0; i < sizeof(k); i++)
		k[i] = (uint8_t)i;
	return k;
}

static const uint8_t *random_a0(void)
{
	static uint8_t r[GBA_RAND_LEN];

	for (unsigned i = 0; i < sizeof(r); i++)
		r[i] = (uint8_t)(0xa0 + i);
	return r;
}

static struct gba_input input(void)
{
	return (struct gba_input){
		.ks = {ks(), GBA_KS_LEN},
		.rand = {random_a0(), GBA_RAND_LEN},
		.impi = STR("alice@home1.example"),
		.naf_fqdn = STR("kms.home1.example"),
		.ua = gba_ua_mikey,
	};
}

static void derives(void)
{
	static const struct {
		enum gba_key which;
		const char *want;
	} rows[] = {
		{GBA_KEY_ME, "cd37f903af4f1508d3074f6928672bbb8885c7080ef78872733835293fc7771d"},
		{GBA_KEY_CARD, "abd996bcad8bd1a125092a43a95f9fbc135610ca11142ae92104adabedd7f458"},
	};
	struct gba_input in = input();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct secret key = {0};
		uint8_t want[GBA_KEY_LEN];

		test_hex(rows[i].want, want, sizeof(want));
		REQUIRE_OK(gba_derive(&key, rows[i].which, &in));
		EXPECT_OCTETS(key.octets, key.len, want, sizeof(want));
		secret_clear(&key);
	}
}

static void refuses_wrong_inputs(void)
{
	struct secret key = {0};
	struct gba_input in = input();

	in.ks.n = 31;
	EXPECT_ERR(gba_derive(&key, GBA_KEY_ME, &in), ERR_INVALID);
	in = input();
	in.rand.n = 15;
	EXPECT_ERR(gba_derive(&key, GBA_KEY_ME, &in), ERR_INVALID);
	in = input();
	in.impi.n = 0;
	EXPECT_ERR(gba_derive(&key, GBA_KEY_ME, &in), ERR_INVALID);
	in = input();
	in.naf_fqdn.n = 0;
	EXPECT_ERR(gba_derive(&key, GBA_KEY_ME, &in), ERR_INVALID);
	EXPECT(!key.octets);
}

static void btid(void)
{
	char text[GBA_BTID_MAX + 1];
	uint8_t rand[GBA_RAND_LEN];
	struct str domain;

	REQUIRE_OK(gba_btid_print(random_a0(), STR("bsf.home1.example"), text, sizeof(text)));
	EXPECT_TEXT(text, "oKGio6SlpqeoqaqrrK2urw==@bsf.home1.example");
	REQUIRE_OK(gba_btid_parse(str_of(text), rand, &domain));
	EXPECT_OCTETS(rand, sizeof(rand), random_a0(), GBA_RAND_LEN);
	EXPECT(str_is(domain, "bsf.home1.example"));
	EXPECT_ERR(gba_btid_print(random_a0(), STR("x"), text, 26), ERR_TOO_BIG);
	EXPECT_ERR(gba_btid_parse(STR("oKGio6SlpqeoqaqrrK2urw=="), rand, &domain), ERR_SYNTAX);
	EXPECT_ERR(gba_btid_parse(STR("oKGio6Slpqeoqaqr@x"), rand, &domain), ERR_SYNTAX);
	EXPECT_ERR(gba_btid_parse(STR("alice@home1.example"), rand, &domain), ERR_SYNTAX);
	EXPECT_ERR(gba_btid_parse(STR("@home1.example"), rand, &domain), ERR_SYNTAX);
}

static enum err derive_once(void)
{
	struct gba_input in = input();
	struct secret key = {0};
	enum err e = gba_derive(&key, GBA_KEY_ME, &in);

	secret_clear(&key);
	return e;
}

static void survives_no_memory(void)
{
	test_each_allocation_failing(derive_once);
}

TEST_MAIN("gba", {"derives", derives}, {"refuses wrong inputs", refuses_wrong_inputs},
          {"B-TID", btid}, {"survives no memory", survives_no_memory})
