/* SPDX-License-Identifier: MIT */
/* Creates docs in an arena, whose memory is wiped before it is used again or freed. */
#include "control/doc/doc.h"

#include "base/mem.h"
#include "base/secret.h"

enum { CHUNK_BYTES = 16384 - 64 };

struct doc_chunk {
	struct doc_chunk *next;
	size_t used, room;
	_Alignas(8) uint8_t octets[];
};

/* `first` is kept until the arena is freed; most messages fit into it. Reset frees the others. */
struct doc_arena {
	struct doc_chunk *first, *last;
	bool failed;
};

static struct doc_chunk *doc_chunk_new(size_t room)
{
	struct doc_chunk *c = mem_alloc(sizeof(*c) + room);

	if (c)
		c->room = room;
	return c;
}

enum err doc_arena_new(struct doc_arena **out)
{
	struct doc_arena *a = mem_alloc(sizeof(*a));
	struct doc_chunk *c = a ? doc_chunk_new(CHUNK_BYTES) : NULL;

	if (!c) {
		mem_free(a);
		return ERR_NOMEM;
	}
	a->first = a->last = c;
	*out = a;
	return ERR_OK;
}

void doc_arena_reset(struct doc_arena *a)
{
	struct doc_chunk *c = a->first->next;

	while (c) {
		struct doc_chunk *next = c->next;

		secret_wipe(c->octets, c->used);
		mem_free(c);
		c = next;
	}
	secret_wipe(a->first->octets, a->first->used);
	a->first->used = 0;
	a->first->next = NULL;
	a->last = a->first;
	a->failed = false;
}

void doc_arena_free(struct doc_arena *a)
{
	if (!a)
		return;
	doc_arena_reset(a);
	mem_free(a->first);
	mem_free(a);
}

bool doc_arena_failed(const struct doc_arena *a)
{
	return a->failed;
}

/* Returns zeroed memory: a chunk is zero when new, and doc_arena_reset zeroes what was used. */
void *doc_arena_take(struct doc_arena *a, size_t bytes)
{
	size_t need = (bytes + 7) & ~(size_t)7;
	struct doc_chunk *c = a->last;

	if (need < bytes || a->failed)
		return NULL;
	if (need > c->room - c->used) {
		c = doc_chunk_new(need > CHUNK_BYTES ? need : CHUNK_BYTES);
		if (!c) {
			a->failed = true;
			return NULL;
		}
		a->last->next = c;
		a->last = c;
	}
	c->used += need;
	return c->octets + c->used - need;
}

struct str doc_arena_text(struct doc_arena *a, struct str s)
{
	char *p = doc_arena_take(a, s.n + 1);

	if (!p)
		return STR("");
	if (s.n)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

static struct doc *doc_node(struct doc_arena *a, enum doc_kind kind)
{
	struct doc *d = doc_arena_take(a, sizeof(*d));

	if (d)
		d->kind = kind;
	return d;
}

struct doc *doc_null(struct doc_arena *a)
{
	return doc_node(a, DOC_NULL);
}

struct doc *doc_bool(struct doc_arena *a, bool v)
{
	struct doc *d = doc_node(a, DOC_BOOL);

	if (d)
		d->truth = v;
	return d;
}

struct doc *doc_int(struct doc_arena *a, int64_t v)
{
	struct doc *d = doc_node(a, DOC_INT);

	if (d)
		d->number = v;
	return d;
}

struct doc *doc_uint(struct doc_arena *a, uint64_t v)
{
	return doc_int(a, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

struct doc *doc_real(struct doc_arena *a, double v)
{
	struct doc *d = doc_node(a, DOC_REAL);

	if (d)
		d->real = v;
	return d;
}

struct doc *doc_borrow(struct doc_arena *a, struct str s)
{
	struct doc *d = doc_node(a, DOC_TEXT);

	if (d)
		d->text = s;
	return d;
}

struct doc *doc_text(struct doc_arena *a, struct str s)
{
	return doc_borrow(a, doc_arena_text(a, s));
}

struct doc *doc_list(struct doc_arena *a)
{
	return doc_node(a, DOC_LIST);
}

struct doc *doc_dict(struct doc_arena *a)
{
	return doc_node(a, DOC_DICT);
}

void doc_append(struct doc *list, struct doc *v)
{
	if (!list || !v)
		return;
	if (list->last)
		list->last->next = v;
	else
		list->first = v;
	list->last = v;
	list->n++;
}

void doc_set_str(struct doc *dict, struct str key, struct doc *v)
{
	if (!v)
		return;
	v->key = key;
	doc_append(dict, v);
}

void doc_set(struct doc *dict, const char *key, struct doc *v)
{
	doc_set_str(dict, str_of(key), v);
}

void doc_set_text(struct doc_arena *a, struct doc *dict, const char *key, struct str v)
{
	doc_set(dict, key, doc_text(a, v));
}

void doc_set_uint(struct doc_arena *a, struct doc *dict, const char *key, uint64_t v)
{
	doc_set(dict, key, doc_uint(a, v));
}

void doc_set_bool(struct doc_arena *a, struct doc *dict, const char *key, bool v)
{
	doc_set(dict, key, doc_bool(a, v));
}

struct doc *doc_find(struct doc *dict, const char *key)
{
	if (!dict || dict->kind != DOC_DICT)
		return NULL;
	for (struct doc *d = dict->first; d; d = d->next)
		if (str_is(d->key, key))
			return d;
	return NULL;
}

const struct doc *doc_get(const struct doc *dict, const char *key)
{
	return doc_find((struct doc *)(uintptr_t)dict, key);
}

struct str doc_get_text(const struct doc *dict, const char *key)
{
	const struct doc *d = doc_get(dict, key);

	return d && d->kind == DOC_TEXT ? d->text : STR("");
}

const char *doc_kind_name(enum doc_kind k)
{
	static const char *const names[] = {
		[DOC_NULL] = "null",       [DOC_BOOL] = "true or false", [DOC_INT] = "an integer",
		[DOC_REAL] = "a fraction", [DOC_TEXT] = "a string",      [DOC_LIST] = "a list",
		[DOC_DICT] = "an object",
	};

	return names[k];
}
