/* SPDX-License-Identifier: MIT */
/* The keys of a protected call; saves and loads them. */
#include "keyctx/ue/session.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/csb_save.h"

enum { SESSION_VERSION = 1, COPY_MAX = 128 * 1024 };

struct ue_session *ue_session_new(enum ue_protection protection, bool is_offerer, unsigned n_media)
{
	struct ue_session *s = mem_alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->protection = protection;
	s->is_offerer = is_offerer;
	s->n_media = n_media;
	return s;
}

void ue_session_free(struct ue_session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_parts; i++)
		ticket_csb_free(s->parts[i].csb);
	for (unsigned m = 0; m < s->n_media; m++) {
		sdes_line_clear(&s->lines[m].own);
		sdes_line_clear(&s->lines[m].peer);
	}
	mem_free(s);
}

enum err ue_session_copy(struct ue_session **out, const struct ue_session *s, struct why *why)
{
	struct secret room = {0};
	struct wr w;
	struct rd r;
	enum err e = secret_make(&room, COPY_MAX);

	if (!e) {
		w = wr_make(room.octets, room.len);
		e = ue_session_save(s, &w);
	}
	if (!e) {
		r = rd_make(room.octets, wr_len(&w));
		e = ue_session_load(out, &r);
	}
	secret_clear(&room);
	return e ? why_fail(why, e, "the session cannot be copied: %s", err_meaning(e)) : ERR_OK;
}

static const struct ue_session_part *part_of(const struct ue_session *s, unsigned media)
{
	for (unsigned i = 0; i < s->n_parts; i++)
		if (s->parts[i].at.lines & 1u << media)
			return &s->parts[i];
	return NULL;
}

static enum err ticket_key(const struct ue_session *s, unsigned media, bool sending,
                           struct ue_stream_key *out, struct why *why)
{
	const struct ue_session_part *p = part_of(s, media);
	const struct csmap_session *cs =
		p ? ticket_csb_find(p->csb, ue_part_cs(&p->at, media, sending == s->is_offerer))
		  : NULL;
	enum err e;

	if (!cs)
		return why_fail(why, ERR_NOT_FOUND,
		                "m= line %u has no crypto session for %s packets", media + 1,
		                sending ? "sent" : "received");
	/* Packets carry no MKI: no RFC requires one here, and both ends must agree. */
	e = csmap_keyctx(&out->key, cs, false, why);
	if (!e)
		out->ssrc = cs->ssrc;
	return e;
}

enum err ue_session_key(const struct ue_session *s, unsigned media, bool sending,
                        struct ue_stream_key *out, struct why *why)
{
	const struct sdes_line *l = sending ? &s->lines[media].own : &s->lines[media].peer;

	if (media >= s->n_media)
		return why_fail(why, ERR_RANGE, "m= line %u does not exist; the call has %u",
		                media + 1, s->n_media);
	if (s->protection == UE_E2E_KMS)
		return ticket_key(s, media, sending, out, why);
	if (!l->n_keys)
		return why_fail(why, ERR_NOT_FOUND, "m= line %u has no key (protection %s)",
		                media + 1, ue_protection_name(s->protection));
	out->key = keyctx_take(l->keys[0]);
	out->ssrc = sending ? s->lines[media].ssrc : 0;
	return ERR_OK;
}

enum err ue_session_check(const struct ue_session *s, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < 2 * s->n_media && !e && s->protection != UE_NONE; i++) {
		struct ue_stream_key k = {0};

		e = ue_session_key(s, i / 2, i % 2, &k, why);
		keyctx_free(k.key);
	}
	return e;
}

void ue_sdes_policy(struct sdes_policy *p)
{
	sdes_policy_defaults(p);
	p->accept_mki = false;
}

void ue_sdes_put(struct wr *w, const struct sdes_line *l)
{
	const struct keyctx *k = l->n_keys ? l->keys[0] : NULL;

	wr_u32(w, l->tag);
	wr_u8(w, k != NULL);
	if (!k)
		return;
	wr_u8(w, (uint8_t)k->suite->id);
	wr_u64(w, k->has_lifetime ? k->lifetime_pkts : 0);
	wr_octets(w, k->key, k->suite->key_len);
	wr_octets(w, k->salt, k->suite->salt_len);
}

