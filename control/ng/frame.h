/* SPDX-License-Identifier: MIT */
/* Where an ng message ends in a stream of octets: nothing but its own syntax says so. */
#ifndef CONTROL_NG_FRAME_H
#define CONTROL_NG_FRAME_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Length of the message (cookie, blank, bencoded or JSON dictionary) at the start of `data`.
 * ERR_TRUNCATED: more octets are needed; ERR_SYNTAX: it can't become one; ERR_TOO_BIG: above
 * NG_MESSAGE_MAX.
 */
enum err ng_frame_length(struct str data, size_t *out) MUST_USE;

#endif
