/* SPDX-License-Identifier: MIT */
/* The keys a session has used, and its part in the keys all sessions send under. */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "relay/plan.h"

/* --- of a session ----------------------------------------------------------------------------------- */

uint64_t used_keys_print(const struct plan_context *c, const struct keyctx *k)
{
	uint8_t octets[SUITE_KEY_MAX + SUITE_SALT_MAX];
	size_t n = k->suite->key_len;
	uint64_t hash;

	/* As keyctx_same_key compares them: nothing of the suite but the length of its key. */
	memcpy(octets, k->key, n);
	memcpy(octets + n, k->salt, SUITE_SALT_MAX);
	n += SUITE_SALT_MAX;
	hash = map_hash(c->hash_key, octets, n);
	secret_wipe(octets, sizeof(octets));
	return hash;
}

bool used_keys_has(const struct used_keys *u, unsigned media, unsigned leg, bool is_send, uint64_t print)
{
	for (unsigned i = 0; i < u->n; i++) {
		const struct used_key *k = &u->keys[i];
		bool same_place = k->media == media && k->leg == leg && k->is_send == is_send;

		if (k->fingerprint == print && (is_send || k->is_send || same_place))
			return true;
	}
	return false;
}

enum err used_keys_reserve(struct used_keys *u, const struct shadow *s)
{
	unsigned room = u->n;
	struct used_key *keys;

	for (unsigned i = 0; i < s->n_media; i++)
		for (unsigned k = 0; k < s->media[i]->n_legs; k++)
			room += (s->media[i]->legs[k].receive != NULL) + (s->media[i]->legs[k].send != NULL);
	if (room <= u->room)
		return ERR_OK;
	keys = mem_resize(u->keys, room, sizeof(*keys));
	if (!keys)
		return ERR_NOMEM;
	u->keys = keys;
	u->room = room;
	return ERR_OK;
}

static void add_used(struct used_keys *u, const struct used_key *key)
{
	for (unsigned i = 0; i < u->n; i++) {
		const struct used_key *k = &u->keys[i];

		if (k->fingerprint == key->fingerprint && k->media == key->media && k->leg == key->leg && k->is_send == key->is_send)
			return;
	}
	u->keys[u->n++] = *key;
}

void used_keys_add(struct used_keys *u, const struct plan_context *c, const struct shadow *s)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i]->n_legs; k++) {
			const struct keyctx *keys[] = {s->media[i]->legs[k].receive, s->media[i]->legs[k].send};

			for (unsigned d = 0; d < ARRAY_LEN(keys); d++) {
				struct used_key key = {.media = (uint8_t)i, .leg = (uint8_t)k, .is_send = d == 1};

				if (!keys[d])
					continue;
				key.fingerprint = used_keys_print(c, keys[d]);
				add_used(u, &key);
			}
		}
	}
}

void used_keys_fini(struct used_keys *u)
{
	mem_free(u->keys);
	*u = (struct used_keys){.keys = NULL};
}

/* --- among all sessions ----------------------------------------------------------------------------- */

static bool has_sent(const struct used_keys *u, uint64_t print)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->keys[i].is_send && u->keys[i].fingerprint == print)
			return true;
	return false;
}

enum err sent_keys_claim(struct sent *sent, const struct plan_context *c, const struct shadow *s, const void *owner, struct why *why)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i]->n_legs; k++) {
			const struct keyctx *send = s->media[i]->legs[k].send;
			enum err e = send ? sent_claim(sent, used_keys_print(c, send), owner, why) : ERR_OK;

			if (e) {
				why_prefix(why, "media %u leg %s", i, plan_leg_name(k));
				return e;
			}
		}
	}
	return ERR_OK;
}

void sent_keys_withdraw(struct sent *sent, const struct plan_context *c, const struct shadow *s, const struct used_keys *used,
                        const void *owner)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i]->n_legs; k++) {
			const struct keyctx *send = s->media[i]->legs[k].send;
			uint64_t print = send ? used_keys_print(c, send) : 0;

			if (send && !has_sent(used, print))
				sent_release(sent, print, owner, false);
		}
	}
}

void sent_keys_end(struct sent *sent, const struct used_keys *used, const void *owner)
{
	for (unsigned i = 0; i < used->n; i++)
		if (used->keys[i].is_send)
			sent_release(sent, used->keys[i].fingerprint, owner, true);
}
