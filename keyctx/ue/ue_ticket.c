/* SPDX-License-Identifier: MIT */
/* Gets, saves and loads the tickets of a terminal. */
#include "keyctx/ue/ue_ticket.h"

#include "base/clk.h"
#include "keyctx/ticket/request.h"

enum {
	/* Flags of all tickets that this terminal makes or requests: they require an answer and
	 * random values of both sides. A ticket that the KMS resolves also forks its keys. */
	FLAGS_ALL = TICKET_F | TICKET_G | TICKET_H | TICKET_N | TICKET_O,
	FLAGS_RESOLVED = FLAGS_ALL | TICKET_E | TICKET_I,
	/* TRANSFER_RESP, and the flags that need it (RFC 6043 6.10). Without it the keys are not
	 * forked: the offerer would not learn who has which keys. */
	FLAGS_OF_RESPONSE = TICKET_F | TICKET_G | TICKET_I,
};

/* The ticket flags of each mode (RFC 6043 4.1.1). A ticket without flag D needs flag L (6.10).
 * Forking (flag I) needs a KMS that resolves the ticket (flag E). */
static const uint16_t mode_flags[5] = {
	[1] = FLAGS_RESOLVED | TICKET_D,
	[2] = FLAGS_ALL | TICKET_D,
	[3] = FLAGS_RESOLVED | TICKET_L,
	[4] = FLAGS_ALL | TICKET_L,
};

static enum err request(struct ticket_grant **out, const struct ue_identity *id,
                        const struct ticket_policy_spec *policy, struct ue_env *env,
                        struct why *why)
{
	struct ticket_request_params params = {.rules = &id->rules,
	                                       .cred = &id->cred,
	                                       .me = id->me,
	                                       .kms = id->kms,
	                                       .policy = policy};
	struct ticket_request *request = NULL;
	struct mikey_fault fault = {0};
	struct buf answer = {0};
	enum err e = ticket_request_new(&request, &params, &env->mikey, &fault);

	if (e)
		return ue_tell(why, e, &fault, "the request for a ticket can't be built");
	e = env->ask(env->ask_ctx, UE_TICKET_REQUEST, ticket_request_octets(request), &answer, why);
	if (!e) {
		e = ticket_request_receive(request, buf_as_view(&answer), out, &fault);
		if (e)
			ue_tell_kms(why, e, &fault, "the KMS grants no ticket", env);
	}
	if (!e && policy->flags & TICKET_F && !((*out)->policy.tp.flags & TICKET_F)) {
		ticket_grant_free(*out);
		*out = NULL;
		e = why_fail(why, ERR_UNSUPPORTED,
		             "the KMS granted a ticket that does not allow an answer (flag F is "
		             "not set)");
	}
	buf_free(&answer);
	ticket_request_free(request);
	return e;
}

/* Finds the key that protects a ticket made by this terminal: shared with the KMS (mode 3), or with
 * the called side (mode 4). */
static enum err own_tpk(const struct ue_identity *id, const struct ue_ticket_wish *wish,
                        struct ticket_tpk *out, struct why *why)
{
	if (wish->mode == 3) {
		*out = (struct ticket_tpk){.key = id->cred.psk, .id = id->cred.psk_id};
		return ERR_OK;
	}
	for (size_t i = 0; i < id->n_tpks; i++)
		if (mikey_id_eq(id->tpks[i].owner, wish->r[0])) {
			*out = id->tpks[i].tpk;
			return ERR_OK;
		}
	return why_fail(why, ERR_NOT_FOUND,
	                "mode 4 needs a key shared with the called side, but ticket_keys of the "
	                "credentials has none");
}

