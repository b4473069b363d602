/* SPDX-License-Identifier: MIT */
/* Reads, writes, copies and compares the list of media; finds a media by its id. */
#include "base/mem.h"
#include "control/session/spec_schema.h"

enum err spec_media_grow(struct spec_media_list *list, unsigned n)
{
	struct spec_media *items;

	if (n > RELAY_MEDIA_MAX)
		return ERR_LIMIT;
	items = mem_resize(list->items, n, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	memset(items + list->n, 0, (n - list->n) * sizeof(*items));
	list->items = items;
	list->n = (uint8_t)n;
	return ERR_OK;
}

struct spec_media *spec_media_find(const struct spec_media_list *list, struct str id)
{
	for (unsigned i = 0; i < list->n; i++)
		if (str_is(id, list->items[i].id))
			return &list->items[i];
	return NULL;
}

static enum err media_read_one(struct schema_in *in, const struct doc *d,
                               struct spec_media_list *list)
{
	struct spec_media *m;
	enum err e;

	if (spec_media_grow(list, list->n + 1))
		return list->n < RELAY_MEDIA_MAX
		               ? schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory")
		               : schema_refuse(in, ERR_LIMIT, NULL, NULL,
		                               "a session has at most %d media", RELAY_MEDIA_MAX);
	m = &list->items[list->n - 1];
	e = schema_read(in, &spec_media_schema, d, m);
	if (!e && spec_media_find(list, str_of(m->id)) != m)
		e = schema_refuse(in, ERR_EXISTS, NULL, NULL, "this media id is in the list twice");
	return e;
}

static enum err media_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	enum err e = ERR_OK;
	unsigned i = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list");
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter_index(in, i++);

		e = media_read_one(in, it, at);
		schema_leave(in, mark);
	}
	return e;
}

static struct doc *media_write(const struct schema_out *out, const struct schema_field *f,
                               const void *at)
{
	const struct spec_media_list *list = at;
	struct doc *d = doc_list(out->arena);

	(void)f;
	for (unsigned i = 0; i < list->n; i++)
		doc_append(d, schema_write(out, &spec_media_schema, &list->items[i]));
	return d;
}

static void media_fini(const struct schema_field *f, void *at)
{
	struct spec_media_list *list = at;

	(void)f;
	for (unsigned i = 0; i < list->n; i++)
		schema_fini(&spec_media_schema, &list->items[i]);
	mem_free(list->items);
	*list = (struct spec_media_list){0};
}

static enum err media_copy(const struct schema_field *f, void *to, const void *from)
{
	const struct spec_media_list *list = from;
	struct spec_media_list copy = {0};
	enum err e = list->n ? spec_media_grow(&copy, list->n) : ERR_OK;

	for (unsigned i = 0; i < list->n && !e; i++)
		e = schema_copy(&spec_media_schema, &copy.items[i], &list->items[i]);
	if (e) {
		media_fini(f, &copy);
		return e;
	}
	media_fini(f, to);
	*(struct spec_media_list *)to = copy;
	return ERR_OK;
}

static bool media_eq(const struct schema_field *f, const void *a, const void *b)
{
	const struct spec_media_list *x = a, *y = b;

	(void)f;
	if (x->n != y->n)
		return false;
	for (unsigned i = 0; i < x->n; i++)
		if (!schema_eq(&spec_media_schema, &x->items[i], &y->items[i]))
			return false;
	return true;
}

const struct schema_type spec_media_type = {.read = media_read,
                                            .write = media_write,
                                            .copy = media_copy,
                                            .eq = media_eq,
                                            .fini = media_fini};

struct spec_media *spec_find_media(const struct spec_session *s, struct str id)
{
	return spec_media_find(&s->media, id);
}

struct spec_media *spec_patch_media(struct spec_session *patch, struct str id)
{
	struct spec_media *m = spec_media_find(&patch->media, id);

	if (m)
		return m;
	if (id.n >= sizeof(m->id) || spec_media_grow(&patch->media, patch->media.n + 1u))
		return NULL;
	m = &patch->media.items[patch->media.n - 1];
	memcpy(m->id, id.p, id.n);
	SPEC_HAS(m, SPEC_MEDIA_ID);
	SPEC_HAS(patch, SPEC_SESSION_MEDIA);
	return m;
}
