/* SPDX-License-Identifier: MIT */
/* Parses a=crypto lines (RFC 4568 9), and checks them by RFC 4568 6 and the policy. */
#include "base/b64.h"
#include "base/secret.h"
#include "keyctx/sdp/sdes.h"

/* Reads a number from `min` to `max`. RFC 4568 allows no leading zeros. */
static bool read_number(struct str text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (text.n > 1 && text.p[0] == '0')
		return false;
	if (str_to_u64(text, max, &v) || v < min)
		return false;
	*out = v;
	return true;
}

/* --- one inline key --------------------------------------------------------- */

struct key_text {
	struct str key_salt, lifetime, mki, mki_len;
	bool has_lifetime, has_mki;
};

/* Splits key-salt ["|" lifetime] ["|" mki ":" length]. A field with a colon is the MKI. */
static bool split_key(struct str text, struct key_text *out)
{
	struct key_text k = {0};
	struct str rest;

	k.key_salt = str_cut(text, '|', &rest);
	for (bool more = k.key_salt.n < text.n; more;) {
		struct str from = rest;
		struct str field = str_cut(from, '|', &rest);

		more = field.n < from.n;
		if (str_find(field, ':') < field.n) {
			if (k.has_mki)
				return false;
			k.has_mki = true;
			k.mki = str_cut(field, ':', &k.mki_len);
		} else {
			/* A lifetime may occur only once, and only before the MKI. */
			if (k.has_lifetime || k.has_mki)
				return false;
			k.has_lifetime = true;
			k.lifetime = field;
		}
	}
	*out = k;
	return true;
}

static bool read_lifetime(struct str text, uint64_t max, uint64_t *out)
{
	uint64_t exponent;

	if (!str_starts(text, "2^"))
		return read_number(text, 1, max, out);
	if (!read_number(str_skip(text, 2), 0, 63, &exponent) || 1ull << exponent > max)
		return false;
	*out = 1ull << exponent;
	return true;
}

static enum sdes_fault read_lifetime_field(const struct key_text *t, const struct suite *s,
                                           const struct sdes_policy *p, uint64_t *lifetime)
{
	uint64_t max = s->srtp_lifetime_pkts;

	*lifetime = 0;
	if (!t->has_lifetime)
		return SDES_USABLE;
	if (p->lifetime_max_pkts && p->lifetime_max_pkts < max)
		max = p->lifetime_max_pkts;
	if (!read_lifetime(t->lifetime, max, lifetime))
		return SDES_BAD_LIFETIME;
	if (*lifetime < p->lifetime_min_pkts)
		return SDES_BAD_LIFETIME;
	if (p->ignore_lifetime)
		*lifetime = 0;
	return SDES_USABLE;
}

static enum sdes_fault read_mki_field(const struct key_text *t, const struct sdes_policy *p,
                                      uint8_t *octets, size_t *len)
{
	uint64_t n;

	*len = 0;
	if (!t->has_mki)
		return SDES_USABLE;
	if (!p->accept_mki)
		return SDES_REFUSED_MKI;
	if (!read_number(t->mki_len, 1, KEYCTX_MKI_MAX, &n) ||
	    sdes_mki_parse(t->mki, octets, (size_t)n))
		return SDES_BAD_MKI;
	*len = (size_t)n;
	return SDES_USABLE;
}

static enum err make_key(struct str key_salt, struct keyctx_spec *spec, struct keyctx **out,
                         enum sdes_fault *fault)
{
	uint8_t master[SUITE_MASTER_MAX];
	size_t want = (size_t)spec->suite->key_len + spec->suite->salt_len;
	enum err e = ERR_OK;

	spec->master.p = master;
	if (b64_decode(key_salt, master, sizeof(master), &spec->master.n) || spec->master.n != want)
		*fault = SDES_BAD_KEY;
	else
		e = keyctx_new(out, spec, NULL);
	secret_wipe(master, sizeof(master));
	return e;
}

/* Parses one inline key. If the text is invalid, sets `*fault` and returns ERR_OK. ERR_NOMEM. */
static enum err read_key(struct str text, const struct suite *s, const struct sdes_policy *p,
                         struct keyctx **out, enum sdes_fault *fault)
{
	uint8_t mki[KEYCTX_MKI_MAX];
	struct keyctx_spec spec = {.suite = s, .mki = {.p = mki}};
	struct key_text t;

	if (!split_key(text, &t)) {
		*fault = SDES_BAD_SYNTAX;
		return ERR_OK;
	}
	*fault = read_lifetime_field(&t, s, p, &spec.lifetime_pkts);
	if (*fault == SDES_USABLE)
		*fault = read_mki_field(&t, p, mki, &spec.mki.n);
	return *fault ? ERR_OK : make_key(t.key_salt, &spec, out, fault);
}

/* --- key-params ------------------------------------------------------------- */

static const char inline_method[] = "inline";

/* Checks several keys of one line (RFC 4568 6.1): each must have an MKI, all MKIs must differ and
 * have the same length. */
