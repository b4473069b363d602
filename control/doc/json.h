/* SPDX-License-Identifier: MIT */
/* Decodes JSON to a doc and encodes it (RFC 8259). */
#ifndef CONTROL_DOC_JSON_H
#define CONTROL_DOC_JSON_H

#include "base/buf.h"
#include "base/str.h"
#include "control/doc/doc.h"

/*
 * Decodes one JSON value of any kind. ERR_SYNTAX: `why` has line and column, never the text; also
 * for a repeated name in an object and an integer beyond 64 bits. ERR_TOO_BIG: nested too deep or
 * too long. ERR_NOMEM. The parser allocates from the arena, which is wiped by reset and free.
 */
enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text,
                         struct why *why) MUST_USE;

/* Appends `d` as compact JSON without any line break; control characters are escaped. */
void doc_json_encode(struct buf *out, const struct doc *d);
/* Like doc_json_encode, but with line breaks and indentation for people. */
void doc_json_print(struct buf *out, const struct doc *d);

#endif
