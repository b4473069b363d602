/* SPDX-License-Identifier: MIT */
/* Decodes the contents of TP and TICKET payloads. */
#include "keyctx/ticket/ticket_payload.h"

#include <stdio.h>

enum {
	CHAIN_MAX = 40,
	TP_FIXED = 2 + 1 + 1 + 3 + 2, /* type, subtype, version, PRF and flags, length */
};

static enum err policy_idr(struct ticket_policy *out, const struct mikey_payload *p,
                           struct mikey_fault *fault)
{
	struct mikey_id id = p->u.idr.id;

	switch (p->u.idr.role) {
	case MIKEY_ROLE_KMS:
		if (mikey_id_is_set(out->idr_kms))
			break;
		out->idr_kms = id;
		return ERR_OK;
	case MIKEY_ROLE_I:
		if (mikey_id_is_set(out->idr_i))
			break;
		out->idr_i = id;
		return ERR_OK;
	case MIKEY_ROLE_R:
		if (out->n_r == TICKET_WHO_MAX)
			break;
		out->r[out->n_r++] = id;
		return ERR_OK;
	case MIKEY_ROLE_APP:
		if (out->n_app == TICKET_WHO_MAX)
			break;
		out->app[out->n_app++] = id;
		return ERR_OK;
	default:
		return ERR_OK; /* a known payload without meaning here is ignored (RFC 6043 4.1) */
	}
	return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TPPAR, p->offset,
	                     "too many IDR payloads with role %u in the ticket policy",
	                     p->u.idr.role);
}

static enum err policy_tr(struct ticket_policy *out, const struct mikey_payload *p,
                          struct mikey_fault *fault)
{
	struct {
		bool *has;
		struct mikey_ts *ts;
	} const rows[] = {
		[MIKEY_TR_START] = {&out->has_start, &out->start},
		[MIKEY_TR_END] = {&out->has_end, &out->end},
		[MIKEY_TR_REKEY] = {&out->has_rekey, &out->rekey},
	};
	unsigned role = p->u.tr.role;

	if (role >= ARRAY_LEN(rows) || !rows[role].has)
		return ERR_OK;
	if (*rows[role].has || p->u.tr.ts.type == MIKEY_TS_COUNTER)
		return mikey_fail_at(
			fault, ERR_SYNTAX, MIKEY_E_TPPAR, p->offset,
			"TR with role %u in the ticket policy occurs twice or is a counter", role);
	/* RFC 6043 6.10: the rekey interval has the type NTP-UTC-32, even if start and end have
	 * another. */
	if (role == MIKEY_TR_REKEY && p->u.tr.ts.type != MIKEY_TS_NTP_UTC_32)
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TPPAR, p->offset,
		                     "the rekey interval must have the type NTP-UTC-32");
	*rows[role].has = true;
	*rows[role].ts = p->u.tr.ts;
	return ERR_OK;
}

static enum err policy_take(struct ticket_policy *out, const struct mikey_payload *p,
                            struct mikey_fault *fault)
{
	if (p->type == MIKEY_IDR)
		return policy_idr(out, p, fault);
	if (p->type == MIKEY_TR)
		return policy_tr(out, p, fault);
	if (p->type != MIKEY_KEMAC)
		return ERR_OK;
	if (out->has_kemac)
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TPPAR, p->offset,
		                     "KEMAC occurs twice in the ticket policy");
	out->has_kemac = true;
	out->kemac = *p;
	return ERR_OK;
}

static size_t offset_of(const struct mikey_payload *p, const uint8_t *inside)
{
	return p->offset + (size_t)(inside - p->octets.p);
}

enum err ticket_policy_read(struct ticket_policy *out, const struct mikey_payload *payload,
                            struct mikey_fault *fault)
{
	const struct mikey_tp *tp =
		payload->type == MIKEY_TICKET ? &payload->u.ticket.tp : &payload->u.tp;
	size_t base = offset_of(payload, tp->data.p);
	struct rd r = rd_view(tp->data);
	struct mikey_payload p[CHAIN_MAX];
	struct mikey_chain chain = {.p = p, .room = CHAIN_MAX};
	unsigned first = rd_u8(&r);
	enum err e;

	*out = (struct ticket_policy){.tp = *tp};
	if (!rd_ok(&r))
		return mikey_fail_at(fault, ERR_TRUNCATED, MIKEY_E_TPPAR, base,
		                     "the ticket policy is empty");
	e = mikey_chain_read(&r, first, base, &chain, fault);
	if (e) {
		if (fault)
			fault->no = MIKEY_E_TPPAR;
		return e;
	}
	if (!rd_done(&r))
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TPPAR, base + rd_offset(&r),
		                     "unexpected octets after the ticket policy");
	for (size_t i = 0; i < chain.n && !e; i++)
		e = policy_take(out, &p[i], fault);
	return e;
}

/* Sets the error number MIKEY_E_TICKET, the only one that a peer gets for a fault inside a ticket
 * (decision 0010.20). */
static enum err ticket_fault(enum err e, struct mikey_fault *fault)
{
	if (e && fault)
		fault->no = MIKEY_E_TICKET;
	return e;
}

