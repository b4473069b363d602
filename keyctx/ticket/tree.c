/* SPDX-License-Identifier: MIT */
/* Makes the tree of fields of a message, and writes the tree as text and JSON. */
#include "keyctx/ticket/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/mikey/csmap.h"
#include "keyctx/ticket/policy.h"

enum {
	NODES_MAX = 8192, /* most nodes of a tree; a message of 16 kB has fewer */
	VALUE_MAX = 40,   /* a longer field is cut to this many octets */
	CHAIN_MAX = 40,
};

/* The tree that is being built, and the message. */
struct making {
	struct mikey_tree *tree;
	struct view octets;
	unsigned depth;
};

static struct mikey_node *add(struct making *m, const uint8_t *at, size_t n, const char *name)
{
	struct mikey_tree *t = m->tree;
	struct mikey_node *node;

	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct mikey_node *more =
			t->n < NODES_MAX ? mem_resize(t->nodes, room, sizeof(*more)) : NULL;

		if (!more) {
			t->bad = true;
			return NULL;
		}
		t->nodes = more;
		t->room = room;
	}
	node = &t->nodes[t->n++];
	*node = (struct mikey_node){
		.depth = (uint8_t)m->depth,
		.offset = (uint32_t)(at - m->octets.p),
		.len = (uint32_t)n,
		.name = name,
	};
	return node;
}

static char *text(struct mikey_tree *t, const char *fmt, va_list ap)
{
	char room[512], *out;
	int n = vsnprintf(room, sizeof(room), fmt, ap);

	out = mem_text(room, n < (int)sizeof(room) ? (size_t)n : sizeof(room) - 1);
	t->bad = t->bad || !out;
	return out;
}

PRINTF_LIKE(4, 5)
static struct mikey_node *field(struct making *m, struct view octets, const char *name,
                                const char *fmt, ...)
{
	struct mikey_node *node = add(m, octets.p, octets.n, name);
	va_list ap;

	va_start(ap, fmt);
	if (node)
		node->value = text(m->tree, fmt, ap);
	va_end(ap);
	return node;
}

PRINTF_LIKE(3, 4)
static void note(struct making *m, struct mikey_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (node)
		node->note = text(m->tree, fmt, ap);
	va_end(ap);
}

static void octets_field(struct making *m, struct view v, const char *name)
{
	char hex[2 * VALUE_MAX + 4] = "";

	for (size_t i = 0; i < v.n && i < VALUE_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", v.p[i]);
	note(m, field(m, v, name, "%s%s", hex, v.n > VALUE_MAX ? "..." : ""), "%zu octets", v.n);
}

/* Adds a field of one octet that holds a number. `meaning` may be NULL. */
static void number(struct making *m, const uint8_t *at, const char *name, unsigned value,
                   const char *meaning)
{
	struct mikey_node *node = field(m, (struct view){at, 1}, name, "%u", value);

	if (meaning)
		note(m, node, "%s", meaning);
}

static const char *named(unsigned value, const char *const *names, size_t n)
{
	return value < n && names[value] ? names[value] : "unknown";
}

static const char *const prf_names[] = {"MIKEY-1 (HMAC-SHA-1)", "PRF-HMAC-SHA-256"};
static const char *const encr_names[] = {"NULL", "AES-CM-128", "AES-KW-128", "AES-CM-256"};
static const char *const mac_names[] = {"NULL", "HMAC-SHA-1-160", "HMAC-SHA-256-256"};
static const char *const hash_names[] = {"SHA-1", "MD5", "SHA-256"};
static const char *const sign_names[] = {"RSA/PKCS#1 v1.5", "RSA/PSS"};
static const char *const map_names[] = {"SRTP-ID", "Empty", "GENERIC-ID"};
static const char *const role_names[] = {NULL,  "Initiator", "Responder",
                                         "KMS", "PSK",       "Application"};
static const char *const tr_names[] = {NULL, "issue", "start", "end", "rekey interval"};
static const char *const id_names[] = {"NAI", "URI", "byte string"};
static const char *const ts_names[] = {"NTP-UTC", "NTP", "COUNTER", "NTP-UTC-32"};
static const char *const cert_names[] = {"X.509v3", "X.509v3 URL", "X.509v3 sign", "X.509v3 encr"};
static const char *const ext_names[] = {"vendor", "SDP IDs", NULL, "Key ID"};
static const char *const kv_names[] = {"null", "SPI", "interval"};
static const char *const param_names[CSMAP_PARAM_COUNT] = {
	"encr_alg",   "encr_key_len",
	"auth_alg",   "auth_key_len",
	"salt_len",   "srtp_prf",
	"kdr",        "srtp_encr",
	"srtcp_encr", "fec_order",
	"srtp_auth",  "auth_tag_len",
	"prefix_len", [CSMAP_AEAD_TAG_LEN] = "aead_tag_len",
};

#define NAMED(value, names) named((value), (names), ARRAY_LEN(names))

static void time_field(struct making *m, const uint8_t *at, struct mikey_ts ts)
{
	size_t n = mikey_ts_len(ts.type);
	struct mikey_node *node;
	uint64_t wall_ns = clk_ntp_to_wall(mikey_ts_to_64(ts));
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	char day[32];

	number(m, at, "ts_type", ts.type, NAMED(ts.type, ts_names));
	node = field(m, (struct view){at + 1, n}, "ts_value", "%0*" PRIx64, (int)(2 * n), ts.value);
	if (ts.type == MIKEY_TS_COUNTER || !gmtime_r(&s, &tm) ||
	    !strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm))
		return;
	note(m, node, "%s.%03u UTC", day, (unsigned)(wall_ns / NS_PER_MS % 1000));
}

