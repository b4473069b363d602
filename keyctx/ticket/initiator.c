/* SPDX-License-Identifier: MIT */
/* Ticket Transfer, the initiator's side: builds TRANSFER_INIT and reads the answers. */
#include "keyctx/ticket/initiator.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/csb_make.h"
#include "keyctx/ticket/step.h"

struct ticket_initiator {
	struct ticket_rules rules;
	uint8_t state;
	uint16_t flags;
	uint8_t ticket_prf;
	struct mikey_msg msg; /* TRANSFER_INIT, a view on `octets` */
	uint8_t octets[MIKEY_MESSAGE_MAX];
	struct ticket_keys *keys; /* keys of the ticket, not forked */
	struct mikey_keys *own;   /* own session keys, sent in KEMAC */
	struct ticket_csb *csb;   /* set at once if the ticket lacks flag F, else NULL */
};

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

static struct view mpki_of(const struct ticket_keys *k)
{
	return (struct view){.p = k->mpki, .n = k->mpk_len};
}

static enum err check_params(const struct ticket_initiator_params *p, struct mikey_fault *fault)
{
	unsigned flags = p->grant->policy.tp.flags;
	enum err e = mikey_algs_check(p->rules->algs, false, fault);

	if (!e)
		e = ticket_policy_check(&p->grant->policy, TICKET_GRANTED, p->rules->accept_types,
		                        fault);
	if (e)
		return e;
	if (!p->n_cs || p->n_cs > MIKEY_CS_MAX)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "the offer has %zu crypto sessions, must have 1 to %d", p->n_cs,
		                  MIKEY_CS_MAX);
	for (size_t i = 0; i < p->n_policies; i++)
		if (p->policies[i].value[CSMAP_ENCR_KEY_LEN] > 16 &&
		    p->rules->algs.prf != MIKEY_PRF_SHA256)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
			                  "SRTP policy %u: keys above 128 bits need 256-bit "
			                  "algorithms (RFC 6043 12.1)",
			                  p->policies[i].no);
	if (p->keys && p->keys->n && !(flags & TICKET_L))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "own session keys of the initiator need flag L in the ticket");
	if (p->is_reuse && !(flags & TICKET_J))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the ticket may be used only once: flag J (reuse) is not set");
	if ((flags & TICKET_I) && !p->grant->keys->has_mpkr)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                  "the ticket has flag I (key forking), but its keys lack MPKr");
	if (!mikey_id_is_set(p->me) || !mikey_id_is_set(p->peer))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_ID, "IDRi and IDRr must both be set");
	/* With key forking, only the initiator named in a ticket can use that ticket (RFC 6043
	 * 5.1). */
	if ((flags & TICKET_I) && mikey_id_is_set(p->grant->policy.idr_i) &&
	    !mikey_id_eq(p->grant->policy.idr_i, p->me))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRi of the ticket is not this terminal");
	return ERR_OK;
}

/* Returns the length of Initiator Data: Vi and Vr. seal() fills them in last, because they depend
 * on V. */
static size_t init_data_len(unsigned flags, unsigned mac_alg)
{
	return flags & TICKET_I ? 1 + 2 * (2 + mikey_mac_len(mac_alg)) : 0;
}

static void add_ticket(struct mikey_build *b, const struct ticket_grant *g, unsigned mac_alg)
{
	static const uint8_t zeros[MIKEY_MAC_MAX];
	uint8_t body[MIKEY_MESSAGE_MAX];
	struct wr w = wr_make(body, sizeof(body));
	size_t n = init_data_len(g->policy.tp.flags, mac_alg);
	struct view mac = {.p = zeros, .n = mikey_mac_len(mac_alg)};

	wr_view(&w, g->body);
	wr_u16(&w, (uint16_t)n);
	if (n) {
		struct mikey_payload v = mikey_make_v(mac_alg, mac);
		struct mikey_build init;

		mikey_build_chain(&init, &w, true);
		mikey_build_add(&init, &v);
		mikey_build_add(&init, &v);
		w = init.w;
	}
	b->w.bad |= w.bad;
	mikey_build_add_raw(b, MIKEY_TICKET, (struct view){.p = body, .n = wr_len(&w)});
}

