/* SPDX-License-Identifier: MIT */
/* Finds the end of an ng message in a TCP stream; ng has no length field and no separator. */
#ifndef CONTROL_NG_FRAME_H
#define CONTROL_NG_FRAME_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Writes the length of the message (cookie, blank, bencoded or JSON dictionary) at the start of
 * `data`. ERR_TRUNCATED: more octets are needed; ERR_SYNTAX: not an ng message; ERR_TOO_BIG: the
 * message is longer than NG_MESSAGE_MAX.
 */
enum err ng_frame_length(struct str data, size_t *out) MUST_USE;

#endif
