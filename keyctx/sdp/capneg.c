/* SPDX-License-Identifier: MIT */
/* Chooses a potential configuration of capability negotiation (RFC 5939). */
#include "keyctx/sdp/capneg.h"

#include <inttypes.h>
#include <stdio.h>

/* Numbers of capabilities and configurations are 1 to 2^31 - 1 (RFC 5939 3.4, 3.5). */
enum { NUMBER_MAX = 2147483647, CONFIGS_MAX = 32 };

/* Finds the transport with that number. In "a=tcap:N proto proto ..." the first transport has
 * number N, the next one N + 1. */
static enum sdp_profile find_transport(const struct sdp *s, unsigned media, uint64_t number)
{
	const int sections[] = {(int)media, SDP_SESSION};
	struct str value;

	for (unsigned i = 0; i < ARRAY_LEN(sections); i++) {
		uint64_t at;

		if (!sdp_next_attr(s, sections[i], NULL, "tcap", &value))
			continue;
		if (str_to_u64(str_word(&value), NUMBER_MAX, &at))
			continue;
		for (struct str w = str_word(&value); w.n; w = str_word(&value), at++)
			if (at == number)
				return sdp_profile_find(w);
	}
	return SDP_PROFILE_OTHER;
}

/* Returns the attribute in the a=acap line with that number, such as "crypto:..."; empty if there
 * is no such line. */
static struct str find_attribute(const struct sdp *s, unsigned media, uint64_t number)
{
	const int sections[] = {(int)media, SDP_SESSION};
	struct str value;

	for (unsigned i = 0; i < ARRAY_LEN(sections); i++)
		for (struct sdp_line *l = sdp_next_attr(s, sections[i], NULL, "acap", &value); l;
		     l = sdp_next_attr(s, sections[i], l, "acap", &value)) {
			uint64_t n;

			if (!str_to_u64(str_word(&value), NUMBER_MAX, &n) && n == number)
				return str_trim(value);
		}
	return (struct str){0};
}

struct choice {
	const struct sdp *s;
	unsigned media;
	const struct sdes_policy *policy;
	struct capneg *out;
	bool has_crypto, is_refused;
};

/* Applies one attribute, given by its number, of an alternative. An unsupported mandatory attribute
 * makes the alternative unusable; an unsupported optional one is ignored. */
static enum err take_attribute(struct choice *c, struct str number, bool is_optional)
{
	struct str attr, name, value;
	struct sdes_line l;
	uint64_t n;
	enum err e;

	if (str_to_u64(number, NUMBER_MAX, &n) || !(attr = find_attribute(c->s, c->media, n)).n) {
		c->is_refused |= !is_optional;
		return ERR_OK;
	}
	name = str_cut(attr, ':', &value);
	if (str_is(name, "3ge2ae")) {
		c->out->e2ae_requested = str_is(str_trim(value), "requested");
		return ERR_OK;
	}
	if (!str_is(name, "crypto")) {
		c->is_refused |= !is_optional;
		return ERR_OK;
	}
	e = sdes_line_parse(&l, value, c->policy);
	if (e)
		return e;
	if (l.fault || c->has_crypto) {
		c->is_refused |= !is_optional && !c->has_crypto;
		sdes_line_clear(&l);
		return ERR_OK;
	}
	c->out->crypto = l;
	c->has_crypto = true;
	return ERR_OK;
}

/* Applies one alternative, such as "1,2,[3,4]": attribute numbers, with the optional ones in
 * brackets. Skips "-m:", "-s:" or "-ms:" in front, which deletes attributes of the plain m-line. */
static enum err take_alternative(struct choice *c, struct str text)
{
	struct str rest;
	bool is_optional = false;
	enum err e = ERR_OK;

	if (text.n && text.p[0] == '-')
		(void)str_cut(text, ':', &text);
	while (text.n && !e) {
		struct str number = str_cut(text, ',', &rest);

		if (number.n && number.p[0] == '[') {
			is_optional = true;
			number = str_skip(number, 1);
		}
		bool ends = number.n && number.p[number.n - 1] == ']';

		if (ends)
			number.n--;
		e = take_attribute(c, number, is_optional);
		is_optional = is_optional && !ends;
		text = rest;
	}
	return e;
}

/* Chooses the first supported alternative of a list such as "1|2". Sets `*taken` to its text. */
static enum err choose_attributes(struct choice *c, struct str list, struct str *taken)
{
	struct str rest;
	enum err e = ERR_OK;

