/* SPDX-License-Identifier: MIT */
/* Each engine alone: the vectors of RFC 3711, 6188 and 7714, MKI, start ROC and index, lifetimes,
 * room for the tag. */
#include "relay/engine/engine.h"

#include "base/secret.h"
#include "keyctx/prim.h"
#include "relay/packet/roc.h"
#include "tests/harness/harness.h"
#include "tests/harness/rig.h"
#include "tests/harness/vectors.h"

enum { SSRC = 0x0badcafe };

static const uint8_t rtp[] = {0x80, 0x60, 0x00, 0x01, 0x00, 0x00, 0x00, 0xa0, 0x0b,
                              0xad, 0xca, 0xfe, 'h',  'e',  'l',  'l',  'o'};
static const uint8_t rtcp[] = {0x80, 0xc8, 0x00, 0x06, 0x0b, 0xad, 0xca, 0xfe, 0xe0, 0x00,
                               0x00, 0x01, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0,
                               0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x12};

/* A send key and a receive key from one context, with one stream under each, and the packet between
 * them. */
struct pair {
	const struct engine_ops *ops;
	struct engine *engine;
	struct engine_key *send, *receive;
	struct engine_stream *out, *in;
	struct rig_pkt p;
};

static bool pair_make(struct pair *t, const struct engine_ops *ops, const struct keyctx *ctx,
                      const struct engine_stream_state *start)
{
	*t = (struct pair){.ops = ops, .engine = rig_open(ops)};
	t->send = rig_key(ops, ctx, ENGINE_SEND, 1024);
	t->receive = rig_key(ops, ctx, ENGINE_RECEIVE, 128);
	if (t->send && t->receive) {
		t->out = rig_stream(ops, t->send, SSRC, NULL);
		t->in = rig_stream(ops, t->receive, SSRC, start);
	}
	return t->in != NULL;
}

static void pair_drop(struct pair *t)
{
	rig_stream_free(t->ops, t->out);
	rig_stream_free(t->ops, t->in);
	t->ops->key_free(t->send);
	t->ops->key_free(t->receive);
	t->ops->close(t->engine);
}

/* Protects a packet with this index, in t->p. */
static enum verdict send_rtp(struct pair *t, uint64_t index)
{
	uint8_t octets[sizeof(rtp)];

	memcpy(octets, rtp, sizeof(rtp));
	octets[2] = (uint8_t)(index >> 8);
	octets[3] = (uint8_t)index;
	rig_fill(&t->p, PKT_RTP, octets, sizeof(octets), 12, t->send, t->out);
	return rig_protect(t->ops, t->engine, &t->p, index);
}

static enum verdict arrive(struct pair *t)
{
	struct rig_pkt p;

	rig_fill(&p, (enum pkt_kind)t->p.pkt.kind, t->p.pkt.data, t->p.pkt.len, t->p.pkt.header_len,
	         t->receive, t->in);
	(void)rig_unprotect(t->ops, t->engine, &p);
	t->p = p;
	t->p.pkt.data = t->p.octets;
	return (enum verdict)t->p.pkt.verdict;
}

static void chooses(void)
{
	const struct engine_ops *ops = NULL;
	struct why why = {{0}};
	char text[256];

	EXPECT_OK(engine_choose(&ops, STR("auto"), &why));
	EXPECT(ops == engine_list()[0]);
	EXPECT_OK(engine_choose(&ops, STR("libsrtp"), &why));
	EXPECT(strstr(ops->describe(text, sizeof(text)), "libsrtp2") != NULL);
	EXPECT_ERR(engine_choose(&ops, STR("magic"), &why), ERR_NOT_FOUND);
	EXPECT(strstr(why.text, "magic") && strstr(why.text, "auto") &&
	       strstr(why.text, "libsrtp"));
}

/* RFC 3711 B.3, RFC 6188 7.2 and 7.4: a packet protected with the session keys that the RFC prints
 * equals one that the test builds from its octets. */
