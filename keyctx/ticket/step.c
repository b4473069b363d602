/* SPDX-License-Identifier: MIT */
/* Every machine of keyctx/ticket as a table: a row for each state, a column for each event. */
#include "keyctx/ticket/step.h"

#include "keyctx/ticket/responder.h"
#include "keyctx/ticket/authority.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"

#define MACHINE(id, prefix)                      \
	const struct step_table id##_machine = { \
		.name = #id,                     \
		.states = id##_states,           \
		.events = id##_events,           \
		.n_states = prefix##_STATES,     \
		.n_events = prefix##_EVENTS,     \
		.next = &id##_next[0][0],        \
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
MACHINE(request, REQUEST);

static const char *const resolve_states[] = {"SENT", "RESOLVED", "REFUSED"};
static const char *const resolve_events[] = {"response", "error"};
static const uint8_t resolve_next[RESOLVE_STATES][RESOLVE_EVENTS] = {
	[RESOLVE_SENT] =
		{[RESOLVE_ON_RESPONSE] = RESOLVE_RESOLVED, [RESOLVE_ON_ERROR] = RESOLVE_REFUSED},
	[RESOLVE_RESOLVED] = {NO, NO},
	[RESOLVE_REFUSED] = {NO, NO},
};
MACHINE(resolve, RESOLVE);

static const char *const offer_states[] = {"OPEN", "DONE", "CLOSED"};
static const char *const offer_events[] = {"response", "error", "close"};
static const uint8_t offer_next[OFFER_STATES][OFFER_EVENTS] = {
	[OFFER_OPEN] = {[OFFER_ON_RESPONSE] = OFFER_OPEN,
                        [OFFER_ON_ERROR] = OFFER_OPEN,
                        [OFFER_ON_CLOSE] = OFFER_CLOSED},
	[OFFER_DONE] = {[OFFER_ON_RESPONSE] = NO,
                        [OFFER_ON_ERROR] = OFFER_DONE,
                        [OFFER_ON_CLOSE] = OFFER_CLOSED},
	[OFFER_CLOSED] = {NO, NO, NO},
};
MACHINE(offer, OFFER);

static const char *const answer_states[] = {"READ", "KEYED", "ANSWERED", "REFUSED"};
static const char *const answer_events[] = {"open", "resolved", "reuse", "finish", "refuse"};
static const uint8_t answer_next[ANSWER_STATES][ANSWER_EVENTS] = {
	[ANSWER_READ] = {[ANSWER_ON_OPEN] = ANSWER_KEYED,
                         [ANSWER_ON_RESOLVED] = ANSWER_KEYED,
                         [ANSWER_ON_REUSE] = ANSWER_KEYED,
                         [ANSWER_ON_FINISH] = NO,
                         [ANSWER_ON_REFUSE] = ANSWER_REFUSED},
	[ANSWER_KEYED] = {[ANSWER_ON_OPEN] = NO,
                          [ANSWER_ON_RESOLVED] = NO,
                          [ANSWER_ON_REUSE] = NO,
                          [ANSWER_ON_FINISH] = ANSWER_ANSWERED,
                          [ANSWER_ON_REFUSE] = ANSWER_REFUSED},
	[ANSWER_ANSWERED] = {NO, NO, NO, NO, NO},
	[ANSWER_REFUSED] = {NO, NO, NO, NO, NO},
};
MACHINE(answer, ANSWER);

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
MACHINE(csb, CSB);

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
MACHINE(authority, AUTHORITY);

const struct step_table *const ticket_machines[] = {
	&request_machine, &resolve_machine, &offer_machine,
	&answer_machine,  &csb_machine,     &authority_machine,
};
const size_t ticket_machine_count = ARRAY_LEN(ticket_machines);
