/* SPDX-License-Identifier: MIT */
/* The legs of a media: in JSON an object with a member for each leg; null deletes a leg. */
#include "base/mem.h"
#include "control/session/spec_schema.h"

/* Makes room for at least `n` legs. A new place is empty: its leg does not exist. ERR_NOMEM. */
static enum err legs_grow(struct spec_legs *legs, unsigned n)
{
	struct spec_leg *items;

	if (n <= legs->n)
		return ERR_OK;
	items = mem_resize(legs->items, n, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	memset(items + legs->n, 0, (n - legs->n) * sizeof(*items));
	legs->items = items;
	legs->n = (uint8_t)n;
	return ERR_OK;
}

/* Releases the leg's keys and clears its place. */
static void leg_end(struct spec_leg *leg)
{
	schema_fini(&spec_leg_schema, leg);
}

static enum err leg_read(struct schema_in *in, const struct doc *d, struct spec_legs *legs)
{
	unsigned i;
	struct spec_leg *leg;

	if (spec_leg_find(d->key, &i))
		return in->ignore_unknown ? ERR_OK
		                          : schema_refuse(in, ERR_INVALID, NULL, NULL,
		                                          "no such leg; must be a, b, b2 … b8");
	if (legs_grow(legs, i + 1))
		return schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory");
	leg = &legs->items[i];
	if (d->kind == DOC_NULL) {
		leg_end(leg);
		leg->gone = true;
		return ERR_OK;
	}
	leg->exists = true;
	leg->gone = false;
	return schema_read(in, &spec_leg_schema, d, leg);
}

static enum err legs_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct spec_legs *legs = at;
	enum err e = ERR_OK;

	if (d->kind == DOC_NULL) {
		if (legs_grow(legs, RELAY_LEGS_MAX))
			return schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory");
		for (unsigned i = 0; i < legs->n; i++) {
			leg_end(&legs->items[i]);
			legs->items[i].gone = true;
		}
		return ERR_OK;
	}
	if (d->kind != DOC_DICT)
		return schema_refuse(in, ERR_INVALID, f, d, "must be an object");
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter(in, it->key);

		e = leg_read(in, it, legs);
		schema_leave(in, mark);
	}
	return e;
}

static struct doc *legs_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	const struct spec_legs *legs = at;
	struct doc *d = doc_dict(out->arena);

	(void)f;
	for (unsigned i = 0; i < legs->n; i++)
		if (legs->items[i].exists)
			doc_set(d, spec_leg_name(i),
			        schema_write(out, &spec_leg_schema, &legs->items[i]));
	return d;
}

static void legs_fini(const struct schema_field *f, void *at)
{
	struct spec_legs *legs = at;

	(void)f;
	for (unsigned i = 0; i < legs->n; i++)
		leg_end(&legs->items[i]);
	mem_free(legs->items);
	*legs = (struct spec_legs){0};
}

/* Copies a patch, including which legs it deletes and which fields it sets. spec_legs_apply applies
 * one to a full spec. */
static enum err legs_copy(const struct schema_field *f, void *to, const void *from)
{
	const struct spec_legs *legs = from;
	struct spec_legs copy = {0};
	enum err e = legs_grow(&copy, legs->n);

	for (unsigned i = 0; i < legs->n && !e; i++) {
		e = schema_copy(&spec_leg_schema, &copy.items[i], &legs->items[i]);
		copy.items[i].exists = legs->items[i].exists;
		copy.items[i].gone = legs->items[i].gone;
		copy.items[i].at = legs->items[i].at;
		copy.items[i].other = legs->items[i].other;
	}
	if (e) {
		legs_fini(f, &copy);
		return e;
	}
	legs_fini(f, to);
	*(struct spec_legs *)to = copy;
	return ERR_OK;
}

bool spec_leg_exists(const struct spec_legs *legs, unsigned i)
{
	return i < legs->n && legs->items[i].exists;
}

static bool legs_eq(const struct schema_field *f, const void *a, const void *b)
{
	const struct spec_legs *x = a, *y = b;

	(void)f;
	for (unsigned i = 0; i < RELAY_LEGS_MAX; i++) {
		if (spec_leg_exists(x, i) != spec_leg_exists(y, i))
			return false;
		if (spec_leg_exists(x, i) &&
		    !schema_eq(&spec_leg_schema, &x->items[i], &y->items[i]))
			return false;
	}
	return true;
}

const struct schema_type spec_legs_type = {.takes_null = true,
                                           .read = legs_read,
                                           .write = legs_write,
                                           .copy = legs_copy,
                                           .eq = legs_eq,
                                           .fini = legs_fini};

struct spec_leg *spec_patch_leg(struct spec_media *media, unsigned index)
{
	if (index >= RELAY_LEGS_MAX || legs_grow(&media->legs, index + 1))
		return NULL;
	SPEC_HAS(media, SPEC_MEDIA_LEGS);
	media->legs.items[index].exists = true;
	media->legs.items[index].gone = false;
	return &media->legs.items[index];
}

void spec_leg_set_key(struct spec_leg *leg, bool is_send, const struct keyctx *key)
{
	const struct keyctx **at = is_send ? &leg->relay.send : &leg->relay.receive;

	/* Takes first: `key` may be the leg's present key, and the leg its only holder. */
	keyctx_take(key);
	keyctx_free(*at);
	*at = key;
	SPEC_HAS(leg, is_send ? SPEC_LEG_SEND : SPEC_LEG_RECEIVE);
	*(is_send ? &leg->send_has : &leg->receive_has) |= 1u << SPEC_DIRECTION_KEYING;
}

void spec_leg_set_gate(struct spec_leg *leg, bool is_send, bool is_open)
{
	*(is_send ? &leg->relay.can_send : &leg->relay.can_receive) = is_open;
	SPEC_HAS(leg, is_send ? SPEC_LEG_SEND : SPEC_LEG_RECEIVE);
	*(is_send ? &leg->send_has : &leg->receive_has) |= 1u << SPEC_DIRECTION_GATE;
}

enum err spec_legs_apply(struct spec_legs *legs, const struct spec_legs *patch,
                         const struct spec_context *context)
{
	enum err e = legs_grow(legs, patch->n);

	for (unsigned i = 0; i < patch->n && !e; i++) {
		struct spec_leg *leg = &legs->items[i];

		if (patch->items[i].gone)
			leg_end(leg);
		if (!patch->items[i].exists)
			continue;
		if (!leg->exists)
			schema_defaults(&spec_leg_schema, leg, context);
		leg->exists = true;
		e = schema_apply(&spec_leg_schema, leg, &patch->items[i]);
	}
	return e;
}