enum err ticket_data_read(struct ticket_data *out, const struct mikey_payload *ticket,
                          struct mikey_fault *fault)
{
	struct rd r = rd_view(ticket->u.ticket.data);
	size_t base = offset_of(ticket, ticket->u.ticket.data.p);
	struct mikey_payload p[CHAIN_MAX];
	bool has_t = false, has_rand = false, has_kemac = false;
	struct mikey_chain chain = {.p = p, .room = CHAIN_MAX};
	enum err e = mikey_chain_read(&r, MIKEY_THDR, base, &chain, fault);

	*out = (struct ticket_data){0};
	if (e)
		return ticket_fault(e, fault);
	for (size_t i = 0; i < chain.n; i++) {
		bool *had = p[i].type == MIKEY_T       ? &has_t
		            : p[i].type == MIKEY_RAND  ? &has_rand
		            : p[i].type == MIKEY_KEMAC ? &has_kemac
		                                       : NULL;

		if ((had && *had) || (p[i].type == MIKEY_V && i + 1 < chain.n) ||
		    (i && p[i].type == MIKEY_THDR))
			return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TICKET, p[i].offset,
			                     "%s occurs twice or at the wrong place in Ticket Data",
			                     mikey_type_name(p[i].type));
		if (had)
			*had = true;
		if (p[i].type == MIKEY_T)
			out->t = p[i].u.t;
		else if (p[i].type == MIKEY_RAND)
			out->rand = p[i].u.rand;
		else if (p[i].type == MIKEY_KEMAC)
			out->kemac = p[i];
		else if (p[i].type == MIKEY_V)
			out->v = p[i];
		else if (p[i].type == MIKEY_IDR && p[i].u.idr.role == MIKEY_ROLE_PSK)
			out->tpk_id = p[i].u.idr.id;
	}
	if (!has_t || !has_rand || !has_kemac || !chain.n || p[chain.n - 1].type != MIKEY_V ||
	    !rd_done(&r))
		return mikey_fail_at(
			fault, ERR_SYNTAX, MIKEY_E_TICKET, base,
			"Ticket Data must have T, RAND, KEMAC and V, and no octets after V");
	return ERR_OK;
}

enum err ticket_init_data_read(struct ticket_init_data *out, const struct mikey_payload *ticket,
                               struct mikey_fault *fault)
{
	struct view data = ticket->u.ticket.init_data;
	struct rd r = rd_view(data);
	size_t base = offset_of(ticket, data.p);
	unsigned first = rd_u8(&r);
	enum err e;

	if (first != MIKEY_V)
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TICKET, base,
		                     "Initiator Data must begin with V");
	e = mikey_payload_read(&r, MIKEY_V, base, &out->vi, fault);
	/* The next-payload octet of Vi may be 0, because Vi is a copy of V, the last
	 * payload (decision 0010.5). */
	if (!e && out->vi.next != MIKEY_V && out->vi.next != MIKEY_LAST)
		e = mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TICKET, base,
		                  "Initiator Data must hold only two V payloads");
	if (!e)
		e = mikey_payload_read(&r, MIKEY_V, base, &out->vr, fault);
	if (!e && (out->vr.next != MIKEY_LAST || !rd_done(&r)))
		e = mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TICKET, base,
		                  "unexpected octets after Vr in Initiator Data");
	if (!e)
		out->covered = (struct view){.p = data.p, .n = data.n - out->vr.u.v.mac.n};
	return ticket_fault(e, fault);
}

struct view ticket_body(const struct mikey_payload *p)
{
	return (struct view){.p = p->octets.p + 1, .n = p->octets.n - 1};
}

struct view ticket_body_bare(const struct mikey_payload *p)
{
	return (struct view){
		.p = p->octets.p + 1,
		.n = TP_FIXED + p->u.ticket.tp.data.n + 2 + p->u.ticket.data.n,
	};
}

static const char letters[] = "DEFGHIJKLMNO";

const char *ticket_flags_text(unsigned flags, char out[16])
{
	size_t n = 0;

	for (unsigned i = 0; i < 12; i++)
		if (flags & (unsigned)TICKET_D >> i)
			out[n++] = letters[i];
	out[n] = 0;
	return out;
}

const char *ticket_flags_words(unsigned flags, char *out, size_t room)
{
	static const char *const words[12] = {
		"made-by-kms",    "resolve",        "answer",          "responder-rand",
		"initiator-rand", "fork",           "reuse",           "changed-by-kms",
		"initiator-keys", "responder-keys", "plain-initiator", "plain-responder",
	};
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < ARRAY_LEN(words) && n < room; i++)
		if (flags & (unsigned)TICKET_D >> i)
			n += (size_t)snprintf(out + n, room - n, "%s%s", n ? "," : "", words[i]);
	return n ? out : "none";
}

enum err ticket_flags_parse(struct str text, uint16_t *out)
{
	uint16_t flags = 0;

	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] ? strchr(letters, text.p[i]) : NULL;

		if (!at)
			return ERR_SYNTAX;
		flags |= (uint16_t)((unsigned)TICKET_D >> (at - letters));
	}
	*out = flags;
	return ERR_OK;
}
