/* SPDX-License-Identifier: MIT */
/* What signalling servers use, put together: calls by their SDP, over the JSON protocol and over
 * ng. */
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

/* Adds offer, answer, reject, delete and mediasec to the JSON protocol, and listens where the
 * setting `ng` says. */
enum err signalling_new(struct signalling **out, struct loop *l, struct service *sv,
                        struct rpc *json, struct events *ev, const struct conf *conf,
                        struct why *why) MUST_USE;
/* Requests that wait are answered "closed": after the relay was stopped, before the JSON protocol,
 * the events and the service go. Takes NULL. */
void signalling_free(struct signalling *s);
/* "127.0.0.1:2223,[::1]:2223": where ng is spoken, with the ports the system chose; nothing when it
 * is not. */
void signalling_print(const struct signalling *s, struct buf *out);

/* The nth listener's address; none behind the last. */
struct addr signalling_listener(const struct signalling *s, unsigned nth);

/* For the table of settings. */
enum err signalling_check_ng(struct str value, struct why *why) MUST_USE;
enum err signalling_check_allow(struct str value, struct why *why) MUST_USE;

#endif
