/* SPDX-License-Identifier: MIT */
/* Finds, parses and writes a=key-mgmt lines (RFC 4567). */
#include "keyctx/sdp/keymgmt.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"
#include "keyctx/prim.h"

enum { PROTOCOL_MAX = 64 };

static bool is_token(struct str text)
{
	static const char others[] = "!#$%&'*+-.^_`{|}~";

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!alnum && (!c || !strchr(others, c)))
			return false;
	}
	return text.n > 0 && text.n <= PROTOCOL_MAX;
}

enum err keymgmt_parse(struct keymgmt *out, struct str value)
{
	struct keymgmt k = {.protocol = str_word(&value)};
	struct str data = str_word(&value);
	enum err e;

	if (!is_token(k.protocol) || !data.n || str_trim(value).n)
		return ERR_SYNTAX;
	if (data.n > B64_TEXT_LEN(KEYMGMT_OCTETS_MAX))
		return ERR_TOO_BIG;
	k.octets = mem_alloc(B64_OCTETS_MAX(data.n));
	if (!k.octets)
		return ERR_NOMEM;
	e = b64_decode(data, k.octets, B64_OCTETS_MAX(data.n), &k.len);
	if (e)
		mem_free(k.octets);
	else
		*out = k;
	return e;
}

void keymgmt_clear(struct keymgmt *k)
{
	mem_free(k->octets);
	*k = (struct keymgmt){0};
}

enum err keymgmt_find_at(struct keymgmt *out, const struct sdp *s, int section,
                         const char *protocol)
{
	struct keymgmt k, found = {0};
	struct str value;
	enum err e = ERR_OK;

	for (struct sdp_line *l = sdp_next_attr(s, section, NULL, "key-mgmt", &value); l && !e;
	     l = sdp_next_attr(s, section, l, "key-mgmt", &value)) {
		struct str rest = value;

		if (!str_is(str_word(&rest), protocol))
			continue;
		e = found.octets ? ERR_SYNTAX : keymgmt_parse(&k, value);
		if (!e)
			found = k;
	}
	if (!e && !found.octets)
		e = ERR_NOT_FOUND;
	if (e)
		keymgmt_clear(&found);
	else
		*out = found;
	return e;
}

enum err keymgmt_find(struct keymgmt *out, const struct sdp *s, unsigned media,
                      const char *protocol)
{
	enum err e = keymgmt_find_at(out, s, (int)media, protocol);

	if (e != ERR_NOT_FOUND)
		return e;
	e = keymgmt_find_at(out, s, SDP_SESSION, protocol);
	if (!e)
		out->is_session_level = true;
	return e;
}

bool keymgmt_is_present(const struct sdp *s, unsigned media)
{
	return sdp_has_attr(s, (int)media, "key-mgmt") || sdp_has_attr(s, SDP_SESSION, "key-mgmt");
}

bool keymgmt_eq(const struct keymgmt *a, const struct keymgmt *b)
{
	return str_eq(a->protocol, b->protocol) && a->len == b->len &&
	       memcmp(a->octets, b->octets, a->len) == 0;
}

enum err keymgmt_write(struct sdp *s, int section, const struct keymgmt *k)
{
	size_t room = k->protocol.n + 1 + B64_TEXT_LEN(k->len) + 1;
	char *text = mem_alloc(room);
	enum err e;

	if (!text)
		return ERR_NOMEM;
	memcpy(text, k->protocol.p, k->protocol.n);
	text[k->protocol.n] = ' ';
	e = b64_encode(k->octets, k->len, true, text + k->protocol.n + 1, room - k->protocol.n - 1);
	if (!e)
		e = sdp_attr_add(s, section, "key-mgmt", str_of(text));
	mem_free(text);
	return e;
}
