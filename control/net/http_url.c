/* SPDX-License-Identifier: MIT */
/* Parses HTTP URLs, queries and Content-Type headers. */
#include "base/b64.h"
#include "control/net/http.h"

static enum err parse_authority(struct str text, struct http_url *out, struct why *why)
{
	struct str host, port = STR("");
	uint64_t number = out->is_tls ? 443 : 80;

	if (str_starts(text, "[")) {
		host = str_cut(str_skip(text, 1), ']', &port);
		if (host.n + 2 > text.n || (port.n && !str_starts(port, ":")))
			return why_fail(
				why, ERR_SYNTAX,
				"URL: an IPv6 address must be in brackets: http://[2001:db8::1]/");
		port = str_skip(port, 1);
	} else {
		host = str_cut(text, ':', &port);
	}
	if (host.n == 0 || str_find(host, '@') < host.n || str_find(host, ' ') < host.n)
		return why_fail(why, ERR_SYNTAX,
		                "URL: the host is missing or contains '@' or a blank");
	if (port.n && (str_to_u64(port, 65535, &number) || number == 0))
		return why_fail(why, ERR_RANGE, "URL: the port must be an integer from 1 to 65535");
	out->port = (uint16_t)number;
	if (str_copy(host, out->host, sizeof(out->host)))
		return why_fail(why, ERR_TOO_BIG, "URL: the host must be at most %zu octets",
		                sizeof(out->host) - 1);
	return ERR_OK;
}

enum err http_url_parse(struct str text, struct http_url *out, struct why *why)
{
	struct http_url u = {0};
	struct str rest;
	size_t slash;
	enum err e;

	for (size_t i = 0; i < text.n; i++)
		if ((uint8_t)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return why_fail(why, ERR_SYNTAX,
			                "URL: must not contain blanks or control characters");
	if (str_starts(text, "https://"))
		u.is_tls = true;
	else if (!str_starts(text, "http://"))
		return why_fail(why, ERR_UNSUPPORTED, "URL: must begin with http:// or https://");
	rest = str_skip(text, u.is_tls ? 8 : 7);
	slash = str_find(rest, '/');
	e = parse_authority(str_make(rest.p, slash), &u, why);
	if (e)
		return e;
	rest = slash < rest.n ? str_skip(rest, slash) : STR("/");
	if (str_copy(rest, u.path, sizeof(u.path)))
		return why_fail(why, ERR_TOO_BIG, "URL: the path must be at most %zu octets",
		                sizeof(u.path) - 1);
	*out = u;
	return ERR_OK;
}

struct str http_plain_type(const char *header, char *out, size_t room)
{
	struct str rest, type = str_trim(str_cut(str_of(header), ';', &rest));

	if (type.n >= room)
		return STR("");
	for (size_t i = 0; i < type.n; i++)
		out[i] = type.p[i] >= 'A' && type.p[i] <= 'Z' ? (char)(type.p[i] + ('a' - 'A'))
		                                              : type.p[i];
	return str_make(out, type.n);
}

/* `blank`: the character that stands for a blank. */
static enum err percent_decode(struct str s, char blank, char *out, size_t room)
{
	size_t n = 0, len;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || hex_decode(str_make(s.p + i + 1, 2), &c, 1, &len) ||
			    c == 0)
				return ERR_SYNTAX;
			i += 2;
		} else if (c == blank) {
			c = ' ';
		}
		if (n + 1 >= room)
			return ERR_TOO_BIG;
		out[n++] = c;
	}
	out[n] = 0;
	return ERR_OK;
}

enum err http_path_decode(struct str part, char *out, size_t room)
{
	return percent_decode(part, ' ', out, room);
}

enum err http_query_get(struct str query, const char *name, char *out, size_t room)
{
	while (query.n) {
		struct str rest, value, pair = str_cut(query, '&', &rest),
					key = str_cut(pair, '=', &value);

		if (str_is(key, name))
			return percent_decode(value, '+', out, room);
		query = rest;
	}
	return ERR_NOT_FOUND;
}