static enum sdes_fault judge_keys(struct keyctx *const *keys, unsigned n)
{
	for (unsigned i = 0; n > 1 && i < n; i++) {
		if (!keys[i]->mki_len || keys[i]->mki_len != keys[0]->mki_len)
			return SDES_MKI_NEEDED;
		for (unsigned k = 0; k < i; k++) {
			if (view_eq(keyctx_mki(keys[i]), keyctx_mki(keys[k])))
				return SDES_MKI_NEEDED;
			if (keyctx_same_key(keys[i], keys[k]))
				return SDES_REPEATED_KEY;
		}
	}
	return SDES_USABLE;
}

/* Parses the keys in `text` and adds them to l->keys, or to l->fec_keys if `is_fec`. */
static enum err read_keys(struct str text, struct sdes_line *l, bool is_fec,
                          const struct sdes_policy *p, enum sdes_fault *fault)
{
	struct keyctx ***keys = is_fec ? &l->fec_keys : &l->keys;
	uint8_t *n = is_fec ? &l->n_fec_keys : &l->n_keys;
	bool more = true;
	enum err e = ERR_OK;

	while (more && !e && !*fault) {
		struct str from = text, info;
		struct str param = str_cut(from, ';', &text);
		struct str method = str_cut(param, ':', &info);
		struct keyctx *key = NULL;

		more = param.n < from.n;
		if (method.n == param.n || !info.n)
			*fault = SDES_BAD_SYNTAX;
		else if (!str_eq_nocase(method, str_of(inline_method)))
			*fault = SDES_UNKNOWN_METHOD;
		else if (*n == p->keys_max || *n == SDES_KEYS_MAX)
			*fault = SDES_TOO_MANY_KEYS;
		else
			e = read_key(info, l->suite, p, &key, fault);
		if (!e && !*fault)
			e = sdes_key_add(keys, n, key);
	}
	if (!e && !*fault)
		*fault = judge_keys(*keys, *n);
	return e;
}

/* --- session parameters ----------------------------------------------------- */

struct param_place {
	struct sdes_line *line;
	const struct sdes_policy *policy;
	struct str value; /* the text after "="; empty for a parameter without value */
	enum sdes_fault fault;
};

static enum err on_kdr(struct param_place *at)
{
	uint64_t n;

	if (!read_number(at->value, 1, 24, &n))
		at->fault = SDES_BAD_PARAM;
	else if (!at->policy->accept_kdr)
		at->fault = SDES_REFUSED_PARAM;
	else
		at->line->params.kdr = (uint8_t)n;
	return ERR_OK;
}

static enum err set_flag(struct param_place *at, bool *flag, bool accept)
{
	*flag = true;
	if (!accept)
		at->fault = SDES_WEAK_PARAM;
	return ERR_OK;
}

static enum err on_unencrypted_srtp(struct param_place *at)
{
	return set_flag(at, &at->line->params.unencrypted_srtp,
	                at->policy->accept_unencrypted_srtp);
}

static enum err on_unencrypted_srtcp(struct param_place *at)
{
	return set_flag(at, &at->line->params.unencrypted_srtcp,
	                at->policy->accept_unencrypted_srtcp);
}

static enum err on_unauthenticated_srtp(struct param_place *at)
{
	return set_flag(at, &at->line->params.unauthenticated_srtp,
	                at->policy->accept_unauthenticated_srtp);
}

static enum err on_fec_order(struct param_place *at)
{
	if (str_eq_nocase(at->value, STR("FEC_SRTP")))
		return ERR_OK;
	if (!str_eq_nocase(at->value, STR("SRTP_FEC")))
		at->fault = SDES_BAD_PARAM;
	else if (!at->policy->accept_srtp_fec)
		at->fault = SDES_REFUSED_PARAM;
	else
		at->line->params.fec_order = SDES_SRTP_FEC;
	return ERR_OK;
}

static enum err on_fec_key(struct param_place *at)
{
	struct sdes_line *l = at->line;

	/* RFC 4568 6.3.5: FEC_KEY makes the line invalid if FEC has no address of its own. */
	if (!at->policy->has_fec_address) {
		at->fault = SDES_REFUSED_PARAM;
		return ERR_OK;
	}
	return read_keys(at->value, l, true, at->policy, &at->fault);
}

static enum err on_wsh(struct param_place *at)
{
	uint64_t n;

	if (!read_number(at->value, 64, UINT32_MAX, &n))
		at->fault = SDES_BAD_PARAM;
	else
		at->line->params.wsh = (uint32_t)n;
	return ERR_OK;
}

static const struct param {
	const char *name;
	bool has_value;
	enum err (*on)(struct param_place *at);
} params[] = {
	{"KDR", true, on_kdr},
	{"UNENCRYPTED_SRTP", false, on_unencrypted_srtp},
	{"UNENCRYPTED_SRTCP", false, on_unencrypted_srtcp},
	{"UNAUTHENTICATED_SRTP", false, on_unauthenticated_srtp},
	{"FEC_ORDER", true, on_fec_order},
	{"FEC_KEY", true, on_fec_key},
	{"WSH", true, on_wsh},
};

