/* SPDX-License-Identifier: MIT */
/* f8 mode: the vector of RFC 3711 B.1, whole packets compared with a simple implementation, and
 * batches of f8 and other suites. */
#include "relay/engine/evp_f8.h"

#include "base/secret.h"
#include "keyctx/kdf.h"
#include "keyctx/prim.h"
#include "relay/packet/roc.h"
#include "tests/harness/harness.h"
#include "tests/harness/rig.h"
#include "tests/harness/vectors.h"

enum { SSRC = 0x0badcafe, PACKET_MAX = 2200, TAG = 10 };

static void rfc_vector(void)
{
	struct vectors v;
	struct f8 f = {.stream = NULL};
	uint8_t key[16], salt[4], iv[16], data[64], want[64];
	size_t n, want_n;

	vectors_read(&v, "rfc3711-b1");
	(void)vectors_hex(&v, "key", key, sizeof(key));
	(void)vectors_hex(&v, "iv", iv, sizeof(iv));
	REQUIRE_OK(f8_init(
		&f, key,
		(struct view){.p = salt, .n = vectors_hex(&v, "salt", salt, sizeof(salt))}));
	n = vectors_hex(&v, "plain", data, sizeof(data));
	want_n = vectors_hex(&v, "cipher", want, sizeof(want));
	f8_crypt(&f, iv, data, n);
	EXPECT_OCTETS(data, n, want, want_n);
	f8_crypt(&f, iv, data, n);
	EXPECT_INT(vectors_hex(&v, "plain", want, sizeof(want)), n);
	EXPECT_OCTETS(data, n, want, n);
	f8_wipe(&f);
}

/* The IV of the vector of RFC 3711 B.1 follows from its header and ROC. */
static void rfc_vector_of_a_header(void)
{
	struct {
		struct engine_side side;
		struct f8 f8;
	} key = {.side = {.key_len = 0}};
	struct op op = {.side = &key.side, .index = 0};
	struct vectors v;
	uint8_t octets[16], packet[64], want[64];
	size_t n;

	_Static_assert(offsetof(__typeof__(key), f8) == SIDE_MATERIAL_AT,
	               "struct f8 must start at SIDE_MATERIAL_AT");
	vectors_read(&v, "rfc3711-b1");
	(void)vectors_hex(&v, "key", octets, sizeof(octets));
	n = vectors_hex(&v, "salt", want, 4);
	REQUIRE_OK(f8_init(&key.f8, octets, (struct view){.p = want, .n = n}));
	(void)vectors_hex(&v, "header", packet, sizeof(packet));
	n = vectors_hex(&v, "plain", packet + 12, sizeof(packet) - 12);
	(void)vectors_hex(&v, "roc", octets, sizeof(octets));
	op.index = (uint64_t)be32_get(octets) << 16 | be16_get(packet + 2);
	op.data = packet;
	op.crypt = packet + 12;
	op.crypt_len = (uint32_t)n;
	f8_op(&op);
	EXPECT_INT(vectors_hex(&v, "cipher", want, sizeof(want)), n);
	EXPECT_OCTETS(packet + 12, n, want, n);
	f8_wipe(&key.f8);
}

/* Encrypts or decrypts block by block, exactly as RFC 3711 4.1.2.1 writes it. */
static void f8_by_the_letter(const struct kdf_keys *k, const uint8_t iv[16], uint8_t *data,
                             size_t n)
{
	uint8_t masked[16], iv_masked[16], s[16] = {0};

	for (unsigned i = 0; i < 16; i++)
		masked[i] = k->key[i] ^ (i < 14 ? k->salt[i] : 0x55);
	CHECK(prim_aes_blocks((struct view){.p = masked, .n = 16}, iv, iv_masked, 1) == ERR_OK);
	for (size_t at = 0; at < n; at += 16) {
		uint8_t j[16] = {0};

		be32_put(j + 12, (uint32_t)(at / 16));
		for (unsigned i = 0; i < 16; i++)
			s[i] ^= iv_masked[i] ^ j[i];
		CHECK(prim_aes_blocks((struct view){.p = k->key, .n = 16}, s, s, 1) == ERR_OK);
		for (size_t i = 0; i < 16 && at + i < n; i++)
			data[at + i] ^= s[i];
	}
}

