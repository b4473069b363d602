/* SPDX-License-Identifier: MIT */
/* The keys that a session has used, and what happens when a key is offered again. Control only. */
#ifndef RELAY_FRONT_KEY_HISTORY_H
#define RELAY_FRONT_KEY_HISTORY_H

#include "relay/front/accepted.h"
#include "relay/front/key_ledger.h"

/* A key that a session has used, by its fingerprint. The key must not restart at index 0, and a
 * send key must not be used on a second leg. What the worker keeps of the key (relay/worker/kept.h)
 * follows from the plans, so control knows which state the worker has. */
struct key_history_entry {
	uint64_t fingerprint;
	/* hash of suite, MKI and lifetime; a key is used again only if these are equal */
	uint32_t context;
	uint32_t left;      /* running number, given when the key left use; 0: in use */
	uint8_t media, leg; /* the leg that uses the key, or where the worker keeps it */
	bool is_send;
	bool is_gone; /* the worker no longer keeps the key's state */
};

/* Maximum number of unused keys of a session that a worker keeps; it keeps those that left use
 * last. */
enum { KEY_HISTORY_KEPT_MAX = 16 };

/* The keys in order of first use, with one entry for each leg and direction of a key. Set hash_key
 * and zero the rest. */
struct key_history {
	/* 16 random octets, so that fingerprints reveal nothing about the keys */
	const uint8_t *hash_key;
	struct key_history_entry *keys;
	unsigned n, room;
	uint32_t order;
};

/* FRESH: new to the session. KEPT: used before, and it continues. SPENT: used before, and it is
 * refused. */
enum key_history_fate { KEY_HISTORY_FRESH, KEY_HISTORY_KEPT, KEY_HISTORY_SPENT };

/* An entry for the key; media and leg are not set. The fingerprint is a keyed hash of master key
 * and salt: it is equal for keys that keyctx_same_key calls the same. */
struct key_history_entry key_history_entry_of(const struct key_history *h, const struct keyctx *k,
                                              bool is_send);
/*
 * What happens to a key that is wanted on the entry's leg. A session uses a send key on one leg at
 * a time. It may use a receive key on several legs, because forks may send under one key. `to`: the
 * wanted session, which shows whether the key leaves another leg; NULL: not known. KEPT: sets *kept
 * to the existing entry.
 */
enum key_history_fate key_history_look(const struct key_history *h, const struct accepted *to,
                                       const struct key_history_entry *wanted,
                                       const struct key_history_entry **kept);
/* The fingerprints of keys that are no longer kept once `to` is applied; *out is NULL if there
 * are none. ERR_NOMEM. */
enum err key_history_forget(const struct key_history *h, const struct accepted *to, uint64_t **out,
                            unsigned *n) MUST_USE;

/* Makes room for the keys of `a`. Call it before the plan is sent; key_history_settle then
 * cannot fail. ERR_NOMEM. */
enum err key_history_reserve(struct key_history *h, const struct accepted *a) MUST_USE;
/* Call it after `a` was applied: marks its keys as in use, other keys as left, and the forgotten
 * ones as gone. */
void key_history_settle(struct key_history *h, const struct accepted *a, const uint64_t *forgotten,
                        unsigned n_forgotten);
void key_history_fini(struct key_history *h);

/* The session's send keys in the ledger of all sessions; the history is their owner.
 * key_history_claim claims the send keys of `a`: ERR_KEY_USED, ERR_NOMEM. Call key_history_withdraw
 * after a failed claim, or when `a` was not applied: it releases the keys that were never used.
 * Call key_history_end when the session ends: it releases all. */
enum err key_history_claim(const struct key_history *h, struct key_ledger *ledger,
                           const struct accepted *a, struct why *why) MUST_USE;
void key_history_withdraw(const struct key_history *h, struct key_ledger *ledger,
                          const struct accepted *a);
void key_history_end(const struct key_history *h, struct key_ledger *ledger);

#endif
