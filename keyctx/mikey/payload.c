/* SPDX-License-Identifier: MIT */
/* Reads and writes single MIKEY payloads; each type is a row of a table. */
#include "keyctx/mikey/payload.h"

/* `read` of a row returns FINE, or the MIKEY error number of a fault. If octets are missing, `read`
 * sets r->bad. */
enum { FINE = -1 };

struct codec {
	unsigned type;
	const char *name;
	int (*read)(struct rd *r, struct mikey_payload *p);
	void (*write)(struct wr *w, const struct mikey_payload *p);
};

size_t mikey_ts_len(unsigned type)
{
	static const uint8_t lens[] = {
		[MIKEY_TS_NTP_UTC] = 8,
		[MIKEY_TS_NTP] = 8,
		[MIKEY_TS_COUNTER] = 4,
		[MIKEY_TS_NTP_UTC_32] = 4,
	};

	return type < ARRAY_LEN(lens) ? lens[type] : 0;
}

uint64_t mikey_ts_to_64(struct mikey_ts ts)
{
	return ts.type == MIKEY_TS_NTP_UTC_32 ? ts.value << 32 : ts.value;
}

static const uint8_t mac_lens[] = {
	[MIKEY_MAC_NULL] = 0,
	[MIKEY_MAC_SHA1_160] = 20,
	[MIKEY_MAC_SHA256_256] = 32,
};

static const uint8_t hash_lens[] = {
	[MIKEY_HASH_SHA1] = 20,
	[MIKEY_HASH_MD5] = 16,
	[MIKEY_HASH_SHA256] = 32,
};

static int read_ts(struct rd *r, struct mikey_ts *ts)
{
	size_t n;

	ts->type = rd_u8(r);
	n = mikey_ts_len(ts->type);
	if (!n)
		return MIKEY_E_TS;
	ts->value = rd_uint(r, (unsigned)n);
	return FINE;
}

static void write_ts(struct wr *w, struct mikey_ts ts)
{
	wr_u8(w, ts.type);
	wr_uint(w, ts.value, (unsigned)mikey_ts_len(ts.type));
}

static int read_mac(struct rd *r, uint8_t *alg, struct view *mac)
{
	*alg = rd_u8(r);
	if (*alg >= ARRAY_LEN(mac_lens))
		return MIKEY_E_MAC;
	*mac = rd_octets(r, mac_lens[*alg]);
	return FINE;
}

static struct view read_long(struct rd *r)
{
	size_t n = rd_u16(r);

	return rd_octets(r, n);
}

static struct view read_short(struct rd *r)
{
	size_t n = rd_u8(r);

	return rd_octets(r, n);
}

static void write_long(struct wr *w, struct view v)
{
	if (v.n > UINT16_MAX)
		w->bad = true;
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
}

static void write_short(struct wr *w, struct view v)
{
	if (v.n > UINT8_MAX)
		w->bad = true;
	wr_u8(w, (uint8_t)v.n);
	wr_view(w, v);
}

static int read_kemac(struct rd *r, struct mikey_payload *p)
{
	p->u.kemac.encr = rd_u8(r);
	p->u.kemac.data = read_long(r);
	return read_mac(r, &p->u.kemac.mac_alg, &p->u.kemac.mac);
}

static void write_kemac(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.kemac.encr);
	write_long(w, p->u.kemac.data);
	wr_u8(w, p->u.kemac.mac_alg);
	wr_view(w, p->u.kemac.mac);
}

static int read_pke(struct rd *r, struct mikey_payload *p)
{
	uint16_t v = rd_u16(r);

	p->u.pke.c = (uint8_t)(v >> 14);
	p->u.pke.data = rd_octets(r, v & 0x3fff);
	return FINE;
}

static void write_pke(struct wr *w, const struct mikey_payload *p)
{
	if (p->u.pke.data.n > 0x3fff)
		w->bad = true;
	wr_u16(w, (uint16_t)((unsigned)p->u.pke.c << 14 | p->u.pke.data.n));
	wr_view(w, p->u.pke.data);
}

