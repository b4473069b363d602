/* SPDX-License-Identifier: MIT */
/* Ticket Transfer as its responder sees it. */
#include "keyctx/ticket/responder.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/mikey/replay.h"
#include "keyctx/ticket/csb_make.h"
#include "keyctx/ticket/step.h"

enum { RANDR_MIN = 16 };

struct ticket_responder {
	struct ticket_rules rules;
	uint8_t state;
	uint8_t *octets;
	struct mikey_msg msg;
	const struct mikey_payload *ticket; /* in msg */
	struct ticket_policy policy;
	struct ticket_data data;
	struct csb_policies policies;
	uint8_t *names;
	struct mikey_id me;   /* the own identity that answers; views `names` */
	struct mikey_id peer; /* the caller, where IDRi is left out; views `names` */
	struct ticket_resolution *resolution;
	struct mikey_keys *keys; /* the ticket's and the offer's */
	struct ticket_csb *csb;
};

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

enum responder_state ticket_responder_state(const struct ticket_responder *a)
{
	return (enum responder_state)a->state;
}

const struct mikey_msg *ticket_responder_msg(const struct ticket_responder *a)
{
	return &a->msg;
}

const struct ticket_policy *ticket_responder_policy(const struct ticket_responder *a)
{
	return &a->policy;
}

bool ticket_responder_must_resolve(const struct ticket_responder *a)
{
	return a->policy.tp.flags & TICKET_E;
}

struct mikey_id ticket_responder_tpk_id(const struct ticket_responder *a)
{
	return a->data.tpk_id;
}

const struct mikey_payload *ticket_responder_ticket(const struct ticket_responder *a)
{
	return a->ticket;
}

/* A name that was left out is known from elsewhere (RFC 6043 6.6). */
static struct mikey_id id_of(const struct ticket_responder *a, unsigned role)
{
	const struct mikey_payload *p = mikey_msg_idr(&a->msg, role);

	return p ? p->u.idr.id : role == MIKEY_ROLE_I ? a->peer : a->me;
}

enum err ticket_responder_replay_key(const struct ticket_responder *a, uint8_t out[32])
{
	return mikey_replay_key(&a->msg, id_of(a, MIKEY_ROLE_I), out);
}

static enum err check_header(const struct ticket_responder *a, struct mikey_fault *fault)
{
	const struct mikey_hdr *h = &a->msg.hdr;

	if (h->data_type != MIKEY_DT_TRANSFER_INIT)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1, "%s is no offer",
		                     mikey_data_type_name(h->data_type));
	if (!mikey_prf_is_known(h->prf))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_PRF, 3, "PRF %u is not known",
		                     h->prf);
	if (h->map_type != MIKEY_MAP_GENERIC_ID || !h->n_cs)
		return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 8,
		                     "the crypto sessions are not a GENERIC-ID map");
	return ERR_OK;
}

static enum err check_payloads(struct ticket_responder *a, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V),
				   *kemac = mikey_msg_find(&a->msg, MIKEY_KEMAC);
	struct mikey_algs algs = {a->msg.hdr.prf, MIKEY_ENCR_NULL, MIKEY_MAC_NULL};

	a->ticket = mikey_msg_find(&a->msg, MIKEY_TICKET);
	if (!a->ticket || !v || !mikey_msg_find(&a->msg, MIKEY_T) ||
	    !mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I).n)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "T, RANDRi, TICKET or V is missing");
	if (!mikey_id_is_set(id_of(a, MIKEY_ROLE_I)) || !mikey_id_is_set(id_of(a, MIKEY_ROLE_R)))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_ID, "nobody knows who calls, or whom");
	algs.mac = v->u.v.alg;
	if (kemac)
		algs.encr = kemac->u.kemac.encr;
	return mikey_algs_check(algs, false, fault);
}

/* RFC 6043 4.2.2.2: what can be told without a key. */
static enum err check_ticket(struct ticket_responder *a, const struct ticket_responder_params *p,
                             struct mikey_fault *fault)
{
	unsigned flags;
	enum err e = ticket_policy_read(&a->policy, a->ticket, fault);