static void derivation_vectors(void)
{
	static const char *const files[] = {"rfc3711-b3", "rfc6188-7.2", "rfc6188-7.4"};

	for (unsigned n = 0; rig_engine(n); n++) {
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			struct vectors v;
			uint8_t octets[SUITE_MASTER_MAX], want[64], iv[16] = {0}, auth[20], mac[20],
								    roc[4] = {0};
			struct keyctx_spec spec = {.master.p = octets};
			struct view parts[2] = {{.p = want, .n = sizeof(rtp)}, {.p = roc, .n = 4}};
			struct keyctx *ctx = NULL;
			struct pair t;

			test_context("%s %s", rig_engine(n)->name, files[i]);
			vectors_read(&v, files[i]);
			spec.suite = suite_find(vectors_text(&v, "suite", 0));
			spec.master.n = vectors_hex(&v, "master_key", octets, sizeof(octets));
			spec.master.n += vectors_hex(&v, "master_salt", octets + spec.master.n, 14);
			REQUIRE_OK(keyctx_new(&ctx, &spec, NULL));
			(void)vectors_hex(&v, "rtp_salt", iv, sizeof(iv));
			for (int b = 0; b < 4; b++)
				iv[4 + b] ^= rtp[8 + b];
			iv[13] ^= 1;
			memcpy(want, rtp, sizeof(rtp));
			(void)vectors_hex(&v, "rtp_key", octets, sizeof(octets));
			REQUIRE_OK(
				prim_aes_ctr((struct view){.p = octets, .n = spec.suite->key_len},
			                     iv, want + 12, want + 12, sizeof(rtp) - 12));
			(void)vectors_hex(&v, "rtp_auth", auth, sizeof(auth));
			REQUIRE_OK(prim_hmac(PRIM_SHA1, (struct view){.p = auth, .n = 20}, parts, 2,
			                     mac));
			memcpy(want + sizeof(rtp), mac, 10);
			if (pair_make(&t, rig_engine(n), ctx, NULL)) {
				EXPECT_INT(send_rtp(&t, 1), VERDICT_NONE);
				EXPECT_OCTETS(t.p.pkt.data, t.p.pkt.len, want, sizeof(rtp) + 10);
				EXPECT_INT(arrive(&t), VERDICT_NONE);
				EXPECT_OCTETS(t.p.pkt.data, t.p.pkt.len, rtp, sizeof(rtp));
			} else {
				EXPECT(spec.suite->key_len == 24 &&
				       str_is(str_of(rig_engine(n)->name), "libsrtp"));
			}
			pair_drop(&t);
			keyctx_free(ctx);
		}
	}
}

/* Reads the session keys of a vector file, the same for RTP and RTCP. For engines with
 * key_from_session only. */
static const struct suite *session_of(const struct vectors *v, struct kdf_session *s)
{
	s->suite = suite_find(vectors_text(v, "suite", 0));
	(void)vectors_hex(v, "session_key", s->rtp.key, sizeof(s->rtp.key));
	(void)vectors_hex(v, "session_salt", s->rtp.salt, sizeof(s->rtp.salt));
	s->rtcp = s->rtp;
	return s->suite;
}