static int read_sign(struct rd *r, struct mikey_payload *p)
{
	uint16_t v = rd_u16(r);

	p->u.sign.scheme = (uint8_t)(v >> 12);
	p->u.sign.sig = rd_octets(r, v & 0xfff);
	return FINE;
}

static void write_sign(struct wr *w, const struct mikey_payload *p)
{
	if (p->u.sign.sig.n > 0xfff)
		w->bad = true;
	wr_u16(w, (uint16_t)((unsigned)p->u.sign.scheme << 12 | p->u.sign.sig.n));
	wr_view(w, p->u.sign.sig);
}

static int read_t(struct rd *r, struct mikey_payload *p)
{
	return read_ts(r, &p->u.t);
}

static void write_t(struct wr *w, const struct mikey_payload *p)
{
	write_ts(w, p->u.t);
}

static int read_cert(struct rd *r, struct mikey_payload *p)
{
	p->u.cert.kind = rd_u8(r);
	p->u.cert.data = read_long(r);
	return FINE;
}

static void write_cert(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.cert.kind);
	write_long(w, p->u.cert.data);
}

static int read_chash(struct rd *r, struct mikey_payload *p)
{
	p->u.chash.hash = rd_u8(r);
	if (p->u.chash.hash >= ARRAY_LEN(hash_lens))
		return MIKEY_E_HASH;
	p->u.chash.data = rd_octets(r, hash_lens[p->u.chash.hash]);
	return FINE;
}

static void write_chash(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.chash.hash);
	wr_view(w, p->u.chash.data);
}

static int read_v(struct rd *r, struct mikey_payload *p)
{
	return read_mac(r, &p->u.v.alg, &p->u.v.mac);
}

static void write_v(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.v.alg);
	wr_view(w, p->u.v.mac);
}

static int read_sp(struct rd *r, struct mikey_payload *p)
{
	p->u.sp.no = rd_u8(r);
	p->u.sp.prot = rd_u8(r);
	p->u.sp.params = read_long(r);
	return FINE;
}

static void write_sp(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.sp.no);
	wr_u8(w, p->u.sp.prot);
	write_long(w, p->u.sp.params);
}

static int read_rand(struct rd *r, struct mikey_payload *p)
{
	p->u.rand = read_short(r);
	return FINE;
}

static void write_rand(struct wr *w, const struct mikey_payload *p)
{
	write_short(w, p->u.rand);
}

static int read_err(struct rd *r, struct mikey_payload *p)
{
	p->u.err.no = rd_u8(r);
	p->u.err.reserved = rd_u16(r);
	return FINE;
}

static void write_err(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.err.no);
	wr_u16(w, p->u.err.reserved);
}

static int read_tr(struct rd *r, struct mikey_payload *p)
{
	p->u.tr.role = rd_u8(r);
	return read_ts(r, &p->u.tr.ts);
}

static void write_tr(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.tr.role);
	write_ts(w, p->u.tr.ts);
}

static int read_idr(struct rd *r, struct mikey_payload *p)
{
	p->u.idr.role = rd_u8(r);
	p->u.idr.id.type = rd_u8(r);
	p->u.idr.id.data = read_long(r);
	return FINE;
}

static void write_idr(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.idr.role);
	wr_u8(w, p->u.idr.id.type);
	write_long(w, p->u.idr.id.data);
}

static int read_randr(struct rd *r, struct mikey_payload *p)
{
	p->u.randr.role = rd_u8(r);
	p->u.randr.rand = read_short(r);
	return FINE;
}

static void write_randr(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.randr.role);
	write_short(w, p->u.randr.rand);
}

/* RFC 6043 6.10: PRF and twelve flags share three octets with five reserved bits. */
static void read_policy(struct rd *r, struct mikey_tp *tp)
{
	uint32_t bits;

	tp->ticket_type = rd_u16(r);
	tp->subtype = rd_u8(r);
	tp->version = rd_u8(r);
	bits = rd_u24(r);
	tp->prf = (uint8_t)(bits >> 17);
	tp->flags = (uint16_t)(bits >> 5 & 0xfff);
	tp->res = (uint8_t)(bits & 0x1f);
	tp->data = read_long(r);
}

