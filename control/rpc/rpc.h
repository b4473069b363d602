/* SPDX-License-Identifier: MIT */
/* The JSON control protocol: JSON-RPC 2.0, one message a line (docs/control-protocol.md). */
#ifndef CONTROL_RPC_RPC_H
#define CONTROL_RPC_RPC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/doc/doc.h"
#include "control/session/events.h"
#include "control/net/listen.h"
#include "control/session/service.h"

enum { PROTO_JSON_VERSION = 1, PROTO_JSON_LINE_MAX = 256 * 1024 };

/* One for the process, over any number of listeners. Control only. */
struct proto_json;
/* A request on its way; answered once. */
struct proto_json_call;

enum err proto_json_new(struct proto_json **out, struct service *sv, struct events *ev) MUST_USE;
/* After every listener that used it. */
void proto_json_free(struct proto_json *p);

/* For listen_config: `arg` is the proto_json. */
extern const struct listen_ops proto_json_listen_ops;

/*
 * A method of the protocol. `params` is an object, perhaps empty, that lives for the call; what is
 * kept is copied. The handler, or what it started, answers the call once.
 */
struct proto_json_method {
	const char *name;
	void (*handle)(struct proto_json_call *call, const struct doc *params);
	const char *help;
};

/* Further methods, of other files: they live as long as the protocol. ERR_NOMEM. */
enum err proto_json_add_methods(struct proto_json *p, const struct proto_json_method *methods,
                                size_t n, void *user) MUST_USE;

/* What a handler works with. */
struct service *proto_json_service(const struct proto_json_call *call);
void *proto_json_user(const struct proto_json_call *call);
/* Reads params by a table; on failure the call is answered and the result is not ERR_OK. */
enum err proto_json_read(struct proto_json_call *call, const struct schema *s,
                         const struct doc *params, void *out) MUST_USE;
/* An arena for the answer, empty; good until the answer. */
struct doc_arena *proto_json_arena(struct proto_json_call *call);
void proto_json_answer(struct proto_json_call *call, struct doc *result);
/* `fault` may be NULL. */
void proto_json_refuse(struct proto_json_call *call, enum err e, const struct why *why,
                       const struct schema_fault *fault);

#endif