/* Builds the message with a MAC of zeros, which seal() replaces. */
static enum err build(struct ticket_initiator *o, const struct ticket_initiator_params *p,
                      const struct mikey_env *env, struct mikey_msg_keys *k, struct view *octets)
{
	static const uint8_t zeros[MIKEY_MAC_MAX];
	struct mikey_algs algs = p->rules->algs;
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_TRANSFER_INIT,
	                        .v = o->flags & TICKET_F,
	                        .prf = algs.prf,
	                        .map_type = MIKEY_MAP_GENERIC_ID};
	struct mikey_cs cs[MIKEY_CS_MAX];
	struct csb_cs_room rooms[MIKEY_CS_MAX];
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	uint8_t csb_id[4], rand[MIKEY_KEY_MAX];
	size_t longest = mikey_keys_longest(&o->keys->session), rand_len;
	struct mikey_payload payload;
	struct mikey_build b;
	enum err e;

	if (longest < o->keys->mpk_len)
		longest = o->keys->mpk_len;
	if (longest < mikey_keys_longest(o->own))
		longest = mikey_keys_longest(o->own);
	rand_len = mikey_rand_len(algs.prf, longest);
	e = env->random(env->random_ctx, "csb-id", csb_id, sizeof(csb_id));
	if (!e)
		e = env->random(env->random_ctx, "randi", rand, rand_len);
	if (e)
		return e;
	hdr.csb_id = be32_get(csb_id);
	for (size_t i = 0; i < p->n_cs; i++)
		csb_cs_write(&cs[i], &rooms[i], &p->cs[i]);
	mikey_build_start(&b, wr_make(o->octets, sizeof(o->octets)), &hdr, cs, p->n_cs);
	t.value = mikey_env_stamp(env, 0);
	payload = mikey_make_t(t);
	mikey_build_add(&b, &payload);
	payload = mikey_make_randr(MIKEY_ROLE_I, (struct view){.p = rand, .n = rand_len});
	mikey_build_add(&b, &payload);
	payload = mikey_make_idr(MIKEY_ROLE_I, p->me);
	mikey_build_add(&b, &payload);
	payload = mikey_make_idr(MIKEY_ROLE_R, p->peer);
	mikey_build_add(&b, &payload);
	csb_add_policies(&b, p->policies, p->n_policies);
	add_ticket(&b, p->grant, algs.mac);
	e = mikey_prf_msg_keys(k, &(struct mikey_msg_seed){
					  .prf = algs.prf,
					  .inkey = mpki_of(o->keys),
					  .csb_id = hdr.csb_id,
					  .phase = 1,
					  .randi = {rand, rand_len},
				  });
	if (!e)
		e = csb_add_kemac(&b, algs.encr, &(struct mikey_kemac_seed){k, hdr.csb_id, t},
		                  o->own);
	if (!e && p->sdp_ids.n) {
		payload = (struct mikey_payload){
			.type = MIKEY_EXT,
			.u.ext = {.kind = MIKEY_EXT_SDP_IDS, .data = p->sdp_ids},
		};
		mikey_build_add(&b, &payload);
	}
	payload = mikey_make_v(algs.mac, (struct view){.p = zeros, .n = mikey_mac_len(algs.mac)});
	mikey_build_add(&b, &payload);
	return e ? e : mikey_build_done(&b, octets);
}

/* Fills in V, Vi (a copy of V) and Vr, which covers Initiator Data up to its
 * own MAC (RFC 6043 4.1.2). */
static enum err seal(struct ticket_initiator *o, struct mikey_msg_keys *k,
                     struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = mikey_msg_find(&o->msg, MIKEY_TICKET),
				   *v = mikey_msg_find(&o->msg, MIKEY_V);
	struct view parts[4];
	struct ticket_init_data d;
	uint8_t mac[MIKEY_MAC_MAX];
	unsigned alg = v->u.v.alg;
	size_t n = mikey_mac_len(alg);
	enum err e = csb_mac_parts(&o->msg, parts, fault);

	parts[2] = mikey_msg_idr(&o->msg, MIKEY_ROLE_I)->u.idr.id.data;
	parts[3] = mikey_msg_idr(&o->msg, MIKEY_ROLE_R)->u.idr.id.data;
	if (!e)
		e = mikey_mac(alg, k, parts, 4, mac);
	if (e)
		return e;
	memcpy(o->octets + (v->u.v.mac.p - o->octets), mac, n);
	if (!(o->flags & TICKET_I))
		return ERR_OK;
	e = ticket_init_data_read(&d, ticket, fault);
	if (e)
		return e;
	memcpy(o->octets + (d.vi.u.v.mac.p - o->octets), mac, n);
	e = mikey_prf_init_data(k->auth, o->ticket_prf,
	                        (struct view){.p = o->keys->mpkr, .n = o->keys->mpk_len});
	if (!e)
		e = mikey_mac(alg, k, &d.covered, 1, mac);
	if (!e)
		memcpy(o->octets + (d.vr.u.v.mac.p - o->octets), mac, n);
	return e;
}

