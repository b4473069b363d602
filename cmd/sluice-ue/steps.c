/* SPDX-License-Identifier: MIT */
/* The steps of a call; each step is one command. */
#include "cmd/sluice-ue/steps.h"

#include <stdio.h>

#include "base/b64.h"
#include "cmd/sluice-ue/outside.h"
#include "cmd/sluice-ue/files.h"

/* First lines of the state files, which hold keys. */
static const char offer_file[] = "sluice-ue offer", call_file[] = "sluice-ue call",
		  ticket_file[] = "sluice-ue ticket";

/* Secret memory for a state that is being saved. */
struct saving {
	struct secret room;
	struct wr w;
};

static enum err saving_start(struct saving *s, struct why *why)
{
	*s = (struct saving){0};
	if (secret_make(&s->room, FILES_STATE_MAX_BYTES / 2))
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->w = wr_make(s->room.octets, s->room.len);
	return ERR_OK;
}

static struct view saved(const struct saving *s)
{
	return (struct view){s->room.octets, wr_len(&s->w)};
}

static enum err add_session(struct files *f, const char *path, const struct ue_session *session,
                            bool is_new, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		e = ue_session_save(session, &s.w);
		e = e ? why_fail(why, e, "cannot save the call: %s", err_meaning(e))
		      : files_add_state(f, call_file,
		                        &(struct files_content){path, saved(&s), .is_new = is_new},
		                        why);
	}
	secret_clear(&s.room);
	return e;
}

static enum err read_session(struct ue_session **out, const char *path, struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, call_file, why);

	if (!e) {
		e = ue_session_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid state of a call: %s", path,
			         err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}

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

static void show_key(const struct keyctx *k)
{
	uint8_t key[SUITE_MASTER_MAX];
	char text[B64_TEXT_LEN(sizeof(key)) + 1];
	size_t n = (size_t)k->suite->key_len + k->suite->salt_len;

	memcpy(key, k->key, k->suite->key_len);
	memcpy(key + k->suite->key_len, k->salt, k->suite->salt_len);
	if (!b64_encode(key, n, true, text, sizeof(text)))
		printf(" inline:%s", text);
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
}

static enum err show_stream(const struct ue_session *s, unsigned media, bool of_offerer,
                            bool show_keys, struct why *why)
{
	struct ue_stream_key k = {0};
	enum err e = ue_session_key(s, media, of_offerer == s->is_offerer, &k, why);

	if (e)
		return e;
	printf("cs=%u media=%u from=%s", 2 * media + (of_offerer ? 1 : 2), media + 1,
	       of_offerer ? "offerer" : "answerer");
	if (k.ssrc)
		printf(" ssrc=%u", k.ssrc);
	printf(" suite=%s", k.key->suite->name);
	if (show_keys)
		show_key(k.key);
	putchar('\n');
	keyctx_free(k.key);
	return ERR_OK;
}

/* Prints one line for each stream; keys are included only if `show_keys` is true. */
static enum err show_session(const struct ue_session *s, bool show_keys, struct why *why)
{
	enum err e = ERR_OK;

	/* Without a buffer stdio keeps no copy of a key. */
	if (show_keys && !fflush(stdout))
		setvbuf(stdout, NULL, _IONBF, 0);
	if (s->protection == UE_NONE)
		puts("protect=none");
	for (unsigned m = 0; m < s->n_media && !e && s->protection != UE_NONE; m++) {
		e = show_stream(s, m, true, show_keys, why);
		if (!e)
			e = show_stream(s, m, false, show_keys, why);
	}
	return e;
}

/* --- tickets ---------------------------------------------------------------- */

static struct ue_ticket_wish ticket_wish(const struct ue_options *o, const struct mikey_id *peers,
                                         size_t n)
{
	return (struct ue_ticket_wish){
		.mode = o->mode ? o->mode : 3,
		.r = peers,
		.n_r = n,
		.lifetime_s = o->lifetime_s,
		.reuse = o->reuse,
		.initiator_rekeys = o->initiator_rekeys,
		.responder_rekeys = o->responder_rekeys,
	};
}

