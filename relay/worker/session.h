/* SPDX-License-Identifier: MIT */
/* A session on its worker: media, legs, and how a plan of control changes them. */
#ifndef RELAY_WORKER_SESSION_H
#define RELAY_WORKER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/wheel.h"
#include "relay/io/io.h"
#include "relay/worker/key.h"
#include "relay/worker/latch.h"
#include "relay/worker/leg_events.h"
#include "relay/mode.h"
#include "relay/msg.h"
#include "relay/worker/stream.h"
#include "relay/worker/unheard.h"

struct worker;
struct media;
struct session;

/* Memory made and freed by control; everything in it is the worker's while it has it. What every
 * packet touches stands in three cache lines. */
struct leg {
	struct media *media;
	uint8_t place;   /* in the media: RELAY_LEG_ACCESS or a core leg */
	uint8_t in, out; /* enum mode_in, mode_out: the row of the mode */
	bool can_receive, can_send;
	bool loop_protect;
	uint8_t rtcp;       /* enum relay_rtcp */
	bool has_media;     /* a packet was accepted since the start */
	bool is_silent;     /* the inactivity event was sent */
	bool has_forgotten; /* an outbound stream was given up: every new source gets a fresh SSRC,
	                       for one could be repeated */
	bool translates;    /* some outbound stream has not the SSRC of its source */
	uint16_t n_in, n_out;
	struct stream *in_streams, *out_streams;
	struct key *receive, *receive_previous;
	struct key *send;
	/* ---- second line */
	struct io_port *ports[LEG_WAYS]; /* NULL: not open */
	uint64_t last_rx_ns;             /* 0: never */
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	uint64_t forwarded; /* verdicts[VERDICT_FORWARDED] stays 0: it has its place here, among
	                       what every packet touches */
	/* ---- third line: the first half of a latch; RTCP on a port of its own has another */
	struct latch latches[LEG_WAYS];
	/* ---- not for every packet */
	uint16_t run; /* counts restarts at ROC 0: the indices of one run go on under every key */
	struct relay_leg_spec spec; /* what control wants of it; no keys. The first line repeats
	                               what every packet needs. */
	struct io_port *others[LEG_WAYS]; /* of the other family; NULL: not open */
	uint64_t watched_since_ns;        /* when the watch for inactivity was turned on */
	uint64_t rekeys, ssrc_changes;
	uint64_t rtcp_pkts, rtcp_bytes,
		rtcp_errors; /* RTCP is rare: its counts are not what every packet touches */
	uint64_t asked_ns[LEG_PORTS]; /* when control was last asked about a source of RTP, of RTCP
	                               */
	struct addr permitted[LEG_WAYS]; /* a source that it has allowed; none */
	uint64_t limit_event_ns;         /* when the stream limit was last told */
	uint32_t failures;               /* in the second the timer measures */
	struct unheard unheard;
	struct leg_events events;
	struct wheel_timer inactivity_timer, overlap_timer, failure_timer;
	uint32_t verdicts[VERDICT_COUNT]; /* 2^32 - 1: so many or more */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct leg, ports) == 64 && offsetof(struct leg, latches) == 128,
               "the first three cache lines of a leg");

struct media {
	struct session *session;
	struct media *next;
	uint8_t place; /* in the session */
	uint8_t n_legs;
	uint8_t active;
	struct leg *legs[RELAY_LEGS_MAX]; /* NULL: does not exist */
	/* No SRTCP index up to this one is sent again from that place: a leg that ends and appears
	 * anew, with whatever key, goes on (RFC 3711 3.4). */
	uint32_t rtcp_floor[RELAY_LEGS_MAX];
};

struct session {
	struct worker *worker;
	struct relay_session *handle; /* control's name of it, for messages */
	void *owner;
	bool has_media; /* any packet was accepted */
	struct wheel_timer setup_timer;
	struct media *media; /* in their order */
	uint16_t runs;       /* the last one that was begun */
	struct key *kept;    /* that left its legs, and may come back (relay/worker/kept.h) */
};

/* Its media at that place; NULL. */
static inline struct media *session_media(const struct session *s, unsigned place)
{
	struct media *m = s->media;

	while (m && place--)
		m = m->next;
	return m;
}

/* All or nothing: ERR_EXISTS when a port is taken, ERR_REKEY when a key comes back whose state is
 * gone. Worker only. */
enum err session_apply(struct worker *w, struct plan *plan, uint64_t now_ns,
                       struct why *why) MUST_USE;
/* Closes ports, ends streams and timers; the memory stays for control. Worker only. */
void session_end(struct worker *w, struct session *s);
/* Control allows a source: a leg that is gone meanwhile is passed over. Worker only. */
void session_permit(struct session *s, const struct relay_permit *p);
/* Learning opens again on these legs (relay_session_reopen). Worker only. */
void session_reopen(struct session *s, const uint16_t legs[RELAY_MEDIA_MAX]);
/* Fills statistics whose arrays hold as many media as the session has. Worker only. */
void session_read(const struct session *s, struct relay_session_stats *out);
/* Frees a session's, or a leg's, memory when its worker has done with it. Control only; they take
 * NULL. */
void session_free(const struct engine_ops *ops, struct session *s);
void leg_free(const struct engine_ops *ops, struct leg *leg);
/* One leg. Worker only. */
void leg_read(const struct leg *leg, struct relay_leg_stats *out);

/* The leg that packets of `leg` leave by; NULL. */
static inline struct leg *leg_peer(const struct leg *leg)
{
	const struct media *m = leg->media;

	if (leg->place == RELAY_LEG_ACCESS)
		return m->legs[m->active];
	return leg->place == m->active ? m->legs[RELAY_LEG_ACCESS] : NULL;
}

#endif
