/* SPDX-License-Identifier: MIT */
/* The keys a session has used, and its part in the keys all sessions send under. */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "relay/front/plan.h"

/* --- of a session ----------------------------------------------------------- */

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

struct used_key used_keys_of(const struct plan_context *c, const struct keyctx *k, bool is_send)
{
	uint8_t octets[sizeof(k->lifetime_pkts) + 1 + UINT8_MAX];
	struct used_key key = {.fingerprint = used_keys_print(c, k), .is_send = is_send};

	memcpy(octets, &k->lifetime_pkts, sizeof(k->lifetime_pkts));
	octets[sizeof(k->lifetime_pkts)] = (uint8_t)k->suite->id;
	memcpy(octets + sizeof(k->lifetime_pkts) + 1, k->mki, k->mki_len);
	key.context =
		(uint32_t)map_hash(c->hash_key, octets, sizeof(k->lifetime_pkts) + 1 + k->mki_len);
	return key;
}

static const struct keyctx *key_at(const struct shadow *s, const struct used_key *k)
{
	const struct shadow_media *m = k->media < s->n_media ? s->media[k->media] : NULL;
	const struct relay_leg_spec *leg =
		m && k->leg < m->n_legs && m->legs[k->leg].exists ? &m->legs[k->leg] : NULL;

	return !leg ? NULL : k->is_send ? leg->send : leg->receive;
}

/* Is the key in use in its place there? */
static bool is_in(const struct shadow *s, const struct plan_context *c, const struct used_key *k)
{
	const struct keyctx *now = key_at(s, k);

	return now && used_keys_print(c, now) == k->fingerprint;
}

static bool is_same_place(const struct used_key *a, const struct used_key *b)
{
	return a->media == b->media && a->leg == b->leg;
}

enum used_fate used_keys_look(const struct used_keys *u, const struct plan_context *c,
                              const struct shadow *to, const struct used_key *wanted,
                              const struct used_key **kept)
{
	enum used_fate fate = USED_FRESH;

	for (unsigned i = 0; i < u->n; i++) {
		const struct used_key *k = &u->keys[i];
		bool here = is_same_place(k, wanted),
		     fits = !k->is_gone && k->context == wanted->context;

		if (k->fingerprint != wanted->fingerprint)
			continue;
		if (k->is_send != wanted->is_send || ((here || k->is_send) && !fits))
			return USED_SPENT;
		*kept = here || fate != USED_KEPT ? k : *kept;
		if (here || k->is_send)
			return USED_KEPT;
		/* Another place: it goes over from there, unless it is in use there and stays. */
		if (!k->left && (!to || is_in(to, c, k)))
			continue;
		if (!fits)
			return USED_SPENT;
		fate = USED_KEPT;
	}
	return fate;
}

static bool is_anywhere(const struct shadow *s, const struct plan_context *c,
                        const struct used_key *k)
{
	struct used_key at = *k;

	for (unsigned m = 0; m < s->n_media; m++)
		for (unsigned leg = 0; leg < s->media[m]->n_legs; leg++) {
			at.media = (uint8_t)m;
			at.leg = (uint8_t)leg;
			if (is_in(s, c, &at))
				return true;
		}
	return false;
}

/* The one that has been out of use for longest, after those that are in the list already. */
static const struct used_key *oldest(const struct used_keys *u, const struct plan_context *c,
                                     const struct shadow *to, uint32_t after)
{
	const struct used_key *found = NULL;

	for (unsigned i = 0; i < u->n; i++) {
		const struct used_key *k = &u->keys[i];

		if (!k->is_gone && k->left > after && (!found || k->left < found->left) &&
		    !is_anywhere(to, c, k))
			found = k;
	}
	return found;
}

