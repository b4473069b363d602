/* SPDX-License-Identifier: MIT */
/* Makes, copies and frees exchanges; sets the defaults of a request's options. */
#include "control/dialog/media.h"

#include "base/mem.h"

void dialog_options_defaults(struct dialog_options *o)
{
	static const enum suite_id suites[] = {SUITE_AES_CM_128_HMAC_SHA1_80,
	                                       SUITE_AES_CM_128_HMAC_SHA1_32};

	*o = (struct dialog_options){
		.interface = {-1, -1},
		.latch = RELAY_LATCH_HEURISTIC,
		.dscp = -1,
		.accept_rekey = true,
		.applied_in_answer = true,
		.n_suites = ARRAY_LEN(suites),
	};
	memcpy(o->suites, suites, sizeof(suites));
	ims_call_defaults(&o->ims);
	sdes_policy_defaults(&o->sdes);
}

enum relay_mode dialog_mode_of(bool offerer_is_secure, bool answerer_is_secure)
{
	/* [offerer_is_secure][answerer_is_secure] */
	static const enum relay_mode modes[2][2] = {
		{RELAY_MODE_RTP, RELAY_MODE_E2AE},
		{RELAY_MODE_E2AE, RELAY_MODE_SRTP_SRTP},
	};

	return modes[offerer_is_secure][answerer_is_secure];
}

enum err dialog_exchange_new(struct dialog_exchange **out, unsigned n_media)
{
	struct dialog_exchange *x = mem_alloc(sizeof(*x) + n_media * sizeof(x->media[0]));

	if (!x)
		return ERR_NOMEM;
	x->n_media = n_media;
	*out = x;
	return ERR_OK;
}

void dialog_list_free(struct sdes_list *l)
{
	if (l)
		sdes_list_clear(l);
	mem_free(l);
}

static void media_clear(struct dialog_media *m)
{
	for (unsigned i = 0; i < 2; i++) {
		sdes_line_clear(&m->side[i].theirs);
		sdes_line_clear(&m->side[i].ours);
	}
	dialog_list_free(m->offered);
	m->offered = NULL;
	mem_free(m->acfg);
	mem_free(m->reason);
	m->acfg = m->reason = NULL;
}

enum err dialog_media_set_aside(struct dialog_media *m, enum dialog_treat treat,
                                const struct why *why)
{
	char *reason = mem_text(why->text, strlen(why->text));

	if (!reason)
		return ERR_NOMEM;
	media_clear(m);
	m->treat = treat;
	m->reason = reason;
	return ERR_OK;
}

void dialog_exchange_free(struct dialog_exchange *x)
{
	if (!x)
		return;
	for (unsigned i = 0; i < x->n_media; i++)
		media_clear(&x->media[i]);
	mem_free(x);
}

static enum err copy_list(struct sdes_list **out, const struct sdes_list *l)
{
	struct sdes_list *copy = mem_alloc(sizeof(*copy));
	enum err e = copy ? ERR_OK : ERR_NOMEM;

	for (unsigned i = 0; i < l->n && !e; i++) {
		e = sdes_line_copy(&copy->lines[i], &l->lines[i]);
		copy->n += !e;
	}
	if (e)
		dialog_list_free(copy);
	else
		*out = copy;
	return e;
}

static enum err copy_text(char **out, const char *text)
{
	*out = text ? mem_text(text, strlen(text)) : NULL;
	return text && !*out ? ERR_NOMEM : ERR_OK;
}

static enum err copy_media(struct dialog_media *out, const struct dialog_media *m)
{
	enum err e = ERR_OK;

	*out = *m;
	out->offered = NULL;
	out->acfg = out->reason = NULL;
	for (unsigned i = 0; i < 2; i++)
		out->side[i].theirs = out->side[i].ours = (struct sdes_line){0};
	for (unsigned i = 0; i < 2 && !e; i++) {
		e = sdes_line_copy(&out->side[i].theirs, &m->side[i].theirs);
		if (!e)
			e = sdes_line_copy(&out->side[i].ours, &m->side[i].ours);
	}
	if (!e && m->offered)
		e = copy_list(&out->offered, m->offered);
	if (!e)
		e = copy_text(&out->acfg, m->acfg);
	return e ? e : copy_text(&out->reason, m->reason);
}

