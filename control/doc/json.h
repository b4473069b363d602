/* SPDX-License-Identifier: MIT */
/* JSON text to a doc and back (RFC 8259). */
#ifndef CONTROL_DOC_JSON_H
#define CONTROL_DOC_JSON_H

#include "base/buf.h"
#include "base/str.h"
#include "control/doc/doc.h"

/*
 * Decodes one JSON value of any kind. ERR_SYNTAX, with line and column in `why` but never the text;
 * ERR_TOO_BIG (depth, length), ERR_NOMEM. A repeated name in an object and a number beyond 64 bits
 * are ERR_SYNTAX. The parser's memory is wiped with the arena.
 */
enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text,
                         struct why *why) MUST_USE;

/* Appends compact JSON on one line, without a line end: control characters are escaped. */
void doc_json_encode(struct buf *out, const struct doc *d);
/* As doc_json_encode, indented for readers. */
void doc_json_print(struct buf *out, const struct doc *d);

#endif
