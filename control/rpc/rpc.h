/* SPDX-License-Identifier: MIT */
/* The JSON control protocol: JSON-RPC 2.0, one message on a line (docs/control-protocol.md). */
#ifndef CONTROL_RPC_RPC_H
#define CONTROL_RPC_RPC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/doc/doc.h"
#include "control/session/events.h"
#include "control/net/listen.h"
#include "control/session/service.h"

enum { RPC_VERSION = 1, RPC_LINE_MAX = 256 * 1024 };

/* One for the process, over any number of listeners. Control only. */
struct rpc;
/* A request under way; answered once. */
struct rpc_request;

enum err rpc_new(struct rpc **out, struct service *sv, struct events *ev) MUST_USE;
/* After every listener that used it. */
void rpc_free(struct rpc *p);

/* For listen_config; `arg` is the rpc. */
extern const struct listen_ops rpc_listen_ops;

/*
 * A method of the protocol. `params` is an object, perhaps empty, that lives until the
 * handler returns: copy what you keep. The handler, or what it started, answers the request once.
 */
struct rpc_method {
	const char *name;
	void (*handle)(struct rpc_request *request, const struct doc *params);
	const char *help;
};

/* Adds methods, which live as long as the rpc. ERR_LIMIT. */
enum err rpc_add_methods(struct rpc *p, const struct rpc_method *methods, size_t n,
                         void *user) MUST_USE;

/* For handlers. `user` is what rpc_add_methods got. */
struct service *rpc_service(const struct rpc_request *request);
void *rpc_user(const struct rpc_request *request);
/* Reads params by a table. On failure it answers the request and returns the error. */
enum err rpc_read(struct rpc_request *request, const struct schema *s, const struct doc *params,
                  void *out) MUST_USE;
/* An empty arena for the answer, valid until it is sent. */
struct doc_arena *rpc_arena(struct rpc_request *request);
void rpc_answer(struct rpc_request *request, struct doc *result);
/* `fault` may be NULL. */
void rpc_refuse(struct rpc_request *request, enum err e, const struct why *why,
                const struct schema_fault *fault);

#endif
