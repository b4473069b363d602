/* SPDX-License-Identifier: MIT */
/* Makes, opens and forks the MIKEY base ticket (RFC 6043 A). */
#include "keyctx/ticket/ticket.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"

enum {
	SPI_LEN = TICKET_SPI_LEN,
	SPI_DRAWS =
		16, /* draws of an SPI before it is given up: each other key may have the same */
	BODY_MAX = 8192,
	V_FIXED = 2, /* octets of V before the MAC: next payload, algorithm */
};

/* The CSB ID that enters the encryption of a ticket's KEMAC (RFC 6043 A.2). */
static const uint32_t NO_CSB = 0xffffffff;

struct ticket_keys *ticket_keys_new(void)
{
	return secret_alloc(sizeof(struct ticket_keys));
}

void ticket_keys_free(struct ticket_keys *k)
{
	secret_free(k);
}

/* Reads a ticket body (without next-payload octet and Initiator Data) into new memory, which the
 * caller frees at out->octets.p. */
static enum err body_read(struct view body, struct mikey_payload *out, struct mikey_fault *fault)
{
	uint8_t *room = mem_alloc(body.n + 3);
	struct wr w = wr_make(room, body.n + 3);
	struct rd r = rd_make(room, body.n + 3);
	enum err e;

	if (!room)
		return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	wr_u8(&w, MIKEY_LAST);
	wr_view(&w, body);
	wr_u16(&w, 0);
	e = mikey_payload_read(&r, MIKEY_TICKET, 0, out, fault);
	if (!e && !rd_done(&r))
		e = mikey_fail(fault, ERR_SYNTAX, MIKEY_E_TICKET,
		               "unexpected octets after the ticket");
	if (e)
		mem_free(room);
	return e;
}

void ticket_grant_free(struct ticket_grant *g)
{
	if (!g)
		return;
	if (g->body.p)
		mem_free((void *)(uintptr_t)(g->body.p - 1));
	ticket_keys_free(g->keys);
	mem_free(g);
}

enum err ticket_grant_new(struct ticket_grant **out, struct view body,
                          const struct ticket_keys *keys, struct mikey_fault *fault)
{
	struct ticket_grant *g = mem_alloc(sizeof(*g));
	struct mikey_payload p;
	enum err e;

	if (!g)
		return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	g->keys = ticket_keys_new();
	e = g->keys ? body_read(body, &p, fault)
	            : mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	if (!e) {
		g->body = ticket_body_bare(&p);
		*g->keys = *keys;
		e = ticket_policy_read(&g->policy, &p, fault);
	}
	if (e)
		ticket_grant_free(g);
	else
		*out = g;
	return e;
}

static enum err draw(const struct mikey_env *env, const char *name, void *out, size_t n,
                     struct mikey_fault *fault)
{
	enum err e = env->random(env->random_ctx, name, out, n);

	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the random generator failed (%s)",
	                      name)
	         : ERR_OK;
}

static bool is_zero(struct view v)
{
	uint8_t any = 0;

	for (size_t i = 0; i < v.n; i++)
		any |= v.p[i];
	return !any;
}

/* Adds a key whose SPI the KMS chooses: a random one as long as the one asked for, which no other
 * key has. */
static enum err add_with_own_spi(struct mikey_keys *to, const struct ticket_wish *wish,
                                 const struct mikey_key *made, const char *name,
                                 const struct mikey_env *env)
{
	uint8_t octets[MIKEY_SPI_MAX];
	struct view spi = {.p = octets, .n = wish->spi.n ? wish->spi.n : SPI_LEN};
	enum err e = ERR_EXISTS;

	if (spi.n > sizeof(octets))
		return ERR_TOO_BIG;
	for (unsigned i = 0; i < SPI_DRAWS && e == ERR_EXISTS; i++) {
		e = env->random(env->random_ctx, name, octets, spi.n);
		if (!e)
			e = mikey_keys_add(
				to, wish->type, (struct view){.p = made->key, .n = wish->len},
				(struct view){.p = made->salt, .n = wish->salt_len}, spi);
	}
	return e;
}

bool ticket_wish_leaves_spi(const struct ticket_wish *wish)
{
	return is_zero(wish->spi);
}

