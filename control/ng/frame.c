/* SPDX-License-Identifier: MIT */
/* Finds the end of an ng message in a TCP stream. */
#include "control/ng/frame.h"

#include "control/doc/doc.h"
#include "control/ng/cookies.h"
#include "control/ng/ng.h"

enum { DIGITS_MAX = 20 };

/* Skips a bencoded string: a length in decimal, ":", and that many octets. */
static enum err skip_string(struct str data, size_t *at)
{
	struct str rest = str_skip(data, *at),
		   head = str_make(rest.p, rest.n < DIGITS_MAX ? rest.n : DIGITS_MAX);
	size_t colon = str_find(head, ':');
	uint64_t n;

	if (colon == head.n)
		return head.n == DIGITS_MAX ? ERR_SYNTAX : ERR_TRUNCATED;
	if (str_to_u64(str_make(head.p, colon), NG_MESSAGE_MAX, &n))
		return ERR_SYNTAX;
	if (rest.n - colon - 1 < n)
		return ERR_TRUNCATED;
	*at += colon + 1 + (size_t)n;
	return ERR_OK;
}

static enum err skip_number(struct str data, size_t *at)
{
	struct str rest = str_skip(data, *at),
		   head = str_make(rest.p, rest.n < DIGITS_MAX + 2 ? rest.n : DIGITS_MAX + 2);
	size_t end = str_find(head, 'e');

	if (end == head.n)
		return head.n == DIGITS_MAX + 2 ? ERR_SYNTAX : ERR_TRUNCATED;
	*at += end + 1;
	return ERR_OK;
}

static enum err skip_bencode(struct str data, size_t *at)
{
	unsigned depth = 0;
	enum err e = ERR_OK;

	do {
		char c;

		if (*at == data.n)
			return ERR_TRUNCATED;
		c = data.p[*at];
		if (c == 'd' || c == 'l') {
			depth++;
			(*at)++;
		} else if (c == 'e') {
			depth--;
			(*at)++;
		} else if (c == 'i') {
			e = skip_number(data, at);
		} else if (c >= '0' && c <= '9') {
			e = skip_string(data, at);
		} else {
			e = ERR_SYNTAX;
		}
		if (depth > DOC_DEPTH_MAX)
			e = ERR_SYNTAX;
	} while (!e && depth);
	return e;
}

static enum err skip_json(struct str data, size_t *at)
{
	unsigned depth = 0;
	bool in_text = false;

	for (; *at < data.n; (*at)++) {
		char c = data.p[*at];

		if (in_text && c == '\\') {
			(*at)++;
		} else if (c == '"') {
			in_text = !in_text;
		} else if (!in_text && (c == '{' || c == '[')) {
			depth++;
		} else if (!in_text && (c == '}' || c == ']') && --depth == 0) {
			(*at)++;
			return ERR_OK;
		}
		if (depth > DOC_DEPTH_MAX)
			return ERR_SYNTAX;
	}
	return ERR_TRUNCATED;
}

enum err ng_frame_length(struct str data, size_t *out)
{
	size_t at = str_find(data, ' ') + 1;
	enum err e = ERR_TRUNCATED;

	if (at > NG_COOKIE_MAX + 1)
		return ERR_SYNTAX;
	if (at < data.n)
		e = data.p[at] == 'd'   ? skip_bencode(data, &at)
		    : data.p[at] == '{' ? skip_json(data, &at)
		                        : ERR_SYNTAX;
	if (e == ERR_TRUNCATED && data.n >= NG_MESSAGE_MAX)
		return ERR_TOO_BIG;
	if (!e && at > NG_MESSAGE_MAX)
		return ERR_TOO_BIG;
	if (!e)
		*out = at;
	return e;
}
