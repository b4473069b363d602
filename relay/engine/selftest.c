/* SPDX-License-Identifier: MIT */
/* Known answers, computed once from the definitions in RFC 3711, RFC 6188 and RFC 7714.
 * tests/unit/test_engine.c computes them again. */
#include "relay/engine/selftest.h"

#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "relay/packet/replay.h"

enum { SELFTEST_ROOM = 128, SELFTEST_LEN_MAX = 64, SELFTEST_MASTER_STEP = 7 };

/* The plain packets. RTP: sequence number 0x1234, SSRC 0xcafebabe. RTCP: a sender report without
 * report blocks. */
static const uint8_t plain_rtp[] = {0x80, 0x00, 0x12, 0x34, 0x00, 0x00, 0x00, 0xa0, 0xca, 0xfe,
                                    0xba, 0xbe, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                    0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12};
static const uint8_t plain_rtcp[] = {0x80, 0xc8, 0x00, 0x06, 0xca, 0xfe, 0xba, 0xbe, 0xe0, 0x00,
                                     0x00, 0x01, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0,
                                     0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x12};

/* The protected packets in hexadecimal. Master key and salt are the octets 00 07 0e 15 …; there is
 * no MKI. */
static const struct {
	const char *rtp, *rtcp;
} answers[SUITE_COUNT] = {
	[SUITE_AES_CM_128_HMAC_SHA1_80] =
		{"80001234000000a0cafebabe9bedb0a05c1f0e916808b9a918fd5a46c946b002f9cac06fd271a350",
                 "80c80006cafebabe029c557aedf7a4334fe55da2ec675e3e9e9cf854800000013674097dec7c9882"
                 "d623"},
	[SUITE_AES_CM_128_HMAC_SHA1_32] =
		{"80001234000000a0cafebabe9bedb0a05c1f0e916808b9a918fd5a46c946b002f9ca",
                 "80c80006cafebabe029c557aedf7a4334fe55da2ec675e3e9e9cf854800000013674097dec7c9882"
                 "d623"},
	[SUITE_AES_192_CM_HMAC_SHA1_80] =
		{"80001234000000a0cafebabe2a902a1abe0b2e43a0111272e50af28eab83ca9c2e0298bb59692806",
                 "80c80006cafebabef7f9b5df41913fe64d6cfcbc3ac0c41110166f188000000178268a7e9ec3e540"
                 "9f6d"},
	[SUITE_AES_192_CM_HMAC_SHA1_32] =
		{"80001234000000a0cafebabe2a902a1abe0b2e43a0111272e50af28eab83ca9c2e02",
                 "80c80006cafebabef7f9b5df41913fe64d6cfcbc3ac0c41110166f188000000178268a7e9ec3e540"
                 "9f6d"},
	[SUITE_AES_256_CM_HMAC_SHA1_80] =
		{"80001234000000a0cafebabe4f1467bff65dc665ae5a0e9221852f4f209b40a82eb0fa3168c45eb6",
                 "80c80006cafebabe146ac8a4d4baf61d0e25a6f86a3bd12ce22c019a80000001f01595081c5e834b"
                 "39b0"},
	[SUITE_AES_256_CM_HMAC_SHA1_32] =
		{"80001234000000a0cafebabe4f1467bff65dc665ae5a0e9221852f4f209b40a82eb0",
                 "80c80006cafebabe146ac8a4d4baf61d0e25a6f86a3bd12ce22c019a80000001f01595081c5e834b"
                 "39b0"},
	[SUITE_AEAD_AES_128_GCM] =
		{"80001234000000a0cafebabe316c5cf15a3758ffb7afad2194323ccbcaf4e63c3fabadb8073a7dad"
                 "8ba0bee5fcda",
                 "80c80006cafebabe483faaf799ad19d3744e6bbf6dc6e14727eadb513074c28037a5163acbeec8f4"
                 "5cc253b980000001"},
	[SUITE_AEAD_AES_256_GCM] =
		{"80001234000000a0cafebabe335b81e9dabfa3d2a3c2ca4eb6a7c218f507c0bd837b2f0ce8200974"
                 "690044442db7",
                 "80c80006cafebabe983f0a245ef67ed23df85bc27fd0d7ba0cb911c00f87472206a9c87382b146fa"
                 "fb2db60a80000001"},
	[SUITE_F8_128_HMAC_SHA1_80] =
		{"80001234000000a0cafebabe06abb887ffeb8ead11a6fa3ee6900b2ec6b69c515caf644814ad62b7",
                 "80c80006cafebabea845e782b98a09be4cebe1827b4f9a26872c719380000001c1cd063ff9a1bc53"
                 "620a"},
};

/* The state of one run of the self-test. */
struct selftest {
	const struct engine_ops *ops;
	struct engine *engine;
	struct engine_key *key[2]; /* index: enum engine_direction */
	uint8_t *streams[2];
	uint8_t (*octets)[SELFTEST_ROOM];
	struct pkt pkts[PKT_BATCH];
	struct pkt *batch[PKT_BATCH];
	unsigned n;
};

static void aim(struct selftest *t, enum engine_direction dir, enum pkt_kind kind,
                const uint8_t *octets, size_t len)
{
	for (unsigned i = 0; i < t->n; i++) {
		memcpy(t->octets[i], octets, len);
		t->pkts[i] = (struct pkt){
			.data = t->octets[i],
			.len = (uint16_t)len,
			.tailroom = (uint16_t)(SELFTEST_ROOM - len),
			.kind = (uint8_t)kind,
			.header_len = kind == PKT_RTP ? 12 : 8,
			.key = t->key[dir],
			.crypto = (struct engine_stream *)(void *)(t->streams[dir] +
		                                                   i * t->ops->stream_bytes),
			.index = 0x1234,
		};
		t->batch[i] = &t->pkts[i];
	}
}