static void tag_by_the_letter(const struct kdf_keys *k, uint8_t *packet, size_t n,
                              const uint8_t roc[4], uint8_t *at)
{
	struct view parts[2] = {{.p = packet, .n = n}, {.p = roc, .n = roc ? 4 : 0}};
	uint8_t mac[20];

	CHECK(prim_hmac(PRIM_SHA1, (struct view){.p = k->auth, .n = 20}, parts, 2, mac) == ERR_OK);
	memcpy(at, mac, TAG);
}

/* Protects an SRTP packet with the IV of RFC 3711 4.1.2.2; returns its new length. */
static size_t srtp_by_the_letter(const struct kdf_session *s, uint8_t *packet, size_t n,
                                 size_t header_len, uint64_t index)
{
	uint8_t iv[16], roc[4];

	be32_put(roc, (uint32_t)(index >> 16));
	memcpy(iv, packet, 12);
	iv[0] = 0;
	memcpy(iv + 12, roc, 4);
	f8_by_the_letter(&s->rtp, iv, packet + header_len, n - header_len);
	tag_by_the_letter(&s->rtp, packet, n, roc, packet + n);
	return n + TAG;
}

/* Protects an SRTCP packet with the IV of RFC 3711 4.1.2.3; returns its new length. */
static size_t srtcp_by_the_letter(const struct kdf_session *s, uint8_t *packet, size_t n,
                                  uint32_t index)
{
	uint8_t iv[16] = {0};

	be32_put(iv + 4, 0x80000000 | index);
	memcpy(iv + 8, packet, 8);
	f8_by_the_letter(&s->rtcp, iv, packet + 8, n - 8);
	be32_put(packet + n, 0x80000000 | index);
	tag_by_the_letter(&s->rtcp, packet, n + 4, NULL, packet + n + 4);
	return n + 4 + TAG;
}

/* Writes an RTP packet with a CSRC and a header extension, or an RTCP packet; returns its
 * length. */
static size_t compose(uint8_t *packet, enum pkt_kind kind, uint64_t index, size_t payload,
                      unsigned *header_len)
{
	*header_len = kind == PKT_RTP ? 24 : 8;
	for (size_t i = 0; i < *header_len + payload; i++)
		packet[i] = (uint8_t)(i * 37 + index);
	if (kind == PKT_RTP) {
		packet[0] = 0x91;
		packet[1] = (uint8_t)((index & 1) << 7 | 96);
		be16_put(packet + 2, (uint16_t)index);
		be32_put(packet + 4, (uint32_t)index * 160);
		be32_put(packet + 8, SSRC);
		be16_put(packet + 16, 0xbede);
		be16_put(packet + 18, 1);
	} else {
		packet[0] = 0x80;
		packet[1] = 200;
		be32_put(packet + 4, SSRC);
	}
	return *header_len + payload;
}

/* The engine protects a packet to the same octets as the simple implementation, and unprotects
 * it. */
static void one_packet(const struct engine_ops *o, struct engine *e, const struct keyctx *ctx,
                       enum pkt_kind kind, uint64_t index, size_t payload)
{
	struct kdf_session *keys = secret_alloc(sizeof(*keys));
	struct engine_stream_state before = {.has_rtp = index > 0,
	                                     .rtp_index = index - 1,
	                                     .has_rtcp = true,
	                                     .rtcp_index = (uint32_t)index - 1};
	struct engine_key *send = rig_key(o, ctx, ENGINE_SEND, 64),
			  *receive = rig_key(o, ctx, ENGINE_RECEIVE, 64);
	struct engine_stream *out = rig_stream(o, send, SSRC, &before),
			     *in = rig_stream(o, receive, SSRC, &before);
	static uint8_t plain[PACKET_MAX], want[PACKET_MAX];
	unsigned header_len;
	size_t n = compose(plain, kind, index, payload, &header_len), want_n;
	struct rig_pkt p;

