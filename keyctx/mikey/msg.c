/* SPDX-License-Identifier: MIT */
/* Reads and builds whole messages: header, crypto session map, chain of payloads. */
#include "keyctx/mikey/msg.h"

/* offset of the next-payload octet in the header, after version and data type */
enum { NEXT_AT = 2 };

static struct mikey_cs read_generic_cs(struct rd *r)
{
	struct mikey_cs cs = {.cs_id = rd_u8(r), .prot = rd_u8(r)};
	uint8_t v = rd_u8(r);
	size_t n;

	cs.has_roc = v & 0x80;
	cs.policies = rd_octets(r, v & 0x7f);
	n = rd_u16(r);
	cs.session = rd_octets(r, n);
	n = rd_u8(r);
	cs.spi = rd_octets(r, n);
	return cs;
}

/* Reads an entry of an SRTP-ID map (RFC 3830 6.1.1): policy number, SSRC, ROC. */
static struct mikey_cs read_srtp_cs(struct rd *r, unsigned place)
{
	struct mikey_cs cs = {.cs_id = (uint8_t)place};

	cs.policies = rd_octets(r, 1);
	cs.session = rd_octets(r, 8);
	return cs;
}

static enum err check_cs(const struct mikey_msg *m, size_t i, size_t offset,
                         struct mikey_fault *fault)
{
	const struct mikey_cs *cs = &m->cs[i];

	if (cs->prot != 0)
		return mikey_fail_at(
			fault, ERR_UNSUPPORTED, MIKEY_E_SP, offset,
			"crypto session %u: protocol %u is not supported, must be 0 (SRTP)",
			cs->cs_id, cs->prot);
	if (cs->session.n != 0 && cs->session.n != (cs->has_roc ? 10u : 4u))
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, offset,
		                     "crypto session %u: session data has %zu octets, must be 0, 4 "
		                     "(SSRC) or 10 (SSRC, ROC, SEQ)",
		                     cs->cs_id, cs->session.n);
	for (size_t j = 0; j < i; j++)
		if (m->cs[j].cs_id == cs->cs_id)
			return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, offset,
			                     "crypto session %u occurs twice", cs->cs_id);
	return ERR_OK;
}

static enum err read_map(struct mikey_msg *m, struct rd *r, struct mikey_fault *fault)
{
	const uint8_t *start = r->p;
	size_t n = m->hdr.n_cs;

	if (m->hdr.map_type > MIKEY_MAP_GENERIC_ID)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_UNSPECIFIED, rd_offset(r) - 1,
		                     "map type %u is not supported, must be 0 to 2",
		                     m->hdr.map_type);
	if (m->hdr.map_type == MIKEY_MAP_EMPTY)
		return ERR_OK;
	if (n > MIKEY_CS_MAX)
		return mikey_fail_at(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED, rd_offset(r) - 2,
		                     "%zu crypto sessions, at most %d are allowed", n,
		                     MIKEY_CS_MAX);
	for (size_t i = 0; i < n; i++) {
		size_t offset = rd_offset(r);
		enum err e;

		m->cs[i] = m->hdr.map_type == MIKEY_MAP_GENERIC_ID
		                   ? read_generic_cs(r)
		                   : read_srtp_cs(r, (unsigned)i + 1);
		if (!rd_ok(r))
			return mikey_fail_at(fault, ERR_TRUNCATED, MIKEY_E_UNSPECIFIED, offset,
			                     "the crypto session map is truncated");
		e = m->hdr.map_type == MIKEY_MAP_GENERIC_ID ? check_cs(m, i, offset, fault)
		                                            : ERR_OK;
		if (e)
			return e;
		m->n_cs = i + 1;
	}
	m->hdr.map = (struct view){.p = start, .n = (size_t)(r->p - start)};
	return ERR_OK;
}

static enum err read_hdr(struct mikey_msg *m, struct rd *r, struct mikey_fault *fault)
{
	uint8_t v;

	m->hdr.version = rd_u8(r);
	m->hdr.data_type = rd_u8(r);
	m->hdr.next = rd_u8(r);
	v = rd_u8(r);
	m->hdr.v = v & 0x80;
	m->hdr.prf = v & 0x7f;
	m->hdr.csb_id = rd_u32(r);
	m->hdr.n_cs = rd_u8(r);
	m->hdr.map_type = rd_u8(r);
	if (!rd_ok(r))
		return mikey_fail_at(fault, ERR_TRUNCATED, MIKEY_E_UNSPECIFIED, rd_offset(r),
		                     "the header HDR is truncated");
	if (m->hdr.version != 1)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_UNSPECIFIED, 0,
		                     "MIKEY version %u is not supported, must be 1",
		                     m->hdr.version);
	return read_map(m, r, fault);
}

