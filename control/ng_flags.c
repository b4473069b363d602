/* SPDX-License-Identifier: MIT */
/* ng's keys and flags as tables of words, each with the small thing it does. */
#include "control/ng_flags.h"

#include <stdio.h>

struct reading {
	struct ng_request *out;
	const struct ng_context *context;
	struct why *why;
	struct addr received_from; /* believed only where a flag says so, whichever comes first */
	bool source_is_believed;
};

/* `value` is the key's, or the word itself for a flag; `argument` is what follows the word's prefix. */
typedef enum err word_fn(struct reading *r, const struct doc *value, struct str argument);

/* One word. A name that ends in "=" is a prefix. */
struct word {
	const char *name;
	enum ng_how how;
	word_fn *fn; /* SUPPORTED: may be NULL where doing nothing is right; else NULL */
	const char *text;
};

struct table {
	const char *where;
	const struct word *words;
	size_t n;
};

static struct dialog_options *options(struct reading *r)
{
	return &r->out->ask.options;
}

/* Blank, "_" and "-" are the same to ng clients, and case does not count. */
static char folded(char c)
{
	if (c == ' ' || c == '_')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(struct str said, const char *name, struct str *argument)
{
	size_t n = strlen(name);
	bool is_prefix = n && name[n - 1] == '=';

	n -= is_prefix;
	if (is_prefix ? said.n <= n : said.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (folded(said.p[i]) != folded(name[i]))
			return false;
	*argument = str_skip(said, n);
	return true;
}

/* Remembers what was passed over; printable text only, since it comes from a stranger. */
static void ignore(struct reading *r, const char *where, struct str said)
{
	struct ng_request *q = r->out;
	size_t at = strlen(q->ignored);

	q->n_ignored++;
	if (sizeof(q->ignored) - at < 48)
		return;
	snprintf(q->ignored + at, sizeof(q->ignored) - at, "%s%s:%.*s", at ? " " : "", where,
	         said.n > 24 ? 24 : (int)said.n, said.p);
	for (char *c = q->ignored; *c; c++)
		if (*c < 0x20 || *c > 0x7e || *c == '"')
			*c = '?';
}

static enum err refuse(struct reading *r, const char *where, const char *name, const char *text)
{
	return why_fail(r->why, ERR_UNSUPPORTED, "%s %s: %s", where, name, text);
}

static enum err read_word(struct reading *r, const struct table *t, struct str said, const struct doc *value)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct word *w = &t->words[i];
		struct str argument;

		if (!is_word(said, w->name, &argument))
			continue;
		if (w->how == NG_REFUSED)
			return refuse(r, t->where, w->name, w->text);
		if (w->how == NG_IGNORED)
			ignore(r, t->where, said);
		return w->fn ? w->fn(r, value, argument) : ERR_OK;
	}
	ignore(r, t->where, said);
	return ERR_OK;
}

/* A list of words, or one word alone. */
static enum err read_words(struct reading *r, const struct table *t, const struct doc *value)
{
	enum err e = ERR_OK;

	if (value->kind == DOC_TEXT)
		return read_word(r, t, value->text, value);
	if (value->kind != DOC_LIST)
		return why_fail(r->why, ERR_INVALID, "%s: %s, a list of words is needed", t->where, doc_kind_name(value->kind));
	for (DOC_EACH(it, value)) {
		if (it->kind == DOC_TEXT)
			e = read_word(r, t, it->text, it);
		else
			ignore(r, t->where, STR("(no word)"));
		if (e)
			return e;
	}
	return ERR_OK;
}

/* --- SDES ------------------------------------------------------------------------------------------- */

static enum err sdes_suite(struct reading *r, struct str name, const struct suite **out)
{
	*out = suite_find(name);
	/* A suite nobody here knows can't be used whatever is said of it. */
	if (!*out)
		ignore(r, "SDES", name);
	return ERR_OK;
}