/* Collects the session keys of the initiator: those of the ticket and its own. */
static enum err all_keys(struct mikey_keys *out, const struct mikey_keys *of_ticket,
                         const struct mikey_keys *own, struct mikey_fault *fault)
{
	*out = *of_ticket;
	for (size_t i = 0; i < own->n; i++)
		if (mikey_keys_add(out, own->k[i].type, mikey_key_octets(&own->k[i]),
		                   mikey_key_salt(&own->k[i]), mikey_key_spi(&own->k[i])))
			return mikey_fail(
				fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
				"two keys have the same SPI, or there are more than 12 keys");
	return ERR_OK;
}

/* Makes the CSB without waiting for a response, from the sessions of the offer (RFC 6043
 * 4.2.2.1). */
static enum err make_at_once(struct ticket_initiator *o, struct mikey_fault *fault)
{
	struct mikey_keys *keys = mikey_keys_new();
	struct csb_agreed made = {.rules = &o->rules,
	                          .is_initiator = true,
	                          .init = &o->msg,
	                          .flags = o->flags,
	                          .algs = o->rules.algs,
	                          .id_i = mikey_msg_idr(&o->msg, MIKEY_ROLE_I)->u.idr.id,
	                          .id_r = mikey_msg_idr(&o->msg, MIKEY_ROLE_R)->u.idr.id,
	                          .mpk = mpki_of(o->keys),
	                          .keys = keys};
	enum err e = keys ? all_keys(keys, &o->keys->session, o->own, fault) : no_memory(fault);

	if (!e)
		e = csb_new(&o->csb, &made, fault);
	mikey_keys_free(keys);
	return e;
}

enum err ticket_initiator_new(struct ticket_initiator **out,
                              const struct ticket_initiator_params *params,
                              const struct mikey_env *env, struct mikey_fault *fault)
{
	struct mikey_msg_keys *k = NULL;
	struct ticket_initiator *o;
	struct view octets;
	enum err e = check_params(params, fault);

	if (e)
		return e;
	o = mem_alloc(sizeof(*o));
	if (!o)
		return no_memory(fault);
	o->rules = *params->rules;
	o->flags = params->grant->policy.tp.flags;
	o->ticket_prf = params->grant->policy.tp.prf;
	o->keys = ticket_keys_new();
	o->own = mikey_keys_new();
	k = secret_alloc(sizeof(*k));
	if (!o->keys || !o->own || !k) {
		e = no_memory(fault);
		goto out;
	}
	*o->keys = *params->grant->keys;
	if (params->keys)
		*o->own = *params->keys;
	e = mikey_algs_check_keys(o->rules.algs, o->own, fault);
	if (!e) {
		e = build(o, params, env, k, &octets);
		if (e)
			mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
			           "the offer (TRANSFER_INIT) can't be built: %s", err_meaning(e));
	}
	if (!e)
		e = mikey_msg_read(&o->msg, octets, fault);
	if (!e)
		e = seal(o, k, fault);
	if (!e && !(o->flags & TICKET_F)) {
		e = make_at_once(o, fault);
		o->state = INITIATOR_DONE;
	}
out:
	secret_free(k);
	if (e)
		ticket_initiator_free(o);
	else
		*out = o;
	return e;
}

void ticket_initiator_free(struct ticket_initiator *o)
{
	if (!o)
		return;
	ticket_csb_free(o->csb);
	ticket_keys_free(o->keys);
	mikey_keys_free(o->own);
	mem_free(o);
}

struct view ticket_initiator_octets(const struct ticket_initiator *o)
{
	return o->msg.octets;
}

enum initiator_state ticket_initiator_state(const struct ticket_initiator *o)
{
	return (enum initiator_state)o->state;
}

