/* SPDX-License-Identifier: MIT */
/* The packet path, stage by stage: no allocation, lock, log line, clock reading or system call here. Worker only. */
#ifndef RELAY_PATH_H
#define RELAY_PATH_H

#include <stdint.h>

#include "relay/pkt.h"
#include "relay/stream.h"

struct worker;
struct leg;

enum {
	PATH_TRIES_MAX = 4,                             /* kept ROC and zero, under the key and under the previous one */
	PATH_PROVISIONAL_MAX = PKT_BATCH * PATH_TRIES_MAX,
};

/* Under which states a packet may verify, in order; nearly always one. */
struct path_tries {
	struct crypto *crypto[PATH_TRIES_MAX];
	uint8_t n, at;
	struct pkt *work;     /* what the engine works on: the packet, or a copy of it (MODE_IN_VERIFY) */
	struct pkt *pristine; /* the octets as they came, when a second try may need them; the packet itself with VERIFY */
};

/* Cryptographic state made for a packet of this batch that has not verified yet. */
struct path_provisional {
	struct crypto *crypto;
	const struct leg *leg;
	uint32_t ssrc;
	bool is_kept_roc;
};

struct batch {
	unsigned n;
	struct pkt *pkts[PKT_BATCH];
	struct path_tries tries[PKT_BATCH];
	struct pkt *work[PKT_BATCH]; /* of whichever stage runs: what it hands on (on the stack it would be zeroed each time) */
	unsigned n_provisional;
	struct path_provisional provisional[PATH_PROVISIONAL_MAX];
};

/*
 * fetch ─ classify ─ find ─ unprotect ─ commit ─ cross ─ outbound ─ protect ─ send ─ finish
 * Each skips packets that have a verdict. Replay, ROC and latch change in unprotect and commit, and only there.
 */
void path_fetch(struct worker *w, struct batch *b, uint64_t now_ns);     /* into the cache, what the others will ask for */
void path_classify(struct worker *w, struct batch *b, uint64_t now_ns);  /* kind, header length */
void path_find(struct worker *w, struct batch *b, uint64_t now_ns);      /* leg, latch, key, stream state to try */
void path_unprotect(struct worker *w, struct batch *b, uint64_t now_ns); /* verify, decrypt */
void path_commit(struct worker *w, struct batch *b, uint64_t now_ns);    /* keep what was learnt: stream, address, times */
void path_cross(struct worker *w, struct batch *b, uint64_t now_ns);     /* peer leg, destination */
void path_outbound(struct worker *w, struct batch *b, uint64_t now_ns);  /* outbound stream, index, SSRC (R-G7), RTCP's SSRCs */
void path_protect(struct worker *w, struct batch *b, uint64_t now_ns);
void path_send(struct worker *w, struct batch *b, uint64_t now_ns);
void path_finish(struct worker *w, struct batch *b, uint64_t now_ns);    /* count, give buffers back */

/* All of them, in that order. */
void path_run(struct worker *w, struct batch *b, uint64_t now_ns);

#endif