enum err dialog_exchange_copy(struct dialog_exchange **out, const struct dialog_exchange *x)
{
	struct dialog_exchange *copy = NULL;
	enum err e = dialog_exchange_new(&copy, x->n_media);

	if (e)
		return e;
	copy->from = x->from;
	copy->terms = x->terms;
	memcpy(copy->n_lines, x->n_lines, sizeof(copy->n_lines));
	for (unsigned i = 0; i < x->n_media && !e; i++)
		e = copy_media(&copy->media[i], &x->media[i]);
	if (e)
		dialog_exchange_free(copy);
	else
		*out = copy;
	return e;
}

static enum err keep_media_keys(struct dialog_media *m, const struct dialog_media *old,
                                const struct dialog_media *there, enum offer_side from)
{
	struct dialog_side *near = &m->side[from];
	struct sdes_list *list;
	struct sdes_line ours;
	enum err e = ERR_OK;

	if (near->ours.n_keys && near->ours.suite == old->side[from].ours.suite) {
		e = sdes_line_copy(&ours, &old->side[from].ours);
		if (e)
			return e;
		ours.tag = near->ours.tag;
		ours.spelling = near->ours.spelling;
		sdes_line_clear(&near->ours);
		near->ours = ours;
	}
	if (m->access != OFFER_SIDE_A)
		there = old;
	if (m->offered && there && there->offered) {
		e = copy_list(&list, there->offered);
		if (e)
			return e;
		dialog_list_free(m->offered);
		m->offered = list;
	}
	return e;
}

enum err dialog_keep_keys(struct dialog_exchange *x, const struct dialog_exchange *replaced,
                          const struct dialog_exchange *there)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < x->n_media && i < replaced->n_media && !e; i++) {
		struct dialog_media *m = &x->media[i];
		const struct dialog_media *old = &replaced->media[i];

		if (m->treat == DIALOG_TREAT_RELAY && old->treat == m->treat &&
		    old->mode == m->mode && old->access == m->access)
			e = keep_media_keys(m, old,
			                    there && i < there->n_media ? &there->media[i] : NULL,
			                    x->from);
	}
	return e;
}

void dialog_side_settle(struct dialog_side *side, const struct sdp_transport *t,
                        const struct dialog_side *before, const struct addr *received_from)
{
	side->at = *t;
	side->is_known = true;
	if (t->is_held_by_address) {
		bool had = before && before->is_known;

		side->at.rtp = had ? before->at.rtp : (struct addr){0};
		side->at.rtcp = had ? before->at.rtcp : (struct addr){0};
	} else if (!addr_is_none(received_from)) {
		side->at.rtp = addr_with_port(received_from, t->rtp.port);
		side->at.rtcp = addr_with_port(received_from, t->rtcp.port);
	}
}

uint8_t dialog_side_teaches(const struct sdp *s, unsigned i)
{
	static const struct {
		const char *attribute;
		uint8_t teaches;
	} rows[] = {{"fingerprint", RELAY_TEACH_DTLS}, {"ice-ufrag", RELAY_TEACH_STUN}};
	uint8_t teaches = 0;

	for (unsigned k = 0; k < ARRAY_LEN(rows); k++)
		if (sdp_has_attr(s, (int)i, rows[k].attribute) ||
		    sdp_has_attr(s, SDP_SESSION, rows[k].attribute))
			teaches |= rows[k].teaches;
	return teaches;
}

bool dialog_side_has_moved(const struct dialog_side *now, const struct dialog_side *before)
{
	return before->is_known && !addr_is_none(&before->at.rtp) && !addr_is_none(&now->at.rtp) &&
	       !addr_eq(&now->at.rtp, &before->at.rtp);
}
