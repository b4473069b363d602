/* SPDX-License-Identifier: MIT */
/* State machines as tables: the type of a table, one step, and the tables of keyctx/ticket. */
#ifndef KEYCTX_TICKET_STEP_H
#define KEYCTX_TICKET_STEP_H

#include <stdint.h>

#include "keyctx/mikey/fault.h"

/* next[state * n_events + event] is the next state, or STEP_NO where the event is not allowed. */
struct step_table {
	const char *name;
	const char *const *states, *const *events;
	unsigned n_states, n_events;
	const uint8_t *next;
};

enum { STEP_NO = 0xff };

/* Moves `*state` to the next state. ERR_WRONG_STATE: the event is not allowed in this state;
 * `*state` does not change. */
enum err step_take(const struct step_table *t, uint8_t *state, unsigned event,
                   struct mikey_fault *fault) MUST_USE;
/* Returns true if step_take would succeed. */
bool step_allows(const struct step_table *t, uint8_t state, unsigned event);

extern const struct step_table request_steps, resolve_steps, initiator_steps, responder_steps,
	csb_steps, authority_steps;

/* All tables above, for tests that try every event in every state. */
extern const struct step_table *const ticket_step_tables[];
extern const size_t ticket_step_table_count;

#endif
