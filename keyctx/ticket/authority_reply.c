/* SPDX-License-Identifier: MIT */
/* A KMS answers a request: with a ticket, with the keys of a ticket (opened here or by
 * another KMS), or with an Error. */
#include "keyctx/ticket/authority.h"

#include "base/secret.h"
#include "keyctx/ticket/authority_state.h"
#include "keyctx/ticket/step.h"

enum { TP_DATA_MAX = 8192 }; /* octets of TP Data; a ticket has no room for more */

/* Work space for a reply; in secret memory. */
struct reply {
	struct mikey_msg_keys keys;
	struct mikey_keys plain;
	struct ticket_keys ticket;
	struct view octets; /* the finished message */
};

static void add(struct mikey_build *b, struct mikey_payload p)
{
	mikey_build_add(b, &p);
}

static void start_reply(struct mikey_build *b, struct authority *a, unsigned data_type,
                        struct mikey_ts t)
{
	struct mikey_hdr hdr = {.data_type = (uint8_t)data_type,
	                        .prf = a->msg.hdr.prf,
	                        .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};

	mikey_build_start(b, wr_make(a->reply, sizeof(a->reply)), &hdr, NULL, 0);
	add(b, mikey_make_t(t));
}

static unsigned encr_of(const struct authority *a)
{
	return a->msg.hdr.prf == a->rules.algs.prf  ? a->rules.algs.encr
	       : a->msg.hdr.prf == MIKEY_PRF_SHA256 ? MIKEY_ENCR_CM_256
	                                            : MIKEY_ENCR_CM_128;
}

static enum err add_kemac(struct mikey_build *b, const struct authority *a, const struct reply *r,
                          struct mikey_ts t)
{
	struct mikey_kemac_seed under = {.keys = &r->keys, .csb_id = a->msg.hdr.csb_id, .t = t};

	return mikey_build_add_kemac(b, encr_of(a), &under, &r->plain);
}

/* Adds payload V, whose MAC covers the reply and the request. */
static enum err finish_reply(struct mikey_build *b, const struct authority *a, struct reply *r,
                             struct mikey_fault *fault)
{
	enum err e = mikey_build_add_mac(b, a->mac_alg, &r->keys, &a->msg.octets, 1);

	if (!e)
		e = mikey_build_done(b, &r->octets);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the KMS can't build the answer (message too long or cryptography "
	                      "failed)")
	         : ERR_OK;
}

/* Checks that RANDR of the request is as long as the longest key (RFC 6043 12.1). The keys are
 * known only now. */
static enum err check_rand(const struct authority *a, const struct ticket_keys *k,
                           struct mikey_fault *fault)
{
	struct view rand = mikey_msg_rand_of(&a->msg, authority_sender_role(a));
	size_t longest = mikey_keys_longest(&k->session);

	/* The usual cause is that caller and called side have pre-shared keys of different lengths.
	 */
	if (a->msg.hdr.prf != MIKEY_PRF_SHA256 && longest > mikey_default_key_len(MIKEY_PRF_SHA1))
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			"the ticket has session keys of %zu bits, but the sender uses the "
			"128-bit algorithms, as with a pre-shared key of 16 octets: give "
			"caller and called side keys of the same length (RFC 6043 12.1)",
			longest * 8);
	if (longest < k->mpk_len)
		longest = k->mpk_len;
	if (a->rules.enforce_rand_len && rand.n < longest)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "RANDR must be at least as long as the longest key: key %zu "
		                  "octets, RANDR %zu (RFC 6043 12.1)",
		                  longest, rand.n);
	return mikey_algs_check_keys((struct mikey_algs){.prf = a->msg.hdr.prf}, &k->session,
	                             fault);
}

/* Returns true if the granted policy or keys differ from those asked for, apart from flag K. An SPI
 * that the KMS chooses in place of zeros is such a difference (RFC 6043 6.10). */
static bool policy_differs(const struct ticket_policy_spec *asked,
                           const struct ticket_policy_spec *granted)
{
	uint8_t room[2][TP_DATA_MAX];
	struct wr w[2] = {wr_make(room[0], sizeof(room[0])), wr_make(room[1], sizeof(room[1]))};

	for (size_t i = 0; i < granted->n_wishes; i++)
		if (ticket_wish_leaves_spi(&granted->wishes[i]))
			return true;
	ticket_policy_write(&w[0], asked, true);
	ticket_policy_write(&w[1], granted, true);
	return asked->ticket_type != granted->ticket_type || asked->prf != granted->prf ||
	       (asked->flags | TICKET_K) != (granted->flags | TICKET_K) ||
	       asked->n_wishes != granted->n_wishes || !wr_ok(&w[0]) || !wr_ok(&w[1]) ||
	       !view_eq((struct view){.p = room[0], .n = wr_len(&w[0])},
	                (struct view){.p = room[1], .n = wr_len(&w[1])});
}

