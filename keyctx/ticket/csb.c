/* SPDX-License-Identifier: MIT */
/* Sends and receives updates of an established bundle (RFC 6043 5.2). */
#include "keyctx/ticket/csb.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/csb_make.h"
#include "keyctx/ticket/step.h"

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

/* Derives the keys that protect every update: those of the last message of the initial exchange
 * (decision 0010.40). */
static enum err update_keys(const struct ticket_csb *c, struct mikey_msg_keys *out)
{
	struct mikey_msg_seed from = {
		.prf = c->algs.prf,
		.inkey = {.p = c->secret->mpk, .n = c->secret->mpk_len},
		.csb_id = c->csb_id,
		.phase = c->phase,
		.randi = {.p = c->randi, .n = c->randi_len},
		.randr = {.p = c->randr, .n = c->randr_len},
	};

	return mikey_prf_msg_keys(out, &from);
}

/* Removes keys that no session uses, oldest first, until `wanted` more fit. */
static void make_room(const struct ticket_csb *c, struct mikey_keys *k, size_t wanted)
{
	for (size_t i = 0; i < k->n && k->n + wanted > MIKEY_KEYS_MAX;) {
		bool used = false;

		for (size_t j = 0; j < c->secret->n && !used; j++)
			used = view_eq(
				(struct view){
					.p = c->secret->sessions[j].spi,
					.n = c->secret->sessions[j].spi_len,
				},
				mikey_key_spi(&k->k[i]));
		if (used) {
			i++;
			continue;
		}
		memmove(&k->k[i], &k->k[i + 1], (k->n - i - 1) * sizeof(k->k[0]));
		k->n--;
	}
}

/* Checks that T is new in both directions. The IV depends on T, so a T that is used twice would
 * repeat the keystream (decision 0010.41). */
static enum err check_fresh(const struct ticket_csb *c, struct mikey_ts ts,
                            struct mikey_fault *fault)
{
	bool counts = ts.type == MIKEY_TS_COUNTER, stale = false;
	uint64_t t = mikey_ts_to_64(ts);

	/* Times and counters can't be compared, so the peer must not change from one to the
	 * other. */
	if (c->has_peer_t)
		stale = counts != (c->peer_t.type == MIKEY_TS_COUNTER) ||
		        ticket_ntp_diff(t, mikey_ts_to_64(c->peer_t)) <= 0;
	if (!counts && c->n_own_t == CSB_OWN_TIMES)
		stale = stale || ticket_ntp_diff(t, c->own_t[0]) < 0;
	for (size_t i = 0; i < c->n_own_t && !stale; i++)
		stale = c->own_t[i] == t;
	return stale ? mikey_fail(fault, ERR_REPLAY, MIKEY_E_TS,
	                          "T was used in this bundle before, or is older than the last one")
	             : ERR_OK;
}

/* An update that is being built or received. The bundle changes only after all checks succeed. */
struct change {
	struct mikey_keys *keys;
	struct csb_policies *policies;
	struct csb_secret *secret;
	struct mikey_msg_keys *msg_keys;
	struct mikey_msg *msg, *other;
	uint8_t *room;
};

static void change_fini(struct change *ch)
{
	mikey_keys_free(ch->keys);
	mem_free(ch->policies);
	secret_free(ch->secret);
	secret_free(ch->msg_keys);
	mem_free(ch->msg);
	mem_free(ch->other);
	mem_free(ch->room);
}

static enum err change_init(struct change *ch, const struct ticket_csb *c,
                            const struct mikey_keys *keys, const struct csb_policies *policies,
                            struct mikey_fault *fault)
{
	enum err e;

	*ch = (struct change){
		.keys = mikey_keys_new(),
		.policies = mem_dup(policies, sizeof(*policies)),
		.msg_keys = secret_alloc(sizeof(*ch->msg_keys)),
		.msg = mem_alloc(sizeof(*ch->msg)),
		.other = mem_alloc(sizeof(*ch->other)),
		.room = mem_alloc(MIKEY_MESSAGE_MAX),
	};
	if (!ch->keys || !ch->policies || !ch->msg_keys || !ch->msg || !ch->other || !ch->room) {
		change_fini(ch);
		return no_memory(fault);
	}
	*ch->keys = *keys;
	e = update_keys(c, ch->msg_keys);
	if (e)
		change_fini(ch);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the message keys can't be derived")
	         : ERR_OK;
}

static void commit(struct ticket_csb *c, struct change *ch)
{
	struct csb_secret *old = c->secret;

	c->secret = ch->secret;
	ch->secret = old;
	c->policies = *ch->policies;
}

