/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4) and hexadecimal text. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define B64_TEXT_LEN(n)   (((n) + 2) / 3 * 4) /* characters for n octets, padded, without a NUL */
#define B64_OCTETS_MAX(n) (((n) + 3) / 4 * 3) /* octets that n characters can hold at most */

/* Writes a NUL-terminated text of B64_TEXT_LEN(n) characters (fewer without padding); `room` counts
 * the NUL. */
enum err b64_encode(const void *octets, size_t n, bool pad, char *out, size_t room) MUST_USE;
/*
 * Padding is optional, wrong padding is not; no blanks or line ends; unused bits must be zero.
 * ERR_SYNTAX, or ERR_TOO_BIG when `room` is short. May leave partial octets in `out` on failure:
 * wipe it if it was a key.
 */
enum err b64_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

/* 2n characters and a NUL. */
enum err hex_encode(const void *octets, size_t n, char *out, size_t room) MUST_USE;
enum err hex_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

#endif