/* Makes one requested key with salt and SPI. The names of its random values contain its number, so
 * that they differ. */
static enum err make_key(struct mikey_keys *to, const struct ticket_wish *wish, size_t i,
                         const struct mikey_env *env, struct mikey_fault *fault)
{
	struct mikey_key *tmp = secret_alloc(sizeof(*tmp));
	char name[32];
	enum err e = tmp ? ERR_OK : ERR_NOMEM;

	if (!e && wish->len > sizeof(tmp->key))
		e = ERR_TOO_BIG;
	snprintf(name, sizeof(name), "key%zu", i);
	if (!e)
		e = draw(env, name, tmp->key, wish->len, fault);
	snprintf(name, sizeof(name), "salt%zu", i);
	if (!e && wish->salt_len)
		e = wish->salt_len <= sizeof(tmp->salt)
		            ? draw(env, name, tmp->salt, wish->salt_len, fault)
		            : ERR_TOO_BIG;
	snprintf(name, sizeof(name), "spi%zu", i);
	if (!e && ticket_wish_leaves_spi(wish))
		e = add_with_own_spi(to, wish, tmp, name, env);
	else if (!e)
		e = mikey_keys_add(to, wish->type, (struct view){.p = tmp->key, .n = wish->len},
		                   (struct view){.p = tmp->salt, .n = wish->salt_len}, wish->spi);
	secret_free(tmp);
	return e ? mikey_fail(fault, e, MIKEY_E_TPPAR, "session key %zu can't be made: %s", i,
	                      e == ERR_EXISTS ? "another requested key has the same SPI"
	                                      : "too long, too many keys, or the random generator "
	                                        "failed")
	         : ERR_OK;
}

/* Work space for a new ticket; in secret memory. */
struct making {
	struct ticket_keys keys;
	struct mikey_keys plain; /* MPK, then session keys: the content of the ticket's KEMAC */
	struct mikey_msg_keys tpk_keys;
	uint8_t mpk[32];
	uint8_t rand[MIKEY_KEY_MAX];
	size_t rand_len;
	struct mikey_ts t; /* T of Ticket Data */
};

static enum err make_session_keys(struct making *m, const struct ticket_policy_spec *spec,
                                  const struct mikey_env *env, struct mikey_fault *fault)
{
	struct ticket_wish one = {.type = MIKEY_TGK,
	                          .len = (uint16_t)mikey_default_key_len(spec->prf)};
	const struct ticket_wish *wishes = spec->n_wishes ? spec->wishes : &one;
	size_t n = spec->n_wishes ? spec->n_wishes : !spec->no_keys;
	uint8_t spi[SPI_LEN], mpk_spi[SPI_LEN];
	struct view mpk = {.p = m->mpk, .n = mikey_default_key_len(spec->prf)};
	enum err e = ERR_OK;

	if (!spec->n_wishes && n) {
		e = draw(env, "tgk-spi", spi, sizeof(spi), fault);
		one.spi = (struct view){.p = spi, .n = sizeof(spi)};
	}
	if (!e)
		e = draw(env, "mpk", m->mpk, mpk.n, fault);
	if (!e)
		e = draw(env, "mpk-spi", mpk_spi, sizeof(mpk_spi), fault);
	if (!e)
		e = mikey_keys_add(&m->plain, MIKEY_MPK, mpk, (struct view){0},
		                   (struct view){.p = mpk_spi, .n = sizeof(mpk_spi)});
	for (size_t i = 0; i < n && !e; i++)
		e = make_key(&m->plain, &wishes[i], i, env, fault);
	for (size_t i = 1; i < m->plain.n && !e; i++)
		m->keys.session.k[m->keys.session.n++] = m->plain.k[i];
	return e;
}

/* Derives MPKi and MPKr from the MPK and the ticket's RAND. */
static enum err split_mpk(struct ticket_keys *k, unsigned prf, struct view mpk, struct view rand)
{
	k->mpk_len = (uint8_t)mpk.n;
	k->has_mpkr = true;
	return mikey_prf_mpk(k->mpki, k->mpkr, prf, mpk, rand);
}