	REQUIRE(keys && out && in);
	REQUIRE_OK(kdf_derive(keys, ctx));
	memcpy(want, plain, n);
	want_n = kind == PKT_RTP ? srtp_by_the_letter(keys, want, n, header_len, index)
	                         : srtcp_by_the_letter(keys, want, n, (uint32_t)index);
	rig_fill(&p, kind, plain, n, (uint16_t)header_len, send, out);
	EXPECT_INT(rig_protect(o, e, &p, index), VERDICT_NONE);
	EXPECT_OCTETS(p.pkt.data, p.pkt.len, want, want_n);
	want[header_len ? header_len - 1 : 0] ^= 1;
	rig_fill(&p, kind, want, want_n, (uint16_t)header_len, receive, in);
	EXPECT_INT(rig_unprotect(o, e, &p), VERDICT_AUTH_FAILED);
	want[header_len ? header_len - 1 : 0] ^= 1;
	EXPECT_OCTETS(p.pkt.data + header_len, p.pkt.len - header_len, want + header_len,
	              want_n - header_len);
	rig_fill(&p, kind, want, want_n, (uint16_t)header_len, receive, in);
	EXPECT_INT(rig_unprotect(o, e, &p), VERDICT_NONE);
	EXPECT_OCTETS(p.pkt.data, p.pkt.len, plain, n);
	rig_fill(&p, kind, want, want_n, (uint16_t)header_len, receive, in);
	EXPECT_INT(rig_unprotect(o, e, &p), VERDICT_REPLAYED);
	rig_stream_free(o, out);
	rig_stream_free(o, in);
	o->key_free(send);
	o->key_free(receive);
	secret_free(keys);
}

static const struct engine_ops *with_f8(unsigned n)
{
	const struct engine_ops *o = rig_engine(n);

	return o && o != &engine_libsrtp ? o : NULL;
}

static void whole_packets_by_the_letter(void)
{
	static const size_t payloads[] = {0,   1,   15,  16,  17,  160,  255,
	                                  256, 257, 511, 512, 513, 1400, 2048};
	static const uint64_t indices[] = {1, 65535, 65536, 0x1234567890, 0x7ffffffe};
	struct keyctx *ctx = rig_keyctx(SUITE_F8_128_HMAC_SHA1_80, 8, (struct view){.n = 0}, 0);

	for (unsigned n = 0; with_f8(n); n++) {
		struct engine *e = rig_open(with_f8(n));

		for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
			for (size_t k = 0; k < ARRAY_LEN(indices); k++) {
				test_context("%s, %zu octets, index %llx", with_f8(n)->name,
				             payloads[i], (unsigned long long)indices[k]);
				one_packet(with_f8(n), e, ctx, PKT_RTP, indices[k], payloads[i]);
				if (indices[k] >> 31 == 0)
					one_packet(with_f8(n), e, ctx, PKT_RTCP, indices[k],
					           payloads[i]);
			}
		}
		with_f8(n)->close(e);
	}
	keyctx_free(ctx);
}

static const enum suite_id mixed[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_F8_128_HMAC_SHA1_80,
                                      SUITE_AES_256_CM_HMAC_SHA1_32, SUITE_AEAD_AES_128_GCM,
                                      SUITE_F8_128_HMAC_SHA1_80};

/* Protects and unprotects `n` packets in batches of `size`; packets next to each other have
 * different suites. `pkts`: the protected packets. */