static enum err write_grant(struct authority *a, const struct ticket_grant *g, struct reply *r,
                            const struct mikey_env *env, struct mikey_fault *fault)
{
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	uint8_t body[8192 + 2];
	struct wr w = wr_make(body, sizeof(body));
	struct mikey_build b;
	enum err e = ticket_keys_pack(&r->plain, g->keys, g->policy.tp.flags & TICKET_I, env);

	if (!e)
		e = authority_phase_keys(a, 2, &r->keys);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the KMS cannot put the keys into the answer: %s",
		                  err_meaning(e));
	wr_view(&w, g->body);
	wr_u16(&w, 0); /* length of Initiator Data: 0, because the initiator adds the data later */
	t.value = mikey_env_stamp(env, 0);
	start_reply(&b, a, MIKEY_DT_REQUEST_RESP, t);
	if (mikey_id_is_set(a->kms))
		add(&b, mikey_make_idr(MIKEY_ROLE_KMS, a->kms));
	mikey_build_add_raw(&b, MIKEY_TICKET, (struct view){.p = body, .n = wr_len(&w)});
	e = add_kemac(&b, a, r, t);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the KMS cannot encrypt the keys of the answer: %s", err_meaning(e))
	         : finish_reply(&b, a, r, fault);
}

static struct mikey_algs ticket_algs(const struct authority *a, unsigned prf)
{
	return prf == a->rules.algs.prf  ? a->rules.algs
	       : prf == MIKEY_PRF_SHA256 ? mikey_algs_256
	                                 : mikey_algs_128;
}

/* Six parameters: request, policy, key, environment, result and fault. */
enum err authority_grant(struct authority *a, const struct ticket_policy_spec *spec,
                         const struct ticket_tpk *tpk, const struct mikey_env *env,
                         struct view *octets, struct mikey_fault *fault)
{
	struct ticket_wish wishes[MIKEY_KEYS_MAX];
	struct ticket_policy_spec asked, granted;
	struct ticket_grant *g = NULL;
	struct mikey_id sender = authority_sender(a);
	struct reply *r = NULL;
	enum err e;

	if (!step_allows(&authority_steps, a->state, AUTHORITY_ON_GRANT) || authority_is_resolve(a))
		return mikey_fail(
			fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED,
			"a ticket can be granted only once, after a verified REQUEST_INIT");
	e = ticket_policy_check(&a->policy, TICKET_WANTED, a->rules.accept_types, fault);
	if (!e && a->policy.has_kemac) {
		size_t n;

		e = ticket_policy_wishes(&a->policy, wishes, MIKEY_KEYS_MAX, &n, fault);
	}
	if (!e && mikey_id_is_set(a->policy.idr_i) && mikey_id_is_set(sender) &&
	    !mikey_id_eq(a->policy.idr_i, sender))
		e = mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		               "IDRi of the policy differs from IDRi of the request");
	if (e)
		return e;
	ticket_policy_spec_of(&asked, &a->policy, wishes, MIKEY_KEYS_MAX);
	granted = spec ? *spec : asked;
	granted.flags = (uint16_t)((granted.flags | TICKET_D) & ~(unsigned)TICKET_K);
	if (policy_differs(&asked, &granted))
		granted.flags |= TICKET_K;
	e = ticket_create(&g, &granted, tpk, ticket_algs(a, granted.prf), env, fault);
	if (!e)
		e = check_rand(a, g->keys, fault);
	if (!e && !(r = secret_alloc(sizeof(*r))))
		e = authority_no_memory(fault);
	if (!e)
		e = write_grant(a, g, r, env, fault);
	if (!e)
		*octets = r->octets;
	if (!e)
		e = step_take(&authority_steps, &a->state, AUTHORITY_ON_GRANT, fault);
	secret_free(r);
	ticket_grant_free(g);
	return e;
}

/* Checks Vr, which only the initiator of the ticket can compute (RFC 6043 4.1.2). The responder
 * checks Vi. */