static enum err read_param(struct str word, struct param_place *at, uint32_t *seen)
{
	struct str name = str_cut(word, '=', &at->value);
	bool has_value = name.n < word.n;

	/* A parameter that begins with "-" is optional; "-" and "--x" are invalid (RFC 4568
	 * 9.2). */
	if (word.p[0] == '-') {
		if (word.n < 2 || word.p[1] == '-')
			at->fault = SDES_BAD_SYNTAX;
		at->line->params.ignored += at->line->params.ignored != UINT16_MAX;
		return ERR_OK;
	}
	for (unsigned i = 0; i < ARRAY_LEN(params); i++) {
		if (!str_eq_nocase(name, str_of(params[i].name)))
			continue;
		if (has_value != params[i].has_value || *seen >> i & 1) {
			at->fault = SDES_BAD_PARAM;
			return ERR_OK;
		}
		*seen |= 1u << i;
		return params[i].on(at);
	}
	at->fault = SDES_UNKNOWN_PARAM;
	return ERR_OK;
}

static enum err read_params(struct str rest, struct sdes_line *l, const struct sdes_policy *p)
{
	struct param_place at = {.line = l, .policy = p};
	uint32_t seen = 0;
	enum err e = ERR_OK;

	for (struct str w = str_word(&rest); w.n && !e && !at.fault; w = str_word(&rest))
		e = read_param(w, &at, &seen);
	l->fault = at.fault;
	return e;
}

/* --- a line ----------------------------------------------------------------- */

static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 0x21 || text.p[i] > 0x7e) && text.p[i] != ' ' && text.p[i] != '\t')
			return false;
	return true;
}

static enum err read_line(struct sdes_line *l, struct str value, const struct sdes_policy *p)
{
	struct str tag = str_word(&value), suite = str_word(&value), keys = str_word(&value);
	uint64_t number;
	enum err e;

	if (!keys.n || !is_printable(value)) {
		l->fault = SDES_BAD_SYNTAX;
		return ERR_OK;
	}
	if (tag.n > 9 || !read_number(tag, 0, SDES_TAG_MAX, &number)) {
		l->fault = SDES_BAD_TAG;
		return ERR_OK;
	}
	l->tag = (uint32_t)number;
	l->suite = suite_find_spelt(suite, &l->spelling);
	l->fault = !l->suite                          ? SDES_UNKNOWN_SUITE
	           : !(p->suites >> l->suite->id & 1) ? SDES_REFUSED_SUITE
	                                              : SDES_USABLE;
	if (l->fault)
		return ERR_OK;
	e = read_keys(keys, l, false, p, &l->fault);
	return e || l->fault ? e : read_params(value, l, p);
}

enum err sdes_line_parse(struct sdes_line *out, struct str value, const struct sdes_policy *p)
{
	struct sdes_line l = {.fault = SDES_USABLE};
	enum err e = read_line(&l, value, p);

	if (e)
		sdes_line_clear(&l);
	else
		*out = l;
	return e;
}

static bool is_named(const struct sdes_line *l)
{
	return l->fault != SDES_BAD_TAG && l->fault != SDES_BAD_SYNTAX;
}

/* Every tag must be unique (RFC 4568 5.1.1), so a line with the tag of an earlier line can't be
 * used. If both lines have the same suite but different keys, the earlier one can't be used either:
 * an answer would not tell which key it means. */
static void judge_tag(struct sdes_list *list, struct sdes_line *l)
{
	for (unsigned i = 0; i < list->n; i++) {
		struct sdes_line *other = &list->lines[i];

		if (other->tag != l->tag || !is_named(other))
			continue;
		if (!other->fault && !l->fault && other->suite == l->suite &&
		    !sdes_line_eq(other, l))
			other->fault = SDES_DUPLICATE_TAG;
		l->fault = SDES_DUPLICATE_TAG;
	}
}

static void judge_in_list(struct sdes_list *list, struct sdes_line *l, const struct sdes_policy *p)
{
	if (!is_named(l))
		return;
	judge_tag(list, l);
	for (unsigned i = 0; !l->fault && p->refuse_repeated_keys && i < l->n_keys; i++)
		if (sdes_list_has_key(list, l->keys[i]))
			l->fault = SDES_REPEATED_KEY;
}

enum err sdes_list_parse(struct sdes_list *out, const struct sdp *s, unsigned media,
                         const struct sdes_policy *p)
{
	struct str value;

	out->n = out->n_unread = 0;
	for (struct sdp_line *at = sdp_next_attr(s, (int)media, NULL, "crypto", &value); at;
	     at = sdp_next_attr(s, (int)media, at, "crypto", &value)) {
		struct sdes_line *l = &out->lines[out->n];

		if (out->n == SDES_LINES_MAX) {
			out->n_unread++;
			continue;
		}
		if (sdes_line_parse(l, value, p)) {
			sdes_list_clear(out);
			return ERR_NOMEM;
		}
		judge_in_list(out, l, p);
		out->n++;
	}
	return ERR_OK;
}