static bool keys_have_tgk(const struct mikey_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->k[i].type == MIKEY_TGK || k->k[i].type == MIKEY_TGK_SALT)
			return true;
	return false;
}

/* Writes the TICKET payload from Ticket Type to V. The MAC in V covers all of it (decision
 * 0010.16). */
static enum err write_body(struct making *m, const struct ticket_policy_spec *spec,
                           struct mikey_id tpk_id, struct mikey_algs algs, struct wr *w)
{
	uint8_t sealed[4096], policy[4096];
	struct wr tp_data = wr_make(policy, sizeof(policy)),
		  encr_data = wr_make(sealed, sizeof(sealed));
	struct mikey_payload thdr = {.type = MIKEY_THDR}, rand = {.type = MIKEY_RAND},
			     kemac = {.type = MIKEY_KEMAC}, p;
	struct mikey_build b;
	size_t len_at;
	enum err e =
		mikey_kemac_seal(&encr_data, algs.encr,
	                         &(struct mikey_kemac_seed){&m->tpk_keys, NO_CSB, m->t}, &m->plain);

	ticket_policy_write(&tp_data, spec, true);
	if (e || !wr_ok(&tp_data) || wr_len(&tp_data) > UINT16_MAX)
		return e ? e : ERR_TOO_BIG;
	wr_u16(w, spec->ticket_type ? spec->ticket_type : TICKET_TYPE_MIKEY);
	wr_u8(w, TICKET_SUBTYPE);
	wr_u8(w, TICKET_VERSION);
	wr_u24(w, (uint32_t)spec->prf << 17 | (uint32_t)spec->flags << 5);
	wr_u16(w, (uint16_t)wr_len(&tp_data));
	wr_octets(w, policy, wr_len(&tp_data));
	len_at = wr_len(w);
	wr_u16(w, 0);
	mikey_build_chain(&b, w, false);
	mikey_build_add(&b, &thdr);
	p = mikey_make_t(m->t);
	mikey_build_add(&b, &p);
	rand.u.rand = (struct view){.p = m->rand, .n = m->rand_len};
	mikey_build_add(&b, &rand);
	kemac.u.kemac.encr = algs.encr;
	kemac.u.kemac.data = (struct view){.p = sealed, .n = wr_len(&encr_data)};
	mikey_build_add(&b, &kemac);
	if (mikey_id_is_set(tpk_id)) {
		p = mikey_make_idr(MIKEY_ROLE_PSK, tpk_id);
		mikey_build_add(&b, &p);
	}
	wr_patch_u16(&b.w, len_at,
	             (uint16_t)(wr_len(&b.w) - len_at - 2 + V_FIXED + mikey_mac_len(algs.mac)));
	e = mikey_build_add_mac(&b, algs.mac, &m->tpk_keys, NULL, 0);
	*w = b.w;
	return e;
}

/* Checks all inputs before a key is made. */
static enum err check_spec(const struct ticket_policy_spec *spec, const struct ticket_tpk *tpk,
                           struct mikey_algs algs, struct mikey_fault *fault)
{
	struct mikey_algs used = {.prf = spec->prf, .encr = algs.encr, .mac = algs.mac};

	if (!spec->n_r)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR,
		                  "the ticket policy has no IDRr");
	if (!tpk->key.n)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                  "the key that protects the ticket is empty");
	if (tpk->key.n > MIKEY_KEY_MAX)
		return mikey_fail(
			fault, ERR_TOO_BIG, MIKEY_E_TICKET,
			"the key that protects the ticket has %zu octets, at most 64 are allowed",
			tpk->key.n);
	if (ticket_policy_check_order(spec, fault))
		return ERR_INVALID;
	return mikey_algs_check(used, false, fault);
}

