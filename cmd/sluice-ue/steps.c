/* SPDX-License-Identifier: MIT */
/* The steps of a call; each step is one command. */
#include "cmd/sluice-ue/steps.h"

#include <stdio.h>

#include "base/b64.h"
#include "cmd/sluice-ue/outside.h"
#include "cmd/sluice-ue/files.h"
#include "cmd/sluice-ue/report.h"
#include "cmd/sluice-ue/state.h"

/* Checks that an identity without a prefix ("nai:", "hex:") is a URI: it has a scheme and no
 * blanks. */
static bool is_name(struct mikey_id id)
{
	struct str text = str_make((const char *)id.data.p, id.data.n);

	return id.type != MIKEY_ID_URI ||
	       (str_find(text, ':') < text.n && str_find(text, ' ') == text.n);
}

enum err read_peer(struct mikey_id *out, uint8_t room[KMS_NAME_MAX], const char *text,
                   struct why *why)
{
	if (kms_name_parse(str_of(text), MIKEY_ID_URI, room, KMS_NAME_MAX, out) || !is_name(*out))
		return why_fail(why, ERR_SYNTAX,
		                "%s: must be an identity such as sip:bob@home2.example", text);
	return ERR_OK;
}

static struct ue_choosing choosing(const struct ue_options *o, const struct account *a,
                                   struct mikey_id peer)
{
	return (struct ue_choosing){
		.policy = &a->policy,
		.peer = peer,
		.user_has_said = o->user_has_said,
		.user = o->protection,
		.has_kms = account_has_kms(a),
		.network_does_e2ae = a->network_e2ae,
	};
}

/* --- printing --------------------------------------------------------------- */

static void show_key(struct report *r, const struct keyctx *k)
{
	uint8_t key[SUITE_MASTER_MAX];
	char text[B64_TEXT_LEN(sizeof(key)) + 1];
	size_t n = (size_t)k->suite->key_len + k->suite->salt_len;

	memcpy(key, k->key, k->suite->key_len);
	memcpy(key + k->suite->key_len, k->salt, k->suite->salt_len);
	if (!b64_encode(key, n, true, text, sizeof(text)))
		report_add(r, " inline:%s", text);
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
}

struct showing {
	struct report *report;
	const struct ue_session *session;
	bool keys; /* true: the lines include the keys */
};

static enum err show_stream(const struct showing *w, unsigned media, bool of_offerer,
                            struct why *why)
{
	struct ue_stream_key k = {0};
	enum err e =
		ue_session_key(w->session, media, of_offerer == w->session->is_offerer, &k, why);

	if (e)
		return e;
	report_add(w->report, "cs=%u media=%u from=%s", 2 * media + (of_offerer ? 1 : 2), media + 1,
	           of_offerer ? "offerer" : "answerer");
	if (k.ssrc)
		report_add(w->report, " ssrc=%u", k.ssrc);
	report_add(w->report, " suite=%s", k.key->suite->name);
	if (w->keys)
		show_key(w->report, k.key);
	report_add(w->report, "\n");
	keyctx_free(k.key);
	return ERR_OK;
}

/* Adds one line for each stream to the report. */
static enum err show_session(const struct showing *w, struct why *why)
{
	const struct ue_session *s = w->session;
	enum err e = ERR_OK;

	if (s->protection == UE_NONE)
		report_add(w->report, "protect=none\n");
	for (unsigned m = 0; m < s->n_media && !e && s->protection != UE_NONE; m++) {
		e = show_stream(w, m, true, why);
		if (!e)
			e = show_stream(w, m, false, why);
	}
	return e;
}

/* --- tickets ---------------------------------------------------------------- */

static struct ue_ticket_wish ticket_wish(const struct ue_options *o, const struct mikey_id *peers,
                                         size_t n)
{
	return (struct ue_ticket_wish){
		.mode = o->mode ? o->mode : 3,
		.ticket_type = (uint16_t)o->ticket_type,
		.r = peers,
		.n_r = n,
		.lifetime_s = o->lifetime_s,
		.no_response = o->no_response,
		.reuse = o->reuse,
		.initiator_rekeys = o->initiator_rekeys,
		.responder_rekeys = o->responder_rekeys,
	};
}