static bool is_text(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return false;
	return v.n > 0;
}

static void id_field(struct making *m, struct mikey_id id)
{
	number(m, id.data.p - 3, "id_type", id.type, NAMED(id.type, id_names));
	if (is_text(id.data) && id.data.n < 400)
		field(m, id.data, "id", "%.*s", (int)id.data.n, (const char *)id.data.p);
	else
		octets_field(m, id.data, "id");
}

static void kemac_fields(struct making *m, const struct mikey_payload *p)
{
	const uint8_t *start = p->octets.p;
	struct view data = p->u.kemac.data;

	number(m, start + 1, "encr_alg", p->u.kemac.encr, NAMED(p->u.kemac.encr, encr_names));
	/* Unencrypted data may be a key, so it is not shown. */
	if (p->u.kemac.encr == MIKEY_ENCR_NULL)
		note(m, field(m, data, "key_data", "%zu octets", data.n),
		     "not encrypted, not shown");
	else
		octets_field(m, data, "encr_data");
	number(m, data.p + data.n, "mac_alg", p->u.kemac.mac_alg,
	       NAMED(p->u.kemac.mac_alg, mac_names));
	if (p->u.kemac.mac.n)
		octets_field(m, p->u.kemac.mac, "mac");
}

static void sp_fields(struct making *m, const struct mikey_payload *p)
{
	struct rd r = rd_view(p->u.sp.params);

	number(m, p->octets.p + 1, "policy_no", p->u.sp.no, NULL);
	number(m, p->octets.p + 2, "prot_type", p->u.sp.prot, p->u.sp.prot ? "unknown" : "SRTP");
	while (rd_left(&r) >= 2) {
		const uint8_t *at = r.p;
		unsigned type = rd_u8(&r), len = rd_u8(&r);
		struct view v = rd_octets(&r, len);
		const char *name =
			type < CSMAP_PARAM_COUNT && param_names[type] ? param_names[type] : "param";

		if (!rd_ok(&r))
			break;
		if (v.n && v.n <= 4) {
			struct rd value = rd_view(v);

			note(m,
			     field(m, (struct view){at, 2 + v.n}, name, "%" PRIu64,
			           rd_uint(&value, (unsigned)v.n)),
			     "parameter %u", type);
		} else {
			octets_field(m, v, name);
		}
	}
}

static void payload_node(struct making *m, const struct mikey_payload *p);

/* Adds the payloads of a chain inside a payload. Stops at the first one that can't be decoded;
 * look_inside() reports that fault. */
