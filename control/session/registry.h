/* SPDX-License-Identifier: MIT */
/* The registry of sessions: finds them by id and lists them page by page. */
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

/* Only service writes it. */
struct registry_session {
	uint32_t slot;
	enum session_state state;
	struct spec_session *spec; /* what it is: full, with ports */
	const struct spec_session
		*next; /* what it becomes when the update under way succeeds; NULL */
	struct relay_permit *permitted; /* n_permitted of them: sources that control allowed legs to
	                                   learn, since the session began (service) */
	unsigned n_permitted;
	struct relay_session *relay;
	uint64_t created_wall_ns;
	bool is_ending; /* its delete waits for a delay: it does not count against sessions_max, and
	                   its ports are taken first when ports run short (service) */
	struct queue requests; /* for this session: one is under way (service) */
	struct past *past;     /* what access legs had before they left e2ae (service) */
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
/* Removes and frees it, with spec and attachment. */
void registry_remove(struct registry *r, struct registry_session *s);
size_t registry_count(const struct registry *r);

/* Walk: `uint32_t at = 0; while ((s = registry_next(r, &at)))`; `at` is a cursor that stays valid
 * while sessions are added and removed. */
struct registry_session *registry_next(const struct registry *r, uint32_t *at);

#endif
