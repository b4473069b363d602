/* SPDX-License-Identifier: MIT */
/* A relay over the network in memory, and endpoints with SRTP of their own: what the tests of whole
 * calls share. */
#ifndef TESTS_CALL_H
#define TESTS_CALL_H

#include "keyctx/keyctx.h"
#include "relay/io/sim.h"
#include "relay/party/party.h"
#include "relay/relay.h"
#include "tests/harness/harness.h"

enum { CALL_EVENTS_MAX = 256, CALL_STREAMS_MAX = PARTY_STREAMS_MAX, CALL_PAYLOAD = 40 };

/* The relay and its network, stepped by hand. */
struct stage {
	struct sim *sim;
	struct relay *relay;
	struct relay_interface interfaces[2]; /* 0: IPv4, 1: IPv6 */
	uint64_t seed, random;
	struct relay_event events[CALL_EVENTS_MAX];
	unsigned n_events;
	unsigned n_done; /* done calls made */
	enum err last_error;
	struct why last_why;
	struct relay_session_stats stats; /* of the last query or delete; media and legs copied */
	struct relay_media_stats media_stats[4];
	struct relay_leg_stats leg_stats[4][RELAY_LEGS_MAX];
};

/* `engine` as in the configuration. False (and the case has failed) when it can't start. */
bool stage_open(struct stage *g, const char *engine, unsigned workers);
/* The same after the configuration was changed from the stage's defaults. */
void stage_config(struct stage *g, struct relay_config *c, const char *engine, unsigned workers);
bool stage_open_with(struct stage *g, const struct relay_config *c);
/* Ends it and expects that no port is open any more. */
void stage_close(struct stage *g);
/* Turns until nothing moves; then time goes on by that much, in steps of a millisecond. */
void stage_run(struct stage *g, uint64_t ms);
unsigned stage_events(const struct stage *g, enum relay_event_kind kind);

/* A party of SRTP with an engine of its own. */
struct srtp_end {
	struct party_engine *engine;
	struct party *party;
	struct keyctx *ctx;
	enum engine_direction direction;
};

/* `ctx` is taken. */
bool srtp_open(struct srtp_end *e, struct keyctx *ctx, enum engine_direction direction);
void srtp_close(struct srtp_end *e);
/* Protects in place under the index, or (RTCP) the next SRTCP index; new length, 0 on failure.
 * `room` octets are there. */
size_t end_protect(struct srtp_end *e, uint8_t *data, size_t n, size_t room, uint64_t index);
/* Verifies and opens in place; new length. The verdict when it fails is in *v and the length 0. */
size_t srtp_open_pkt(struct srtp_end *e, uint8_t *data, size_t n, enum verdict *v);
/* A stream of that SSRC that begins at this ROC. */
bool srtp_begin(struct srtp_end *e, uint32_t ssrc, uint32_t roc);

/* The engines that are built in. */
#ifdef WITH_MB
enum { CALL_ENGINES = 3 };
#else
enum { CALL_ENGINES = 2 };
#endif
extern const char *const call_engines[CALL_ENGINES];

/* A fresh context; the suite's name must be right. */
struct keyctx *call_key(const char *suite);
/* The same key and salt with another MKI (may be empty) and lifetime (0: the suite's). */
struct keyctx *call_key_again(const struct keyctx *k, struct view mki, uint64_t lifetime_pkts);
/* The same key, salt and suite for a stream that begins at this ROC. */
struct keyctx *call_key_at_roc(const struct keyctx *k, uint32_t roc);
/* An RTP packet of CALL_PAYLOAD octets that can be told from every other by what it carries.
 * Returns its length. */
size_t call_rtp(uint8_t *out, uint32_t ssrc, uint64_t index);

/* A media as most tests want it: mode, ports 30000 and 31000 (RTCP one above), peers 192.0.2.1:4000
 * and 198.51.100.1:5000, gates open. */
void call_spec(struct relay_session_spec *s, struct relay_media_spec *m, enum relay_mode mode,
               enum relay_rtcp rtcp);
extern const struct addr call_peer_a, call_peer_b, call_local_a, call_local_b;

/* Each of these asks, runs the stage, and returns the outcome. */
enum err call_create(struct stage *g, struct relay_session **out,
                     const struct relay_session_spec *s);
enum err call_update(struct stage *g, struct relay_session *h, const struct relay_session_spec *s);
enum err call_delete(struct stage *g, struct relay_session *h);
enum err call_query(struct stage *g, struct relay_session *h);

/*
 * A call as most tests want it: e2ae, RTCP on the RTP port, a terminal at call_peer_a whose address
 * is followed, and keys for two re-keyings. Between scene_prepare and scene_start a test changes
 * config, spec and media; both want the same `s`.
 */
enum { SCENE_KEYS = 3 };

struct scene {
	struct stage g;
	struct relay_config config;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct srtp_end up[SCENE_KEYS],
		down[SCENE_KEYS]; /* the terminal's: what it sends with, what it opens with */
	uint8_t octets[256];
};

bool scene_prepare(struct scene *s, const char *engine, const char *suite);
bool scene_start(struct scene *s);
/* Both, with AES_CM_128_HMAC_SHA1_80. */
bool scene_open(struct scene *s, const char *engine);
void scene_close(struct scene *s);
/* Puts another key, which is taken, in the place of an end's. */
bool scene_set_key(struct srtp_end *e, struct keyctx *ctx);
/* The access leg's keys become the nth ones, at the next update. */
void scene_use_keys(struct scene *s, unsigned nth);

/* Protects the first `n` of s->octets there and sends them from the terminal; new length. */
size_t scene_send_up(struct scene *s, struct srtp_end *end, size_t n, uint64_t index);
/* Packets that reached the core in the next millisecond. */
unsigned scene_heard(struct scene *s);
/* From the terminal; true when the core heard just these octets in clear. */
bool scene_goes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* From the core; true when the terminal opened just these octets under the key. */
bool scene_goes_down(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* The access leg's figures now. */
const struct relay_leg_stats *scene_leg_a(struct scene *s);

#endif