static void chain(struct making *m, struct view v, unsigned first, bool numbered)
{
	struct rd r = rd_view(v);
	struct mikey_payload p[CHAIN_MAX];
	struct mikey_chain read = {.p = p, .room = CHAIN_MAX};

	if (numbered)
		first = rd_u8(&r);
	(void)!mikey_chain_read(&r, first, 0, &read, NULL);
	for (size_t i = 0; i < read.n; i++)
		payload_node(m, &p[i]);
}

static void policy_fields(struct making *m, const struct mikey_tp *tp, const uint8_t *at)
{
	struct mikey_node *node;
	char flags[16], words[TICKET_FLAGS_WORDS_MAX];

	node = field(m, (struct view){at, 2}, "ticket_type", "%u", tp->ticket_type);
	if (tp->ticket_type == TICKET_TYPE_MIKEY)
		note(m, node, "MIKEY base ticket");
	else if (tp->ticket_type == TICKET_TYPE_3GPP)
		note(m, node, "3GPP base ticket");
	number(m, at + 2, "subtype", tp->subtype, NULL);
	number(m, at + 3, "version", tp->version, NULL);
	number(m, at + 4, "prf", tp->prf, NAMED(tp->prf, prf_names));
	node = field(m, (struct view){at + 4, 3}, "flags", "%s",
	             ticket_flags_text(tp->flags, flags));
	note(m, node, "%s", ticket_flags_words(tp->flags, words, sizeof(words)));
	add(m, tp->data.p, tp->data.n, "tp_data");
	m->depth++;
	chain(m, tp->data, 0, true);
	m->depth--;
}

static void ticket_fields(struct making *m, const struct mikey_payload *p)
{
	policy_fields(m, &p->u.ticket.tp, p->octets.p + 1);
	add(m, p->u.ticket.data.p, p->u.ticket.data.n, "ticket_data");
	m->depth++;
	chain(m, p->u.ticket.data, MIKEY_THDR, false);
	m->depth--;
	add(m, p->u.ticket.init_data.p, p->u.ticket.init_data.n, "initiator_data");
	m->depth++;
	if (p->u.ticket.init_data.n)
		chain(m, p->u.ticket.init_data, 0, true);
	m->depth--;
}

static void key_fields(struct making *m, const struct mikey_payload *p)
{
	number(m, p->octets.p + 1, "key_type", p->u.key.type, mikey_key_type_name(p->u.key.type));
	number(m, p->octets.p + 1, "kv", p->u.key.kv, NAMED(p->u.key.kv, kv_names));
	note(m, field(m, p->u.key.key, "key", "%zu octets", p->u.key.key.n), "not shown");
	if (p->u.key.spi.n)
		octets_field(m, p->u.key.spi, "spi");
}

static void payload_fields(struct making *m, const struct mikey_payload *p)
{
	const uint8_t *start = p->octets.p;

	if (p->type != MIKEY_SIGN)
		number(m, start, "next", p->next, p->next ? mikey_type_name(p->next) : "last");
	switch ((enum mikey_type)p->type) {
	case MIKEY_KEMAC:
		kemac_fields(m, p);
		break;
	case MIKEY_PKE:
		octets_field(m, p->u.pke.data, "data");
		break;
	case MIKEY_SIGN:
		number(m, start, "scheme", p->u.sign.scheme, NAMED(p->u.sign.scheme, sign_names));
		octets_field(m, p->u.sign.sig, "signature");
		break;
	case MIKEY_T:
		time_field(m, start + 1, p->u.t);
		break;
	case MIKEY_CERT:
		number(m, start + 1, "cert_type", p->u.cert.kind,
		       NAMED(p->u.cert.kind, cert_names));
		octets_field(m, p->u.cert.data, "data");
		break;
	case MIKEY_CHASH:
		number(m, start + 1, "hash", p->u.chash.hash, NAMED(p->u.chash.hash, hash_names));
		octets_field(m, p->u.chash.data, "data");
		break;
	case MIKEY_V:
		number(m, start + 1, "mac_alg", p->u.v.alg, NAMED(p->u.v.alg, mac_names));
		octets_field(m, p->u.v.mac, "mac");
		break;
	case MIKEY_SP:
		sp_fields(m, p);
		break;
	case MIKEY_RAND:
		octets_field(m, p->u.rand, "rand");
		break;
	case MIKEY_ERR:
		number(m, start + 1, "error", p->u.err.no, mikey_error_name(p->u.err.no));
		break;
	case MIKEY_TR:
		number(m, start + 1, "role", p->u.tr.role, NAMED(p->u.tr.role, tr_names));
		time_field(m, start + 2, p->u.tr.ts);
		break;
	case MIKEY_IDR:
		number(m, start + 1, "role", p->u.idr.role, NAMED(p->u.idr.role, role_names));
		id_field(m, p->u.idr.id);
		break;
	case MIKEY_RANDR:
		number(m, start + 1, "role", p->u.randr.role, NAMED(p->u.randr.role, role_names));
		octets_field(m, p->u.randr.rand, "rand");
		break;
	case MIKEY_TP:
		policy_fields(m, &p->u.tp, start + 1);
		break;
	case MIKEY_TICKET:
		ticket_fields(m, p);
		break;
	case MIKEY_KEY:
		key_fields(m, p);
		break;
	case MIKEY_EXT:
		number(m, start + 1, "ext_type", p->u.ext.kind, NAMED(p->u.ext.kind, ext_names));
		octets_field(m, p->u.ext.data, "data");
		break;
	case MIKEY_THDR:
		octets_field(m, p->u.thdr, "data");
		break;
	case MIKEY_LAST:
	case MIKEY_DH:
	case MIKEY_ID:
	case MIKEY_SAKKE:
		break;
	}
}

