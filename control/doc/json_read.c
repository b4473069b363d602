/* SPDX-License-Identifier: MIT */
/* Decodes JSON with the library jansson. */
#include <jansson.h>

#include "control/doc/json.h"

/*
 * The arena that jansson allocates from: any block may hold a key, and the arena wipes them all.
 * Blocks are never freed one by one, so the doc borrows jansson's texts. This is a variable because
 * jansson's allocator takes no argument. Control thread only.
 */
static struct doc_arena *parser_arena;

static void *parser_take(size_t bytes)
{
	return doc_arena_take(parser_arena, bytes);
}

static void parser_give(void *p)
{
	(void)p;
}

/* --- from jansson's values to docs ---------------------------------------------- */

static struct doc *from_json(struct doc_arena *a, json_t *j);

static struct doc *list_from_json(struct doc_arena *a, const json_t *j)
{
	struct doc *d = doc_list(a);

	for (size_t i = 0; i < json_array_size(j); i++)
		doc_append(d, from_json(a, json_array_get(j, i)));
	return d;
}

static struct doc *dict_from_json(struct doc_arena *a, json_t *j)
{
	struct doc *d = doc_dict(a);

	for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
		const char *name = json_object_iter_key(it);

		doc_set_str(d, str_make(name, json_object_iter_key_len(it)),
		            from_json(a, json_object_iter_value(it)));
	}
	return d;
}

static struct doc *from_json(struct doc_arena *a, json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return dict_from_json(a, j);
	case JSON_ARRAY:
		return list_from_json(a, j);
	case JSON_STRING:
		return doc_borrow(a, str_make(json_string_value(j), json_string_length(j)));
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

/* --- limits and errors ------------------------------------------------------ */

/* Is `text` nested deeper than `max`? Ignores brackets inside strings. The check comes before
 * jansson, because jansson recurses. */
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

/* Describes the error by its code: jansson's own message quotes the text, which may be a key. */
static const char *fault_of(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_premature_end_of_input:
		return "unexpected end";
	case json_error_end_of_input_expected:
		return "text after the value";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "NUL character";
	case json_error_duplicate_key:
		return "repeated name in an object";
	case json_error_numeric_overflow:
		return "number beyond 64 bits";
	default:
		return "not JSON";
	}
}

enum err doc_json_decode(struct doc **out, struct doc_arena *a, struct str text, struct why *why)
{
	json_malloc_t take;
	json_free_t give;
	json_error_t fault;
	struct doc *d;
	json_t *j;

	if (text.n > DOC_TEXT_MAX)
		return why_fail(why, ERR_TOO_BIG,
		                "JSON of %zu octets is too long: at most %d are allowed", text.n,
		                DOC_TEXT_MAX);
	if (is_deeper_than(text, DOC_DEPTH_MAX))
		return why_fail(why, ERR_TOO_BIG,
		                "JSON is nested too deep: at most %d levels are allowed",
		                DOC_DEPTH_MAX);
	/* The allocator is restored after decoding: sluice-bench kms calls jansson too. */
	json_get_alloc_funcs(&take, &give);
	json_set_alloc_funcs(parser_take, parser_give);
	parser_arena = a;
	j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	json_set_alloc_funcs(take, give);
	/* This check comes first: after a failed allocation jansson may return a partial value. */
	if (doc_arena_failed(a))
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (!j)
		return why_fail(why, ERR_SYNTAX, "JSON, line %d column %d: %s", fault.line,
		                fault.column, fault_of(&fault));
	d = from_json(a, j);
	if (doc_arena_failed(a))
		return why_fail(why, ERR_NOMEM, "out of memory");
	*out = d;
	return ERR_OK;
}
