/* SPDX-License-Identifier: MIT */
/* The data plane as control sees it: start workers; create, change and end sessions; read
 * statistics; receive events. */
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

/* Call everything here from the control thread only, unless stated otherwise. */
struct relay;
struct io_ops;
/* A session of the relay; valid from relay_session_create until the done
 * call of relay_session_delete. */
struct relay_session;

enum {
	RELAY_MEDIA_MAX = 16, /* maximum number of m-lines of a session */
	/* maximum number of legs of a media: the access leg and up to eight core legs (forking) */
	RELAY_LEGS_MAX = 9,
	RELAY_LEG_ACCESS = 0,      /* index of leg a; leg b has 1, leg b2 has 2, and so on */
	RELAY_INTERFACES_MAX = 32, /* maximum number of local addresses */
	RELAY_WORKERS_MAX = 64,
};

/* --- start ------------------------------------------------------------------ */

/* Sources that a leg may learn only with control's permission (relay_set_asker,
 * relay_session_permit): addresses that media must not be sent to, and the gateway's own ports,
 * because media sent to them could form a loop. */
enum { RELAY_ASKED_MAX = 512 };
struct relay_asked_entry {
	struct addr_net net;
	uint16_t port_min, port_max;
	bool spares_loopback; /* the entry does not apply to legs on a loopback interface */
};
struct relay_asked {
	unsigned n;
	struct relay_asked_entry entries[RELAY_ASKED_MAX];
};

struct relay_config {
	unsigned workers;   /* 1 to RELAY_WORKERS_MAX */
	const int *cpus;    /* the CPU to pin each worker to; NULL: no pinning */
	const char *engine; /* "auto", "mb", "evp" or "libsrtp" */
	const char *io;     /* "auto", "xdp" or "sock" */
	/* tests: use this back end and ignore `io`; otherwise NULL */
	const struct io_ops *io_test;
	void *io_test_arg; /* passed to the test back end as io_config.test_arg */
	/* tests: start no threads; workers run only in relay_step */
	bool by_hand;
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	unsigned ssrcs_per_leg;      /* 1 to 1024, default 64 */
	unsigned replay_window_pkts; /* 64 to 1024, default 128 */
	/* for video media: 64 to 1024, default 1024 */
	unsigned replay_window_video_pkts;
	/* true: a receive key ends at the lifetime that the peer announced; false: only at the
	 * limit of its suite */
	bool enforces_receive_lifetime;
	unsigned send_window_pkts; /* 64 to 1024, default 1024 */
	/* sleep this long after a turn with packets, so that the next batch is fuller; 0: no
	 * sleep */
	unsigned gather_delay_us;
	unsigned busy_poll_us;    /* keep polling this long after the last packet; 0: do not poll */
	unsigned pkts_per_worker; /* packet buffers of each worker, default 4096 */
	/* raise auth-failures above this many failures per second on a leg; 0: never */
	unsigned auth_fail_rate;
	bool drops_non_rtp; /* true: only RTP and RTCP pass between plain legs */
	/* how many send keys of ended sessions are remembered and refused when offered
	 * again; default 100,000 */
	unsigned keys_remembered;
};

void relay_config_defaults(struct relay_config *c);
/* Chooses the engine and the back ends and starts the workers. On failure nothing runs. */
enum err relay_start(struct relay **out, const struct relay_config *config,
                     struct why *why) MUST_USE;
/* Stops the workers and ends every session. Requests under way finish with
 * ERR_CLOSED. NULL is allowed. */
void relay_stop(struct relay *r);

/* The chosen engine and, for each interface, the chosen back end, with the reason for the choice.
 * The text lives as long as the relay. */
const char *relay_engine_name(const struct relay *r);
const char *relay_engine_reason(const struct relay *r);
const char *relay_io_name(const struct relay *r, unsigned interface);
const char *relay_io_reason(const struct relay *r, unsigned interface);

/* A descriptor that is readable while replies or events wait. Call relay_poll then: it calls the
 * done and event functions. */
