/* SPDX-License-Identifier: MIT */
/* Decodes bencode to a doc and encodes it. An ng message has bencode after its cookie. */
#ifndef CONTROL_DOC_BENCODE_H
#define CONTROL_DOC_BENCODE_H

#include "base/buf.h"
#include "base/str.h"
#include "control/doc/doc.h"

/*
 * Decodes one value: `d…e`, `l…e`, `i…e` or `N:octets`. Copies strings into the arena. Keys of a
 * dictionary may have any order. A key may repeat: the doc has all its values, and doc_get finds
 * the first. ERR_SYNTAX, ERR_TRUNCATED: `why` has the offset, never the text; ERR_TOO_BIG: nested
 * too deep, too many keys or too long; ERR_NOMEM.
 */
enum err doc_bencode_decode(struct doc **out, struct doc_arena *a, struct str text,
                            struct why *why) MUST_USE;

/* Appends the value as bencode; keys keep the order of the doc, as ng clients do it. Null becomes
 * an empty string, a bool 0 or 1, a real a string of digits. */
void doc_bencode_encode(struct buf *out, const struct doc *d);

#endif
