/* SPDX-License-Identifier: MIT */
/* Kinds of values that signalling's requests have beyond those of sessions. */
#ifndef CONTROL_RPC_TYPES_H
#define CONTROL_RPC_TYPES_H

#include "control/doc/schema.h"
#include "keyctx/suite.h"

/* A text that stays where it is, of any length the protocol lets through, and is never echoed: a
 * struct str. */
extern const struct schema_type rpc_slice_type;
/* A list of 1 to all suites by name. */
extern const struct schema_type rpc_suites_type;

struct rpc_suites {
	uint8_t n;
	uint8_t ids[SUITE_COUNT];
};

#endif