static void payload_node(struct making *m, const struct mikey_payload *p)
{
	add(m, p->octets.p, p->octets.n, mikey_type_name(p->type));
	m->depth++;
	payload_fields(m, p);
	m->depth--;
}

static void cs_node(struct making *m, const struct mikey_cs *cs, bool generic)
{
	const uint8_t *start = cs->policies.p - (generic ? 3 : 0);
	const uint8_t *end = generic ? cs->spi.p + cs->spi.n : start + 9;

	add(m, start, (size_t)(end - start), "crypto_session");
	m->depth++;
	number(m, start, "cs_id", cs->cs_id, NULL);
	octets_field(m, cs->policies, "policies");
	octets_field(m, cs->session, "session_data");
	if (generic)
		octets_field(m, cs->spi, "spi");
	m->depth--;
}

static void header_node(struct making *m, const struct mikey_msg *msg)
{
	const struct mikey_hdr *h = &msg->hdr;
	const uint8_t *p = msg->octets.p;

	add(m, p, 10 + h->map.n, "HDR");
	m->depth++;
	number(m, p, "version", h->version, NULL);
	number(m, p + 1, "data_type", h->data_type, mikey_data_type_name(h->data_type));
	number(m, p + 2, "next", h->next, h->next ? mikey_type_name(h->next) : "last");
	number(m, p + 3, "v", h->v, h->v ? "a response is requested" : NULL);
	number(m, p + 3, "prf", h->prf, NAMED(h->prf, prf_names));
	field(m, (struct view){p + 4, 4}, "csb_id", "%08" PRIx32, h->csb_id);
	number(m, p + 8, "n_cs", h->n_cs, NULL);
	number(m, p + 9, "map_type", h->map_type, NAMED(h->map_type, map_names));
	for (size_t i = 0; i < msg->n_cs; i++)
		cs_node(m, &msg->cs[i], h->map_type == MIKEY_MAP_GENERIC_ID);
	m->depth--;
}

/* Keeps only the fault with the lowest offset. */
static void note_fault(struct mikey_tree *t, const struct mikey_fault *f)
{
	if (!t->has_fault ||
	    (f->has_offset && (!t->fault.has_offset || f->offset < t->fault.offset)))
		t->fault = *f;
	t->has_fault = true;
}

/* Checks contents that mikey_msg_read_prefix does not decode. */
static void look_inside(struct mikey_tree *t, const struct mikey_payload *p)
{
	struct ticket_policy policy;
	struct ticket_data data;
	struct ticket_init_data init;
	struct csmap_policy sp;
	struct mikey_fault f;

	if (p->type == MIKEY_SP && csmap_policy_read(&sp, p, &f))
		note_fault(t, &f);
	if ((p->type == MIKEY_TP || p->type == MIKEY_TICKET) && ticket_policy_read(&policy, p, &f))
		note_fault(t, &f);
	if (p->type != MIKEY_TICKET)
		return;
	if (ticket_data_read(&data, p, &f))
		note_fault(t, &f);
	if (p->u.ticket.init_data.n && ticket_init_data_read(&init, p, &f))
		note_fault(t, &f);
}