/* Six parameters: result, policy, key, algorithms, environment and fault. */
enum err ticket_create(struct ticket_grant **out, const struct ticket_policy_spec *spec,
                       const struct ticket_tpk *tpk, struct mikey_algs algs,
                       const struct mikey_env *env, struct mikey_fault *fault)
{
	enum err e = check_spec(spec, tpk, algs, fault);
	const char *conflict;
	struct making *m;
	uint8_t *room;
	struct wr w;

	if (e)
		return e;
	m = secret_alloc(sizeof(*m));
	room = mem_alloc(BODY_MAX);
	if (!m || !room) {
		e = mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
		goto out;
	}
	/* RFC 6043 12.1: RAND is as long as the longer of TPK and MPK. */
	m->rand_len = mikey_rand_len(spec->prf, tpk->key.n);
	e = make_session_keys(m, spec, env, fault);
	if (!e)
		e = mikey_algs_check_keys((struct mikey_algs){spec->prf, algs.encr, algs.mac},
		                          &m->plain, fault);
	conflict = ticket_flags_conflict(spec->flags, keys_have_tgk(&m->plain));
	if (!e && conflict)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR, "ticket policy: %s", conflict);
	if (!e)
		e = draw(env, "ticket-rand", m->rand, m->rand_len, fault);
	if (e)
		goto out;
	m->t = (struct mikey_ts){.type = MIKEY_TS_NTP_UTC, .value = mikey_env_stamp(env, 0)};
	w = wr_make(room, BODY_MAX);
	e = mikey_prf_ticket_keys(&m->tpk_keys, spec->prf, tpk->key,
	                          (struct view){.p = m->rand, .n = m->rand_len});
	if (!e)
		e = split_mpk(&m->keys, spec->prf, mikey_key_octets(&m->plain.k[0]),
		              (struct view){.p = m->rand, .n = m->rand_len});
	if (!e)
		e = write_body(m, spec, tpk->id, algs, &w);
	if (e)
		mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the ticket can't be written");
	else
		e = ticket_grant_new(out, (struct view){.p = room, .n = wr_len(&w)}, &m->keys,
		                     fault);
out:
	mem_free(room);
	secret_free(m);
	return e;
}

/* Reads the plaintext of a ticket: one MPK first, then session keys (RFC 6043 A.1). */
static enum err take_plain(struct ticket_keys *out, const struct mikey_keys *plain,
                           const struct ticket_policy *policy, struct view rand,
                           struct mikey_fault *fault)
{
	const struct mikey_key *mpk = &plain->k[0];
	const char *conflict = ticket_flags_conflict(policy->tp.flags, keys_have_tgk(plain));
	enum err e;

	if (!plain->n || mpk->type != MIKEY_MPK)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_TICKET,
		                  "the first key in the ticket must be an MPK");
	if (conflict)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR, "ticket policy: %s", conflict);
	if (rand.n < mpk->key_len)
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_TICKET,
			"RAND of the ticket must be at least as long as its MPK (RFC 6043 12.1)");
	*out = (struct ticket_keys){0};
	for (size_t i = 1; i < plain->n; i++) {
		if (plain->k[i].type == MIKEY_MPK)
			return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_TICKET,
			                  "the ticket holds two MPKs, one is allowed");
		out->session.k[out->session.n++] = plain->k[i];
	}
	e = split_mpk(out, policy->tp.prf, mikey_key_octets(mpk), rand);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "MPKi and MPKr can't be derived")
	         : ERR_OK;
}

struct opening {
	struct mikey_msg_keys keys;
	struct mikey_keys plain;
};

