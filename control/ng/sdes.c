/* SPDX-License-Identifier: MIT */
/* The words of the ng keys SDES and crypto. */
#include "control/ng/words.h"

/* Returns NULL for an unknown suite, and notes its name as an ignored word. */
static const struct suite *find_suite(struct ng_reading *r, const char *where, struct str name)
{
	const struct suite *s = suite_find(name);

	if (!s)
		ng_word_ignore(r, where, name);
	return s;
}

static void suites_add(struct ng_suites *l, enum suite_id id)
{
	if (l->seen >> id & 1)
		return;
	l->seen |= 1u << id;
	l->ids[l->n++] = id;
}

/* Affects only what is offered to the other side; a=crypto lines in this SDP are used as usual. */
static enum err sdes_off(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	r->sdes_off = true;
	return ERR_OK;
}

static enum err sdes_no(struct ng_reading *r, const struct doc *v, struct str name)
{
	const struct suite *s = find_suite(r, "SDES", name);

	(void)v;
	if (s)
		r->no_suites |= 1u << s->id;
	return ERR_OK;
}

/* Excludes every suite that no only- word names, even if this word names an unknown suite. */
static enum err sdes_only(struct ng_reading *r, const struct doc *v, struct str name)
{
	const struct suite *s = find_suite(r, "SDES", name);

	(void)v;
	r->has_only = true;
	if (s)
		suites_add(&r->only, s->id);
	return ERR_OK;
}

/* Reads suite names such as "A;B;" into `out`, each suite once; returns how many. */
static uint8_t read_names(struct ng_reading *r, struct str names, enum suite_id *out)
{
	struct ng_suites l = {0};

	while (names.n) {
		struct str name = str_cut(names, ';', &names);
		const struct suite *s = name.n ? find_suite(r, "SDES", name) : NULL;

		if (s)
			suites_add(&l, s->id);
	}
	memcpy(out, l.ids, l.n * sizeof(*out));
	return l.n;
}

/* Sets the order of the offered suites; adds no suite. */
static enum err sdes_order(struct ng_reading *r, const struct doc *v, struct str names)
{
	(void)v;
	ng_options(r)->n_order = read_names(r, names, ng_options(r)->order);
	return ERR_OK;
}

/* Returns the suites that may be used, as bits by suite_id. A word only- overrides words no-. */
static uint32_t allowed_suites(const struct ng_reading *r)
{
	return r->has_only ? r->only.seen | r->added.seen | r->crypto.seen
	                   : ng_options((struct ng_reading *)r)->sdes.suites & ~r->no_suites;
}

void ng_sdes_settle(struct ng_reading *r)
{
	struct dialog_options *o = ng_options(r);
	struct ng_suites all = r->added, ours = {0};
	uint32_t allowed = allowed_suites(r);

	for (unsigned i = 0; i < r->crypto.n; i++)
		suites_add(&all, r->crypto.ids[i]);
	for (unsigned i = 0; i < r->only.n; i++)
		suites_add(&all, r->only.ids[i]);
	for (unsigned i = 0; i < o->n_suites && !r->has_crypto && !r->has_only; i++)
		suites_add(&all, o->suites[i]);
	for (unsigned i = 0; i < all.n && !r->sdes_off; i++)
		if (allowed >> all.ids[i] & 1)
			suites_add(&ours, all.ids[i]);
	o->sdes.suites = allowed;
	o->only_named = r->has_only;
	o->end_suites = r->has_crypto ? r->crypto.seen | r->added.seen | r->only.seen : 0;
	o->n_suites = ours.n;
	memcpy(o->suites, ours.ids, sizeof(ours.ids));
	/* To offer suites that the offerer does not have, the gateway must terminate SRTP. To
	 * exclude suites it need not. */
	o->terminate |= r->has_crypto || r->added.n;
}

static enum err sdes_preferred(struct ng_reading *r, const struct doc *v, struct str names)
{
	struct dialog_options *o = ng_options(r);

	(void)v;
	o->n_preferred = read_names(r, names, o->preferred);
	return ERR_OK;
}

static enum err sdes_pad(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->sdes.pad = true;
	return ERR_OK;
}

/* Clients expect a lifetime of 2^31 packets from this word; every suite allows it. */
static enum err sdes_lifetime(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->sdes.own_lifetime_pkts = 1ull << 31;
	return ERR_OK;
}

static enum err sdes_nonew(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->no_new_suites = true;
	return ERR_OK;
}

static enum err sdes_recrypt(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->terminate = true;
	return ERR_OK;
}

/* --- words about a=crypto lines -------------------------------------------------------------- */

/* Defines the function of a word that takes no value and executes `statement_`. */
#define WORD(fn_, statement_)                                                        \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)v;                                                             \
		(void)a;                                                             \
		statement_;                                                          \
		return ERR_OK;                                                       \
	}