	for (struct str a = str_cut(list, '|', &rest); a.n && !e; a = str_cut(rest, '|', &rest)) {
		c->is_refused = false;
		c->out->e2ae_requested = false;
		e = take_alternative(c, a);
		if (!e && c->has_crypto && !c->is_refused) {
			*taken = a;
			return ERR_OK;
		}
		if (c->has_crypto)
			sdes_line_clear(&c->out->crypto);
		c->has_crypto = false;
	}
	return e ? e : ERR_NOT_FOUND;
}

static bool choose_transport(struct choice *c, struct str list, uint64_t *number)
{
	struct str rest;

	for (struct str t = str_cut(list, '|', &rest); t.n; t = str_cut(rest, '|', &rest)) {
		if (str_to_u64(t, NUMBER_MAX, number))
			continue;
		c->out->profile = find_transport(c->s, c->media, *number);
		if (sdp_profile_is_secure(c->out->profile))
			return true;
	}
	return false;
}

static enum err try_config(struct choice *c, struct str config)
{
	struct str number = str_word(&config), t = STR(""), a = STR(""), taken;
	uint64_t transport;
	enum err e;
	int n;

	for (struct str w = str_word(&config); w.n; w = str_word(&config)) {
		if (str_starts(w, "t="))
			t = str_skip(w, 2);
		else if (str_starts(w, "a="))
			a = str_skip(w, 2);
		/* a mandatory extension (RFC 5939 3.5.1): none is supported */
		else if (w.p[0] == '+')
			return ERR_NOT_FOUND;
	}
	if (!choose_transport(c, t, &transport))
		return ERR_NOT_FOUND;
	e = choose_attributes(c, a, &taken);
	if (e)
		return e;
	n = snprintf(c->out->acfg, sizeof(c->out->acfg), "%.*s t=%" PRIu64 " a=%.*s",
	             STR_ARG(number), transport, STR_ARG(taken));
	if (n > 0 && (size_t)n < sizeof(c->out->acfg))
		return ERR_OK;
	sdes_line_clear(&c->out->crypto);
	c->has_crypto = false;
	return ERR_NOT_FOUND;
}

/* Returns true if a=creq requires an option other than cap-v0. Then no configuration can be
 * used. */
static bool requires_unknown(const struct sdp *s, unsigned media)
{
	const int sections[] = {(int)media, SDP_SESSION};
	struct str value, rest;

	for (unsigned i = 0; i < ARRAY_LEN(sections); i++)
		if (sdp_next_attr(s, sections[i], NULL, "creq", &value))
			for (struct str o = str_cut(value, ',', &rest); o.n;
			     o = str_cut(rest, ',', &rest))
				if (!str_is(str_trim(o), "cap-v0"))
					return true;
	return false;
}

enum err capneg_choose(struct capneg *out, const struct sdp *s, unsigned media,
                       const struct sdes_policy *p)
{
	struct capneg result = {0};
	struct choice c = {.s = s, .media = media, .policy = p, .out = &result};
	uint64_t last = 0;

	if (requires_unknown(s, media))
		return ERR_NOT_FOUND;
	/* Lower numbers are preferred (RFC 5939 3.5.1): each round tries the configuration with the
	 * next higher number. */
	for (unsigned round = 0; round < CONFIGS_MAX; round++) {
		struct str value, best = {0};
		uint64_t n, best_n = UINT64_MAX;

		for (struct sdp_line *l = sdp_next_attr(s, (int)media, NULL, "pcfg", &value); l;
		     l = sdp_next_attr(s, (int)media, l, "pcfg", &value)) {
			struct str rest = value;

			if (!str_to_u64(str_word(&rest), NUMBER_MAX, &n) && n > last &&
			    n < best_n) {
				best = value;
				best_n = n;
			}
		}
		if (best_n == UINT64_MAX)
			return ERR_NOT_FOUND;
		enum err e = try_config(&c, best);

		if (e != ERR_NOT_FOUND) {
			if (!e)
				*out = result;
			return e;
		}
		last = best_n;
	}
	return ERR_NOT_FOUND;
}

void capneg_clear(struct capneg *c)
{
	sdes_line_clear(&c->crypto);
}

bool capneg_is_line(const struct sdp_line *l)
{
	static const char *const names[] = {"tcap", "acap",   "pcfg", "acfg",    "csup",    "creq",
	                                    "lcfg", "sescap", "cpar", "cparmin", "cparmax", "cdsc"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (sdp_line_is_attr(l, names[i], NULL))
			return true;
	return false;
}
