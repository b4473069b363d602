/* SPDX-License-Identifier: MIT */
/* Ticket offers and answers of a terminal. */
#include "cmd/sluice-ue/call.h"

#include <stdio.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/clk.h"
#include "cmd/sluice-ue/ask.h"
#include "cmd/sluice-ue/media.h"
#include "cmd/sluice-ue/memo.h"
#include "control/repeat.h"
#include "keyctx/ticket/answer.h"
#include "keyctx/ticket/offer.h"
#include "keyctx/ticket/request.h"

enum {
	/* What every ticket of ours wants: resolved at the KMS, answered, both random values, forked keys. */
	FLAGS_BOTH = TICKET_E | TICKET_F | TICKET_G | TICKET_H | TICKET_I | TICKET_N | TICKET_O,
	FLAGS_1 = FLAGS_BOTH | TICKET_D,
	FLAGS_3 = FLAGS_BOTH | TICKET_L, /* without D, L is a must (RFC 6043 6.10) */
};

/* Odd crypto sessions carry what the initiator sends, even ones what the responder does; two for each m-line (no text says so: a reading). */
static uint8_t cs_of(unsigned media, bool of_initiator)
{
	return (uint8_t)(2 * media + (of_initiator ? 1 : 2));
}

static enum err tell(struct why *why, enum err e, const struct mikey_fault *fault, const char *what)
{
	return why_fail(why, e, "%s: %s (%s)", what, fault->why.text[0] ? fault->why.text : err_meaning(e), mikey_error_name(fault->no));
}

/* Time and random octets of one run. */
struct surroundings {
	struct repeat *repeat;
	uint64_t last_ntp;
	struct mikey_env env;
};

static enum err surroundings_init(struct surroundings *s, struct why *why)
{
	enum err e;

	*s = (struct surroundings){0};
	e = repeat_new(&s->repeat, why);
	if (!e)
		s->env = (struct mikey_env){.now_ntp = clk_wall_to_ntp(repeat_wall_ns(s->repeat)), .last_ntp = &s->last_ntp,
		                            .random = repeat_random, .random_ctx = s->repeat};
	return e;
}

/* --- the offerer ------------------------------------------------------------------------------------- */

static enum err request_ticket(struct ticket_grant **out, const struct account *a, const struct ticket_policy_spec *policy,
                               const struct mikey_env *env, struct why *why)
{
	struct mikey_cred cred = account_cred(a);
	struct ticket_request_params params = {.rules = &a->rules, .cred = &cred, .me = policy->idr_i, .kms = policy->idr_kms, .policy = policy};
	struct ticket_request *request = NULL;
	struct mikey_fault fault = {0};
	struct buf answer = {0};
	enum err e = ticket_request_new(&request, &params, env, &fault);

	if (e)
		return tell(why, e, &fault, "REQUEST_INIT");
	e = ask_kms(&answer, a, ASK_TICKET_REQUEST, ticket_request_octets(request), why);
	if (!e) {
		e = ticket_request_answer(request, buf_as_view(&answer), out, &fault);
		if (e)
			tell(why, e, &fault, "the KMS grants no ticket");
	}
	if (!e && !((*out)->policy.tp.flags & TICKET_F)) {
		ticket_grant_free(*out);
		*out = NULL;
		e = why_fail(why, ERR_UNSUPPORTED, "the KMS grants a ticket that wants no answer");
	}
	buf_free(&answer);
	ticket_request_free(request);
	return e;
}

static enum err get_ticket(struct ticket_grant **out, const struct account *a, const struct call_wish *wish, struct mikey_id peer,
                           const struct mikey_env *env, struct why *why)
{
	uint64_t end_ns = clk_ntp_to_wall(env->now_ntp) + wish->lifetime_s * NS_PER_S;
	struct ticket_policy_spec policy = {
		.prf = a->rules.algs.prf, .flags = wish->mode == 1 ? FLAGS_1 : FLAGS_3, .idr_kms = kms_name_id(a->kms),
		.idr_i = kms_name_id(a->name), .has_end = true, .end = ticket_ts_32(clk_wall_to_ntp(end_ns)), .r = &peer, .n_r = 1,
	};
	struct ticket_tpk tpk = {.key = {a->psk.octets, a->psk.len}, .id = kms_name_id(a->psk_id)};
	struct mikey_fault fault = {0};
	enum err e;

	if (wish->mode == 1)
		return request_ticket(out, a, &policy, env, why);
	e = ticket_create(out, &policy, &tpk, a->rules.algs, env, &fault);
	return e ? tell(why, e, &fault, "the ticket can't be made") : ERR_OK;
}

