/* SPDX-License-Identifier: MIT */
/* Ticket policies: writes them, checks their flags and their validity. */
#include "keyctx/ticket/policy.h"

#include "keyctx/mikey/modes.h"

struct mikey_ts ticket_ts_32(uint64_t ntp)
{
	return (struct mikey_ts){.type = MIKEY_TS_NTP_UTC_32, .value = ntp >> 32};
}

int64_t ticket_ntp_diff(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b);
}

static void add_tr(struct mikey_build *b, bool has, unsigned role, struct mikey_ts ts)
{
	struct mikey_payload p = {.type = MIKEY_TR, .u.tr = {.role = (uint8_t)role, .ts = ts}};

	if (has)
		mikey_build_add(b, &p);
}

static void add_idr(struct mikey_build *b, unsigned role, struct mikey_id id)
{
	struct mikey_payload p = mikey_make_idr(role, id);

	if (mikey_id_is_set(id))
		mikey_build_add(b, &p);
}

/* Writes the requested keys as an unencrypted KEMAC whose key octets are zero (RFC 6043 6.10). */
static void add_wishes(struct mikey_build *b, const struct ticket_policy_spec *s)
{
	static const uint8_t zeros[MIKEY_KEY_MAX];
	/* Each key must have an SPI (RFC 6043 6.2.1). One of zeros lets the KMS choose. */
	const struct view any_spi = {.p = zeros, .n = TICKET_SPI_LEN};
	uint8_t room[2048];
	struct wr w = wr_make(room, sizeof(room));
	struct mikey_build keys;
	struct mikey_payload kemac = {
		.type = MIKEY_KEMAC,
		.u.kemac = {.encr = MIKEY_ENCR_NULL, .mac_alg = MIKEY_MAC_NULL}};

	mikey_build_chain(&keys, &w, false);
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct ticket_wish *wish = &s->wishes[i];
		struct mikey_payload p = {.type = MIKEY_KEY, .u.key = {.type = wish->type}};

		if (wish->len > sizeof(zeros) || wish->salt_len > sizeof(zeros))
			keys.w.bad = true;
		else
			p.u.key.key = (struct view){.p = zeros, .n = wish->len};
		p.u.key.salt = (struct view){.p = zeros, .n = keys.w.bad ? 0 : wish->salt_len};
		p.u.key.kv = MIKEY_KV_SPI;
		p.u.key.spi = wish->spi.n ? wish->spi : any_spi;
		mikey_build_add(&keys, &p);
	}
	kemac.u.kemac.data = (struct view){.p = room, .n = wr_len(&keys.w)};
	b->w.bad |= keys.w.bad;
	mikey_build_add(b, &kemac);
}

void ticket_policy_write(struct wr *w, const struct ticket_policy_spec *s, bool granted)
{
	struct mikey_build b;

	mikey_build_chain(&b, w, true);
	add_idr(&b, MIKEY_ROLE_KMS, s->idr_kms);
	add_idr(&b, MIKEY_ROLE_I, s->idr_i);
	add_tr(&b, s->has_start, MIKEY_TR_START, s->start);
	add_tr(&b, s->has_end, MIKEY_TR_END, s->end);
	add_tr(&b, s->has_rekey, MIKEY_TR_REKEY, s->rekey);
	if (!granted && (s->n_wishes || s->no_keys))
		add_wishes(&b, s);
	for (size_t i = 0; i < s->n_app; i++)
		add_idr(&b, MIKEY_ROLE_APP, s->app[i]);
	for (size_t i = 0; i < s->n_r; i++)
		add_idr(&b, MIKEY_ROLE_R, s->r[i]);
	*w = b.w;
}

