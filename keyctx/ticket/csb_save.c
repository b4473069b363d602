/* SPDX-License-Identifier: MIT */
/* Writes and reads a bundle field by field. Texts and messages have a 16-bit length before them,
 * keys and other values of limited size an 8-bit length, lists an 8-bit count. */
#include "keyctx/ticket/csb_save.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/csb_make.h"

/* Version 2 added RANDRkms. */
enum { KEEP_VERSION = 2, NO_RANDKMS_VERSION = 1, NO_SUITE = 0xff };

static void put_octets(struct wr *w, struct view v)
{
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
	if (v.n > UINT16_MAX)
		w->bad = true;
}

/* Reads octets with an 8-bit length into a field of at most `room` octets. */
static void get_fixed(struct rd *r, uint8_t *to, uint8_t *len, size_t room)
{
	struct view v = rd_octets(r, rd_u8(r));

	if (v.n > room)
		r->bad = true;
	if (r->bad)
		return;
	memcpy(to, v.p, v.n);
	*len = (uint8_t)v.n;
}

static void put_fixed(struct wr *w, const uint8_t *from, uint8_t len)
{
	wr_u8(w, len);
	wr_octets(w, from, len);
}

static enum err get_octets(struct rd *r, struct csb_octets *out)
{
	struct view v = rd_octets(r, rd_u16(r));

	return r->bad ? ERR_SYNTAX : csb_octets_set(out, v);
}

static void put_keys(struct wr *w, const struct mikey_keys *k)
{
	wr_u8(w, (uint8_t)k->n);
	for (size_t i = 0; i < k->n; i++) {
		wr_u8(w, k->k[i].type);
		put_fixed(w, k->k[i].key, k->k[i].key_len);
		put_fixed(w, k->k[i].salt, k->k[i].salt_len);
		put_fixed(w, k->k[i].spi, k->k[i].spi_len);
	}
}

static void get_keys(struct rd *r, struct mikey_keys *k)
{
	size_t n = rd_u8(r);

	if (n > MIKEY_KEYS_MAX)
		r->bad = true;
	for (; k->n < n && !r->bad; k->n++) {
		struct mikey_key *key = &k->k[k->n];

		key->type = rd_u8(r);
		get_fixed(r, key->key, &key->key_len, sizeof(key->key));
		get_fixed(r, key->salt, &key->salt_len, sizeof(key->salt));
		get_fixed(r, key->spi, &key->spi_len, sizeof(key->spi));
	}
}

static void put_policy(struct wr *w, const struct csmap_policy *p)
{
	wr_u8(w, p->no);
	wr_u32(w, p->present);
	for (size_t i = 0; i < ARRAY_LEN(p->value); i++)
		wr_u32(w, p->value[i]);
}

static void get_policy(struct rd *r, struct csmap_policy *p)
{
	p->no = rd_u8(r);
	p->present = rd_u32(r);
	for (size_t i = 0; i < ARRAY_LEN(p->value); i++)
		p->value[i] = rd_u32(r);
}

static void put_policies(struct wr *w, const struct csb_policies *p)
{
	for (unsigned side = 0; side < 2; side++) {
		wr_u8(w, (uint8_t)p->n[side]);
		for (size_t i = 0; i < p->n[side]; i++)
			put_policy(w, &p->of[side][i]);
	}
}

static void get_policies(struct rd *r, struct csb_policies *p)
{
	for (unsigned side = 0; side < 2; side++) {
		size_t n = rd_u8(r);

		if (n > CSB_POLICIES_MAX)
			r->bad = true;
		for (; p->n[side] < n && !r->bad; p->n[side]++)
			get_policy(r, &p->of[side][p->n[side]]);
	}
}

