/* SPDX-License-Identifier: MIT */
/* JSON to a tree of values, by jansson, and back. */
#include <inttypes.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/secret.h"
#include "control/doc.h"

/* jansson's own copies of a message hold its keys too: each block remembers its size and is wiped when given back. */
union block {
	size_t bytes;
	max_align_t align;
};

static void *wiping_alloc(size_t bytes)
{
	union block *b = bytes < SIZE_MAX - sizeof(*b) ? mem_alloc(sizeof(*b) + bytes) : NULL;

	if (!b)
		return NULL;
	b->bytes = bytes;
	return b + 1;
}

static void wiping_free(void *p)
{
	union block *b = p;

	if (!b)
		return;
	b--;
	secret_wipe(b + 1, b->bytes);
	mem_free(b);
}

static enum err copy_value(struct doc *d, struct doc_node *parent, struct str name, json_t *j, unsigned depth);

static enum err copy_object(struct doc *d, struct doc_node *node, json_t *j, unsigned depth)
{
	const char *key;
	json_t *value;

	json_object_foreach(j, key, value) {
		enum err e = copy_value(d, node, str_of(key), value, depth);

		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err copy_array(struct doc *d, struct doc_node *node, json_t *j, unsigned depth)
{
	size_t i;
	json_t *value;

	json_array_foreach(j, i, value) {
		enum err e = copy_value(d, node, STR(""), value, depth);

		if (e)
			return e;
	}
	return ERR_OK;
}

static enum doc_kind kind_of(const json_t *j)
{
	static const enum doc_kind kinds[] = {
		[JSON_OBJECT] = DOC_MAP,  [JSON_ARRAY] = DOC_LIST, [JSON_STRING] = DOC_TEXT, [JSON_INTEGER] = DOC_INT,
		[JSON_REAL] = DOC_REAL,   [JSON_TRUE] = DOC_BOOL,  [JSON_FALSE] = DOC_BOOL,  [JSON_NULL] = DOC_NULL,
	};

	return kinds[json_typeof(j)];
}

static enum err copy_value(struct doc *d, struct doc_node *parent, struct str name, json_t *j, unsigned depth)
{
	struct doc_node *node;

	if (depth > DOC_DEPTH_MAX)
		return ERR_TOO_BIG;
	node = doc_add(d, parent, name, kind_of(j));
	if (!node)
		return ERR_NOMEM;
	node->flag = json_is_true(j);
	node->number = json_integer_value(j);
	node->real = json_number_value(j);
	if (node->kind == DOC_TEXT)
		doc_set_text(d, node, str_make(json_string_value(j), json_string_length(j)));
	if (node->kind == DOC_MAP)
		return copy_object(d, node, j, depth + 1);
	if (node->kind == DOC_LIST)
		return copy_array(d, node, j, depth + 1);
	return ERR_OK;
}

enum err doc_json_parse(struct doc **out, struct str text, struct why *why)
{
	json_error_t at;
	json_t *j;
	struct doc *d = NULL;
	enum err e;

	json_set_alloc_funcs(wiping_alloc, wiping_free);
	j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
	if (!j) {
		if (json_error_code(&at) == json_error_out_of_memory)
			return why_fail(why, ERR_NOMEM, "out of memory");
		/* jansson quotes the text near a fault, which may be a key: say the place only. */
		return why_fail(why, ERR_SYNTAX, "not JSON: fault at line %d, column %d", at.line, at.column);
	}
	e = doc_new(&d);
	if (!e)
		e = copy_value(d, NULL, STR(""), j, 0);
	if (!e && !doc_ok(d))
		e = ERR_NOMEM;
	json_decref(j);
	if (e) {
		doc_free(d);
		if (e == ERR_TOO_BIG)
			return why_fail(why, e, "nested deeper than %d levels", DOC_DEPTH_MAX);
		return why_fail(why, e, "out of memory");
	}
	*out = d;
	return ERR_OK;
}

/* Length of the UTF-8 sequence at `p`, 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	static const struct {
		uint8_t first_low, first_high, second_low, second_high, len;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (p[0] < forms[i].first_low || p[0] > forms[i].first_high)
			continue;
		if (left < forms[i].len || p[1] < forms[i].second_low || p[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

void doc_json_quote(struct str text, struct buf *out)
{
	buf_char(out, '"');
	for (size_t i = 0; i < text.n;) {
		size_t len = utf8_len((const uint8_t *)text.p + i, text.n - i);
		char c = text.p[i];

		if (len == 0)
			buf_text(out, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if ((uint8_t)c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_add(out, text.p + i, len);
		i += len ? len : 1;
	}
	buf_char(out, '"');
}

static void new_line(bool indent, unsigned depth, struct buf *out)
{
	if (!indent)
		return;
	buf_char(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_text(out, "  ");
}

static void print_value(const struct doc_node *node, bool indent, unsigned depth, struct buf *out)
{
	bool map = node->kind == DOC_MAP;

	switch (node->kind) {
	case DOC_NULL: buf_text(out, "null"); return;
	case DOC_BOOL: buf_text(out, node->flag ? "true" : "false"); return;
	case DOC_INT: buf_printf(out, "%" PRId64, node->number); return;
	case DOC_REAL: buf_printf(out, "%.15g", node->real); return;
	case DOC_TEXT: doc_json_quote(node->text, out); return;
	case DOC_LIST:
	case DOC_MAP: break;
	}
	buf_char(out, map ? '{' : '[');
	DOC_EACH(it, node) {
		if (it != node->first)
			buf_char(out, ',');
		new_line(indent, depth + 1, out);
		if (map) {
			doc_json_quote(it->name, out);
			buf_text(out, indent ? ": " : ":");
		}
		print_value(it, indent, depth + 1, out);
	}
	if (node->n)
		new_line(indent, depth, out);
	buf_char(out, map ? '}' : ']');
}

void doc_json_print(const struct doc_node *node, bool indent, struct buf *out)
{
	print_value(node, indent, 0, out);
}
