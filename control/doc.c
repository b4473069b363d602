/* SPDX-License-Identifier: MIT */
/* Builds and searches the tree of values a message decodes to. */
#include "control/doc.h"

#include "base/mem.h"
#include "base/secret.h"

enum { CHUNK_BYTES = 4000, ALIGN = 8 };

struct chunk {
	struct chunk *next;
	size_t used, room;
	uint8_t octets[] __attribute__((aligned(ALIGN)));
};

struct doc {
	struct chunk *chunks;
	struct doc_node *root;
	bool bad;
};

enum err doc_new(struct doc **out)
{
	struct doc *d = mem_alloc(sizeof(*d));

	if (!d)
		return ERR_NOMEM;
	*out = d;
	return ERR_OK;
}

void doc_free(struct doc *d)
{
	if (!d)
		return;
	for (struct chunk *c = d->chunks, *next; c; c = next) {
		next = c->next;
		secret_wipe(c->octets, c->used);
		mem_free(c);
	}
	mem_free(d);
}

struct doc_node *doc_root(const struct doc *d)
{
	return d->root;
}

bool doc_ok(const struct doc *d)
{
	return !d->bad;
}

static void *pool_take(struct doc *d, size_t bytes)
{
	struct chunk *c = d->chunks;
	size_t need = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	void *p;

	if (!c || c->room - c->used < need) {
		size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;

		c = mem_alloc(sizeof(*c) + room);
		if (!c) {
			d->bad = true;
			return NULL;
		}
		c->room = room;
		c->next = d->chunks;
		d->chunks = c;
	}
	p = c->octets + c->used;
	c->used += need;
	return p;
}

static bool pool_text(struct doc *d, struct str s, struct str *out)
{
	char *p = pool_take(d, s.n + 1);

	if (!p)
		return false;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	*out = str_make(p, s.n);
	return true;
}

static void attach(struct doc *d, struct doc_node *parent, struct doc_node *node)
{
	if (!parent) {
		d->root = node;
		return;
	}
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->n++;
}

struct doc_node *doc_add(struct doc *d, struct doc_node *parent, struct str name, enum doc_kind kind)
{
	struct doc_node *node;

	if (!parent && d->root) {
		d->bad = true;
		return NULL;
	}
	node = pool_take(d, sizeof(*node));
	if (!node || !pool_text(d, name, &node->name))
		return NULL;
	node->kind = kind;
	node->text = STR("");
	attach(d, parent, node);
	return node;
}

struct doc_node *doc_add_map(struct doc *d, struct doc_node *parent, const char *name)
{
	return doc_add(d, parent, str_of(name), DOC_MAP);
}

struct doc_node *doc_add_list(struct doc *d, struct doc_node *parent, const char *name)
{
	return doc_add(d, parent, str_of(name), DOC_LIST);
}

void doc_set_text(struct doc *d, struct doc_node *node, struct str value)
{
	if (node)
		(void)pool_text(d, value, &node->text);
}

void doc_add_text(struct doc *d, struct doc_node *parent, const char *name, struct str value)
{
	doc_set_text(d, doc_add(d, parent, str_of(name), DOC_TEXT), value);
}

void doc_add_int(struct doc *d, struct doc_node *parent, const char *name, int64_t value)
{
	struct doc_node *node = doc_add(d, parent, str_of(name), DOC_INT);

	if (!node)
		return;
	node->number = value;
	node->real = (double)value;
}

void doc_add_bool(struct doc *d, struct doc_node *parent, const char *name, bool value)
{
	struct doc_node *node = doc_add(d, parent, str_of(name), DOC_BOOL);

	if (node)
		node->flag = value;
}

const struct doc_node *doc_get(const struct doc_node *map, const char *name)
{
	if (!map || map->kind != DOC_MAP)
		return NULL;
	DOC_EACH(it, map)
		if (str_is(it->name, name))
			return it;
	return NULL;
}

const char *doc_kind_name(enum doc_kind kind)
{
	static const char *const names[] = {
		[DOC_NULL] = "null", [DOC_BOOL] = "boolean", [DOC_INT] = "integer", [DOC_REAL] = "number",
		[DOC_TEXT] = "text", [DOC_LIST] = "list",    [DOC_MAP] = "object",
	};

	return names[kind];
}