struct outgoing {
	unsigned data_type;
	bool v;
	const struct ticket_cs *cs;
	size_t n_cs;
	const struct csmap_policy *policies;
	size_t n_policies;
	const struct mikey_keys *keys;
	/* in a response: the INIT that it answers; empty in an INIT, whose MAC covers both
	 * identities instead */
	struct view covered;
};

/* Builds a message: HDR, T, own IDR, in an INIT also the peer's IDR, SPs, KEMAC, V. */
static enum err build(struct ticket_csb *c, const struct outgoing *o, struct change *ch,
                      const struct mikey_env *env, struct view *octets)
{
	struct mikey_hdr hdr = {.data_type = (uint8_t)o->data_type,
	                        .v = o->v,
	                        .prf = c->algs.prf,
	                        .csb_id = c->csb_id,
	                        .map_type = MIKEY_MAP_GENERIC_ID};
	struct mikey_cs cs[MIKEY_CS_MAX];
	struct csb_cs_room rooms[MIKEY_CS_MAX];
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC, .value = mikey_env_stamp(env, c->max_t)};
	unsigned me = !c->is_initiator;
	struct view extra[2] = {c->id[0].data, c->id[1].data};
	struct mikey_payload p;
	struct mikey_build b;
	enum err e;

	if (o->n_cs > MIKEY_CS_MAX)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < o->n_cs; i++)
		csb_cs_write(&cs[i], &rooms[i], &o->cs[i]);
	mikey_build_start(&b, wr_make(ch->room, MIKEY_MESSAGE_MAX), &hdr, cs, o->n_cs);
	p = mikey_make_t(t);
	mikey_build_add(&b, &p);
	p = mikey_make_idr(me ? MIKEY_ROLE_R : MIKEY_ROLE_I, c->id[me]);
	mikey_build_add(&b, &p);
	p = mikey_make_idr(me ? MIKEY_ROLE_I : MIKEY_ROLE_R, c->id[!me]);
	if (!o->covered.n)
		mikey_build_add(&b, &p);
	csb_add_policies(&b, o->policies, o->n_policies);
	e = csb_add_kemac(&b, c->algs.encr, &(struct mikey_kemac_seed){ch->msg_keys, c->csb_id, t},
	                  o->keys);
	if (!e)
		e = mikey_build_add_mac(&b, c->algs.mac, ch->msg_keys,
		                        o->covered.n ? &o->covered : extra, o->covered.n ? 1 : 2);
	if (!e)
		e = mikey_build_done(&b, octets);
	if (!e)
		csb_note_time(c, t, true);
	return e;
}

static enum err add_own_keys(const struct ticket_csb *c, struct change *ch,
                             const struct mikey_keys *keys, struct mikey_fault *fault)
{
	unsigned flag = c->is_initiator ? TICKET_L : TICKET_M;
	enum err e = ERR_OK;

	if (!keys || !keys->n)
		return ERR_OK;
	if (!(c->flags & flag))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "new keys of this side need flag L (initiator) or M (responder) "
		                  "in the ticket");
	make_room(c, ch->keys, keys->n);
	for (size_t i = 0; i < keys->n && !e; i++)
		e = mikey_keys_add(ch->keys, keys->k[i].type, mikey_key_octets(&keys->k[i]),
		                   mikey_key_salt(&keys->k[i]), mikey_key_spi(&keys->k[i]));
	if (!e)
		return mikey_algs_check_keys(c->algs, keys, fault);
	return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                  e == ERR_EXISTS ? "the bundle already has a key with this SPI"
	                                  : "too many keys in the bundle, at most 12 are allowed");
}

static struct view mpk_of(const struct ticket_csb *c)
{
	return (struct view){.p = c->secret->mpk, .n = c->secret->mpk_len};
}

/* Derives the sessions of `last`, a message that `side` sent, with the keys and policies of the
 * change. */
static enum err derive(struct change *ch, const struct ticket_csb *c, const struct mikey_msg *last,
                       unsigned side, struct mikey_fault *fault)
{
	struct csb_source from = {.policies = ch->policies,
	                          .last = last,
	                          .side = side,
	                          .mpk = mpk_of(c),
	                          .keys = ch->keys};

	return csb_derive(&ch->secret, c, &from, fault);
}