static enum err sdes_off(struct reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	options(r)->sdes.suites = 0;
	options(r)->n_suites = 0;
	return ERR_OK;
}

static enum err sdes_no(struct reading *r, const struct doc *v, struct str name)
{
	struct dialog_options *o = options(r);
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
static enum err sdes_only(struct reading *r, const struct doc *v, struct str name)
{
	struct dialog_options *o = options(r);
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
static enum err sdes_order(struct reading *r, const struct doc *v, struct str names)
{
	struct dialog_options *o = options(r);
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

static enum err sdes_pad(struct reading *r, const struct doc *v, struct str a)
{
	(void)v;
	(void)a;
	options(r)->sdes.pad = true;
	return ERR_OK;
}

#define SDES_WEAK "media must be encrypted and authenticated in both directions"

static const struct word sdes_words[] = {
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
static const struct table sdes_table = {"SDES", sdes_words, ARRAY_LEN(sdes_words)};

/* --- rtcp-mux, replace, ICE, DTLS -------------------------------------------------------------------- */

#define MUX_WORD(fn_, bit_)                                                           \
	static enum err fn_(struct reading *r, const struct doc *v, struct str a)     \
	{                                                                             \
		(void)v;                                                              \
		(void)a;                                                              \
		options(r)->mux |= (bit_);                                            \
		return ERR_OK;                                                        \
	}
MUX_WORD(mux_offer, DIALOG_MUX_OFFER)
MUX_WORD(mux_require, DIALOG_MUX_REQUIRE)
MUX_WORD(mux_demux, DIALOG_MUX_DEMUX)
MUX_WORD(mux_accept, DIALOG_MUX_ACCEPT)
MUX_WORD(mux_reject, DIALOG_MUX_REJECT)

static const struct word mux_words[] = {
	{"offer", NG_SUPPORTED, mux_offer, "rtcp-mux is offered to the other side"},
	{"require", NG_SUPPORTED, mux_require, "it is offered, and an answer without it is refused"},
	{"demux", NG_SUPPORTED, mux_demux, "accepted of the offerer, not offered on"},
	{"accept", NG_SUPPORTED, mux_accept, "accepted of the offerer whatever the other side says"},
	{"reject", NG_SUPPORTED, mux_reject, "refused to the offerer"},
};
static const struct table mux_table = {"rtcp-mux", mux_words, ARRAY_LEN(mux_words)};

#define REPLACE_WORD(fn_, bits_)                                                      \
	static enum err fn_(struct reading *r, const struct doc *v, struct str a)     \
	{                                                                             \
		(void)v;                                                              \
		(void)a;                                                              \
		options(r)->replace |= (bits_);                                       \
		return ERR_OK;                                                        \
	}
REPLACE_WORD(replace_origin, DIALOG_REPLACE_ORIGIN)
REPLACE_WORD(replace_username, DIALOG_REPLACE_USERNAME)
REPLACE_WORD(replace_session_name, DIALOG_REPLACE_SESSION_NAME)
REPLACE_WORD(replace_version, DIALOG_REPLACE_VERSION)

static const struct word replace_words[] = {
	{"origin", NG_SUPPORTED, replace_origin, "our address in o="},
	{"session-connection", NG_SUPPORTED, NULL, "always so: c= of the session is ours"},
	{"username", NG_SUPPORTED, replace_username, "the user in o= is replaced"},
	{"session-name", NG_SUPPORTED, replace_session_name, "s= is replaced"},
	{"sdp-version", NG_SUPPORTED, replace_version, "the version in o= is ours and rises with each change"},
	{"force-increment-sdp-ver", NG_SUPPORTED, replace_version, "the same as sdp-version"},
	{"zero-address", NG_SUPPORTED, NULL, "always so: c=0.0.0.0 is understood as hold and replaced"},
};
static const struct table replace_table = {"replace", replace_words, ARRAY_LEN(replace_words)};

#define ICE_REASON "ICE is not spoken; remove it, and learn the peer's address from its media"
static const struct word ice_words[] = {
	{"remove", NG_SUPPORTED, NULL, "always so: candidates and credentials leave the SDP"},
	{"default", NG_SUPPORTED, NULL, "the same as remove"},
	{"optional", NG_SUPPORTED, NULL, "the same as remove"},
	{"force", NG_REFUSED, NULL, ICE_REASON},
	{"force-relay", NG_REFUSED, NULL, ICE_REASON},
	{"lite", NG_REFUSED, NULL, ICE_REASON},
};
static const struct table ice_table = {"ICE", ice_words, ARRAY_LEN(ice_words)};

static const struct word dtls_words[] = {
	{"off", NG_SUPPORTED, NULL, "always so: DTLS-SRTP is not spoken"},
	{"no", NG_SUPPORTED, NULL, "the same as off"},
	{"disable", NG_SUPPORTED, NULL, "the same as off"},
	{"passive", NG_IGNORED, NULL, "there is no DTLS to be passive in; a DTLS offer fails for its profile"},
	{"active", NG_IGNORED, NULL, "as passive"},
};
static const struct table dtls_table = {"DTLS", dtls_words, ARRAY_LEN(dtls_words)};

/* --- flags ------------------------------------------------------------------------------------------ */

#define FLAG(fn_, statement_)                                                         \
	static enum err fn_(struct reading *r, const struct doc *v, struct str a)     \
	{                                                                             \
		(void)v;                                                              \
		(void)a;                                                              \
		statement_;                                                           \
		return ERR_OK;                                                        \
	}
FLAG(flag_handover, options(r)->latch = RELAY_LATCH_FOLLOW)
FLAG(flag_strict, options(r)->latch = RELAY_LATCH_FIRST)
FLAG(flag_signalled, options(r)->latch = RELAY_LATCH_SIGNALLED)
FLAG(flag_trust, r->source_is_believed = false)
FLAG(flag_source, r->source_is_believed = true)
FLAG(flag_no_rtcp_attr, options(r)->no_rtcp_attr = true)
FLAG(flag_full_rtcp_attr, options(r)->full_rtcp_attr = true)
FLAG(flag_loop, options(r)->loop_protect = true)
FLAG(flag_fatal, r->out->is_fatal = true)
FLAG(flag_origin, options(r)->replace |= DIALOG_REPLACE_ORIGIN)

static enum err flag_sdes(struct reading *r, const struct doc *v, struct str word)
{
	return read_word(r, &sdes_table, word, v);
}

static enum err flag_mux(struct reading *r, const struct doc *v, struct str word)
{
	return read_word(r, &mux_table, word, v);
}

static enum err flag_ice(struct reading *r, const struct doc *v, struct str word)
{
	return read_word(r, &ice_table, word, v);
}

static const struct word flag_words[] = {
	{"trust-address", NG_SUPPORTED, flag_trust, "the default: the address in the SDP is believed, whatever received-from says"},
	{"SIP-source-address", NG_SUPPORTED, flag_source, "received-from is believed instead of the SDP"},
	{"symmetric", NG_SUPPORTED, NULL, "the default: media goes back to where it came from"},
	{"strict-source", NG_SUPPORTED, flag_strict, "once learnt, other sources are dropped"},
	{"media-handover", NG_SUPPORTED, flag_handover, "a change of source is followed; where there are keys only after authentication"},
	{"port-latching", NG_SUPPORTED, NULL, "always so: ports stay for the life of the call"},
	{"no-port-latching", NG_IGNORED, NULL, "ports stay for the life of the call"},
	{"signalled-source", NG_SUPPORTED, flag_signalled, "only the signalled address may send"},
	{"asymmetric", NG_IGNORED, NULL, "the source of media is learnt for sending too; a peer that sends and receives at different ports needs its SDP to say so"},
	{"unidirectional", NG_IGNORED, NULL, "either direction may start"},
	{"no-rtcp-attribute", NG_SUPPORTED, flag_no_rtcp_attr, "no a=rtcp is written"},
	{"full-rtcp-attribute", NG_SUPPORTED, flag_full_rtcp_attr, "a=rtcp is written with its address"},
	{"loop-protect", NG_SUPPORTED, flag_loop, "packets that would go back where they came from are dropped"},
	{"replace-origin", NG_SUPPORTED, flag_origin, "as replace: origin"},
	{"replace-session-connection", NG_SUPPORTED, NULL, "as replace: session-connection"},
	{"SDES-=", NG_SUPPORTED, flag_sdes, "as SDES: what follows"},
	{"rtcp-mux-=", NG_SUPPORTED, flag_mux, "as rtcp-mux: what follows"},
	{"ICE=", NG_SUPPORTED, flag_ice, "as ICE: what follows"},
	{"reset", NG_IGNORED, NULL, "nothing here is reset by a repeated offer: that is how calls go silent"},
	{"record-call", NG_IGNORED, NULL, "there is no recording"},
	{"early-media", NG_SUPPORTED, NULL, "always so: media may flow from the first answer on"},
	{"allow-transcoding", NG_IGNORED, NULL, "codecs are not touched"},
	{"always-transcode", NG_IGNORED, NULL, "codecs are not touched"},
	{"transcode-=", NG_IGNORED, NULL, "codecs are not touched"},
	{"codec-=", NG_IGNORED, NULL, "codecs are not touched"},
	{"generate-mid", NG_IGNORED, NULL, "a=mid passes as it is"},
	{"original-sendrecv", NG_SUPPORTED, NULL, "always so: directions pass as they are"},
	{"generate-RTCP", NG_IGNORED, NULL, "the terminals' own reports pass through"},
	{"all", NG_IGNORED, NULL, "of other commands"},
	{"fatal", NG_SUPPORTED, flag_fatal, "a delete of an unknown call is an error instead of a warning"},
};
static const struct table flag_table = {"flags", flag_words, ARRAY_LEN(flag_words)};

/* --- keys ------------------------------------------------------------------------------------------- */

static enum err need_text(struct reading *r, const char *key, const struct doc *v)
{
	if (v->kind == DOC_TEXT)
		return ERR_OK;
	return why_fail(r->why, ERR_INVALID, "%s: %s, a string is needed", key, doc_kind_name(v->kind));
}

#define TEXT_KEY(fn_, key_, field_)                                                   \
	static enum err fn_(struct reading *r, const struct doc *v, struct str a)     \
	{                                                                             \
		enum err e = need_text(r, key_, v);                                   \
                                                                                      \
		(void)a;                                                              \
		if (!e)                                                               \
			r->out->ask.field_ = v->text;                                 \
		return e;                                                             \
	}
TEXT_KEY(key_call_id, "call-id", call)
TEXT_KEY(key_from_tag, "from-tag", from)
TEXT_KEY(key_to_tag, "to-tag", to)
TEXT_KEY(key_via_branch, "via-branch", branch)
TEXT_KEY(key_sdp, "sdp", sdp)

static enum err key_transport(struct reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "transport-protocol", v);
	enum sdp_profile p = e ? SDP_PROFILE_OTHER : sdp_profile_find(v->text);

	(void)a;
	if (e)
		return e;
	if (sdp_profile_is_dtls(p))
		return why_fail(r->why, ERR_UNSUPPORTED, "transport-protocol %s: DTLS-SRTP is not spoken; use RTP/SAVP or RTP/SAVPF",
		                sdp_profile_name(p));
	if (p == SDP_PROFILE_OTHER)
		return why_fail(r->why, ERR_INVALID, "transport-protocol: one of RTP/AVP, RTP/AVPF, RTP/SAVP, RTP/SAVPF is needed");
	options(r)->transport = p;
	return ERR_OK;
}

static enum err key_words(struct reading *r, const struct doc *v, const struct table *t)
{
	return read_words(r, t, v);
}

static enum err key_sdes(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &sdes_table);
}

static enum err key_mux(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &mux_table);
}

static enum err key_replace(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &replace_table);
}

