/* SPDX-License-Identifier: MIT */
/* The keys that a session has used, and its entries in the ledger of all sessions' send keys. */
#include "relay/front/key_history.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"

/* --- one session ------------------------------------------------------------ */

/* A keyed hash of master key and salt. */
static uint64_t print_of(const struct key_history *h, const struct keyctx *k)
{
	uint8_t octets[SUITE_KEY_MAX + SUITE_SALT_MAX];
	size_t n = k->suite->key_len;
	uint64_t hash;

	/* As in keyctx_same_key: of the suite only the key length matters. */
	memcpy(octets, k->key, n);
	memcpy(octets + n, k->salt, SUITE_SALT_MAX);
	n += SUITE_SALT_MAX;
	hash = map_hash(h->hash_key, octets, n);
	secret_wipe(octets, sizeof(octets));
	return hash;
}

struct key_history_entry key_history_entry_of(const struct key_history *h, const struct keyctx *k,
                                              bool is_send)
{
	uint8_t octets[sizeof(k->lifetime_pkts) + 1 + UINT8_MAX];
	struct key_history_entry key = {.fingerprint = print_of(h, k), .is_send = is_send};

	memcpy(octets, &k->lifetime_pkts, sizeof(k->lifetime_pkts));
	octets[sizeof(k->lifetime_pkts)] = (uint8_t)k->suite->id;
	memcpy(octets + sizeof(k->lifetime_pkts) + 1, k->mki, k->mki_len);
	key.context =
		(uint32_t)map_hash(h->hash_key, octets, sizeof(k->lifetime_pkts) + 1 + k->mki_len);
	return key;
}

/* Whether session `a` uses the key on the leg and in the direction that the entry names. */
static bool is_in(const struct key_history *h, const struct accepted *a,
                  const struct key_history_entry *k)
{
	const struct relay_leg_spec *leg = accepted_leg(a, k->media, k->leg);
	const struct keyctx *now = !leg ? NULL : k->is_send ? leg->send : leg->receive;

	return now && print_of(h, now) == k->fingerprint;
}

static bool is_same_place(const struct key_history_entry *a, const struct key_history_entry *b)
{
	return a->media == b->media && a->leg == b->leg;
}

enum key_history_fate key_history_look(const struct key_history *h, const struct accepted *to,
                                       const struct key_history_entry *wanted,
                                       const struct key_history_entry **kept)
{
	enum key_history_fate fate = KEY_HISTORY_FRESH;

	for (unsigned i = 0; i < h->n; i++) {
		const struct key_history_entry *k = &h->keys[i];
		bool here = is_same_place(k, wanted),
		     fits = !k->is_gone && k->context == wanted->context;

		if (k->fingerprint != wanted->fingerprint)
			continue;
		if (k->is_send != wanted->is_send || ((here || k->is_send) && !fits))
			return KEY_HISTORY_SPENT;
		*kept = here || fate != KEY_HISTORY_KEPT ? k : *kept;
		if (here || k->is_send)
			return KEY_HISTORY_KEPT;
		/* The entry names another leg: the key moves from that leg, unless it stays in use
		 * there. */
		if (!k->left && (!to || is_in(h, to, k)))
			continue;
		if (!fits)
			return KEY_HISTORY_SPENT;
		fate = KEY_HISTORY_KEPT;
	}
	return fate;
}

static bool is_anywhere(const struct key_history *h, const struct accepted *a,
                        const struct key_history_entry *k)
{
	struct key_history_entry at = *k;

	for (unsigned m = 0; m < a->n_media; m++)
		for (unsigned leg = 0; leg < a->media[m]->n_legs; leg++) {
			at.media = (uint8_t)m;
			at.leg = (uint8_t)leg;
			if (is_in(h, a, &at))
				return true;
		}
	return false;
}

/* Among the keys that are out of use and still kept, the one that left use first after number
 * `after`; NULL: none. */
static const struct key_history_entry *oldest(const struct key_history *h,
                                              const struct accepted *to, uint32_t after)
{
	const struct key_history_entry *found = NULL;

	for (unsigned i = 0; i < h->n; i++) {
		const struct key_history_entry *k = &h->keys[i];

		if (!k->is_gone && k->left > after && (!found || k->left < found->left) &&
		    !is_anywhere(h, to, k))
			found = k;
	}
	return found;
}

