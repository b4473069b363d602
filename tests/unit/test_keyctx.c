/* SPDX-License-Identifier: MIT */
/* keyctx/keyctx: holders share a context, and the last holder wipes it; a copy is a separate
 * context. */
#include "base/secret.h"
#include "keyctx/keyctx.h"
#include "tests/harness/harness.h"

static size_t in_use(void)
{
	struct secret_usage u;

	secret_get_usage(&u);
	return u.in_use_bytes;
}

static void holders_share_one_context(void)
{
	struct keyctx *k = NULL, *second;
	size_t before = in_use(), one;

	REQUIRE_OK(keyctx_generate(&k, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80)));
	one = in_use();
	second = keyctx_take(k);
	EXPECT(second == k);
	EXPECT_INT(in_use(), one);
	keyctx_free(k);
	EXPECT_INT(in_use(), one);
	keyctx_free(second);
	EXPECT_INT(in_use(), before);
	EXPECT(keyctx_take(NULL) == NULL);
}

static void a_copy_is_another_context(void)
{
	struct keyctx *k = NULL, *copy = NULL;
	size_t before = in_use();

	REQUIRE_OK(keyctx_generate(&k, suite_get(SUITE_AEAD_AES_128_GCM)));
	k = keyctx_take(k);
	REQUIRE_OK(keyctx_copy(&copy, k));
	EXPECT(copy != k && keyctx_eq(copy, k));
	/* The copy has its own count of holders. */
	keyctx_free(copy);
	keyctx_free(k);
	keyctx_free(k);
	EXPECT_INT(in_use(), before);
}

TEST_MAIN("keyctx", {"holders share one context", holders_share_one_context},
          {"a copy is another context", a_copy_is_another_context})