	if (!e)
		e = ticket_policy_check(&a->policy, TICKET_GRANTED, p->rules->accept_types, fault);
	if (!e)
		e = ticket_data_read(&a->data, a->ticket, fault);
	if (!e)
		e = ticket_policy_check_time(&a->policy, p->now_ntp, fault);
	if (e)
		return e;
	flags = a->policy.tp.flags;
	if (mikey_msg_find(&a->msg, MIKEY_KEMAC) && !(flags & TICKET_L))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the initiator supplies keys without L");
	if (!(flags & TICKET_I) != !a->ticket->u.ticket.init_data.n)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                  "Initiator Data goes with key forking, and only with it");
	if ((flags & TICKET_I) && mikey_id_is_set(a->policy.idr_i) &&
	    !mikey_id_eq(a->policy.idr_i, id_of(a, MIKEY_ROLE_I)))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "the offer is not from the ticket's initiator");
	return ERR_OK;
}

static enum err check_names(struct ticket_responder *a, const struct ticket_responder_params *p,
                            struct mikey_fault *fault)
{
	struct mikey_id called = id_of(a, MIKEY_ROLE_R);
	bool found = false, app = !a->policy.n_app || !mikey_id_is_set(p->app);

	for (size_t i = 0; i < p->n_me && !found; i++)
		found = mikey_id_eq(p->me[i], called);
	if (!found)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID, "the offer is for somebody else");
	for (size_t i = 0; i < a->policy.n_app && !app; i++)
		app = mikey_id_eq(a->policy.app[i], p->app);
	if (!app)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "the ticket is for other applications");
	return ERR_OK;
}

static enum err keep_names(struct ticket_responder *a, const struct ticket_responder_params *p,
                           struct mikey_fault *fault)
{
	size_t n_me = p->me[0].data.n, n_peer = p->peer.data.n;
	struct wr w;

	a->names = mem_alloc(n_me + n_peer + 1);
	if (!a->names)
		return no_memory(fault);
	w = wr_make(a->names, n_me + n_peer);
	wr_view(&w, p->me[0].data);
	wr_view(&w, p->peer.data);
	a->me = (struct mikey_id){.type = p->me[0].type, .data = {.p = a->names, .n = n_me}};
	a->peer = (struct mikey_id){.type = p->peer.type,
	                            .data = {.p = a->names + n_me, .n = n_peer}};
	return ERR_OK;
}

/* Every session names policies that are there, one of which we speak. */
static enum err check_sessions(struct ticket_responder *a, struct mikey_fault *fault)
{
	enum err e = csb_take_policies(&a->policies, &a->msg, 0, fault);

	if (e)
		return e;
	for (size_t i = 0; i < a->msg.n_cs; i++) {
		const struct mikey_cs *cs = &a->msg.cs[i];
		bool usable = !cs->policies.n; /* none named: the responder may bring its own */

		for (size_t j = 0; j < cs->policies.n; j++) {
			const struct csmap_policy *p =
				csb_policy(&a->policies, 0, cs->policies.p[j]);

			if (!p)
				return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
				                  "crypto session %u: policy %u is not there",
				                  cs->cs_id, cs->policies.p[j]);
			usable = usable || csmap_policy_fits(p, a->msg.hdr.prf);
		}
		if (!usable)
			return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_SP,
			                  "crypto session %u: no policy offered is a suite of ours",
			                  cs->cs_id);
	}
	return a->policy.tp.flags & TICKET_F ? ERR_OK : csb_check_complete(&a->msg, fault);
}

enum err ticket_responder_new(struct ticket_responder **out,
                              const struct ticket_responder_params *params, struct view octets,
                              struct mikey_fault *fault)
{
	struct ticket_responder *a;
	enum err e;

