/* SPDX-License-Identifier: MIT */
/* Bencode to and from a JSON tree, over control/doc/bencode: signalling only, so that a copy of
 * each message does not matter to what is measured. */
#ifndef BENCH_TARGET_BENCODE_H
#define BENCH_TARGET_BENCODE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Appends `v` (object, array, string, integer, boolean as 0 or 1). Keys go out sorted, as bencode
 * asks. ERR_UNSUPPORTED for a real or null; ERR_NOMEM. */
enum err bencode_print(const json_t *v, struct buf *out) MUST_USE;
/* One whole value. ERR_SYNTAX (also a key of more than 255 octets or with a zero octet),
 * ERR_TRUNCATED, ERR_TOO_BIG (depth), ERR_NOMEM. New reference. */
enum err bencode_parse(json_t **out, struct str text) MUST_USE;

#endif