struct kept_ticket {
	const struct ticket_grant *grant;
	/* true: the ticket was used for a call; without flag J it may serve only one call */
	bool is_used;
};

/* Writes the ticket: a new ticket goes to a new file, a used ticket replaces its file. */
static enum err add_ticket(struct files *f, const char *path, struct kept_ticket t,
                           struct outside *outside, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		wr_u8(&s.w, t.is_used);
		e = ue_ticket_save(t.grant, &outside->env.mikey, &s.w);
		e = e ? why_fail(why, e, "cannot save the ticket: %s", err_meaning(e))
		      : files_add_state(
				f, ticket_file,
				&(struct files_content){path, saved(&s), .is_new = !t.is_used},
				why);
	}
	secret_clear(&s.room);
	return e;
}

static enum err read_ticket(struct ticket_grant **out, bool *is_used, const char *path,
                            struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, ticket_file, why);

	if (!e) {
		*is_used = rd_u8(&r);
		e = ue_ticket_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid ticket: %s", path, err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}

static void show_ticket(const struct ticket_grant *g)
{
	char text[128];

	printf("ticket flags=0x%04x%s", g->policy.tp.flags,
	       g->policy.tp.flags & TICKET_J ? " reusable" : "");
	if (g->policy.tp.flags & TICKET_K)
		printf(" changed-by-kms");
	for (size_t i = 0; i < g->policy.n_r; i++)
		printf(" for=%s", kms_name_print(g->policy.r[i], text, sizeof(text)));
	putchar('\n');
}

static enum err request_into(const struct ue_options *o, struct account *a, struct outside *outside,
                             struct why *why)
{
	static uint8_t rooms[OPTIONS_PEERS_MAX][KMS_NAME_MAX];
	struct mikey_id peers[OPTIONS_PEERS_MAX];
	struct ue_ticket_wish wish = ticket_wish(o, peers, o->to.n);
	struct ticket_grant *grant = NULL;
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
		e = add_ticket(&f, o->ticket, (struct kept_ticket){grant, .is_used = false},
		               outside, why);
	if (!e)
		e = files_commit(&f, why);
	if (!e)
		show_ticket(grant);
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

static enum err add_offer(struct files *f, const char *path, const struct ue_offer *offer,
                          struct outside *outside, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		e = ue_offer_save(offer, &outside->env.mikey, &s.w);
		e = e ? why_fail(why, e, "cannot save the state: %s", err_meaning(e))
		      : files_add_state(f, offer_file,
		                        &(struct files_content){path, saved(&s), .is_new = true},
		                        why);
	}
	secret_clear(&s.room);
	return e;
}

struct made_offer {
	const struct ue_offer *offer;
	const struct ue_wish *wish;
	const struct sdp *sdp;
};

static enum err write_offer(const struct ue_options *o, const struct made_offer *made,
                            struct outside *outside, struct why *why)
{
	struct files f = {0};
	enum err e = add_offer(&f, o->state, made->offer, outside, why);

	if (!e && made->wish->grant)
		e = add_ticket(&f, o->ticket,
		               (struct kept_ticket){made->wish->grant, .is_used = true}, outside,
		               why);
	if (!e)
		e = files_add_sdp(&f, o->files[1], made->sdp, why);
	if (!e)
		e = files_commit(&f, why);
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
		e = read_ticket(&grant, &wish.is_reuse, o->ticket, why);
	wish.grant = grant;
	if (!e)
		e = ue_offer_new(&offer, &wish, s, &outside->env, why);
	if (!e)
		e = write_offer(o, &(struct made_offer){offer, &wish, s}, outside, why);
	if (!e)
		printf("protect=%s\n", ue_protection_name(wish.protection));
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

static enum err write_answer(const struct ue_options *o, const struct ue_session *session,
                             const struct sdp *s, struct why *why)
{
	struct files f = {0};
	enum err e = o->call ? add_session(&f, o->call, session, true, why) : ERR_OK;

	if (!e)
		e = files_add_sdp(&f, o->files[2], s, why);
	if (!e)
		e = files_commit(&f, why);
	files_drop(&f);
	return e;
}

static enum err answer_into(const struct ue_options *o, struct account *a, struct outside *outside,
                            struct why *why)
{
	uint8_t room[KMS_NAME_MAX];
	struct sdp *theirs = NULL, *ours = NULL;
	struct ue_session *session = NULL;
	enum ue_protection protection = UE_NONE;
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
				  },
		                  &outside->env, why);
	if (!e)
		e = write_answer(o, session, ours, why);
	if (!e)
		e = show_session(session, o->show_keys, why);
	ue_session_free(session);
	sdp_free(ours);
	sdp_free(theirs);
	return e;
}

