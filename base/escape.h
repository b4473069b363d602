/* SPDX-License-Identifier: MIT */
/* One way to show text that a peer chose: in log lines, audit lines and errors. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/str.h"

/* Copies `text` to `out` without a NUL, and returns how many octets it wrote, at most `room`.
 * `*used` is how many octets of `text` they show; an escape or a character is never cut.
 *
 * Printable UTF-8 stays as it is. Escapes are those of JSON (RFC 8259 7): \" \\ \n \r \t, and
 * \uXXXX for every other character that can end a line, move a cursor, turn the direction of text
 * or is invisible: C0, DEL, C1, U+2028, U+2029, bidirectional and zero-width controls. An octet
 * that is not UTF-8 becomes \ufffd. So the text is a valid JSON string between quotes. */
size_t escape_quoted(struct str text, char *out, size_t room, size_t *used);

/* Like escape_quoted, but leaves " and \ alone: for text that stands without quotes. Text that it
 * has escaped does not change when it is escaped again. */
size_t escape_bare(struct str text, char *out, size_t room, size_t *used);

/* Is the text not empty, and made of A-Z a-z 0-9 . _ : / @ + - [ ] % , only? Such a value needs no
 * quotes in a log line. */
bool escape_is_word(struct str text);

#endif
