/* SPDX-License-Identifier: MIT */
/* Finds and parses SIP messages. */
#include "control/net/sip.h"

/* Header names and their compact forms (RFC 3261 20). */
static const struct {
	const char *name;
	char compact;
} compacts[] = {
	{"Via", 'v'},     {"From", 'f'},           {"To", 't'},           {"Call-ID", 'i'},
	{"Contact", 'm'}, {"Content-Length", 'l'}, {"Content-Type", 'c'},
};

static bool is_named(struct str name, const char *wanted)
{
	if (str_eq_nocase(name, str_of(wanted)))
		return true;
	for (size_t i = 0; name.n == 1 && i < ARRAY_LEN(compacts); i++)
		if ((name.p[0] | 0x20) == compacts[i].compact &&
		    str_eq_nocase(str_of(compacts[i].name), str_of(wanted)))
			return true;
	return false;
}

/* Removes the next line from `rest`, and writes it without its line end. False: no complete line
 * has arrived. */
static bool next_line(struct str *rest, struct str *line)
{
	size_t n = str_find(*rest, '\n');

	if (n == rest->n)
		return false;
	*line = str_make(rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n);
	*rest = str_skip(*rest, n + 1);
	return true;
}

static struct str skip_blank_lines(struct str s)
{
	while (s.n && (s.p[0] == '\r' || s.p[0] == '\n'))
		s = str_skip(s, 1);
	return s;
}

static enum err read_start(struct sip_message *m, struct str line)
{
	struct str rest = line, first = str_word(&rest), second = str_word(&rest);
	uint64_t status;

	if (str_is(first, "SIP/2.0")) {
		if (second.n != 3 || str_to_u64(second, 699, &status) || status < 100)
			return ERR_SYNTAX;
		m->status = (unsigned)status;
		m->reason = str_trim(rest);
		return ERR_OK;
	}
	m->is_request = true;
	m->method = first;
	m->uri = second;
	return first.n && second.n && str_is(str_trim(rest), "SIP/2.0") ? ERR_OK : ERR_SYNTAX;
}

static enum err read_header(struct sip_message *m, struct str line)
{
	size_t colon = str_find(line, ':');
	struct sip_header *h = &m->headers[m->n_headers];

	if (line.p[0] == ' ' || line.p[0] == '\t' || colon == line.n || colon == 0)
		return ERR_SYNTAX;
	if (m->n_headers == SIP_HEADERS_MAX)
		return ERR_TOO_BIG;
	h->name = str_trim(str_make(line.p, colon));
	h->value = str_trim(str_skip(line, colon + 1));
	m->n_headers++;
	return ERR_OK;
}

/* Reads start line and headers; `*rest` follows the blank line. ERR_TRUNCATED: the blank line has
 * not arrived. */
static enum err read_head(struct sip_message *m, struct str text, struct str *rest)
{
	struct str line;
	enum err e;

	*m = (struct sip_message){
		.method = STR(""),
		.uri = STR(""),
		.reason = STR(""),
		.body = STR(""),
	};
	*rest = skip_blank_lines(text);
	if (!next_line(rest, &line))
		return text.n >= SIP_MESSAGE_MAX ? ERR_TOO_BIG : ERR_TRUNCATED;
	e = read_start(m, line);
	while (!e) {
		if (!next_line(rest, &line))
			return text.n >= SIP_MESSAGE_MAX ? ERR_TOO_BIG : ERR_TRUNCATED;
		if (!line.n)
			return ERR_OK;
		e = read_header(m, line);
	}
	return e;
}

static enum err body_length(const struct sip_message *m, size_t *out)
{
	struct str value = sip_header(m, "Content-Length", 0);
	uint64_t n = 0;

	if (value.n && str_to_u64(value, SIP_MESSAGE_MAX, &n))
		return ERR_SYNTAX;
	*out = (size_t)n;
	return ERR_OK;
}

enum err sip_length(struct str stream, size_t *out)
{
	struct sip_message m;
	struct str rest;
	size_t body;
	enum err e = read_head(&m, stream, &rest);

	if (!e)
		e = body_length(&m, &body);
	if (e)
		return e;
	*out = (size_t)(rest.p - stream.p) + body;
	if (*out > SIP_MESSAGE_MAX)
		return ERR_TOO_BIG;
	return *out > stream.n ? ERR_TRUNCATED : ERR_OK;
}

enum err sip_read(struct sip_message *out, struct str text)
{
	struct sip_message m;
	struct str rest;
	size_t n;
	enum err e = read_head(&m, text, &rest);

	if (e == ERR_TRUNCATED)
		e = ERR_SYNTAX;
	if (!e)
		e = body_length(&m, &n);
	if (!e && n != rest.n)
		e = ERR_SYNTAX;
	if (e)
		return e;
	m.body = rest;
	*out = m;
	return ERR_OK;
}

struct str sip_header(const struct sip_message *m, const char *name, size_t nth)
{
	for (size_t i = 0; i < m->n_headers; i++)
		if (is_named(m->headers[i].name, name) && nth-- == 0)
			return m->headers[i].value;
	return STR("");
}

struct str sip_uri(struct str value)
{
	struct str rest, open = str_skip(value, str_find(value, '<'));

	if (open.n)
		return str_cut(str_skip(open, 1), '>', &rest);
	return str_trim(str_cut(value, ';', &rest));
}

struct str sip_param(struct str value, const char *name)
{
	size_t close = str_find(value, '>');
	struct str rest = close < value.n ? str_skip(value, close + 1) : value;

	/* Skip what precedes the first ";": the parameters follow it. */
	(void)str_cut(rest, ';', &rest);
	while (rest.n) {
		struct str text, one = str_cut(rest, ';', &rest),
				 key = str_trim(str_cut(one, '=', &text));

		if (str_eq_nocase(key, str_of(name)))
			return str_trim(text);
	}
	return STR("");
}

enum err sip_cseq(const struct sip_message *m, uint64_t *number, struct str *method)
{
	struct str value = sip_header(m, "CSeq", 0), first = str_word(&value);

	*method = str_word(&value);
	return first.n && method->n ? str_to_u64(first, UINT32_MAX, number) : ERR_SYNTAX;
}