	if (octets.n > MIKEY_MESSAGE_MAX)
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED, "%zu octets, %d at most",
		                  octets.n, MIKEY_MESSAGE_MAX);
	a = mem_alloc(sizeof(*a));
	if (!a ||
	    !(a->octets = mem_dup(octets.n ? (const void *)octets.p : "", octets.n + !octets.n)) ||
	    !(a->keys = mikey_keys_new())) {
		ticket_responder_free(a);
		return no_memory(fault);
	}
	a->rules = *params->rules;
	e = mikey_msg_read(&a->msg, (struct view){.p = a->octets, .n = octets.n}, fault);
	if (!e)
		e = keep_names(a, params, fault);
	if (!e)
		e = check_header(a, fault);
	if (!e)
		e = check_payloads(a, fault);
	if (!e)
		e = ticket_rules_check_time(params->rules, mikey_msg_find(&a->msg, MIKEY_T)->u.t,
		                            params->now_ntp, fault);
	if (!e)
		e = check_ticket(a, params, fault);
	if (!e)
		e = check_names(a, params, fault);
	if (!e)
		e = check_sessions(a, fault);
	if (e)
		ticket_responder_free(a);
	else
		*out = a;
	return e;
}

void ticket_responder_free(struct ticket_responder *a)
{
	if (!a)
		return;
	ticket_resolution_free(a->resolution);
	mikey_keys_free(a->keys);
	mem_free(a->names);
	mem_free(a->octets);
	mem_free(a);
}

static enum err offer_keys(const struct ticket_responder *a, const struct ticket_keys *k,
                           struct mikey_msg_keys *out)
{
	return mikey_prf_msg_keys(out, a->msg.hdr.prf, (struct view){.p = k->mpki, .n = k->mpk_len},
	                          a->msg.hdr.csb_id, 1, mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I),
	                          (struct view){0});
}

static struct mikey_algs algs_of(const struct ticket_responder *a)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct mikey_algs algs =
		a->msg.hdr.prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128;

	if (a->rules.algs.prf == a->msg.hdr.prf)
		algs = a->rules.algs;
	algs.mac = v->u.v.alg;
	return algs;
}

/* TRANSFER_INIT against MPKi at last; under forking V must be the one the KMS saw as Vi. */
static enum err authenticate(struct ticket_responder *a, const struct ticket_keys *k,
                             struct mikey_msg_keys *mk, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct view parts[4];
	struct ticket_init_data d;
	enum err e = offer_keys(a, k, mk);

	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be derived");
	e = csb_mac_parts(&a->msg, parts, fault);
	parts[2] = id_of(a, MIKEY_ROLE_I).data;
	parts[3] = id_of(a, MIKEY_ROLE_R).data;
	if (!e)
		e = mikey_mac_check(v->u.v.alg, v->u.v.mac, mk, parts, 4, fault);
	if (e || !(a->policy.tp.flags & TICKET_I))
		return e;
	e = ticket_init_data_read(&d, a->ticket, fault);
	if (!e && (d.vi.u.v.alg != v->u.v.alg || d.vi.u.v.mac.n != v->u.v.mac.n ||
	           !secret_eq(d.vi.u.v.mac.p, v->u.v.mac.p, v->u.v.mac.n)))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH,
		               "Vi in Initiator Data is not the V of the offer");
	return e;
}

static enum err take_keys(struct ticket_responder *a, const struct ticket_keys *k,
                          struct mikey_fault *fault)
{
	struct mikey_algs algs = algs_of(a);
	struct mikey_msg_keys *mk = secret_alloc(sizeof(*mk));
	struct view randr = {.n = a->policy.tp.flags & TICKET_G ? UINT8_MAX : 0};
	enum err e = mk ? authenticate(a, k, mk, fault) : no_memory(fault);

	if (!e) {
		*a->keys = k->session;
		e = csb_open_kemac(a->keys, &a->msg, algs, a->policy.tp.flags, TICKET_L, &a->rules,
		                   mk, fault);
	}
	/* RANDRr, where there will be one, is drawn long enough later. */
	if (!e)
		e = csb_check_rand(&a->rules, mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I), randr,
		                   k->mpk_len, a->keys, fault);
	secret_free(mk);
	return e;
}