static void show_ticket(struct report *r, const struct ticket_grant *g)
{
	char text[TICKET_FLAGS_WORDS_MAX];

	report_add(r, "ticket type=%u flags=%s", g->policy.tp.ticket_type,
	           ticket_flags_words(g->policy.tp.flags, text, sizeof(text)));
	for (size_t i = 0; i < g->policy.n_r; i++)
		report_add(r, " for=%s", kms_name_print(g->policy.r[i], text, sizeof(text)));
	report_add(r, "\n");
}

static enum err request_into(const struct ue_options *o, struct account *a, struct outside *outside,
                             struct why *why)
{
	static uint8_t rooms[OPTIONS_PEERS_MAX][KMS_NAME_MAX];
	struct mikey_id peers[OPTIONS_PEERS_MAX];
	struct ue_ticket_wish wish = ticket_wish(o, peers, o->to.n);
	struct ticket_grant *grant = NULL;
	struct report r = {0};
	struct files f = {0};
	enum err e = ERR_OK;

	if (!o->mode)
		wish.mode = 1;
	if (!account_has_kms(a))
		return why_fail(why, ERR_INVALID,
		                "%s: must have psk and kms for a request to the KMS",
		                o->credentials);
	for (size_t i = 0; i < o->to.n && !e; i++)
		e = read_peer(&peers[i], rooms[i], o->to.v[i], why);
	if (!e)
		e = ue_ticket_get(&grant, &a->identity, &wish, &outside->env, why);
	if (!e)
		e = state_add_ticket(&f, o->ticket, (struct kept_ticket){grant, .is_used = false},
		                     &outside->env.mikey, why);
	if (!e)
		show_ticket(&r, grant);
	if (!e)
		e = files_commit(&f, &r, why);
	report_clear(&r);
	files_drop(&f);
	ticket_grant_free(grant);
	return e;
}

/* Loads the account, opens the environment, and runs the step `run` with both. */
static enum err with_account(const struct ue_options *o,
                             enum err (*run)(const struct ue_options *, struct account *,
                                             struct outside *, struct why *),
                             struct why *why)
{
	struct account a;
	struct outside outside;
	enum err e = account_load(&a, o->credentials, why);

	if (e)
		return e;
	e = outside_open(&outside, &a, why);
	if (!e)
		e = run(o, &a, &outside, why);
	outside_settle(&outside, !e);
	outside_close(&outside);
	account_clear(&a);
	return e;
}

enum err step_request(const struct ue_options *o, struct why *why)
{
	return with_account(o, request_into, why);
}

/* --- offer ------------------------------------------------------------------ */

static enum err offer_wish(const struct ue_options *o, const struct account *a,
                           struct ue_wish *wish, struct why *why)
{
	struct ue_choosing c = choosing(o, a, wish->peer);

	wish->suite = o->suite;
	wish->level = o->level;
	wish->ticket = ticket_wish(o, NULL, 0);
	return ue_choose_offer(&c, &wish->protection, why);
}

struct made_offer {
	const struct ue_offer *offer;
	const struct ue_wish *wish;
	const struct sdp *sdp;
};

/* The ticket comes first: a kill in the middle must not leave a used ticket that seems unused. */
static enum err write_offer(const struct ue_options *o, const struct made_offer *made,
                            struct outside *outside, struct why *why)
{
	struct report r = {0};
	struct files f = {0};
	enum err e = ERR_OK;

	if (made->wish->grant)
		e = state_add_ticket(&f, o->ticket,
		                     (struct kept_ticket){made->wish->grant, .is_used = true},
		                     &outside->env.mikey, why);
	if (!e)
		e = files_add_sdp(&f, o->files[1], made->sdp, false, why);
	if (!e)
		e = state_add_offer(&f, o->state, made->offer, &outside->env.mikey, why);
	report_add(&r, "protect=%s\n", ue_protection_name(made->wish->protection));
	if (!e)
		e = files_commit(&f, &r, why);
	report_clear(&r);
	files_drop(&f);
	return e;
}

