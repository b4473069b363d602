/* SPDX-License-Identifier: MIT */
/* State shared by loadgen*.c: sockets, flows, batches. */
#ifndef BENCH_GEN_LOADGEN_STATE_H
#define BENCH_GEN_LOADGEN_STATE_H

#include "bench/gen/loadgen.h"
#include "bench/result/tally.h"
#include "bench/target/target.h"
#include "bench/gen/wire.h"
#include "relay/party/party.h"

enum {
	CHUNK = 32,   /* packets sent together; few enough to share one send time */
	RECEIVE = 64, /* packets received by one call; at most PKT_BATCH */
	RTP_HEADER = 12,
	/* Number of low bits of an SSRC that are the flow's number; the high bits change with each
	 * new SSRC of the flow. */
	SSRC_FLOW_BITS = 20,
	FLOWS_MAX = 1 << SSRC_FLOW_BITS,
};

/* One direction of a call. */
struct flow {
	struct call *call;
	enum bench_side from;
	uint32_t ssrc, counter, timestamp;
	uint64_t rtp_index;      /* index of the next packet: ROC and sequence number */
	uint32_t first_measured; /* counter at the start of the measured time */
	uint64_t quiet_until_ns; /* the flow sends nothing before; UINT64_MAX: held */
	uint64_t talk_until_ns;
	bool is_swapping;  /* the next slot sends the counter that the last slot withheld */
	uint32_t rtcp_due; /* packets until the next report; 0: no reports */
	struct addr to;
	/* SRTP for sending, for receiving, and for packets under the previous key or SSRC; NULL:
	 * plain RTP. */
	struct party *tx, *rx, *rx_before;
	struct tally tally;
};

/* The packets to send together, and their buffers. */
struct out {
	struct pkt pkt[CHUNK];
	struct flow *flow[CHUNK];
	uint8_t room[CHUNK][PKT_ROOM];
	unsigned n;
};

struct in {
	struct pkt pkt[RECEIVE];
	struct flow *flow[RECEIVE];
	uint64_t at_ns[RECEIVE];
};

/* A call that is being held or re-keyed. */
enum event_state { EVENT_IDLE, EVENT_QUIET, EVENT_ASKED, EVENT_HELD, EVENT_RESUMING };
struct event {
	enum event_state state;
	struct call *call;
	uint64_t until_ns;
	struct keyctx *old; /* key before the re-key; freed when the event ends */
};
enum { EVENTS_MAX = 256 };

struct loadgen {
	struct loadgen_config config;
	struct target *target; /* NULL: baseline */
	struct party_engine engine;
	struct wire *wire[SIDES];
	struct call *calls;
	unsigned n_calls; /* calls made so far */
	struct flow *flows;
	unsigned n_flows, flows_per_call;
	/* For each port of the target on a side: 1 + index of the flow from that port; 0: none. */
	uint32_t *by_port[SIDES];
	struct event events[EVENTS_MAX];
	uint64_t events_started;
	uint64_t start_ns, slot; /* wall clock at the start; next slot of the schedule */
	bool is_measuring;
	uint64_t random, drops_before;
	uint64_t progress;
	struct loadgen_figures figures;
	struct out out, hostile;
	struct in in;
	enum err failed;
	struct why failed_why;
};

/* SSRC and ROC at which an SRTP stream begins. */
struct stream_start {
	uint32_t ssrc, roc;
};

/* In loadgen.c: makes a party with a key for one direction; its only stream begins at `at`. */
enum err loadgen_party_new(struct loadgen *g, struct party **out, const struct keyctx *key,
                           enum engine_direction direction, struct stream_start at);
/* These give whole batches to the engine: single packets would be too slow for a generator. */
static inline void loadgen_protect(struct loadgen *g, struct pkt **batch, unsigned n)
{
	g->engine.ops->protect(g->engine.engine, batch, n);
}
static inline void loadgen_unprotect(struct loadgen *g, struct pkt **batch, unsigned n)
{
	g->engine.ops->unprotect(g->engine.engine, batch, n);
}
uint64_t loadgen_random(struct loadgen *g);
uint64_t loadgen_now(const struct loadgen *g); /* ns since start_ns; 0 before it */
/* Makes new SRTP streams of a flow after a new key or SSRC; keeps the old receiving stream for
 * packets still under way. */
enum err loadgen_arm(struct loadgen *g, struct flow *f);
static inline struct flow *loadgen_flow_of(struct loadgen *g, const struct call *c, unsigned i)
{
	return &g->flows[(size_t)(c - g->calls) * g->flows_per_call + i];
}

/* In loadgen_send.c: sends the packets that are due by now. */
void loadgen_send_due(struct loadgen *g, uint64_t end_ns);
/* In loadgen_sink.c: receives waiting packets on both sides. */
void loadgen_receive(struct loadgen *g);
/* In loadgen_event.c: starts and continues the scenario's events: hold, re-key, new SSRC. */
void loadgen_events(struct loadgen *g, uint64_t now_ns);
void loadgen_events_end(struct loadgen *g);

#endif
