/* SPDX-License-Identifier: MIT */
/* Signalling: sets up and ends calls from SDP, over the JSON protocol and over ng. */
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
/* One object per process. Control thread only. */
struct signalling;

/* All members are borrowed and must outlive the struct signalling. */
struct signalling_config {
	struct loop *loop;
	struct service *service;
	struct rpc *rpc;
	struct events *events;
	const struct conf *conf;
};

/* Adds offer, answer, reject, delete and mediasec to the JSON protocol, and listens for ng on the
 * addresses of the setting `ng`. ERR_NOMEM, ERR_IO, ERR_EXISTS. */
enum err signalling_new(struct signalling **out, const struct signalling_config *c,
                        struct why *why) MUST_USE;
/* Answers unfinished requests with ERR_CLOSED. Call it after relay_stop. Takes NULL. */
void signalling_free(struct signalling *s);
/* Appends the addresses of the ng listeners, "127.0.0.1:2223,[::1]:2223", with their real ports. */
void signalling_print(const struct signalling *s, struct buf *out);

/* The address of listener `nth`, counted from 0; all zero if there is no such listener. */
struct addr signalling_listener(const struct signalling *s, unsigned nth);

/* Check one value of the settings `ng` and `ng-allow`, for the table of settings. ERR_INVALID. */
enum err signalling_check_ng(struct str value, struct why *why) MUST_USE;
enum err signalling_check_allow(struct str value, struct why *why) MUST_USE;

#endif