static enum err offer_into(const struct ue_options *o, struct account *a, struct outside *outside,
                           struct why *why)
{
	static uint8_t room[KMS_NAME_MAX];
	struct ue_wish wish = {.id = &a->identity};
	struct ticket_grant *grant = NULL;
	struct ue_offer *offer = NULL;
	struct sdp *s = NULL;
	enum err e = read_peer(&wish.peer, room, o->to.v[0], why);

	if (!e)
		e = offer_wish(o, a, &wish, why);
	if (!e)
		e = files_read_sdp(&s, o->files[0], why);
	if (!e && o->ticket && wish.protection == UE_E2E_KMS)
		e = state_read_ticket(&grant, &wish.is_reuse, o->ticket, why);
	wish.grant = grant;
	if (!e)
		e = ue_offer_new(&offer, &wish, s, &outside->env, why);
	if (!e)
		e = write_offer(o, &(struct made_offer){offer, &wish, s}, outside, why);
	ue_offer_free(offer);
	ticket_grant_free(grant);
	sdp_free(s);
	return e;
}

enum err step_offer(const struct ue_options *o, struct why *why)
{
	return with_account(o, offer_into, why);
}

/* --- answer and finish ------------------------------------------------------ */

/* The result of a step: a session, its description, and how to print it. */
struct step_result {
	const struct ue_session *session;
	const struct sdp *sdp; /* NULL: the step writes no description */
	const char *sdp_path;  /* NULL: the step writes no description */
	const char *call;      /* file of the session; NULL: it is not kept */
	const char *keys;      /* effect of an update on the keys; NULL: not printed */
	bool is_new;           /* true: `call` must not exist yet */
	bool show, show_keys;  /* show: print the streams; show_keys: with their keys */
};

/* The description comes first: without the new state of the call, the step can be repeated. */
static enum err write_result(const struct step_result *x, struct why *why)
{
	struct report r = {0};
	struct files f = {0};
	enum err e = x->sdp ? files_add_sdp(&f, x->sdp_path, x->sdp, false, why) : ERR_OK;

	if (!e && x->call)
		e = state_add_session(&f, x->call, x->session, x->is_new, why);
	if (x->keys)
		report_add(&r, "keys=%s\n", x->keys);
	if (!e && x->show)
		e = show_session(&(struct showing){&r, x->session, x->show_keys}, why);
	if (!e)
		e = files_commit(&f, &r, why);
	report_clear(&r);
	files_drop(&f);
	return e;
}

/* Writes the description that tells the caller why its offer is refused. This is the one file that
 * a failed step writes. If it cannot be written, the reason of the refusal stays the error. */
static void write_refusal(const struct ue_options *o, const struct ue_refusal *refusal,
                          const struct sdp *sdp)
{
	struct report r = {0};
	struct files f = {0};
	struct why ignored;

	report_add(&r, "refused error=%u name=\"%s\"\n", refusal->no,
	           mikey_error_name(refusal->no));
	if (!files_add_sdp(&f, o->files[2], sdp, true, &ignored))
		(void)!files_commit(&f, &r, &ignored);
	report_clear(&r);
	files_drop(&f);
}

static enum err answer_into(const struct ue_options *o, struct account *a, struct outside *outside,
                            struct why *why)
{
	uint8_t room[KMS_NAME_MAX];
	struct sdp *theirs = NULL, *ours = NULL;
	struct ue_session *session = NULL;
	enum ue_protection protection = UE_NONE;
	struct ue_refusal refusal = {.is_written = false};
	struct mikey_id caller = {0};
	enum err e = o->caller ? read_peer(&caller, room, o->caller, why) : ERR_OK;

	if (!e)
		e = files_read_sdp(&theirs, o->files[0], why);
	if (!e)
		e = files_read_sdp(&ours, o->files[1], why);
	if (!e) {
		struct ue_choosing c = choosing(
			o, a, o->caller ? caller : ue_answer_caller(theirs, room, sizeof(room)));

		e = ue_choose_answer(&c, ue_desc_offered(theirs), &protection, why);
	}
	if (!e)
		e = ue_answer_new(&session,
		                  &(struct ue_answering){
					  .id = &a->identity,
					  .protection = protection,
					  .offer = theirs,
					  .local = ours,
					  .refusal = &refusal,
				  },
		                  &outside->env, why);
	if (!e)
		e = write_result(
			&(struct step_result){
				.session = session,
				.sdp = ours,
				.sdp_path = o->files[2],
				.call = o->call,
				.is_new = true,
				.show = true,
				.show_keys = o->show_keys,
			},
			why);
	if (refusal.is_written)
		write_refusal(o, &refusal, ours);
	ue_session_free(session);
	sdp_free(ours);
	sdp_free(theirs);
	return e;
}