/* RFC 3711 B.2, RFC 6188 7.1 and 7.3: a protected payload of zeros is the keystream. */
static void keystream_vectors(void)
{
	static const char *const files[] = {"rfc3711-b2", "rfc6188-7.1", "rfc6188-7.3"};
	static const uint8_t zeros[12 + 48] = {0x80};

	for (unsigned n = 0; rig_engine(n); n++) {
		const struct engine_ops *ops = rig_engine(n);

		for (size_t i = 0; ops->key_from_session && i < ARRAY_LEN(files); i++) {
			struct vectors v;
			struct kdf_session s = {0};
			struct engine *e = rig_open(ops);
			struct engine_key *key = NULL;
			struct engine_stream *out;
			struct rig_pkt p;

			test_context("%s %s", ops->name, files[i]);
			vectors_read(&v, files[i]);
			REQUIRE(session_of(&v, &s));
			REQUIRE_OK(ops->key_from_session(&key, &s, ENGINE_SEND, 64, NULL));
			out = rig_stream(ops, key, 0, NULL);
			rig_fill(&p, PKT_RTP, zeros, sizeof(zeros), 12, key, out);
			EXPECT_INT(rig_protect(ops, e, &p, 0), VERDICT_NONE);
			for (unsigned b = 0; b < 3; b++) {
				struct str line = vectors_text(&v, "block", b);
				uint8_t want[16];
				char text[40];

				(void)str_word(&line);
				REQUIRE_OK(str_copy(str_trim(line), text, sizeof(text)));
				EXPECT_INT(test_hex(text, want, sizeof(want)), 16);
				EXPECT_OCTETS(p.pkt.data + 12 + 16 * b, 16, want, 16);
			}
			rig_stream_free(ops, out);
			ops->key_free(key);
			ops->close(e);
		}
	}
}

/* Protects and unprotects the packets of RFC 7714 16.1.1, 16.2.1, 17.1 and 17.2. */
static void aead_vectors(void)
{
	static const char *const files[] = {"rfc7714-16.1.1", "rfc7714-16.2.1", "rfc7714-17.1",
	                                    "rfc7714-17.2"};

	for (unsigned n = 0; rig_engine(n); n++) {
		const struct engine_ops *ops = rig_engine(n);

		for (size_t i = 0; ops->key_from_session && i < ARRAY_LEN(files); i++) {
			struct vectors v;
			struct kdf_session s = {0};
			struct engine *e = rig_open(ops);
			struct engine_key *key[2] = {NULL, NULL};
			struct engine_stream *in, *out;
			struct engine_stream_state start = {.has_rtcp = true, .rtcp_index = 0x5d3};
			uint8_t plain[128], want[128], index[2];
			size_t plain_len, want_len;
			struct rig_pkt p;
			bool is_rtp;

			test_context("%s %s", ops->name, files[i]);
			vectors_read(&v, files[i]);
			is_rtp = str_is(vectors_text(&v, "kind", 0), "rtp");
			REQUIRE(session_of(&v, &s));
			plain_len = vectors_hex(&v, "plain", plain, sizeof(plain));
			want_len = vectors_hex(&v, "protected", want, sizeof(want));
			(void)vectors_hex(&v, "index", index, sizeof(index));
			REQUIRE_OK(ops->key_from_session(&key[ENGINE_SEND], &s, ENGINE_SEND, 64,
			                                 NULL));
			REQUIRE_OK(ops->key_from_session(&key[ENGINE_RECEIVE], &s, ENGINE_RECEIVE,
			                                 64, NULL));
			out = rig_stream(ops, key[ENGINE_SEND], 0x4d617273, &start);
			in = rig_stream(ops, key[ENGINE_RECEIVE], 0x4d617273, NULL);
			rig_fill(&p, is_rtp ? PKT_RTP : PKT_RTCP, plain, plain_len, is_rtp ? 12 : 8,
			         key[ENGINE_SEND], out);
			EXPECT_INT(rig_protect(ops, e, &p, (uint64_t)index[0] << 8 | index[1]),
			           VERDICT_NONE);
			EXPECT_OCTETS(p.pkt.data, p.pkt.len, want, want_len);
			rig_fill(&p, is_rtp ? PKT_RTP : PKT_RTCP, want, want_len, is_rtp ? 12 : 8,
			         key[ENGINE_RECEIVE], in);
			EXPECT_INT(rig_unprotect(ops, e, &p), VERDICT_NONE);
			EXPECT_OCTETS(p.pkt.data, p.pkt.len, plain, plain_len);
			EXPECT_INT(p.pkt.index, index[0] << 8 | index[1]);
			rig_stream_free(ops, in);
			rig_stream_free(ops, out);
			ops->key_free(key[0]);
			ops->key_free(key[1]);
			ops->close(e);
		}
	}
}