enum err key_history_forget(const struct key_history *h, const struct accepted *to, uint64_t **out,
                            unsigned *n)
{
	const struct key_history_entry *k = NULL;
	unsigned kept = 0;

	for (unsigned i = 0; i < h->n; i++)
		kept += !h->keys[i].is_gone && !is_in(h, to, &h->keys[i]);
	*n = 0;
	if (kept <= KEY_HISTORY_KEPT_MAX)
		return ERR_OK;
	*out = mem_array(kept - KEY_HISTORY_KEPT_MAX, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	while (*n < kept - KEY_HISTORY_KEPT_MAX && (k = oldest(h, to, k ? k->left : 0)))
		(*out)[(*n)++] = k->fingerprint;
	return ERR_OK;
}

enum err key_history_reserve(struct key_history *h, const struct accepted *a)
{
	unsigned room = h->n;
	struct key_history_entry *keys;

	for (unsigned i = 0; i < a->n_media; i++)
		for (unsigned k = 0; k < a->media[i]->n_legs; k++)
			room += (a->media[i]->legs[k].receive != NULL) +
			        (a->media[i]->legs[k].send != NULL);
	if (room <= h->room)
		return ERR_OK;
	keys = mem_resize(h->keys, room, sizeof(*keys));
	if (!keys)
		return ERR_NOMEM;
	h->keys = keys;
	h->room = room;
	return ERR_OK;
}

/* The key's entry for its leg, or the entry of the leg that the key moves from; NULL: none. */
static struct key_history_entry *place_of(struct key_history *h, const struct accepted *a,
                                          const struct key_history_entry *key)
{
	struct key_history_entry *moved = NULL;

	for (unsigned i = 0; i < h->n; i++) {
		struct key_history_entry *k = &h->keys[i];

		if (k->fingerprint != key->fingerprint || k->is_send != key->is_send || k->is_gone)
			continue;
		if (is_same_place(k, key))
			return k;
		if (!moved && !is_in(h, a, k))
			moved = k;
	}
	return moved;
}

static void add_used(struct key_history *h, const struct accepted *a,
                     const struct key_history_entry *key)
{
	struct key_history_entry *k = place_of(h, a, key);

	if (!k)
		k = &h->keys[h->n++];
	*k = *key;
}

void key_history_settle(struct key_history *h, const struct accepted *a, const uint64_t *forgotten,
                        unsigned n_forgotten)
{
	for (unsigned i = 0; i < a->n_media; i++) {
		for (unsigned leg = 0; leg < a->media[i]->n_legs; leg++) {
			const struct keyctx *keys[] = {a->media[i]->legs[leg].receive,
			                               a->media[i]->legs[leg].send};

			for (unsigned d = 0; d < ARRAY_LEN(keys); d++) {
				struct key_history_entry key;

				if (!keys[d])
					continue;
				key = key_history_entry_of(h, keys[d], d == 1);
				key.media = (uint8_t)i;
				key.leg = (uint8_t)leg;
				add_used(h, a, &key);
			}
		}
	}
	for (unsigned i = 0; i < h->n; i++) {
		struct key_history_entry *k = &h->keys[i];

		for (unsigned f = 0; f < n_forgotten; f++)
			k->is_gone |= k->fingerprint == forgotten[f];
		if (!k->left && !is_in(h, a, k))
			k->left = ++h->order;
	}
}

void key_history_fini(struct key_history *h)
{
	mem_free(h->keys);
	*h = (struct key_history){.hash_key = h->hash_key};
}

/* --- all sessions ----------------------------------------------------------- */

static bool has_sent(const struct key_history *h, uint64_t print)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->keys[i].is_send && h->keys[i].fingerprint == print)
			return true;
	return false;
}

enum err key_history_claim(const struct key_history *h, struct key_ledger *ledger,
                           const struct accepted *a, struct why *why)
{
	for (unsigned i = 0; i < a->n_media; i++) {
		for (unsigned k = 0; k < a->media[i]->n_legs; k++) {
			const struct keyctx *send = a->media[i]->legs[k].send;
			enum err e =
				send ? key_ledger_claim(ledger, print_of(h, send), h, why) : ERR_OK;

			if (e) {
				why_prefix(why, "media %u leg %s", i, relay_leg_name(k));
				return e;
			}
		}
	}
	return ERR_OK;
}

void key_history_withdraw(const struct key_history *h, struct key_ledger *ledger,
                          const struct accepted *a)
{
	for (unsigned i = 0; i < a->n_media; i++) {
		for (unsigned k = 0; k < a->media[i]->n_legs; k++) {
			const struct keyctx *send = a->media[i]->legs[k].send;
			uint64_t print = send ? print_of(h, send) : 0;

			if (send && !has_sent(h, print))
				key_ledger_release(ledger, print, h, false);
		}
	}
}

void key_history_end(const struct key_history *h, struct key_ledger *ledger)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->keys[i].is_send)
			key_ledger_release(ledger, h->keys[i].fingerprint, h, true);
}