/* TRANSFER_INIT of a memo: the same octets each time its tape is played. */
static enum err make_offer(struct ticket_offer **out, struct memo *m, struct why *why)
{
	static const char protocols[] = "mikey";
	struct ticket_rules rules;
	struct csmap_policy policy;
	struct ticket_cs cs[2 * SDP_MEDIA_MAX];
	uint64_t last = m->last_ntp;
	struct mikey_env env = {.now_ntp = m->now_ntp, .last_ntp = &last, .random = memo_tape_random, .random_ctx = &m->tape};
	struct mikey_fault fault = {0};
	struct ticket_offer_params params = {
		.rules = &rules, .grant = m->grant, .me = m->me, .peer = m->peer, .cs = cs, .n_cs = 2u * m->n_media, .policies = &policy,
		.n_policies = 1, .sdp_ids = {(const uint8_t *)protocols, sizeof protocols - 1},
	};
	enum err e;

	ticket_rules_init(&rules);
	rules.algs = m->is_256 ? mikey_algs_256 : mikey_algs_128;
	csmap_policy_from_suite(&policy, 0, suite_get(m->suite));
	for (unsigned i = 0; i < m->n_media; i++) {
		cs[2 * i] = (struct ticket_cs){.cs_id = cs_of(i, true), .n_policies = 1, .has_ssrc = true, .ssrc = m->ssrc[i]};
		cs[2 * i + 1] = (struct ticket_cs){.cs_id = cs_of(i, false), .n_policies = 1};
	}
	e = ticket_offer_new(out, &params, &env, &fault);
	return e ? tell(why, e, &fault, "TRANSFER_INIT") : ERR_OK;
}

static enum err take_ssrcs(struct memo *m, const struct sdp *s, const struct mikey_env *env, struct why *why)
{
	char name[24];
	uint8_t ssrc[4];

	m->n_media = (uint8_t)s->n_media;
	for (unsigned i = 0; i < s->n_media; i++) {
		if (media_ssrc(s, i, &m->ssrc[i]))
			continue;
		snprintf(name, sizeof name, "ssrc-cs%u", cs_of(i, true));
		if (env->random(env->random_ctx, name, ssrc, sizeof ssrc))
			return why_fail(why, ERR_CRYPTO, "no random octets for %s", name);
		m->ssrc[i] = be32_get(ssrc);
	}
	return ERR_OK;
}

enum err call_offer(const struct account *a, const struct call_wish *wish, const char *local, const char *out, const char *state,
                    struct why *why)
{
	struct surroundings around;
	struct memo m = {.is_256 = a->rules.algs.prf == MIKEY_PRF_SHA256, .suite = (uint8_t)wish->suite->id, .me = kms_name_id(a->name)};
	struct ticket_offer *offer = NULL;
	struct sdp *s = NULL;
	uint8_t room[KMS_NAME_MAX];
	enum err e = surroundings_init(&around, why);

	if (e)
		return e;
	e = kms_name_parse(str_of(wish->peer), MIKEY_ID_URI, room, sizeof room, &m.peer);
	if (e)
		why_fail(why, e, "--to: an identity like sip:bob@home2.example is wanted");
	if (!e)
		e = media_read(&s, local, why);
	if (!e)
		e = take_ssrcs(&m, s, &around.env, why);
	if (!e)
		e = get_ticket(&m.grant, a, wish, m.peer, &around.env, why);
	if (!e) {
		m.now_ntp = around.env.now_ntp;
		m.last_ntp = around.last_ntp;
		m.tape.source = &around.env;
		e = make_offer(&offer, &m, why);
	}
	if (!e) {
		m.offer = ticket_offer_octets(offer);
		e = memo_write(&m, state, &around.env, why);
	}
	if (!e) {
		e = media_write(s, m.offer, out, why);
		if (e)
			unlink(state);
	}
	ticket_offer_free(offer);
	memo_clear(&m);
	sdp_free(s);
	repeat_free(around.repeat);
	return e;
}