static bool all_are(const struct selftest *t, enum verdict verdict, const uint8_t *octets,
                    size_t len)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct pkt *p = &t->pkts[i];

		if (p->verdict != verdict || (verdict == VERDICT_NONE &&
		                              (p->len != len || memcmp(p->data, octets, len) != 0)))
			return false;
	}
	return true;
}

/* Protects, checks that a forgery is refused, unprotects, checks that a replay is refused. Returns
 * NULL, or the step that failed. */
static const char *try_kind(struct selftest *t, enum pkt_kind kind, const char *answer)
{
	const uint8_t *plain = kind == PKT_RTP ? plain_rtp : plain_rtcp;
	size_t plain_len = kind == PKT_RTP ? sizeof(plain_rtp) : sizeof(plain_rtcp), len;
	uint8_t want[SELFTEST_LEN_MAX], forged[SELFTEST_LEN_MAX];

	if (hex_decode(str_of(answer), want, sizeof(want), &len) != ERR_OK)
		return "answer";
	aim(t, ENGINE_SEND, kind, plain, plain_len);
	t->ops->protect(t->engine, t->batch, t->n);
	if (!all_are(t, VERDICT_NONE, want, len))
		return "protect";
	memcpy(forged, want, len);
	forged[len - (kind == PKT_RTP ? 1 : 20)] ^= 0x10;
	aim(t, ENGINE_RECEIVE, kind, forged, len);
	t->ops->unprotect(t->engine, t->batch, t->n);
	if (!all_are(t, VERDICT_AUTH_FAILED, NULL, 0))
		return "forged";
	aim(t, ENGINE_RECEIVE, kind, want, len);
	t->ops->unprotect(t->engine, t->batch, t->n);
	if (!all_are(t, VERDICT_NONE, plain, plain_len))
		return "unprotect";
	aim(t, ENGINE_RECEIVE, kind, want, len);
	t->ops->unprotect(t->engine, t->batch, t->n);
	return all_are(t, VERDICT_REPLAYED, NULL, 0) ? NULL : "replayed";
}

static enum err start(struct selftest *t, const struct suite *suite, struct why *why)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = suite,
	                           .master = {.p = master, .n = suite->key_len + suite->salt_len}};
	struct keyctx *ctx = NULL;
	enum err e;

	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (uint8_t)(i * SELFTEST_MASTER_STEP);
	e = keyctx_new(&ctx, &spec, why);
	for (int dir = 0; e == ERR_OK && dir < 2; dir++) {
		e = t->ops->key_new(&t->key[dir], ctx, (enum engine_direction)dir, REPLAY_PKTS_MIN,
		                    why);
		if (e != ERR_OK)
			break;
		memset(t->streams[dir], 0, t->n * t->ops->stream_bytes);
		for (unsigned i = 0; e == ERR_OK && i < t->n; i++)
			e = t->ops->stream_init(
				(struct engine_stream *)(void *)(t->streams[dir] +
			                                         i * t->ops->stream_bytes),
				t->key[dir], 0xcafebabe, NULL);
	}
	keyctx_free(ctx);
	return e;
}

static void stop(struct selftest *t)
{
	for (int dir = 0; dir < 2; dir++) {
		for (unsigned i = 0; t->key[dir] && i < t->n; i++)
			t->ops->stream_fini(
				(struct engine_stream *)(void *)(t->streams[dir] +
			                                         i * t->ops->stream_bytes));
		t->ops->key_free(t->key[dir]);
		t->key[dir] = NULL;
	}
}

static enum err try_suite(struct selftest *t, const struct suite *suite, struct why *why)
{
	enum err e = start(t, suite, why);
	const char *wrong = NULL, *kind = "SRTP";

	if (e == ERR_OK) {
		wrong = try_kind(t, PKT_RTP, answers[suite->id].rtp);
		if (!wrong) {
			kind = "SRTCP";
			wrong = try_kind(t, PKT_RTCP, answers[suite->id].rtcp);
		}
		if (wrong)
			e = why_fail(
				why, ERR_CRYPTO,
				"self-test of engine %s failed: %s of %s, step %s, batch of %u",
				t->ops->name, kind, suite->name, wrong, t->n);
	}
	stop(t);
	/* An engine need not support every suite. */
	return e == ERR_UNSUPPORTED ? ERR_OK : e;
}

enum err selftest_run(const struct engine_ops *ops, unsigned n, struct why *why)
{
	struct selftest t = {.ops = ops, .n = n};
	enum err e = ERR_NOMEM;

	t.streams[0] = mem_aligned(64, n * ops->stream_bytes);
	t.streams[1] = mem_aligned(64, n * ops->stream_bytes);
	t.octets = mem_array(n, sizeof(*t.octets));
	if (!t.streams[0] || !t.streams[1] || !t.octets) {
		(void)why_fail(why, e, "no memory for the self-test of engine %s", ops->name);
		goto out;
	}
	e = ops->open(&t.engine, why);
	for (unsigned i = 0; e == ERR_OK && i < SUITE_COUNT; i++)
		e = try_suite(&t, suite_get((enum suite_id)i), why);
out:
	if (t.engine)
		ops->close(t.engine);
	mem_free(t.octets);
	mem_free(t.streams[1]);
	mem_free(t.streams[0]);
	return e;
}
