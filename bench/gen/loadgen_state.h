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
	CHUNK = 32,   /* packets sent together; few enough for one send time */
	RECEIVE = 64, /* packets received by one call; at most PKT_BATCH */
	RTP_HEADER = 12,
	SSRC_FLOW_BITS =
		/* The low bits of an SSRC are the flow, the high bits its generation. */
	20,
	FLOWS_MAX = 1 << SSRC_FLOW_BITS,
};

/* One direction of a call. */
struct flow {
	struct call *call;
	enum bench_side from;
	uint32_t ssrc, counter, timestamp;
	uint64_t rtp_index;      /* of the next packet: ROC and sequence number */
	uint64_t last_index;     /* of the last packet sent, which a replay repeats */
	uint32_t first_measured; /* counter at the start of the measured time */
	uint64_t quiet_until_ns; /* spurts; UINT64_MAX while held */
	uint64_t talk_until_ns;
	bool is_swapping;  /* the next slot sends the counter that the last slot withheld */
	uint32_t rtcp_due; /* packets until the next report */
	struct addr to;
	struct party *tx, *rx, *rx_before; /* NULL: plain */
	struct tally tally;
};

/* Buffers of the packets to send. */
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
	struct keyctx *old;
	bool failed;
};
enum { EVENTS_MAX = 256 };

struct loadgen {
	struct loadgen_config config;
	struct target *target; /* NULL: baseline */
	struct party_engine engine;
	struct wire *wire[SIDES];
	struct call *calls;
	unsigned n_calls; /* made */
	struct flow *flows;
	unsigned n_flows, flows_per_call;
	/* By the target's port at that side: 1 + index of the flow that comes from there. */
	uint32_t *by_port[SIDES];
	struct event events[EVENTS_MAX];
	uint64_t events_started, skew_ns;
	uint64_t start_ns, slot; /* wall clock; next place in the schedule */
	bool is_measuring;
	uint64_t random, drops_before;
	uint64_t progress;
	struct loadgen_figures figures;
	struct out out, hostile;
	struct in in;
	enum err failed;
	struct why failed_why;
};

/* Where the stream of a key begins. */
struct stream_start {
	uint32_t ssrc, roc;
};

/* loadgen.c */
/* Makes a party with a key for one direction; its only stream begins at `at`. */
enum err loadgen_party_new(struct loadgen *g, struct party **out, const struct keyctx *key,
                           enum engine_direction direction, struct stream_start at);
/* The engine gets whole batches: single packets would be too slow for a generator. */
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
/* Makes new SRTP streams of a flow after a new key or SSRC; the old receiving stream stays for
 * packets under way. */
enum err loadgen_arm(struct loadgen *g, struct flow *f);
static inline struct flow *loadgen_flow_of(struct loadgen *g, const struct call *c, unsigned i)
{
	return &g->flows[(size_t)(c - g->calls) * g->flows_per_call + i];
}

/* loadgen_send.c: sends what is due by now. */
void loadgen_send_due(struct loadgen *g, uint64_t end_ns);
/* loadgen_sink.c: receives waiting packets on both sides. */
void loadgen_receive(struct loadgen *g);
/* loadgen_event.c: hold, re-key, new SSRC. */
void loadgen_events(struct loadgen *g, uint64_t now_ns);
void loadgen_events_end(struct loadgen *g);

#endif
