/* SPDX-License-Identifier: MIT */
/* Control's side of a session: what it is wanted to be, and the difference to what it is, as a plan
 * for its worker. Control only. */
#ifndef RELAY_FRONT_PLAN_H
#define RELAY_FRONT_PLAN_H

#include "relay/front/key_ledger.h"
#include "relay/worker/session.h"

/* A deep copy of a session's spec, keys included, no larger than it must be. */
struct shadow_media {
	enum relay_mode mode;
	bool is_video;
	uint8_t n_legs, active;
	struct relay_leg_spec legs[]; /* keys are owned */
};

struct shadow {
	void *owner;
	uint32_t setup_timeout_ms;
	uint8_t n_media;
	struct shadow_media *media[];
};

/*
 * A key that a session has used, by its fingerprint: it must not start again from nothing, nor be
 * used in a second place. What the worker keeps of it (relay/worker/kept.h) follows from plans
 * alone, so that control knows what a key would find.
 */
struct used_key {
	uint64_t fingerprint;
	uint32_t context;   /* hash of suite, MKI and lifetime: with others it is no key that comes
	                       back */
	uint32_t left;      /* when it went out of use, by order; 0: it is in use */
	uint8_t media, leg; /* where it is, or is kept */
	bool is_send;
	bool is_gone; /* nothing is kept of it any more */
};

/* So many that are out of use are kept: those that left last. */
enum { USED_KEPT_MAX = 16 };

/* By order of first use; one for each place. */
struct used_keys {
	struct used_key *keys;
	unsigned n, room;
	uint32_t order;
};

/* A key that is new to the session; one that goes on where it was; one that is refused. */
enum used_fate { USED_FRESH, USED_KEPT, USED_SPENT };

/* What plans are made with. */
struct plan_context {
	const struct engine_ops *engine;
	const struct relay_config *config;
	const uint8_t *hash_key; /* 16 random octets: fingerprints say nothing of the keys */
};

/*
 * Checks the spec and copies it. ERR_INVALID, ERR_RANGE: `why` names media, leg and field;
 * ERR_NOMEM.
 */
enum err shadow_new(struct shadow **out, const struct plan_context *c,
                    const struct relay_session_spec *spec, struct why *why) MUST_USE;
/* Wipes the keys. Takes NULL. */
void shadow_free(struct shadow *s);

/* What turns `from` (NULL: nothing yet) into `to`, with all memory it takes. ERR_NOMEM, ERR_CRYPTO,
 * ERR_REKEY. `used` is read. */
enum err plan_new(struct plan **out, const struct plan_context *c, const struct shadow *from,
                  const struct shadow *to, const struct used_keys *used, struct why *why) MUST_USE;
/* With everything in it: what was not carried out, or what came home. Takes NULL. */
void plan_free(const struct plan_context *c, struct plan *p);

/* A keyed hash of master key and salt: two keys for which keyctx_same_key holds have the same one.
 */
uint64_t used_keys_print(const struct plan_context *c, const struct keyctx *k);
/* The key as used_keys has it, in no place yet. */
struct used_key used_keys_of(const struct plan_context *c, const struct keyctx *k, bool is_send);
/*
 * What becomes of a key that is to be used in that place. A send key is in one place of a session
 * at a time; a receive key may open what several forks send. `to`: what the session becomes, which
 * a key leaves that is in use elsewhere; NULL: that is not known. KEPT: *kept is where it is.
 */
enum used_fate used_keys_look(const struct used_keys *u, const struct plan_context *c,
                              const struct shadow *to, const struct used_key *wanted,
                              const struct used_key **kept);
/* Fingerprints of those that are no longer kept when `to` comes into force; *out is NULL when there
 * are none. ERR_NOMEM. */
enum err used_keys_forget(const struct used_keys *u, const struct plan_context *c,
                          const struct shadow *to, uint64_t **out, unsigned *n) MUST_USE;

/* Room for the keys of a shadow, before its plan is sent; then remembering them can't fail.
 * ERR_NOMEM. */
enum err used_keys_reserve(struct used_keys *u, const struct shadow *s) MUST_USE;
/* Its keys are in use, others are not any more, and some are forgotten: it came into force. */
void used_keys_settle(struct used_keys *u, const struct plan_context *c, const struct shadow *s,
                      const uint64_t *forgotten, unsigned n_forgotten);
void used_keys_fini(struct used_keys *u);

/* The send keys of a shadow become the session's own among all sessions. ERR_KEY_USED, ERR_NOMEM;
 * then, or when the shadow does not come into force, sent_keys_withdraw gives back those that were
 * never used. sent_keys_end gives back all, when the session ends. */
enum err sent_keys_claim(struct sent *sent, const struct plan_context *c, const struct shadow *s,
                         const void *owner, struct why *why) MUST_USE;
void sent_keys_withdraw(struct sent *sent, const struct plan_context *c, const struct shadow *s,
                        const struct used_keys *used, const void *owner);
void sent_keys_end(struct sent *sent, const struct used_keys *used, const void *owner);

/* "a" "b" "b2" …, as people call a leg. */
const char *plan_leg_name(unsigned leg);

/* Frees a session's memory when its worker has done with it. */
void session_free(const struct plan_context *c, struct session *s);

#endif