static void write_policy(struct wr *w, const struct mikey_tp *tp)
{
	wr_u16(w, tp->ticket_type);
	wr_u8(w, tp->subtype);
	wr_u8(w, tp->version);
	wr_u24(w, (uint32_t)tp->prf << 17 | (uint32_t)(tp->flags & 0xfff) << 5 | (tp->res & 0x1f));
	write_long(w, tp->data);
}

static int read_tp(struct rd *r, struct mikey_payload *p)
{
	read_policy(r, &p->u.tp);
	return FINE;
}

static void write_tp(struct wr *w, const struct mikey_payload *p)
{
	write_policy(w, &p->u.tp);
}

static int read_ticket(struct rd *r, struct mikey_payload *p)
{
	read_policy(r, &p->u.ticket.tp);
	p->u.ticket.data = read_long(r);
	p->u.ticket.init_data = read_long(r);
	return FINE;
}

static void write_ticket(struct wr *w, const struct mikey_payload *p)
{
	write_policy(w, &p->u.ticket.tp);
	write_long(w, p->u.ticket.data);
	write_long(w, p->u.ticket.init_data);
}

static bool has_salt(unsigned key_type)
{
	return key_type == MIKEY_TGK_SALT || key_type == MIKEY_TEK_SALT ||
	       key_type == MIKEY_GTGK_SALT;
}

static int read_key(struct rd *r, struct mikey_payload *p)
{
	uint8_t v = rd_u8(r);

	p->u.key.type = v >> 4;
	p->u.key.kv = v & 0xf;
	if (p->u.key.type > MIKEY_MPK || p->u.key.kv > MIKEY_KV_INTERVAL)
		return MIKEY_E_UNSPECIFIED;
	p->u.key.key = read_long(r);
	if (has_salt(p->u.key.type))
		p->u.key.salt = read_long(r);
	if (p->u.key.kv == MIKEY_KV_SPI)
		p->u.key.spi = read_short(r);
	if (p->u.key.kv == MIKEY_KV_INTERVAL) {
		p->u.key.from = read_short(r);
		p->u.key.to = read_short(r);
	}
	return FINE;
}

static void write_key(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, (uint8_t)(p->u.key.type << 4 | p->u.key.kv));
	write_long(w, p->u.key.key);
	if (has_salt(p->u.key.type))
		write_long(w, p->u.key.salt);
	if (p->u.key.kv == MIKEY_KV_SPI)
		write_short(w, p->u.key.spi);
	if (p->u.key.kv == MIKEY_KV_INTERVAL) {
		write_short(w, p->u.key.from);
		write_short(w, p->u.key.to);
	}
}

static int read_ext(struct rd *r, struct mikey_payload *p)
{
	p->u.ext.kind = rd_u8(r);
	p->u.ext.data = read_long(r);
	return FINE;
}

static void write_ext(struct wr *w, const struct mikey_payload *p)
{
	wr_u8(w, p->u.ext.kind);
	write_long(w, p->u.ext.data);
}

static int read_thdr(struct rd *r, struct mikey_payload *p)
{
	p->u.thdr = read_long(r);
	return FINE;
}

static void write_thdr(struct wr *w, const struct mikey_payload *p)
{
	write_long(w, p->u.thdr);
}