/* Who may have made a ticket that we share the key of (decision 0010.28). */
static enum err check_owner(const struct ticket_responder *a, struct mikey_id owner,
                            struct mikey_fault *fault)
{
	bool by_kms = a->policy.tp.flags & TICKET_D;
	struct mikey_id maker = by_kms ? a->policy.idr_kms : a->policy.idr_i;

	if (ticket_responder_must_resolve(a))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "only a KMS may open this ticket (E)");
	if (!mikey_id_is_set(maker) || !mikey_id_eq(maker, owner))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET,
		                  "the ticket's key is not shared with the one who made it");
	return ERR_OK;
}

enum err ticket_responder_open(struct ticket_responder *a, struct view tpk, struct mikey_id owner,
                               struct mikey_fault *fault)
{
	struct ticket_keys *k;
	struct ticket_resolution *r = NULL;
	enum err e;

	if (!step_allows(&responder_steps, a->state, RESPONDER_ON_OPEN))
		return step_take(&responder_steps, &a->state, RESPONDER_ON_OPEN, fault);
	e = check_owner(a, owner, fault);
	if (e)
		return e;
	k = ticket_keys_new();
	e = k ? ticket_open(k, a->ticket, &a->policy, tpk, fault) : no_memory(fault);
	if (!e)
		e = take_keys(a, k, fault);
	if (!e && ticket_resolution_new(&r, k, (struct mikey_id){0}, (struct view){0}))
		e = no_memory(fault);
	if (!e)
		e = step_take(&responder_steps, &a->state, RESPONDER_ON_OPEN, fault);
	if (!e)
		a->resolution = r;
	ticket_keys_free(k);
	return e;
}

static enum err use_resolution(struct ticket_responder *a, const struct ticket_resolution *r,
                               unsigned event, struct mikey_fault *fault)
{
	bool forking = a->policy.tp.flags & TICKET_I;
	struct ticket_resolution *copy = NULL;
	enum err e;

	if (!step_allows(&responder_steps, a->state, event))
		return step_take(&responder_steps, &a->state, event, fault);
	if (forking && (!r->keys->has_mpkr || !mikey_id_is_set(r->idr) || !r->rand_kms.n))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "the resolution of a forking ticket is not whole");
	e = take_keys(a, r->keys, fault);
	if (!e && ticket_resolution_new(&copy, r->keys, r->idr, r->rand_kms))
		e = no_memory(fault);
	if (!e)
		e = step_take(&responder_steps, &a->state, event, fault);
	if (!e)
		a->resolution = copy;
	return e;
}

enum err ticket_responder_resolved(struct ticket_responder *a, const struct ticket_resolution *r,
                                   struct mikey_fault *fault)
{
	return use_resolution(a, r, RESPONDER_ON_RESOLVED, fault);
}

enum err ticket_responder_reuse(struct ticket_responder *a, const struct ticket_resolution *r,
                                struct mikey_fault *fault)
{
	if (!(a->policy.tp.flags & TICKET_J))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the ticket may be used once (J)");
	return use_resolution(a, r, RESPONDER_ON_REUSE, fault);
}

enum err ticket_responder_resolution(const struct ticket_responder *a,
                                     struct ticket_resolution **out)
{
	if (!a->resolution)
		return ERR_WRONG_STATE;
	return ticket_resolution_new(out, a->resolution->keys, a->resolution->idr,
	                             a->resolution->rand_kms);
}

/* What an answer is built with; in secret memory. */
struct building {
	struct mikey_keys keys;
	struct mikey_msg_keys msg_keys;
	struct mikey_msg msg;
	uint8_t room[MIKEY_MESSAGE_MAX];
	struct csb_policies policies;
	uint8_t randr[MIKEY_KEY_MAX];
	size_t randr_len;
};

static struct view mpk_of(const struct ticket_responder *a)
{
	const struct ticket_keys *k = a->resolution->keys;

	return (struct view){.p = a->policy.tp.flags & TICKET_I ? k->mpkr : k->mpki,
	                     .n = k->mpk_len};
}

