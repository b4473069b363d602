/* SPDX-License-Identifier: MIT */
/* Decodes bencode, nested at most DOC_DEPTH_MAX deep, and encodes it. */
#include "control/doc/bencode.h"

#include <stdio.h>

/* The state of decoding one text. `fault` says why decoding stopped, for `why`. */
struct reader {
	struct str text;
	size_t at;               /* offset of the next octet in `text` */
	struct doc_arena *arena; /* for the decoded values */
	enum err e;
	const char *fault;
};

static struct doc *stop(struct reader *r, enum err e, const char *fault)
{
	if (!r->e) {
		r->e = e;
		r->fault = fault;
	}
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns the octet at r->at, or NUL at the end of the text: no bencoded value has NUL there. */
static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

/* Reads a decimal number without leading zeros, and the character `end` that follows it. */
static bool read_number(struct reader *r, char end, uint64_t max, uint64_t *out)
{
	size_t from = r->at;
	struct str digits;

	while (is_digit(peek(r)))
		r->at++;
	digits = str_make(r->text.p + from, r->at - from);
	if (r->at == r->text.n)
		return stop(r, ERR_TRUNCATED, "unexpected end inside a number"), false;
	if (digits.n == 0 || peek(r) != end || (digits.n > 1 && digits.p[0] == '0'))
		return stop(r, ERR_SYNTAX, "must be a decimal number without leading zeros"), false;
	if (str_to_u64(digits, max, out))
		return stop(r, ERR_SYNTAX, "the number is too large"), false;
	r->at++;
	return true;
}

static struct str read_string(struct reader *r)
{
	uint64_t n = 0;
	struct str s;

	if (!read_number(r, ':', DOC_TEXT_MAX, &n))
		return STR("");
	if (n > r->text.n - r->at) {
		stop(r, ERR_TRUNCATED, "the string is longer than the rest of the message");
		return STR("");
	}
	s = str_make(r->text.p + r->at, (size_t)n);
	r->at += (size_t)n;
	return s;
}

static struct doc *read_integer(struct reader *r)
{
	bool negative;
	uint64_t v = 0;

	r->at++;
	negative = peek(r) == '-';
	r->at += negative;
	if (!read_number(r, 'e', INT64_MAX, &v))
		return NULL;
	if (negative && v == 0)
		return stop(r, ERR_SYNTAX, "-0 is not allowed");
	return doc_int(r->arena, negative ? -(int64_t)v : (int64_t)v);
}

static struct doc *read_value(struct reader *r, unsigned depth);

static struct doc *read_list(struct reader *r, unsigned depth)
{
	struct doc *list = doc_list(r->arena);

	r->at++;
	while (!r->e && peek(r) != 'e')
		doc_append(list, read_value(r, depth + 1));
	r->at++;
	return list;
}

static struct doc *read_dict(struct reader *r, unsigned depth)
{
	struct doc *dict = doc_dict(r->arena);

	r->at++;
	while (!r->e && peek(r) != 'e') {
		struct str key = read_string(r);

		if (dict->n >= 256)
			return stop(r, ERR_TOO_BIG, "a dictionary may have at most 256 keys");
		if (!r->e)
			doc_set_str(dict, doc_arena_text(r->arena, key), read_value(r, depth + 1));
	}
	r->at++;
	return dict;
}

static struct doc *read_value(struct reader *r, unsigned depth)
{
	char c = peek(r);

	if (r->e)
		return NULL;
	if (depth > DOC_DEPTH_MAX)
		return stop(r, ERR_TOO_BIG, "values are nested too deep");
	if (doc_arena_failed(r->arena))
		return stop(r, ERR_NOMEM, "out of memory");
	if (r->at >= r->text.n)
		return stop(r, ERR_TRUNCATED, "unexpected end");
	if (c == 'i')
		return read_integer(r);
	if (c == 'l')
		return read_list(r, depth);
	if (c == 'd')
		return read_dict(r, depth);
	if (is_digit(c))
		return doc_text(r->arena, read_string(r));
	return stop(r, ERR_SYNTAX, "a value must start with i, l, d or a digit");
}

enum err doc_bencode_decode(struct doc **out, struct doc_arena *a, struct str text, struct why *why)
{
	struct reader r = {.text = text, .arena = a};
	struct doc *d;

	if (text.n > DOC_TEXT_MAX)
		return why_fail(why, ERR_TOO_BIG,
		                "bencode of %zu octets is too long: at most %d are allowed", text.n,
		                DOC_TEXT_MAX);
	d = read_value(&r, 0);
	if (!r.e && doc_arena_failed(a))
		stop(&r, ERR_NOMEM, "out of memory");
	if (!r.e && r.at != text.n)
		stop(&r, ERR_SYNTAX, "text after the value");
	if (r.e)
		return why_fail(why, r.e, "bencode, octet %zu: %s", r.at, r.fault);
	*out = d;
	return ERR_OK;
}

static void write_string(struct buf *out, struct str s)
{
	buf_number(out, (int64_t)s.n);
	buf_char(out, ':');
	buf_str(out, s);
}

static void write_integer(struct buf *out, int64_t v)
{
	buf_char(out, 'i');
	buf_number(out, v);
	buf_char(out, 'e');
}

static void write_members(struct buf *out, const struct doc *d)
{
	buf_char(out, d->kind == DOC_DICT ? 'd' : 'l');
	for (DOC_EACH(it, d)) {
		if (d->kind == DOC_DICT)
			write_string(out, it->key);
		doc_bencode_encode(out, it);
	}
	buf_char(out, 'e');
}

static void write_real(struct buf *out, double v)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%.15g", v);

	write_string(out, str_make(text, (size_t)n));
}

void doc_bencode_encode(struct buf *out, const struct doc *d)
{
	switch (d->kind) {
	case DOC_NULL:
		write_string(out, STR(""));
		break;
	case DOC_BOOL:
		write_integer(out, d->truth);
		break;
	case DOC_INT:
		write_integer(out, d->number);
		break;
	case DOC_REAL:
		write_real(out, d->real);
		break;
	case DOC_TEXT:
		write_string(out, d->text);
		break;
	case DOC_LIST:
	case DOC_DICT:
		write_members(out, d);
		break;
	}
}
