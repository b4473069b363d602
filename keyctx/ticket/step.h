/* SPDX-License-Identifier: MIT */
/* The transition tables of keyctx/ticket, side by side. */
#ifndef KEYCTX_TICKET_STEP_H
#define KEYCTX_TICKET_STEP_H

#include "keyctx/ticket/rules.h"

extern const struct step_table request_machine, resolve_machine, offer_machine, answer_machine,
	csb_machine, authority_machine;

#endif