/* Returns a key that only one payload of a message may have; -1: any number of such payloads is
 * allowed. */
static int single_key(const struct mikey_payload *p)
{
	switch ((enum mikey_type)p->type) {
	case MIKEY_T:
	case MIKEY_V:
	case MIKEY_SIGN:
	case MIKEY_TICKET:
	case MIKEY_TP:
	case MIKEY_KEMAC:
	case MIKEY_PKE:
	case MIKEY_CHASH:
	case MIKEY_RAND:
		return p->type << 8;
	case MIKEY_IDR:
		return p->type << 8 | p->u.idr.role;
	case MIKEY_RANDR:
		return p->type << 8 | p->u.randr.role;
	case MIKEY_SP: /* RFC 3830 6.10: each SP has its own policy number */
		return p->type << 8 | p->u.sp.no;
	case MIKEY_LAST:
	case MIKEY_DH:
	case MIKEY_ID:
	case MIKEY_CERT:
	case MIKEY_ERR:
	case MIKEY_TR:
	case MIKEY_KEY:
	case MIKEY_EXT:
	case MIKEY_SAKKE:
	case MIKEY_THDR:
		break;
	}
	return -1;
}

static enum err check_chain(const struct mikey_msg *m, struct mikey_fault *fault)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct mikey_payload *p = &m->p[i];
		int key = single_key(p);

		if ((p->type == MIKEY_V || p->type == MIKEY_SIGN) && i + 1 < m->n)
			return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, p->offset,
			                     "%s must be the last payload",
			                     mikey_type_name(p->type));
		for (size_t j = 0; key >= 0 && j < i; j++)
			if (single_key(&m->p[j]) == key)
				return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
				                     p->offset, "%s occurs twice",
				                     mikey_type_name(p->type));
	}
	return ERR_OK;
}

enum err mikey_msg_read_prefix(struct mikey_msg *out, struct view octets, struct mikey_fault *fault)
{
	struct mikey_chain chain = {.p = out->p, .room = MIKEY_PAYLOADS_MAX};
	struct rd r = rd_view(octets);
	enum err e;

	*out = (struct mikey_msg){.octets = octets};
	if (octets.n > MIKEY_MESSAGE_MAX)
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
		                  "the message has %zu octets, at most %d are allowed", octets.n,
		                  MIKEY_MESSAGE_MAX);
	e = read_hdr(out, &r, fault);
	if (!e)
		e = mikey_chain_read(&r, out->hdr.next, 0, &chain, fault);
	out->n = chain.n;
	if (!e)
		e = check_chain(out, fault);
	if (!e && !rd_done(&r))
		e = mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, rd_offset(&r),
		                  "%zu unexpected octets after the last payload", rd_left(&r));
	return e;
}

enum err mikey_msg_read(struct mikey_msg *out, struct view octets, struct mikey_fault *fault)
{
	enum err e = mikey_msg_read_prefix(out, octets, fault);

	if (e)
		out->n = out->n_cs = 0;
	return e;
}

const struct mikey_payload *mikey_msg_find(const struct mikey_msg *m, unsigned type)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].type == type)
			return &m->p[i];
	return NULL;
}

const struct mikey_payload *mikey_msg_idr(const struct mikey_msg *m, unsigned role)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].type == MIKEY_IDR && m->p[i].u.idr.role == role)
			return &m->p[i];
	return NULL;
}

static const struct mikey_payload *mikey_msg_randr(const struct mikey_msg *m, unsigned role)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].type == MIKEY_RANDR && m->p[i].u.randr.role == role)
			return &m->p[i];
	return NULL;
}

struct view mikey_msg_rand_of(const struct mikey_msg *m, unsigned role)
{
	const struct mikey_payload *p = mikey_msg_randr(m, role);

	return p ? p->u.randr.rand : (struct view){0};
}

const struct mikey_cs *mikey_msg_cs(const struct mikey_msg *m, unsigned cs_id)
{
	for (size_t i = 0; i < m->n_cs; i++)
		if (m->cs[i].cs_id == cs_id)
			return &m->cs[i];
	return NULL;
}

