/* SPDX-License-Identifier: MIT */
/* The keys that a session has used, and what would become of one that comes back. Control only. */
#ifndef RELAY_FRONT_KEY_HISTORY_H
#define RELAY_FRONT_KEY_HISTORY_H

#include "relay/front/accepted.h"
#include "relay/front/key_ledger.h"

/*
 * A key that a session has used, by its fingerprint: it must not start again from nothing, nor be
 * used in a second place. What the worker keeps of it (relay/worker/kept.h) follows from plans
 * alone, so control knows what state the worker still has.
 */
struct key_history_entry {
	uint64_t fingerprint;
	uint32_t context;   /* hash of suite, MKI and lifetime: with others it is no key that comes
	                       back */
	uint32_t left;      /* when it went out of use, by order; 0: it is in use */
	uint8_t media, leg; /* where it is, or is kept */
	bool is_send;
	bool is_gone; /* the worker keeps nothing of it */
};

/* The worker keeps this many keys that are out of use: those that left last. */
enum { KEY_HISTORY_KEPT_MAX = 16 };

/* By order of first use; one for each place. Starts zeroed but for hash_key. */
struct key_history {
	const uint8_t *hash_key; /* 16 random octets: fingerprints say nothing of the keys */
	struct key_history_entry *keys;
	unsigned n, room;
	uint32_t order;
};

/* A key that is new to the session; one that goes on where it was; one that is refused. */
enum key_history_fate { KEY_HISTORY_FRESH, KEY_HISTORY_KEPT, KEY_HISTORY_SPENT };

/* The key as the history has it, in no place yet. Its fingerprint is a keyed hash of master key and
 * salt: two keys for which keyctx_same_key holds have the same one. */
struct key_history_entry key_history_entry_of(const struct key_history *h, const struct keyctx *k,
                                              bool is_send);
/*
 * What becomes of a key that is to be used in that place. A send key is in one place of a session
 * at a time; a receive key may open what several forks send. `to`: what the session becomes, which
 * a key leaves that is in use elsewhere; NULL: that is not known. KEPT: *kept is where it is.
 */
enum key_history_fate key_history_look(const struct key_history *h, const struct accepted *to,
                                       const struct key_history_entry *wanted,
                                       const struct key_history_entry **kept);
/* Fingerprints of those that are no longer kept when `to` comes into force; *out is NULL when there
 * are none. ERR_NOMEM. */
enum err key_history_forget(const struct key_history *h, const struct accepted *to, uint64_t **out,
                            unsigned *n) MUST_USE;

/* Room for the keys of `a`, before its plan is sent; then key_history_settle can't fail.
 * ERR_NOMEM. */
enum err key_history_reserve(struct key_history *h, const struct accepted *a) MUST_USE;
/* `a` came into force: its keys are in use, others are not any more, and some are forgotten. */
void key_history_settle(struct key_history *h, const struct accepted *a, const uint64_t *forgotten,
                        unsigned n_forgotten);
void key_history_fini(struct key_history *h);

/*
 * The session's send keys in the ledger of all sessions, where the history is their owner. claim
 * takes those of `a`: ERR_KEY_USED, ERR_NOMEM; then, or when `a` does not come into force, withdraw
 * gives back those that were never used. end gives back all, when the session ends.
 */
enum err key_history_claim(const struct key_history *h, struct key_ledger *ledger,
                           const struct accepted *a, struct why *why) MUST_USE;
void key_history_withdraw(const struct key_history *h, struct key_ledger *ledger,
                          const struct accepted *a);
void key_history_end(const struct key_history *h, struct key_ledger *ledger);

#endif
