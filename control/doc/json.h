/* SPDX-License-Identifier: MIT */
/* JSON text to a doc and back (RFC 8259). */
#ifndef CONTROL_DOC_JSON_H
#define CONTROL_DOC_JSON_H

#include "base/buf.h"
#include "base/str.h"
#include "control/doc/doc.h"

/*
 * One JSON value of any kind. ERR_SYNTAX (with line and column in `why`, never the text),
 * ERR_TOO_BIG (depth, text length), ERR_NOMEM. A name twice in one object and a number beyond 64
 * bits are syntax errors. What the parser held in between is wiped.
 */
enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text,
                         struct why *why) MUST_USE;

/* Appends compact JSON without a line end; control characters escaped, so it is one line whatever
 * it holds. */
void doc_json_encode(struct buf *out, const struct doc *d);
/* The same, indented for people. */
void doc_json_print(struct buf *out, const struct doc *d);

#endif
