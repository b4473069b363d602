/* SPDX-License-Identifier: MIT */
/* Answers the offers that a terminal receives. */
#include "keyctx/ue/answer.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/responder.h"
#include "keyctx/ue/seen.h"

enum { NAMES_MAX = 16 };

/* One MIKEY message of the offer, and its answer. */
struct answered_part {
	struct ue_session_part *kept;
	struct view octets; /* TRANSFER_RESP; points into kept->csb */
};

/* The marks of all messages of the offer. */
struct marks {
	struct ue_mark v[UE_MARKS_MAX];
	size_t n;
};

enum {
	NO_ERROR = -1, /* the failure is not the caller's concern: no MIKEY Error is sent */
	REFUSAL_MAX = 2048,
};

/* Gets the keys from the KMS. On failure `*no` is the number for a MIKEY Error, or NO_ERROR. */
static enum err resolve(struct ticket_responder *answer, const struct ue_identity *id,
                        struct ue_env *env, int *no, struct why *why)
{
	struct ticket_resolve_params params = {.rules = &id->rules,
	                                       .cred = &id->cred,
	                                       .me = id->me,
	                                       .kms = id->kms,
	                                       .ticket = ticket_responder_ticket(answer)};
	struct ticket_resolution *resolution = NULL;
	struct ticket_resolve *question = NULL;
	struct mikey_fault fault = {0};
	struct buf reply = {0};
	enum err e = ticket_resolve_new(&question, &params, &env->mikey, &fault);

	*no = NO_ERROR;
	if (e)
		return ue_tell(why, e, &fault, "the request to resolve the ticket can't be built");
	e = env->ask(env->ask_ctx, UE_TICKET_RESOLVE, ticket_resolve_octets(question), &reply, why);
	if (!e) {
		e = ticket_resolve_receive(question, buf_as_view(&reply), &resolution, &fault);
		if (e)
			ue_tell_kms(why, e, &fault, "the KMS does not resolve the ticket", env);
		/* Only an authenticated Error of the KMS says something about the ticket. */
		*no = e == ERR_DENIED ? (int)fault.no : MIKEY_E_UNSPECIFIED;
	}
	if (!e) {
		e = ticket_responder_resolved(answer, resolution, &fault);
		if (e)
			ue_tell(why, e, &fault, "the offer is not authentic");
		*no = (int)fault.no;
	}
	ticket_resolution_free(resolution);
	buf_free(&reply);
	ticket_resolve_free(question);
	return e;
}

/* Opens a ticket of mode 2 or 4 with a key from the credentials. */
static enum err open_here(struct ticket_responder *answer, const struct ue_identity *id, int *no,
                          struct why *why)
{
	struct mikey_id wanted = ticket_responder_tpk_id(answer);
	struct mikey_fault fault = {0};
	enum err e;

	for (size_t i = 0; i < id->n_tpks; i++)
		if (mikey_id_eq(id->tpks[i].tpk.id, wanted)) {
			e = ticket_responder_open(answer, id->tpks[i].tpk.key, id->tpks[i].owner,
			                          &fault);
			*no = (int)fault.no;
			return e ? ue_tell(why, e, &fault, "the ticket can't be opened") : ERR_OK;
		}
	*no = MIKEY_E_TICKET;
	return why_fail(why, ERR_NOT_FOUND,
	                "the ticket needs a key of this terminal, but ticket_keys of the "
	                "credentials has no key with its id");
}

/* Compares the key management protocols in the SDP with the list that the caller's message protects
 * (RFC 4567 4.1.4): a SIP hop may have removed one. Call it only after the offer is
 * authenticated. */
static enum err check_protocols(const struct ticket_responder *answer, const struct sdp *s,
                                int section, struct why *why)
{
	const struct mikey_msg *m = ticket_responder_msg(answer);
	char offered[256];

	if (ue_desc_protocols(s, section, offered, sizeof(offered)))
		return why_fail(why, ERR_TOO_BIG,
		                "too many key management protocols in one section of the SDP");
	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].type == MIKEY_EXT && m->p[i].u.ext.kind == MIKEY_EXT_SDP_IDS)
			return str_is(str_make((const char *)m->p[i].u.ext.data.p,
			                       m->p[i].u.ext.data.n),
			              offered)
			               ? ERR_OK
			               : why_fail(why, ERR_AUTH,
			                          "the key management protocols in the SDP differ "
			                          "from those the caller offered");
	return why_fail(why, ERR_AUTH,
	                "the offer has no SDP IDs extension, which protects its list of protocols");
}

