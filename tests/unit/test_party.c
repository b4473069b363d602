/* SPDX-License-Identifier: MIT */
/* relay/party: protects and unprotects single packets, with the sender's and the receiver's side of
 * one key. */
#include "relay/party/party.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "tests/harness/call.h"
#include "tests/harness/rig.h"

enum { ROOM = 256 };

struct two {
	struct party_engine engine;
	struct keyctx *key;
	struct party *send, *receive;
};

static bool open_two(struct two *t, const struct engine_ops *ops)
{
	struct why why;

	*t = (struct two){.key = call_key("AES_CM_128_HMAC_SHA1_80")};
	return EXPECT_OK(party_engine_open(&t->engine, ops, 128, &why)) &&
	       EXPECT_OK(party_new(&t->send, &t->engine, t->key, ENGINE_SEND, &why)) &&
	       EXPECT_OK(party_new(&t->receive, &t->engine, t->key, ENGINE_RECEIVE, &why));
}

static void close_two(struct two *t)
{
	party_free(t->send);
	party_free(t->receive);
	party_engine_close(&t->engine);
	keyctx_free(t->key);
}

/* Writes a protected RTP packet; returns its length. */
static size_t seal(struct two *t, uint8_t *out, uint32_t ssrc, uint64_t index)
{
	struct pkt p;

	CHECK(party_packet(&p, out, call_rtp(out, ssrc, index), ROOM));
	p.index = index;
	EXPECT_INT(party_protect(t->send, &p), VERDICT_NONE);
	return p.len;
}

static enum verdict open_packet(struct two *t, uint8_t *octets, size_t n)
{
	struct pkt p;

	return party_packet(&p, octets, n, ROOM) ? party_unprotect(t->receive, &p)
	                                         : VERDICT_MALFORMED;
}

/* Calls `test` for every engine. */
static void each(void (*test)(struct two *t))
{
	struct two t;

	for (unsigned i = 0; rig_engine(i); i++) {
		test_context("%s", rig_engine(i)->name);
		if (open_two(&t, rig_engine(i)))
			test(&t);
		close_two(&t);
	}
}

static void several_sources(struct two *t)
{
	uint8_t octets[ROOM], again[ROOM];

	for (uint32_t ssrc = 1; ssrc <= 5; ssrc++)
		for (uint64_t index = 10; index < 14; index++) {
			size_t n = seal(t, octets, ssrc, index);

			memcpy(again, octets, n);
			EXPECT_INT(open_packet(t, octets, n), VERDICT_NONE);
			EXPECT_INT(be16_get(octets + 2), index);
			EXPECT_INT(open_packet(t, again, n), VERDICT_REPLAYED);
		}
	EXPECT_INT(t->send->n_streams, 5);
	EXPECT_INT(t->receive->n_streams, 5);
	EXPECT_ERR(party_begin(t->send, 3, 0), ERR_EXISTS);
}

static void rtcp(struct two *t)
{
	static const uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0};
	uint8_t octets[ROOM];
	struct pkt p;

	for (uint32_t index = 1; index < 4; index++) {
		memcpy(octets, report, sizeof(report));
		REQUIRE(party_packet(&p, octets, sizeof(report), ROOM));
		EXPECT_INT(party_protect(t->send, &p), VERDICT_NONE);
		EXPECT_INT(p.index, index);
		EXPECT_INT(open_packet(t, octets, p.len), VERDICT_NONE);
	}
}

/* Forged packets with many SSRCs leave no streams, and packets of the true source are still
 * accepted. */
static void forged_sources_are_forgotten(struct two *t)
{
	uint8_t octets[ROOM];

	for (uint32_t ssrc = 1; ssrc <= 2 * PARTY_STREAMS_MAX; ssrc++) {
		size_t n = call_rtp(octets, ssrc, 1);

		EXPECT(open_packet(t, octets, n) != VERDICT_NONE);
	}
	EXPECT_INT(t->receive->n_streams, 0);
	EXPECT_INT(open_packet(t, octets, seal(t, octets, 9, 1)), VERDICT_NONE);
	EXPECT(open_packet(t, octets, call_rtp(octets, 10, 1)) != VERDICT_NONE);
	EXPECT_INT(t->receive->n_streams, 1);
	EXPECT_INT(open_packet(t, octets, seal(t, octets, 9, 2)), VERDICT_NONE);
}

static void starts_at_a_roc(struct two *t)
{
	uint64_t index = 3ull << 16 | 17;
	uint8_t octets[ROOM];
	size_t n = seal(t, octets, 4, index);

	t->receive->roc = 3;
	EXPECT_INT(open_packet(t, octets, n), VERDICT_NONE);
	EXPECT_OK(party_begin(t->receive, 5, 4));
	EXPECT_INT(open_packet(t, octets, seal(t, octets, 5, 4ull << 16 | 1)), VERDICT_NONE);
}

static void sources_are_limited(struct two *t)
{
	for (uint32_t ssrc = 1; ssrc <= PARTY_STREAMS_MAX; ssrc++)
		EXPECT_OK(party_begin(t->send, ssrc, 0));
	EXPECT_ERR(party_begin(t->send, 1000, 0), ERR_LIMIT);
}

static void all_sources(void)
{
	each(several_sources);
}

static void all_rtcp(void)
{
	each(rtcp);
}

static void all_forged(void)
{
	each(forged_sources_are_forgotten);
}

static void all_rocs(void)
{
	each(starts_at_a_roc);
}

static void all_limits(void)
{
	each(sources_are_limited);
}

static void what_is_no_packet(void)
{
	uint8_t octets[ROOM] = {0x80, 0, 0, 1};
	struct pkt p;

	EXPECT(!party_packet(&p, octets, 11, ROOM)); /* shorter than an RTP header */
	EXPECT(party_packet(&p, octets, 12, ROOM));
	EXPECT(!party_packet(&p, octets, 12, 11));
	octets[0] = 0x20;
	EXPECT(!party_packet(&p, octets, 12, ROOM)); /* the first octet says DTLS */
}

TEST_MAIN("party", {"several sources", all_sources}, {"rtcp", all_rtcp},
          {"forged sources are forgotten", all_forged}, {"starts at a ROC", all_rocs},
          {"sources are limited", all_limits}, {"what is no packet", what_is_no_packet})