/* Calls `fn` for every engine, and for every suite that the engine supports. */
static void each_suite(void (*fn)(struct pair *t, const struct suite *s), struct view mki,
                       uint64_t lifetime_pkts, const struct engine_stream_state *start)
{
	for (unsigned n = 0; rig_engine(n); n++) {
		for (unsigned i = 0; i < SUITE_COUNT; i++) {
			struct keyctx *ctx = rig_keyctx((enum suite_id)i, i, mki, lifetime_pkts);
			struct pair t;

			test_context("%s %s", rig_engine(n)->name, ctx->suite->name);
			if (pair_make(&t, rig_engine(n), ctx, start))
				fn(&t, ctx->suite);
			pair_drop(&t);
			keyctx_free(ctx);
		}
	}
}

static const struct view no_mki;

static void mki_case(struct pair *t, const struct suite *s)
{
	uint16_t tailroom;
	uint8_t *mki;

	EXPECT_INT(send_rtp(t, 1), VERDICT_NONE);
	EXPECT_INT(t->p.pkt.len, sizeof(rtp) + 3 + s->srtp_tag_len);
	/* RFC 3711 3.1 puts the tag after the MKI. RFC 7714 puts the tag before the MKI. */
	mki = t->p.pkt.data + t->p.pkt.len - 3 -
	      (s->cipher != SUITE_CIPHER_AES_GCM ? s->srtp_tag_len : 0);
	EXPECT_OCTETS(mki, 3, "key", 3);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT_OCTETS(t->p.pkt.data, t->p.pkt.len, rtp, sizeof(rtp));
	EXPECT_INT(t->p.pkt.tailroom, RIG_ROOM - sizeof(rtp));

	EXPECT_INT(send_rtp(t, 2), VERDICT_NONE);
	mki = t->p.pkt.data + t->p.pkt.len - 3 -
	      (s->cipher != SUITE_CIPHER_AES_GCM ? s->srtp_tag_len : 0);
	mki[1] ^= 1;
	EXPECT_INT(arrive(t), VERDICT_NO_KEY);

	rig_fill(&t->p, PKT_RTCP, rtcp, sizeof(rtcp), 8, t->send, t->out);
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 0), VERDICT_NONE);
	EXPECT_INT(t->p.pkt.index, 1);
	EXPECT_INT(t->p.pkt.len, sizeof(rtcp) + 4 + 3 + s->srtcp_tag_len);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT_OCTETS(t->p.pkt.data, t->p.pkt.len, rtcp, sizeof(rtcp));

	tailroom = (uint16_t)(3 + s->srtp_tag_len);
	rig_fill(&t->p, PKT_RTP, rtp, sizeof(rtp), 12, t->send, t->out);
	t->p.pkt.tailroom = (uint16_t)(tailroom - 1);
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, roc_index(1, 1)), VERDICT_TOO_BIG);
	rig_fill(&t->p, PKT_RTP, rtp, sizeof(rtp), 12, t->send, t->out);
	t->p.pkt.tailroom = tailroom;
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, roc_index(1, 1)), VERDICT_NONE);
	EXPECT_INT(t->p.pkt.tailroom, 0);
}

static void carries_an_mki(void)
{
	each_suite(mki_case, (struct view){.p = (const uint8_t *)"key", .n = 3}, 0, NULL);
}

/* RFC 3711 3.4: under a new key the SRTCP index continues from any earlier value, with or without
 * an RTP packet first. */
