/* SPDX-License-Identifier: MIT */
/* The packet path, stage by stage. No stage allocates, locks, logs, reads a clock or makes a
 * syscall; only back ends make syscalls. Worker only. */
#ifndef RELAY_PATH_PATH_H
#define RELAY_PATH_PATH_H

#include <stdint.h>

#include "relay/packet/pkt.h"
#include "relay/worker/stream.h"

struct worker;
struct leg;

enum {
	/* maximum number of states tried for a packet: nine under the key (ROC_GUESSES_MAX) and two
	 * under the previous key */
	PATH_TRIES_MAX = 11,
	/* maximum number of provisional states of a batch; further guesses are not tried */
	PATH_PROVISIONAL_MAX = PKT_BATCH * 4,
};

/* The crypto states that a packet may verify under, in order; nearly always there is one. */
struct path_tries {
	/* what the engine works on: the packet, or a copy of it (MODE_IN_VERIFY) */
	struct pkt *work;
	/* the original octets, if a second try may need them; MODE_IN_VERIFY: the packet */
	struct pkt *pristine;
	uint8_t n, at;
	uint8_t verdict;  /* the packet's verdict if every try fails */
	bool looks_clear; /* the packet cannot be SRTP (relay/worker/unheard.h) */
	struct crypto *crypto[PATH_TRIES_MAX];
} __attribute__((aligned(64)));

/* Crypto state made for a packet of this batch; no packet has verified under it yet. */
struct path_provisional {
	struct crypto *crypto;
	const struct leg *leg;
	uint32_t ssrc;
};

struct batch {
	unsigned n;
	struct pkt *pkts[PKT_BATCH];
	struct path_tries tries[PKT_BATCH];
	/* scratch space of the running stage; on the stack it would be zeroed each time */
	struct pkt *work[PKT_BATCH];
	unsigned n_provisional;
	/* the last PKT_BATCH entries are for superseded states */
	struct path_provisional provisional[PATH_PROVISIONAL_MAX + PKT_BATCH];
};

/*
 * The stages, in order:
 * fetch ─ classify ─ find ─ unprotect ─ commit ─ cross ─ outbound ─ protect ─ send ─ finish
 * A stage skips packets that have a verdict. Only unprotect and commit change what is known of the
 * peer: replay windows and ROCs of inbound streams, and latches.
 */
/* Prefetches what the other stages read. */
void path_fetch(struct worker *w, struct batch *b, uint64_t now_ns);
/* Sets kind and header length. */
void path_classify(struct worker *w, struct batch *b, uint64_t now_ns);
/* Finds leg, key and stream states to try; checks the source against the latch. */
void path_find(struct worker *w, struct batch *b, uint64_t now_ns);
/* Verifies and decrypts. */
void path_unprotect(struct worker *w, struct batch *b, uint64_t now_ns);
/* Keeps what an accepted packet teaches: stream, address, times. */
void path_commit(struct worker *w, struct batch *b, uint64_t now_ns);
/* Finds the joined leg and the destination. */
void path_cross(struct worker *w, struct batch *b, uint64_t now_ns);
/* Chooses outbound stream, index and SSRC (RFC 3711 9.1); rewrites SSRCs in RTCP. */
void path_outbound(struct worker *w, struct batch *b, uint64_t now_ns);
void path_protect(struct worker *w, struct batch *b, uint64_t now_ns);
void path_send(struct worker *w, struct batch *b, uint64_t now_ns);
/* Counts verdicts, returns buffers. */
void path_finish(struct worker *w, struct batch *b, uint64_t now_ns);

/* --- keys: parts of find, unprotect and commit, in relay/path/keys.c -------- */

/* Fills the packet's tries; copies what the engine may overwrite. */
enum verdict path_find_keys(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns);
/* Records that the packet failed under the present try. */
void path_note_try(struct path_tries *t);
/* Records that the packet failed under every try: counts failures in a row of its stream, and
 * diagnoses a leg on which nothing has verified yet. */
void path_note_failure(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns);
/* The state that verified becomes the stream's state; the stream's other state under that key ends.
 * False: the two states cannot be merged, so the packet is refused. */
bool path_adopt(struct worker *w, struct batch *b, unsigned i, struct stream *s);

/* Runs all stages in order (relay/path/path.c). */
void path_run(struct worker *w, struct batch *b, uint64_t now_ns);

#endif