static enum err check_sessions(const struct ticket_responder *answer, const struct ue_part *at,
                               unsigned n_media, struct why *why)
{
	const struct mikey_msg *m = ticket_responder_msg(answer);

	for (unsigned i = 0; i < n_media; i++)
		for (unsigned side = 0; side < 2; side++)
			if (at->lines & 1u << i && !mikey_msg_cs(m, ue_part_cs(at, i, side)))
				return why_fail(why, ERR_UNSUPPORTED,
				                "crypto session %u for m= line %u is missing: each "
				                "m= line needs two",
				                ue_part_cs(at, i, side), i + 1);
	return ERR_OK;
}

static enum err get_keys(struct ticket_responder *answer, const struct ue_identity *id,
                         struct ue_env *env, int *no, struct why *why)
{
	return ticket_responder_must_resolve(answer) ? resolve(answer, id, env, no, why)
	                                             : open_here(answer, id, no, why);
}

/* Returns true if the failure is one of this terminal or its network, not of the offer. */
static bool is_own_failure(enum err e)
{
	return e == ERR_NOMEM || e == ERR_IO || e == ERR_TIMEOUT || e == ERR_CLOSED ||
	       e == ERR_CRYPTO || e == ERR_BUSY || e == ERR_LIMIT;
}

/* Makes all m-lines of `local` refused ones, and writes the Error into `section`. */
static enum err write_refusal(struct sdp *local, int section, struct view error)
{
	enum err e = ERR_OK;

	for (unsigned m = 0; m < local->n_media && !e; m++)
		e = sdp_media_set(local, m, 0, str_of(sdp_profile_name(local->media[m].profile)));
	return e ? e : ue_desc_put(local, section, error, NULL);
}

/* What is refused: `answer` is NULL if ticket_responder_new refused the offer. */
struct refused {
	struct ticket_responder *answer;
	struct view offer;
	int section, no;
};

/* Answers the offer with a MIKEY Error (RFC 6043 5.4). If that fails, there is no answer. */
static void refuse(const struct ue_answering *x, const struct refused *r, struct ue_env *env)
{
	struct csmap_policy policies[SUITE_COUNT];
	struct ticket_responder_refusal refusal = {.no = (enum mikey_error)r->no,
	                                           .policies = policies};
	unsigned prf = r->offer.n > 3 ? r->offer.p[3] & 0x7f : 0;
	bool is_policy = r->no == MIKEY_E_SP || r->no == MIKEY_E_SPPAR;
	uint8_t room[REFUSAL_MAX];
	struct wr w = wr_make(room, sizeof(room));
	struct view octets;
	enum err e;

	/* The caller learns which policies it may offer instead. */
	for (unsigned i = 0; i < SUITE_COUNT && is_policy; i++) {
		struct csmap_policy *p = &policies[refusal.n_policies];

		csmap_policy_from_suite(p, (unsigned)refusal.n_policies,
		                        suite_get(suite_best_first[i]));
		refusal.n_policies += csmap_policy_fits(p, prf);
	}
	e = r->answer ? ticket_responder_error(r->answer, &refusal, &env->mikey, w, &octets)
	              : ticket_responder_error_to(r->offer, &refusal, &env->mikey, w, &octets);
	if (e || write_refusal(x->local, r->section, octets))
		return;
	x->refusal->is_written = true;
	x->refusal->no = refusal.no;
}

/* Without TRANSFER_RESP (F=0) the offer has chosen the SSRCs: the description must not have others.
 */
static enum err check_ssrcs(const struct answered_part *part, const struct sdp *local,
                            struct why *why)
{
	const struct ue_part *at = &part->kept->at;

	for (unsigned m = 0; m < local->n_media; m++) {
		const struct csmap_session *cs =
			at->lines & 1u << m
				? ticket_csb_find(part->kept->csb, ue_part_cs(at, m, false))
				: NULL;
		uint32_t ssrc;

		if (cs && ue_desc_ssrc(local, m, &ssrc) && ssrc != cs->ssrc)
			return why_fail(why, ERR_INVALID,
			                "a=ssrc of m= line %u is %u, must be %u or missing: the "
			                "offer chooses the SSRC, because the ticket has no "
			                "TRANSFER_RESP (flag F is not set)",
			                m + 1, ssrc, cs->ssrc);
	}
	return ERR_OK;
}

