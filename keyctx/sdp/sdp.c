/* SPDX-License-Identifier: MIT */
/* Keeps the lines of a description in one arena, which sdp_free wipes as a whole. */
#include "keyctx/sdp/sdp.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"

/* --- the arena: memory taken from it lives until sdp_free ------------------- */

struct sdp_chunk {
	struct sdp_chunk *next;
	size_t used, room;
	char octets[];
};

enum { CHUNK_BYTES = 2048, LINE_ALIGN = 8 };

static struct sdp_chunk *chunk_new(size_t room)
{
	struct sdp_chunk *c = mem_alloc(sizeof(*c) + room);

	if (c)
		c->room = room;
	return c;
}

static void *take(struct sdp *s, size_t bytes)
{
	size_t whole = (bytes + LINE_ALIGN - 1) & ~(size_t)(LINE_ALIGN - 1);
	struct sdp_chunk *c = s->chunks;
	char *p;

	if (c->room - c->used < whole) {
		c = chunk_new(whole > CHUNK_BYTES ? whole : CHUNK_BYTES);
		if (!c)
			return NULL;
		c->next = s->chunks;
		s->chunks = c;
	}
	p = c->octets + c->used;
	c->used += whole;
	return p;
}

void sdp_free(struct sdp *s)
{
	struct sdp_chunk *c = s ? s->chunks : NULL;

	while (c) {
		struct sdp_chunk *next = c->next;

		/* struct sdp itself lies in the last chunk: do not use `s` in this loop. */
		secret_wipe(c->octets, c->used);
		mem_free(c);
		c = next;
	}
}

/* --- parse ------------------------------------------------------------------ */

static struct link *lines_of(const struct sdp *s, int section)
{
	const struct link *l = section < 0 ? &s->session : &s->media[section].lines;

	CHECK(section < (int)s->n_media);
	return (struct link *)l;
}

/* Reads "port" or "port/count". The gateway relays one port pair for an m-line, whatever the count
 * is. */
static void parse_port(struct sdp_media *m, struct str text)
{
	struct str count;
	uint64_t port = 0, n = 1;
	struct str first = str_cut(text, '/', &count);

	if (str_to_u64(first, 65535, &port))
		m->fault = "the port must be a number from 0 to 65535";
	if (first.n < text.n && (str_to_u64(count, 65535, &n) || n == 0))
		n = 1;
	m->port = (uint16_t)port;
	m->n_ports = (uint16_t)n;
}

static void parse_media(struct sdp_media *m, const struct sdp_line *l)
{
	struct str rest = l->value;
	struct str kind = str_word(&rest), port = str_word(&rest), proto = str_word(&rest);

	m->fault = NULL;
	m->kind = kind;
	m->proto = proto;
	m->formats = str_trim(rest);
	m->profile = sdp_profile_find(proto);
	parse_port(m, port);
	if (!proto.n)
		m->fault = "the m= line must have a media, a port and a transport";
}

/* Adds an m-line. Returns false if the description already has SDP_MEDIA_MAX. */
static bool add_media(struct sdp *s, struct sdp_line *l)
{
	struct sdp_media *m = &s->media[s->n_media];

	if (s->n_media == SDP_MEDIA_MAX)
		return false;
	parse_media(m, l);
	list_init(&m->lines);
	s->n_media++;
	return true;
}

/* Cuts one line off `*rest`. Returns false if the line contains a lone CR or a NUL. */
static bool cut_line(struct str *rest, struct str *line, uint8_t *end_len)
{
	size_t at = str_find(*rest, '\n');

	*line = str_make(rest->p, at);
	*end_len = at < rest->n;
	*rest = str_skip(*rest, at + *end_len);
	if (*end_len && line->n && line->p[line->n - 1] == '\r') {
		line->n--;
		*end_len = 2;
	}
	return str_find(*line, '\r') == line->n && str_find(*line, '\0') == line->n;
}

