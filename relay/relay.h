/* SPDX-License-Identifier: MIT */
/* The data plane as control sees it: start workers, place sessions, change them, read statistics,
 * hear events. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/word.h"
#include "keyctx/keyctx.h"
#include "relay/interface.h"
#include "relay/verdict.h"

/* Everything here is for the control thread, unless it says otherwise. */
struct relay;
struct io_ops;
/* A session as the relay knows it; valid from relay_session_create until the done call of
 * relay_session_delete. */
struct relay_session;

enum {
	RELAY_MEDIA_MAX = 16, /* m-lines of a session */
	RELAY_LEGS_MAX = 9,   /* legs of a media: the access leg and eight core legs (forking) */
	RELAY_LEG_ACCESS = 0, /* index of leg a; 1 is b, 2 is b2, ... */
	RELAY_INTERFACES_MAX = 32, /* local addresses */
	RELAY_WORKERS_MAX = 64,
};

/* --- start ------------------------------------------------------------------ */

/*
 * Sources that no leg learns before control has allowed it (relay_set_asker, relay_session_permit):
 * what media must not be sent to for its mere address, and ports of our own, which could close a
 * ring.
 */
enum { RELAY_ASKED_MAX = 512 };
struct relay_asked_entry {
	struct addr_net net;
	uint16_t port_min, port_max;
	bool spares_loopback; /* not for legs whose own interface is loopback */
};
struct relay_asked {
	unsigned n;
	struct relay_asked_entry entries[RELAY_ASKED_MAX];
};

struct relay_config {
	unsigned workers;             /* 1 to RELAY_WORKERS_MAX */
	const int *cpus;              /* one per worker to pin to, or NULL */
	const char *engine;           /* auto mb evp libsrtp */
	const char *io;               /* auto xdp sock */
	const struct io_ops *io_test; /* tests: this back end whatever `io` says; else NULL */
	void *io_test_arg;            /* its own: io_config.test_arg */
	bool by_hand;                 /* tests: no threads; workers run in relay_step only */
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	unsigned ssrcs_per_leg;            /* 1 to 1024, default 64 */
	unsigned replay_window_pkts;       /* 64 to 1024, default 128 */
	unsigned replay_window_video_pkts; /* of media that is video: 64 to 1024, default 1024 */
	bool enforces_receive_lifetime;    /* a peer's key ends with the lifetime it announced; else
	                                      only with what its suite allows */
	unsigned send_window_pkts;         /* 64 to 1024, default 1024 */
	unsigned gather_delay_us;          /* wait for a fuller batch; 0: never */
	unsigned busy_poll_us;
	unsigned pkts_per_worker; /* packet buffers of each worker, default 4096 */
	unsigned
		auth_fail_rate; /* failures per second of a leg that are worth an event; 0: never */
	bool drops_non_rtp;     /* what is neither RTP nor RTCP does not pass between plain legs */
	unsigned keys_remembered; /* send keys of ended sessions that are refused if they come
	                             again, default 100,000 */
};

void relay_config_defaults(struct relay_config *c);
/* Chooses engine and io, starts the workers. On failure nothing runs. */
enum err relay_start(struct relay **out, const struct relay_config *config,
                     struct why *why) MUST_USE;
/* Ends the workers and every session; done calls still under way are made with ERR_CLOSED. Takes
 * NULL. */
void relay_stop(struct relay *r);

/* Which engine and, for each interface, which io was chosen and why: text that lives as long as the
 * relay. */
const char *relay_engine_name(const struct relay *r);
const char *relay_engine_reason(const struct relay *r);
const char *relay_io_name(const struct relay *r, unsigned interface);
const char *relay_io_reason(const struct relay *r, unsigned interface);

/* Readable while replies or events wait; then call relay_poll, which makes the done and event
 * calls. */
int relay_wait_fd(const struct relay *r);
void relay_poll(struct relay *r);

/*
 * Whoever asks for much at a time wakes workers once for all of it: with a waker set, requests are
 * handed over but wake nobody; `fn` is called at the first of them, and must see to it that
 * relay_wake is called soon. NULL, and at the start: each request wakes its worker at once.
 */
typedef void relay_waker_fn(void *arg);
void relay_set_waker(struct relay *r, relay_waker_fn *fn, void *arg);
void relay_wake(struct relay *r);

/* Tests, with config.by_hand: one turn of every worker at that time. Returns the packets they took.
 */
unsigned relay_step(struct relay *r, uint64_t now_ns);

/* --- sessions --------------------------------------------------------------- */

/* A row of the mode table (relay/mode.h): for each leg, what is undone on the way in and done on
 * the way out. */
