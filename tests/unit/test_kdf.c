/* SPDX-License-Identifier: MIT */
/* keyctx/kdf: session keys compared with RFC 3711 B.3 and RFC 6188 7.2 and 7.4. */
#include "keyctx/kdf.h"

#include "base/secret.h"
#include "tests/harness/harness.h"
#include "tests/harness/vectors.h"

static void rfc_vectors(void)
{
	static const char *const files[] = {"rfc3711-b3", "rfc6188-7.2", "rfc6188-7.4"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct vectors v;
		uint8_t master[SUITE_MASTER_MAX], want[SUITE_KEY_MAX];
		struct keyctx_spec spec = {.master.p = master};
		struct keyctx *ctx = NULL;
		struct kdf_session *s = secret_alloc(sizeof(*s));

		test_context("%s", files[i]);
		vectors_read(&v, files[i]);
		spec.suite = suite_find(vectors_text(&v, "suite", 0));
		REQUIRE(s && spec.suite);
		spec.master.n = vectors_hex(&v, "master_key", master, sizeof(master));
		spec.master.n += vectors_hex(&v, "master_salt", master + spec.master.n,
		                             sizeof(master) - spec.master.n);
		REQUIRE_OK(keyctx_new(&ctx, &spec, NULL));
		EXPECT_OK(kdf_derive(s, ctx));
		EXPECT_OCTETS(s->rtp.key, spec.suite->key_len, want,
		              vectors_hex(&v, "rtp_key", want, sizeof(want)));
		EXPECT_OCTETS(s->rtp.salt, spec.suite->salt_len, want,
		              vectors_hex(&v, "rtp_salt", want, sizeof(want)));
		EXPECT_OCTETS(s->rtp.auth, SUITE_AUTH_KEY_LEN, want,
		              vectors_hex(&v, "rtp_auth", want, sizeof(want)));
		EXPECT(memcmp(&s->rtp, &s->rtcp, sizeof(s->rtp)) != 0);
		keyctx_free(ctx);
		secret_free(s);
	}
}

TEST_MAIN("kdf", {"rfc_vectors", rfc_vectors})
