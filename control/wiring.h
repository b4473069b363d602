/* SPDX-License-Identifier: MIT */
/* Signalling: calls by their SDP, over the JSON protocol and over ng. */
#ifndef CONTROL_WIRING_H
#define CONTROL_WIRING_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/conf.h"
#include "control/rpc/rpc.h"
#include "control/session/service.h"

struct events;
struct loop;
/* One for the process. Control only. */
struct signalling;

/* All members are borrowed and must outlive it. */
struct signalling_config {
	struct loop *loop;
	struct service *service;
	struct rpc *rpc;
	struct events *events;
	const struct conf *conf;
};

/* Adds offer, answer, reject, delete and mediasec to the JSON protocol, and listens where the
 * setting `ng` says. */
enum err signalling_new(struct signalling **out, const struct signalling_config *c,
                        struct why *why) MUST_USE;
/* Answers requests under way with ERR_CLOSED. Call it after relay_stop. Takes NULL. */
void signalling_free(struct signalling *s);
/* Writes where ng listens, "127.0.0.1:2223,[::1]:2223", with the ports that the system chose. */
void signalling_print(const struct signalling *s, struct buf *out);

/* The address of the nth listener; none after the last. */
struct addr signalling_listener(const struct signalling *s, unsigned nth);

/* For the table of settings. */
enum err signalling_check_ng(struct str value, struct why *why) MUST_USE;
enum err signalling_check_allow(struct str value, struct why *why) MUST_USE;

#endif