/* Decrypts the KEMAC of a received message and adds its keys to those of the change. */
static enum err open_kemac(struct change *ch, const struct ticket_csb *c, struct mikey_fault *fault)
{
	/* the flag that lets the peer supply keys */
	unsigned flag = c->is_initiator ? TICKET_M : TICKET_L;
	struct csb_sealed from = {.msg = ch->msg,
	                          .msg_keys = ch->msg_keys,
	                          .algs = c->algs,
	                          .is_allowed = c->flags & flag,
	                          .accept_null = c->rules.accept_null_encr};

	return csb_open_kemac(ch->keys, &from, fault);
}

/* An update that asks for no response takes effect now; any other is kept until its response
 * arrives. */
static enum err keep_sent(struct ticket_csb *c, struct change *ch, bool waits, struct view octets,
                          struct mikey_fault *fault)
{
	unsigned me = !c->is_initiator;
	enum err e = ERR_OK;

	if (!waits) {
		e = csb_check_complete(ch->msg, fault);
		if (!e)
			e = derive(ch, c, ch->msg, me, fault);
		if (!e && csb_octets_set(&c->sent, octets))
			e = no_memory(fault);
		if (!e)
			commit(c, ch);
		return e;
	}
	if (csb_octets_set(&c->pending, octets))
		return no_memory(fault);
	c->pending_keys = ch->keys;
	c->pending_policies = ch->policies;
	ch->keys = NULL;
	ch->policies = NULL;
	return ERR_OK;
}

enum err ticket_csb_update(struct ticket_csb *c, const struct ticket_update_params *params,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault)
{
	const struct outgoing o = {
		.data_type = MIKEY_DT_TRANSFER_INIT,
		.v = params->want_response,
		.cs = params->cs,
		.n_cs = params->n_cs,
		.policies = params->policies,
		.n_policies = params->n_policies,
		.keys = params->keys,
	};
	unsigned event = params->want_response ? CSB_ON_SEND : CSB_ON_SEND_FINAL;
	struct change ch;
	struct view built;
	enum err e;

	if (!step_allows(&csb_steps, c->state, event))
		return step_take(&csb_steps, &c->state, event, fault);
	e = change_init(&ch, c, &c->secret->keys, &c->policies, fault);
	if (e)
		return e;
	e = add_own_keys(c, &ch, params->keys, fault);
	if (!e) {
		e = build(c, &o, &ch, env, &built);
		if (e)
			mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
			           "the update can't be built (message too long or cryptography "
			           "failed)");
	}
	if (!e)
		e = mikey_msg_read(ch.msg, built, fault);
	if (!e)
		e = csb_take_policies(ch.policies, ch.msg, !c->is_initiator, fault);
	if (!e)
		e = keep_sent(c, &ch, params->want_response, built, fault);
	if (!e)
		e = step_take(&csb_steps, &c->state, event, fault);
	if (!e)
		*octets = csb_octets_view(params->want_response ? &c->pending : &c->sent);
	change_fini(&ch);
	return e;
}

enum err ticket_csb_cancel(struct ticket_csb *c)
{
	enum err e = step_take(&csb_steps, &c->state, CSB_ON_CANCEL, NULL);

	if (!e)
		csb_drop_pending(c);
	return e;
}

/* Checks a random value of an update: it must be one of the first exchange (RFC 6043 5.2). */
static enum err check_rand(const struct ticket_csb *c, const struct mikey_payload *p,
                           struct mikey_fault *fault)
{
	const struct view was[] = {
		[MIKEY_ROLE_I] = {.p = c->randi, .n = c->randi_len},
		[MIKEY_ROLE_R] = {.p = c->randr, .n = c->randr_len},
		[MIKEY_ROLE_KMS] = {.p = c->randkms, .n = c->randkms_len},
	};
	unsigned role = p->type == MIKEY_RANDR ? p->u.randr.role : 0;

	if (role != 0 && role < ARRAY_LEN(was) && was[role].n &&
	    view_eq(p->u.randr.rand, was[role]))
		return ERR_OK;
	return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, p->offset,
	                     "the update has a new random value (%s of role %u), which only the "
	                     "first exchange may have",
	                     mikey_type_name(p->type), role);
}

/* Checks TICKET and random values: an update may repeat them, but not change them (decision
 * 0010.43). */
static enum err check_statics(const struct ticket_csb *c, const struct mikey_msg *m,
                              struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = mikey_msg_find(m, MIKEY_TICKET);
	uint8_t hash[32];

	for (size_t i = 0; i < m->n; i++)
		if ((m->p[i].type == MIKEY_RANDR || m->p[i].type == MIKEY_RAND) &&
		    check_rand(c, &m->p[i], fault))
			return ERR_INVALID;
	if (ticket && (prim_digest(PRIM_SHA256, ticket->octets, hash) ||
	               memcmp(hash, c->ticket_hash, sizeof(hash)) != 0))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                  "TICKET of the update differs from that of the first exchange");
	return ERR_OK;
}

