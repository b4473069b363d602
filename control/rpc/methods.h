/* SPDX-License-Identifier: MIT */
/* Methods for sessions, events and the process; rpc_user returns the struct events. */
#ifndef CONTROL_RPC_METHODS_H
#define CONTROL_RPC_METHODS_H

#include <stddef.h>

#include "control/rpc/rpc.h"

extern const struct rpc_method rpc_methods[];
extern const size_t rpc_methods_n;

/* The connection that the request came from. */
struct listen_conn *rpc_request_conn(const struct rpc_request *request);
/* Milliseconds since rpc_new. */
uint64_t rpc_request_uptime_ms(const struct rpc_request *request);

#endif
