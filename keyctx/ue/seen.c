/* SPDX-License-Identifier: MIT */
/* The replay cache of a called terminal: records of 56 octets, only appended. */
#include "keyctx/ue/seen.h"

#include <stdio.h>
#include <time.h>

#include "base/clk.h"
#include "keyctx/mikey/replay.h"
#include "keyctx/prim.h"

/* A record: kind, 7 octets of zero, the end of the mark, the time when it was written, the hash. */
struct record {
	struct ue_mark mark;
	uint64_t now_ntp;
};

static bool next(struct rd *r, struct record *out)
{
	if (rd_left(r) < UE_SEEN_RECORD)
		return false;
	out->mark.kind = rd_u8(r);
	rd_skip(r, 7);
	out->mark.until_ntp = rd_u64(r);
	out->now_ntp = rd_u64(r);
	memcpy(out->mark.key, rd_octets(r, sizeof(out->mark.key)).p, sizeof(out->mark.key));
	return true;
}

void ue_seen_write(struct wr *w, const struct ue_mark *mark, uint64_t now_ntp)
{
	static const uint8_t zeros[7];

	wr_u8(w, mark->kind);
	wr_octets(w, zeros, sizeof(zeros));
	wr_u64(w, mark->until_ntp);
	wr_u64(w, now_ntp);
	wr_octets(w, mark->key, sizeof(mark->key));
}

static bool is_same(const struct ue_mark *a, const struct ue_mark *b)
{
	return a->kind == b->kind && !memcmp(a->key, b->key, sizeof(a->key));
}

static bool has_ended(const struct ue_mark *m, uint64_t now_ntp)
{
	return m->until_ntp && ticket_ntp_diff(m->until_ntp, now_ntp) < 0;
}

static enum err refuse(const struct ue_mark *m, struct why *why)
{
	return m->kind == UE_MARK_TICKET
	               ? why_fail(why, ERR_DENIED,
	                          "the ticket was used for another offer, but may be used only "
	                          "once: flag J (reuse) is not set (RFC 6043 5.3)")
	               : why_fail(why, ERR_REPLAY,
	                          "the offer is a replay: this terminal has answered the same "
	                          "message before");
}

static enum err refuse_late(uint64_t latest_ntp, struct why *why)
{
	time_t s = (time_t)(clk_ntp_to_wall(latest_ntp) / NS_PER_S);
	char day[32] = "?";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return why_fail(
		why, ERR_EXPIRED,
		"the clock has gone back: it was %s before, and at that time the offer had "
		"expired; correct the clock. If the clock was wrong before, remove the replay "
		"cache",
		day);
}

enum err ue_seen_check(struct view records, const struct ue_mark *marks, size_t n, uint64_t now_ntp,
                       struct why *why)
{
	struct rd r = rd_view(records);
	uint64_t latest = now_ntp;
	struct record rec;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (is_same(&marks[i], &marks[k]))
				return refuse(&marks[i], why);
	while (next(&r, &rec)) {
		if (rec.mark.kind > UE_MARK_TICKET)
			return why_fail(
				why, ERR_SYNTAX,
				"the replay cache is damaged: unknown record %u at octet %zu",
				rec.mark.kind, rd_offset(&r) - UE_SEEN_RECORD);
		if (ticket_ntp_diff(rec.now_ntp, latest) > 0)
			latest = rec.now_ntp;
		for (size_t i = 0; i < n; i++)
			if (is_same(&marks[i], &rec.mark))
				return refuse(&marks[i], why);
	}
	for (size_t i = 0; i < n; i++)
		if (has_ended(&marks[i], latest))
			return refuse_late(latest, why);
	return ERR_OK;
}

void ue_seen_shrink(struct wr *w, struct view records, uint64_t now_ntp)
{
	struct rd r = rd_view(records);
	struct record rec;
	uint64_t latest = now_ntp;

	while (next(&r, &rec)) {
		if (ticket_ntp_diff(rec.now_ntp, latest) > 0)
			latest = rec.now_ntp;
	}
	ue_seen_write(w, &(struct ue_mark){.kind = UE_MARK_TIME}, latest);
	r = rd_view(records);
	while (next(&r, &rec))
		if (rec.mark.kind != UE_MARK_TIME && !has_ended(&rec.mark, latest))
			ue_seen_write(w, &rec.mark, rec.now_ntp);
}

enum err ue_seen_marks(const struct ticket_responder *a, uint32_t skew_s,
                       struct ue_mark out[UE_MARKS_MAX], size_t *n)
{
	const struct mikey_msg *m = ticket_responder_msg(a);
	const struct mikey_payload *ticket = ticket_responder_ticket(a),
				   *idr = mikey_msg_idr(m, MIKEY_ROLE_I),
				   *t = mikey_msg_find(m, MIKEY_T);
	struct ue_mark message = {.kind = UE_MARK_MESSAGE}, once = {.kind = UE_MARK_TICKET};
	struct ticket_policy policy;
	enum err e = t ? ticket_policy_read(&policy, ticket, NULL) : ERR_INVALID;

	if (!e && *n + 2 > UE_MARKS_MAX)
		e = ERR_LIMIT;
	if (!e)
		e = mikey_replay_key(m, idr ? idr->u.idr.id : (struct mikey_id){0}, message.key);
	if (!e)
		e = prim_digest(PRIM_SHA256, ticket_body_bare(ticket), once.key);
	if (e)
		return e;
	if (policy.has_end)
		once.until_ntp = mikey_ts_to_64(policy.end);
	/* A counter tells no time: only the end of the ticket ends its mark. */
	message.until_ntp = t->u.t.type == MIKEY_TS_COUNTER
	                            ? once.until_ntp
	                            : mikey_ts_to_64(t->u.t) + ((uint64_t)skew_s << 32);
	out[(*n)++] = message;
	if (!(policy.tp.flags & TICKET_J))
		out[(*n)++] = once;
	return ERR_OK;
}