enum err step_answer(const struct ue_options *o, struct why *why)
{
	return with_account(o, answer_into, why);
}

static enum err read_offer(struct ue_offer **out, const char *path, struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, offer_file, why);

	if (!e) {
		e = ue_offer_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid state of an offer: %s", path,
			         err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}

static enum err keep_call(const char *path, const struct ue_session *session, bool is_new,
                          struct why *why)
{
	struct files f = {0};
	enum err e = path ? add_session(&f, path, session, is_new, why) : ERR_OK;

	if (!e)
		e = files_commit(&f, why);
	files_drop(&f);
	return e;
}

static enum err finish_update(const struct ue_options *o, struct why *why)
{
	struct ue_session *session = NULL;
	struct sdp *answer = NULL;
	struct outside outside;
	bool changed = false;
	enum err e = read_session(&session, o->call, why);

	if (!e)
		e = files_read_sdp(&answer, o->files[0], why);
	if (!e)
		e = outside_open(&outside, NULL, why);
	if (!e) {
		e = ue_session_answered(session, answer, &outside.env, &changed, why);
		outside_close(&outside);
	}
	if (!e)
		e = keep_call(o->call, session, false, why);
	if (!e) {
		printf("keys=%s\n", changed ? "new" : "unchanged");
		e = show_session(session, o->show_keys, why);
	}
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
	e = read_offer(&offer, o->state, why);
	if (!e)
		e = files_read_sdp(&answer, o->files[0], why);
	if (!e)
		e = ue_offer_answered(offer, answer, &session, why);
	if (!e)
		e = keep_call(o->call, session, true, why);
	if (!e)
		e = show_session(session, o->show_keys, why);
	ue_session_free(session);
	ue_offer_free(offer);
	sdp_free(answer);
	return e;
}

/* --- update ----------------------------------------------------------------- */

static enum err write_update(const struct ue_options *o, const char *out,
                             const struct ue_session *session, const struct sdp *s, struct why *why)
{
	struct files f = {0};
	enum err e = add_session(&f, o->call, session, false, why);

	if (!e)
		e = files_add_sdp(&f, out, s, why);
	if (!e)
		e = files_commit(&f, why);
	files_drop(&f);
	return e;
}

static enum err update_offer(const struct ue_options *o, struct ue_session *session,
                             struct outside *outside, struct why *why)
{
	struct sdp *s = NULL;
	enum err e = files_read_sdp(&s, o->files[0], why);

	if (!e)
		e = ue_session_update(session, o->same ? UE_UPDATE_SAME : UE_UPDATE_REKEY, s,
		                      &outside->env, why);
	if (!e)
		e = write_update(o, o->files[1], session, s, why);
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
		e = write_update(o, o->files[2], session, ours, why);
	if (!e) {
		printf("keys=%s\n", changed ? "new" : "unchanged");
		e = show_session(session, o->show_keys, why);
	}
	sdp_free(ours);
	sdp_free(theirs);
	return e;
}

enum err step_update(const struct ue_options *o, struct why *why)
{
	struct ue_session *session = NULL;
	struct outside outside;
	enum err e;

	e = read_session(&session, o->call, why);
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
