/* SPDX-License-Identifier: MIT */
/* A terminal that sends requests to a KMS, built from keyctx/ticket. */
#include "bench/kms/caller.h"

#include <string.h>

#include "base/clk.h"

const char *const caller_ask_names[CALLER_ASKS] = {
	[CALLER_REQUEST] = "request", [CALLER_RESOLVE] = "resolve"};

/* The ticket flags that terminals request for IMS media security: mode 1 with forking, where the
 * KMS makes and resolves the ticket and each responder gets its own keys. */
enum {
	FLAGS = TICKET_D | TICKET_E | TICKET_F | TICKET_G | TICKET_H | TICKET_I | TICKET_N |
	        TICKET_O,
	LIFETIME_S = 86400, /* tickets must not expire during a long run */
};

static struct mikey_env env_of(struct caller *c, uint64_t wall_ns)
{
	return (struct mikey_env){
		.now_ntp = clk_wall_to_ntp(wall_ns),
		.last_ntp = &c->last_ntp,
		.random = mikey_random_system,
	};
}

static struct mikey_cred cred_of(const struct kms_user *u)
{
	struct mikey_cred cred = {.psk = {u->psk.octets, u->psk.len}};

	if (u->psk_id)
		cred.psk_id = kms_name_id(u->psk_id);
	return cred;
}

static enum err say(struct why *why, enum err e, const struct mikey_fault *fault)
{
	return e ? why_fail(why, e, "%s", *fault->why.text ? fault->why.text : err_meaning(e))
	         : ERR_OK;
}

static enum err make_request(struct caller *c, const struct mikey_env *env,
                             struct mikey_fault *fault)
{
	struct mikey_id to = kms_name_id(c->to->names.v[0]), me = kms_name_id(c->from->names.v[0]);
	struct ticket_policy_spec policy = {
		.prf = c->rules.algs.prf,
		.flags = FLAGS,
		.idr_kms = c->kms,
		.idr_i = me,
		.has_end = true,
		.end = ticket_ts_32(env->now_ntp + ((uint64_t)LIFETIME_S << 32)),
		.r = &to,
		.n_r = 1,
	};
	struct mikey_cred cred = cred_of(c->from);
	struct ticket_request_params p = {
		.rules = &c->rules, .cred = &cred, .me = me, .kms = c->kms, .policy = &policy};

	return ticket_request_new(&c->request, &p, env, fault);
}

static enum err make_resolve(struct caller *c, const struct mikey_env *env,
                             struct mikey_fault *fault)
{
	struct mikey_cred cred = cred_of(c->to);
	struct ticket_resolve_params p = {.rules = &c->rules,
	                                  .cred = &cred,
	                                  .me = kms_name_id(c->to->names.v[0]),
	                                  .kms = c->kms,
	                                  .ticket = mikey_msg_find(&c->msg, MIKEY_TICKET)};

	return ticket_resolve_new(&c->resolve, &p, env, fault);
}

static void drop_asks(struct caller *c)
{
	ticket_request_free(c->request);
	ticket_resolve_free(c->resolve);
	c->request = NULL;
	c->resolve = NULL;
}

enum err caller_make(struct caller *c, enum caller_ask ask, uint64_t wall_ns, struct view *octets,
                     struct why *why)
{
	struct mikey_env env = env_of(c, wall_ns);
	struct mikey_fault fault = {0};
	enum err e;

	drop_asks(c);
	if (ask == CALLER_RESOLVE && !c->offer)
		return why_fail(why, ERR_WRONG_STATE,
		                "resolve needs a ticket, but none was granted");
	e = ask == CALLER_REQUEST ? make_request(c, &env, &fault) : make_resolve(c, &env, &fault);
	if (!e)
		*octets = ask == CALLER_REQUEST ? ticket_request_octets(c->request)
		                                : ticket_resolve_octets(c->resolve);
	return say(why, e, &fault);
}

/* Makes the TRANSFER_INIT message that carries the ticket: a resolve request takes the ticket with
 * its Initiator Data from this message. */
static enum err make_offer(struct caller *c, const struct mikey_env *env, struct mikey_fault *fault)
{
	struct csmap_policy sp;
	struct ticket_cs cs[2] = {{.cs_id = 1, .n_policies = 1, .has_ssrc = true, .ssrc = 1},
	                          {.cs_id = 2, .n_policies = 1, .has_ssrc = true, .ssrc = 2}};
	struct ticket_initiator_params p = {.rules = &c->rules,
	                                    .grant = c->grant,
	                                    .me = kms_name_id(c->from->names.v[0]),
	                                    .peer = kms_name_id(c->to->names.v[0]),
	                                    .cs = cs,
	                                    .n_cs = 2,
	                                    .policies = &sp,
	                                    .n_policies = 1};
	enum err e;

	csmap_policy_from_suite(&sp, 0, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80));
	ticket_initiator_free(c->offer);
	c->offer = NULL;
	e = ticket_initiator_new(&c->offer, &p, env, fault);
	return e ? e : mikey_msg_read(&c->msg, ticket_initiator_octets(c->offer), fault);
}

static enum err take_grant(struct caller *c, struct view octets, const struct mikey_env *env,
                           struct mikey_fault *fault)
{
	struct ticket_grant *grant;
	enum err e = ticket_request_receive(c->request, octets, &grant, fault);

	if (e)
		return e;
	ticket_grant_free(c->grant);
	c->grant = grant;
	return c->no_offer ? ERR_OK : make_offer(c, env, fault);
}

/* Checks that the responder gets the same MPKi that the KMS granted to the initiator. */
static enum err take_resolution(struct caller *c, struct view octets, struct mikey_fault *fault)
{
	struct ticket_resolution *r;
	const struct ticket_keys *k = c->grant->keys;
	enum err e = ticket_resolve_receive(c->resolve, octets, &r, fault);
	bool same;

	if (e)
		return e;
	same = r->keys->mpk_len == k->mpk_len && secret_eq(r->keys->mpki, k->mpki, k->mpk_len);
	ticket_resolution_free(r);
	return same ? ERR_OK
	            : mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
	                         "the KMS resolved the ticket to other keys than it granted");
}

enum err caller_take(struct caller *c, enum caller_ask ask, struct view octets, uint64_t wall_ns,
                     struct why *why)
{
	struct mikey_env env = env_of(c, wall_ns);
	struct mikey_fault fault = {0};
	enum err e = ask == CALLER_REQUEST ? take_grant(c, octets, &env, &fault)
	                                   : take_resolution(c, octets, &fault);

	return say(why, e, &fault);
}

void caller_fini(struct caller *c)
{
	drop_asks(c);
	ticket_initiator_free(c->offer);
	ticket_grant_free(c->grant);
}
