/* SPDX-License-Identifier: MIT */
/* A session on its worker: media, legs, and how a plan changes them. */
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

/* Control allocates and frees a leg; in between only its worker uses it. The first three cache
 * lines hold what every packet touches. */
struct leg {
	struct media *media;
	uint8_t place;   /* index in the media: RELAY_LEG_ACCESS or a core leg */
	uint8_t in, out; /* enum mode_in and enum mode_out, from the table of modes */
	bool can_receive, can_send;
	bool loop_protect;
	uint8_t rtcp;   /* enum relay_rtcp */
	bool has_media; /* a packet was accepted */
	bool is_silent; /* media-timeout was raised */
	/* an outbound SSRC was given up: new sources get fresh SSRCs, because theirs may have been
	 * used */
	bool has_forgotten;
	bool translates; /* some outbound SSRC differs from its source's SSRC */
	uint16_t n_in, n_out;
	struct stream *in_streams, *out_streams;
	struct key *receive, *receive_previous;
	struct key *send;
	/* ---- second cache line */
	struct io_port *ports[LEG_WAYS]; /* NULL: not open */
	uint64_t last_rx_ns;             /* time of the last accepted packet; 0: none yet */
	uint64_t rx_pkts, rx_bytes, tx_pkts, tx_bytes;
	/* counted here, in a line that every packet touches; verdicts[VERDICT_FORWARDED] stays 0 */
	uint64_t forwarded;
	/* ---- third cache line: the first half of the latch for RTP */
	struct latch latches[LEG_WAYS];
	/* ---- not touched by every packet */
	/* number of the present run; a run begins with a restart at ROC 0, and within a run indexes
	 * continue under every key */
	uint16_t run;
	/* what control wants, without keys; the first line repeats what every packet needs */
	struct relay_leg_spec spec;
	struct io_port *others[LEG_WAYS]; /* of the other IP family; NULL: not open */
	uint64_t watched_since_ns;        /* when the inactivity timer was turned on */
	uint64_t rekeys, ssrc_changes;
	uint64_t rtcp_pkts, rtcp_bytes, rtcp_errors;
	/* times when control was last asked about a source of RTP and of RTCP */
	uint64_t asked_ns[LEG_PORTS];
	struct addr permitted[LEG_WAYS]; /* the source that control permitted; version 0: none */
	uint64_t limit_event_ns;         /* when the last stream-limit event was raised */
	/* authentication failures since failure_timer was started */
	uint32_t failures;
	struct unheard unheard;
	struct leg_events events;
	struct wheel_timer inactivity_timer, overlap_timer, failure_timer;
	uint32_t verdicts[VERDICT_COUNT]; /* each count stops at 2^32 - 1 */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct leg, ports) == 64 && offsetof(struct leg, latches) == 128,
               "the first three cache lines of a leg");

struct media {
	struct session *session;
	struct media *next;
	uint8_t place; /* index in the session */
	uint8_t n_legs;
	uint8_t active;
	struct leg *legs[RELAY_LEGS_MAX]; /* NULL: the leg does not exist */
	/* The highest SRTCP index sent from each leg's place. A leg that ends and appears again
	 * continues above it, under any key (RFC 3711 3.4). */
	uint32_t rtcp_floor[RELAY_LEGS_MAX];
};

struct session {
	struct worker *worker;
	struct relay_session *handle; /* sent with messages to control */
	void *owner;
	bool has_media; /* a packet was accepted on any leg */
	struct wheel_timer setup_timer;
	struct media *media; /* the first media; `next` leads to the others */
	uint16_t runs;       /* highest `run` of any leg so far */
	/* keys that no leg uses now but may use again (relay/worker/kept.h) */
	struct key *kept;
};

/* The media at that index; NULL: none. */
static inline struct media *session_media(const struct session *s, unsigned place)
{
	struct media *m = s->media;

	while (m && place--)
		m = m->next;
	return m;
}

/* Applies all changes or none. ERR_EXISTS: a port is taken; ERR_REKEY: a key was used before and
 * its state is no longer kept. Worker only. */
enum err session_apply(struct worker *w, struct plan *plan, uint64_t now_ns,
                       struct why *why) MUST_USE;
/* Closes ports, ends streams and timers. Control frees the memory later. Worker only. */
void session_end(struct worker *w, struct session *s);
/* Stores the source that control permits. Does nothing if the leg no longer exists. Worker only. */
void session_permit(struct session *s, const struct relay_permit *p);
/* Lets these legs learn a new source (relay_session_reopen). Worker only. */
void session_reopen(struct session *s, const uint16_t legs[RELAY_MEDIA_MAX]);
/* Fills in statistics for the media and legs that `out` has room for. Worker only. */
void session_read(const struct session *s, struct relay_session_stats *out);
/* Free the memory of a session or a leg after its worker has ended it. Control only. NULL is
 * allowed. */
void session_free(const struct engine_ops *ops, struct session *s);
void leg_free(const struct engine_ops *ops, struct leg *leg);
/* Reads the statistics of a leg. Worker only. */
void leg_read(const struct leg *leg, struct relay_leg_stats *out);

/* The leg that packets of `leg` are sent on; NULL: none. */
static inline struct leg *leg_peer(const struct leg *leg)
{
	const struct media *m = leg->media;

	if (leg->place == RELAY_LEG_ACCESS)
		return m->legs[m->active];
	return leg->place == m->active ? m->legs[RELAY_LEG_ACCESS] : NULL;
}

#endif