enum relay_mode {
	RELAY_MODE_RTP,          /* plain RTP on both sides */
	RELAY_MODE_E2AE,         /* SRTP on leg a, RTP on the core legs */
	RELAY_MODE_SRTP_SRTP,    /* both sides terminated, different keys */
	RELAY_MODE_E2E,          /* opaque: no keys, octets untouched */
	RELAY_MODE_E2E_VERIFIED, /* keys known for receiving only: verified and replay-checked,
	                            octets forwarded as they came */
	RELAY_MODE_COUNT
};

const char *relay_mode_name(enum relay_mode m); /* "rtp" "e2ae" "srtp-srtp" "e2e" "e2e-verified" */
enum err relay_mode_find(struct str name, enum relay_mode *out) MUST_USE;

const char *relay_leg_name(unsigned leg); /* "a" "b" "b2" ...; leg is below RELAY_LEGS_MAX */

enum relay_rtcp { RELAY_RTCP_MUX, RELAY_RTCP_PAIR, RELAY_RTCP_NONE };
extern const struct word relay_rtcp_words[];

/*
 * How a leg learns its peer's real address. A packet that authenticates and is newer than all
 * before proves where the peer is, whatever the policy but SIGNALLED. Without keys the policy makes
 * the first choice; then the learnt address keeps the leg while it speaks, and the signalled one
 * wins it back (docs/decisions/0052-latch.md).
 */
enum relay_latch {
	RELAY_LATCH_SIGNALLED,  /* only from the signalled address; others are dropped */
	RELAY_LATCH_FIRST,      /* whom the first packet comes from */
	RELAY_LATCH_FOLLOW,     /* the same, and every change once the one before is silent */
	RELAY_LATCH_ASYMMETRIC, /* packets go to the signalled address and come from wherever the
	                           first one did */
	RELAY_LATCH_HEURISTIC,  /* the best of who is heard within latch_window_ms from the first
	                           packet, who is heard at once; the signalled one first */
	RELAY_LATCH_COUNT
};
extern const struct word relay_latch_words[];

/* What teaches an opaque leg its peer's address beside RTP and RTCP; bits. */
enum relay_teach {
	RELAY_TEACH_STUN = 1, /* STUN (RFC 8489) */
	RELAY_TEACH_DTLS = 2, /* DTLS */
	RELAY_TEACH_ANY = 4,  /* every datagram: media that is not RTP */
};
extern const struct word relay_teach_words[];

/* How the ROC of a stream goes on under a new key at the same address (decision 0054). */
enum relay_rekey_roc { RELAY_ROC_EITHER, RELAY_ROC_KEEP, RELAY_ROC_ZERO };
extern const struct word relay_rekey_roc_words[];

/*
 * A leg as control wants it. Values are copied; keys are borrowed for the call, the relay takes
 * them by count (keyctx_take). From `latch_window_ms` on everything is plain: two legs are compared
 * there octet by octet, so the compiler refuses padding. A new plain setting goes there, and `zero`
 * makes up for its size.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
struct relay_leg_spec {
	const struct keyctx *receive; /* the peer's transmit key; NULL: none (yet) */
	const struct keyctx *send;    /* ours towards the peer */
	struct addr remote;           /* signalled; none: not known yet */
	struct addr remote_rtcp;      /* PAIR; none: remote's port + 1 */

	uint32_t latch_window_ms;  /* HEURISTIC: how long from the first packet; 0: 3,000 */
	uint32_t inactivity_ms;    /* an event when no packet comes from the peer for this long; 0:
	                              never */
	uint32_t rekey_overlap_ms; /* how long the old receive key still opens packets; 0: 5,000 */
	enum relay_rtcp rtcp;
	enum relay_latch latch;
	enum relay_rekey_roc rekey_roc;
	uint16_t port_rtp, port_rtcp;   /* local ports, chosen by control/session/local; port_rtcp 0
	                                   unless PAIR */
	uint16_t other_rtp, other_rtcp; /* ports of other_interface; other_rtp 0: there is none */
	uint8_t interface;              /* index into relay_config.interfaces */
	uint8_t other_interface; /* of an address of the other family, where the leg is heard as
	                            well and speaks to peers of that family */
	uint8_t teaches;         /* enum relay_teach */
	uint8_t dscp;            /* of packets to the peer */
	bool exists;
	bool latch_strict; /* a silent peer keeps its leg: only signalling, or a packet that proves
	                      where the peer is, moves the leg */
	bool can_receive, can_send; /* gates: packets from, and to, this leg's peer */
	bool loop_protect; /* packets that would go back where they came from are dropped */
	uint8_t zero[7];
};
#pragma GCC diagnostic pop