/* Makes TRANSFER_RESP, if the ticket has one, with the SSRCs of this terminal's description. */
static enum err finish(struct ticket_responder *answer, struct answered_part *part,
                       const struct sdp *local, struct ue_env *env, struct why *why)
{
	struct ticket_cs own[SDP_MEDIA_MAX];
	struct ticket_responder_choice choice = {.cs = own};
	struct mikey_fault fault = {0};
	enum err e;

	for (unsigned m = 0; m < local->n_media; m++) {
		struct ticket_cs cs = {.cs_id = ue_part_cs(&part->kept->at, m, false),
		                       .has_ssrc = true};

		if (part->kept->at.lines & 1u << m && ue_desc_ssrc(local, m, &cs.ssrc))
			own[choice.n_cs++] = cs;
	}
	e = ticket_responder_finish(answer, &choice, &env->mikey, &part->kept->csb, &part->octets,
	                            &fault);
	if (e)
		return ue_tell(why, e, &fault, "the answer can't be made");
	return part->octets.n ? ERR_OK : check_ssrcs(part, local, why);
}

static enum err answer_part(struct answered_part *part, const struct ue_answering *x,
                            struct marks *marks, struct ue_env *env, struct why *why)
{
	const struct ue_identity *id = x->id;
	const struct ue_part *at = &part->kept->at;
	struct mikey_id names[NAMES_MAX] = {id->me};
	struct ticket_responder_params params = {.rules = &id->rules,
	                                         .me = names,
	                                         .n_me = 1,
	                                         .app = id->app,
	                                         .now_ntp = env->mikey.now_ntp};
	struct refused r = {.section = at->section, .no = NO_ERROR};
	struct keymgmt message = {0};
	struct mikey_fault fault = {0};
	enum err e = ue_desc_get(x->offer, at->section, &message, why);

	r.offer = (struct view){message.octets, message.len};
	for (size_t i = 0; i < id->n_groups && params.n_me < NAMES_MAX; i++)
		names[params.n_me++] = id->groups[i];
	if (!e) {
		e = ticket_responder_new(&r.answer, &params, r.offer, &fault);
		if (e)
			ue_tell(why, e, &fault, "the offer is refused");
		r.no = (int)fault.no;
	}
	if (!e) {
		e = check_sessions(r.answer, at, x->offer->n_media, why);
		r.no = MIKEY_E_UNSPECIFIED;
	}
	if (!e)
		e = get_keys(r.answer, id, env, &r.no, why);
	if (!e) {
		e = check_protocols(r.answer, x->offer, at->section, why);
		r.no = MIKEY_E_AUTH;
	}
	if (!e) {
		e = ue_seen_marks(r.answer, id->rules.skew_s, marks->v, &marks->n);
		if (e)
			why_fail(why, e, "the offer cannot be entered in the replay cache: %s",
			         err_meaning(e));
		r.no = MIKEY_E_UNSPECIFIED;
	}
	if (!e)
		e = finish(r.answer, part, x->local, env, why);
	if (e && x->refusal && r.no != NO_ERROR && !is_own_failure(e))
		refuse(x, &r, env);
	ticket_responder_free(r.answer);
	keymgmt_clear(&message);
	return e;
}

/* Enters the offer in the replay cache; refuses one that is there already. */
static enum err remember(const struct ue_answering *x, const struct marks *marks, int section,
                         struct ue_env *env, struct why *why)
{
	struct refused r = {.section = section};
	struct keymgmt message = {0};
	enum err e;

	if (!env->remember)
		return why_fail(
			why, ERR_INVALID,
			"an offer with a ticket needs a replay cache, but this terminal has "
			"none");
	e = env->remember(env->remember_ctx, marks->v, marks->n, why);
	if (!x->refusal || (e != ERR_REPLAY && e != ERR_EXPIRED && e != ERR_DENIED) ||
	    ue_desc_get(x->offer, section, &message, NULL))
		return e;
	r.offer = (struct view){message.octets, message.len};
	r.no = e == ERR_DENIED ? MIKEY_E_TPPAR : MIKEY_E_TS;
	refuse(x, &r, env);
	keymgmt_clear(&message);
	return e;
}

