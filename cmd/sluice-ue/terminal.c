/* SPDX-License-Identifier: MIT */
/* One terminal: its descriptions, session and media. */
#include "cmd/sluice-ue/terminal.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/secret.h"
#include "cmd/sluice-ue/steps.h"
#include "keyctx/prim.h"
#include "keyctx/sdp/media.h"

enum err terminal_open(struct terminal *t, const struct ue_options *o, const char *credentials,
                       struct why *why)
{
	struct addr local;
	uint8_t id[8];
	enum err e;

	*t = (struct terminal){.options = o, .sdp_version = 1, .keys = ""};
	if (addr_parse_ip(str_of(o->local), &local))
		return why_fail(why, ERR_SYNTAX, "--local %s: must be an IP address", o->local);
	e = account_load(&t->account, credentials, why);
	if (!e)
		e = outside_open(&t->outside, &t->account, why);
	if (!e)
		e = media_open(&t->media, &local, why);
	if (!e && prim_random(id, sizeof(id)))
		e = why_fail(why, ERR_CRYPTO, "the random generator failed");
	if (e)
		return e;
	t->sdp_id = be32_get(id);
	t->ssrc = be32_get(id + 4) | 1; /* never 0, which means "no SSRC" */
	return ERR_OK;
}

void terminal_close(struct terminal *t)
{
	ue_session_free(t->session);
	ue_offer_free(t->offer);
	media_close(t->media);
	outside_close(&t->outside);
	account_clear(&t->account);
	*t = (struct terminal){0};
}

enum ue_protection terminal_protection(const struct terminal *t)
{
	return t->session ? t->session->protection : UE_NONE;
}

/* Makes our description, still without keys. */
static enum err describe(struct terminal *t, enum sdp_direction direction, struct sdp **out,
                         struct why *why)
{
	struct addr local = media_local(t->media);
	char ip[ADDR_TEXT_MAX];
	struct buf text = {0};
	enum err e;

	addr_print_ip(&local, ip);
	buf_printf(&text,
	           "v=0\r\no=- %" PRIu64 " %" PRIu64
	           " IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\n",
	           t->sdp_id, t->sdp_version++, local.version, ip, local.version, ip);
	buf_printf(&text,
	           "m=audio %u RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=rtcp-mux\r\na=ssrc:%" PRIu32
	           " cname:sluice-ue\r\na=%s\r\n",
	           local.port, t->ssrc, sdp_direction_name(direction));
	e = text.bad ? why_fail(why, ERR_NOMEM, "out of memory")
	             : ue_desc_parse(out, buf_as_str(&text), why);
	buf_free(&text);
	return e;
}

static enum err print(const struct sdp *s, struct buf *out, struct why *why)
{
	size_t room = sdp_length(s), n = 0;
	char *text = mem_alloc(room + 1);
	enum err e = text ? sdp_print(s, text, room, &n) : ERR_NOMEM;

	if (!e)
		buf_add(out, text, n);
	if (text)
		secret_wipe(text, n);
	mem_free(text);
	return e || out->bad ? why_fail(why, e ? e : ERR_NOMEM,
	                                "cannot write the SDP: out of memory, or it is too long")
	                     : ERR_OK;
}

static enum sdp_direction own_direction(const struct terminal *t)
{
	return t->on_hold ? SDP_INACTIVE : SDP_SENDRECV;
}

static enum err make_offer(struct terminal *t, enum ue_protection protection, struct sdp *s,
                           struct why *why)
{
	const struct ue_options *o = t->options;
	struct ue_wish wish = {.id = &t->account.identity,
	                       .peer = t->peer,
	                       .protection = protection,
	                       .suite = o->suite,
	                       .level = o->level,
	                       .ticket = {.mode = o->mode ? o->mode : 3,
	                                  .ticket_type = (uint16_t)o->ticket_type,
	                                  .lifetime_s = o->lifetime_s,
	                                  .reuse = o->reuse,
	                                  .initiator_rekeys = o->initiator_rekeys,
	                                  .responder_rekeys = o->responder_rekeys}};

	return ue_offer_new(&t->offer, &wish, s, &t->outside.env, why);
}

enum err terminal_offer(struct terminal *t, struct buf *sdp, struct why *why)
{
	struct ue_choosing c = {.policy = &t->account.policy,
	                        .user_has_said = t->options->user_has_said,
	                        .user = t->options->protection,
	                        .has_kms = account_has_kms(&t->account),
	                        .network_does_e2ae = t->account.network_e2ae};
	enum ue_protection protection;
	struct sdp *s = NULL;
	enum err e = read_peer(&t->peer, t->peer_room, t->options->to.v[0], why);