static void there_and_back(const struct engine_ops *o, struct rig_pkt *pkts, unsigned n,
                           unsigned size)
{
	struct engine *e = rig_open(o);
	struct engine_key *key[2][ARRAY_LEN(mixed)];
	struct engine_stream *stream[2][ARRAY_LEN(mixed)];
	static struct rig_pkt back[PKT_BATCH];
	static uint8_t plain[PKT_BATCH][256];
	struct pkt *batch[PKT_BATCH];

	for (unsigned i = 0; i < ARRAY_LEN(mixed); i++) {
		struct keyctx *ctx = rig_keyctx(mixed[i], i, (struct view){.n = 0}, 0);

		for (int dir = 0; dir < 2; dir++) {
			key[dir][i] = rig_key(o, ctx, (enum engine_direction)dir, 64);
			stream[dir][i] = rig_stream(o, key[dir][i], SSRC, NULL);
		}
		keyctx_free(ctx);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned header_len, who = i % ARRAY_LEN(mixed);
		enum pkt_kind kind = i % 7 == 6 ? PKT_RTCP : PKT_RTP;
		size_t len = compose(plain[i], kind, i + 1, i * 5 % 200, &header_len);

		rig_fill(&pkts[i], kind, plain[i], len, (uint16_t)header_len, key[ENGINE_SEND][who],
		         stream[ENGINE_SEND][who]);
		pkts[i].pkt.index = i + 1;
		batch[i] = &pkts[i].pkt;
	}
	for (unsigned i = 0; i < n; i += size)
		o->protect(e, batch + i, size < n - i ? size : n - i);
	for (unsigned i = 0; i < n; i++) {
		unsigned who = i % ARRAY_LEN(mixed);

		EXPECT_INT(pkts[i].pkt.verdict, VERDICT_NONE);
		rig_fill(&back[i], (enum pkt_kind)pkts[i].pkt.kind, pkts[i].octets, pkts[i].pkt.len,
		         pkts[i].pkt.header_len, key[ENGINE_RECEIVE][who],
		         stream[ENGINE_RECEIVE][who]);
		batch[i] = &back[i].pkt;
	}
	for (unsigned i = 0; i < n; i += size)
		o->unprotect(e, batch + i, size < n - i ? size : n - i);
	for (unsigned i = 0; i < n; i++) {
		EXPECT_INT(back[i].pkt.verdict, VERDICT_NONE);
		EXPECT_OCTETS(back[i].pkt.data, back[i].pkt.len, plain[i], back[i].pkt.len);
	}
	for (unsigned i = 0; i < ARRAY_LEN(mixed); i++) {
		for (int dir = 0; dir < 2; dir++) {
			rig_stream_free(o, stream[dir][i]);
			o->key_free(key[dir][i]);
		}
	}
	o->close(e);
}

/* The octets of a packet depend neither on the other packets of its batch nor on the engine. */
static void a_batch_of_several_suites(void)
{
	static struct rig_pkt alone[PKT_BATCH], together[PKT_BATCH];

	for (unsigned n = 0; with_f8(n); n++) {
		test_context("%s", with_f8(n)->name);
		there_and_back(with_f8(0), alone, PKT_BATCH, 1);
		there_and_back(with_f8(n), together, PKT_BATCH, PKT_BATCH);
		for (unsigned i = 0; i < PKT_BATCH; i++)
			EXPECT_OCTETS(together[i].octets, together[i].pkt.len, alone[i].octets,
			              alone[i].pkt.len);
	}
}

static enum err make_keys(void)
{
	const uint8_t master[30] = {1};
	struct keyctx_spec spec = {.suite = suite_get(SUITE_F8_128_HMAC_SHA1_80),
	                           .master = {.p = master, .n = sizeof(master)}};
	struct keyctx *ctx = NULL;
	enum err e = keyctx_new(&ctx, &spec, NULL);

	for (unsigned n = 0; e == ERR_OK && with_f8(n); n++) {
		struct engine_key *key = NULL;

		e = with_f8(n)->key_new(&key, ctx, ENGINE_SEND, 64, NULL);
		with_f8(n)->key_free(key);
	}
	keyctx_free(ctx);
	return e;
}

static void survives_no_memory(void)
{
	(void)rig_engine(0);
	test_each_allocation_failing(make_keys);
}

TEST_MAIN("f8", {"rfc_vector", rfc_vector}, {"rfc_vector_of_a_header", rfc_vector_of_a_header},
          {"whole_packets_by_the_letter", whole_packets_by_the_letter},
          {"a_batch_of_several_suites", a_batch_of_several_suites},
          {"survives_no_memory", survives_no_memory})