enum err ticket_policy_wishes(const struct ticket_policy *p, struct ticket_wish *out, size_t room,
                              size_t *n, struct mikey_fault *fault)
{
	struct rd r = rd_view(p->kemac.u.kemac.data);
	unsigned type = rd_left(&r) ? MIKEY_KEY : MIKEY_LAST;
	size_t count = 0;

	if (!p->has_kemac) {
		out[0] = (struct ticket_wish){
			.type = MIKEY_TGK,
			.len = (uint16_t)mikey_default_key_len(p->tp.prf),
		};
		*n = 1;
		return ERR_OK;
	}
	if (p->kemac.u.kemac.encr != MIKEY_ENCR_NULL || p->kemac.u.kemac.mac_alg != MIKEY_MAC_NULL)
		return mikey_fail_at(
			fault, ERR_INVALID, MIKEY_E_TPPAR, p->kemac.offset,
			"KEMAC of a requested policy must have encryption and MAC NULL");
	while (type != MIKEY_LAST) {
		struct mikey_payload k;
		enum err e = type == MIKEY_KEY && count < room
		                     ? mikey_payload_read(&r, MIKEY_KEY, 0, &k, fault)
		                     : ERR_SYNTAX;

		if (e || k.u.key.type == MIKEY_MPK || k.u.key.kv == MIKEY_KV_INTERVAL ||
		    k.u.key.key.n < 16 || k.u.key.key.n > MIKEY_KEY_MAX ||
		    k.u.key.salt.n > MIKEY_SALT_MAX || k.u.key.spi.n > MIKEY_SPI_MAX)
			return mikey_fail_at(
				fault, ERR_INVALID, MIKEY_E_TPPAR, p->kemac.offset,
				"requested key %zu is invalid: it must not be an MPK or have "
				"an interval; allowed are 16 to 64 octets, 32 octets of "
				"salt, 128 octets of SPI, and 12 keys",
				count);
		if (k.u.key.kv != MIKEY_KV_SPI || !k.u.key.spi.n)
			return mikey_fail_at(
				fault, ERR_INVALID, MIKEY_E_TPPAR, p->kemac.offset,
				"requested key %zu has no SPI, which each key must have (RFC 6043 "
				"6.2.1); zeros let the KMS choose one",
				count);
		out[count++] = (struct ticket_wish){
			.type = k.u.key.type,
			.len = (uint16_t)k.u.key.key.n,
			.salt_len = (uint16_t)k.u.key.salt.n,
			.spi = k.u.key.spi,
		};
		type = k.next;
	}
	if (rd_left(&r))
		return mikey_fail_at(fault, ERR_SYNTAX, MIKEY_E_TPPAR, p->kemac.offset,
		                     "unexpected octets after the requested keys");
	*n = count;
	return ERR_OK;
}

void ticket_policy_spec_of(struct ticket_policy_spec *out, const struct ticket_policy *p,
                           struct ticket_wish *wishes, size_t room)
{
	size_t n = 0;

	*out = (struct ticket_policy_spec){
		.ticket_type = p->tp.ticket_type,
		.prf = p->tp.prf,
		.flags = p->tp.flags,
		.idr_kms = p->idr_kms,
		.idr_i = p->idr_i,
		.has_start = p->has_start,
		.has_end = p->has_end,
		.has_rekey = p->has_rekey,
		.start = p->start,
		.end = p->end,
		.rekey = p->rekey,
		.app = p->app,
		.n_app = p->n_app,
		.r = p->r,
		.n_r = p->n_r,
	};
	if (p->has_kemac && !ticket_policy_wishes(p, wishes, room, &n, NULL)) {
		out->wishes = wishes;
		out->n_wishes = n;
		out->no_keys = !n;
	}
}

/* The rules of RFC 6043 6.10 between flags. If all flags of `if_all` are set and none of `if_none`,
 * all flags of `then` must be set. */
static const struct {
	uint16_t if_all, if_none, then;
	bool only_with_tgk;
	const char *text;
} flag_rules[] = {
	{
		.if_none = TICKET_D,
		.then = TICKET_L,
		.text = "without flag D (made by the initiator), flag L must be set",
	},
	{.if_all = TICKET_I, .then = TICKET_E, .text = "flag I (key forking) needs flag E"},
	{.if_all = TICKET_G, .then = TICKET_F, .text = "flag G needs flag F"},
	{.if_all = TICKET_M, .then = TICKET_F, .text = "flag M needs flag F"},
	{
		.if_all = TICKET_I,
		.then = TICKET_F,
		.only_with_tgk = true,
		.text = "flag I (key forking) of a TGK needs flag F",
	},
	{.if_none = TICKET_G, .then = TICKET_H, .text = "without flag G, flag H must be set"},
	{.if_all = TICKET_K, .then = TICKET_D, .text = "flag K needs flag D"},
};

