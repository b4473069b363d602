/* SPDX-License-Identifier: MIT */
/* Makes the plan that changes a session from its present state to the wanted one
 * (relay/msg.h). Control only. */
#ifndef RELAY_FRONT_PLAN_H
#define RELAY_FRONT_PLAN_H

#include "relay/front/key_history.h"
#include "relay/msg.h"

struct engine_ops;

/* What plan_new needs to know of the crew. */
struct plan_context {
	const struct engine_ops *engine;
	const struct relay_config *config;
};

struct plan_ends {
	const struct accepted *from; /* NULL: the session is new */
	const struct accepted *to;
	const struct key_history *history; /* the keys that the session has used */
};

/* Makes a plan with all the memory it needs. ERR_NOMEM, ERR_CRYPTO, ERR_REKEY. */
enum err plan_new(struct plan **out, const struct plan_context *c, const struct plan_ends *ends,
                  struct why *why) MUST_USE;
/* Frees a plan and all memory in it: what the worker did not take, and what it returned. NULL is
 * allowed. */
void plan_free(const struct plan_context *c, struct plan *p);

#endif
