/* SPDX-License-Identifier: MIT */
/* The doorway to jansson: JSON text becomes a doc, a doc becomes JSON text. */
#include "control/doc_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/mem.h"
#include "base/secret.h"

/* The parser's blocks carry their size, so that each is wiped when it is given back: any of them may have held a key. */
struct parser_block {
	_Alignas(16) size_t bytes;
	_Alignas(16) uint8_t octets[];
};

/* The parser's text buffer passes over a failed allocation and goes on with part of the text: remembered here. */
static bool parser_ran_out;

static void *parser_alloc(size_t bytes)
{
	struct parser_block *b = mem_alloc(sizeof(*b) + bytes);

	if (!b) {
		parser_ran_out = true;
		return NULL;
	}
	b->bytes = bytes;
	return b->octets;
}

static void parser_free(void *p)
{
	struct parser_block *b;

	if (!p)
		return;
	b = (struct parser_block *)(void *)((uint8_t *)p - offsetof(struct parser_block, octets));
	secret_wipe(b->octets, b->bytes);
	mem_free(b);
}

static struct doc *from_json(struct doc_arena *a, json_t *j, unsigned depth, bool *too_deep);

static struct doc *list_from_json(struct doc_arena *a, json_t *j, unsigned depth, bool *too_deep)
{
	struct doc *d = doc_list(a);

	for (size_t i = 0; i < json_array_size(j); i++)
		doc_append(d, from_json(a, json_array_get(j, i), depth + 1, too_deep));
	return d;
}

static struct doc *dict_from_json(struct doc_arena *a, json_t *j, unsigned depth, bool *too_deep)
{
	struct doc *d = doc_dict(a);

	for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
		struct str key = doc_arena_text(a, str_of(json_object_iter_key(it)));

		doc_set_str(d, key, from_json(a, json_object_iter_value(it), depth + 1, too_deep));
	}
	return d;
}

static struct doc *from_json(struct doc_arena *a, json_t *j, unsigned depth, bool *too_deep)
{
	if (depth > DOC_DEPTH_MAX) {
		*too_deep = true;
		return NULL;
	}
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return dict_from_json(a, j, depth, too_deep);
	case JSON_ARRAY:
		return list_from_json(a, j, depth, too_deep);
	case JSON_STRING:
		return doc_text(a, str_make(json_string_value(j), json_string_length(j)));
	case JSON_INTEGER:
		return doc_int(a, json_integer_value(j));
	case JSON_REAL:
		return doc_real(a, json_real_value(j));
	case JSON_TRUE:
	case JSON_FALSE:
		return doc_bool(a, json_is_true(j));
	case JSON_NULL:
		break;
	}
	return doc_null(a);
}

/* Nesting is bounded before the parser sees the text: it recurses. Brackets inside strings do not count. */
static bool is_deeper_than(struct str text, unsigned max)
{
	unsigned depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (in_text) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_text = false;
		} else if (c == '"') {
			in_text = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

/* The parser's own message quotes the text near the fault, which may be a key: its code is told, never its words. */
static const char *fault_of(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "something follows its end";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL character";
	case json_error_duplicate_key:
		return "a name twice in one object";
	case json_error_numeric_overflow:
		return "a number beyond 64 bits";
	default:
		return "not JSON";
	}
}

enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text, struct why *why)
{
	json_error_t fault;
	bool too_deep = false;
	struct doc *d;
	json_t *j;

	if (text.n > DOC_TEXT_MAX)
		return why_fail(why, ERR_TOO_BIG, "JSON of %zu octets, at most %d are read", text.n, DOC_TEXT_MAX);
	if (is_deeper_than(text, DOC_DEPTH_MAX))
		return why_fail(why, ERR_TOO_BIG, "JSON nested deeper than %d", DOC_DEPTH_MAX);
	json_set_alloc_funcs(parser_alloc, parser_free);
	parser_ran_out = false;
	j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	if (parser_ran_out) {
		json_decref(j);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	if (!j)
		return why_fail(why, ERR_SYNTAX, "JSON, line %d column %d: %s", fault.line, fault.column, fault_of(&fault));
	d = from_json(a, j, 0, &too_deep);
	json_decref(j);
	if (too_deep)
		return why_fail(why, ERR_TOO_BIG, "JSON nested deeper than %d", DOC_DEPTH_MAX);
	if (doc_arena_failed(a))
		return why_fail(why, ERR_NOMEM, "out of memory");
	*out = d;
	return ERR_OK;
}

/* Runs of plain characters go out in one piece. */
static void encode_text(struct buf *out, struct str s)
{
	size_t from = 0;

	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_add(out, s.p + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\') {
			buf_char(out, '\\');
			buf_char(out, (char)c);
		} else {
			buf_printf(out, "\\u%04x", c);
		}
	}
	buf_add(out, s.p + from, s.n - from);
	buf_char(out, '"');
}

static void encode_number(struct buf *out, int64_t v)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		*--p = '-';
	buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

static void line_break(struct buf *out, int indent)
{
	if (indent >= 0)
		buf_printf(out, "\n%*s", indent * 2, "");
}

/* `indent` < 0: on one line. */
static void encode(struct buf *out, const struct doc *d, int indent)
{
	bool is_dict = d->kind == DOC_DICT;
	int inner = indent < 0 ? indent : indent + 1;

	switch (d->kind) {
	case DOC_NULL:
		buf_text(out, "null");
		return;
	case DOC_BOOL:
		buf_text(out, d->truth ? "true" : "false");
		return;
	case DOC_INT:
		encode_number(out, d->number);
		return;
	case DOC_REAL:
		if (isfinite(d->real))
			buf_printf(out, "%.6g", d->real);
		else
			buf_text(out, "null");
		return;
	case DOC_TEXT:
		encode_text(out, d->text);
		return;
	case DOC_LIST:
	case DOC_DICT:
		break;
	}
	buf_char(out, is_dict ? '{' : '[');
	for (DOC_EACH(it, d)) {
		if (it != d->first)
			buf_char(out, ',');
		line_break(out, inner);
		if (is_dict) {
			encode_text(out, it->key);
			buf_text(out, indent < 0 ? ":" : ": ");
		}
		encode(out, it, inner);
	}
	if (d->n)
		line_break(out, indent);
	buf_char(out, is_dict ? '}' : ']');
}

void doc_json_encode(struct buf *out, const struct doc *d)
{
	encode(out, d, -1);
}

void doc_json_print(struct buf *out, const struct doc *d)
{
	encode(out, d, 0);
}
