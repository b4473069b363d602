/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4) and hexadecimal text. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* characters for n octets with padding, without the NUL */
#define B64_TEXT_LEN(n)   (((n) + 2) / 3 * 4)
#define B64_OCTETS_MAX(n) (((n) + 3) / 4 * 3) /* most octets that n characters can encode */

/* Writes B64_TEXT_LEN(n) characters (fewer without padding) and a NUL; `room` includes the NUL. */
enum err b64_encode(const void *octets, size_t n, bool pad, char *out, size_t room) MUST_USE;
/* Accepts no padding or correct padding; refuses blanks, line ends, and unused bits that are not
 * zero. ERR_SYNTAX; ERR_TOO_BIG: `room` is too small. On failure `out` may hold a part of the
 * octets: wipe it if they are secret. */
enum err b64_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

/* Writes 2n characters and a NUL. */
enum err hex_encode(const void *octets, size_t n, char *out, size_t room) MUST_USE;
enum err hex_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

#endif
