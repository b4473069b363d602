/* SPDX-License-Identifier: MIT */
/* The keys of ng requests: what each does, and whether it is supported, ignored or refused. */
#include "control/session/interfaces.h"
#include "control/ng/words.h"

static enum err need_text(struct ng_reading *r, const char *key, const struct doc *v)
{
	if (v->kind == DOC_TEXT)
		return ERR_OK;
	return why_fail(r->why, ERR_INVALID, "%s: must be a string, not %s", key,
	                doc_kind_name(v->kind));
}

/* Reads a text key. Proxies sometimes send a key twice: equal values are accepted, different values
 * are refused because the request is ambiguous. */
static enum err set_text(struct ng_reading *r, const char *key, const struct doc *v,
                         struct str *out)
{
	enum err e = need_text(r, key, v);

	if (!e && out->n && !str_eq(*out, v->text))
		return why_fail(r->why, ERR_INVALID, "%s: given twice, with different values", key);
	if (!e)
		*out = v->text;
	return e;
}

#define TEXT_KEY(fn_, key_, field_)                                                  \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)a;                                                             \
		return set_text(r, key_, v, &r->out->dialog.field_);                 \
	}
TEXT_KEY(key_call_id, "call-id", call)
TEXT_KEY(key_from_tag, "from-tag", from)
TEXT_KEY(key_to_tag, "to-tag", to)
TEXT_KEY(key_via_branch, "via-branch", branch)
TEXT_KEY(key_sdp, "sdp", sdp)

static enum err key_command(struct ng_reading *r, const struct doc *v, struct str a)
{
	struct str read = str_of(ng_command_name(r->out->command));

	(void)a;
	return set_text(r, "command", v, &read);
}

static enum err key_transport(struct ng_reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "transport-protocol", v);
	enum sdp_profile p = e ? SDP_PROFILE_OTHER : sdp_profile_find(v->text);
	char said[NG_SAID_MAX];

	(void)a;
	/* "accept" in an answer keeps the profile of the answer, which the gateway always does. */
	if (e || str_is(v->text, "accept"))
		return e;
	if (sdp_profile_is_dtls(p))
		return why_fail(r->why, ERR_UNSUPPORTED,
		                "transport-protocol %s: DTLS-SRTP is not supported; use RTP/SAVP "
		                "or RTP/SAVPF",
		                sdp_profile_name(p));
	if (p == SDP_PROFILE_OTHER)
		return why_fail(r->why, ERR_INVALID,
		                "transport-protocol: %s, must be one of RTP/AVP, RTP/AVPF, "
		                "RTP/SAVP, RTP/SAVPF",
		                ng_said(v, said));
	ng_options(r)->transport = p;
	return ERR_OK;
}

/* Defines the function of a key whose value is a list of words from `table_`. */
#define LIST_KEY(fn_, table_)                                                        \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)a;                                                             \
		return ng_words_read(r, &table_, v);                                 \
	}
LIST_KEY(key_sdes, ng_sdes_table)
LIST_KEY(key_mux, ng_mux_table)
LIST_KEY(key_replace, ng_replace_table)
LIST_KEY(key_ice, ng_ice_table)
LIST_KEY(key_dtls, ng_dtls_table)
LIST_KEY(key_learning, ng_learning_table)
LIST_KEY(key_osrtp, ng_osrtp_table)
LIST_KEY(key_flags, ng_flag_table)

static enum err key_crypto(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)a;
	return ng_crypto_read(r, v);
}

static enum err find_interface(struct ng_reading *r, const char *key, struct str name, int16_t *out)
{
	struct interfaces l = {.items = r->context->interfaces, .n = r->context->n_interfaces};
	uint8_t choice;
	enum err e = interfaces_find(&l, name, &choice, r->why);

	if (e)
		why_prefix(r->why, "%s", key);
	else
		*out = choice;
	return e;
}

/* `direction` has two interfaces: of the side that sends this SDP, then of the other side. */
static enum err key_direction(struct ng_reading *r, const struct doc *v, struct str a)
{
	unsigned i = 0;

	(void)a;
	if (v->kind != DOC_LIST || v->n != 2)
		return why_fail(r->why, ERR_INVALID,
		                "direction: must be a list of two interface names, the "
		                "first for the side that sends this SDP");
	for (DOC_EACH(it, v)) {
		enum err e = need_text(r, "direction", it);

		if (!e)
			e = find_interface(r, "direction", it->text,
			                   &ng_options(r)->interface[i++]);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err key_interface(struct ng_reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "interface", v);

	(void)a;
	return e ? e : find_interface(r, "interface", v->text, &ng_options(r)->interface[1]);
}

static enum err read_ip(struct ng_reading *r, const char *key, const struct doc *v,
                        struct addr *out)
{
	char said[NG_SAID_MAX];