static void rtcp_start(struct pair *t, const struct suite *s, unsigned mki_len)
{
	static const uint32_t last[] = {1, 2, 126, 127, 128, 129, 300, 70000, 0x7fffff00};

	for (size_t i = 0; i < 2 * ARRAY_LEN(last); i++) {
		struct engine_stream_state start = {.has_rtcp = true,
		                                    .rtcp_index = last[i / 2],
		                                    .has_rtp = i % 2,
		                                    .rtp_index = 70001};

		rig_stream_free(t->ops, t->out);
		rig_stream_free(t->ops, t->in);
		t->out = rig_stream(t->ops, t->send, SSRC, &start);
		t->in = rig_stream(t->ops, t->receive, SSRC, NULL);
		REQUIRE(t->out && t->in);
		if (i % 2)
			EXPECT_INT(send_rtp(t, 70002), VERDICT_NONE);
		for (uint32_t k = 1; k <= 3; k++) {
			unsigned behind =
				4u + mki_len +
				(s->cipher != SUITE_CIPHER_AES_GCM ? s->srtcp_tag_len : 0);

			rig_fill(&t->p, PKT_RTCP, rtcp, sizeof(rtcp), 8, t->send, t->out);
			EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 0), VERDICT_NONE);
			EXPECT_INT(t->p.pkt.index, last[i / 2] + k);
			EXPECT_INT(be32_get(t->p.pkt.data + t->p.pkt.len - behind),
			           0x80000000 | (last[i / 2] + k));
			EXPECT_INT(arrive(t), VERDICT_NONE);
			EXPECT_OCTETS(t->p.pkt.data, t->p.pkt.len, rtcp, sizeof(rtcp));
		}
		if (i % 2)
			EXPECT_INT(send_rtp(t, 70003), VERDICT_NONE);
	}
}

static void rtcp_start_case(struct pair *t, const struct suite *s)
{
	rtcp_start(t, s, 0);
}

static void rtcp_start_mki_case(struct pair *t, const struct suite *s)
{
	rtcp_start(t, s, 3);
}

static void starts_at_an_srtcp_index(void)
{
	each_suite(rtcp_start_case, no_mki, 0, NULL);
	each_suite(rtcp_start_mki_case, (struct view){.p = (const uint8_t *)"key", .n = 3}, 0,
	           NULL);
}

