/* SPDX-License-Identifier: MIT */
/* The JSON control protocol: JSON-RPC 2.0, one message per line (docs/control-protocol.md). */
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

/* One object per process; serves any number of listeners. Control thread only. */
struct rpc;
/* A request that is not answered yet. Each request is answered once, and freed with that. */
struct rpc_request;

enum err rpc_new(struct rpc **out, struct service *sv, struct events *ev) MUST_USE;
/* Call it after every listener that uses `p` is freed. */
void rpc_free(struct rpc *p);

/* For listen_config.ops; listen_config.arg is the struct rpc. */
extern const struct listen_ops rpc_listen_ops;

/*
 * A method of the protocol. `params` is an object, possibly empty, and valid until `handle`
 * returns: copy what you keep. `handle`, or a callback that it starts, answers the request once.
 */
struct rpc_method {
	const char *name;
	void (*handle)(struct rpc_request *request, const struct doc *params);
	const char *help; /* what the method does */
};

/* Adds methods; `methods` is borrowed for the life of `p`. ERR_LIMIT: too many calls. */
enum err rpc_add_methods(struct rpc *p, const struct rpc_method *methods, size_t n,
                         void *user) MUST_USE;

/* For handlers. rpc_user returns the `user` that rpc_add_methods got with the method. */
struct service *rpc_service(const struct rpc_request *request);
void *rpc_user(const struct rpc_request *request);
/* Reads `params` by the table `s` into `out`. On failure answers the request with the error. */
enum err rpc_read(struct rpc_request *request, const struct schema *s, const struct doc *params,
                  void *out) MUST_USE;
/* The arena for the answer's values. rpc_answer and rpc_refuse empty it. */
struct doc_arena *rpc_arena(struct rpc_request *request);
/* Answers with `result`; frees the request. */
void rpc_answer(struct rpc_request *request, struct doc *result);
/* Answers with an error; frees the request. `why` NULL: the meaning of `e`. `fault` may be NULL. */
void rpc_refuse(struct rpc_request *request, enum err e, const struct why *why,
                const struct schema_fault *fault);

#endif
