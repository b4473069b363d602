/* SPDX-License-Identifier: MIT */
/* The responder of a Ticket Transfer reads TRANSFER_INIT, then authenticates it
 * with the keys of its ticket. */
#include "keyctx/ticket/responder.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/responder_state.h"
#include "keyctx/ticket/step.h"

const struct mikey_msg *ticket_responder_msg(const struct ticket_responder *a)
{
	return &a->msg;
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

/* If the offer leaves out an identity, takes it from signalling (RFC 6043 6.6). */
struct mikey_id responder_id_of(const struct ticket_responder *a, unsigned role)
{
	const struct mikey_payload *p = mikey_msg_idr(&a->msg, role);

	return p ? p->u.idr.id : role == MIKEY_ROLE_I ? a->peer : a->me;
}

static enum err check_header(const struct ticket_responder *a, struct mikey_fault *fault)
{
	const struct mikey_hdr *h = &a->msg.hdr;

	if (h->data_type != MIKEY_DT_TRANSFER_INIT)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1,
		                     "the message is %s, must be TRANSFER_INIT",
		                     mikey_data_type_name(h->data_type));
	if (!mikey_prf_is_known(h->prf))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_PRF, 3,
		                     "PRF %u is not supported, must be 0 or 1", h->prf);
	if (h->map_type != MIKEY_MAP_GENERIC_ID || !h->n_cs)
		return mikey_fail_at(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 8,
			"the offer must have crypto sessions in a GENERIC-ID map (map type 2)");
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
		                  "the offer must have T, RANDRi, TICKET and V; one is missing");
	if (!mikey_id_is_set(responder_id_of(a, MIKEY_ROLE_I)) ||
	    !mikey_id_is_set(responder_id_of(a, MIKEY_ROLE_R)))
		return mikey_fail(
			fault, ERR_SYNTAX, MIKEY_E_ID,
			"IDRi or IDRr is missing in the offer, and signalling did not give it");
	algs.mac = v->u.v.alg;
	if (kemac)
		algs.encr = kemac->u.kemac.encr;
	return mikey_algs_check(algs, false, fault);
}

/* Makes the checks of RFC 6043 4.2.2.2 that need no key. */
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
		                  "the offer has a KEMAC, but the ticket does not have flag L set");
	if (!(flags & TICKET_I) != !a->ticket->u.ticket.init_data.n)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		                  "Initiator Data must be present if and only if the ticket has "
		                  "flag I (key forking)");
	if ((flags & TICKET_I) && mikey_id_is_set(a->policy.idr_i) &&
	    !mikey_id_eq(a->policy.idr_i, responder_id_of(a, MIKEY_ROLE_I)))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRi of the offer differs from IDRi of the ticket");
	return ERR_OK;
}

static enum err check_names(struct ticket_responder *a, const struct ticket_responder_params *p,
                            struct mikey_fault *fault)
{
	struct mikey_id called = responder_id_of(a, MIKEY_ROLE_R);
	bool found = false, app = !a->policy.n_app;

	for (size_t i = 0; i < p->n_me && !found; i++)
		found = mikey_id_eq(p->me[i], called);
	if (!found)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRr of the offer is not an identity of this terminal");
	for (size_t i = 0; i < a->policy.n_app && !app; i++)
		app = mikey_id_is_set(p->app) && mikey_id_eq(a->policy.app[i], p->app);
	if (!app)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "the ticket is for other applications: none of its %zu IDRapp is "
		                  "the application of this terminal%s",
		                  a->policy.n_app,
		                  mikey_id_is_set(p->app) ? "" : ", which has none configured");
	return ERR_OK;
}

static enum err keep_names(struct ticket_responder *a, const struct ticket_responder_params *p,
                           struct mikey_fault *fault)
{
	size_t n_me = p->me[0].data.n, n_peer = p->peer.data.n;
	struct wr w;

	a->names = mem_alloc(n_me + n_peer + 1);
	if (!a->names)
		return responder_no_memory(fault);
	w = wr_make(a->names, n_me + n_peer);
	wr_view(&w, p->me[0].data);
	wr_view(&w, p->peer.data);
	a->me = (struct mikey_id){.type = p->me[0].type, .data = {.p = a->names, .n = n_me}};
	a->peer = (struct mikey_id){
		.type = p->peer.type,
		.data = {.p = a->names + n_me, .n = n_peer},
	};
	return ERR_OK;
}

/* Checks for each session that all policies it names exist, and that one of them is supported. */
static enum err check_sessions(struct ticket_responder *a, struct mikey_fault *fault)
{
	enum err e = csb_take_policies(&a->policies, &a->msg, 0, fault);

