/* SPDX-License-Identifier: MIT */
/* Sends ng requests to a gateway over the fake relay, and waits for each reply. */
#ifndef TESTS_HARNESS_NG_SCENE_H
#define TESTS_HARNESS_NG_SCENE_H

#include "control/doc/json.h"
#include "control/ng/ng.h"
#include "tests/harness/gateway.h"

extern struct doc *told; /* the last reply; NULL: none */
extern char sdp[8192];   /* SDP of the last reply; "" if it had none */

/* Starts a gateway with these settings of calls; NULL: the defaults. */
void begin_ng(const struct call_settings *calls);
void end_ng(void);
/* Sends a request; `keys` is a JSON dictionary without its braces. True if the result is "ok". */
bool tell(const char *keys);
/* True if the text `key` of the reply contains `part`. */
bool reply_has(const char *key, const char *part);

#endif
