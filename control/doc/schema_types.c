/* SPDX-License-Identifier: MIT */
/* Schema types for files: lists, sets of integers, keys in hexadecimal digits, borrowed texts. They
 * can be read but not written. */
#include <stdio.h>

#include "base/b64.h"
#include "base/secret.h"
#include "control/doc/schema.h"

static enum err slice_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	if (d->kind != DOC_TEXT || d->text.n == 0)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a string that is not empty");
	*(struct str *)at = d->text;
	return ERR_OK;
}

const struct schema_type schema_slice = {.read = slice_read};

static enum err hex_key_read(struct schema_in *in, const struct schema_field *f,
                             const struct doc *d, void *at)
{
	size_t min = 2 * (size_t)f->min, max = 2 * (size_t)f->max, len = 0;
	struct secret key = {0};

	if (d->kind != DOC_TEXT || d->text.n % 2 || d->text.n < min || d->text.n > max)
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be %zu to %zu hexadecimal digits, two for each octet",
		                     min, max);
	if (secret_make(&key, d->text.n / 2))
		return schema_refuse(in, ERR_NOMEM, f, NULL, "out of memory");
	if (hex_decode(d->text, key.octets, key.len, &len)) {
		secret_clear(&key);
		return schema_refuse(in, ERR_SYNTAX, f, d,
		                     "must consist of hexadecimal digits (0-9, a-f)");
	}
	secret_clear(at);
	*(struct secret *)at = key;
	return ERR_OK;
}

static void hex_key_fini(const struct schema_field *f, void *at)
{
	(void)f;
	secret_clear(at);
}

const struct schema_type schema_hex_key = {.read = hex_key_read, .fini = hex_key_fini};

static enum err numbers_read(struct schema_in *in, const struct schema_field *f,
                             const struct doc *d, void *at)
{
	uint64_t bits = 0;
	unsigned i = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of integers");
	for (const struct doc *it = d->first; it; it = it->next) {
		size_t mark = schema_enter_index(in, i++);

		if (it->kind != DOC_INT || it->number < f->min || it->number > f->max)
			return schema_refuse(in, ERR_RANGE, f, it,
			                     "must be an integer from %lld to %lld",
			                     (long long)f->min, (long long)f->max);
		schema_leave(in, mark);
		bits |= 1ull << it->number;
	}
	schema_put_uint(f, at, bits);
	return ERR_OK;
}

const struct schema_type schema_numbers = {.read = numbers_read};

static enum err check_count(struct schema_in *in, const struct schema_field *f, size_t n)
{
	if (n < (size_t)f->min)
		return schema_refuse(in, ERR_INVALID, f, NULL,
		                     "must have at least %lld entries, not %zu", (long long)f->min,
		                     n);
	if (f->max && n > (size_t)f->max)
		return schema_refuse(in, ERR_TOO_BIG, f, NULL,
		                     "must have at most %lld entries, not %zu", (long long)f->max,
		                     n);
	return ERR_OK;
}

static enum err list_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	unsigned i = 0;
	enum err e;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list");
	e = check_count(in, f, d->n);
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter_index(in, i++);

		e = f->item(in, f, it, at);
		schema_leave(in, mark);
	}
	return e;
}

const struct schema_type schema_list = {.read = list_read};
