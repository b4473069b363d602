/* SPDX-License-Identifier: MIT */
/* Remembers access legs that left e2ae, and judges changes of their keys. */
#include "control/session/rekey_guard.h"

#include "base/mem.h"
#include "control/session/service_spec.h"

struct past {
	struct past *next;
	unsigned media;
	struct addr remote;
	struct keyctx *receive, *send;
};

/* The address and keys that an access leg has or had in e2ae. Owns neither. */
struct kept_leg {
	const struct addr *remote;
	const struct keyctx *receive, *send;
};

void past_free(struct past *p)
{
	while (p) {
		struct past *next = p->next;

		keyctx_free(p->receive);
		keyctx_free(p->send);
		mem_free(p);
		p = next;
	}
}

static const struct past *find(const struct past *p, unsigned media)
{
	while (p && p->media != media)
		p = p->next;
	return p;
}

static bool is_real(const struct addr *a)
{
	return !addr_is_none(a) && !addr_is_any(a);
}

static bool is_e2ae(const struct spec_session *s, unsigned media)
{
	return media < s->media.n && s->media.items[media].mode == RELAY_MODE_E2AE;
}

/* Finds the address and keys that the access leg had when it left e2ae, else those that it has in
 * e2ae now. False: there are none. */
static bool find_kept(struct kept_leg *out, const struct past *before,
                      const struct spec_session *now, unsigned media)
{
	const struct spec_leg *a = service_spec_leg(now, media, RELAY_LEG_ACCESS);
	const struct past *p = find(before, media);

	if (p)
		*out = (struct kept_leg){
			.remote = &p->remote,
			.receive = p->receive,
			.send = p->send,
		};
	else if (a && is_e2ae(now, media))
		*out = (struct kept_leg){
			.remote = &a->relay.remote,
			.receive = a->relay.receive,
			.send = a->relay.send,
		};
	else
		return false;
	return true;
}

/* --- remembering ------------------------------------------------------------ */

/* True if the access leg exists, but is not in e2ae or has no address (hold). */
static bool has_left(const struct spec_session *s, unsigned media)
{
	const struct spec_leg *a = service_spec_leg(s, media, RELAY_LEG_ACCESS);

	return a && !(is_e2ae(s, media) && is_real(&a->relay.remote));
}

static enum err add(struct past **list, unsigned media, const struct kept_leg *kept)
{
	struct past *p = mem_alloc(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->next = *list;
	p->media = media;
	p->remote = *kept->remote;
	*list = p;
	p->receive = keyctx_take(kept->receive);
	p->send = keyctx_take(kept->send);
	return ERR_OK;
}

enum err past_new(struct past **out, const struct past *before, const struct spec_session *now,
                  const struct spec_session *next)
{
	struct past *made = NULL;
	enum err e = ERR_OK;

	for (unsigned m = 0; m < next->media.n && !e; m++) {
		struct kept_leg kept;

		if (has_left(next, m) && find_kept(&kept, before, now, m) && is_real(kept.remote))
			e = add(&made, m, &kept);
	}
	if (e) {
		past_free(made);
		return e;
	}
	*out = made;
	return ERR_OK;
}

/* --- policy ----------------------------------------------------------------- */

/* Removing the key is a change, too: otherwise the next key would look like a first key. */
static bool changes_key(const struct keyctx *now, const struct keyctx *next)
{
	return now && (!next || !keyctx_eq(now, next));
}

enum err past_check_rekey(const struct past *before, const struct spec_session *now,
                          const struct spec_session *next, struct why *why)
{
	if (next->e2ae_rekey == SPEC_REKEY_ACCEPT)
		return ERR_OK;
	for (unsigned m = 0; m < next->media.n; m++) {
		const struct spec_leg *b = service_spec_leg(next, m, RELAY_LEG_ACCESS);
		struct kept_leg kept;

		if (!b || !is_e2ae(next, m) || !find_kept(&kept, before, now, m))
			continue;
		/* A peer that moves needs a new key (RFC 4568 7.1.4). Hold is not a move. */
		if (is_real(&b->relay.remote) && !addr_eq(kept.remote, &b->relay.remote))
			continue;
		if (changes_key(kept.receive, b->relay.receive) ||
		    changes_key(kept.send, b->relay.send))
			return why_fail(why, ERR_REKEY,
			                "media[%u].legs.a: %s, but the peer's address did not "
			                "change, and e2ae_rekey is reject",
			                m,
			                (kept.receive && !b->relay.receive) ||
			                                (kept.send && !b->relay.send)
			                        ? "the key is removed"
			                        : "the key is new");
	}
	return ERR_OK;
}