WORD(sdes_any_tag, ng_options(r)->any_tag = true)
WORD(sdes_ignore_lifetime, ng_options(r)->sdes.ignore_lifetime = true)
WORD(sdes_no_mki, ng_options(r)->sdes.accept_mki = false)
WORD(sdes_unique_keys, ng_options(r)->sdes.refuse_repeated_keys = true)
WORD(sdes_no_pad, ng_options(r)->sdes.pad = false)

static enum err read_pkts(struct ng_reading *r, const char *word, struct str text, uint64_t max,
                          uint64_t *out)
{
	if (!str_to_u64(text, max, out) && *out)
		return ERR_OK;
	return why_fail(r->why, ERR_RANGE,
	                "SDES %s: \"%.*s\" must be a number of packets from 1 to %llu", word,
	                text.n < 24 ? (int)text.n : 24, text.p, (unsigned long long)max);
}

/* Defines the function of a word whose argument is a number of packets. */
#define PKTS(fn_, word_, field_, max_)                                               \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)v;                                                             \
		return read_pkts(r, word_, a, max_, &ng_options(r)->sdes.field_);    \
	}

PKTS(sdes_lifetime_min, "lifetime-min", lifetime_min_pkts, INT64_MAX)
PKTS(sdes_lifetime_max, "lifetime-max", lifetime_max_pkts, INT64_MAX)
PKTS(sdes_lifetime_own, "lifetime-own", own_lifetime_pkts, 1ull << 31)

/* --- crypto ----------------------------------------------------------------- */

static bool is_separator(char c)
{
	return c == ' ' || c == ';' || c == ',' || c == '\t';
}

/* Reads suite names or whole a=crypto lines: skips the tags, and refuses a line with a key. */
static enum err crypto_text(struct ng_reading *r, struct str text)
{
	while (text.n) {
		struct str word = text;
		const struct suite *s;
		uint64_t tag;

		for (word.n = 0; word.n < text.n && !is_separator(text.p[word.n]);)
			word.n++;
		text = str_skip(text, word.n < text.n ? word.n + 1 : word.n);
		if (str_starts(word, "inline:"))
			return why_fail(r->why, ERR_UNSUPPORTED,
			                "crypto: must not contain a key (inline:...), because the "
			                "gateway makes its own keys; name only the suites");
		if (!word.n || !str_to_u64(word, UINT32_MAX, &tag))
			continue;
		s = find_suite(r, "crypto", word);
		if (s)
			suites_add(&r->crypto, s->id);
	}
	return ERR_OK;
}

enum err ng_crypto_read(struct ng_reading *r, const struct doc *v)
{
	enum err e = ERR_OK;

	r->has_crypto = true;
	if (v->kind == DOC_TEXT)
		e = crypto_text(r, v->text);
	else if (v->kind != DOC_LIST)
		e = why_fail(r->why, ERR_INVALID, "crypto: must be a list of suites, not %s",
		             doc_kind_name(v->kind));
	else
		for (DOC_EACH(it, v))
			if (!e)
				e = it->kind == DOC_TEXT
				            ? crypto_text(r, it->text)
				            : why_fail(r->why, ERR_INVALID,
				                       "crypto: must be a list of suites, found %s",
				                       doc_kind_name(it->kind));
	if (!e && !r->crypto.n)
		e = why_fail(r->why, ERR_INVALID,
		             "crypto: none of these suites is supported; `sluicectl version` lists "
		             "those that are");
	return e;
}

/* --- the table -------------------------------------------------------------- */

/* Defines the function of a word that is the name of a suite. */
#define ADD(fn_, suite_)                                                             \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)v;                                                             \
		(void)a;                                                             \
		suites_add(&r->added, suite_);                                       \
		return ERR_OK;                                                       \
	}
ADD(add_aes_cm_128_hmac_sha1_80, SUITE_AES_CM_128_HMAC_SHA1_80)
ADD(add_aes_cm_128_hmac_sha1_32, SUITE_AES_CM_128_HMAC_SHA1_32)
ADD(add_aes_192_cm_hmac_sha1_80, SUITE_AES_192_CM_HMAC_SHA1_80)
ADD(add_aes_192_cm_hmac_sha1_32, SUITE_AES_192_CM_HMAC_SHA1_32)
ADD(add_aes_256_cm_hmac_sha1_80, SUITE_AES_256_CM_HMAC_SHA1_80)
ADD(add_aes_256_cm_hmac_sha1_32, SUITE_AES_256_CM_HMAC_SHA1_32)
ADD(add_aead_aes_128_gcm, SUITE_AEAD_AES_128_GCM)
ADD(add_aead_aes_256_gcm, SUITE_AEAD_AES_256_GCM)
ADD(add_f8_128_hmac_sha1_80, SUITE_F8_128_HMAC_SHA1_80)

#define SDES_WEAK "media must be encrypted and authenticated in both directions"