static size_t count_lines(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static bool is_blank(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r' && text.p[i] != '\n' && text.p[i] != ' ' && text.p[i] != '\t')
			return false;
	return true;
}

/* Removes blanks before a line and makes its letter small. Returns false if the line is not a
 * letter, "=" and a value. */
static bool repair(struct sdp *s, struct sdp_line *l)
{
	struct str text = l->text;
	char *letter;

	while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
		text = str_skip(text, 1);
	if (text.n < 2 || text.p[1] != '=')
		return false;
	s->is_repaired |= text.n < l->text.n;
	letter = (char *)text.p; /* points into the description's own copy of the text */
	if (*letter >= 'A' && *letter <= 'Z') {
		*letter = (char)(*letter - 'A' + 'a');
		s->is_repaired = true;
	}
	l->text = text;
	l->type = *letter;
	l->value = str_skip(text, 2);
	return l->type >= 'a' && l->type <= 'z';
}

/* Checks a v= line: it must be the first line (RFC 8866 5). Clears `*keep` for a later v= line of
 * the session. */
static enum err judge_version(struct sdp *s, const struct sdp_line *l, unsigned number, bool *keep,
                              struct why *why)
{
	if (l->type != 'v')
		return ERR_OK;
	if (s->n_media)
		return why_fail(why, ERR_SYNTAX,
		                "line %u: a second description begins (v=); only one is allowed",
		                number);
	if (!str_is(str_trim(l->value), "0"))
		return why_fail(why, ERR_SYNTAX, "line %u: v= must be 0 (RFC 8866 5.1)", number);
	*keep = list_is_empty(&s->session);
	return ERR_OK;
}

/* Reads one line (docs/decisions/0060): drops text that is not an SDP line, repairs a line with one
 * possible meaning, refuses the description if a line has two possible meanings. */
static enum err parse_line(struct sdp *s, struct str *rest, unsigned number, struct why *why)
{
	struct sdp_line *l = take(s, sizeof(*l));
	bool keep;
	enum err e = ERR_OK;

	if (!l)
		return ERR_NOMEM;
	if (!cut_line(rest, &l->text, &l->end_len))
		return why_fail(why, ERR_SYNTAX,
		                "line %u: has a NUL or a lone CR; lines must end with CRLF or LF",
		                number);
	/* Keep blank lines at the end: they are common and harmless. */
	if (is_blank(l->text) && is_blank(*rest) && (s->n_media || !list_is_empty(&s->session))) {
		l->value = l->text;
		list_add_tail(lines_of(s, (int)s->n_media - 1), &l->link);
		return ERR_OK;
	}
	keep = repair(s, l);
	if (keep)
		e = judge_version(s, l, number, &keep, why);
	s->n_said += !e && keep && l->type == 'm';
	if (!e && s->n_said > SDP_MEDIA_SAID_MAX)
		e = why_fail(why, ERR_TOO_BIG, "too many m= lines, at most %d are allowed",
		             SDP_MEDIA_SAID_MAX);
	if (!e && keep)
		keep = l->type == 'm' ? add_media(s, l) : s->n_said <= SDP_MEDIA_MAX;
	s->is_repaired |= !keep;
	if (!e && keep)
		list_add_tail(lines_of(s, (int)s->n_media - 1), &l->link);
	return e;
}

/* Adds a missing v=0. */
static enum err need_version(struct sdp *s, uint8_t end_len)
{
	struct sdp_line *l = LIST_OF(s->session.next, struct sdp_line, link);

	if (!list_is_empty(&s->session) && l->type == 'v')
		return ERR_OK;
	l = take(s, sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	*l = (struct sdp_line){
		.text = STR("v=0"),
		.value = STR("0"),
		.type = 'v',
		.end_len = end_len,
	};
	list_add_tail(s->session.next, &l->link);
	s->is_repaired = true;
	return ERR_OK;
}

static enum err parse_lines(struct sdp *s, struct str text, struct why *why)
{
	size_t first = str_find(text, '\n');
	uint8_t end_len = first == text.n ? 0 : first && text.p[first - 1] == '\r' ? 2 : 1;
	unsigned number = 0;
	enum err e = ERR_OK;

	while (text.n && !e)
		e = parse_line(s, &text, ++number, why);
	if (!e && list_is_empty(&s->session) && !s->n_media)
		e = why_fail(why, ERR_SYNTAX,
		             "not a session description: no line is a letter, '=' and a value");
	if (!e)
		e = need_version(s, end_len ? end_len : 2);
	if (!e)
		s->end_len = end_len;
	return e;
}

enum err sdp_parse(struct sdp **out, struct str text, struct why *why)
{
	size_t n_lines = count_lines(text);
	struct sdp_chunk *c;
	struct sdp *s;
	char *copy;
	enum err e;

	if (!text.n)
		return why_fail(why, ERR_SYNTAX, "the session description is empty");
	if (text.n > SDP_TEXT_MAX || n_lines > SDP_LINES_MAX)
		return why_fail(why, ERR_TOO_BIG,
		                "the description has %zu octets and %zu lines; at most %d and %d "
		                "are allowed",
		                text.n, n_lines, SDP_TEXT_MAX, SDP_LINES_MAX);
	/* One chunk has room for the text, its lines and the usual edits. */
	c = chunk_new(sizeof(*s) + n_lines * sizeof(struct sdp_line) + text.n + CHUNK_BYTES);
	if (!c)
		return ERR_NOMEM;
	s = (struct sdp *)(void *)c->octets;
	c->used = (sizeof(*s) + LINE_ALIGN - 1) & ~(size_t)(LINE_ALIGN - 1);
	s->chunks = c;
	list_init(&s->session);
	copy = take(s, text.n);
	CHECK(copy != NULL);
	memcpy(copy, text.p, text.n);
	e = parse_lines(s, str_make(copy, text.n), why);
	if (e)
		sdp_free(s);
	else
		*out = s;
	return e;
}

/* --- print ------------------------------------------------------------------ */

static size_t section_length(const struct link *lines)
{
	size_t n = 0;

	LIST_EACH (it, (struct link *)lines) {
		const struct sdp_line *l = LIST_OF(it, struct sdp_line, link);

		n += l->text.n + l->end_len;
	}
	return n;
}

size_t sdp_length(const struct sdp *s)
{
	size_t n = section_length(&s->session);

	for (unsigned i = 0; i < s->n_media; i++)
		n += section_length(&s->media[i].lines);
	return n;
}

static char *print_section(const struct link *lines, char *p)
{
	LIST_EACH (it, (struct link *)lines) {
		const struct sdp_line *l = LIST_OF(it, struct sdp_line, link);

		memcpy(p, l->text.p, l->text.n);
		p += l->text.n;
		memcpy(p, &"\r\n"[2 - l->end_len], l -> end_len);
		p += l->end_len;
	}
	return p;
}

enum err sdp_print(const struct sdp *s, char *out, size_t room, size_t *len)
{
	size_t n = sdp_length(s);
	char *p = out;

	if (n > room)
		return ERR_TOO_BIG;
	p = print_section(&s->session, p);
	for (unsigned i = 0; i < s->n_media; i++)
		p = print_section(&s->media[i].lines, p);
	*len = n;
	return ERR_OK;
}

/* --- lines ------------------------------------------------------------------ */

struct sdp_line *sdp_next(const struct sdp *s, int section, const struct sdp_line *after)
{
	struct link *head = lines_of(s, section);
	struct link *next = after ? after->link.next : head->next;

	return next == head ? NULL : LIST_OF(next, struct sdp_line, link);
}

struct sdp_line *sdp_next_type(const struct sdp *s, int section, const struct sdp_line *after,
                               char type)
{
	struct sdp_line *l = sdp_next(s, section, after);

	while (l && l->type != type)
		l = sdp_next(s, section, l);
	return l;
}

bool sdp_line_is_attr(const struct sdp_line *l, const char *name, struct str *value)
{
	struct str rest;

	if (l->type != 'a' || !str_eq_nocase(str_trim(str_cut(l->value, ':', &rest)), str_of(name)))
		return false;
	if (value)
		*value = str_trim(rest);
	return true;
}

struct sdp_line *sdp_next_attr(const struct sdp *s, int section, const struct sdp_line *after,
                               const char *name, struct str *value)
{
	struct sdp_line *l = sdp_next(s, section, after);

	while (l && !sdp_line_is_attr(l, name, value))
		l = sdp_next(s, section, l);
	return l;
}

bool sdp_has_attr(const struct sdp *s, int section, const char *name)
{
	return sdp_next_attr(s, section, NULL, name, NULL) != NULL;
}

static bool is_one_line(struct str value)
{
	return str_find(value, '\n') == value.n && str_find(value, '\r') == value.n &&
	       str_find(value, '\0') == value.n;
}

static enum err write_text(struct sdp *s, char type, struct str value, struct str *text)
{
	char *p;

	if (!is_one_line(value))
		return ERR_SYNTAX;
	if (value.n > SDP_TEXT_MAX)
		return ERR_TOO_BIG;
	p = take(s, value.n + 2);
	if (!p)
		return ERR_NOMEM;
	p[0] = type;
	p[1] = '=';
	if (value.n)
		memcpy(p + 2, value.p, value.n);
	*text = str_make(p, value.n + 2);
	return ERR_OK;
}

enum err sdp_line_set(struct sdp *s, struct sdp_line *l, struct str value)
{
	struct str text;
	enum err e = write_text(s, l->type, value, &text);

	if (e)
		return e;
	l->text = text;
	l->value = str_skip(text, 2);
	return ERR_OK;
}

static void insert_after(struct link *before, struct link *l)
{
	/* list_add_tail inserts before its first argument. */
	list_add_tail(before->next, l);
}

/* Returns the last line that is not blank. New lines are added after it, before blank lines at the
 * end. */
static struct sdp_line *last_line(const struct sdp *s, int section)
{
	struct link *head = lines_of(s, section), *l = head->prev;

	while (l != head && !LIST_OF(l, struct sdp_line, link)->type)
		l = l->prev;
	return LIST_OF(l, struct sdp_line, link);
}

enum err sdp_line_add(struct sdp *s, int section, struct sdp_line *after, char type,
                      struct str value)
{
	struct sdp_line *l = take(s, sizeof(*l));
	struct str text;
	enum err e;

	if (!l)
		return ERR_NOMEM;
	e = write_text(s, type, value, &text);
	if (e)
		return e;
	if (!after)
		after = last_line(s, section);
	l->type = type;
	l->text = text;
	l->value = str_skip(text, 2);
	/* The new line gets the line end of `after`. If `after` has none because it ends the text,
	 * `after` gets one now. */
	l->end_len = after->end_len;
	if (!after->end_len)
		after->end_len = s->end_len ? s->end_len : 2;
	insert_after(&after->link, &l->link);
	return ERR_OK;
}

void sdp_line_remove(struct sdp_line *l)
{
	list_remove(&l->link);
}

unsigned sdp_attr_remove(struct sdp *s, int section, const char *name)
{
	unsigned n = 0;

	LIST_EACH (it, lines_of(s, section)) {
		struct sdp_line *l = LIST_OF(it, struct sdp_line, link);

		if (sdp_line_is_attr(l, name, NULL)) {
			list_remove(it);
			n++;
		}
	}
	return n;
}

enum err sdp_attr_add(struct sdp *s, int section, const char *name, struct str value)
{
	size_t name_len = strlen(name), n = name_len + (value.n ? 1 + value.n : 0);
	char *p = take(s, n);

	if (!p)
		return ERR_NOMEM;
	memcpy(p, name, name_len);
	if (value.n) {
		p[name_len] = ':';
		memcpy(p + name_len + 1, value.p, value.n);
	}
	return sdp_line_add(s, section, NULL, 'a', str_make(p, n));
}

/* Returns `text`, or `preset` if `text` is empty. */
static struct str or_else(struct str text, const char *preset)
{
	return text.n ? text : str_of(preset);
}

enum err sdp_media_set(struct sdp *s, unsigned media, uint16_t port, struct str proto)
{
	struct sdp_media *m = &s->media[media];
	struct str kind = or_else(m->kind, "audio"),
		   formats = port ? m->formats : or_else(m->formats, "0");
	size_t room = kind.n + proto.n + formats.n + 32;
	char *p = take(s, room);
	struct sdp_line *l = sdp_next(s, (int)media, NULL);
	enum err e;
	int n;

	if (!p)
		return ERR_NOMEM;
	n = snprintf(p, room, "%.*s %u %.*s%s%.*s", STR_ARG(kind), port, STR_ARG(proto),
	             formats.n ? " " : "", STR_ARG(formats));
	e = sdp_line_set(s, l, str_make(p, (size_t)n));
	if (!e)
		parse_media(m, l);
	return e;
}

enum err sdp_media_append(struct sdp *s, struct str kind, struct str proto)
{
	struct link *lines = lines_of(s, (int)s->n_media - 1);
	struct sdp_line *l = take(s, sizeof(*l)), *last = last_line(s, (int)s->n_media - 1);

	if (!l)
		return ERR_NOMEM;
	/* Remove blank lines at the end, which would stand between the m-lines. */
	while (lines->prev != &last->link)
		list_remove(lines->prev);
	*l = (struct sdp_line){.type = 'm', .end_len = last->end_len};
	last->end_len = s->end_len ? s->end_len : 2;
	CHECK(add_media(s, l));
	list_add_tail(lines_of(s, (int)s->n_media - 1), &l->link);
	s->media[s->n_media - 1].kind = kind;
	return sdp_media_set(s, s->n_media - 1, 0, or_else(proto, "RTP/AVP"));
}

enum err sdp_media_reject(struct sdp *s, unsigned media)
{
	enum err e = sdp_media_set(s, media, 0, or_else(s->media[media].proto, "RTP/AVP"));

	if (e)
		return e;
	LIST_EACH (it, lines_of(s, (int)media)) {
		struct sdp_line *l = LIST_OF(it, struct sdp_line, link);

		/* RFC 5888: a rejected m-line keeps its mid. */
		if (l->type != 'm' && l->type && !sdp_line_is_attr(l, "mid", NULL))
			list_remove(it);
	}
	return ERR_OK;
}