static enum err check_names(const struct ticket_csb *c, const struct mikey_msg *m,
                            struct mikey_fault *fault)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct mikey_payload *p =
			mikey_msg_idr(m, side ? MIKEY_ROLE_R : MIKEY_ROLE_I);

		if (p && !mikey_id_eq(p->u.idr.id, c->id[side]))
			return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_ID, p->offset,
			                     "an identity of the update differs from that of the "
			                     "first exchange");
	}
	return ERR_OK;
}

/* Makes all checks that need no key, before the MAC is computed. */
static enum err check_received(const struct ticket_csb *c, const struct mikey_msg *m,
                               const struct mikey_env *env, struct mikey_fault *fault)
{
	const struct mikey_payload *t = mikey_msg_find(m, MIKEY_T), *v = mikey_msg_find(m, MIKEY_V);
	enum err e;

	if (m->hdr.csb_id != c->csb_id || m->hdr.prf != c->algs.prf)
		return mikey_fail_at(fault, ERR_AUTH, MIKEY_E_AUTH, 4,
		                     "CSB ID or PRF differs from that of the bundle");
	if (m->hdr.map_type != MIKEY_MAP_GENERIC_ID)
		return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 9,
		                     "the map type must be 2 (GENERIC-ID)");
	if (!t || !v)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the message has no T or no V payload");
	e = mikey_algs_check((struct mikey_algs){c->algs.prf, MIKEY_ENCR_NULL, v->u.v.alg}, false,
	                     fault);
	if (!e && m->hdr.data_type == MIKEY_DT_TRANSFER_INIT)
		e = ticket_rules_check_time(&c->rules, t->u.t, env->now_ntp, fault);
	if (!e)
		e = check_fresh(c, t->u.t, fault);
	if (!e)
		e = check_statics(c, m, fault);
	return e ? e : check_names(c, m, fault);
}

static enum err answer_update(struct ticket_csb *c, struct change *ch, const struct mikey_env *env,
                              struct view *reply, struct mikey_fault *fault)
{
	struct csb_choice from = {.offer = ch->msg,
	                          .sender = c->is_initiator,
	                          .policies = ch->policies,
	                          .keys = ch->keys};
	struct csb_sessions chosen;
	struct outgoing o = {
		.data_type = MIKEY_DT_TRANSFER_RESP, .cs = chosen.cs, .covered = ch->msg->octets};
	enum err e = csb_choose_sessions(&chosen, &from, env, fault);

	if (e)
		return e;
	o.n_cs = chosen.n;
	e = build(c, &o, ch, env, reply);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the answer can't be built (message too long or cryptography failed)")
	         : mikey_msg_read(ch->other, *reply, fault);
}

static enum err receive_update(struct ticket_csb *c, struct change *ch, const struct mikey_env *env,
                               struct view *reply, struct mikey_fault *fault)
{
	unsigned peer = c->is_initiator;
	struct view names[2] = {c->id[0].data, c->id[1].data};
	struct csb_octets kept[2] = {{0}};
	struct mikey_ts t = mikey_msg_find(ch->msg, MIKEY_T)->u.t;
	uint64_t max_t = c->max_t;
	enum err e = mikey_msg_check_mac(ch->msg, ch->msg_keys, names, 2, fault);

	if (!e) {
		make_room(c, ch->keys, MIKEY_KEYS_MAX / 2);
		e = open_kemac(ch, c, fault);
	}
	if (!e)
		e = csb_take_policies(ch->policies, ch->msg, peer, fault);
	if (!e)
		e = ch->msg->hdr.v ? ERR_OK : csb_check_complete(ch->msg, fault);
	if (e)
		return e;
	csb_raise_time(c, t); /* the answer must have a later time than the update */
	if (ch->msg->hdr.v)
		e = answer_update(c, ch, env, reply, fault);
	if (!e)
		e = ch->msg->hdr.v ? derive(ch, c, ch->other, !peer, fault)
		                   : derive(ch, c, ch->msg, peer, fault);
	if (!e && (csb_octets_set(&kept[0], ch->msg->octets) || csb_octets_set(&kept[1], *reply)))
		e = no_memory(fault);
	if (!e && reply->n && csb_octets_set(&c->sent, *reply))
		e = no_memory(fault);
	if (e) {
		c->max_t = max_t;
		mem_free(kept[0].p);
		mem_free(kept[1].p);
		return e;
	}
	mem_free(c->received.p);
	mem_free(c->reply.p);
	c->received = kept[0];
	c->reply = kept[1];
	*reply = csb_octets_view(&c->reply);
	csb_note_time(c, t, false);
	commit(c, ch);
	return ERR_OK;
}

