/* SPDX-License-Identifier: MIT */
/* The methods of the JSON protocol that this gateway always has; user: its struct events. */
#ifndef CONTROL_RPC_METHODS_H
#define CONTROL_RPC_METHODS_H

#include <stddef.h>

#include "control/rpc/rpc.h"

extern const struct proto_json_method json_methods[];
extern const size_t json_methods_n;

/* The peer that asked: events go there. */
struct listen_conn *json_call_conn(const struct proto_json_call *call);
uint64_t json_call_uptime_ms(const struct proto_json_call *call);

#endif
