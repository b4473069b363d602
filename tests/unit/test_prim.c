/* SPDX-License-Identifier: MIT */
/* keyctx/prim: HMAC and key wrap compared with RFC 2202, RFC 4231 and RFC 3394. */
#include "keyctx/prim.h"
#include "tests/harness/harness.h"

static const struct {
	enum prim_hash hash;
	const char *what, *key, *data, *mac;
} macs[] = {
	{PRIM_SHA1, "RFC 2202 1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
	{PRIM_SHA1, "RFC 2202 2", "4a656665",
         "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{PRIM_SHA256, "RFC 4231 1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{PRIM_SHA256, "RFC 4231 2", "4a656665",
         "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
};

static void hmac(void)
{
	for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
		uint8_t key[160], data[160], want[32], got[32];
		size_t n = test_hex(macs[i].key, key, sizeof(key)),
		       len = prim_hash_len(macs[i].hash);
		struct view v = {.p = data, .n = test_hex(macs[i].data, data, sizeof(data))};
		struct view split[3] = {{.p = data, .n = 3}, {0}, {.p = data + 3, .n = v.n - 3}};

		test_context("%s", macs[i].what);
		EXPECT_OK(prim_hmac(macs[i].hash, (struct view){.p = key, .n = n}, &v, 1, got));
		test_hex(macs[i].mac, want, sizeof(want));
		EXPECT_OCTETS(got, len, want, len);
		EXPECT_OK(prim_hmac(macs[i].hash, (struct view){.p = key, .n = n}, split, 3, want));
		EXPECT_OCTETS(got, len, want, len);
	}
}

/* RFC 2202 and RFC 4231, test case 6: keys longer than a block, 80 and 131 octets of 0xaa. */
static void long_keys(void)
{
	static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	struct view data = {.p = (const uint8_t *)text, .n = sizeof(text) - 1};
	uint8_t key[131], want[32], got[32];

	memset(key, 0xaa, sizeof(key));
	EXPECT_OK(prim_hmac(PRIM_SHA1, (struct view){.p = key, .n = 80}, &data, 1, got));
	test_hex("aa4ae5e15272d00e95705637ce8a3b55ed402112", want, sizeof(want));
	EXPECT_OCTETS(got, 20, want, 20);
	EXPECT_OK(prim_hmac(PRIM_SHA256, (struct view){.p = key, .n = 131}, &data, 1, got));
	test_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", want,
	         sizeof(want));
	EXPECT_OCTETS(got, 32, want, 32);
	/* An empty key gives the same MAC as a key of zeros. */
	memset(key, 0, sizeof(key));
	EXPECT_OK(prim_hmac(PRIM_SHA256, (struct view){0}, &data, 1, got));
	EXPECT_OK(prim_hmac(PRIM_SHA256, (struct view){.p = key, .n = 64}, &data, 1, want));
	EXPECT_OCTETS(got, 32, want, 32);
}

/* The test vector of RFC 3394 4.1. */
static void key_wrap(void)
{
	uint8_t kek[16], plain[16], want[24], got[24], iv[8];

	test_hex("000102030405060708090a0b0c0d0e0f", kek, sizeof(kek));
	test_hex("00112233445566778899aabbccddeeff", plain, sizeof(plain));
	test_hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5", want, sizeof(want));
	memset(iv, 0xa6, sizeof(iv));
	EXPECT_OK(prim_aes_wrap((struct view){.p = kek, .n = 16}, iv, plain, 16, got));
	EXPECT_OCTETS(got, 24, want, 24);
	EXPECT_OK(prim_aes_unwrap((struct view){.p = kek, .n = 16}, iv, want, 24, got));
	EXPECT_OCTETS(got, 16, plain, 16);
	iv[0] ^= 1;
	EXPECT_ERR(prim_aes_unwrap((struct view){.p = kek, .n = 16}, iv, want, 24, got), ERR_AUTH);
	EXPECT_ERR(prim_aes_wrap((struct view){.p = kek, .n = 16}, iv, plain, 15, got),
	           ERR_INVALID);
	EXPECT_ERR(prim_aes_wrap((struct view){.p = kek, .n = 15}, iv, plain, 16, got),
	           ERR_INVALID);
}

TEST_MAIN("prim", {"hmac", hmac}, {"long-keys", long_keys}, {"key-wrap", key_wrap})
