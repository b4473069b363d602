/* SPDX-License-Identifier: MIT */
/* Schema types that only the methods for signalling use. */
#ifndef CONTROL_RPC_TYPES_H
#define CONTROL_RPC_TYPES_H

#include "control/doc/schema.h"
#include "keyctx/suite.h"

/* A struct str that borrows the doc's text, of any length but not empty; faults never show it. */
extern const struct schema_type rpc_slice_type;
/* A struct rpc_suites: a JSON list of at least one suite name. */
extern const struct schema_type rpc_suites_type;

struct rpc_suites {
	uint8_t n;                /* 0: the field was not given */
	uint8_t ids[SUITE_COUNT]; /* enum suite_id, in the order of the list */
};

#endif