	if (addr_parse_ip(v->text, out))
		return why_fail(r->why, ERR_INVALID, "%s: %s, must be an IP address", key,
		                ng_said(v, said));
	return ERR_OK;
}

/* `received-from` is the source address of the SIP request: ["IP4", "192.0.2.1"]. */
static enum err key_received_from(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)a;
	if (v->kind != DOC_LIST || v->n != 2 || v->last->kind != DOC_TEXT)
		return why_fail(r->why, ERR_INVALID,
		                "received-from: must be a list of family and address, for "
		                "example [\"IP4\", \"192.0.2.1\"]");
	return read_ip(r, "received-from", v->last, &r->received_from);
}

static enum err key_media_address(struct ng_reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "media-address", v);

	(void)a;
	return e ? e : read_ip(r, "media-address", v, &ng_options(r)->media_address);
}

static enum err key_family(struct ng_reading *r, const struct doc *v, struct str a)
{
	enum err e = need_text(r, "address-family", v);
	char said[NG_SAID_MAX];

	(void)a;
	if (e)
		return e;
	if (str_is(v->text, "IP4"))
		ng_options(r)->family = 4;
	else if (str_is(v->text, "IP6"))
		ng_options(r)->family = 6;
	else
		return why_fail(r->why, ERR_INVALID, "address-family: %s, must be IP4 or IP6",
		                ng_said(v, said));
	return ERR_OK;
}

static enum err read_number(struct ng_reading *r, const char *key, const struct doc *v,
                            uint64_t max, uint64_t *out)
{
	enum err e = ERR_OK;
	char said[NG_SAID_MAX];

	if (v->kind == DOC_INT && v->number >= 0 && (uint64_t)v->number <= max)
		*out = (uint64_t)v->number;
	else if (v->kind != DOC_TEXT || str_to_u64(v->text, max, out))
		e = why_fail(r->why, ERR_RANGE, "%s: %s, must be an integer from 0 to %llu", key,
		             ng_said(v, said), (unsigned long long)max);
	return e;
}

/* `TOS` is the TOS octet of the IP header; its upper six bits are the DSCP. */
static enum err key_tos(struct ng_reading *r, const struct doc *v, struct str a)
{
	uint64_t n = 0;
	enum err e = read_number(r, "TOS", v, 255, &n);

	(void)a;
	if (!e)
		ng_options(r)->dscp = (int16_t)(n >> 2);
	return e;
}

static enum err key_delete_delay(struct ng_reading *r, const struct doc *v, struct str a)
{
	uint64_t seconds = 0;
	enum err e = read_number(r, "delete-delay", v, 3600, &seconds);

	(void)a;
	if (!e)
		ng_options(r)->delete_delay_ms = (uint32_t)seconds * 1000;
	return e;
}

static enum err key_limit(struct ng_reading *r, const struct doc *v, struct str a)
{
	uint64_t n = 0;
	enum err e = read_number(r, "limit", v, 100000, &n);

	(void)a;
	if (!e)
		r->out->limit = (uint32_t)n;
	return e;
}

static enum err key_supports(struct ng_reading *r, const struct doc *v, struct str a)
{
	(void)a;
	if (v->kind == DOC_LIST)
		for (DOC_EACH(it, v))
			r->out->knows_load_limit |=
				it->kind == DOC_TEXT && str_is(it->text, "load limit");
	return ERR_OK;
}

