/* SPDX-License-Identifier: MIT */
/* Ticket Resolve, the asking side: builds RESOLVE_INIT and reads the answer. */
#include "keyctx/ticket/resolve.h"

#include "base/mem.h"
#include "keyctx/ticket/grant.h"
#include "keyctx/ticket/step.h"

struct ticket_resolve {
	struct grant_exchange exchange;
	uint8_t state;
	struct ticket_policy policy; /* policy of the ticket; views on exchange.octets */
};

void ticket_resolution_free(struct ticket_resolution *r)
{
	if (!r)
		return;
	ticket_keys_free(r->keys);
	mem_free(r->octets);
	mem_free(r);
}

enum err ticket_resolution_new(struct ticket_resolution **out, const struct ticket_keys *keys,
                               struct mikey_id idr, struct view rand_kms)
{
	struct ticket_resolution *r = mem_alloc(sizeof(*r));
	struct wr w;

	if (!r)
		return ERR_NOMEM;
	r->keys = ticket_keys_new();
	r->octets = mem_alloc(idr.data.n + rand_kms.n + 1);
	if (!r->keys || !r->octets) {
		ticket_resolution_free(r);
		return ERR_NOMEM;
	}
	*r->keys = *keys;
	w = wr_make(r->octets, idr.data.n + rand_kms.n);
	wr_view(&w, idr.data);
	wr_view(&w, rand_kms);
	r->idr = (struct mikey_id){.type = idr.type, .data = {.p = r->octets, .n = idr.data.n}};
	r->rand_kms = (struct view){.p = r->octets + idr.data.n, .n = rand_kms.n};
	*out = r;
	return ERR_OK;
}

enum err ticket_resolve_new(struct ticket_resolve **out, const struct ticket_resolve_params *params,
                            const struct mikey_env *env, struct mikey_fault *fault)
{
	struct ticket_resolve *r = mem_alloc(sizeof(*r));
	struct grant_params wanted = {
		.rules = params->rules,
		.cred = params->cred,
		.me = params->me,
		.kms = params->kms,
		.is_resolve = true,
		.carry_type = MIKEY_TICKET,
		.carry = ticket_body(params->ticket),
		.longest = mikey_default_key_len(params->ticket->u.ticket.tp.prf),
	};
	struct mikey_msg *m = mem_alloc(sizeof(*m));
	const struct mikey_payload *ticket;
	enum err e;

	e = r && m ? grant_exchange_init(&r->exchange, &wanted, env, fault)
	           : mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	/* Reads the policy from the copy of the ticket in `r`, which lives as long as `r`. */
	if (!e)
		e = mikey_msg_read(m, (struct view){.p = r->exchange.octets, .n = r->exchange.len},
		                   fault);
	ticket = e ? NULL : mikey_msg_find(m, MIKEY_TICKET);
	if (!e)
		e = ticket_policy_read(&r->policy, ticket, fault);
	mem_free(m);
	if (e)
		ticket_resolve_free(r);
	else
		*out = r;
	return e;
}

void ticket_resolve_free(struct ticket_resolve *r)
{
	if (!r)
		return;
	grant_exchange_fini(&r->exchange);
	mem_free(r);
}

struct view ticket_resolve_octets(const struct ticket_resolve *r)
{
	return (struct view){.p = r->exchange.octets, .n = r->exchange.len};
}

static enum err take_resolution(const struct ticket_resolve *r, const struct grant_response *a,
                                struct ticket_keys *keys, struct ticket_resolution **out,
                                struct mikey_fault *fault)
{
	bool forking = r->policy.tp.flags & TICKET_I;
	const struct mikey_payload *idr = mikey_msg_idr(&a->msg, MIKEY_ROLE_R);
	struct view rand_kms = mikey_msg_rand_of(&a->msg, MIKEY_ROLE_KMS);
	enum err e = ticket_keys_unpack(keys, &a->plain, forking, fault);

	if (e)
		return e;
	if (forking && (!idr || !rand_kms.n))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "RESOLVE_RESP for a ticket with key forking (flag I) has no IDRr "
		                  "or no RANDRkms");
	if (forking && r->exchange.rules.enforce_rand_len &&
	    (rand_kms.n < keys->mpk_len || rand_kms.n < mikey_keys_longest(&keys->session)))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "RANDRkms is shorter than the keys that are forked with it");
	e = ticket_resolution_new(out, keys, idr ? idr->u.idr.id : (struct mikey_id){0}, rand_kms);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "out of memory") : ERR_OK;
}

enum err ticket_resolve_receive(struct ticket_resolve *r, struct view octets,
                                struct ticket_resolution **out, struct mikey_fault *fault)
{
	struct grant_response *a;
	struct ticket_keys *keys;
	enum err e;

	if (!step_allows(&resolve_steps, r->state, RESOLVE_ON_RESPONSE))
		return step_take(&resolve_steps, &r->state, RESOLVE_ON_RESPONSE, fault);
	a = secret_alloc(sizeof(*a));
	keys = ticket_keys_new();
	e = a && keys ? grant_exchange_open(&r->exchange, octets, MIKEY_DT_RESOLVE_RESP, a, fault)
	              : mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	if (!e)
		e = take_resolution(r, a, keys, out, fault);
	if (!e)
		e = step_take(&resolve_steps, &r->state, RESOLVE_ON_RESPONSE, fault);
	else if (e == ERR_DENIED)
		(void)!step_take(&resolve_steps, &r->state, RESOLVE_ON_ERROR, NULL);
	ticket_keys_free(keys);
	secret_free(a);
	return e;
}