enum err ticket_initiator_take_csb(struct ticket_initiator *o, struct ticket_csb **out)
{
	if (!o->csb)
		return ERR_WRONG_STATE;
	*out = o->csb;
	o->csb = NULL;
	return ERR_OK;
}

enum err ticket_initiator_close(struct ticket_initiator *o)
{
	return step_take(&initiator_steps, &o->state, INITIATOR_ON_CLOSE, NULL);
}

/* Work space for one answer; in secret memory. */
struct answering {
	struct ticket_keys ticket; /* the ticket's keys, forked for this branch */
	struct mikey_keys keys;
	struct mikey_msg_keys msg_keys;
	struct mikey_msg msg;
};

static enum err check_answer(const struct ticket_initiator *o, const struct mikey_msg *m,
                             struct mikey_fault *fault)
{
	bool forking = o->flags & TICKET_I;

	if (m->hdr.csb_id != o->msg.hdr.csb_id || m->hdr.prf != o->msg.hdr.prf)
		return mikey_fail_at(fault, ERR_AUTH, MIKEY_E_AUTH, 4,
		                     "CSB ID or PRF differs from that of the offer");
	if (m->hdr.data_type == MIKEY_DT_ERROR)
		return ERR_OK;
	if (m->hdr.data_type != MIKEY_DT_TRANSFER_RESP)
		return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_DT, 1,
		                     "unexpected answer: %s, must be TRANSFER_RESP",
		                     mikey_data_type_name(m->hdr.data_type));
	if (m->hdr.map_type != MIKEY_MAP_GENERIC_ID)
		return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 9,
		                     "the map type must be 2 (GENERIC-ID)");
	if (!mikey_msg_find(m, MIKEY_T) || !mikey_msg_find(m, MIKEY_V))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the answer has no T or no V payload");
	if ((o->flags & TICKET_G) && !mikey_msg_rand_of(m, MIKEY_ROLE_R).n)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the answer has no RANDRr payload, which flag G requires");
	if (forking && (!mikey_msg_idr(m, MIKEY_ROLE_R) || !mikey_msg_rand_of(m, MIKEY_ROLE_KMS).n))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the answer has no IDRr or no RANDRkms payload, which key "
		                  "forking (flag I) requires");
	if (forking && o->rules.enforce_rand_len &&
	    (mikey_msg_rand_of(m, MIKEY_ROLE_KMS).n < o->keys->mpk_len ||
	     mikey_msg_rand_of(m, MIKEY_ROLE_KMS).n < mikey_keys_longest(&o->keys->session)))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "RANDRkms is shorter than the keys that are forked with it");
	return mikey_algs_check((struct mikey_algs){m->hdr.prf, MIKEY_ENCR_NULL,
	                                            mikey_msg_find(m, MIKEY_V)->u.v.alg},
	                        false, fault);
}

static enum err message_keys(const struct ticket_initiator *o, struct view mpk, unsigned phase,
                             struct view randr, struct mikey_msg_keys *out)
{
	struct mikey_msg_seed from = {.prf = o->rules.algs.prf,
	                              .inkey = mpk,
	                              .csb_id = o->msg.hdr.csb_id,
	                              .phase = phase,
	                              .randi = mikey_msg_rand_of(&o->msg, MIKEY_ROLE_I),
	                              .randr = randr};

	return mikey_prf_msg_keys(out, &from);
}

static enum err take_error(const struct ticket_initiator *o, struct answering *a,
                           struct mikey_fault *fault)
{
	const struct mikey_payload *err = mikey_msg_find(&a->msg, MIKEY_ERR),
				   *v = mikey_msg_find(&a->msg, MIKEY_V);
	enum err e = ERR_AUTH;
	unsigned no;

	if (!err)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the Error message has no ERR payload");
	no = err->u.err.no;
	if (v && v->u.v.alg != MIKEY_MAC_NULL) {
		e = message_keys(o, mpki_of(o->keys), 1, (struct view){0}, &a->msg_keys);
		if (!e)
			e = mikey_msg_check_mac(&a->msg, &a->msg_keys, NULL, 0, fault);
	}
	return mikey_fail(fault, e ? ERR_AUTH : ERR_DENIED, (enum mikey_error)no,
	                  "Error from the responder: %s%s", mikey_error_name(no),
	                  e ? " (not authenticated, may be forged)" : "");
}