static enum err key_ice(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &ice_table);
}

static enum err key_dtls(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &dtls_table);
}

static enum err key_flags(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return key_words(r, v, &flag_table);
}

static enum err find_interface(struct reading *r, const char *key, struct str name, int16_t *out)
{
	for (unsigned i = 0; i < r->context->n_interfaces; i++) {
		if (str_is(name, r->context->interfaces[i].name)) {
			*out = (int16_t)i;
			return ERR_OK;
		}
	}
	return why_fail(r->why, ERR_NOT_FOUND, "%s: no interface named \"%.*s\" here", key, name.n > 32 ? 32 : (int)name.n, name.p);
}

/* `direction`: the interface of the side that sends this SDP, then that of the other. */
static enum err key_direction(struct reading *r, const struct doc *v, struct str a)
{
	unsigned i = 0;

	(void)a;
	if (v->kind != DOC_LIST || v->n != 2)
		return why_fail(r->why, ERR_INVALID, "direction: a list of two interface names is needed");
	for (DOC_EACH(it, v)) {
		enum err e = need_text(r, "direction", it);

		if (!e)
			e = find_interface(r, "direction", it->text, &options(r)->interface[i++]);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err key_interface(struct reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "interface", v);

	(void)a;
	return e ? e : find_interface(r, "interface", v->text, &options(r)->interface[1]);
}

static enum err read_ip(struct reading *r, const char *key, struct str text, struct addr *out)
{
	if (addr_parse_ip(text, out))
		return why_fail(r->why, ERR_INVALID, "%s: not an IP address", key);
	return ERR_OK;
}

/* ["IP4", "192.0.2.1"]: where signalling saw the request come from. */
static enum err key_received_from(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	if (v->kind != DOC_LIST || v->n != 2 || v->last->kind != DOC_TEXT)
		return why_fail(r->why, ERR_INVALID, "received-from: a list of family and address is needed");
	return read_ip(r, "received-from", v->last->text, &r->received_from);
}

static enum err key_media_address(struct reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "media-address", v);

