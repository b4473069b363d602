/* SPDX-License-Identifier: MIT */
/* What ng clients say about security descriptions, word by word. */
#include "control/ng_words.h"

static enum err sdes_suite(struct ng_reading *r, struct str name, const struct suite **out)
{
	*out = suite_find(name);
	/* A suite nobody here knows can't be used whatever is said of it. */
	if (!*out)
		ng_word_ignore(r, "SDES", name);
	return ERR_OK;
}

static enum err sdes_off(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->sdes.suites = 0;
	ng_options(r)->n_suites = 0;
	return ERR_OK;
}

static enum err sdes_no(struct ng_reading *r, const struct doc *v, struct str name)
{
	struct dialog_options *o = ng_options(r);
	const struct suite *s;
	uint8_t kept = 0;

	(void)v;
	(void)sdes_suite(r, name, &s);
	if (!s)
		return ERR_OK;
	o->sdes.suites &= ~(1u << s->id);
	for (uint8_t i = 0; i < o->n_suites; i++)
		if (o->suites[i] != s->id)
			o->suites[kept++] = o->suites[i];
	o->n_suites = kept;
	return ERR_OK;
}

/* The first "only" clears what was allowed before it. */
static enum err sdes_only(struct ng_reading *r, const struct doc *v, struct str name)
{
	struct dialog_options *o = ng_options(r);
	struct dialog_options fresh;
	const struct suite *s;

	(void)v;
	(void)sdes_suite(r, name, &s);
	dialog_options_defaults(&fresh);
	if (o->sdes.suites == fresh.sdes.suites) {
		o->sdes.suites = 0;
		o->n_suites = 0;
	}
	if (s && !(o->sdes.suites & 1u << s->id)) {
		o->sdes.suites |= 1u << s->id;
		o->suites[o->n_suites++] = s->id;
	}
	return ERR_OK;
}

/* Moves the named suites to the front, in their order; the others keep theirs behind them. */
static enum err sdes_order(struct ng_reading *r, const struct doc *v, struct str names)
{
	struct dialog_options *o = ng_options(r);
	enum suite_id old[DIALOG_SUITES_MAX];
	uint8_t n_old = o->n_suites, n = 0;

	(void)v;
	memcpy(old, o->suites, sizeof(old));
	while (names.n) {
		struct str name = str_cut(names, ';', &names);
		const struct suite *s;

		(void)sdes_suite(r, name, &s);
		for (uint8_t i = 0; s && i < n_old; i++) {
			if (old[i] != s->id)
				continue;
			o->suites[n++] = s->id;
			memmove(old + i, old + i + 1, (size_t)(--n_old - i) * sizeof(*old));
		}
	}
	memcpy(o->suites + n, old, n_old * sizeof(*old));
	return ERR_OK;
}

static enum err sdes_pad(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	ng_options(r)->sdes.pad = true;
	return ERR_OK;
}

#define SDES_WEAK "media must be encrypted and authenticated in both directions"

static const struct ng_word sdes_words[] = {
	{"off", NG_SUPPORTED, sdes_off, "no security descriptions towards the other side"},
	{"no", NG_SUPPORTED, sdes_off, "the same as off"},
	{"disable", NG_SUPPORTED, sdes_off, "the same as off"},
	{"no-=", NG_SUPPORTED, sdes_no, "this suite is neither accepted nor offered"},
	{"only-=", NG_SUPPORTED, sdes_only, "only this suite (and others named so) is accepted and offered"},
	{"order:=", NG_SUPPORTED, sdes_order, "suites in this order of preference"},
	{"offerer_pref:=", NG_SUPPORTED, sdes_order, "the same as order"},
	{"pad", NG_SUPPORTED, sdes_pad, "base64 padding is written"},
	{"nonew", NG_SUPPORTED, NULL, "suites are added only when SRTP is offered to a side that did not have it"},
	{"static", NG_SUPPORTED, NULL, "always so: an unchanged context changes nothing, ours is repeated"},
	{"prefer", NG_SUPPORTED, NULL, "always so: SDES is the key exchange"},
	{"authenticated_srtp", NG_SUPPORTED, NULL, "always so"},
	{"encrypted_srtp", NG_SUPPORTED, NULL, "always so"},
	{"encrypted_srtcp", NG_SUPPORTED, NULL, "always so"},
	{"lifetime", NG_IGNORED, NULL, "our keys have the suite's own lifetime and do not write it"},
	{"unencrypted_srtp", NG_REFUSED, NULL, SDES_WEAK},
	{"unencrypted_srtcp", NG_REFUSED, NULL, SDES_WEAK},
	{"unauthenticated_srtp", NG_REFUSED, NULL, SDES_WEAK},
};
const struct ng_table ng_sdes_table = {"SDES", sdes_words, ARRAY_LEN(sdes_words)};