static const struct codec codecs[] = {
	{MIKEY_KEMAC, "KEMAC", read_kemac, write_kemac},
	{MIKEY_PKE, "PKE", read_pke, write_pke},
	{MIKEY_SIGN, "SIGN", read_sign, write_sign},
	{MIKEY_T, "T", read_t, write_t},
	{MIKEY_CERT, "CERT", read_cert, write_cert},
	{MIKEY_CHASH, "CHASH", read_chash, write_chash},
	{MIKEY_V, "V", read_v, write_v},
	{MIKEY_SP, "SP", read_sp, write_sp},
	{MIKEY_RAND, "RAND", read_rand, write_rand},
	{MIKEY_ERR, "ERR", read_err, write_err},
	{MIKEY_TR, "TR", read_tr, write_tr},
	{MIKEY_IDR, "IDR", read_idr, write_idr},
	{MIKEY_RANDR, "RANDR", read_randr, write_randr},
	{MIKEY_TP, "TP", read_tp, write_tp},
	{MIKEY_TICKET, "TICKET", read_ticket, write_ticket},
	{MIKEY_KEY, "KEY", read_key, write_key},
	{MIKEY_EXT, "EXT", read_ext, write_ext},
	{MIKEY_THDR, "THDR", read_thdr, write_thdr},
	{MIKEY_DH, "DH", NULL, NULL},
	{MIKEY_ID, "ID", NULL, NULL},
	{MIKEY_SAKKE, "SAKKE", NULL, NULL},
};

static const struct codec *codec_of(unsigned type)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (codecs[i].type == type)
			return &codecs[i];
	return NULL;
}

enum err mikey_payload_read(struct rd *r, unsigned type, size_t base, struct mikey_payload *out,
                            struct mikey_fault *fault)
{
	const struct codec *c = codec_of(type);
	const uint8_t *start = r->p;
	struct mikey_payload p = {.type = (uint16_t)type,
	                          .offset = (uint32_t)(base + rd_offset(r))};
	int no;

	if (!c)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_UNSPECIFIED, p.offset,
		                     "unknown payload type %u", type);
	if (!c->read)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_UNSUPPORTED, p.offset,
		                     "payload %s is not supported", c->name);
	if (type != MIKEY_SIGN)
		p.next = rd_u8(r);
	no = c->read(r, &p);
	if (!rd_ok(r))
		return mikey_fail_at(fault, ERR_TRUNCATED, MIKEY_E_UNSPECIFIED, base + rd_offset(r),
		                     "%s is truncated", c->name);
	if (no != FINE)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, (enum mikey_error)no, p.offset,
		                     "%s has an unknown type or algorithm number", c->name);
	p.octets = (struct view){.p = start, .n = (size_t)(r->p - start)};
	*out = p;
	return ERR_OK;
}

void mikey_payload_write(struct wr *w, const struct mikey_payload *p)
{
	const struct codec *c = codec_of(p->type);

	if (!c || !c->write) {
		w->bad = true;
		return;
	}
	if (p->type != MIKEY_SIGN)
		wr_u8(w, p->next);
	c->write(w, p);
}

enum err mikey_chain_read(struct rd *r, unsigned first, size_t base, struct mikey_chain *out,
                          struct mikey_fault *fault)
{
	unsigned type = first;

	out->n = 0;
	while (type != MIKEY_LAST) {
		enum err e;

		if (out->n == out->room)
			return mikey_fail_at(
				fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED, base + rd_offset(r),
				"too many payloads in one chain, at most %zu are allowed",
				out->room);
		e = mikey_payload_read(r, type, base, &out->p[out->n], fault);
		if (e)
			return e;
		type = out->p[out->n++].next;
	}
	return ERR_OK;
}

const char *mikey_type_name(unsigned type)
{
	const struct codec *c = codec_of(type);

	return c ? c->name : "unknown";
}

const char *mikey_key_type_name(unsigned type)
{
	static const char *const names[] = {
		[MIKEY_TGK] = "TGK",   [MIKEY_TGK_SALT] = "TGK+SALT",
		[MIKEY_TEK] = "TEK",   [MIKEY_TEK_SALT] = "TEK+SALT",
		[MIKEY_GTGK] = "GTGK", [MIKEY_GTGK_SALT] = "GTGK+SALT",
		[MIKEY_MPK] = "MPK",
	};

	return type < ARRAY_LEN(names) ? names[type] : "unknown";
}
