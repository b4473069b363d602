/* SPDX-License-Identifier: MIT */
/* The step of a state machine, and the tables of keyctx/ticket: a row for each
 * state, a column for each event. */
#include "keyctx/ticket/step.h"

#include "keyctx/ticket/responder.h"
#include "keyctx/ticket/authority.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"

bool step_allows(const struct step_table *t, uint8_t state, unsigned event)
{
	return state < t->n_states && event < t->n_events &&
	       t->next[state * t->n_events + event] != STEP_NO;
}

enum err step_take(const struct step_table *t, uint8_t *state, unsigned event,
                   struct mikey_fault *fault)
{
	if (!step_allows(t, *state, event))
		return mikey_fail(fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED,
		                  "%s: event %s is not allowed in state %s", t->name,
		                  event < t->n_events ? t->events[event] : "?",
		                  *state < t->n_states ? t->states[*state] : "?");
	*state = t->next[*state * t->n_events + event];
	return ERR_OK;
}

#define STEP_TABLE(id, prefix)                 \
	const struct step_table id##_steps = { \
		.name = #id,                   \
		.states = id##_states,         \
		.events = id##_events,         \
		.n_states = prefix##_STATES,   \
		.n_events = prefix##_EVENTS,   \
		.next = &id##_next[0][0],      \
	}

enum { NO = STEP_NO };

static const char *const request_states[] = {"SENT", "GRANTED", "REFUSED"};
static const char *const request_events[] = {"response", "error"};
static const uint8_t request_next[REQUEST_STATES][REQUEST_EVENTS] = {
	[REQUEST_SENT] =
		{[REQUEST_ON_RESPONSE] = REQUEST_GRANTED, [REQUEST_ON_ERROR] = REQUEST_REFUSED},
	[REQUEST_GRANTED] = {NO, NO},
	[REQUEST_REFUSED] = {NO, NO},
};
STEP_TABLE(request, REQUEST);

static const char *const resolve_states[] = {"SENT", "RESOLVED", "REFUSED"};
static const char *const resolve_events[] = {"response", "error"};
static const uint8_t resolve_next[RESOLVE_STATES][RESOLVE_EVENTS] = {
	[RESOLVE_SENT] =
		{[RESOLVE_ON_RESPONSE] = RESOLVE_RESOLVED, [RESOLVE_ON_ERROR] = RESOLVE_REFUSED},
	[RESOLVE_RESOLVED] = {NO, NO},
	[RESOLVE_REFUSED] = {NO, NO},
};
STEP_TABLE(resolve, RESOLVE);

static const char *const initiator_states[] = {"OPEN", "DONE", "CLOSED"};
static const char *const initiator_events[] = {"response", "error", "close"};
static const uint8_t initiator_next[INITIATOR_STATES][INITIATOR_EVENTS] = {
	[INITIATOR_OPEN] = {[INITIATOR_ON_RESPONSE] = INITIATOR_OPEN,
                            [INITIATOR_ON_ERROR] = INITIATOR_OPEN,
                            [INITIATOR_ON_CLOSE] = INITIATOR_CLOSED},
	[INITIATOR_DONE] = {[INITIATOR_ON_RESPONSE] = NO,
                            [INITIATOR_ON_ERROR] = INITIATOR_DONE,
                            [INITIATOR_ON_CLOSE] = INITIATOR_CLOSED},
	[INITIATOR_CLOSED] = {NO, NO, NO},
};
STEP_TABLE(initiator, INITIATOR);

static const char *const responder_states[] = {"READ", "KEYED", "ANSWERED", "REFUSED"};
static const char *const responder_events[] = {"open", "resolved", "reuse", "finish", "refuse"};
static const uint8_t responder_next[RESPONDER_STATES][RESPONDER_EVENTS] = {
	[RESPONDER_READ] = {[RESPONDER_ON_OPEN] = RESPONDER_KEYED,
                            [RESPONDER_ON_RESOLVED] = RESPONDER_KEYED,
                            [RESPONDER_ON_REUSE] = RESPONDER_KEYED,
                            [RESPONDER_ON_FINISH] = NO,
                            [RESPONDER_ON_REFUSE] = RESPONDER_REFUSED},
	[RESPONDER_KEYED] = {[RESPONDER_ON_OPEN] = NO,
                             [RESPONDER_ON_RESOLVED] = NO,
                             [RESPONDER_ON_REUSE] = NO,
                             [RESPONDER_ON_FINISH] = RESPONDER_ANSWERED,
                             [RESPONDER_ON_REFUSE] = RESPONDER_REFUSED},
	[RESPONDER_ANSWERED] = {NO, NO, NO, NO, NO},
	[RESPONDER_REFUSED] = {NO, NO, NO, NO, NO},
};
STEP_TABLE(responder, RESPONDER);

static const char *const csb_states[] = {"UP", "WAITING"};
static const char *const csb_events[] = {"send", "send-final", "update", "response", "cancel"};
static const uint8_t csb_next[CSB_STATES][CSB_EVENTS] = {
	[CSB_UP] = {[CSB_ON_SEND] = CSB_WAITING,
                    [CSB_ON_SEND_FINAL] = CSB_UP,
                    [CSB_ON_UPDATE] = CSB_UP,
                    [CSB_ON_RESPONSE] = NO,
                    [CSB_ON_CANCEL] = NO},
	[CSB_WAITING] = {[CSB_ON_SEND] = NO,
                         [CSB_ON_SEND_FINAL] = NO,
                         [CSB_ON_UPDATE] = CSB_WAITING,
                         [CSB_ON_RESPONSE] = CSB_UP,
                         [CSB_ON_CANCEL] = CSB_UP},
};
STEP_TABLE(csb, CSB);

static const char *const authority_states[] = {"READ", "VERIFIED", "ANSWERED", "REFUSED"};
static const char *const authority_events[] = {"verify", "grant", "resolve", "relay", "refuse"};
static const uint8_t authority_next[AUTHORITY_STATES][AUTHORITY_EVENTS] = {
	[AUTHORITY_READ] = {[AUTHORITY_ON_VERIFY] = AUTHORITY_VERIFIED,
                            [AUTHORITY_ON_GRANT] = NO,
                            [AUTHORITY_ON_RESOLVE] = NO,
                            [AUTHORITY_ON_RELAY] = NO,
                            [AUTHORITY_ON_REFUSE] = AUTHORITY_REFUSED},
	[AUTHORITY_VERIFIED] = {[AUTHORITY_ON_VERIFY] = NO,
                                [AUTHORITY_ON_GRANT] = AUTHORITY_ANSWERED,
                                [AUTHORITY_ON_RESOLVE] = AUTHORITY_ANSWERED,
                                [AUTHORITY_ON_RELAY] = AUTHORITY_ANSWERED,
                                [AUTHORITY_ON_REFUSE] = AUTHORITY_REFUSED},
	[AUTHORITY_ANSWERED] = {NO, NO, NO, NO, NO},
	[AUTHORITY_REFUSED] = {NO, NO, NO, NO, NO},
};
STEP_TABLE(authority, AUTHORITY);

const struct step_table *const ticket_step_tables[] = {
	&request_steps,   &resolve_steps, &initiator_steps,
	&responder_steps, &csb_steps,     &authority_steps,
};
const size_t ticket_step_table_count = ARRAY_LEN(ticket_step_tables);