int relay_wait_fd(const struct relay *r);
void relay_poll(struct relay *r);

/* Batches the wake-ups of workers. While a waker is set, requests are queued to workers without
 * waking them; the first one calls `fn`, which must arrange for relay_wake to be called soon. With
 * NULL, the default, each request wakes its worker at once. */
typedef void relay_waker_fn(void *arg);
void relay_set_waker(struct relay *r, relay_waker_fn *fn, void *arg);
void relay_wake(struct relay *r);

/* For tests, with config.by_hand: runs one turn of every worker at `now_ns`. Returns the number of
 * packets received. */
unsigned relay_step(struct relay *r, uint64_t now_ns);

/* --- sessions --------------------------------------------------------------- */

/* A row of the mode table (relay/mode.h): what each leg does to packets on the way in and out. */
enum relay_mode {
	RELAY_MODE_RTP,       /* plain RTP on both sides */
	RELAY_MODE_E2AE,      /* SRTP on leg a, RTP on the core legs */
	RELAY_MODE_SRTP_SRTP, /* SRTP on both sides, under different keys */
	RELAY_MODE_E2E,       /* opaque: no keys, octets unchanged */
	/* receive keys only: verified and checked for replay, original octets forwarded */
	RELAY_MODE_E2E_VERIFIED,
	RELAY_MODE_COUNT
};

const char *relay_mode_name(enum relay_mode m); /* "rtp" "e2ae" "srtp-srtp" "e2e" "e2e-verified" */
enum err relay_mode_find(struct str name, enum relay_mode *out) MUST_USE;

/* "a", "b", "b2" and so on; `leg` must be below RELAY_LEGS_MAX */
const char *relay_leg_name(unsigned leg);

enum relay_rtcp { RELAY_RTCP_MUX, RELAY_RTCP_PAIR, RELAY_RTCP_NONE };
extern const struct word relay_rtcp_words[];

/*
 * How a leg learns its peer's real source address. In every policy except SIGNALLED, a packet that
 * authenticates and is newer than all packets before proves where the peer is. Without keys the
 * policy chooses the first source. Afterwards the leg keeps the learned address while packets come
 * from it, but a packet from the signalled address moves the leg back to that address
 * (docs/decisions/0052-latch.md).
 */
enum relay_latch {
	RELAY_LATCH_SIGNALLED, /* only the signalled address; packets from others are dropped */
	RELAY_LATCH_FIRST,     /* accepts and uses the source of the first packet */
	/* like FIRST, but when the present source falls silent, another one may replace it */
	RELAY_LATCH_FOLLOW,
	/* accepts packets from the source of the first packet, but sends to the signalled
	 * address */
	RELAY_LATCH_ASYMMETRIC,
	/* begins with the source of the first packet; for latch_window_ms, a source that is closer
	 * to the signalled address may replace it */
	RELAY_LATCH_HEURISTIC,
	RELAY_LATCH_COUNT
};
extern const struct word relay_latch_words[];

/* Which datagrams besides RTP and RTCP teach an opaque leg its peer's address. The values are
 * bits. */
enum relay_teach {
	RELAY_TEACH_STUN = 1, /* STUN (RFC 8489) */
	RELAY_TEACH_DTLS = 2, /* DTLS */
	RELAY_TEACH_ANY = 4,  /* every datagram, for media that is not RTP */
};
extern const struct word relay_teach_words[];

/* Which ROC a stream continues with under a new key when the peer's address
 * is unchanged (docs/decisions/0054-roc.md). */
enum relay_rekey_roc { RELAY_ROC_EITHER, RELAY_ROC_KEEP, RELAY_ROC_ZERO };
extern const struct word relay_rekey_roc_words[];

