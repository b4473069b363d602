/* SPDX-License-Identifier: MIT */
/* Bencode to and from a JSON tree. */
#include "bench/target/bencode.h"

#include <stdlib.h>
#include <string.h>

static void print_text(const char *p, size_t n, struct buf *out)
{
	buf_printf(out, "%zu:", n);
	buf_add(out, p, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err print_map(const json_t *v, struct buf *out)
{
	size_t n = json_object_size(v), i = 0;
	const char **keys = calloc(n + 1, sizeof(*keys));
	enum err e = ERR_OK;
	const char *key;
	json_t *member;

	if (!keys)
		return ERR_NOMEM;
	json_object_foreach((json_t *)v, key, member) keys[i++] = key;
	qsort(keys, n, sizeof(*keys), by_name);
	buf_char(out, 'd');
	for (i = 0; i < n && e == ERR_OK; i++) {
		print_text(keys[i], strlen(keys[i]), out);
		e = bencode_print(json_object_get(v, keys[i]), out);
	}
	buf_char(out, 'e');
	free(keys);
	return e;
}

enum err bencode_print(const json_t *v, struct buf *out)
{
	enum err e = ERR_OK;
	json_t *member;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		e = print_map(v, out);
		break;
	case JSON_ARRAY:
		buf_char(out, 'l');
		for (i = 0; i < json_array_size(v) && e == ERR_OK; i++) {
			member = json_array_get(v, i);
			e = bencode_print(member, out);
		}
		buf_char(out, 'e');
		break;
	case JSON_STRING:
		print_text(json_string_value(v), json_string_length(v), out);
		break;
	case JSON_INTEGER:
		buf_printf(out, "i%llde", (long long)json_integer_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_text(out, json_is_true(v) ? "i1e" : "i0e");
		break;
	case JSON_REAL:
	case JSON_NULL:
		e = ERR_UNSUPPORTED;
		break;
	}
	return e == ERR_OK && out->bad ? ERR_NOMEM : e;
}

/* "123:" or "i-5e": digits up to `end`, which is consumed. */
static enum err read_number(struct str *at, char end, json_int_t *out)
{
	size_t n = str_find(*at, end);
	struct str digits = str_make(at->p, n);
	bool is_negative = end == 'e' && str_starts(digits, "-");
	uint64_t v;

	if (n == at->n)
		return ERR_TRUNCATED;
	if (str_to_u64(str_skip(digits, is_negative), INT64_MAX, &v) != ERR_OK)
		return ERR_SYNTAX;
	*out = is_negative ? -(json_int_t)v : (json_int_t)v;
	*at = str_skip(*at, n + 1);
	return ERR_OK;
}

static enum err read_text(struct str *at, struct str *out)
{
	json_int_t n;
	enum err e = read_number(at, ':', &n);

	if (e != ERR_OK)
		return e;
	if ((uint64_t)n > at->n)
		return ERR_TRUNCATED;
	*out = str_make(at->p, (size_t)n);
	*at = str_skip(*at, (size_t)n);
	return ERR_OK;
}

static enum err read_value(json_t **out, struct str *at, unsigned depth);

/* Members of a list or map up to its 'e'. */
static enum err read_members(json_t *into, struct str *at, unsigned depth)
{
	enum err e = ERR_OK;

	while (at->n && at->p[0] != 'e') {
		struct str name = STR("");
		json_t *member = NULL;
		char key[256];

		if (json_is_object(into) && (e = read_text(at, &name)) != ERR_OK)
			return e;
		if (json_is_object(into) &&
		    (memchr(name.p, 0, name.n) || str_copy(name, key, sizeof(key)) != ERR_OK))
			return ERR_SYNTAX;
		if ((e = read_value(&member, at, depth + 1)) != ERR_OK)
			return e;
		if (json_is_object(into) ? json_object_set_new_nocheck(into, key, member)
		                         : json_array_append_new(into, member))
			return ERR_NOMEM;
	}
	if (at->n == 0)
		return ERR_TRUNCATED;
	*at = str_skip(*at, 1);
	return ERR_OK;
}

static enum err read_value(json_t **out, struct str *at, unsigned depth)
{
	enum err e = ERR_OK;
	json_t *v = NULL;
	json_int_t number = 0;
	struct str text = STR("");

	if (at->n == 0)
		return ERR_TRUNCATED;
	if (depth > BENCODE_DEPTH_MAX)
		return ERR_TOO_BIG;
	if (at->p[0] == 'd' || at->p[0] == 'l') {
		v = at->p[0] == 'd' ? json_object() : json_array();
		*at = str_skip(*at, 1);
		e = v ? read_members(v, at, depth) : ERR_NOMEM;
	} else if (at->p[0] == 'i') {
		*at = str_skip(*at, 1);
		e = read_number(at, 'e', &number);
		v = json_integer(number);
	} else {
		e = read_text(at, &text);
		v = json_stringn_nocheck(text.p, text.n);
	}
	if (e == ERR_OK && !v)
		e = ERR_NOMEM;
	if (e != ERR_OK) {
		json_decref(v);
		return e;
	}
	*out = v;
	return ERR_OK;
}

enum err bencode_parse(json_t **out, struct str text)
{
	json_t *v = NULL;
	enum err e = read_value(&v, &text, 0);

	if (e == ERR_OK && text.n) {
		json_decref(v);
		return ERR_SYNTAX;
	}
	if (e == ERR_OK)
		*out = v;
	return e;
}