static const struct ng_word key_table_words[] = {
	{"command", NG_SUPPORTED, key_command,
         "ping, offer, answer, delete, query, list, statistics"},
	{"call-id", NG_SUPPORTED, key_call_id, "names the call"},
	{"from-tag", NG_SUPPORTED, key_from_tag, "names the side that offers"},
	{"to-tag", NG_SUPPORTED, key_to_tag, "names the side that answers"},
	{"via-branch", NG_SUPPORTED, key_via_branch,
         "names the branch of an offer, if a call is offered to several places"},
	{"sdp", NG_SUPPORTED, key_sdp, "the session description"},
	{"flags", NG_SUPPORTED, key_flags, "a list of the words below"},
	{"transport-protocol", NG_SUPPORTED, key_transport,
         "the profile for the other side: RTP/AVP, RTP/AVPF, RTP/SAVP, RTP/SAVPF"},
	{"SDES", NG_SUPPORTED, key_sdes, "a list of the words below"},
	{"crypto", NG_SUPPORTED, key_crypto,
         "suites to offer, best first: names, or a=crypto lines without keys. If both sides have "
         "SRTP, the gateway terminates it, as with recrypt; otherwise the offerer must use one of "
         "these suites"},
	{"rtcp-mux", NG_SUPPORTED, key_mux, "a list of the words below"},
	{"OSRTP", NG_SUPPORTED, key_osrtp, "a list of the words below"},
	{"replace", NG_SUPPORTED, key_replace, "a list of the words below"},
	{"ICE", NG_SUPPORTED, key_ice, "one of the words below"},
	{"DTLS", NG_SUPPORTED, key_dtls, "one of the words below"},
	{"endpoint-learning", NG_SUPPORTED, key_learning, "one of the words below"},
	{"direction", NG_SUPPORTED, key_direction,
         "interfaces of either side: NAME, NAME:PART or NAME/ADDR"},
	{"interface", NG_SUPPORTED, key_interface,
         "interface of the other side: NAME, NAME:PART or NAME/ADDR"},
	{"received-from", NG_SUPPORTED, key_received_from,
         "the address that the SIP request came from; used with SIP-source-address"},
	{"media-address", NG_SUPPORTED, key_media_address,
         "the address to write into the SDP instead of the gateway's"},
	{"address-family", NG_SUPPORTED, key_family,
         "IP4 or IP6: the family of the gateway's address for the other side"},
	{"TOS", NG_SUPPORTED, key_tos,
         "the TOS octet of sent packets; its upper six bits are the DSCP"},
	{"delete-delay", NG_SUPPORTED, key_delete_delay,
         "delete: the call continues for this many seconds; an offer or answer cancels the delete. "
         "0: it ends at once"},
	{"limit", NG_SUPPORTED, key_limit, "list: the largest number of Call-IDs to return"},
	{"supports", NG_SUPPORTED, key_supports,
         "\"load limit\": the client understands this result"},
	{"label", NG_IGNORED, NULL, "the tags name the sides"},
	{"from-label", NG_IGNORED, NULL, "the same as label"},
	{"to-label", NG_IGNORED, NULL, "the same as label"},
	{"set-label", NG_IGNORED, NULL, "the same as label"},
	{"all", NG_IGNORED, NULL, "used by commands that are not supported"},
	{"from-tags", NG_IGNORED, NULL, "used by commands that are not supported"},
	{"instance", NG_IGNORED, NULL, "there is only one process"},
	{"metadata", NG_IGNORED, NULL, "recording is not supported"},
	{"record-call", NG_IGNORED, NULL, "recording is not supported"},
	{"output-destination", NG_IGNORED, NULL, "recording is not supported"},
	{"codec", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"repacketize", NG_IGNORED, NULL, "the gateway does not repacketize"},
	{"ptime", NG_IGNORED, NULL, "the gateway does not repacketize"},
	{"ptime-reverse", NG_IGNORED, NULL, "the same as ptime"},
	{"delay-buffer", NG_IGNORED, NULL, "the gateway has no jitter buffer"},
	{"audio-player", NG_IGNORED, NULL, "playing is not supported"},
	{"generate-RTCP", NG_IGNORED, NULL, "the gateway forwards the terminals' own RTCP"},
	{"sdp-attr", NG_IGNORED, NULL, "the gateway forwards other SDP lines unchanged"},
	{"extmap", NG_IGNORED, NULL,
         "a=extmap is forwarded unchanged; encrypted header extensions are removed where the "
         "gateway terminates SRTP"},
	{"bundle", NG_IGNORED, NULL, "the gateway removes BUNDLE from relayed media"},
	{"ICE-lite", NG_IGNORED, NULL, "ICE is not supported"},
	{"DTLS-reverse", NG_IGNORED, NULL, "DTLS-SRTP is not supported"},
	{"DTLS-fingerprint", NG_IGNORED, NULL, "DTLS-SRTP is not supported"},
	{"T38", NG_IGNORED, NULL,
         "the gateway relays fax (UDPTL) unchanged and never converts it to or from audio"},
	{"T.38", NG_IGNORED, NULL, "the same as T38"},
	{"sip-message-type", NG_IGNORED, NULL, "the command itself says what happened"},
	{"sip-code", NG_IGNORED, NULL, "the command itself says what happened"},
	{"drop-traffic", NG_REFUSED, NULL,
         "not supported; close gates with session.update on the control socket"},
	{"media-echo", NG_REFUSED, NULL, "not supported; the gateway never sends media back"},
	{"DTMF-security", NG_REFUSED, NULL,
         "not supported; media is relayed unchanged, so DTMF would be heard"},
	{"rtpp-flags", NG_REFUSED, NULL, "not supported; let the proxy send the flags as keys"},
	{"xmlrpc-callback", NG_REFUSED, NULL,
         "not supported; subscribe to events on the control socket"},
	{"template", NG_REFUSED, NULL, "not supported; let the proxy send the flags themselves"},
};
const struct ng_table ng_key_table = {"key", key_table_words, ARRAY_LEN(key_table_words)};