static void put_session(struct wr *w, const struct csmap_session *s)
{
	wr_u8(w, s->cs_id);
	wr_u8(w, (uint8_t)(s->has_ssrc | s->has_roc << 1));
	wr_u32(w, s->ssrc);
	wr_u32(w, s->roc);
	wr_u16(w, s->seq);
	wr_u8(w, s->key_type);
	wr_u8(w, s->suite ? (uint8_t)s->suite->id : NO_SUITE);
	put_policy(w, &s->policy);
	put_fixed(w, s->spi, s->spi_len);
	put_fixed(w, s->master, s->master_len);
	put_fixed(w, s->salt, s->salt_len);
}

static void get_session(struct rd *r, struct csmap_session *s)
{
	uint8_t flags, suite;

	s->cs_id = rd_u8(r);
	flags = rd_u8(r);
	s->has_ssrc = flags & 1;
	s->has_roc = flags >> 1 & 1;
	s->ssrc = rd_u32(r);
	s->roc = rd_u32(r);
	s->seq = rd_u16(r);
	s->key_type = rd_u8(r);
	suite = rd_u8(r);
	if (suite != NO_SUITE && suite >= SUITE_COUNT)
		r->bad = true;
	else
		s->suite = suite == NO_SUITE ? NULL : suite_get((enum suite_id)suite);
	get_policy(r, &s->policy);
	get_fixed(r, s->spi, &s->spi_len, sizeof(s->spi));
	get_fixed(r, s->master, &s->master_len, sizeof(s->master));
	get_fixed(r, s->salt, &s->salt_len, sizeof(s->salt));
}

static void put_secret(struct wr *w, const struct csb_secret *s)
{
	put_fixed(w, s->mpk, s->mpk_len);
	put_keys(w, &s->keys);
	wr_u8(w, (uint8_t)s->n);
	for (size_t i = 0; i < s->n; i++)
		put_session(w, &s->sessions[i]);
}

static enum err get_secret(struct rd *r, struct csb_secret **out)
{
	struct csb_secret *s = secret_alloc(sizeof(*s) + MIKEY_CS_MAX * sizeof(s->sessions[0]));
	size_t n;

	if (!s)
		return ERR_NOMEM;
	*out = s;
	get_fixed(r, s->mpk, &s->mpk_len, sizeof(s->mpk));
	get_keys(r, &s->keys);
	n = rd_u8(r);
	if (n > MIKEY_CS_MAX)
		r->bad = true;
	for (; s->n < n && !r->bad; s->n++)
		get_session(r, &s->sessions[s->n]);
	return r->bad ? ERR_SYNTAX : ERR_OK;
}

static void put_times(struct wr *w, const struct ticket_csb *c)
{
	wr_u64(w, c->max_t);
	wr_u8(w, c->has_peer_t);
	wr_u8(w, c->peer_t.type);
	wr_u64(w, c->peer_t.value);
	wr_u8(w, (uint8_t)c->n_own_t);
	for (size_t i = 0; i < c->n_own_t; i++)
		wr_u64(w, c->own_t[i]);
}

static void get_times(struct rd *r, struct ticket_csb *c)
{
	size_t n;

	c->max_t = rd_u64(r);
	c->has_peer_t = rd_u8(r);
	c->peer_t.type = rd_u8(r);
	c->peer_t.value = rd_u64(r);
	n = rd_u8(r);
	if (n > CSB_OWN_TIMES)
		r->bad = true;
	for (; c->n_own_t < n && !r->bad; c->n_own_t++)
		c->own_t[c->n_own_t] = rd_u64(r);
}