enum err ue_ticket_get(struct ticket_grant **out, const struct ue_identity *id,
                       const struct ue_ticket_wish *wish, struct ue_env *env, struct why *why)
{
	uint64_t end_s = clk_ntp_to_wall(env->mikey.now_ntp) / NS_PER_S + wish->lifetime_s;
	uint16_t type = wish->ticket_type ? wish->ticket_type : id->rules.ticket_type;
	struct ticket_policy_spec policy = {.ticket_type = type,
	                                    .prf = id->rules.algs.prf,
	                                    .idr_kms = id->kms,
	                                    .idr_i = id->me,
	                                    .has_end = true,
	                                    .r = wish->r,
	                                    .n_r = wish->n_r};
	struct ticket_tpk tpk = {0};
	struct mikey_fault fault = {0};
	const char *conflict;
	enum err e = ue_identity_check(id, env, why);

	if (e)
		return e;
	if (wish->mode < 1 || wish->mode > 4)
		return why_fail(why, ERR_INVALID, "mode %u does not exist; must be 1 to 4",
		                wish->mode);
	if (type > 31 || !(id->rules.accept_types >> type & 1))
		return why_fail(why, ERR_UNSUPPORTED,
		                "a ticket of type %u is not requested, because this terminal does "
		                "not accept one; add %u to ticket_types of the credentials",
		                type, type);
	/* The KMS needs the PSK to open a ticket of mode 3, so the ticket must not outlive the
	 * PSK. */
	if (wish->mode == 3 && id->until_s && end_s > id->until_s)
		end_s = id->until_s;
	policy.end = ticket_ts_32(clk_wall_to_ntp(end_s * NS_PER_S));
	policy.flags = (uint16_t)(mode_flags[wish->mode] | (wish->reuse ? TICKET_J : 0) |
	                          (wish->initiator_rekeys ? TICKET_L : 0) |
	                          (wish->responder_rekeys ? TICKET_M : 0));
	if (wish->no_response)
		policy.flags &= (uint16_t)~FLAGS_OF_RESPONSE;
	conflict = ticket_flags_conflict(policy.flags, true);
	if (conflict)
		return why_fail(why, ERR_INVALID, "the ticket can't have these flags: %s",
		                conflict);
	if (wish->mode <= 2)
		return request(out, id, &policy, env, why);
	e = own_tpk(id, wish, &tpk, why);
	if (e)
		return e;
	e = ticket_create(out, &policy, &tpk, id->rules.algs, &env->mikey, &fault);
	return e ? ue_tell(why, e, &fault, "the ticket can't be made") : ERR_OK;
}

enum err ue_ticket_save(const struct ticket_grant *g, const struct mikey_env *env, struct wr *w)
{
	struct mikey_keys *packed = mikey_keys_new();
	bool forking = g->policy.tp.flags & TICKET_I;
	size_t at;
	enum err e = packed ? ticket_keys_pack(packed, g->keys, forking, env) : ERR_NOMEM;

	if (!e) {
		wr_u16(w, (uint16_t)g->body.n);
		wr_view(w, g->body);
		wr_u8(w, forking);
		at = wr_len(w);
		wr_u16(w, 0);
		mikey_keys_write(w, packed);
		wr_patch_u16(w, at, (uint16_t)(wr_len(w) - at - 2));
	}
	mikey_keys_free(packed);
	return !e && !wr_ok(w) ? ERR_TOO_BIG : e;
}

enum err ue_ticket_load(struct ticket_grant **out, struct rd *r)
{
	struct view body = rd_octets(r, rd_u16(r));
	bool forking = rd_u8(r);
	struct view octets = rd_octets(r, rd_u16(r));
	struct mikey_keys *packed = mikey_keys_new();
	struct ticket_keys *keys = ticket_keys_new();
	enum err e = packed && keys ? ERR_OK : ERR_NOMEM;

	if (!e && !rd_ok(r))
		e = ERR_SYNTAX;
	if (!e)
		e = mikey_keys_read(packed, octets, 0, NULL);
	if (!e)
		e = ticket_keys_unpack(keys, packed, forking, NULL);
	if (!e)
		e = ticket_grant_new(out, body, keys, NULL);
	ticket_keys_free(keys);
	mikey_keys_free(packed);
	return e;
}
