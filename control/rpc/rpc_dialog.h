/* SPDX-License-Identifier: MIT */
/* Methods of the JSON protocol for signalling: offer, answer, reject, delete, and mediasec. */
#ifndef CONTROL_RPC_RPC_DIALOG_H
#define CONTROL_RPC_RPC_DIALOG_H

#include <stddef.h>

#include "control/dialog/dialog.h"
#include "control/rpc/rpc.h"
#include "control/doc/schema.h"

/* For proto_json_add_methods; `user` is the struct dialogs. */
extern const struct proto_json_method json_dialog_methods[];
extern const size_t json_dialog_methods_n;

/* What offer, answer, reject and delete take, for documentation and tests. */
extern const struct schema json_dialog_schema;

/* The method mediasec. */
void json_mediasec(struct proto_json_call *call, const struct doc *params);

#endif