enum err ticket_open(struct ticket_keys *out, const struct mikey_payload *ticket,
                     const struct ticket_policy *policy, struct view tpk, struct mikey_fault *fault)
{
	struct ticket_data data;
	struct opening *o;
	struct mikey_algs algs;
	struct view body = ticket_body_bare(ticket);
	enum err e = ticket_data_read(&data, ticket, fault);

	if (e)
		return e;
	algs = (struct mikey_algs){policy->tp.prf, data.kemac.u.kemac.encr, data.v.u.v.alg};
	e = mikey_algs_check(algs, false, fault);
	if (!e && data.kemac.u.kemac.mac_alg != MIKEY_MAC_NULL)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_TICKET, data.kemac.offset,
		                  "KEMAC must have the MAC algorithm NULL");
	if (!e && (!tpk.n || data.rand.n < tpk.n))
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		               "RAND of the ticket must be at least as long as the key that "
		               "protects it (RFC 6043 12.1)");
	o = e ? NULL : secret_alloc(sizeof(*o));
	if (!e && !o)
		return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	if (!e)
		e = mikey_prf_ticket_keys(&o->keys, policy->tp.prf, tpk, data.rand);
	if (!e) {
		body.n -= data.v.u.v.mac.n;
		e = mikey_mac_check(&data.v, &o->keys, &body, 1, fault);
		if (e == ERR_AUTH)
			mikey_fail(fault, e, MIKEY_E_TICKET,
			           "the MAC of the ticket is wrong: other key or altered ticket");
	}
	if (!e)
		e = mikey_kemac_open(&o->plain, &data.kemac,
		                     &(struct mikey_kemac_seed){&o->keys, NO_CSB, data.t}, fault);
	if (!e)
		e = mikey_algs_check_keys(algs, &o->plain, fault);
	if (!e)
		e = take_plain(out, &o->plain, policy, data.rand, fault);
	if (e && fault && fault->no != MIKEY_E_TPPAR)
		fault->no = MIKEY_E_TICKET;
	secret_free(o);
	return e;
}

enum err ticket_fork(struct ticket_keys *k, unsigned prf, struct view id_data, struct view rand_kms)
{
	struct mikey_fork_seed with = {.prf = prf, .id_data = id_data, .rand_kms = rand_kms};
	enum err e = mikey_prf_fork(k->mpkr, MIKEY_FORK_MPKR,
	                            (struct view){.p = k->mpkr, .n = k->mpk_len}, &with);

	for (size_t i = 0; i < k->session.n && !e; i++) {
		struct mikey_key *key = &k->session.k[i];

		if (key->type == MIKEY_TGK || key->type == MIKEY_TGK_SALT)
			e = mikey_prf_fork(key->key, MIKEY_FORK_TGK, mikey_key_octets(key), &with);
	}
	return e;
}

static enum err pack_mpk(struct mikey_keys *out, const uint8_t *mpk, size_t n, const char *spi_name,
                         const struct mikey_env *env)
{
	uint8_t spi[SPI_LEN];
	enum err e = env->random(env->random_ctx, spi_name, spi, sizeof(spi));

	return e ? e
	         : mikey_keys_add(out, MIKEY_MPK, (struct view){.p = mpk, .n = n}, (struct view){0},
	                          (struct view){.p = spi, .n = sizeof(spi)});
}

enum err ticket_keys_pack(struct mikey_keys *out, const struct ticket_keys *k, bool forking,
                          const struct mikey_env *env)
{
	enum err e;

	out->n = 0;
	e = pack_mpk(out, k->mpki, k->mpk_len, "mpki-spi", env);
	if (!e && forking)
		e = pack_mpk(out, k->mpkr, k->mpk_len, "mpkr-spi", env);
	for (size_t i = 0; i < k->session.n && !e; i++) {
		if (out->n == MIKEY_KEYS_MAX)
			return ERR_TOO_BIG;
		out->k[out->n++] = k->session.k[i];
	}
	return e;
}

enum err ticket_keys_unpack(struct ticket_keys *out, const struct mikey_keys *packed, bool forking,
                            struct mikey_fault *fault)
{
	size_t n_mpk = 0;

	while (n_mpk < packed->n && packed->k[n_mpk].type == MIKEY_MPK)
		n_mpk++;
	if (n_mpk != (forking ? 2u : 1u))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "the answer has %zu MPKs, the ticket policy requires %d", n_mpk,
		                  forking ? 2 : 1);
	if (forking && packed->k[0].key_len != packed->k[1].key_len)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "the two MPKs of the answer differ in length");
	*out = (struct ticket_keys){.mpk_len = packed->k[0].key_len, .has_mpkr = forking};
	memcpy(out->mpki, packed->k[0].key, out->mpk_len);
	if (forking)
		memcpy(out->mpkr, packed->k[1].key, out->mpk_len);
	for (size_t i = n_mpk; i < packed->n; i++) {
		if (packed->k[i].type == MIKEY_MPK)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "an MPK follows a session key; MPKs must come first");
		out->session.k[out->session.n++] = packed->k[i];
	}
	return ERR_OK;
}