enum err used_keys_forget(const struct used_keys *u, const struct plan_context *c,
                          const struct shadow *to, uint64_t **out, unsigned *n)
{
	const struct used_key *k = NULL;
	unsigned kept = 0;

	for (unsigned i = 0; i < u->n; i++)
		kept += !u->keys[i].is_gone && !is_in(to, c, &u->keys[i]);
	*n = 0;
	if (kept <= USED_KEPT_MAX)
		return ERR_OK;
	*out = mem_array(kept - USED_KEPT_MAX, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	while (*n < kept - USED_KEPT_MAX && (k = oldest(u, c, to, k ? k->left : 0)))
		(*out)[(*n)++] = k->fingerprint;
	return ERR_OK;
}

enum err used_keys_reserve(struct used_keys *u, const struct shadow *s)
{
	unsigned room = u->n;
	struct used_key *keys;

	for (unsigned i = 0; i < s->n_media; i++)
		for (unsigned k = 0; k < s->media[i]->n_legs; k++)
			room += (s->media[i]->legs[k].receive != NULL) +
			        (s->media[i]->legs[k].send != NULL);
	if (room <= u->room)
		return ERR_OK;
	keys = mem_resize(u->keys, room, sizeof(*keys));
	if (!keys)
		return ERR_NOMEM;
	u->keys = keys;
	u->room = room;
	return ERR_OK;
}

/* Where it is already, or where it goes over from. */
static struct used_key *place_of(struct used_keys *u, const struct plan_context *c,
                                 const struct shadow *s, const struct used_key *key)
{
	struct used_key *moved = NULL;

	for (unsigned i = 0; i < u->n; i++) {
		struct used_key *k = &u->keys[i];

		if (k->fingerprint != key->fingerprint || k->is_send != key->is_send || k->is_gone)
			continue;
		if (is_same_place(k, key))
			return k;
		if (!moved && !is_in(s, c, k))
			moved = k;
	}
	return moved;
}

static void add_used(struct used_keys *u, const struct plan_context *c, const struct shadow *s,
                     const struct used_key *key)
{
	struct used_key *k = place_of(u, c, s, key);

	if (!k)
		k = &u->keys[u->n++];
	*k = *key;
}

void used_keys_settle(struct used_keys *u, const struct plan_context *c, const struct shadow *s,
                      const uint64_t *forgotten, unsigned n_forgotten)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned leg = 0; leg < s->media[i]->n_legs; leg++) {
			const struct keyctx *keys[] = {s->media[i]->legs[leg].receive,
			                               s->media[i]->legs[leg].send};

			for (unsigned d = 0; d < ARRAY_LEN(keys); d++) {
				struct used_key key;

				if (!keys[d])
					continue;
				key = used_keys_of(c, keys[d], d == 1);
				key.media = (uint8_t)i;
				key.leg = (uint8_t)leg;
				add_used(u, c, s, &key);
			}
		}
	}
	for (unsigned i = 0; i < u->n; i++) {
		struct used_key *k = &u->keys[i];

		for (unsigned f = 0; f < n_forgotten; f++)
			k->is_gone |= k->fingerprint == forgotten[f];
		if (!k->left && !is_in(s, c, k))
			k->left = ++u->order;
	}
}

void used_keys_fini(struct used_keys *u)
{
	mem_free(u->keys);
	*u = (struct used_keys){.keys = NULL};
}

/* --- among all sessions ----------------------------------------------------- */

static bool has_sent(const struct used_keys *u, uint64_t print)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->keys[i].is_send && u->keys[i].fingerprint == print)
			return true;
	return false;
}

enum err sent_keys_claim(struct sent *sent, const struct plan_context *c, const struct shadow *s,
                         const void *owner, struct why *why)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i]->n_legs; k++) {
			const struct keyctx *send = s->media[i]->legs[k].send;
			enum err e = send ? sent_claim(sent, used_keys_print(c, send), owner, why)
			                  : ERR_OK;

			if (e) {
				why_prefix(why, "media %u leg %s", i, plan_leg_name(k));
				return e;
			}
		}
	}
	return ERR_OK;
}

void sent_keys_withdraw(struct sent *sent, const struct plan_context *c, const struct shadow *s,
                        const struct used_keys *used, const void *owner)
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
