/* SPDX-License-Identifier: MIT */
/* Converts MKIs between octets (on the wire) and decimal numbers of up to 1,024 bits (in SDP). */
#include "keyctx/sdp/sdes.h"

enum { DIGITS_MAX = 309 }; /* decimal digits of 2^1024 - 1 */

enum err sdes_mki_parse(struct str digits, uint8_t *out, size_t len)
{
	uint8_t n[KEYCTX_MKI_MAX] = {0};

	if (len == 0 || len > sizeof(n))
		return ERR_RANGE;
	if (digits.n == 0 || digits.n > DIGITS_MAX || digits.p[0] == '0')
		return ERR_SYNTAX;
	for (size_t i = 0; i < digits.n; i++) {
		unsigned carry = (unsigned)(digits.p[i] - '0');

		if (digits.p[i] < '0' || carry > 9)
			return ERR_SYNTAX;
		for (size_t k = len; k > 0; k--) {
			carry += 10u * n[k - 1];
			n[k - 1] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return ERR_RANGE;
	}
	memcpy(out, n, len);
	return ERR_OK;
}

/* Divides the number `n` by 10 in place and returns the remainder. */
static unsigned divide_by_ten(uint8_t *n, size_t len)
{
	unsigned rest = 0;

	for (size_t i = 0; i < len; i++) {
		rest = rest << 8 | n[i];
		n[i] = (uint8_t)(rest / 10);
		rest %= 10;
	}
	return rest;
}

static bool is_zero(const uint8_t *n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (n[i])
			return false;
	return true;
}

size_t sdes_mki_print(struct view mki, char *out, size_t room)
{
	uint8_t n[KEYCTX_MKI_MAX];
	char digits[DIGITS_MAX + 1];
	size_t at = 0;

	CHECK(mki.n <= sizeof(n));
	memcpy(n, mki.p, mki.n);
	do
		digits[at++] = (char)('0' + divide_by_ten(n, mki.n));
	while (at < sizeof(digits) && !is_zero(n, mki.n));
	if (at > room)
		return 0;
	for (size_t i = 0; i < at; i++)
		out[i] = digits[at - 1 - i];
	return at;
}
