/* SPDX-License-Identifier: MIT */
/* Types of fields that only requests of signalling have. */
#ifndef CONTROL_RPC_TYPES_H
#define CONTROL_RPC_TYPES_H

#include "control/doc/schema.h"
#include "keyctx/suite.h"

/* A struct str that borrows the text, of any length; faults never show it. */
extern const struct schema_type rpc_slice_type;
/* A list of suites by name, at least one. */
extern const struct schema_type rpc_suites_type;

struct rpc_suites {
	uint8_t n;
	uint8_t ids[SUITE_COUNT];
};

#endif