	(void)a;
	return e ? e : read_ip(r, "media-address", v->text, &options(r)->media_address);
}

static enum err key_family(struct reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "address-family", v);

	(void)a;
	if (e)
		return e;
	if (str_is(v->text, "IP4"))
		options(r)->family = 4;
	else if (str_is(v->text, "IP6"))
		options(r)->family = 6;
	else
		return why_fail(r->why, ERR_INVALID, "address-family: IP4 or IP6 is needed");
	return ERR_OK;
}

static enum err read_number(struct reading *r, const char *key, const struct doc *v, uint64_t max, uint64_t *out)
{
	enum err e = ERR_OK;

	if (v->kind == DOC_INT && v->number >= 0 && (uint64_t)v->number <= max)
		*out = (uint64_t)v->number;
	else if (v->kind != DOC_TEXT || str_to_u64(v->text, max, out))
		e = why_fail(r->why, ERR_RANGE, "%s: a number from 0 to %llu is needed", key, (unsigned long long)max);
	return e;
}

/* The whole octet of the IP header; we keep its upper six bits. */
static enum err key_tos(struct reading *r, const struct doc *v, struct str a)
{
	uint64_t n = 0;
	enum err e = read_number(r, "TOS", v, 255, &n);

	(void)a;
	if (!e)
		options(r)->dscp = (int16_t)(n >> 2);
	return e;
}