enum err ue_sdes_get(struct rd *r, struct sdes_line *out)
{
	struct sdes_line l = {.tag = rd_u32(r)};
	struct keyctx_spec spec = {0};
	struct keyctx *key = NULL;
	unsigned id;

	if (!rd_u8(r)) {
		*out = l;
		return rd_ok(r) ? ERR_OK : ERR_SYNTAX;
	}
	id = rd_u8(r);
	if (id >= SUITE_COUNT)
		return ERR_SYNTAX;
	spec.suite = l.suite = suite_get((enum suite_id)id);
	spec.lifetime_pkts = rd_u64(r);
	spec.master = rd_octets(r, (size_t)spec.suite->key_len + spec.suite->salt_len);
	if (!rd_ok(r) || keyctx_new(&key, &spec, NULL))
		return ERR_SYNTAX;
	if (sdes_key_add(&l.keys, &l.n_keys, key))
		return ERR_NOMEM;
	*out = l;
	return ERR_OK;
}

enum err ue_session_save(const struct ue_session *s, struct wr *w)
{
	enum err e = ERR_OK;

	wr_u8(w, SESSION_VERSION);
	wr_u8(w, (uint8_t)s->protection);
	wr_u8(w, s->is_offerer);
	wr_u8(w, (uint8_t)s->n_media);
	for (unsigned m = 0; m < s->n_media; m++) {
		wr_u32(w, s->lines[m].ssrc);
		ue_sdes_put(w, &s->lines[m].own);
		ue_sdes_put(w, &s->lines[m].peer);
	}
	wr_u8(w, (uint8_t)s->n_parts);
	for (unsigned i = 0; i < s->n_parts && !e; i++) {
		wr_u16(w, (uint16_t)(s->parts[i].at.section + 1));
		wr_u32(w, s->parts[i].at.lines);
		e = ticket_csb_save(s->parts[i].csb, w);
	}
	return !e && !wr_ok(w) ? ERR_TOO_BIG : e;
}

static enum err load_part(struct ue_session *s, struct rd *r, const struct ticket_rules *rules)
{
	struct ue_session_part *p = &s->parts[s->n_parts];
	enum err e;

	p->at.section = (int)rd_u16(r) - 1;
	p->at.lines = rd_u32(r);
	if (!rd_ok(r) || p->at.section >= (int)s->n_media || p->at.lines >> s->n_media)
		return ERR_SYNTAX;
	e = ticket_csb_load(&p->csb, r, rules);
	s->n_parts += !e;
	return e;
}

static enum err load_into(struct ue_session *s, struct rd *r)
{
	struct ticket_rules rules;
	enum err e = ERR_OK;
	unsigned n;

	ticket_rules_init(&rules);
	for (unsigned m = 0; m < s->n_media && !e; m++) {
		s->lines[m].ssrc = rd_u32(r);
		e = ue_sdes_get(r, &s->lines[m].own);
		if (!e)
			e = ue_sdes_get(r, &s->lines[m].peer);
	}
	n = rd_u8(r);
	if (!e && n > SDP_MEDIA_MAX + 1)
		e = ERR_SYNTAX;
	for (unsigned i = 0; i < n && !e; i++)
		e = load_part(s, r, &rules);
	return !e && !rd_done(r) ? ERR_SYNTAX : e;
}

enum err ue_session_load(struct ue_session **out, struct rd *r)
{
	unsigned version = rd_u8(r), protection = rd_u8(r), is_offerer = rd_u8(r),
		 n_media = rd_u8(r);
	struct ue_session *s;
	enum err e;

	if (!rd_ok(r) || version != SESSION_VERSION || protection >= UE_PROTECTIONS ||
	    n_media > SDP_MEDIA_MAX)
		return ERR_SYNTAX;
	s = ue_session_new((enum ue_protection)protection, is_offerer, n_media);
	if (!s)
		return ERR_NOMEM;
	e = load_into(s, r);
	if (e)
		ue_session_free(s);
	else
		*out = s;
	return e;
}
