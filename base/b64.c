/* SPDX-License-Identifier: MIT */
/* Base64 and hexadecimal text. */
#include "base/b64.h"

/* These functions use no lookup table: an index that depends on key bits would leave traces in the
 * CPU cache. */

/* The character for 0 .. 63: A to Z, a to z, 0 to 9, +, /. */
static char letter_of(unsigned v)
{
	return (char)('A' + v + (v > 25) * 6 - (v > 51) * 75 - (v > 61) * 15 + (v > 62) * 3);
}

static char digit_of(unsigned v)
{
	return (char)('0' + v + (v > 9) * 39);
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

enum err b64_encode(const void *octets, size_t n, bool pad, char *out, size_t room)
{
	const uint8_t *in = octets;
	size_t at = 0;

	if (n > SIZE_MAX / 2 || room < B64_TEXT_LEN(n) + 1)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)in[i] << 16;

		if (have > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (have > 2)
			v |= in[i + 2];
		for (size_t k = 0; k <= have; k++)
			out[at++] = letter_of(v >> (18 - 6 * k) & 63);
		for (size_t k = have; pad && k < 3; k++)
			out[at++] = '=';
	}
	out[at] = '\0';
	return ERR_OK;
}

/* Returns the number of characters without padding; SIZE_MAX if the padding is wrong. */
static size_t without_padding(struct str text)
{
	size_t n = text.n;

	while (n && text.n - n < 2 && text.p[n - 1] == '=')
		n--;
	if (n % 4 == 1 || (n < text.n && text.n % 4 != 0))
		return SIZE_MAX;
	return n;
}

enum err b64_decode(struct str text, void *out, size_t room, size_t *len)
{
	size_t n = without_padding(text), at = 0;
	uint8_t *o = out;
	uint32_t acc = 0;
	unsigned bits = 0;

	if (n == SIZE_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		int v = value_of(text.p[i]);

		if (v < 0)
			return ERR_SYNTAX;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (at == room)
			return ERR_TOO_BIG;
		o[at++] = (uint8_t)(acc >> bits);
	}
	if (acc & ((1u << bits) - 1))
		return ERR_SYNTAX;
	*len = at;
	return ERR_OK;
}

enum err hex_encode(const void *octets, size_t n, char *out, size_t room)
{
	const uint8_t *in = octets;

	if (n > SIZE_MAX / 4 || room < 2 * n + 1)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit_of(in[i] >> 4);
		out[2 * i + 1] = digit_of(in[i] & 15);
	}
	out[2 * n] = '\0';
	return ERR_OK;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err hex_decode(struct str text, void *out, size_t room, size_t *len)
{
	uint8_t *o = out;

	if (text.n % 2)
		return ERR_SYNTAX;
	if (text.n / 2 > room)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < text.n; i += 2) {
		int hi = nibble(text.p[i]), lo = nibble(text.p[i + 1]);

		if (hi < 0 || lo < 0)
			return ERR_SYNTAX;
		o[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	*len = text.n / 2;
	return ERR_OK;
}