static const struct ng_word sdes_words[] = {
	{"off", NG_SUPPORTED, sdes_off,
         "no a=crypto is offered to the other side; RTP/SAVP towards it is then an error"},
	{"no", NG_SUPPORTED, sdes_off, "the same as off"},
	{"disable", NG_SUPPORTED, sdes_off, "the same as off"},
	{"disabled", NG_SUPPORTED, sdes_off, "the same as off"},
	{"no-mki", NG_SUPPORTED, sdes_no_mki, "a=crypto lines with an MKI are not used"},
	{"no-pad", NG_SUPPORTED, sdes_no_pad, "no base64 padding is written"},
	{"no-=", NG_SUPPORTED, sdes_no,
         "this suite is neither accepted nor offered; no effect together with only-"},
	{"only-=", NG_SUPPORTED, sdes_only,
         "only suites named with only- are accepted and offered"},
	{"order:=", NG_SUPPORTED, sdes_order,
         "the gateway's offer lists these suites first, in this order; the word adds no suites"},
	{"offerer_pref:=", NG_SUPPORTED, sdes_preferred,
         "the gateway takes these suites from the offer first, whatever the offerer's order is"},
	{"pad", NG_SUPPORTED, sdes_pad, "the default: base64 padding is written"},
	{"nonew", NG_SUPPORTED, sdes_nonew,
         "if the gateway terminates SRTP on both sides, it offers only the offerer's suites"},
	{"recrypt", NG_SUPPORTED, sdes_recrypt, "the same as the flag recrypt"},
	{"static", NG_SUPPORTED, NULL,
         "always in effect: an unchanged a=crypto line changes nothing, and the gateway repeats "
         "its own line"},
	{"prefer", NG_SUPPORTED, NULL, "always in effect: SDES is the key exchange"},
	{"authenticated_srtp", NG_SUPPORTED, NULL, "always in effect: SRTP is authenticated"},
	{"encrypted_srtp", NG_SUPPORTED, NULL, "always in effect: SRTP is encrypted"},
	{"encrypted_srtcp", NG_SUPPORTED, NULL, "always in effect: SRTCP is encrypted"},
	{"any-tag", NG_SUPPORTED, sdes_any_tag,
         "a wrong tag in a=crypto of an answer is accepted if its suite occurs once in the offer"},
	{"ignore-lifetime", NG_SUPPORTED, sdes_ignore_lifetime,
         "lifetimes of the peer's keys are checked for form, then replaced by the limit of the "
         "suite"},
	{"lifetime-min:=", NG_SUPPORTED, sdes_lifetime_min,
         "in packets; an a=crypto line of the peer with a shorter lifetime is not used"},
	{"lifetime-max:=", NG_SUPPORTED, sdes_lifetime_max,
         "in packets; an a=crypto line of the peer with a longer lifetime is not used; default: "
         "the limit of the suite"},
	{"lifetime-own:=", NG_SUPPORTED, sdes_lifetime_own,
         "lifetime of the gateway's own keys, in packets; the gateway writes it into a=crypto and "
         "enforces it"},
	{"unique-keys", NG_SUPPORTED, sdes_unique_keys,
         "if two lines have the same key, the second is not used (RFC 4568 6.1)"},
	{"lifetime", NG_SUPPORTED, sdes_lifetime,
         "the gateway's own keys have a lifetime of 2^31 packets; the gateway writes it into "
         "a=crypto and enforces it"},
	{"AES_CM_128_HMAC_SHA1_80", NG_SUPPORTED, add_aes_cm_128_hmac_sha1_80,
         "this suite is offered before the gateway's other suites; if both sides have SRTP, the "
         "gateway terminates it, as with recrypt"},
	{"AES_CM_128_HMAC_SHA1_32", NG_SUPPORTED, add_aes_cm_128_hmac_sha1_32,
         "the same for this suite"},
	{"AES_192_CM_HMAC_SHA1_80", NG_SUPPORTED, add_aes_192_cm_hmac_sha1_80,
         "the same for this suite"},
	{"AES_192_CM_HMAC_SHA1_32", NG_SUPPORTED, add_aes_192_cm_hmac_sha1_32,
         "the same for this suite"},
	{"AES_256_CM_HMAC_SHA1_80", NG_SUPPORTED, add_aes_256_cm_hmac_sha1_80,
         "the same for this suite"},
	{"AES_256_CM_HMAC_SHA1_32", NG_SUPPORTED, add_aes_256_cm_hmac_sha1_32,
         "the same for this suite"},
	{"AEAD_AES_128_GCM", NG_SUPPORTED, add_aead_aes_128_gcm, "the same for this suite"},
	{"AEAD_AES_256_GCM", NG_SUPPORTED, add_aead_aes_256_gcm, "the same for this suite"},
	{"F8_128_HMAC_SHA1_80", NG_SUPPORTED, add_f8_128_hmac_sha1_80, "the same for this suite"},
	{"unencrypted_srtp", NG_REFUSED, NULL, SDES_WEAK},
	{"unencrypted_srtcp", NG_REFUSED, NULL, SDES_WEAK},
	{"unauthenticated_srtp", NG_REFUSED, NULL, SDES_WEAK},
};
const struct ng_table ng_sdes_table = {"SDES", sdes_words, ARRAY_LEN(sdes_words)};