enum err mikey_tree_make(struct mikey_tree *out, struct view octets)
{
	struct mikey_msg *msg = mem_alloc(sizeof(*msg));
	struct making m = {.tree = out, .octets = octets};
	struct mikey_fault fault;

	*out = (struct mikey_tree){0};
	if (!msg)
		return ERR_NOMEM;
	if (mikey_msg_read_prefix(msg, octets, &fault))
		note_fault(out, &fault);
	if (octets.n >= 10 && octets.n <= MIKEY_MESSAGE_MAX)
		header_node(&m, msg);
	for (size_t i = 0; i < msg->n; i++) {
		payload_node(&m, &msg->p[i]);
		look_inside(out, &msg->p[i]);
	}
	mem_free(msg);
	if (out->bad)
		mikey_tree_free(out);
	return out->bad ? ERR_NOMEM : ERR_OK;
}

void mikey_tree_free(struct mikey_tree *t)
{
	bool bad = t->bad;

	for (size_t i = 0; i < t->n; i++) {
		mem_free(t->nodes[i].value);
		mem_free(t->nodes[i].note);
	}
	mem_free(t->nodes);
	*t = (struct mikey_tree){.bad = bad};
}

void mikey_tree_text(const struct mikey_tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct mikey_node *n = &t->nodes[i];

		buf_printf(out, "%5u %5u  %*s%s", n->offset, n->len, 2 * n->depth, "", n->name);
		if (n->value)
			buf_printf(out, ": %s", n->value);
		if (n->note)
			buf_printf(out, "  (%s)", n->note);
		buf_char(out, '\n');
	}
	if (!t->has_fault)
		return;
	if (t->fault.has_offset)
		buf_printf(out, "fault at octet %zu: ", t->fault.offset);
	else
		buf_text(out, "fault: ");
	buf_printf(out, "%s (error %d, %s)\n", t->fault.why.text, (int)t->fault.no,
	           mikey_error_name(t->fault.no));
}

static void json_text(struct buf *out, const char *c)
{
	buf_char(out, '"');
	for (; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_char(out, '\\');
		if ((unsigned char)*c < 0x20)
			buf_printf(out, "\\u%04x", *c);
		else
			buf_char(out, *c);
	}
	buf_char(out, '"');
}

static void json_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value)
		json_text(out, value);
	else
		buf_text(out, "null");
}

static void json_node(struct buf *out, const struct mikey_node *n)
{
	buf_text(out, "{\"name\":");
	json_text(out, n->name);
	buf_printf(out, ",\"offset\":%u,\"length\":%u", n->offset, n->len);
	json_member(out, "value", n->value);
	json_member(out, "note", n->note);
	buf_text(out, ",\"children\":[");
}

void mikey_tree_json(const struct mikey_tree *t, struct buf *out)
{
	unsigned open = 0;

	buf_text(out, "{\"fault\":");
	if (t->has_fault) {
		buf_text(out, "{\"offset\":");
		if (t->fault.has_offset)
			buf_printf(out, "%zu", t->fault.offset);
		else
			buf_text(out, "null");
		buf_printf(out, ",\"error\":%d", (int)t->fault.no);
		json_member(out, "error_name", mikey_error_name(t->fault.no));
		json_member(out, "text", t->fault.why.text);
		buf_char(out, '}');
	} else {
		buf_text(out, "null");
	}
	buf_text(out, ",\"tree\":[");
	for (size_t i = 0; i < t->n; i++) {
		unsigned depth = t->nodes[i].depth;

		/* Nodes at depths 0 to open - 1 still lack their closing brackets. Close those that
		 * do not contain this node. */
		for (; open > depth; open--)
			buf_text(out, "]}");
		if (i && t->nodes[i - 1].depth >= depth)
			buf_char(out, ',');
		json_node(out, &t->nodes[i]);
		open = depth + 1;
	}
	for (; open; open--)
		buf_text(out, "]}");
	buf_text(out, "]}");
}