static void wrap_case(struct pair *t, const struct suite *s)
{
	/* Packets are lost and reordered over three wraps; the receiver must find the index that
	 * the sender used. */
	static const uint64_t indices[] = {65533,  65535,  65534,  65537,  65532,
	                                   65536,  98304,  131071, 131070, 131073,
	                                   131072, 163000, 195700, 196607, 196610};

	(void)s;
	for (size_t i = 0; i < ARRAY_LEN(indices); i++) {
		EXPECT_INT(send_rtp(t, indices[i]), VERDICT_NONE);
		EXPECT_INT(arrive(t), VERDICT_NONE);
		EXPECT(t->p.pkt.index == indices[i]);
	}
	/* An index that was used is never used again, however far the stream has advanced. */
	EXPECT_INT(send_rtp(t, 196607), VERDICT_DUPLICATE);
	EXPECT_INT(send_rtp(t, 65537), VERDICT_DUPLICATE);
	EXPECT_INT(send_rtp(t, 196611), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT_INT(send_rtp(t, 196611 - 128), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_TOO_OLD);
	EXPECT_INT(send_rtp(t, 196611 - 127), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
}

static void follows_wraps(void)
{
	each_suite(wrap_case, no_mki, 0, NULL);
}

static void start_case(struct pair *t, const struct suite *s)
{
	(void)s;
	/* A forged first packet must not change the start state. */
	EXPECT_INT(send_rtp(t, roc_index(5, 100)), VERDICT_NONE);
	t->p.pkt.data[13] ^= 1;
	EXPECT_INT(arrive(t), VERDICT_AUTH_FAILED);
	EXPECT_INT(send_rtp(t, roc_index(5, 99)), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT(t->p.pkt.index == roc_index(5, 99));
	EXPECT_INT(send_rtp(t, roc_index(4, 65535)), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT(t->p.pkt.index == roc_index(4, 65535));
	EXPECT_INT(send_rtp(t, roc_index(5, 101)), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
}

static void starts_at_a_roc(void)
{
	const struct engine_stream_state start = {.roc = 5};

	each_suite(start_case, no_mki, 0, &start);
}

static void starts_at_an_index(void)
{
	const struct engine_stream_state start = {.has_rtp = true,
	                                          .rtp_index = roc_index(4, 65000)};

	each_suite(start_case, no_mki, 0, &start);
}

static void lifetime_case(struct pair *t, const struct suite *s)
{
	struct engine_key_use use;

	(void)s;
	for (uint64_t i = 1; i <= 3; i++) {
		EXPECT_INT(send_rtp(t, i), VERDICT_NONE);
		EXPECT_INT(arrive(t), VERDICT_NONE);
	}
	EXPECT_INT(send_rtp(t, 4), VERDICT_KEY_EXPIRED);
	rig_fill(&t->p, PKT_RTP, (const uint8_t[64]){0x80}, 64, 12, t->receive, t->in);
	EXPECT_INT(rig_unprotect(t->ops, t->engine, &t->p), VERDICT_KEY_EXPIRED);
	t->ops->key_use(t->send, &use);
	EXPECT(use.rtp_pkts == 3 && use.rtp_limit == 3 && use.rtcp_pkts == 0 &&
	       use.rtcp_limit == 3);
}

static void ends_with_the_key(void)
{
	each_suite(lifetime_case, no_mki, 3, NULL);
}

static void short_case(struct pair *t, const struct suite *s)
{
	uint8_t octets[64] = {0x80, 0, 0, 1};

	for (unsigned n = 12; n < 12u + s->srtp_tag_len; n++) {
		rig_fill(&t->p, PKT_RTP, octets, n, 12, t->receive, t->in);
		EXPECT_INT(rig_unprotect(t->ops, t->engine, &t->p), VERDICT_CLEAR);
	}
	octets[1] = 200;
	for (unsigned n = 8; n < 12u + s->srtcp_tag_len; n++) {
		rig_fill(&t->p, PKT_RTCP, octets, n, 8, t->receive, t->in);
		EXPECT_INT(rig_unprotect(t->ops, t->engine, &t->p), VERDICT_CLEAR);
	}
	/* A packet without payload is protected and unprotected. */
	rig_fill(&t->p, PKT_RTP, rtp, 12, 12, t->send, t->out);
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 1), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT_OCTETS(t->p.pkt.data, t->p.pkt.len, rtp, 12);
	rig_fill(&t->p, PKT_RTCP, rtcp, 8, 8, t->send, t->out);
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 0), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	EXPECT_INT(arrive(t), VERDICT_CLEAR);
}

static void refuses_clear_packets(void)
{
	each_suite(short_case, no_mki, 0, NULL);
}

static void rtcp_case(struct pair *t, const struct suite *s)
{
	unsigned behind = 4u + (s->cipher != SUITE_CIPHER_AES_GCM ? s->srtcp_tag_len : 0);
	struct rig_pkt kept;

	rig_fill(&t->p, PKT_RTCP, rtcp, sizeof(rtcp), 8, t->send, t->out);
	EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 0), VERDICT_NONE);
	EXPECT_INT(t->p.pkt.data[t->p.pkt.len - behind], 0x80);
	memcpy(kept.octets, t->p.octets, t->p.pkt.len);
	kept.pkt = t->p.pkt;
	/* A packet whose E flag was changed fails authentication. */
	t->p.pkt.data[t->p.pkt.len - behind] ^= 0x80;
	EXPECT_INT(arrive(t), VERDICT_AUTH_FAILED);
	rig_fill(&t->p, PKT_RTCP, kept.octets, kept.pkt.len, 8, t->send, t->out);
	EXPECT_INT(arrive(t), VERDICT_NONE);
	rig_fill(&t->p, PKT_RTCP, kept.octets, kept.pkt.len, 8, t->send, t->out);
	EXPECT_INT(arrive(t), VERDICT_REPLAYED);
	for (int i = 0; i < 128; i++) {
		rig_fill(&t->p, PKT_RTCP, rtcp, sizeof(rtcp), 8, t->send, t->out);
		EXPECT_INT(rig_protect(t->ops, t->engine, &t->p, 0), VERDICT_NONE);
	}
	EXPECT_INT(arrive(t), VERDICT_NONE);
	rig_fill(&t->p, PKT_RTCP, kept.octets, kept.pkt.len, 8, t->send, t->out);
	EXPECT_INT(arrive(t), VERDICT_TOO_OLD);
}

static void guards_rtcp(void)
{
	each_suite(rtcp_case, no_mki, 0, NULL);
}

/* mb and evp support every suite. libsrtp refuses f8, and may refuse AES-192, when a key is made;
 * the error names the suite. It never refuses a packet for its suite. */
static void carries_every_suite(void)
{
	for (unsigned n = 0; rig_engine(n); n++) {
		const struct engine_ops *ops = rig_engine(n);

		for (unsigned id = 0; id < SUITE_COUNT; id++) {
			struct keyctx *ctx =
				rig_keyctx((enum suite_id)id, 1, (struct view){.n = 0}, 0);
			const struct suite *s = suite_get((enum suite_id)id);
			bool is_f8 = s->cipher == SUITE_CIPHER_AES_F8;

			for (unsigned dir = ENGINE_RECEIVE; dir <= ENGINE_SEND; dir++) {
				struct engine_key *key = NULL;
				struct why why = {.text = ""};
				enum err e = ops->key_new(&key, ctx, (enum engine_direction)dir,
				                          128, &why);

				test_context("%s, %s", ops->name, s->name);
				if (ops == &engine_libsrtp && (is_f8 || (s->key_len == 24 && e))) {
					EXPECT_INT(e, ERR_UNSUPPORTED);
					EXPECT(strstr(why.text, s->name) &&
					       strstr(why.text,
					              "use engine mb or evp for this suite") !=
					               NULL);
					EXPECT(key == NULL);
				} else {
					EXPECT_INT(e, ERR_OK);
				}
				ops->key_free(key);
			}
			keyctx_free(ctx);
		}
	}
}

static enum err make_key(void)
{
	struct keyctx *ctx = NULL;
	const struct suite *suite = suite_get(SUITE_AES_CM_128_HMAC_SHA1_80);
	const uint8_t master[30] = {1};
	struct keyctx_spec spec = {.suite = suite, .master = {.p = master, .n = sizeof(master)}};
	enum err e = keyctx_new(&ctx, &spec, NULL);

	for (unsigned n = 0; e == ERR_OK && rig_engine(n); n++) {
		const struct engine_ops *ops = rig_engine(n);
		struct engine *engine = NULL;
		struct engine_key *key = NULL;

		e = ops->open(&engine, NULL);
		if (e == ERR_OK) {
			e = ops->key_new(&key, ctx, ENGINE_SEND, 64, NULL);
			ops->key_free(key);
			ops->close(engine);
		}
	}
	keyctx_free(ctx);
	return e;
}

static void survives_no_memory(void)
{
	(void)rig_engine(0);
	test_each_allocation_failing(make_key);
}

TEST_MAIN("engine", {"chooses", chooses}, {"derivation_vectors", derivation_vectors},
          {"keystream_vectors", keystream_vectors}, {"aead_vectors", aead_vectors},
          {"carries_an_mki", carries_an_mki}, {"follows_wraps", follows_wraps},
          {"starts_at_a_roc", starts_at_a_roc}, {"starts_at_an_index", starts_at_an_index},
          {"ends_with_the_key", ends_with_the_key},
          {"refuses_clear_packets", refuses_clear_packets}, {"guards_rtcp", guards_rtcp},
          {"starts at an SRTCP index", starts_at_an_srtcp_index},
          {"carries_every_suite", carries_every_suite}, {"survives_no_memory", survives_no_memory})
