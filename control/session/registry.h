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

/* A session. Only the service (control/session/service.h) changes it. */
struct registry_session {
	uint32_t slot;
	enum session_state state;
	struct spec_session *spec;       /* owned; the present content, a full spec with ports */
	const struct spec_session *next; /* the content after the update under way; NULL: none */
	/* n_permitted sources that legs were allowed to learn since the session began */
	struct relay_permit *permitted;
	unsigned n_permitted;
	struct relay_session *relay;
	uint64_t created_wall_ns;
	/* the session's delete waits for a delay: the session does not count against sessions_max
	 * and is deleted first when ports run out */
	bool is_ending;
	struct queue requests; /* struct service_request of this session */
	struct past *past;     /* control/session/rekey_guard.h */
	void *attached;        /* signalling's state; attached_free gets it when the session ends */
	void (*attached_free)(void *attached);
};

struct registry;

enum err registry_new(struct registry **out) MUST_USE;
/* Frees the registry and all its sessions. */
void registry_free(struct registry *r);

struct registry_session *registry_find(const struct registry *r, struct str id);
/* Adds a session with the id of `spec` and takes ownership of `spec`. After ERR_EXISTS or ERR_NOMEM
 * the caller still owns `spec`. */
enum err registry_add_take(struct registry *r, struct spec_session *spec,
                           struct registry_session **out) MUST_USE;
/* Removes the session and frees it, its spec and its attachment. */
void registry_remove(struct registry *r, struct registry_session *s);
size_t registry_count(const struct registry *r);

/* Walk: `uint32_t at = 0; while ((s = registry_next(r, &at)))`; `at` is a cursor that stays valid
 * while sessions are added and removed. */
struct registry_session *registry_next(const struct registry *r, uint32_t *at);

#endif
