/* SPDX-License-Identifier: MIT */
/*
 * JSON text becomes a doc (RFC 8259), straight into the arena: a general parser's tree of its own, made, copied and wiped again, was a third of
 * a request's cost.
 */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "control/doc_json.h"

/* What the decoder carries along. The first fault stays. */
struct reader {
	const char *at, *end;
	struct doc_arena *arena;
	enum err e;
	const char *fault;
};

/* Names are compared one by one up to so many, then by a table: a stranger's object of many names must not cost their square. */
enum { FEW_NAMES = 16 };

static struct doc *read_value(struct reader *r, unsigned depth);

static void stop(struct reader *r, enum err e, const char *fault)
{
	if (r->e)
		return;
	r->e = e;
	r->fault = fault;
}

static void stop_syntax(struct reader *r)
{
	stop(r, ERR_SYNTAX, r->at == r->end ? "it ends too early" : "not JSON");
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The next character after blanks, not taken; NUL at the end, which no rule takes. */
static char peek(struct reader *r)
{
	skip_blanks(r);
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* --- text --------------------------------------------------------------------------------------------- */

static bool is_continuation(const char *p, const char *end)
{
	return p < end && ((uint8_t)*p & 0xc0) == 0x80;
}

/* Octets of the character at `p`; 0: no UTF-8 (RFC 3629 4: no overlong form, no surrogate, nothing above U+10FFFF). */
static size_t utf8_len(const char *p, const char *end)
{
	uint8_t a = (uint8_t)p[0], b;

	if (a < 0x80)
		return 1;
	if (a < 0xc2 || a > 0xf4 || !is_continuation(p + 1, end))
		return 0;
	b = (uint8_t)p[1];
	if (a < 0xe0)
		return 2;
	if (!is_continuation(p + 2, end) || (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
		return 0;
	if (a < 0xf0)
		return 3;
	if (!is_continuation(p + 3, end) || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
		return 0;
	return 4;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static bool read_hex4(struct reader *r, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++, r->at++) {
		char c = r->at < r->end ? *r->at : '\0';

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return stop_syntax(r), false;
	}
	*out = v;
	return true;
}

/* Behind "\u". Two halves of a pair are one character (RFC 8259 7); half a pair is none. */
static size_t read_unicode(struct reader *r, char *out)
{
	uint32_t c, low;

	if (!read_hex4(r, &c))
		return 0;
	if (c == 0) {
		stop(r, ERR_SYNTAX, "a NUL character");
		return 0;
	}
	if (c >= 0xd800 && c <= 0xdbff) {
		if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') {
			stop_syntax(r);
			return 0;
		}
		r->at += 2;
		if (!read_hex4(r, &low))
			return 0;
		if (low < 0xdc00 || low > 0xdfff) {
			stop_syntax(r);
			return 0;
		}
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
	} else if (c >= 0xdc00 && c <= 0xdfff) {
		stop_syntax(r);
		return 0;
	}
	return put_utf8(out, c);
}

/* Behind the backslash. Writes no more octets than were read. */
static size_t read_escape(struct reader *r, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = r->at < r->end && *r->at ? strchr(from, *r->at) : NULL;

	if (r->at < r->end && *r->at == 'u') {
		r->at++;
		return read_unicode(r, out);
	}
	if (!found) {
		stop_syntax(r);
		return 0;
	}
	r->at++;
	*out = to[found - from];
	return 1;
}

/* Plain characters, up to a quote, a backslash or a fault. */
static void skip_plain(struct reader *r)
{
	while (r->at < r->end && *r->at != '"' && *r->at != '\\') {
		uint8_t c = (uint8_t)*r->at;
		size_t n = c < 0x80 ? 1 : utf8_len(r->at, r->end);

		if (c < 0x20) {
			stop(r, ERR_SYNTAX, c ? "not JSON" : "a NUL character");
			return;
		}
		if (n == 0) {
			stop(r, ERR_SYNTAX, "not UTF-8");
			return;
		}
		r->at += n;
	}
	if (r->at == r->end)
		stop_syntax(r);
}

/* The rest of a text that has escapes; `from` begins it. It can't grow. */
static struct str read_escaped(struct reader *r, const char *from)
{
	const char *close = r->at;
	size_t n = (size_t)(r->at - from);
	char *out;

	/* The room it takes: up to the quote that no backslash precedes. */
	while (close < r->end && *close != '"')
		close += *close == '\\' && close + 1 < r->end ? 2 : 1;
	out = doc_arena_take(r->arena, (size_t)(close - from) + 1);
	if (!out) {
		stop(r, ERR_NOMEM, "out of memory");
		return STR("");
	}
	memcpy(out, from, n);
	while (!r->e && *r->at == '\\') {
		const char *run;

		r->at++;
		n += read_escape(r, out + n);
		run = r->at;
		if (!r->e)
			skip_plain(r);
		memcpy(out + n, run, (size_t)(r->at - run));
		n += (size_t)(r->at - run);
	}
	if (!r->e)
		r->at++;
	return str_make(out, n);
}

/* At the opening quote. */
static struct str read_text(struct reader *r)
{
	const char *from = ++r->at;
	struct str s;

	skip_plain(r);
	if (r->e)
		return STR("");
	if (*r->at == '\\')
		return read_escaped(r, from);
	s = doc_arena_text(r->arena, str_make(from, (size_t)(r->at - from)));
	r->at++;
	return s;
}

/* --- numbers and words -------------------------------------------------------------------------------- */

static size_t skip_digits(struct reader *r)
{
	const char *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (size_t)(r->at - from);
}

static bool take_one_of(struct reader *r, const char *set)
{
	if (r->at == r->end || !*r->at || !strchr(set, *r->at))
		return false;
	r->at++;
	return true;
}

static struct doc *integer(struct reader *r, struct str digits, bool is_negative)
{
	uint64_t most = is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, v = 0;

	if (str_to_u64(digits, most, &v)) {
		stop(r, ERR_SYNTAX, "a number beyond 64 bits");
		return NULL;
	}
	return doc_int(r->arena, (int64_t)(is_negative ? 0 - v : v));
}

static struct doc *real(struct reader *r, struct str text)
{
	/* Ended by a NUL, as strtod needs it. */
	double v = strtod(doc_arena_text(r->arena, text).p, NULL);

	if (!isfinite(v)) {
		stop(r, ERR_SYNTAX, "a number beyond 64 bits");
		return NULL;
	}
	return doc_real(r->arena, v);
}

static struct doc *read_number(struct reader *r)
{
	const char *from = r->at, *digits;
	bool is_negative = take_one_of(r, "-"), is_real = false;

	digits = r->at;
	if (skip_digits(r) == 0 || (*digits == '0' && r->at - digits > 1)) {
		stop_syntax(r);
		return NULL;
	}
	if (take_one_of(r, ".")) {
		is_real = true;
		if (!skip_digits(r))
			stop_syntax(r);
	}
	if (take_one_of(r, "eE")) {
		is_real = true;
		(void)take_one_of(r, "+-");
		if (!skip_digits(r))
			stop_syntax(r);
	}
	if (r->e)
		return NULL;
	if (is_real)
		return real(r, str_make(from, (size_t)(r->at - from)));
	return integer(r, str_make(digits, (size_t)(r->at - digits)), is_negative);
}

static struct doc *read_word(struct reader *r)
{
	struct str left = str_make(r->at, (size_t)(r->end - r->at));

	if (str_starts(left, "null"))
		return r->at += 4, doc_null(r->arena);
	if (str_starts(left, "true"))
		return r->at += 4, doc_bool(r->arena, true);
	if (str_starts(left, "false"))
		return r->at += 5, doc_bool(r->arena, false);
	stop_syntax(r);
	return NULL;
}

/* --- lists and objects -------------------------------------------------------------------------------- */

/* After a member: true when another follows, false at the end or a fault. */
static bool goes_on(struct reader *r, char close)
{
	if (r->e || take(r, close))
		return false;
	if (take(r, ','))
		return true;
	stop_syntax(r);
	return false;
}

static struct doc *read_list(struct reader *r, unsigned depth)
{
	struct doc *d = doc_list(r->arena);

	r->at++;
	if (take(r, ']'))
		return d;
	do {
		doc_append(d, read_value(r, depth));
	} while (goes_on(r, ']'));
	return d;
}

/* Names of the object so far: few are looked at one by one. */
static void check_name(struct reader *r, const struct doc *d, struct map **many, struct str name)
{
	enum err e = ERR_OK;

	if (!d)
		return;
	if (d->n < FEW_NAMES) {
		for (DOC_EACH(it, d))
			if (str_eq(it->key, name))
				stop(r, ERR_SYNTAX, "a name twice in one object");
		return;
	}
	if (!*many) {
		e = map_new(many);
		for (const struct doc *it = d->first; it && !e; it = it->next)
			e = map_put(*many, it->key.p, it->key.n, *many);
	}
	if (!e)
		e = map_put(*many, name.p, name.n, *many);
	if (e == ERR_EXISTS)
		stop(r, ERR_SYNTAX, "a name twice in one object");
	else if (e)
		stop(r, ERR_NOMEM, "out of memory");
}

static struct doc *read_dict(struct reader *r, unsigned depth)
{
	struct doc *d = doc_dict(r->arena);
	struct map *many = NULL;

	r->at++;
	if (take(r, '}'))
		return d;
	do {
		struct str name = STR("");

		if (peek(r) == '"')
			name = read_text(r);
		else
			stop_syntax(r);
		if (!r->e)
			check_name(r, d, &many, name);
		if (!r->e && !take(r, ':'))
			stop_syntax(r);
		if (!r->e)
			doc_set_str(d, name, read_value(r, depth));
	} while (goes_on(r, '}'));
	map_free(many);
	return d;
}

static struct doc *read_value(struct reader *r, unsigned depth)
{
	char c = peek(r);

	if (doc_arena_failed(r->arena))
		stop(r, ERR_NOMEM, "out of memory");
	if (r->e)
		return NULL;
	if (c == '"')
		return doc_borrow(r->arena, read_text(r));
	if ((c >= '0' && c <= '9') || c == '-')
		return read_number(r);
	if (c != '{' && c != '[')
		return read_word(r);
	if (depth == DOC_DEPTH_MAX) {
		stop(r, ERR_TOO_BIG, "nested too deep");
		return NULL;
	}
	return c == '{' ? read_dict(r, depth + 1) : read_list(r, depth + 1);
}

/* The text near the fault may be a key: its place is told, never its words. */
static enum err tell_fault(const struct reader *r, struct str text, struct why *why)
{
	unsigned line = 1, column = 0;

	if (r->e == ERR_NOMEM)
		return why_fail(why, r->e, "out of memory");
	if (r->e == ERR_TOO_BIG)
		return why_fail(why, r->e, "JSON nested deeper than %d", DOC_DEPTH_MAX);
	for (const char *p = text.p; p < r->at; p++) {
		column = *p == '\n' ? 0 : column + 1;
		line += *p == '\n';
	}
	return why_fail(why, r->e, "JSON, line %u column %u: %s", line, column, r->fault);
}

enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text, struct why *why)
{
	struct reader r = {.at = text.p, .end = text.p + text.n, .arena = a};
	struct doc *d;

	if (text.n > DOC_TEXT_MAX)
		return why_fail(why, ERR_TOO_BIG, "JSON of %zu octets, at most %d are read", text.n, DOC_TEXT_MAX);
	d = read_value(&r, 0);
	if (!r.e && doc_arena_failed(a))
		stop(&r, ERR_NOMEM, "out of memory");
	skip_blanks(&r);
	if (!r.e && r.at != r.end)
		stop(&r, ERR_SYNTAX, "something follows its end");
	if (r.e)
		return tell_fault(&r, text, why);
	*out = d;
	return ERR_OK;
}
