/* SPDX-License-Identifier: MIT */
/* Ticket Request, the initiator's side: builds REQUEST_INIT and reads the answer. */
#include "keyctx/ticket/request.h"

#include "base/mem.h"
#include "keyctx/ticket/grant.h"
#include "keyctx/ticket/step.h"

enum { TP_MAX = 4096 };

struct ticket_request {
	struct grant_exchange exchange;
	uint8_t state;
};

/* Writes the TP payload without its next-payload octet. */
static enum err write_tp(struct wr *w, const struct ticket_request_params *p,
                         struct mikey_fault *fault)
{
	const struct ticket_policy_spec *s = p->policy;
	uint8_t data[TP_MAX];
	struct wr d = wr_make(data, sizeof(data));

	ticket_policy_write(&d, s, false);
	if (!wr_ok(&d))
		return mikey_fail(
			fault, ERR_TOO_BIG, MIKEY_E_TPPAR,
			"the requested policy is too long, TP Data must have at most 4096 octets");
	wr_u16(w, s->ticket_type ? s->ticket_type : p->rules->ticket_type);
	wr_u8(w, TICKET_SUBTYPE);
	wr_u8(w, TICKET_VERSION);
	wr_u24(w, (uint32_t)s->prf << 17 | (uint32_t)(s->flags & ~(unsigned)TICKET_K) << 5);
	wr_u16(w, (uint16_t)wr_len(&d));
	wr_octets(w, data, wr_len(&d));
	return wr_ok(w) ? ERR_OK
	                : mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_TPPAR,
	                             "the requested policy is too long, TP Data must have at most "
	                             "4096 octets");
}

static size_t longest_wish(const struct ticket_policy_spec *s)
{
	size_t longest = mikey_default_key_len(s->prf);

	for (size_t i = 0; i < s->n_wishes; i++)
		if (s->wishes[i].type != MIKEY_TEK && s->wishes[i].type != MIKEY_TEK_SALT &&
		    s->wishes[i].len > longest)
			longest = s->wishes[i].len;
	return longest;
}

enum err ticket_request_new(struct ticket_request **out, const struct ticket_request_params *params,
                            const struct mikey_env *env, struct mikey_fault *fault)
{
	struct ticket_request *r = mem_alloc(sizeof(*r));
	uint8_t tp[TP_MAX + 16];
	struct wr w = wr_make(tp, sizeof(tp));
	struct grant_params wanted = {
		.rules = params->rules,
		.cred = params->cred,
		.me = params->me,
		.kms = params->kms,
		.carry_type = MIKEY_TP,
		.longest = longest_wish(params->policy),
	};
	enum err e;

	if (!r)
		return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	e = write_tp(&w, params, fault);
	wanted.carry = (struct view){.p = tp, .n = wr_len(&w)};
	if (!e)
		e = grant_exchange_init(&r->exchange, &wanted, env, fault);
	if (e)
		ticket_request_free(r);
	else
		*out = r;
	return e;
}

void ticket_request_free(struct ticket_request *r)
{
	if (!r)
		return;
	grant_exchange_fini(&r->exchange);
	mem_free(r);
}

struct view ticket_request_octets(const struct ticket_request *r)
{
	return (struct view){.p = r->exchange.octets, .n = r->exchange.len};
}

enum request_state ticket_request_state(const struct ticket_request *r)
{
	return (enum request_state)r->state;
}

/* Checks the policy of the granted ticket, and that the answer holds the keys which this policy
 * requires. */
static enum err take_grant(const struct ticket_request *r, const struct grant_response *a,
                           struct ticket_keys *keys, struct ticket_grant **grant,
                           struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = mikey_msg_find(&a->msg, MIKEY_TICKET);
	struct ticket_policy policy;
	enum err e;

	if (!ticket)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "REQUEST_RESP has no TICKET payload");
	e = ticket_policy_read(&policy, ticket, fault);
	if (!e)
		e = ticket_policy_check(&policy, TICKET_GRANTED, r->exchange.rules.accept_types,
		                        fault);
	if (!e && !(policy.tp.flags & TICKET_D))
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR,
		               "the granted ticket must have flag D set");
	if (!e && ticket->u.ticket.init_data.n)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET,
		               "a granted ticket must have no Initiator Data");
	if (!e)
		e = ticket_keys_unpack(keys, &a->plain, policy.tp.flags & TICKET_I, fault);
	return e ? e : ticket_grant_new(grant, ticket_body_bare(ticket), keys, fault);
}

enum err ticket_request_receive(struct ticket_request *r, struct view octets,
                                struct ticket_grant **grant, struct mikey_fault *fault)
{
	struct grant_response *a;
	struct ticket_keys *keys;
	enum err e;

	if (!step_allows(&request_steps, r->state, REQUEST_ON_RESPONSE))
		return step_take(&request_steps, &r->state, REQUEST_ON_RESPONSE, fault);
	a = secret_alloc(sizeof(*a));
	keys = ticket_keys_new();
	e = a && keys ? grant_exchange_open(&r->exchange, octets, MIKEY_DT_REQUEST_RESP, a, fault)
	              : mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	if (!e)
		e = take_grant(r, a, keys, grant, fault);
	if (!e)
		e = step_take(&request_steps, &r->state, REQUEST_ON_RESPONSE, fault);
	else if (e == ERR_DENIED)
		(void)!step_take(&request_steps, &r->state, REQUEST_ON_ERROR, NULL);
	ticket_keys_free(keys);
	secret_free(a);
	return e;
}