enum err call_finish(const char *state, const char *answer, struct ticket_csb **csb, struct why *why)
{
	struct memo m = {0};
	struct ticket_offer *offer = NULL;
	struct keymgmt message = {0};
	struct sdp *s = NULL;
	struct mikey_fault fault = {0};
	enum err e = memo_read(&m, state, why);

	if (!e)
		e = make_offer(&offer, &m, why);
	if (!e && !view_eq(ticket_offer_octets(offer), m.offer))
		e = why_fail(why, ERR_SYNTAX, "%s: does not give the offer that was sent", state);
	if (!e)
		e = media_read(&s, answer, why);
	if (!e)
		e = media_message(&message, s, why);
	if (!e) {
		e = ticket_offer_answer(offer, (struct view){message.octets, message.len}, csb, &fault);
		if (e)
			tell(why, e, &fault, "the answer is refused");
	}
	keymgmt_clear(&message);
	sdp_free(s);
	ticket_offer_free(offer);
	memo_clear(&m);
	return e;
}

/* --- the answerer ------------------------------------------------------------------------------------ */

static enum err resolve(struct ticket_answer *answer, const struct account *a, const struct mikey_env *env, struct why *why)
{
	struct mikey_cred cred = account_cred(a);
	struct ticket_resolve_params params = {.rules = &a->rules, .cred = &cred, .me = kms_name_id(a->name), .kms = kms_name_id(a->kms),
	                                       .ticket = ticket_answer_ticket(answer)};
	struct ticket_resolution *resolution = NULL;
	struct ticket_resolve *question = NULL;
	struct mikey_fault fault = {0};
	struct buf reply = {0};
	enum err e = ticket_resolve_new(&question, &params, env, &fault);

	if (e)
		return tell(why, e, &fault, "RESOLVE_INIT");
	e = ask_kms(&reply, a, ASK_TICKET_RESOLVE, ticket_resolve_octets(question), why);
	if (!e) {
		e = ticket_resolve_answer(question, buf_as_view(&reply), &resolution, &fault);
		if (e)
			tell(why, e, &fault, "the KMS does not resolve the ticket");
	}
	if (!e) {
		e = ticket_answer_resolved(answer, resolution, &fault);
		if (e)
			tell(why, e, &fault, "the offer is not authentic");
	}
	ticket_resolution_free(resolution);
	buf_free(&reply);
	ticket_resolve_free(question);
	return e;
}

/* Was another protocol offered, and taken out on the way (RFC 4567 4.1.4)? Only after the offer is authenticated. */
static enum err check_protocols(const struct ticket_answer *answer, const struct sdp *s, struct why *why)
{
	const struct mikey_msg *m = ticket_answer_msg(answer);
	char offered[256];

	if (media_protocols(s, offered, sizeof offered))
		return why_fail(why, ERR_TOO_BIG, "too many key management protocols");
	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].type == MIKEY_EXT && m->p[i].u.ext.kind == MIKEY_EXT_SDP_IDS)
			return str_is(str_make((const char *)m->p[i].u.ext.data.p, m->p[i].u.ext.data.n), offered)
			               ? ERR_OK
			               : why_fail(why, ERR_AUTH, "the protocols in the SDP are not those the caller offered");
	return why_fail(why, ERR_AUTH, "the offer does not protect its list of protocols (SDP IDs)");
}

static enum err check_shape(const struct ticket_answer *answer, const struct sdp *offer, const struct sdp *local, struct why *why)
{
	if (local->n_media != offer->n_media)
		return why_fail(why, ERR_INVALID, "%u m= lines answer %u", local->n_media, offer->n_media);
	if (ticket_answer_msg(answer)->n_cs != 2 * offer->n_media)
		return why_fail(why, ERR_UNSUPPORTED, "%zu crypto sessions for %u m= lines: two for each are wanted",
		                ticket_answer_msg(answer)->n_cs, offer->n_media);
	return ERR_OK;
}

