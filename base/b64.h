/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4) and hexadecimal text. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* number of characters for n octets, with padding, without the NUL */
#define B64_TEXT_LEN(n) (((n) + 2) / 3 * 4)
/* maximum number of octets that n characters encode */
#define B64_OCTETS_MAX(n) (((n) + 3) / 4 * 3)

/* Writes B64_TEXT_LEN(n) characters (fewer without padding) and a NUL; `room` includes the NUL. */
enum err b64_encode(const void *octets, size_t n, bool pad, char *out, size_t room) MUST_USE;
/* Decodes text with correct padding or without padding. Refuses blanks, line ends, and unused bits
 * that are not zero. Returns ERR_SYNTAX, or ERR_TOO_BIG if `room` is too small. On failure `out`
 * may hold some of the octets: wipe it if they are secret. */
enum err b64_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

/* Writes 2n characters and a NUL. */
enum err hex_encode(const void *octets, size_t n, char *out, size_t room) MUST_USE;
enum err hex_decode(struct str text, void *out, size_t room, size_t *len) MUST_USE;

#endif
