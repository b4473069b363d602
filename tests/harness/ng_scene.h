/* SPDX-License-Identifier: MIT */
/* Requests over ng to a gateway over the fake relay, each carried to its reply. */
#ifndef TESTS_HARNESS_NG_SCENE_H
#define TESTS_HARNESS_NG_SCENE_H

#include "control/doc/json.h"
#include "control/ng/ng.h"
#include "tests/harness/gateway.h"

extern struct doc *told; /* the reply to the last request; NULL: none */
extern char sdp[8192];   /* of the last reply; "" without one */

/* `calls`: other settings than the defaults, or NULL. */
void begin_ng(const struct call_settings *calls);
void end_ng(void);
/* `keys` is the inside of a JSON dictionary. True when the result is "ok". */
bool tell(const char *keys);
/* Does that text of the reply contain `part`? */
bool reply_has(const char *key, const char *part);

#endif
