/* SPDX-License-Identifier: MIT */
/* Reads MIKEY messages from files and standard input: raw octets, base64, hexadecimal, or an SDP
 * line that carries a message. */
#ifndef CMD_SLUICE_UE_INPUT_H
#define CMD_SLUICE_UE_INPUT_H

#include "base/buf.h"

/* Reads all of `path` ("-": standard input), at most 64 kB. ERR_IO, ERR_TOO_BIG, ERR_NOMEM. */
enum err input_read(struct buf *out, const char *path, struct why *why) MUST_USE;

/* Returns true if the octets are a session description: their first line is "v=0". */
bool input_is_description(struct view in);

/*
 * Decodes a message of any form. A message starts with version 1: the raw octet 01, "01" in
 * hexadecimal, "AQ" in base64. "a=key-mgmt:mikey" may precede it. Blanks and line ends in text are
 * ignored. ERR_SYNTAX.
 */
enum err input_octets(struct buf *out, struct view in, struct why *why) MUST_USE;

#endif