static enum err check_init_data(const struct authority *a, const struct ticket_keys *k,
                                struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = authority_ticket(a);
	struct ticket_init_data d;
	struct mikey_msg_keys *keys;
	unsigned prf = a->policy.tp.prf;
	enum err e;

	if (!(a->policy.tp.flags & TICKET_I))
		return ticket->u.ticket.init_data.n ? mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                                                 "the ticket has Initiator Data, "
		                                                 "but not the flag I (key forking)")
		                                    : ERR_OK;
	e = ticket_init_data_read(&d, ticket, fault);
	if (!e)
		e = mikey_algs_check(
			(struct mikey_algs){(uint8_t)prf, MIKEY_ENCR_NULL, d.vr.u.v.alg}, false,
			fault);
	if (!e && d.vr.u.v.alg != d.vi.u.v.alg)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_MAC,
		               "Vi and Vr have different MAC algorithms");
	if (e)
		return e;
	keys = secret_alloc(sizeof(*keys));
	if (!keys)
		return authority_no_memory(fault);
	e = mikey_prf_init_data(keys->auth, prf, (struct view){.p = k->mpkr, .n = k->mpk_len});
	if (!e)
		e = mikey_mac_check(&d.vr, keys, &d.covered, 1, fault);
	secret_free(keys);
	return e;
}

/* Checks that the right party made the ticket (decision 0010.28), and that the sender may open
 * it. */
static enum err check_right(const struct authority *a, const struct authority_resolution *how,
                            struct mikey_fault *fault)
{
	bool made_by_kms = a->policy.tp.flags & TICKET_D;

	if (!how->tpk.n)
		return mikey_fail(fault, ERR_NOT_FOUND, MIKEY_E_TICKET,
		                  "the KMS does not have the key that protects the ticket");
	if (made_by_kms != how->tpk_is_kms)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET,
		                  "flag D says that %s made the ticket, but %s has its key",
		                  made_by_kms ? "a KMS" : "the initiator",
		                  made_by_kms ? "a user" : "only a KMS");
	if (!made_by_kms &&
	    (!mikey_id_is_set(a->policy.idr_i) || !mikey_id_eq(a->policy.idr_i, how->tpk_owner)))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET,
		                  "IDRi of the ticket is not the owner of the ticket's key");
	if (!how->may_resolve)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "no IDRr of the ticket is the responder, or the policy "
		                  "does not allow the call");
	return ERR_OK;
}

/* Writes HDR, T, IDRkms, KEMAC, IDRr, RANDRkms, V. The caller has forked the keys of `res`. */
static enum err write_resolution(struct authority *a, const struct ticket_resolution *res,
                                 struct reply *r, const struct mikey_env *env,
                                 struct mikey_fault *fault)
{
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	struct mikey_build b;
	enum err e = check_rand(a, res->keys, fault);

	if (e)
		return e;
	e = ticket_keys_pack(&r->plain, res->keys, a->policy.tp.flags & TICKET_I, env);
	if (!e)
		e = authority_phase_keys(a, 2, &r->keys);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the keys can't be put into the answer");
	t.value = mikey_env_stamp(env, 0);
	start_reply(&b, a, MIKEY_DT_RESOLVE_RESP, t);
	if (mikey_id_is_set(a->kms))
		add(&b, mikey_make_idr(MIKEY_ROLE_KMS, a->kms));
	e = add_kemac(&b, a, r, t);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the KMS cannot encrypt the keys of the answer: %s",
		                  err_meaning(e));
	if (mikey_id_is_set(res->idr))
		add(&b, mikey_make_idr(MIKEY_ROLE_R, res->idr));
	if (res->rand_kms.n)
		add(&b, mikey_make_randr(MIKEY_ROLE_KMS, res->rand_kms));
	return finish_reply(&b, a, r, fault);
}

static enum err resolve(struct authority *a, const struct authority_resolution *how,
                        struct reply *r, const struct mikey_env *env, struct mikey_fault *fault)
{
	bool forking = a->policy.tp.flags & TICKET_I;
	/* Without forking, no key depends on IDRr, so it is sent only if the caller gives one. With
	 * forking and without IDRr in the request, it is the owner of the key (RFC 6043 4.2.3.2).
	 */
	struct mikey_id sender = authority_sender(a);
	struct mikey_id idr = mikey_id_is_set(how->idr) || !forking ? how->idr
	                      : mikey_id_is_set(sender)             ? sender
	                                                            : a->owner;
	uint8_t rand[MIKEY_KEY_MAX];
	size_t rand_len = 0;
	enum err e = ticket_open(&r->ticket, authority_ticket(a), &a->policy, how->tpk, fault);

	if (!e)
		e = check_init_data(a, &r->ticket, fault);
	if (e)
		return e;
	if (forking && !mikey_id_is_set(idr))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_ID,
		                  "the keys of the ticket can't be forked: the request has no IDRr "
		                  "and the caller gave none");
	if (forking) {
		size_t longest = mikey_keys_longest(&r->ticket.session);

		rand_len =
			mikey_rand_len(a->policy.tp.prf,
		                       longest > r->ticket.mpk_len ? longest : r->ticket.mpk_len);
		e = env->random(env->random_ctx, "randkms", rand, rand_len);
		if (!e)
			e = ticket_fork(&r->ticket, a->policy.tp.prf, idr.data,
			                (struct view){.p = rand, .n = rand_len});
		if (e)
			return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
			                  "the keys of the ticket can't be forked");
	}
	return write_resolution(a,
	                        &(struct ticket_resolution){
					.keys = &r->ticket,
					.idr = idr,
					.rand_kms = {rand, rand_len},
				},
	                        r, env, fault);
}

