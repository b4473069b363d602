/* SPDX-License-Identifier: MIT */
/* Bencode to a doc and back. ng messages have it after their cookie. */
#ifndef CONTROL_DOC_BENCODE_H
#define CONTROL_DOC_BENCODE_H

#include "base/buf.h"
#include "base/str.h"
#include "control/doc/doc.h"

/*
 * Decodes one value: `d…e`, `l…e`, `i…e` or `N:octets`. Copies strings into the arena. Keys may
 * come in any order and repeat: the tree has both, and doc_get finds the first. ERR_SYNTAX,
 * ERR_TRUNCATED (with the offset in `why`, never the text), ERR_TOO_BIG (depth, length of the
 * whole), ERR_NOMEM.
 */
enum err doc_bencode_decode(struct doc **out, struct doc_arena *a, struct str text,
                            struct why *why) MUST_USE;

/* Appends the value, keys in the order of the tree, as ng clients do. Null is an empty string,
 * bools are 0 and 1, reals their text. */
void doc_bencode_encode(struct buf *out, const struct doc *d);

#endif
