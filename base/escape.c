/* SPDX-License-Identifier: MIT */
/* Escapes text that a peer chose. */
#include "base/escape.h"

#include <stdio.h>

/* Reads one character of UTF-8 (RFC 3629) and returns its length; 0 if the octets are not valid. */
static size_t utf8_read(const unsigned char *p, size_t n, uint32_t *out)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);

	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (c >= 0xd800 && c <= 0xdfff) || (len == 4 && c < 0x10000) ||
	    c > 0x10ffff)
		return 0;
	*out = c;
	return len;
}

/* Characters that are not shown as themselves: controls, separators of lines, controls of direction
 * (UAX #9), zero-width characters, tags and noncharacters. */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},
		{0x115f, 0x1160},   {0x180b, 0x180f},   {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f},   {0x3164, 0x3164},   {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
		{0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb}, {0xfffe, 0xffff},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

/* Writes the escape of `c` to `out` and returns its length. */
static size_t print_escape(uint32_t c, char out[16])
{
	static const char shorts[][2] = {
		{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};

	for (size_t i = 0; i < ARRAY_LEN(shorts); i++)
		if (c == (unsigned char)shorts[i][0]) {
			out[0] = '\\';
			out[1] = shorts[i][1];
			return 2;
		}
	if (c < 0x10000)
		return (size_t)snprintf(out, 16, "\\u%04x", (unsigned)c);
	c -= 0x10000;
	return (size_t)snprintf(out, 16, "\\u%04x\\u%04x", (unsigned)(0xd800 + (c >> 10)),
	                        (unsigned)(0xdc00 + (c & 0x3ff)));
}

static size_t escape(struct str text, char *out, size_t room, size_t *used, bool is_quoted)
{
	size_t at = 0, n = 0;

	while (at < text.n) {
		const unsigned char *p = (const unsigned char *)text.p + at;
		char escaped[16];
		uint32_t c = 0xfffd;
		size_t len = utf8_read(p, text.n - at, &c), n_out = len;
		const char *from = (const char *)p;

		if (len == 0 || is_hidden(c) || (is_quoted && (c == '"' || c == '\\'))) {
			n_out = print_escape(c, escaped);
			from = escaped;
		}
		if (n_out > room - n)
			break;
		memcpy(out + n, from, n_out);
		n += n_out;
		at += len ? len : 1;
	}
	*used = at;
	return n;
}

size_t escape_quoted(struct str text, char *out, size_t room, size_t *used)
{
	return escape(text, out, room, used, true);
}

size_t escape_bare(struct str text, char *out, size_t room, size_t *used)
{
	return escape(text, out, room, used, false);
}

bool escape_is_word(struct str text)
{
	static const char marks[] = "._:/@+-[]%,";

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) &&
		    !memchr(marks, c, sizeof(marks) - 1))
			return false;
	}
	return text.n > 0;
}
