/* SPDX-License-Identifier: MIT */
/* The truth about sessions: which there are, what each is, in an order that pages. */
#ifndef CONTROL_SESSION_REGISTRY_H
#define CONTROL_SESSION_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"
#include "base/str.h"
#include "control/session/rekey_guard.h"
#include "control/session/spec.h"
#include "relay/relay.h"

/*
 *            create                 done                    delete            done
 *   (none) ─────────▶ CREATING ─────────────▶ STEADY ───────────────▶ DELETING ────▶ (none)
 *                        │ refused ▶ (none)     │  ▲
 *                                        update ▼  │ done
 *                                              UPDATING
 */
enum session_state { SESSION_CREATING, SESSION_STEADY, SESSION_UPDATING, SESSION_DELETING };

/* Written by service alone; others read. */
struct registry_session {
	uint32_t slot;
	enum session_state state;
	struct spec_session *spec;       /* what it is: full, with ports */
	const struct spec_session *next; /* what an update under way makes of it; NULL */
	struct relay_permit *permitted;  /* n_permitted of them: sources of our own, and those that
	                                    the judge of targets was asked about, which a leg may
	                                    have learnt; for the life of the session (service) */
	unsigned n_permitted;
	struct relay_session *relay;
	uint64_t created_wall_ns;
	bool is_ending; /* its end is settled, but for a while it goes on: it does not count, and
	                   its ports are the first to go (service) */
	struct queue requests; /* for this session: one is under way (service) */
	struct past *past;     /* access legs that left e2ae (service) */
	void *attached;        /* a protocol's own state of this session; freed with it */
	void (*attached_free)(void *attached);
};

struct registry;

enum err registry_new(struct registry **out) MUST_USE;
/* With every session still in it. */
void registry_free(struct registry *r);

struct registry_session *registry_find(const struct registry *r, struct str id);
/* Takes the spec, whose id is the session's. ERR_EXISTS, ERR_NOMEM: the spec stays the caller's. */
enum err registry_add_take(struct registry *r, struct spec_session *spec,
                           struct registry_session **out) MUST_USE;
/* Ends and frees it, spec and attachment too. */
void registry_remove(struct registry *r, struct registry_session *s);
size_t registry_count(const struct registry *r);

/* Walk: `uint32_t at = 0; while ((s = registry_next(r, &at)))`; `at` is a cursor that stays good
 * while sessions come and go. */
struct registry_session *registry_next(const struct registry *r, uint32_t *at);

#endif