/* RANDRi and RANDRr together are as long as the longest key (RFC 6043 12.1); RANDRr itself never
 * under 128 bits. */
static enum err draw_randr(const struct ticket_responder *a, struct building *b,
                           const struct mikey_env *env)
{
	size_t longest = mikey_keys_longest(&b->keys),
	       randi = mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I).n;

	if (!(a->policy.tp.flags & TICKET_G))
		return ERR_OK;
	if (longest < a->resolution->keys->mpk_len)
		longest = a->resolution->keys->mpk_len;
	b->randr_len = longest > randi + RANDR_MIN ? longest - randi : RANDR_MIN;
	return env->random(env->random_ctx, "randr", b->randr, b->randr_len);
}

static struct mikey_id own_name(const struct ticket_responder *a)
{
	return mikey_id_is_set(a->resolution->idr) ? a->resolution->idr : a->me;
}

static void add(struct mikey_build *b, struct mikey_payload p)
{
	mikey_build_add(b, &p);
}

/* HDR, T, RANDRr, IDRr, RANDRkms, SPs, KEMAC, V. */
static enum err build(struct ticket_responder *a, struct building *b,
                      const struct ticket_cs *chosen, size_t n,
                      const struct ticket_responder_choice *choice, const struct mikey_env *env,
                      struct view *octets)
{
	struct mikey_algs algs = algs_of(a);
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_TRANSFER_RESP,
	                        .prf = algs.prf,
	                        .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_GENERIC_ID};
	struct mikey_cs cs[MIKEY_CS_MAX];
	struct csb_cs_room rooms[MIKEY_CS_MAX];
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	struct mikey_build m;
	enum err e = mikey_prf_msg_keys(&b->msg_keys, algs.prf, mpk_of(a), hdr.csb_id, 2,
	                                mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I),
	                                (struct view){.p = b->randr, .n = b->randr_len});

	for (size_t i = 0; i < n; i++)
		csb_cs_write(&cs[i], &rooms[i], &chosen[i]);
	mikey_build_start(&m, b->room, sizeof(b->room), &hdr, cs, n);
	t.value = mikey_env_stamp(env, 0);
	add(&m, mikey_make_t(t));
	if (b->randr_len)
		add(&m, mikey_make_randr(MIKEY_ROLE_R,
		                         (struct view){.p = b->randr, .n = b->randr_len}));
	add(&m, mikey_make_idr(MIKEY_ROLE_R, own_name(a)));
	if (a->resolution->rand_kms.n)
		add(&m, mikey_make_randr(MIKEY_ROLE_KMS, a->resolution->rand_kms));
	csb_add_policies(&m, choice->policies, choice->n_policies);
	if (!e)
		e = csb_add_kemac(&m, algs, &b->msg_keys, hdr.csb_id, t, choice->keys);
	if (!e)
		e = mikey_build_add_mac(&m, algs.mac, &b->msg_keys, &a->msg.octets, 1);
	return e ? e : mikey_build_done(&m, octets);
}

static enum err add_own_keys(const struct ticket_responder *a, struct building *b,
                             const struct mikey_keys *own, struct mikey_fault *fault)
{
	if (!own || !own->n)
		return ERR_OK;
	if (!(a->policy.tp.flags & TICKET_M))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the ticket lets its responder supply no keys (M)");
	for (size_t i = 0; i < own->n; i++)
		if (mikey_keys_add(&b->keys, own->k[i].type, mikey_key_octets(&own->k[i]),
		                   mikey_key_salt(&own->k[i]), mikey_key_spi(&own->k[i])))
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "two keys of one SPI, or too many");
	return mikey_algs_check_keys(algs_of(a), own, fault);
}

static enum err check_numbers(const struct ticket_responder *a,
                              const struct ticket_responder_choice *choice,
                              struct mikey_fault *fault)
{
	for (size_t i = 0; i < choice->n_policies; i++)
		if (csb_policy(&a->policies, 0, choice->policies[i].no))
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_SP,
			                  "policy number %u is the offer's",
			                  choice->policies[i].no);
	return ERR_OK;
}