static enum err key_delete_delay(struct reading *r, const struct doc *v, struct str a)
{
	uint64_t seconds = 0;
	enum err e = read_number(r, "delete-delay", v, 3600, &seconds);

	(void)a;
	if (!e)
		options(r)->delete_delay_ms = (uint32_t)seconds * 1000;
	return e;
}

static enum err key_limit(struct reading *r, const struct doc *v, struct str a)
{
	uint64_t n = 0;
	enum err e = read_number(r, "limit", v, 100000, &n);

	(void)a;
	if (!e)
		r->out->limit = (uint32_t)n;
	return e;
}

static enum err key_supports(struct reading *r, const struct doc *v, struct str a)
{
	(void)a;
	if (v->kind == DOC_LIST)
		for (DOC_EACH(it, v))
			r->out->knows_load_limit |= it->kind == DOC_TEXT && str_is(it->text, "load limit");
	return ERR_OK;
}

static const struct word key_table_words[] = {
	{"command", NG_SUPPORTED, NULL, "ping, offer, answer, delete, query, list, statistics"},
	{"call-id", NG_SUPPORTED, key_call_id, "names the call"},
	{"from-tag", NG_SUPPORTED, key_from_tag, "names the side that offers"},
	{"to-tag", NG_SUPPORTED, key_to_tag, "names the side that answers"},
	{"via-branch", NG_SUPPORTED, key_via_branch, "tells offers of one call to several places apart"},
	{"sdp", NG_SUPPORTED, key_sdp, "the session description"},
	{"flags", NG_SUPPORTED, key_flags, "a list of the words below"},
	{"transport-protocol", NG_SUPPORTED, key_transport, "the profile that the other side shall see: RTP/AVP, RTP/AVPF, RTP/SAVP, RTP/SAVPF"},
	{"SDES", NG_SUPPORTED, key_sdes, "a list of the words below"},
	{"rtcp-mux", NG_SUPPORTED, key_mux, "a list of the words below"},
	{"replace", NG_SUPPORTED, key_replace, "a list of the words below"},
	{"ICE", NG_SUPPORTED, key_ice, "one of the words below"},
	{"DTLS", NG_SUPPORTED, key_dtls, "one of the words below"},
	{"direction", NG_SUPPORTED, key_direction, "names of the interfaces of either side"},
	{"interface", NG_SUPPORTED, key_interface, "name of the interface of the other side"},
	{"received-from", NG_SUPPORTED, key_received_from, "the address the request came from; believed with SIP-source-address"},
	{"media-address", NG_SUPPORTED, key_media_address, "the address written into the SDP instead of ours"},
	{"address-family", NG_SUPPORTED, key_family, "IP4 or IP6: of our address towards the other side"},
	{"TOS", NG_SUPPORTED, key_tos, "the DSCP of what leaves, as a whole TOS octet"},
	{"delete-delay", NG_SUPPORTED, key_delete_delay, "accepted; a delete takes effect at once, so that ports and keys go"},
	{"limit", NG_SUPPORTED, key_limit, "list: at most so many"},
	{"supports", NG_SUPPORTED, key_supports, "\"load limit\": the client knows that answer"},
	{"label", NG_IGNORED, NULL, "sides are named by their tags"},
	{"from-label", NG_IGNORED, NULL, "as label"},
	{"to-label", NG_IGNORED, NULL, "as label"},
	{"metadata", NG_IGNORED, NULL, "there is no recording"},
	{"record-call", NG_IGNORED, NULL, "there is no recording"},
	{"codec", NG_IGNORED, NULL, "codecs are not touched"},
	{"ptime", NG_IGNORED, NULL, "packets are not repackaged"},
	{"ptime-reverse", NG_IGNORED, NULL, "as ptime"},
	{"OSRTP", NG_IGNORED, NULL, "opportunistic SRTP is not offered"},
	{"T38", NG_IGNORED, NULL, "fax passes as it is"},
	{"drop-traffic", NG_IGNORED, NULL, "of other commands"},
	{"xmlrpc-callback", NG_REFUSED, NULL, "no callbacks: subscribe to events on the control socket"},
	{"template", NG_REFUSED, NULL, "templates are not kept here: send the flags"},
};
static const struct table key_table = {"key", key_table_words, ARRAY_LEN(key_table_words)};