/*
 * A leg as control wants it. The relay copies the values and takes the keys by count (keyctx_take).
 * The members from `latch_window_ms` on are plain settings: they are compared octet by octet, so
 * the compiler refuses padding there. Add a new plain setting there and reduce `zero` by its size.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
struct relay_leg_spec {
	const struct keyctx *receive; /* the key that the peer sends under; NULL: none (yet) */
	const struct keyctx *send;    /* the key that the gateway sends under; NULL: none (yet) */
	struct addr remote;           /* the peer's signalled address; none: not known yet */
	/* rtcp PAIR: the peer's signalled address for RTCP; none: the port above that of
	 * `remote` */
	struct addr remote_rtcp;

	/* latch HEURISTIC: for how long after the first packet a better source may replace its
	 * source; 0: 3,000 */
	uint32_t latch_window_ms;
	/* raise media-timeout after this long without a packet from the peer; 0: never */
	uint32_t inactivity_ms;
	/* for how long the previous receive key still decrypts packets; 0: 5,000 */
	uint32_t rekey_overlap_ms;
	enum relay_rtcp rtcp;
	enum relay_latch latch;
	enum relay_rekey_roc rekey_roc;
	/* local ports, chosen by control/session/local; port_rtcp is 0 unless rtcp is PAIR */
	uint16_t port_rtp, port_rtcp;
	uint16_t other_rtp, other_rtcp; /* local ports at other_interface; other_rtp 0: none */
	uint8_t interface;              /* index into relay_config.interfaces */
	/* index of an interface of the other IP family, where the leg also receives, and from which
	 * it sends to peers of that family */
	uint8_t other_interface;
	uint8_t teaches; /* bits of enum relay_teach */
	uint8_t dscp;    /* DSCP of packets sent to the peer, 0 to 63 */
	bool exists;
	/* the peer's silence never lets another source take over; only signalling or an authentic
	 * packet moves the leg to another address */
	bool latch_strict;
	/* gates: may packets from the peer pass, may packets to the peer pass */
	bool can_receive, can_send;
	bool loop_protect; /* drop packets that would be sent to the address they came from */
	uint8_t zero[7];
};
#pragma GCC diagnostic pop

struct relay_media_spec {
	char id[32];
	enum relay_mode mode;
	bool is_video; /* true: receive keys get replay_window_video_pkts */
	/* 2 to RELAY_LEGS_MAX; entries of `legs` without a leg have exists = false */
	uint8_t n_legs;
	uint8_t active; /* index of the core leg that is joined to leg a */
	struct relay_leg_spec legs[RELAY_LEGS_MAX];
};

struct relay_session_spec {
	void *owner; /* returned in events */
	uint8_t n_media;
	/* n_media entries; the relay copies them. A media keeps its index; clear `exists` of its
	 * legs to end it. */
	struct relay_media_spec *media;
	/* raise setup-timeout when no packet at all arrives for this long after create; 0: never */
	uint32_t setup_timeout_ms;
};

/* The outcome of a request. */
struct relay_result {
	enum err e;
	const struct why *why; /* explains `e`; never NULL */
	/* ERR_EXISTS: the local address and port that another socket has; else version 0 */
	struct addr taken;
};

/* `result` is valid during the call. Called from relay_poll, for one session in the order of its
 * requests. */
typedef void relay_done_fn(void *arg, const struct relay_result *result);

/*
 * Refused at once (nothing changes, `done` is not called): a gate is open but the key its mode
 * needs is missing, a key that the mode does not use, an index out of range, ERR_NOMEM. Behind a
 * closed gate the key may be missing, because legs are placed before the answer brings the peer's
 * key. Refused later through `done`: ERR_EXISTS, a port is taken (`taken` is its address);
 * ERR_KEY_USED, another session sends or has sent under one of the send keys. On success *out may
 * be used at once, because requests of one session are carried out in order. When `done` reports an
 * error, *out is no longer valid.
 */
enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why) MUST_USE;
/*
 * Changes the session into `spec`. Only differences are applied: an unchanged key context keeps
 * its ROC, replay and send windows (TS 33.328 7.4); a new key makes a new context, whose ROC
 * follows rekey_roc, or is 0 when the leg's remote address changed with the key (RFC 4568 7.1.4);
 * ports are opened and closed for legs that appear, disappear or move. Either all changes are
 * applied or none.
 */
enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why) MUST_USE;
/* Call this when signalling concerns these legs (an answer, a re-INVITE), even if it changes
 * nothing: a leg may then learn a new source (relay/worker/latch.h). Bit i of legs[k] is leg i of
 * media k. ERR_CLOSED, ERR_NOMEM. */
enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX]) MUST_USE;
/* Whether the relay would refuse this key on every leg, as receive or as send key: the session used
 * the key before, and its state is no longer kept, or the key was used in the other direction or
 * with another suite, MKI or lifetime. The state of the 16 keys that left use last is kept. */
bool relay_session_refuses_key(const struct relay_session *s, const struct keyctx *k, bool is_send);
/* Ends the session. `done` may read the final statistics with relay_session_stats; after `done`
 * returns, `s` is no longer valid. */
void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg);

/* --- statistics ------------------------------------------------------------- */

struct relay_stream_stats {
	/* SSRC as received and as sent; they differ after a conflict (SSRC_CHANGED) */
	uint32_t ssrc, ssrc_out;
	uint32_t roc;
	uint16_t highest_seq;
	uint64_t pkts, bytes;
	/* RFC 3550 6.4.1, in timestamp units; 0 for dynamic payload types (clock rate unknown) */
	uint32_t jitter;
	uint64_t lost; /* packets expected minus packets received, at least 0 */
};

/* maximum number of streams in the statistics of a leg: the most recent ones */
enum { RELAY_STREAM_STATS_MAX = 8 };

/* What the packets of a leg look like while none has verified under its receive key. */
enum relay_finding {
	RELAY_FINDING_NONE,  /* a packet has verified, or too few packets arrived */
	RELAY_FINDING_CLEAR, /* plain RTP or RTCP */
	/* SRTP under another key or suite, or at a ROC that is not tried */
	RELAY_FINDING_WRONG_KEY,
	/* SRTP under this key with tags of 4 octets instead of 10, or 10 instead of 4 */
	RELAY_FINDING_TAG_LENGTH,
	RELAY_FINDING_COUNT
};

const char *relay_finding_name(enum relay_finding f); /* "none" "clear" "wrong-key" "tag-length" */

struct relay_leg_stats {
	struct addr local, local_rtcp, remote,
		remote_rtcp; /* remote: learned address, or else the signalled one */
	bool latched;
	/* rx: arrived on this leg; tx: forwarded to its peer */
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	/* RTCP packets that arrived, their octets, and how many of them were not forwarded */
	uint64_t rtcp_pkts, rtcp_bytes, rtcp_errors;
	/* verdicts of packets that arrived on this leg; counts except FORWARDED stop at
	 * UINT32_MAX */
	uint64_t verdicts[VERDICT_COUNT];
	enum relay_finding finding;
	/* packets counted against the keys' lifetimes */
	uint64_t receive_key_pkts, send_key_pkts;
	uint64_t receive_key_lifetime, send_key_lifetime; /* in packets; 0: no key */
	uint64_t rekeys, ssrc_changes;
	uint64_t last_rx_ns; /* monotonic time; 0: no packet yet */
	uint8_t n_streams;
	struct relay_stream_stats streams[RELAY_STREAM_STATS_MAX];
};

struct relay_media_stats {
	uint8_t n_legs;
	struct relay_leg_stats *legs;
};

/* Counters of ended legs that had this media and leg index, added up. Addresses and key counters in
 * `stats` are not set. */
struct relay_gone_leg {
	uint8_t media, leg;
	struct relay_leg_stats stats;
};

struct relay_session_stats {
	uint16_t n_gone;
	const struct relay_gone_leg *gone;
	uint8_t n_media;
	/* one allocation that also holds the legs; it belongs to the owner of the statistics */
	struct relay_media_stats *media;
};

/* `stats` is valid during the call; NULL on failure. */
typedef void relay_stats_fn(void *arg, enum err e, const struct relay_session_stats *stats);
enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg) MUST_USE;
/* The final statistics; call it only inside the done call of relay_session_delete. */
const struct relay_session_stats *relay_session_stats(const struct relay_session *s);