const char *ticket_flags_conflict(unsigned flags, bool has_tgk)
{
	for (size_t i = 0; i < ARRAY_LEN(flag_rules); i++) {
		bool applies = (flags & flag_rules[i].if_all) == flag_rules[i].if_all &&
		               !(flags & flag_rules[i].if_none) &&
		               (has_tgk || !flag_rules[i].only_with_tgk);

		if (applies && (flags & flag_rules[i].then) != flag_rules[i].then)
			return flag_rules[i].text;
	}
	return NULL;
}

/* Returns true if a requested policy asks for a TGK. In a ticket, only the decrypted keys show this
 * (decision 0010.32). */
static bool wants_tgk(const struct ticket_policy *p)
{
	struct ticket_wish wishes[MIKEY_KEYS_MAX];
	size_t n = 0;

	if (ticket_policy_wishes(p, wishes, MIKEY_KEYS_MAX, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if (wishes[i].type == MIKEY_TGK || wishes[i].type == MIKEY_TGK_SALT)
			return true;
	return false;
}

enum err ticket_policy_check(const struct ticket_policy *p, enum ticket_stage stage,
                             unsigned accept_types, struct mikey_fault *fault)
{
	const struct mikey_tp *tp = &p->tp;
	/* The KMS decides K and D, not the requested policy (RFC 6043 6.10; decision 0010.26). */
	unsigned flags =
		stage == TICKET_WANTED ? (tp->flags & ~(unsigned)TICKET_K) | TICKET_D : tp->flags;
	const char *conflict;

	if (tp->ticket_type > 31 || !(accept_types >> tp->ticket_type & 1))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TICKET,
		                  "ticket type %u is not accepted, must be one of the types that "
		                  "ticket_types allows",
		                  tp->ticket_type);
	if (tp->subtype != TICKET_SUBTYPE || tp->version != TICKET_VERSION)
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TICKET,
		                  "ticket subtype %u version %u is not supported, must be subtype "
		                  "1 version 1",
		                  tp->subtype, tp->version);
	if ((tp->flags & (TICKET_N | TICKET_O)) != (TICKET_N | TICKET_O))
		return mikey_fail(
			fault, ERR_UNSUPPORTED, MIKEY_E_TICKET,
			"flags N and O must be set: only standard processing is supported");
	if (!mikey_prf_is_known(tp->prf))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TPPAR,
		                  "the ticket policy has PRF %u, must be 0 or 1", tp->prf);
	conflict = ticket_flags_conflict(flags, stage == TICKET_WANTED && wants_tgk(p));
	if (conflict)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR, "ticket policy: %s", conflict);
	if (!p->n_r)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR,
		                  "the ticket policy has no IDRr (responder)");
	if (stage == TICKET_GRANTED && p->has_kemac)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR,
		                  "the policy of a granted ticket must have no KEMAC");
	return ERR_OK;
}

enum err ticket_policy_check_order(const struct ticket_policy_spec *s, struct mikey_fault *fault)
{
	if (s->has_start && s->has_end &&
	    ticket_ntp_diff(mikey_ts_to_64(s->end), mikey_ts_to_64(s->start)) < 0)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_TPPAR,
		                  "the ticket would end (TRe) before it starts (TRs)");
	return ERR_OK;
}

enum err ticket_policy_check_time(const struct ticket_policy *p, uint64_t now_ntp,
                                  struct mikey_fault *fault)
{
	if (p->has_start && ticket_ntp_diff(now_ntp, mikey_ts_to_64(p->start)) < 0)
		return mikey_fail(fault, ERR_EXPIRED, MIKEY_E_TICKET,
		                  "the ticket is not valid yet; check the clock");
	/* `end` has no fraction: the ticket is valid until exactly the start of that second. */
	if (p->has_end && ticket_ntp_diff(now_ntp, mikey_ts_to_64(p->end)) > 0)
		return mikey_fail(fault, ERR_EXPIRED, MIKEY_E_TICKET, "the ticket has expired");
	return ERR_OK;
}