enum err step_answer(const struct ue_options *o, struct why *why)
{
	return with_account(o, answer_into, why);
}

static enum err finish_update(const struct ue_options *o, struct why *why)
{
	struct ue_session *session = NULL;
	struct sdp *answer = NULL;
	struct outside outside;
	bool changed = false;
	enum err e = state_read_session(&session, o->call, why);

	if (!e)
		e = files_read_sdp(&answer, o->files[0], why);
	if (!e)
		e = outside_open(&outside, NULL, why);
	if (!e) {
		e = ue_session_answered(session, answer, &outside.env, &changed, why);
		outside_close(&outside);
	}
	if (!e)
		e = write_result(
			&(struct step_result){
				.session = session,
				.call = o->call,
				.keys = changed ? "new" : "unchanged",
				.show = true,
				.show_keys = o->show_keys,
			},
			why);
	sdp_free(answer);
	ue_session_free(session);
	return e;
}

enum err step_finish(const struct ue_options *o, struct why *why)
{
	struct ue_session *session = NULL;
	struct ue_offer *offer = NULL;
	struct sdp *answer = NULL;
	enum err e;

	if (!o->state)
		return finish_update(o, why);
	e = state_read_offer(&offer, o->state, why);
	if (!e)
		e = files_read_sdp(&answer, o->files[0], why);
	if (!e)
		e = ue_offer_answered(offer, answer, &session, why);
	if (!e)
		e = write_result(
			&(struct step_result){
				.session = session,
				.call = o->call,
				.is_new = true,
				.show = true,
				.show_keys = o->show_keys,
			},
			why);
	ue_session_free(session);
	ue_offer_free(offer);
	sdp_free(answer);
	return e;
}

/* --- update ----------------------------------------------------------------- */

static enum err update_offer(const struct ue_options *o, struct ue_session *session,
                             struct outside *outside, struct why *why)
{
	struct sdp *s = NULL;
	enum err e = files_read_sdp(&s, o->files[0], why);

	if (!e)
		e = ue_session_update(session, o->same ? UE_UPDATE_SAME : UE_UPDATE_REKEY, s,
		                      &outside->env, why);
	if (!e)
		e = write_result(
			&(struct step_result){
				.session = session,
				.sdp = s,
				.sdp_path = o->files[1],
				.call = o->call,
			},
			why);
	sdp_free(s);
	return e;
}

static enum err update_answer(const struct ue_options *o, struct ue_session *session,
                              struct outside *outside, struct why *why)
{
	struct sdp *theirs = NULL, *ours = NULL;
	bool changed = false;
	enum err e = files_read_sdp(&theirs, o->files[0], why);

	if (!e)
		e = files_read_sdp(&ours, o->files[1], why);
	if (!e)
		e = ue_session_take(session, &(struct ue_exchange){theirs, ours}, &outside->env,
		                    &changed, why);
	if (!e)
		e = write_result(
			&(struct step_result){
				.session = session,
				.sdp = ours,
				.sdp_path = o->files[2],
				.call = o->call,
				.keys = changed ? "new" : "unchanged",
				.show = true,
				.show_keys = o->show_keys,
			},
			why);
	sdp_free(ours);
	sdp_free(theirs);
	return e;
}

enum err step_update(const struct ue_options *o, struct why *why)
{
	struct ue_session *session = NULL;
	struct outside outside;
	enum err e;

	e = state_read_session(&session, o->call, why);
	if (!e)
		e = outside_open(&outside, NULL, why);
	if (!e) {
		e = o->n_files == 2 ? update_offer(o, session, &outside, why)
		                    : update_answer(o, session, &outside, why);
		outside_close(&outside);
	}
	ue_session_free(session);
	return e;
}
