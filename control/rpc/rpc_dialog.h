/* SPDX-License-Identifier: MIT */
/* The JSON methods for signalling: offer, answer, reject, delete and mediasec. */
#ifndef CONTROL_RPC_RPC_DIALOG_H
#define CONTROL_RPC_RPC_DIALOG_H

#include <stddef.h>

#include "control/dialog/dialog.h"
#include "control/rpc/rpc.h"
#include "control/doc/schema.h"

/* For rpc_add_methods, with the struct dialogs as `user`. */
extern const struct rpc_method rpc_dialog_methods[];
extern const size_t rpc_dialog_methods_n;

/* The params of offer, answer, reject and delete; for documentation and tests. */
extern const struct schema rpc_dialog_schema;

/* Handles the method mediasec. */
void rpc_mediasec(struct rpc_request *request, const struct doc *params);

#endif