const char *mikey_data_type_name(unsigned data_type)
{
	static const char *const names[] = {
		"PSK_INIT",         "PSK_RESP",        "PK_INIT",       "PK_RESP",
		"DH_INIT",          "DH_RESP",         "Error",         "DHHMAC_INIT",
		"DHHMAC_RESP",      "RSA_R_INIT",      "RSA_R_RESP",    "REQUEST_INIT_PSK",
		"REQUEST_INIT_PK",  "REQUEST_RESP",    "TRANSFER_INIT", "TRANSFER_RESP",
		"RESOLVE_INIT_PSK", "RESOLVE_INIT_PK", "RESOLVE_RESP",
	};

	return data_type < ARRAY_LEN(names) ? names[data_type]
	       : data_type == 26            ? "SAKKE"
	                                    : "unknown";
}

static void write_cs(struct wr *w, const struct mikey_cs *cs)
{
	if (cs->policies.n > 0x7f || cs->session.n > UINT16_MAX || cs->spi.n > UINT8_MAX)
		w->bad = true;
	wr_u8(w, cs->cs_id);
	wr_u8(w, cs->prot);
	wr_u8(w, (uint8_t)((cs->has_roc ? 0x80u : 0u) | cs->policies.n));
	wr_view(w, cs->policies);
	wr_u16(w, (uint16_t)cs->session.n);
	wr_view(w, cs->session);
	wr_u8(w, (uint8_t)cs->spi.n);
	wr_view(w, cs->spi);
}

void mikey_build_start(struct mikey_build *b, struct wr room, const struct mikey_hdr *hdr,
                       const struct mikey_cs *cs, size_t n_cs)
{
	struct wr *w = &b->w;

	*b = (struct mikey_build){.w = room, .next_at = NEXT_AT};
	wr_u8(w, 1);
	wr_u8(w, hdr->data_type);
	wr_u8(w, MIKEY_LAST);
	wr_u8(w, (uint8_t)((hdr->v ? 0x80 : 0) | (hdr->prf & 0x7f)));
	wr_u32(w, hdr->csb_id);
	wr_u8(w, (uint8_t)n_cs);
	wr_u8(w, hdr->map_type);
	for (size_t i = 0; i < n_cs; i++)
		write_cs(w, &cs[i]);
}

void mikey_build_chain(struct mikey_build *b, const struct wr *w, bool numbered)
{
	*b = (struct mikey_build){.w = *w, .next_at = SIZE_MAX};
	if (numbered) {
		b->next_at = wr_len(w);
		wr_u8(&b->w, MIKEY_LAST);
	}
}

static void name_next(struct mikey_build *b, unsigned type)
{
	if (b->next_at != SIZE_MAX && !b->w.bad && type <= UINT8_MAX)
		b->w.start[b->next_at] = (uint8_t)type;
	b->next_at = type == MIKEY_SIGN ? SIZE_MAX : wr_len(&b->w);
}

void mikey_build_add(struct mikey_build *b, const struct mikey_payload *p)
{
	struct mikey_payload last = *p;

	last.next = MIKEY_LAST;
	name_next(b, p->type);
	mikey_payload_write(&b->w, &last);
}

void mikey_build_add_raw(struct mikey_build *b, unsigned type, struct view body)
{
	name_next(b, type);
	wr_u8(&b->w, MIKEY_LAST);
	wr_view(&b->w, body);
}

enum err mikey_build_done(const struct mikey_build *b, struct view *out)
{
	if (!wr_ok(&b->w))
		return ERR_TOO_BIG;
	*out = (struct view){.p = b->w.start, .n = wr_len(&b->w)};
	return ERR_OK;
}

struct mikey_payload mikey_make_t(struct mikey_ts ts)
{
	return (struct mikey_payload){.type = MIKEY_T, .u.t = ts};
}

struct mikey_payload mikey_make_idr(unsigned role, struct mikey_id id)
{
	return (struct mikey_payload){
		.type = MIKEY_IDR,
		.u.idr = {.role = (uint8_t)role, .id = id},
	};
}

struct mikey_payload mikey_make_randr(unsigned role, struct view rand)
{
	return (struct mikey_payload){
		.type = MIKEY_RANDR,
		.u.randr = {.role = (uint8_t)role, .rand = rand},
	};
}

struct mikey_payload mikey_make_v(unsigned alg, struct view mac)
{
	return (struct mikey_payload){.type = MIKEY_V, .u.v = {.alg = (uint8_t)alg, .mac = mac}};
}