static enum err answer_message(struct ticket_answer *answer, const struct account *a, const struct sdp *offer, const struct sdp *local,
                               const struct mikey_env *env, struct ticket_csb **csb, struct view *octets, struct why *why)
{
	struct ticket_cs own[SDP_MEDIA_MAX];
	struct ticket_answer_choice choice = {.cs = own};
	struct mikey_fault fault = {0};
	enum err e = check_shape(answer, offer, local, why);

	if (!e)
		e = resolve(answer, a, env, why);
	if (!e)
		e = check_protocols(answer, offer, why);
	if (e)
		return e;
	for (unsigned i = 0; i < local->n_media; i++) {
		struct ticket_cs cs = {.cs_id = cs_of(i, false), .has_ssrc = true};

		if (media_ssrc(local, i, &cs.ssrc))
			own[choice.n_cs++] = cs;
	}
	e = ticket_answer_finish(answer, &choice, env, csb, octets, &fault);
	return e ? tell(why, e, &fault, "TRANSFER_RESP") : ERR_OK;
}

enum err call_answer(const struct account *a, const char *offer, const char *local, const char *out, struct ticket_csb **csb,
                     struct why *why)
{
	struct surroundings around;
	struct mikey_id me = kms_name_id(a->name);
	struct ticket_answer_params params = {.rules = &a->rules, .me = &me, .n_me = 1};
	struct sdp *theirs = NULL, *ours = NULL;
	struct keymgmt message = {0};
	struct ticket_answer *answer = NULL;
	struct ticket_csb *made = NULL;
	struct mikey_fault fault = {0};
	struct view octets = {0};
	enum err e = surroundings_init(&around, why);

	if (e)
		return e;
	params.now_ntp = around.env.now_ntp;
	e = media_read(&theirs, offer, why);
	if (!e)
		e = media_read(&ours, local, why);
	if (!e)
		e = media_message(&message, theirs, why);
	if (!e) {
		e = ticket_answer_new(&answer, &params, (struct view){message.octets, message.len}, &fault);
		if (e)
			tell(why, e, &fault, "the offer is refused");
	}
	if (!e)
		e = answer_message(answer, a, theirs, ours, &around.env, &made, &octets, why);
	if (!e && !octets.n)
		e = why_fail(why, ERR_UNSUPPORTED, "the ticket wants no answer");
	if (!e)
		e = media_write(ours, octets, out, why);
	if (e)
		ticket_csb_free(made);
	else
		*csb = made;
	ticket_answer_free(answer);
	keymgmt_clear(&message);
	sdp_free(ours);
	sdp_free(theirs);
	repeat_free(around.repeat);
	return e;
}

/* --- for people -------------------------------------------------------------------------------------- */

static void show_key(const struct csmap_session *s)
{
	uint8_t key[MIKEY_KEY_MAX + MIKEY_KEY_MAX];
	char text[B64_TEXT_LEN(sizeof key) + 1];

	memcpy(key, s->master, s->master_len);
	memcpy(key + s->master_len, s->salt, s->salt_len);
	if (!b64_encode(key, (size_t)s->master_len + s->salt_len, true, text, sizeof text))
		printf(" inline:%s", text);
	secret_wipe(key, sizeof key);
	secret_wipe(text, sizeof text);
}

void call_show(const struct ticket_csb *csb, bool show_keys)
{
	/* Nothing of a key stays behind in stdio's own room. */
	if (show_keys)
		setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < ticket_csb_count(csb); i++) {
		const struct csmap_session *s = ticket_csb_session(csb, i);

		printf("cs=%u media=%u from=%s ssrc=%u suite=%s", s->cs_id, (s->cs_id - 1u) / 2 + 1, s->cs_id % 2 ? "offerer" : "answerer", s->ssrc,
		       s->suite ? s->suite->name : "unknown");
		if (show_keys)
			show_key(s);
		putchar('\n');
	}
}
