/* SPDX-License-Identifier: MIT */
/* A relay over the network in memory, and endpoints with SRTP: shared by the tests
 * of whole calls. */
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
	unsigned n_done; /* number of done callbacks */
	enum err last_error;
	struct why last_why;
	/* of the last query or delete; media and legs are copies */
	struct relay_session_stats stats;
	struct relay_media_stats media_stats[4];
	struct relay_leg_stats leg_stats[4][RELAY_LEGS_MAX];
};

/* `engine` as in the configuration. False (and the case has failed) if the relay cannot start. */
bool stage_open(struct stage *g, const char *engine, unsigned workers);
/* Starts the relay after the test has changed the configuration's defaults. */
void stage_config(struct stage *g, struct relay_config *c, const char *engine, unsigned workers);
bool stage_open_with(struct stage *g, const struct relay_config *c);
/* Stops the relay and expects that no port is open. */
void stage_close(struct stage *g);
/* Runs until nothing moves, then advances the time by `ms`, in steps of a millisecond. */
void stage_run(struct stage *g, uint64_t ms);
/* The same for a long time without packets: in steps of 10 ms, the tick of a worker's timers. */
void stage_idle(struct stage *g, uint64_t ms);
unsigned stage_events(const struct stage *g, enum relay_event_kind kind);

/* The SRTP of an endpoint in one direction, with its own engine. */
struct srtp_end {
	struct party_engine *engine;
	struct party *party;
	struct keyctx *ctx;
	enum engine_direction direction;
};

/* Takes ownership of `ctx`. */
bool srtp_open(struct srtp_end *e, struct keyctx *ctx, enum engine_direction direction);
void srtp_close(struct srtp_end *e);
/* Protects in place under `index` (RTP) or the next SRTCP index. Returns the new length; 0 on
 * failure. The buffer has `room` octets. */
size_t end_protect(struct srtp_end *e, uint8_t *data, size_t n, size_t room, uint64_t index);
/* Verifies and decrypts in place; returns the new length. On failure returns 0, and *v
 * is the verdict. */
size_t srtp_open_pkt(struct srtp_end *e, uint8_t *data, size_t n, enum verdict *v);
/* Starts a stream of the SSRC at this ROC. */
bool srtp_begin(struct srtp_end *e, uint32_t ssrc, uint32_t roc);

/* The names of the built-in engines. */
#ifdef WITH_MB
enum { CALL_ENGINES = 3 };
#else
enum { CALL_ENGINES = 2 };
#endif
extern const char *const call_engines[CALL_ENGINES];

/* A new context with random octets; `suite` must be a known name. */
struct keyctx *call_key(const char *suite);
/* The same key and salt with another MKI (may be empty) and lifetime (0: the default
 * of the suite). */
struct keyctx *call_key_again(const struct keyctx *k, struct view mki, uint64_t lifetime_pkts);
/* The same key, salt and suite for a stream that starts at this ROC. */
struct keyctx *call_key_at_roc(const struct keyctx *k, uint32_t roc);
/* Writes an RTP packet whose CALL_PAYLOAD octets of payload differ from those of every other
 * packet. Returns its length. */
size_t call_rtp(uint8_t *out, uint32_t ssrc, uint64_t index);

/* A media with the defaults of most tests: mode, ports 30000 and 31000 (RTCP one above), peers
 * 192.0.2.1:4000 and 198.51.100.1:5000, gates open. */
void call_spec(struct relay_session_spec *s, struct relay_media_spec *m, enum relay_mode mode,
               enum relay_rtcp rtcp);
extern const struct addr call_peer_a, call_peer_b, call_local_a, call_local_b;

/* Each sends a request, runs the stage, and returns the result. */
enum err call_create(struct stage *g, struct relay_session **out,
                     const struct relay_session_spec *s);
enum err call_update(struct stage *g, struct relay_session *h, const struct relay_session_spec *s);
enum err call_delete(struct stage *g, struct relay_session *h);
enum err call_query(struct stage *g, struct relay_session *h);

/* A call with the defaults of most tests: e2ae, RTCP on the RTP port, a terminal at call_peer_a
 * whose address is followed, keys for two re-keyings. Between scene_prepare and scene_start a test
 * may change config, spec and media; pass both the same `s`. */
enum { SCENE_KEYS = 3 };

struct scene {
	struct stage g;
	struct relay_config config;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct srtp_end up[SCENE_KEYS],
		/* the terminal's keys: for sending, for receiving */
		down[SCENE_KEYS];
	uint8_t octets[256];
};

bool scene_prepare(struct scene *s, const char *engine, const char *suite);
bool scene_start(struct scene *s);
/* Both calls, with AES_CM_128_HMAC_SHA1_80. */
bool scene_open(struct scene *s, const char *engine);
void scene_close(struct scene *s);
/* Replaces the key of an end; takes ownership of `ctx`. */
bool scene_set_key(struct srtp_end *e, struct keyctx *ctx);
/* The next update sets the access leg's keys to number `nth`. */
void scene_use_keys(struct scene *s, unsigned nth);

/* Protects the first `n` octets of s->octets in place and sends them from the terminal; returns
 * the new length. */
size_t scene_send_up(struct scene *s, struct srtp_end *end, size_t n, uint64_t index);
/* Runs for a millisecond; returns the number of packets that reached the core. */
unsigned scene_heard(struct scene *s);
/* Sends from the terminal; true if the core received exactly these octets in clear. */
bool scene_goes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* Sends from the core; true if the terminal decrypted exactly these octets. */
bool scene_goes_down(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index);
/* The current statistics of the access leg. */
const struct relay_leg_stats *scene_leg_a(struct scene *s);

#endif
