/* SPDX-License-Identifier: MIT */
/* What ng clients say about security descriptions, word by word. */
#include "control/ng_words.h"

/* A suite nobody here knows can't be used whatever is said of it. */
static const struct suite *find_suite(struct ng_reading *r, const char *where, struct str name)
{
	const struct suite *s = suite_find(name);

	if (!s)
		ng_word_ignore(r, where, name);
	return s;
}

/* Towards the other side alone: what the offerer brought is taken as ever. */
static enum err sdes_off(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->n_suites = 0;
	return ERR_OK;
}

static enum err sdes_no(struct ng_reading *r, const struct doc *v, struct str name)
{
	struct dialog_options *o = ng_options(r);
	const struct suite *s = find_suite(r, "SDES", name);
	uint8_t kept = 0;

	(void)v;
	if (!s || r->has_only)
		return ERR_OK;
	o->sdes.suites &= ~(1u << s->id);
	for (uint8_t i = 0; i < o->n_suites; i++)
		if (o->suites[i] != s->id)
			o->suites[kept++] = o->suites[i];
	o->n_suites = kept;
	return ERR_OK;
}

/* The first of them clears what was allowed before; "no" has no say beside it. */
static void allow_only(struct ng_reading *r, const struct suite *s)
{
	struct dialog_options *o = ng_options(r);

	if (!r->has_only) {
		r->has_only = true;
		o->sdes.suites = 0;
		o->n_suites = 0;
	}
	if (s && !(o->sdes.suites & 1u << s->id)) {
		o->sdes.suites |= 1u << s->id;
		o->suites[o->n_suites++] = s->id;
	}
}

static enum err sdes_only(struct ng_reading *r, const struct doc *v, struct str name)
{
	(void)v;
	allow_only(r, find_suite(r, "SDES", name));
	return ERR_OK;
}

/* "A;B;" into a list without doubles. */
static uint8_t read_names(struct ng_reading *r, struct str names, enum suite_id *out)
{
	uint8_t n = 0;
	uint32_t seen = 0;

	while (names.n) {
		struct str name = str_cut(names, ';', &names);
		const struct suite *s = name.n ? find_suite(r, "SDES", name) : NULL;

		if (!s || seen >> s->id & 1)
			continue;
		seen |= 1u << s->id;
		out[n++] = s->id;
	}
	return n;
}

/* Done when every word is read: an order adds no suite, and words come in any order. */
static enum err sdes_order(struct ng_reading *r, const struct doc *v, struct str names)
{
	(void)v;
	r->n_order = read_names(r, names, r->order);
	return ERR_OK;
}

/* Moves the named suites to the front, in their order; the others keep theirs behind them. */
void ng_sdes_settle(struct ng_reading *r)
{
	struct dialog_options *o = ng_options(r);
	enum suite_id sorted[DIALOG_SUITES_MAX];
	uint8_t n = 0;
	uint32_t taken = 0;

	for (uint8_t k = 0; k < r->n_order; k++)
		for (uint8_t i = 0; i < o->n_suites; i++)
			if (o->suites[i] == r->order[k]) {
				sorted[n++] = r->order[k];
				taken |= 1u << r->order[k];
			}
	for (uint8_t i = 0; i < o->n_suites; i++)
		if (!(taken >> o->suites[i] & 1))
			sorted[n++] = o->suites[i];
	memcpy(o->suites, sorted, n * sizeof(*sorted));
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

/* 2^31 is what clients know this word to mean; every suite lasts that long. */
static enum err sdes_lifetime(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->sdes.own_lifetime_pkts = 1ull << 31;
	return ERR_OK;
}

/* --- crypto ------------------------------------------------------------------------------------------- */

static bool is_separator(char c)
{
	return c == ' ' || c == ';' || c == ',' || c == '\t';
}

/* Suites by name, or whole lines: a tag is ours to give, and a key that others know is none. */
static enum err crypto_text(struct ng_reading *r, struct str text)
{
	while (text.n) {
		struct str word = text;
		uint64_t tag;

		for (word.n = 0; word.n < text.n && !is_separator(text.p[word.n]);)
			word.n++;
		text = str_skip(text, word.n < text.n ? word.n + 1 : word.n);
		if (str_starts(word, "inline:"))
			return why_fail(r->why, ERR_UNSUPPORTED, "crypto: our keys are made here and never taken of a client: name the suite alone");
		if (!word.n || !str_to_u64(word, UINT32_MAX, &tag))
			continue;
		allow_only(r, find_suite(r, "crypto", word));
	}
	return ERR_OK;
}

enum err ng_crypto_read(struct ng_reading *r, const struct doc *v)
{
	enum err e = ERR_OK;

	if (v->kind == DOC_TEXT)
		e = crypto_text(r, v->text);
	else if (v->kind != DOC_LIST)
		e = why_fail(r->why, ERR_INVALID, "crypto: %s, a list of suites is needed", doc_kind_name(v->kind));
	else
		for (DOC_EACH(it, v))
			if (!e)
				e = it->kind == DOC_TEXT ? crypto_text(r, it->text) :
				    why_fail(r->why, ERR_INVALID, "crypto: %s among the suites", doc_kind_name(it->kind));
	if (!e && !ng_options(r)->n_suites)
		e = why_fail(r->why, ERR_INVALID, "crypto: none of these suites is known here; the `version` call of the control socket lists ours");
	return e;
}

/* --- the table ------------------------------------------------------------------------------------------ */

#define SDES_WEAK "media must be encrypted and authenticated in both directions"

static const struct ng_word sdes_words[] = {
	{"off", NG_SUPPORTED, sdes_off, "no security descriptions are offered to the other side; RTP/SAVP to it is an error then"},
	{"no", NG_SUPPORTED, sdes_off, "the same as off"},
	{"disable", NG_SUPPORTED, sdes_off, "the same as off"},
	{"disabled", NG_SUPPORTED, sdes_off, "the same as off"},
	{"no-=", NG_SUPPORTED, sdes_no, "this suite is neither accepted nor offered; without effect beside only-"},
	{"only-=", NG_SUPPORTED, sdes_only, "only this suite (and others named so) is accepted and offered"},
	{"order:=", NG_SUPPORTED, sdes_order, "suites named here stand first in our offer, in this order; none is added"},
	{"offerer_pref:=", NG_SUPPORTED, sdes_preferred, "suites taken of the offerer before its own order of preference"},
	{"pad", NG_SUPPORTED, sdes_pad, "always so: base64 padding is written"},
	{"nonew", NG_SUPPORTED, NULL, "suites are added only when SRTP is offered to a side that did not have it"},
	{"static", NG_SUPPORTED, NULL, "always so: an unchanged context changes nothing, ours is repeated"},
	{"prefer", NG_SUPPORTED, NULL, "always so: SDES is the key exchange"},
	{"authenticated_srtp", NG_SUPPORTED, NULL, "always so"},
	{"encrypted_srtp", NG_SUPPORTED, NULL, "always so"},
	{"encrypted_srtcp", NG_SUPPORTED, NULL, "always so"},
	{"lifetime", NG_SUPPORTED, sdes_lifetime, "our keys say 2^31 packets, and are used for no more"},
	{"unencrypted_srtp", NG_REFUSED, NULL, SDES_WEAK},
	{"unencrypted_srtcp", NG_REFUSED, NULL, SDES_WEAK},
	{"unauthenticated_srtp", NG_REFUSED, NULL, SDES_WEAK},
};
const struct ng_table ng_sdes_table = {"SDES", sdes_words, ARRAY_LEN(sdes_words)};
