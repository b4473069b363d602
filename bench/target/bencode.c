/* SPDX-License-Identifier: MIT */
/* Converts bencode to and from a JSON tree with the gateway's codec (control/doc/bencode). */
#include "bench/target/bencode.h"

#include <stdlib.h>
#include <string.h>

#include "control/doc/bencode.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err doc_of(struct doc **out, struct doc_arena *a, const json_t *v);

static enum err dict_of(struct doc **out, struct doc_arena *a, const json_t *v)
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
	*out = doc_dict(a);
	for (i = 0; i < n && e == ERR_OK; i++) {
		struct doc *d = NULL;

		e = doc_of(&d, a, json_object_get(v, keys[i]));
		doc_set(*out, keys[i], d);
	}
	free(keys);
	return e;
}

static enum err list_of(struct doc **out, struct doc_arena *a, const json_t *v)
{
	enum err e = ERR_OK;

	*out = doc_list(a);
	for (size_t i = 0; i < json_array_size(v) && e == ERR_OK; i++) {
		struct doc *d = NULL;

		e = doc_of(&d, a, json_array_get(v, i));
		doc_append(*out, d);
	}
	return e;
}

/* Makes a doc tree of `v`, which must outlive it: strings and keys are borrowed. */
static enum err doc_of(struct doc **out, struct doc_arena *a, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return dict_of(out, a, v);
	case JSON_ARRAY:
		return list_of(out, a, v);
	case JSON_STRING:
		*out = doc_borrow(a, str_make(json_string_value(v), json_string_length(v)));
		return ERR_OK;
	case JSON_INTEGER:
		*out = doc_int(a, json_integer_value(v));
		return ERR_OK;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = doc_bool(a, json_is_true(v));
		return ERR_OK;
	case JSON_REAL:
	case JSON_NULL:
		break;
	}
	return ERR_UNSUPPORTED;
}

enum err bencode_print(const json_t *v, struct buf *out)
{
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	enum err e = doc_arena_new(&a);

	if (e == ERR_OK)
		e = doc_of(&d, a, v);
	if (e == ERR_OK && doc_arena_failed(a))
		e = ERR_NOMEM;
	if (e == ERR_OK)
		doc_bencode_encode(out, d);
	doc_arena_free(a);
	return e == ERR_OK && out->bad ? ERR_NOMEM : e;
}

/* Makes a JSON value of a doc tree. NULL: out of memory, or a key that JSON cannot hold. */
static json_t *json_of(const struct doc *d)
{
	json_t *v = d->kind == DOC_DICT ? json_object() : json_array();

	switch (d->kind) {
	case DOC_INT:
		json_decref(v);
		return json_integer(d->number);
	case DOC_TEXT:
		json_decref(v);
		return json_stringn_nocheck(d->text.p ? d->text.p : "", d->text.n);
	default: /* a list or dict: bencode has no other kinds */
		break;
	}
	for (DOC_EACH(it, d)) {
		char key[256];
		bool ok = d->kind == DOC_LIST
		                  ? json_array_append_new(v, json_of(it)) == 0
		                  : str_find(it->key, '\0') == it->key.n &&
		                            str_copy(it->key, key, sizeof(key)) == ERR_OK &&
		                            json_object_set_new_nocheck(v, key, json_of(it)) == 0;

		if (!ok) {
			json_decref(v);
			return NULL;
		}
	}
	return v;
}

enum err bencode_parse(json_t **out, struct str text)
{
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	json_t *v = NULL;
	enum err e = doc_arena_new(&a);

	if (e == ERR_OK)
		e = doc_bencode_decode(&d, a, text, NULL);
	if (e == ERR_OK && !(v = json_of(d)))
		e = ERR_SYNTAX;
	doc_arena_free(a);
	if (e == ERR_OK)
		*out = v;
	return e;
}