static enum err answer_parts(struct ue_session *s, const struct ue_answering *x, struct ue_env *env,
                             struct why *why)
{
	struct ue_part at[SDP_MEDIA_MAX + 1];
	struct answered_part parts[SDP_MEDIA_MAX + 1] = {{0}};
	struct marks marks = {.n = 0};
	unsigned n = 0;
	enum err e = ue_desc_parts(x->offer, at, &n, why);

	if (!e)
		e = ue_identity_check(x->id, env, why);
	for (unsigned i = 0; i < n && !e; i++) {
		parts[i].kept = &s->parts[s->n_parts++];
		parts[i].kept->at = at[i];
		e = answer_part(&parts[i], x, &marks, env, why);
	}
	if (!e)
		e = remember(x, &marks, at[0].section, env, why);
	for (unsigned i = 0; i < n && !e; i++)
		if (parts[i].octets.n)
			e = ue_desc_put(x->local, at[i].section, parts[i].octets, why);
	return e;
}

static enum err answer_line(struct ue_session_line *l, unsigned m, const struct ue_answering *x,
                            struct ue_env *env, struct why *why)
{
	struct sdes_list *list = secret_alloc(sizeof(*list));
	const struct sdes_line *first = NULL;
	struct sdes_policy policy;
	uint8_t ssrc[4];
	char text[160];
	enum err e = list ? ERR_OK : ERR_NOMEM;

	ue_sdes_policy(&policy);
	if (!e)
		e = sdes_list_parse(list, x->offer, m, &policy);
	if (!e)
		first = sdes_list_first(list);
	if (e)
		why_fail(why, e, "a=crypto of m= line %u: %s", m + 1, err_meaning(e));
	else if (!first)
		e = why_fail(why, ERR_DENIED, "a=crypto of m= line %u: %s", m + 1,
		             sdes_list_describe(list, text, sizeof(text)));
	if (!e && (sdes_answer_make(&l->own, first, list, 0) || sdes_line_copy(&l->peer, first) ||
	           sdes_line_write(x->local, m, &l->own, true)))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e && !ue_desc_ssrc(x->local, m, &l->ssrc)) {
		e = env->mikey.random(env->mikey.random_ctx, "ssrc", ssrc, sizeof(ssrc));
		l->ssrc = be32_get(ssrc);
	}
	if (list)
		sdes_list_clear(list);
	secret_free(list);
	return e;
}

enum err ue_answer_new(struct ue_session **out, const struct ue_answering *x, struct ue_env *env,
                       struct why *why)
{
	bool has_lines = x->protection == UE_E2E_SDES || x->protection == UE_E2AE;
	struct ue_session *s;
	enum err e;

	if (x->local->n_media != x->offer->n_media)
		return why_fail(why, ERR_INVALID,
		                "the answer has %u m= lines; it must have %u, as the offer has",
		                x->local->n_media, x->offer->n_media);
	if (x->refusal)
		*x->refusal = (struct ue_refusal){.is_written = false};
	s = ue_session_new(x->protection, false, x->offer->n_media);
	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = ue_desc_prepare(x->local, x->protection != UE_NONE, why);
	if (!e && x->protection == UE_E2E_KMS)
		e = answer_parts(s, x, env, why);
	for (unsigned m = 0; m < x->offer->n_media && !e && has_lines; m++)
		e = answer_line(&s->lines[m], m, x, env, why);
	if (e)
		ue_session_free(s);
	else
		*out = s;
	return e;
}

struct mikey_id ue_answer_caller(const struct sdp *offer, uint8_t *room, size_t room_n)
{
	struct mikey_msg *m = mem_alloc(sizeof(*m));
	const struct mikey_payload *p = NULL;
	struct mikey_id id = {0};
	struct keymgmt k = {0};

	if (m && offer->n_media && !keymgmt_find(&k, offer, 0, "mikey") &&
	    !mikey_msg_read(m, (struct view){k.octets, k.len}, NULL))
		p = mikey_msg_idr(m, MIKEY_ROLE_I);
	if (p && p->u.idr.id.data.n <= room_n) {
		memcpy(room, p->u.idr.id.data.p, p->u.idr.id.data.n);
		id = (struct mikey_id){
			.type = p->u.idr.id.type,
			.data = {.p = room, .n = p->u.idr.id.data.n},
		};
	}
	keymgmt_clear(&k);
	mem_free(m);
	return id;
}