/* Sums over all workers since the start. Cheap: reads counters, sends no message. */
struct relay_stats {
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	uint64_t rx_calls, tx_calls; /* receive and send syscalls of the back ends */
	/* packets for the gateway that the kernel dropped because workers were too slow */
	uint64_t kernel_drops;
	/* turns of workers; batches that were not empty; packets in these batches */
	uint64_t turns, batches, batch_pkts;
	uint64_t sessions;
	unsigned workers;
	uint64_t worker_sessions[RELAY_WORKERS_MAX];
};

void relay_get_stats(const struct relay *r, struct relay_stats *out);

/* --- events ----------------------------------------------------------------- */

enum relay_event_kind {
	RELAY_EVENT_FIRST_MEDIA, /* the first accepted packet from a leg's peer */
	/* no packet from a leg's peer for inactivity_ms; raised again only after media resumed */
	RELAY_EVENT_MEDIA_TIMEOUT,
	RELAY_EVENT_SETUP_TIMEOUT,  /* no packet on any leg for setup_timeout_ms after create */
	RELAY_EVENT_SOURCE_CHANGED, /* the latch moved to `addr` */
	/* more than auth_fail_rate packets failed authentication in one second; `count`: how
	 * many */
	RELAY_EVENT_AUTH_FAILURES,
	RELAY_EVENT_KEY_SOFT_LIMIT, /* nine tenths of a key's lifetime are used up */
	/* a key's lifetime is used up and its direction stops; a receive key: only if
	 * enforces_receive_lifetime */
	RELAY_EVENT_KEY_EXPIRED,
	RELAY_EVENT_STREAM_LIMIT, /* a new SSRC, but the leg already has ssrcs_per_leg */
	/* a source's outbound SSRC was rewritten after a conflict (RFC 3711 9.1) */
	RELAY_EVENT_SSRC_CHANGED,
	/* packets arrived, none verified under the receive key; `finding`: what they look like */
	RELAY_EVENT_NOTHING_AUTHENTIC,
	RELAY_EVENT_COUNT,
	/* asks whether this leg may learn `addr`; only the asker receives it */
	RELAY_EVENT_ASK = RELAY_EVENT_COUNT,
};

const char *relay_event_name(enum relay_event_kind k); /* "first-media", ... */

struct relay_event {
	enum relay_event_kind kind;
	void *owner; /* `owner` of the session's spec */
	uint8_t media, leg;
	bool is_send;               /* key events: the leg's send key, not its receive key */
	bool is_rtcp;               /* ASK: the packet was RTCP */
	enum relay_finding finding; /* NOTHING_AUTHENTIC */
	struct addr addr;           /* the packet's source address */
	uint32_t ssrc, ssrc_out;
	uint64_t count;
};

/* Called from relay_poll, never after relay_session_delete. There is one listener; NULL removes
 * it. */
typedef void relay_event_fn(void *arg, const struct relay_event *event);
void relay_set_listener(struct relay *r, relay_event_fn *fn, void *arg);
/* Replaces the table of sources that need permission; the default is an empty table. Takes effect
 * with the next message to each worker. The table is copied. ERR_NOMEM: the table is unchanged. */
enum err relay_set_asked(struct relay *r, const struct relay_asked *asked) MUST_USE;
/* Only the asker receives RELAY_EVENT_ASK, at most once a second for RTP and once for RTCP of a
 * leg. Packets from that source are dropped until it is permitted. */
void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg);
/* A source that a leg may learn. */
struct relay_permit {
	uint8_t media, leg;
	bool is_rtcp;
	struct addr source;
};
/* Permits a leg to learn that source, within its latch policy. Each of RTP and RTCP has
 * one permitted source: a new one replaces the previous one, which needs permission
 * again. ERR_CLOSED, ERR_NOMEM. */
enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit) MUST_USE;
/* Number of events that were replaced by a later one of the same kind and leg because the ring to
 * control was full. */
uint64_t relay_events_lost(const struct relay *r);

#endif