struct relay_media_spec {
	char id[32];
	enum relay_mode mode;
	bool is_video;  /* its receive keys get the window of video */
	uint8_t n_legs; /* 2 to RELAY_LEGS_MAX; holes have exists = false */
	uint8_t active; /* index of the core leg that leg a is joined to */
	struct relay_leg_spec legs[RELAY_LEGS_MAX];
};

struct relay_session_spec {
	void *owner; /* comes back in events */
	uint8_t n_media;
	struct relay_media_spec *media; /* n_media of them, copied; a media keeps its place for
	                                   life, `exists` of its legs ends it */
	uint32_t setup_timeout_ms; /* no packet at all for so long after create: an event; 0: never
	                            */
};

/* The outcome of what was asked; `why` lives for the call. Made from relay_poll, in order of asking
 * for one session. */
typedef void relay_done_fn(void *arg, enum err e, const struct why *why);

/*
 * Refused at once (nothing changed, done is not called): an open gate without the key its mode
 * needs, a key the mode has no use for, bad indices, ERR_NOMEM. Behind a closed gate a key may
 * still be missing: offer and answer place legs before the peer's key is known. Refused later
 * through done: ERR_EXISTS when a port is taken, naming interface and port; ERR_KEY_USED when
 * another session sends, or has sent, under a send key of it. On success *out may be used at once:
 * requests of one session are carried out in order. If done brings an error, *out is gone.
 */
enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why) MUST_USE;
/*
 * Makes the session what `spec` says, touching only what differs from what it is: an unchanged key
 * context keeps its ROC, replay and send windows (TS 33.328 7.4); a new key makes a new context,
 * ROC by rekey_roc, or 0 when the leg's remote changed with it (RFC 4568 7.1.4); a leg that is new,
 * gone or moved opens and closes ports. All or nothing.
 */
enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why) MUST_USE;
/*
 * Signalling spoke of these legs (an answer, a re-INVITE), perhaps with nothing new: learning opens
 * again (relay/worker/latch.h). Bit i of legs[k] is leg i of media k. ERR_CLOSED, ERR_NOMEM.
 */
enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX]) MUST_USE;
/*
 * Would a leg be refused this key (the peer's, or ours to send with), because the session has used
 * it and nothing is kept of that, or in the other direction, or with another suite, MKI or
 * lifetime? So many keys that are out of use are kept, the last ones (16).
 */
bool relay_session_refuses_key(const struct relay_session *s, const struct keyctx *k, bool is_send);
/* Ends it; `done` may read final statistics with relay_session_stats from inside its call, after
 * that `s` is gone. */
void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg);

/* --- statistics ------------------------------------------------------------- */

struct relay_stream_stats {
	uint32_t ssrc, ssrc_out; /* differ where a conflict gave it a new one */
	uint32_t roc;
	uint16_t highest_seq;
	uint64_t pkts, bytes;
	uint32_t jitter; /* RFC 3550 6.4.1, in timestamp units; 0 where the clock rate is not known:
	                    dynamic payload types */
	uint64_t lost;   /* expected less received, never below zero */
};

enum { RELAY_STREAM_STATS_MAX = 8 }; /* of a leg, the most recent ones */

/* What the packets of a leg look like under whose receive key none has verified. */
enum relay_finding {
	RELAY_FINDING_NONE,       /* something has verified, or too little came */
	RELAY_FINDING_CLEAR,      /* plain RTP or RTCP */
	RELAY_FINDING_WRONG_KEY,  /* SRTP under another key or suite, or at a ROC that is not tried
	                           */
	RELAY_FINDING_TAG_LENGTH, /* SRTP under this key, with tags of 4 octets in the place of 10,
	                             or the other way round */
	RELAY_FINDING_COUNT
};

const char *relay_finding_name(enum relay_finding f); /* "none" "clear" "wrong-key" "tag-length" */

struct relay_leg_stats {
	struct addr local, local_rtcp, remote,
		remote_rtcp; /* remote: as learnt, else as signalled */
	bool latched;
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes; /* arrived; forwarded towards the peer */
	uint64_t rtcp_pkts, rtcp_bytes,
		rtcp_errors; /* RTCP among what arrived; of it, what was not forwarded */
	uint64_t verdicts[VERDICT_COUNT]; /* of packets that arrived on this leg; all but FORWARDED
	                                     stop at 2^32 - 1 */
	enum relay_finding finding;
	uint64_t receive_key_pkts, send_key_pkts;         /* used of the keys' lifetimes */
	uint64_t receive_key_lifetime, send_key_lifetime; /* 0: no key */
	uint64_t rekeys, ssrc_changes;
	uint64_t last_rx_ns; /* monotonic; 0: never */
	uint8_t n_streams;
	struct relay_stream_stats streams[RELAY_STREAM_STATS_MAX];
};

