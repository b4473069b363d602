/* SPDX-License-Identifier: MIT */
/* A relay over a network in memory, and endpoints with SRTP; shared by the tests of whole calls. */
#ifndef TESTS_CALL_H
#define TESTS_CALL_H

#include "keyctx/keyctx.h"
#include "relay/io/sim.h"
#include "relay/party/party.h"
#include "relay/relay.h"
#include "tests/harness/harness.h"

enum { CALL_EVENTS_MAX = 256, CALL_STREAMS_MAX = PARTY_STREAMS_MAX, CALL_PAYLOAD = 40 };

/* The relay and its network. The test advances them step by step. */
struct stage {
	struct sim *sim;
	struct relay *relay;
	struct relay_interface interfaces[2]; /* 0: IPv4, 1: IPv6 */
	uint64_t seed, random;
	struct relay_event events[CALL_EVENTS_MAX];
	unsigned n_events;
	unsigned n_done; /* done callbacks so far */
	enum err last_error;
	struct why last_why;
	/* Statistics of the last query or delete; media and legs point to the copies below. */
	struct relay_session_stats stats;
	struct relay_media_stats media_stats[4];
	struct relay_leg_stats leg_stats[4][RELAY_LEGS_MAX];
};

/* Starts a relay; `engine` as in the configuration. False: the relay did not start, and the running
 * test case has failed. */
bool stage_open(struct stage *g, const char *engine, unsigned workers);
/* stage_config fills `c` with defaults, which the test may change; stage_open_with then starts the
 * relay. */
void stage_config(struct stage *g, struct relay_config *c, const char *engine, unsigned workers);
bool stage_open_with(struct stage *g, const struct relay_config *c);
/* Stops the relay and expects that no port is open. */
void stage_close(struct stage *g);
/* Runs until the relay has nothing to do, then advances the time by `ms`, in steps of 1 ms. */
void stage_run(struct stage *g, uint64_t ms);
/* Like stage_run, in steps of 10 ms (the tick of a worker's timers): for long times without
 * packets. */
void stage_idle(struct stage *g, uint64_t ms);
/* Returns the number of events of a kind so far. */
unsigned stage_events(const struct stage *g, enum relay_event_kind kind);

/* The SRTP of an endpoint in one direction, with its own engine. */
struct srtp_end {
	struct party_engine *engine;
	struct party *party;
	struct keyctx *ctx;
	enum engine_direction direction;
};

/* Opens one end with key `ctx`; takes ownership of `ctx`. */
bool srtp_open(struct srtp_end *e, struct keyctx *ctx, enum engine_direction direction);
void srtp_close(struct srtp_end *e);
/* Protects a packet of `n` octets in place, RTP under `index`, RTCP under the next SRTCP index. The
 * buffer has `room` octets. Returns the new length; 0 on failure. */
size_t end_protect(struct srtp_end *e, uint8_t *data, size_t n, size_t room, uint64_t index);
/* Verifies and decrypts a packet in place; returns the new length. On failure returns 0, and *v is
 * the verdict. */
size_t srtp_open_pkt(struct srtp_end *e, uint8_t *data, size_t n, enum verdict *v);
/* Starts a stream of `ssrc` at `roc`. */
bool srtp_begin(struct srtp_end *e, uint32_t ssrc, uint32_t roc);

/* The names of the built-in engines. */
#ifdef WITH_MB
enum { CALL_ENGINES = 3 };
#else
enum { CALL_ENGINES = 2 };
#endif
extern const char *const call_engines[CALL_ENGINES];

/* Makes a key context of random octets; `suite` must be a known name. */
struct keyctx *call_key(const char *suite);
/* Makes a context of the same key and salt with another MKI (may be empty) and lifetime (0: the
 * default of the suite). */
struct keyctx *call_key_again(const struct keyctx *k, struct view mki, uint64_t lifetime_pkts);
/* Makes a context of the same key, salt and suite for a stream that starts at `roc`. */
struct keyctx *call_key_at_roc(const struct keyctx *k, uint32_t roc);
/* Writes an RTP packet whose CALL_PAYLOAD octets of payload differ from those of every other
 * packet. Returns its length. */
size_t call_rtp(uint8_t *out, uint32_t ssrc, uint64_t index);

/* Fills a session with one media and the defaults of most tests: ports 30000 and 31000 (RTCP one
 * above), peers 192.0.2.1:4000 and 198.51.100.1:5000, gates open. */
void call_spec(struct relay_session_spec *s, struct relay_media_spec *m, enum relay_mode mode,
               enum relay_rtcp rtcp);
extern const struct addr call_peer_a, call_peer_b, call_local_a, call_local_b;

/* Each function sends a request to the relay, runs the stage, and returns the result. */
enum err call_create(struct stage *g, struct relay_session **out,
                     const struct relay_session_spec *s);
enum err call_update(struct stage *g, struct relay_session *h, const struct relay_session_spec *s);
enum err call_delete(struct stage *g, struct relay_session *h);
enum err call_query(struct stage *g, struct relay_session *h);

/* A call with the defaults of most tests: e2ae, RTCP on the RTP port, a terminal at call_peer_a
 * whose address is followed, keys for two re-keyings. Between scene_prepare and scene_start a test
 * may change config, spec and media. */
enum { SCENE_KEYS = 3 };

struct scene {
	struct stage g;
	struct relay_config config;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct srtp_end up[SCENE_KEYS];   /* the terminal's SRTP for sending, one for each key */
	struct srtp_end down[SCENE_KEYS]; /* the terminal's SRTP for receiving */
	uint8_t octets[256];
};

bool scene_prepare(struct scene *s, const char *engine, const char *suite);
bool scene_start(struct scene *s);
/* scene_prepare and scene_start, with AES_CM_128_HMAC_SHA1_80. */
bool scene_open(struct scene *s, const char *engine);
void scene_close(struct scene *s);
/* Replaces the key of one end; takes ownership of `ctx`. */
bool scene_set_key(struct srtp_end *e, struct keyctx *ctx);
/* Puts keys number `nth` into the spec of the access leg; the next update sets them. */
void scene_use_keys(struct scene *s, unsigned nth);

/* Protects the first `n` octets of s->octets in place and sends them from the terminal; returns
 * the new length. */
size_t scene_send_up(struct scene *s, struct srtp_end *end, size_t n, uint64_t index);
/* Runs for 1 ms; returns the number of packets that reached the core. */
unsigned scene_heard(struct scene *s);
/* Sends an RTP packet from the terminal; true if the core received exactly its plain octets. */
bool scene_goes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* Sends an RTP packet from the core; true if the terminal decrypted exactly its octets. */
bool scene_goes_down(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* Returns the current statistics of the access leg. */
const struct relay_leg_stats *scene_leg_a(struct scene *s);

#endif
