/* SPDX-License-Identifier: MIT */
/* The keys of evp and mb: an RTP side and an RTCP side, each in a few consecutive cache lines. */
#ifndef RELAY_ENGINE_SIDE_H
#define RELAY_ENGINE_SIDE_H

#include <stdint.h>

#include "base/bytes.h"
#include "relay/engine/engine.h"
#include "relay/engine/state.h"

/*
 * The part of a side that every packet reads. The engine's own material (key schedules) follows,
 * aligned to 16, and then the next side or the MKI:
 *
 *     | RTP side | material | RTCP side | material | MKI |
 *     '------- bytes -------'------- bytes -------'
 */
struct engine_side {
	uint8_t salt[16];            /* session salt, padded with zeros */
	uint32_t inner[5], outer[5]; /* SHA-1 states after the padded HMAC keys; unused by AEAD */
	/* octets of the AES key; 0 for f8, so that the counter-mode bursts skip it (an f8 key has
	 * 16 octets) */
	uint8_t key_len;
	uint8_t tag_len, mki_len;
	uint8_t log2_pkts;
	uint8_t added; /* octets that protect adds: tag, MKI, SRTCP index */
	bool is_aead : 1, is_send : 1;
	uint16_t bytes;
	struct state_life life;
};

enum { SIDE_MATERIAL_AT = sizeof(struct engine_side) };
_Static_assert(sizeof(struct engine_side) % 16 == 0, "key schedules must be aligned to 16 octets");

static inline struct engine_side *side_rtp(struct engine_key *k)
{
	return (struct engine_side *)(void *)k;
}

static inline struct engine_side *side_rtcp(struct engine_key *k)
{
	return (struct engine_side *)(void *)((uint8_t *)k + side_rtp(k)->bytes);
}

static inline const uint8_t *side_mki(const struct engine_key *k)
{
	const struct engine_side *rtp = (const struct engine_side *)(const void *)k;

	return (const uint8_t *)k + 2 * rtp->bytes;
}

static inline bool side_is_f8(const struct engine_side *s)
{
	return s->key_len == 0;
}

static inline void *side_material(struct engine_side *s)
{
	return (uint8_t *)s + SIDE_MATERIAL_AT;
}

/* What an engine adds to a side. `wipe` may be NULL; it is also called for a side that was never
 * expanded, whose material is then all zeros. */
struct side_maker {
	size_t (*material_bytes)(const struct suite *suite);
	enum err (*expand)(struct engine_side *side, const uint8_t *key);
	void (*wipe)(struct engine_side *side);
};

/* evp and mb implement these functions of engine_ops in common. */
enum err side_key_new(struct engine_key **out, const struct side_maker *maker,
                      const struct keyctx *ctx, enum engine_direction direction, unsigned window,
                      struct why *why) MUST_USE;
enum err side_key_from_session(struct engine_key **out, const struct side_maker *maker,
                               const struct kdf_session *keys, enum engine_direction direction,
                               unsigned window, struct why *why) MUST_USE;
void side_key_free(struct engine_key *key, const struct side_maker *maker);
void side_retag(struct engine_key *key, unsigned tag_len);
void side_key_use(const struct engine_key *key, struct engine_key_use *out);

enum { SIDE_STREAM_BYTES = sizeof(struct state) };
enum err side_stream_init(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
                          const struct engine_stream_state *start) MUST_USE;
void side_stream_fini(struct engine_stream *s);
enum err side_stream_export(const struct engine_stream *s,
                            struct engine_stream_state *out) MUST_USE;

#endif