	outside_tick(&t->outside);
	c.peer = t->peer;
	if (!e)
		e = ue_choose_offer(&c, &protection, why);
	if (!e)
		e = describe(t, SDP_SENDRECV, &s, why);
	if (!e)
		e = make_offer(t, protection, s, why);
	if (!e)
		e = print(s, sdp, why);
	sdp_free(s);
	return e;
}

enum err terminal_update(struct terminal *t, enum ue_update kind, bool hold, struct buf *sdp,
                         struct why *why)
{
	struct sdp *s = NULL;
	enum err e = ERR_OK;

	outside_tick(&t->outside);
	t->on_hold = hold;
	e = describe(t, own_direction(t), &s, why);
	if (!e)
		e = ue_session_update(t->session, kind, s, &t->outside.env, why);
	t->updates = !e;
	/* The present ticket does not let us supply keys, so make an offer with a new ticket. */
	if (e == ERR_DENIED && t->session->protection == UE_E2E_KMS && t->peer.data.n) {
		sdp_free(s);
		s = NULL;
		e = describe(t, own_direction(t), &s, why);
		if (!e)
			e = make_offer(t, UE_E2E_KMS, s, why);
	}
	if (!e)
		e = print(s, sdp, why);
	sdp_free(s);
	return e;
}

void terminal_refused(const struct terminal *t, struct str answer, struct why *why)
{
	struct ue_session *none = NULL;
	struct sdp *theirs = NULL;
	struct why said = {""};

	if (t->offer && answer.n && !ue_desc_parse(&theirs, answer, NULL) &&
	    ue_offer_answered(t->offer, theirs, &none, &said) && said.text[0])
		why_fail(why, ERR_DENIED, "%s", said.text);
	ue_session_free(none);
	sdp_free(theirs);
}

void terminal_cancel(struct terminal *t)
{
	if (t->session && t->updates)
		ue_session_cancel(t->session);
	t->updates = false;
	ue_offer_free(t->offer);
	t->offer = NULL;
}

/* Hands the keys of the session to the media. */
static enum err use_keys(struct terminal *t, struct why *why)
{
	struct ue_stream_key send = {0}, receive = {0};
	enum err e = ERR_OK;

	if (t->session->protection == UE_NONE)
		return media_set_keys(t->media, &(struct media_keys){.ssrc = t->ssrc}, why);
	e = ue_session_key(t->session, 0, true, &send, why);
	if (!e)
		e = ue_session_key(t->session, 0, false, &receive, why);
	if (!e)
		e = media_set_keys(t->media,
		                   &(struct media_keys){
					   .send = send.key,
					   .receive = receive.key,
					   .ssrc = send.ssrc,
					   .peer_ssrc = receive.ssrc,
				   },
		                   why);
	keyctx_free(send.key);
	keyctx_free(receive.key);
	return e;
}

/* Reads the peer's media address and its direction. */
static enum err read_place(struct sdp_transport *out, const struct sdp *theirs, struct why *why)
{
	if (theirs->n_media != 1 || !theirs->media[0].port)
		return why_fail(why, ERR_DENIED, "the peer refused the audio stream");
	return sdp_transport_read(theirs, 0, out, why);
}

static void use_place(struct terminal *t, const struct sdp_transport *place)
{
	t->peer_on_hold = place->is_held_by_address || place->direction == SDP_INACTIVE ||
	                  place->direction == SDP_SENDONLY;
	if (!place->is_held_by_address)
		media_set_remote(t->media, &place->rtp);
}

void terminal_resume(struct terminal *t)
{
	media_set_sending(t->media, !t->on_hold && !t->peer_on_hold);
}

void terminal_confirmed(struct terminal *t)
{
	media_use_send(t->media);
	terminal_resume(t);
}

static struct mikey_id peer_of(const struct ue_session *s)
{
	return s->is_offerer ? ticket_csb_responder(s->parts[0].csb)
	                     : ticket_csb_initiator(s->parts[0].csb);
}

/* Replaces the session. In an established call the protection and the peer must stay the same. */
static enum err take_session(struct terminal *t, struct ue_session *made, struct why *why)
{
	struct mikey_id who = made->n_parts ? peer_of(made) : t->peer;