static enum err build_response(struct ticket_responder *a, struct building *b,
                               const struct ticket_responder_choice *choice,
                               const struct mikey_env *env, struct mikey_fault *fault)
{
	struct ticket_cs chosen[MIKEY_CS_MAX];
	struct view built;
	size_t n = 0;
	enum err e = check_numbers(a, choice, fault);

	if (!e)
		e = draw_randr(a, b, env);
	b->policies = a->policies;
	for (size_t i = 0; i < choice->n_policies && i < CSB_POLICIES_MAX; i++)
		b->policies.of[1][b->policies.n[1]++] = choice->policies[i];
	if (!e)
		e = csb_choose_sessions(chosen, &n, &a->msg, &b->policies, 0, &b->keys, choice->cs,
		                        choice->n_cs, env, fault);
	if (e)
		return e;
	e = build(a, b, chosen, n, choice, env, &built);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the answer can't be built")
	         : mikey_msg_read(&b->msg, built, fault);
}

enum err ticket_responder_finish(struct ticket_responder *a,
                                 const struct ticket_responder_choice *choice,
                                 const struct mikey_env *env, struct ticket_csb **csb,
                                 struct view *octets, struct mikey_fault *fault)
{
	static const struct ticket_responder_choice nothing;
	const struct ticket_responder_choice *ch = choice ? choice : &nothing;
	bool responds = a->policy.tp.flags & TICKET_F;
	struct csb_agreed made = {.rules = &a->rules,
	                          .init = &a->msg,
	                          .flags = a->policy.tp.flags,
	                          .algs = algs_of(a),
	                          .id_i = id_of(a, MIKEY_ROLE_I),
	                          .id_r = id_of(a, MIKEY_ROLE_R)};
	struct building *b;
	enum err e;

	if (!step_allows(&responder_steps, a->state, RESPONDER_ON_FINISH))
		return step_take(&responder_steps, &a->state, RESPONDER_ON_FINISH, fault);
	b = secret_alloc(sizeof(*b));
	if (!b)
		return no_memory(fault);
	b->keys = *a->keys;
	e = add_own_keys(a, b, ch->keys, fault);
	if (!e && responds)
		e = build_response(a, b, ch, env, fault);
	if (!e) {
		made.mpk = mpk_of(a);
		made.keys = &b->keys;
		if (responds) {
			made.resp = &b->msg;
			made.id_r = own_name(a);
		}
		e = csb_new(csb, &made, fault);
	}
	if (!e) {
		*octets = responds ? ticket_csb_last_sent(*csb) : (struct view){0};
		e = step_take(&responder_steps, &a->state, RESPONDER_ON_FINISH, fault);
	}
	secret_free(b);
	return e;
}

enum err ticket_responder_error(struct ticket_responder *a, enum mikey_error no,
                                const struct csmap_policy *policies, size_t n_policies,
                                const struct mikey_env *env, uint8_t *room, size_t room_n,
                                struct view *octets)
{
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_ERROR,
	                        .prf = a->msg.hdr.prf,
	                        .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};
	struct mikey_msg_keys *k = a->resolution ? secret_alloc(sizeof(*k)) : NULL;
	struct mikey_build b;
	enum err e = a->resolution && !k
	                     ? ERR_NOMEM
	                     : step_take(&responder_steps, &a->state, RESPONDER_ON_REFUSE, NULL);

	mikey_build_start(&b, room, room_n, &hdr, NULL, 0);
	add(&b, mikey_make_t((struct mikey_ts){.type = MIKEY_TS_NTP_UTC,
	                                       .value = mikey_env_stamp(env, 0)}));
	add(&b, (struct mikey_payload){.type = MIKEY_ERR, .u.err.no = (uint8_t)no});
	csb_add_policies(&b, policies, n_policies);
	if (!e && k)
		e = offer_keys(a, a->resolution->keys, k);
	if (!e && k)
		e = mikey_build_add_mac(&b, algs_of(a).mac, k, NULL, 0);
	secret_free(k);
	return e ? e : mikey_build_done(&b, octets);
}