enum err ticket_csb_save(const struct ticket_csb *c, struct wr *w)
{
	wr_u8(w, KEEP_VERSION);
	wr_u8(w, c->state);
	wr_u8(w, c->is_initiator);
	wr_u8(w, c->phase);
	wr_u8(w, c->algs.prf);
	wr_u8(w, c->algs.encr);
	wr_u8(w, c->algs.mac);
	wr_u16(w, c->flags);
	wr_u32(w, c->csb_id);
	for (unsigned side = 0; side < 2; side++) {
		wr_u8(w, c->id[side].type);
		put_octets(w, c->id[side].data);
	}
	put_fixed(w, c->randi, c->randi_len);
	put_fixed(w, c->randr, c->randr_len);
	put_policies(w, &c->policies);
	put_secret(w, c->secret);
	put_octets(w, csb_octets_view(&c->sent));
	put_octets(w, csb_octets_view(&c->received));
	put_octets(w, csb_octets_view(&c->reply));
	put_octets(w, csb_octets_view(&c->pending));
	if (c->state == CSB_WAITING) {
		put_keys(w, c->pending_keys);
		put_policies(w, c->pending_policies);
	}
	wr_octets(w, c->ticket_hash, sizeof(c->ticket_hash));
	put_times(w, c);
	put_fixed(w, c->randkms, c->randkms_len);
	return wr_ok(w) ? ERR_OK : ERR_TOO_BIG;
}

static enum err get_names(struct rd *r, struct ticket_csb *c)
{
	enum err e = ERR_OK;

	for (unsigned side = 0; side < 2 && !e; side++) {
		c->id[side].type = rd_u8(r);
		e = get_octets(r, &c->id_octets[side]);
		c->id[side].data = csb_octets_view(&c->id_octets[side]);
	}
	return e;
}

/* Reads the keys and policies of the update that waits for its response. */
static enum err get_pending(struct rd *r, struct ticket_csb *c)
{
	c->pending_keys = mikey_keys_new();
	c->pending_policies = mem_alloc(sizeof(*c->pending_policies));
	if (!c->pending_keys || !c->pending_policies)
		return ERR_NOMEM;
	get_keys(r, c->pending_keys);
	get_policies(r, c->pending_policies);
	return r->bad ? ERR_SYNTAX : ERR_OK;
}

static enum err get_messages(struct rd *r, struct ticket_csb *c)
{
	struct csb_octets *const all[] = {&c->sent, &c->received, &c->reply, &c->pending};
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(all) && !e; i++)
		e = get_octets(r, all[i]);
	return e;
}

/* Returns the version of the format. */
static uint8_t get_head(struct rd *r, struct ticket_csb *c)
{
	uint8_t version = rd_u8(r);

	if (version != KEEP_VERSION && version != NO_RANDKMS_VERSION)
		r->bad = true;
	c->state = rd_u8(r);
	c->is_initiator = rd_u8(r);
	c->phase = rd_u8(r);
	c->algs.prf = rd_u8(r);
	c->algs.encr = rd_u8(r);
	c->algs.mac = rd_u8(r);
	c->flags = rd_u16(r);
	c->csb_id = rd_u32(r);
	if (c->state >= CSB_STATES || mikey_algs_check(c->algs, false, NULL))
		r->bad = true;
	return version;
}

enum err ticket_csb_load(struct ticket_csb **out, struct rd *r, const struct ticket_rules *rules)
{
	struct ticket_csb *c = mem_alloc(sizeof(*c));
	struct view hash;
	uint8_t version;
	enum err e;

	if (!c)
		return ERR_NOMEM;
	c->rules = *rules;
	version = get_head(r, c);
	e = r->bad ? ERR_SYNTAX : get_names(r, c);
	get_fixed(r, c->randi, &c->randi_len, sizeof(c->randi));
	get_fixed(r, c->randr, &c->randr_len, sizeof(c->randr));
	get_policies(r, &c->policies);
	if (!e)
		e = get_secret(r, &c->secret);
	if (!e)
		e = get_messages(r, c);
	if (!e && c->state == CSB_WAITING)
		e = get_pending(r, c);
	hash = rd_octets(r, sizeof(c->ticket_hash));
	get_times(r, c);
	if (version != NO_RANDKMS_VERSION)
		get_fixed(r, c->randkms, &c->randkms_len, sizeof(c->randkms));
	if (!e && r->bad)
		e = ERR_SYNTAX;
	if (e) {
		ticket_csb_free(c);
		return e;
	}
	memcpy(c->ticket_hash, hash.p, hash.n);
	*out = c;
	return ERR_OK;
}