	if (t->session && (made->protection != t->session->protection ||
	                   (made->n_parts && !mikey_id_eq(who, peer_of(t->session))))) {
		ue_session_free(made);
		return why_fail(
			why, ERR_DENIED,
			"refused: the update would change the call's protection or its peer");
	}
	if (who.data.n <= sizeof(t->peer_room) && who.data.p != t->peer_room) {
		memcpy(t->peer_room, who.data.p, who.data.n);
		t->peer = (struct mikey_id){.type = who.type, .data = {t->peer_room, who.data.n}};
	}
	ue_session_free(t->session);
	t->session = made;
	return ERR_OK;
}

enum err terminal_answered(struct terminal *t, struct str answer, struct why *why)
{
	struct ue_session *made = NULL;
	struct sdp *theirs = NULL;
	struct sdp_transport place;
	bool changed = true;
	enum err e = ue_desc_parse(&theirs, answer, why);

	outside_tick(&t->outside);
	if (!e && t->offer)
		e = ue_offer_answered(t->offer, theirs, &made, why);
	else if (!e)
		e = ue_session_answered(t->session, theirs, &t->outside.env, &changed, why);
	if (!e && made)
		e = take_session(t, made, why);
	if (!e)
		e = read_place(&place, theirs, why);
	if (!e && changed)
		e = use_keys(t, why);
	if (!e) {
		use_place(t, &place);
		terminal_confirmed(t);
	}
	t->keys = changed ? "new" : "unchanged";
	ue_offer_free(t->offer);
	t->offer = NULL;
	t->updates = false;
	sdp_free(theirs);
	return e;
}

static enum err first_answer(struct terminal *t, const struct sdp *theirs, struct sdp *ours,
                             struct ue_refusal *refusal, struct why *why)
{
	uint8_t room[KMS_NAME_MAX];
	struct ue_choosing c = {.policy = &t->account.policy,
	                        .has_kms = account_has_kms(&t->account),
	                        .network_does_e2ae = t->account.network_e2ae,
	                        .user_has_said = t->options->user_has_said,
	                        .user = t->options->protection};
	struct ue_session *made = NULL;
	enum ue_protection protection;
	enum err e;

	c.peer = ue_answer_caller(theirs, room, sizeof(room));
	e = ue_choose_answer(&c, ue_desc_offered(theirs), &protection, why);
	if (!e)
		e = ue_answer_new(&made,
		                  &(struct ue_answering){
					  .id = &t->account.identity,
					  .protection = protection,
					  .offer = theirs,
					  .local = ours,
					  .refusal = refusal,
				  },
		                  &t->outside.env, why);
	return e ? e : take_session(t, made, why);
}

/* Makes the session of the answer and writes its keys into `ours`. */
static enum err take_offer(struct terminal *t, const struct ue_exchange *x, bool *changed,
                           struct ue_refusal *refusal, struct why *why)
{
	if (t->session && ue_session_knows(t->session, x->theirs))
		return ue_session_take(t->session, x, &t->outside.env, changed, why);
	*changed = true;
	return first_answer(t, x->theirs, x->ours, refusal, why);
}

enum err terminal_answer(struct terminal *t, struct str offer, struct buf *sdp, struct why *why)
{
	struct sdp *theirs = NULL, *ours = NULL;
	struct ue_session *before = NULL;
	struct ue_refusal refusal = {.is_written = false};
	struct sdp_transport place;
	bool is_first = !t->session, changed = true;
	enum err e = ue_desc_parse(&theirs, offer, why);

	outside_tick(&t->outside);
	if (!e)
		e = read_place(&place, theirs, why);
	if (!e && !is_first)
		e = ue_session_copy(&before, t->session, why);
	if (!e)
		e = describe(t,
		             t->on_hold ? SDP_INACTIVE
		                        : sdp_direction_reverse(sdp_direction_read(theirs, 0)),
		             &ours, why);
	if (!e)
		e = take_offer(t, &(struct ue_exchange){theirs, ours}, &changed, &refusal, why);
	if (e && refusal.is_written)
		(void)!print(ours, sdp, NULL);
	if (!e)
		e = print(ours, sdp, why);
	if (!e && changed)
		e = use_keys(t, why);
	/* The peer learns that its offer is refused, so the call keeps its old keys. */
	if (e && (is_first || before)) {
		ue_session_free(t->session);
		t->session = before;
		before = NULL;
	}
	if (!e) {
		use_place(t, &place);
		t->keys = changed ? "new" : "unchanged";
	}
	outside_settle(&t->outside, !e);
	ue_session_free(before);
	sdp_free(ours);
	sdp_free(theirs);
	return e;
}
