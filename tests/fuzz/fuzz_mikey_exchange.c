/* SPDX-License-Identifier: MIT */
/* Replaces the MACs of the input by correct ones, then gives it to a KMS or to a responder as a
 * message. */
#include "keyctx/ticket/responder.h"
#include "keyctx/ticket/authority.h"
#include "keyctx/ticket/csb_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t psk[16] = {1, 2, 3}, tpk[16] = {4, 5, 6};
static const uint64_t now = 0xd126eb8040000000;
static uint8_t octets[MIKEY_MESSAGE_MAX];
static struct mikey_msg m;

static enum err sevens(void *ctx, const char *name, uint8_t *out, size_t n)
{
	(void)ctx;
	(void)name;
	memset(out, 7, n);
	return ERR_OK;
}

static void put(struct view mac, const uint8_t *value)
{
	memcpy(octets + (mac.p - octets), value, mac.n);
}

/* Writes the correct MAC under `tpk` into V of the ticket, and opens the ticket into `keys`. */
static bool mend_ticket(struct ticket_keys *keys)
{
	const struct mikey_payload *ticket = mikey_msg_find(&m, MIKEY_TICKET);
	struct mikey_msg_keys k;
	struct ticket_policy policy;
	struct ticket_data d;
	struct view body;
	uint8_t mac[32];

	if (!ticket || ticket_policy_read(&policy, ticket, NULL) ||
	    ticket_data_read(&d, ticket, NULL) ||
	    mikey_prf_ticket_keys(&k, policy.tp.prf, (struct view){.p = tpk, .n = 16}, d.rand))
		return false;
	body = ticket_body_bare(ticket);
	body.n -= d.v.u.v.mac.n;
	if (mikey_mac(d.v.u.v.alg, &k, &body, 1, mac))
		return false;
	put(d.v.u.v.mac, mac);
	return !ticket_open(keys, ticket, &policy, (struct view){.p = tpk, .n = 16}, NULL);
}

static struct view id_data(unsigned role)
{
	const struct mikey_payload *p = mikey_msg_idr(&m, role);

	return p ? p->u.idr.id.data : (struct view){0};
}

static void to_kms(const struct ticket_rules *rules, const struct mikey_env *env,
                   struct ticket_keys *keys)
{
	bool resolve = m.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PSK;
	const struct mikey_payload *v = mikey_msg_find(&m, MIKEY_V);
	struct view rand = mikey_msg_rand_of(&m, resolve ? MIKEY_ROLE_R : MIKEY_ROLE_I), none = {0};
	struct view parts[3] = {m.octets, id_data(resolve ? MIKEY_ROLE_R : MIKEY_ROLE_I),
	                        id_data(MIKEY_ROLE_KMS)};
	struct authority_peer peer = {.psk = {.p = psk, .n = 16}, .owns_sender = true};
	struct authority_resolution how = {
		.tpk = {.p = tpk, .n = 16}, .tpk_is_kms = true, .may_resolve = true};
	struct ticket_tpk key = {.key = {.p = tpk, .n = 16}};
	struct mikey_msg_keys k;
	struct authority *a;
	struct view out;
	uint8_t mac[32], room[512];

	if (resolve)
		(void)mend_ticket(keys);
	if (!v || mikey_prf_msg_keys(&k, &(struct mikey_msg_seed){m.hdr.prf, peer.psk, m.hdr.csb_id,
	                                                          1, resolve ? none : rand,
	                                                          resolve ? rand : none}))
		return;
	parts[0].n -= v->u.v.mac.n;
	if (!mikey_mac(v->u.v.alg, &k, parts, 3, mac))
		put(v->u.v.mac, mac);
	if (authority_new(&a, rules, m.octets, now, NULL))
		return;
	if (!authority_verify(a, &peer, NULL) &&
	    (resolve ? authority_resolve(a, &how, env, &out, NULL)
	             : authority_grant(a, NULL, &key, env, &out, NULL)))
		CHECK(!authority_error(a, m.octets, MIKEY_E_TPPAR, env, wr_make(room, sizeof(room)),
		                       &out));
	authority_free(a);
}

static void to_responder(const struct ticket_rules *rules, const struct mikey_env *env,
                         struct ticket_keys *keys)
{
	const struct mikey_payload *v = mikey_msg_find(&m, MIKEY_V),
				   *called = mikey_msg_idr(&m, MIKEY_ROLE_R);
	struct ticket_responder_params params = {.rules = rules, .n_me = 1, .now_ntp = now};
	struct view parts[4] = {{0}, {0}, id_data(MIKEY_ROLE_I), id_data(MIKEY_ROLE_R)}, reply,
		    again;
	struct ticket_policy policy;
	struct mikey_msg_keys k;
	struct ticket_responder *a;
	struct ticket_csb *csb = NULL;
	enum csb_outcome outcome;
	uint8_t mac[32];

	if (!v || !called || !mend_ticket(keys) || csb_mac_parts(&m, parts, NULL) ||
	    ticket_policy_read(&policy, mikey_msg_find(&m, MIKEY_TICKET), NULL) ||
	    mikey_prf_msg_keys(
		    &k,
		    &(struct mikey_msg_seed){m.hdr.prf,
	                                     (struct view){.p = keys->mpki, .n = keys->mpk_len},
	                                     m.hdr.csb_id, 1, mikey_msg_rand_of(&m, MIKEY_ROLE_I),
	                                     (struct view){0}}) ||
	    mikey_mac(v->u.v.alg, &k, parts, 4, mac))
		return;
	put(v->u.v.mac, mac);
	params.me = &called->u.idr.id;
	if (ticket_responder_new(&a, &params, m.octets, NULL))
		return;
	if (!ticket_responder_open(a, (struct view){.p = tpk, .n = 16},
	                           policy.tp.flags & TICKET_D ? policy.idr_kms : policy.idr_i,
	                           NULL) &&
	    !ticket_responder_finish(a, NULL, env, &csb, &reply, NULL)) {
		CHECK(!ticket_csb_receive(csb, m.octets, env, &outcome, &again, NULL) &&
		      outcome == CSB_UNCHANGED);
		CHECK(view_eq(reply, again));
	}
	ticket_csb_free(csb);
	ticket_responder_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t last = 0;
	struct mikey_env env = {.now_ntp = now, .last_ntp = &last, .random = sevens};
	struct ticket_keys *keys;
	struct ticket_rules rules;

	ticket_rules_init(&rules);
	if (size > sizeof(octets))
		return 0;
	memcpy(octets, data, size);
	if (mikey_msg_read(&m, (struct view){.p = octets, .n = size}, NULL))
		return 0;
	keys = ticket_keys_new();
	if (keys && m.hdr.data_type == MIKEY_DT_TRANSFER_INIT)
		to_responder(&rules, &env, keys);
	else if (keys)
		to_kms(&rules, &env, keys);
	ticket_keys_free(keys);
	return 0;
}