static enum err receive_response(struct ticket_csb *c, struct change *ch, struct mikey_fault *fault)
{
	unsigned peer = c->is_initiator;
	struct view init = csb_octets_view(&c->pending);
	struct mikey_ts t = mikey_msg_find(ch->msg, MIKEY_T)->u.t;
	struct csb_octets kept[2] = {{0}};
	enum err e = mikey_msg_check_mac(ch->msg, ch->msg_keys, &init, 1, fault);

	if (!e)
		e = open_kemac(ch, c, fault);
	if (!e)
		e = csb_take_policies(ch->policies, ch->msg, peer, fault);
	if (!e)
		e = mikey_msg_read(ch->other, init, fault);
	if (!e)
		e = csb_check_answer(ch->other, ch->msg, fault);
	if (!e)
		e = derive(ch, c, ch->msg, peer, fault);
	if (!e && (csb_octets_set(&kept[0], ch->msg->octets) || csb_octets_set(&kept[1], init)))
		e = no_memory(fault);
	if (e) {
		mem_free(kept[0].p);
		mem_free(kept[1].p);
		return e;
	}
	mem_free(c->received.p);
	mem_free(c->sent.p);
	mem_free(c->reply.p);
	c->received = kept[0];
	c->sent = kept[1];
	c->reply = (struct csb_octets){0};
	csb_note_time(c, t, false);
	commit(c, ch);
	csb_drop_pending(c);
	return ERR_OK;
}

static enum err check_repeat(const struct ticket_csb *c, struct view octets,
                             struct mikey_fault *fault)
{
	if (view_eq(octets, csb_octets_view(&c->sent)) ||
	    view_eq(octets, csb_octets_view(&c->pending)))
		return mikey_fail(fault, ERR_REPLAY, MIKEY_E_TS,
		                  "the peer sent back a message of this side (reflected)");
	return ERR_OK;
}

static bool is_response(struct view octets)
{
	return octets.n > 1 && octets.p[1] == MIKEY_DT_TRANSFER_RESP;
}

/* Six parameters: bundle, message and environment; outcome, reply and fault. */
enum err ticket_csb_receive(struct ticket_csb *c, struct view octets, const struct mikey_env *env,
                            enum csb_outcome *outcome, struct view *reply,
                            struct mikey_fault *fault)
{
	bool response = is_response(octets);
	unsigned event = response ? CSB_ON_RESPONSE : CSB_ON_UPDATE;
	struct change ch;
	struct view made = {0};
	enum err e;

	if (octets.n && view_eq(octets, csb_octets_view(&c->received))) {
		*outcome = CSB_UNCHANGED;
		*reply = csb_octets_view(&c->reply);
		return ERR_OK;
	}
	e = check_repeat(c, octets, fault);
	if (!e && !step_allows(&csb_steps, c->state, event))
		e = response
		            ? mikey_fail(fault, ERR_REPLAY, MIKEY_E_TS,
		                         "unexpected TRANSFER_RESP: no update waits for a response")
		            : step_take(&csb_steps, &c->state, event, fault);
	if (e)
		return e;
	e = change_init(&ch, c, response ? c->pending_keys : &c->secret->keys,
	                response ? c->pending_policies : &c->policies, fault);
	if (e)
		return e;
	e = mikey_msg_read(ch.msg, octets, fault);
	if (!e && !response && ch.msg->hdr.data_type != MIKEY_DT_TRANSFER_INIT)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1,
		                  "the message is %s, must be TRANSFER_INIT or TRANSFER_RESP",
		                  mikey_data_type_name(ch.msg->hdr.data_type));
	if (!e)
		e = check_received(c, ch.msg, env, fault);
	if (!e)
		e = response ? receive_response(c, &ch, fault)
		             : receive_update(c, &ch, env, &made, fault);
	if (!e)
		e = step_take(&csb_steps, &c->state, event, fault);
	if (!e) {
		*outcome = CSB_UPDATED;
		*reply = made;
	}
	change_fini(&ch);
	return e;
}