/* Derives the keys of this branch. With flag I, first forks the ticket's keys with IDRr and
 * RANDRkms of the answer. */
static enum err branch_keys(const struct ticket_initiator *o, struct answering *a,
                            struct mikey_fault *fault)
{
	struct view randr =
		o->flags & TICKET_G ? mikey_msg_rand_of(&a->msg, MIKEY_ROLE_R) : (struct view){0};
	bool forking = o->flags & TICKET_I;
	struct view mpk = {.p = forking ? a->ticket.mpkr : a->ticket.mpki, .n = a->ticket.mpk_len};
	enum err e = ERR_OK;

	a->ticket = *o->keys;
	mpk.n = a->ticket.mpk_len;
	if (forking)
		e = ticket_fork(&a->ticket, o->ticket_prf,
		                mikey_msg_idr(&a->msg, MIKEY_ROLE_R)->u.idr.id.data,
		                mikey_msg_rand_of(&a->msg, MIKEY_ROLE_KMS));
	if (!e)
		e = message_keys(o, mpk, 2, randr, &a->msg_keys);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the keys of this answer can't be derived")
	         : ERR_OK;
}

static enum err take_answer(struct ticket_initiator *o, struct answering *a,
                            struct ticket_csb **out, struct mikey_fault *fault)
{
	const struct mikey_payload *idr = mikey_msg_idr(&a->msg, MIKEY_ROLE_R);
	struct view randr =
		o->flags & TICKET_G ? mikey_msg_rand_of(&a->msg, MIKEY_ROLE_R) : (struct view){0};
	struct csb_sealed sealed = {.msg = &a->msg,
	                            .msg_keys = &a->msg_keys,
	                            .algs = o->rules.algs,
	                            .is_allowed = o->flags & TICKET_M,
	                            .accept_null = o->rules.accept_null_encr};
	struct csb_agreed made = {.rules = &o->rules,
	                          .is_initiator = true,
	                          .init = &o->msg,
	                          .resp = &a->msg,
	                          .flags = o->flags,
	                          .algs = o->rules.algs,
	                          .keys = &a->keys};
	enum err e = branch_keys(o, a, fault);

	if (!e)
		e = mikey_msg_check_mac(&a->msg, &a->msg_keys, &o->msg.octets, 1, fault);
	if (!e)
		e = all_keys(&a->keys, &a->ticket.session, o->own, fault);
	if (!e)
		e = csb_open_kemac(&a->keys, &sealed, fault);
	if (!e)
		e = csb_check_rand(&o->rules, mikey_msg_rand_of(&o->msg, MIKEY_ROLE_I).n + randr.n,
		                   a->ticket.mpk_len, &a->keys, fault);
	if (!e)
		e = csb_check_answer(&o->msg, &a->msg, fault);
	if (e)
		return e;
	made.id_i = mikey_msg_idr(&o->msg, MIKEY_ROLE_I)->u.idr.id;
	made.id_r = idr ? idr->u.idr.id : mikey_msg_idr(&o->msg, MIKEY_ROLE_R)->u.idr.id;
	made.mpk = (struct view){
		.p = o->flags & TICKET_I ? a->ticket.mpkr : a->ticket.mpki,
		.n = a->ticket.mpk_len,
	};
	return csb_new(out, &made, fault);
}

enum err ticket_initiator_receive(struct ticket_initiator *o, struct view octets,
                                  struct ticket_csb **out, struct mikey_fault *fault)
{
	struct answering *a;
	enum err e;

	if (!step_allows(&initiator_steps, o->state, INITIATOR_ON_RESPONSE))
		return step_take(&initiator_steps, &o->state, INITIATOR_ON_RESPONSE, fault);
	a = secret_alloc(sizeof(*a));
	if (!a)
		return no_memory(fault);
	e = mikey_msg_read(&a->msg, octets, fault);
	if (!e)
		e = check_answer(o, &a->msg, fault);
	if (!e && a->msg.hdr.data_type == MIKEY_DT_ERROR)
		e = take_error(o, a, fault);
	else if (!e)
		e = take_answer(o, a, out, fault);
	if (!e)
		e = step_take(&initiator_steps, &o->state, INITIATOR_ON_RESPONSE, fault);
	secret_free(a);
	return e;
}
