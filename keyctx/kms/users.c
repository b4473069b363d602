/* SPDX-License-Identifier: MIT */
/* The users of a directory, in maps by name, by key id and by private identity. */
#include "keyctx/kms/users.h"

#include "base/map.h"
#include "base/mem.h"

void kms_user_free(struct kms_user *u)
{
	if (!u)
		return;
	if (u->shared) {
		u->shared--;
		return;
	}
	kms_names_clear(&u->names);
	mem_free(u->psk_id);
	secret_clear(&u->psk);
	mem_free(u);
}

struct kms_user *kms_user_keep(struct kms_user *u)
{
	u->shared++;
	return u;
}

enum err kms_users_init(struct kms_users *all)
{
	*all = (struct kms_users){0};
	if (map_new(&all->by_name) || map_new(&all->by_psk) || map_new(&all->by_impi)) {
		kms_users_fini(all);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

void kms_users_fini(struct kms_users *all)
{
	for (size_t i = 0; i < all->n; i++)
		kms_user_free(all->v[i].user);
	mem_free(all->v);
	map_free(all->by_name);
	map_free(all->by_psk);
	map_free(all->by_impi);
	*all = (struct kms_users){0};
}

/* One map entry of a user. */
struct entry {
	struct map *map;
	const void *key;
	size_t n; /* 0: the user has no such entry */
};

/* Returns entry `i` of a user: its names, then its key id, then its private identity. */
static struct entry entry_of(const struct kms_users *all, const struct kms_user *u, size_t i)
{
	const struct kms_name *name = i < u->names.n ? u->names.v[i] : u->psk_id;

	if (i <= u->names.n)
		return (struct entry){i < u->names.n ? all->by_name : all->by_psk,
		                      name ? name->octets : NULL, name ? name->n : 0};
	return (struct entry){all->by_impi, u->impi, strlen(u->impi)};
}

static size_t entries_of(const struct kms_user *u)
{
	return u->names.n + 2;
}

static void drop_entries(const struct kms_users *all, const struct kms_user *u, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry x = entry_of(all, u, i);

		if (x.n)
			map_remove(x.map, x.key, x.n);
	}
}

static enum err put_entries(const struct kms_users *all, struct kms_user *u)
{
	for (size_t i = 0; i < entries_of(u); i++) {
		struct entry x = entry_of(all, u, i);
		enum err e = x.n ? map_put(x.map, x.key, x.n, u) : ERR_OK;

		if (e) {
			drop_entries(all, u, i);
			return e;
		}
	}
	return ERR_OK;
}

static enum err make_room(struct kms_users *all)
{
	size_t room = all->room ? all->room * 2 : 16;
	struct kms_users_entry *grown;

	if (all->n < all->room)
		return ERR_OK;
	grown = mem_resize(all->v, room, sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	all->v = grown;
	all->room = room;
	return ERR_OK;
}

enum err kms_users_add(struct kms_users *all, struct kms_user *u)
{
	enum err e = make_room(all);

	if (!e)
		e = put_entries(all, u);
	if (e)
		return e;
	u->is_removed = false;
	all->v[all->n++] = (struct kms_users_entry){u, ++all->last_serial};
	return ERR_OK;
}

static size_t index_of(const struct kms_users *all, const struct kms_user *u)
{
	size_t i = 0;

	while (i < all->n && all->v[i].user != u)
		i++;
	CHECK(i < all->n);
	return i;
}

enum err kms_users_replace(struct kms_users *all, struct kms_user *old, struct kms_user *u)
{
	size_t i = index_of(all, old);
	enum err e;

	drop_entries(all, old, entries_of(old));
	e = put_entries(all, u);
	if (e) {
		/* A map that had these entries a moment ago has room for them. */
		CHECK(put_entries(all, old) == ERR_OK);
		return e;
	}
	all->v[i].user = u;
	u->is_removed = false;
	old->is_removed = true;
	kms_user_free(old);
	return ERR_OK;
}

void kms_users_remove(struct kms_users *all, struct kms_user *u)
{
	size_t i = index_of(all, u);

	drop_entries(all, u, entries_of(u));
	memmove(&all->v[i], &all->v[i + 1], (all->n - i - 1) * sizeof(*all->v));
	all->n--;
	u->is_removed = true;
	kms_user_free(u);
}
