/* SPDX-License-Identifier: MIT */
/* JSON from strangers: read as jansson reads it or refused as there, and what is written reads the same again, where no fraction was rounded. */
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "control/doc_json.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Objects keep the order they came in here, and have none there. */
static bool same(const struct doc *d, const json_t *j)
{
	size_t i = 0;

	switch (d->kind) {
	case DOC_NULL:
		return json_is_null(j);
	case DOC_BOOL:
		return json_is_boolean(j) && json_is_true(j) == d->truth;
	case DOC_INT:
		return json_is_integer(j) && json_integer_value(j) == d->number;
	case DOC_REAL:
		return json_is_real(j) && json_real_value(j) == d->real;
	case DOC_TEXT:
		return json_is_string(j) && str_eq(d->text, str_make(json_string_value(j), json_string_length(j))) && d->text.p[d->text.n] == '\0';
	case DOC_LIST:
		if (json_array_size(j) != d->n)
			return false;
		for (DOC_EACH(it, d))
			if (!same(it, json_array_get(j, i++)))
				return false;
		return json_is_array(j);
	case DOC_DICT:
		break;
	}
	if (!json_is_object(j) || json_object_size(j) != d->n)
		return false;
	for (DOC_EACH(it, d))
		if (!json_object_get(j, it->key.p) || !same(it, json_object_get(j, it->key.p)))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct buf once = {0}, twice = {0};
	struct doc_arena *a;
	struct doc *d = NULL;
	json_t *j;
	enum err e;

	CHECK(!doc_arena_new(&a));
	e = doc_json_decode(&d, a, text, NULL);
	j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	/* Ours goes less deep, and takes no NUL behind the end, which jansson takes for the end. */
	CHECK(e == ERR_TOO_BIG || (e == ERR_OK) == (j != NULL && !memchr(text.p, '\0', text.n)));
	if (!e) {
		CHECK(same(d, j));
		/* A fraction is written in six digits, and a whole one reads as a number: from then on all is the same. */
		for (unsigned i = 0; i < 3; i++) {
			buf_free(&once);
			once = twice;
			twice = (struct buf){0};
			doc_json_encode(&twice, d);
			CHECK(!doc_json_decode(&d, a, buf_as_str(&twice), NULL));
		}
		CHECK(str_eq(buf_as_str(&once), buf_as_str(&twice)));
	}
	json_decref(j);
	doc_arena_free(a);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