static const struct table *const tables[] = {&key_table, &flag_table, &sdes_table, &mux_table,
                                             &replace_table, &ice_table, &dtls_table};

bool ng_words_row(size_t at, struct ng_word_doc *out)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		if (at < tables[t]->n) {
			const struct word *w = &tables[t]->words[at];

			*out = (struct ng_word_doc){.where = tables[t]->where, .name = w->name, .how = w->how, .text = w->text};
			return true;
		}
		at -= tables[t]->n;
	}
	return false;
}

/* --- the whole request ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum dialog_op op;
	bool needs_from, needs_to, needs_sdp;
} commands[NG_COMMAND_COUNT] = {
	[NG_PING] = {.name = "ping"},
	[NG_OFFER] = {.name = "offer", .op = DIALOG_OFFER, .needs_from = true, .needs_sdp = true},
	[NG_ANSWER] = {.name = "answer", .op = DIALOG_ANSWER, .needs_from = true, .needs_to = true, .needs_sdp = true},
	[NG_DELETE] = {.name = "delete", .op = DIALOG_DELETE},
	[NG_QUERY] = {.name = "query"},
	[NG_LIST] = {.name = "list"},
	[NG_STATISTICS] = {.name = "statistics"},
};

const char *ng_command_name(enum ng_command c)
{
	return commands[c].name;
}

static enum err read_command(struct reading *r, const struct doc *message)
{
	struct str name = doc_get_text(message, "command");

	for (unsigned i = 0; i < NG_COMMAND_COUNT; i++) {
		if (str_is(name, commands[i].name)) {
			r->out->command = (enum ng_command)i;
			r->out->ask.op = commands[i].op;
			return ERR_OK;
		}
	}
	if (!name.n)
		return why_fail(r->why, ERR_INVALID, "No \"command\" key in the message");
	return why_fail(r->why, ERR_UNSUPPORTED, "Unrecognized command");
}

static enum err check_names(struct reading *r)
{
	const struct ng_request *q = r->out;
	bool needs_call = q->command == NG_OFFER || q->command == NG_ANSWER || q->command == NG_DELETE || q->command == NG_QUERY;

	if (needs_call && !q->ask.call.n)
		return why_fail(r->why, ERR_INVALID, "No call-id in message");
	if (commands[q->command].needs_from && !q->ask.from.n)
		return why_fail(r->why, ERR_INVALID, "No from-tag in message");
	if (commands[q->command].needs_to && !q->ask.to.n)
		return why_fail(r->why, ERR_INVALID, "No to-tag in message");
	if (commands[q->command].needs_sdp && !q->ask.sdp.n)
		return why_fail(r->why, ERR_INVALID, "No SDP body in message");
	if (q->ask.from.n > DIALOG_TAG_MAX || q->ask.to.n > DIALOG_TAG_MAX || q->ask.branch.n > DIALOG_TAG_MAX)
		return why_fail(r->why, ERR_TOO_BIG, "a tag or branch is longer than %d", DIALOG_TAG_MAX);
	return ERR_OK;
}

enum err ng_request_read(struct ng_request *out, const struct doc *message, const struct ng_context *context,
                         struct why *why)
{
	struct reading r = {.out = out, .context = context, .why = why};
	enum err e;

	*out = (struct ng_request){.limit = 32};
	dialog_options_defaults(&out->ask.options);
	out->ask.options.accept_rekey = true; /* plain terminals do send new keys */
	/* ng never tells of a refused re-INVITE: the next offer of the other side does. */
	out->ask.options.supersede_glare = true;
	if (message->kind != DOC_DICT)
		return why_fail(why, ERR_INVALID, "a dictionary is needed");
	e = read_command(&r, message);
	for (DOC_EACH(it, message)) {
		if (e)
			break;
		e = read_word(&r, &key_table, it->key, it);
	}
	if (r.source_is_believed)
		out->ask.options.received_from = r.received_from;
	return e ? e : check_names(&r);
}