enum err authority_resolve(struct authority *a, const struct authority_resolution *how,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault)
{
	struct reply *r;
	enum err e;

	if (!step_allows(&authority_steps, a->state, AUTHORITY_ON_RESOLVE) ||
	    !authority_is_resolve(a))
		return mikey_fail(
			fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED,
			"a ticket can be resolved only once, after a verified RESOLVE_INIT");
	e = ticket_policy_check(&a->policy, TICKET_GRANTED, a->rules.accept_types, fault);
	if (!e)
		e = ticket_policy_check_time(&a->policy, env->now_ntp, fault);
	if (!e)
		e = check_right(a, how, fault);
	if (e)
		return e;
	r = secret_alloc(sizeof(*r));
	e = r ? resolve(a, how, r, env, fault) : authority_no_memory(fault);
	if (!e)
		*octets = r->octets;
	if (!e)
		e = step_take(&authority_steps, &a->state, AUTHORITY_ON_RESOLVE, fault);
	secret_free(r);
	return e;
}

enum err authority_relay(struct authority *a, const struct ticket_resolution *res,
                         const struct mikey_env *env, struct view *octets,
                         struct mikey_fault *fault)
{
	struct reply *r;
	enum err e;

	if (!step_allows(&authority_steps, a->state, AUTHORITY_ON_RELAY) ||
	    !authority_is_resolve(a))
		return mikey_fail(
			fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED,
			"a ticket can be resolved only once, after a verified RESOLVE_INIT");
	r = secret_alloc(sizeof(*r));
	e = r ? write_resolution(a, res, r, env, fault) : authority_no_memory(fault);
	if (!e)
		*octets = r->octets;
	if (!e)
		e = step_take(&authority_steps, &a->state, AUTHORITY_ON_RELAY, fault);
	secret_free(r);
	return e;
}

/* Authenticates an Error message: adds V with the keys of INIT, or a signature of the KMS. The
 * Error for an unauthenticated request has neither. */
static enum err finish_error(const struct authority *a, struct mikey_build *b)
{
	struct mikey_signer signer = {.scheme = MIKEY_SIGN_PKCS1, .hash = PRIM_SHA256};
	struct mikey_msg_keys *k;
	enum err e;

	if (!a || !a->is_verified)
		return ERR_OK;
	signer.key = a->own_key;
	if (authority_is_pk(a))
		return a->own_key ? mikey_build_add_sign(b, &signer, NULL, 0) : ERR_OK;
	k = secret_alloc(sizeof(*k));
	e = k ? authority_phase_keys(a, 1, k) : ERR_NOMEM;
	if (!e)
		e = mikey_build_add_mac(b, mikey_msg_find(&a->msg, MIKEY_V)->u.v.alg, k, NULL, 0);
	secret_free(k);
	return e;
}

/* Six parameters: `a` may be NULL, so `a` can't hold the others. */
enum err authority_error(struct authority *a, struct view request, enum mikey_error no,
                         const struct mikey_env *env, struct wr room, struct view *octets)
{
	struct mikey_payload err = {.type = MIKEY_ERR, .u.err.no = (uint8_t)no};
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_ERROR, .map_type = MIKEY_MAP_EMPTY};
	struct rd r = rd_view(a ? a->msg.octets : request);
	struct mikey_build b;
	uint8_t version = rd_u8(&r), data_type = rd_u8(&r);
	enum err e;

	rd_skip(&r, 1);
	hdr.prf = rd_u8(&r) & 0x7f;
	hdr.csb_id = rd_u32(&r);
	if (!rd_ok(&r) || version != 1 || data_type == MIKEY_DT_ERROR)
		return ERR_SYNTAX;
	mikey_build_start(&b, room, &hdr, NULL, 0);
	add(&b, mikey_make_t((struct mikey_ts){
			.type = MIKEY_TS_NTP_UTC,
			.value = mikey_env_stamp(env, 0),
		}));
	mikey_build_add(&b, &err);
	e = finish_error(a, &b);
	if (!e && a && step_allows(&authority_steps, a->state, AUTHORITY_ON_REFUSE))
		e = step_take(&authority_steps, &a->state, AUTHORITY_ON_REFUSE, NULL);
	return e ? e : mikey_build_done(&b, octets);
}
