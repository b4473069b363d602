/* SPDX-License-Identifier: MIT */
/* The difference between what a session is and what it is wanted to be, as a plan for its worker
 * (relay/msg.h). Control only. */
#ifndef RELAY_FRONT_PLAN_H
#define RELAY_FRONT_PLAN_H

#include "relay/front/key_history.h"
#include "relay/msg.h"

struct engine_ops;

/* What plans are made with. */
struct plan_context {
	const struct engine_ops *engine;
	const struct relay_config *config;
};

struct plan_ends {
	const struct accepted *from; /* NULL: nothing yet */
	const struct accepted *to;
	const struct key_history *history; /* of the session */
};

/* What turns one into the other, with all memory it takes. ERR_NOMEM, ERR_CRYPTO, ERR_REKEY. */
enum err plan_new(struct plan **out, const struct plan_context *c, const struct plan_ends *ends,
                  struct why *why) MUST_USE;
/* With everything in it: what was not carried out, or what came home. Takes NULL. */
void plan_free(const struct plan_context *c, struct plan *p);

#endif
