/* SPDX-License-Identifier: MIT */
/* What is wrong with a MIKEY message: the error number sent to the peer, the
 * offset, and a text for people. */
#ifndef KEYCTX_MIKEY_FAULT_H
#define KEYCTX_MIKEY_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Numbers of the ERR payload: RFC 3830 6.12, RFC 4738 4.2.1 (13), RFC 6043 6.9 (14, 15). */
enum mikey_error {
	MIKEY_E_AUTH = 0,
	MIKEY_E_TS = 1,
	MIKEY_E_PRF = 2,
	MIKEY_E_MAC = 3,
	MIKEY_E_EA = 4,
	MIKEY_E_HASH = 5,
	MIKEY_E_DH = 6,
	MIKEY_E_ID = 7,
	MIKEY_E_CERT = 8,
	MIKEY_E_SP = 9,
	MIKEY_E_SPPAR = 10,
	MIKEY_E_DT = 11,
	MIKEY_E_UNSPECIFIED = 12,
	MIKEY_E_UNSUPPORTED = 13,
	MIKEY_E_TICKET = 14,
	MIKEY_E_TPPAR = 15,
};

/* The first fault found. Undefined after ERR_OK. */
struct mikey_fault {
	enum mikey_error no;
	bool has_offset; /* `offset` is set: octets from the start of the message */
	size_t offset;
	struct why why; /* never holds key octets */
};

/* Fills `fault` (may be NULL) and returns `e`, so that a caller can fail in one statement. */
enum err mikey_fail(struct mikey_fault *fault, enum err e, enum mikey_error no, const char *fmt,
                    ...) PRINTF_LIKE(4, 5);
enum err mikey_fail_at(struct mikey_fault *fault, enum err e, enum mikey_error no, size_t offset,
                       const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Name of an error number, such as "Invalid TICKET"; "unknown error" for other numbers. */
const char *mikey_error_name(unsigned no);
/* What the number in an Error of the peer means, for people. */
const char *mikey_error_meaning(unsigned no);

#endif