	if (e)
		return e;
	for (size_t i = 0; i < a->msg.n_cs; i++) {
		const struct mikey_cs *cs = &a->msg.cs[i];
		/* no policies offered: the responder may add its own */
		bool usable = !cs->policies.n;

		for (size_t j = 0; j < cs->policies.n; j++) {
			const struct csmap_policy *p =
				csb_policy(&a->policies, 0, cs->policies.p[j]);

			if (!p)
				return mikey_fail(
					fault, ERR_INVALID, MIKEY_E_SPPAR,
					"crypto session %u: the offer has no SRTP policy %u",
					cs->cs_id, cs->policies.p[j]);
			usable = usable || csmap_policy_fits(p, a->msg.hdr.prf);
		}
		if (!usable)
			return mikey_fail(
				fault, ERR_UNSUPPORTED, MIKEY_E_SPPAR,
				"crypto session %u: none of the offered SRTP policies is supported",
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
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
		                  "the message has %zu octets, at most %d are allowed", octets.n,
		                  MIKEY_MESSAGE_MAX);
	a = mem_alloc(sizeof(*a));
	if (!a ||
	    !(a->octets = mem_dup(octets.n ? (const void *)octets.p : "", octets.n + !octets.n)) ||
	    !(a->keys = mikey_keys_new())) {
		ticket_responder_free(a);
		return responder_no_memory(fault);
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

enum err responder_offer_keys(const struct ticket_responder *a, const struct ticket_keys *k,
                              struct mikey_msg_keys *out)
{
	struct mikey_msg_seed from = {.prf = a->msg.hdr.prf,
	                              .inkey = {.p = k->mpki, .n = k->mpk_len},
	                              .csb_id = a->msg.hdr.csb_id,
	                              .phase = 1,
	                              .randi = mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I)};

	return mikey_prf_msg_keys(out, &from);
}

struct mikey_algs responder_algs_of(const struct ticket_responder *a)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct mikey_algs algs =
		a->msg.hdr.prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128;

	if (a->rules.algs.prf == a->msg.hdr.prf)
		algs = a->rules.algs;
	algs.mac = v->u.v.alg;
	return algs;
}

/* Authenticates TRANSFER_INIT with MPKi. With forking, V must also equal Vi in the ticket, which
 * the KMS has seen and authenticated. */
static enum err authenticate(struct ticket_responder *a, const struct ticket_keys *k,
                             struct mikey_msg_keys *mk, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct view parts[4];
	struct ticket_init_data d;
	enum err e = responder_offer_keys(a, k, mk);

	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the keys of the offer can't be derived");
	e = csb_mac_parts(&a->msg, parts, fault);
	parts[2] = responder_id_of(a, MIKEY_ROLE_I).data;
	parts[3] = responder_id_of(a, MIKEY_ROLE_R).data;
	if (!e)
		e = mikey_mac_check(v, mk, parts, 4, fault);
	if (e || !(a->policy.tp.flags & TICKET_I))
		return e;
	e = ticket_init_data_read(&d, a->ticket, fault);
	if (!e && (d.vi.u.v.alg != v->u.v.alg || d.vi.u.v.mac.n != v->u.v.mac.n ||
	           !secret_eq(d.vi.u.v.mac.p, v->u.v.mac.p, v->u.v.mac.n)))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH,
		               "Vi in Initiator Data differs from V of the offer");
	return e;
}

static enum err take_keys(struct ticket_responder *a, const struct ticket_keys *k,
                          struct mikey_fault *fault)
{
	struct mikey_msg_keys *mk = secret_alloc(sizeof(*mk));
	struct csb_sealed sealed = {.msg = &a->msg,
	                            .msg_keys = mk,
	                            .algs = responder_algs_of(a),
	                            .is_allowed = a->policy.tp.flags & TICKET_L,
	                            .accept_null = a->rules.accept_null_encr};
	/* With flag G, RANDRr is drawn later and made long enough: assume its greatest length. */
	size_t randr_len = a->policy.tp.flags & TICKET_G ? UINT8_MAX : 0;
	enum err e = mk ? authenticate(a, k, mk, fault) : responder_no_memory(fault);

	if (!e) {
		*a->keys = k->session;
		e = csb_open_kemac(a->keys, &sealed, fault);
	}
	if (!e)
		e = csb_check_rand(&a->rules,
		                   mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I).n + randr_len,
		                   k->mpk_len, a->keys, fault);
	secret_free(mk);
	return e;
}

/* Checks that the owner of the ticket's key also made the ticket (decision 0010.28). */
static enum err check_owner(const struct ticket_responder *a, struct mikey_id owner,
                            struct mikey_fault *fault)
{
	bool by_kms = a->policy.tp.flags & TICKET_D;
	struct mikey_id maker = by_kms ? a->policy.idr_kms : a->policy.idr_i;

	if (ticket_responder_must_resolve(a))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the ticket has flag E set: only a KMS may open it");
	if (!mikey_id_is_set(maker) || !mikey_id_eq(maker, owner))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET,
		                  "%s of the ticket, which names its maker, is not the owner of "
		                  "the ticket's key",
		                  by_kms ? "IDRkms" : "IDRi");
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
	e = k ? ticket_open(k, a->ticket, &a->policy, tpk, fault) : responder_no_memory(fault);
	if (!e)
		e = take_keys(a, k, fault);
	if (!e && ticket_resolution_new(&r, k, (struct mikey_id){0}, (struct view){0}))
		e = responder_no_memory(fault);
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
		                  "the resolution of a ticket with key forking (flag I) lacks "
		                  "MPKr, IDRr or RANDRkms");
	e = take_keys(a, r->keys, fault);
	if (!e && ticket_resolution_new(&copy, r->keys, r->idr, r->rand_kms))
		e = responder_no_memory(fault);
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
		                  "the ticket may be used only once: flag J (reuse) is not set");
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