struct relay_media_stats {
	uint8_t n_legs;
	struct relay_leg_stats *legs;
};

/* What legs that were in that place, and are gone, had counted. Addresses and key counters say
 * nothing here. */
struct relay_gone_leg {
	uint8_t media, leg;
	struct relay_leg_stats stats;
};

struct relay_session_stats {
	uint16_t n_gone;
	const struct relay_gone_leg *gone;
	uint8_t n_media;
	struct relay_media_stats
		*media; /* with the legs behind them one block, owned by whoever holds the stats */
};

/* `stats` lives for the call, NULL on failure. */
typedef void relay_stats_fn(void *arg, enum err e, const struct relay_session_stats *stats);
enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg) MUST_USE;
/* The final statistics, inside the done call of relay_session_delete only. */
const struct relay_session_stats *relay_session_stats(const struct relay_session *s);

/* Sums over all workers since the start; cheap, no message. */
struct relay_stats {
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	uint64_t rx_calls, tx_calls; /* system calls of the back ends */
	uint64_t kernel_drops; /* packets for us that the kernel dropped, because workers were too
	                          slow to take them */
	uint64_t turns, batches,
		batch_pkts; /* worker turns; batches that were not empty, and what they held */
	uint64_t sessions;
	unsigned workers;
	uint64_t worker_sessions[RELAY_WORKERS_MAX];
};

void relay_get_stats(const struct relay *r, struct relay_stats *out);

/* --- events ----------------------------------------------------------------- */

enum relay_event_kind {
	RELAY_EVENT_FIRST_MEDIA,    /* the first accepted packet from a leg's peer */
	RELAY_EVENT_MEDIA_TIMEOUT,  /* nothing from a leg's peer for inactivity_ms; again only after
	                               media came back */
	RELAY_EVENT_SETUP_TIMEOUT,  /* nothing at all within setup_timeout_ms */
	RELAY_EVENT_SOURCE_CHANGED, /* the latch moved to `addr` */
	RELAY_EVENT_AUTH_FAILURES,  /* above the configured rate; `count` in the last second */
	RELAY_EVENT_KEY_SOFT_LIMIT, /* nine tenths of a key's lifetime are used */
	RELAY_EVENT_KEY_EXPIRED,  /* all of it: that direction is stopped (a receive key: where its
	                             lifetime is enforced) */
	RELAY_EVENT_STREAM_LIMIT, /* one more SSRC than the leg may have */
	RELAY_EVENT_SSRC_CHANGED, /* a conflict gave a source a new outbound SSRC (RFC 3711 9.1) */
	RELAY_EVENT_NOTHING_AUTHENTIC, /* packets came, none verified under the receive key;
	                                  `finding` says what they look like */
	RELAY_EVENT_COUNT,
	RELAY_EVENT_ASK = RELAY_EVENT_COUNT, /* for the asker alone: may this leg learn `addr`? */
};

const char *relay_event_name(enum relay_event_kind k); /* "first-media" ... */

struct relay_event {
	enum relay_event_kind kind;
	void *owner; /* of the session's spec */
	uint8_t media, leg;
	bool is_send;               /* key events: which of the leg's keys */
	bool is_rtcp;               /* ASK: the latch of RTCP */
	enum relay_finding finding; /* NOTHING_AUTHENTIC */
	struct addr addr;           /* source */
	uint32_t ssrc, ssrc_out;
	uint64_t count;
};

/* Called from relay_poll; never for a session whose delete was asked for. One listener; NULL turns
 * it off. */
typedef void relay_event_fn(void *arg, const struct relay_event *event);
void relay_set_listener(struct relay *r, relay_event_fn *fn, void *arg);
/* From the next message to a worker on, control is asked about these sources; nobody is until the
 * first call. Copied. ERR_NOMEM: it stays as it was. */
enum err relay_set_asked(struct relay *r, const struct relay_asked *asked) MUST_USE;
/* RELAY_EVENT_ASK goes there and to nobody else, at most once a second for RTP and for RTCP of a
 * leg. Packets of that source are dropped until it is permitted. */
void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg);
/* A source that a leg may learn. */
struct relay_permit {
	uint8_t media, leg;
	bool is_rtcp;
	struct addr source;
};
/*
 * From now on the leg may learn that source, as its latch policy says; one for each port, the one
 * permitted before is asked about again. ERR_CLOSED, ERR_NOMEM.
 */
enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit) MUST_USE;
/* Events that another one of the same kind and leg stood in for, because the ring to control was
 * full. */
uint64_t relay_events_lost(const struct relay *r);

#endif
