/* SPDX-License-Identifier: MIT */
/* Converts bencode to and from a JSON tree with control/doc/bencode. It serves signalling only,
 * where the extra copy of each message is cheap enough. */
#ifndef BENCH_TARGET_BENCODE_H
#define BENCH_TARGET_BENCODE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Appends `v` (object, array, string, integer, boolean as 0 or 1) as bencode, with keys sorted, as
 * bencode requires. ERR_UNSUPPORTED for a real or null; ERR_NOMEM. */
enum err bencode_print(const json_t *v, struct buf *out) MUST_USE;
/* Parses one whole value. ERR_SYNTAX (also a key of more than 255 octets or with a zero octet),
 * ERR_TRUNCATED, ERR_TOO_BIG (nested too deep), ERR_NOMEM. New reference in `*out`. */
enum err bencode_parse(json_t **out, struct str text) MUST_USE;

#endif
