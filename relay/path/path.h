/* SPDX-License-Identifier: MIT */
/* The packet path, stage by stage: no allocation, lock, log line, clock reading or system call
 * here. Worker only. */
#ifndef RELAY_PATH_PATH_H
#define RELAY_PATH_PATH_H

#include <stdint.h>

#include "relay/packet/pkt.h"
#include "relay/worker/stream.h"

struct worker;
struct leg;

enum {
	PATH_TRIES_MAX = 11, /* of a packet: all guesses of a ROC under the key, and two under the
	                        previous one */
	PATH_PROVISIONAL_MAX = PKT_BATCH * 4, /* of a batch: beyond it guesses are left out */
};

/* Under which states a packet may verify, in order; nearly always one. */
struct path_tries {
	struct pkt
		*work; /* what the engine works on: the packet, or a copy of it (MODE_IN_VERIFY) */
	struct pkt *pristine; /* the octets as they came, when a second try may need them; the
	                         packet itself with VERIFY */
	uint8_t n, at;
	uint8_t verdict;  /* why it fails, should none of them verify */
	bool looks_clear; /* it can't be SRTP (relay/worker/unheard.h) */
	struct crypto *crypto[PATH_TRIES_MAX];
} __attribute__((aligned(64)));

/* Cryptographic state made for a packet of this batch that has not verified yet. */
struct path_provisional {
	struct crypto *crypto;
	const struct leg *leg;
	uint32_t ssrc;
};

struct batch {
	unsigned n;
	struct pkt *pkts[PKT_BATCH];
	struct path_tries tries[PKT_BATCH];
	struct pkt *work[PKT_BATCH]; /* of whichever stage runs: what it hands on (on the stack it
	                                would be zeroed each time) */
	unsigned n_provisional;
	struct path_provisional
		provisional[PATH_PROVISIONAL_MAX + PKT_BATCH]; /* and those that others supersede */
};

/*
 * fetch ─ classify ─ find ─ unprotect ─ commit ─ cross ─ outbound ─ protect ─ send ─ finish
 * Each skips packets that have a verdict. Replay, ROC and latch change in unprotect and commit, and
 * only there.
 */
void path_fetch(struct worker *w, struct batch *b,
                uint64_t now_ns); /* into the cache, what the others will ask for */
void path_classify(struct worker *w, struct batch *b, uint64_t now_ns); /* kind, header length */
void path_find(struct worker *w, struct batch *b,
               uint64_t now_ns); /* leg, latch, key, stream state to try */
void path_unprotect(struct worker *w, struct batch *b, uint64_t now_ns); /* verify, decrypt */
void path_commit(struct worker *w, struct batch *b,
                 uint64_t now_ns); /* keep what was learnt: stream, address, times */
void path_cross(struct worker *w, struct batch *b, uint64_t now_ns); /* peer leg, destination */
void path_outbound(struct worker *w, struct batch *b,
                   uint64_t now_ns); /* outbound stream, index, SSRC (RFC 3711 9.1), RTCP's SSRCs */
void path_protect(struct worker *w, struct batch *b, uint64_t now_ns);
void path_send(struct worker *w, struct batch *b, uint64_t now_ns);
void path_finish(struct worker *w, struct batch *b, uint64_t now_ns); /* count, give buffers back */

/* --- parts of find, unprotect and commit that deal in keys: relay/path/keys.c --- */

/* Fills the packet's tries, and copies what the engine may spoil. */
enum verdict path_find_keys(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns);
/* The packet failed under the state that its tries are at. */
void path_note_try(struct path_tries *t);
/* It failed under all of them: a run of failures of its stream, and of a leg that heard nothing
 * yet, are kept. */
void path_note_failure(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns);
/*
 * The state that verified becomes the stream's, and its other state under that key is ended. False:
 * one packet can't have been made under both.
 */
bool path_adopt(struct worker *w, struct batch *b, unsigned i, struct stream *s);

/* All stages in their order: the table in relay/path/path.c. */
void path_run(struct worker *w, struct batch *b, uint64_t now_ns);

#endif
