/* SPDX-License-Identifier: MIT */
/* Reads the params of offer, answer, reject and delete, and writes the answers. */
#include "control/rpc/rpc_dialog.h"

#include "control/session/interfaces.h"
#include "control/rpc/types.h"
#include "control/rpc/rpc_reply.h"
#include "control/session/spec_schema.h"

/* The object `sdes`: which a=crypto lines of a peer are used; how the gateway writes its own. */
struct sdes_params_in {
	uint64_t has;
	struct rpc_suites accept, prefer;
	uint64_t lifetime_min, lifetime_max, lifetime_own;
	uint8_t ignore_lifetime, mki, unique_keys, pad;
};

/* The object `ims`: options where the IMS standards leave a choice. */
struct ims_params {
	uint64_t has;
	uint8_t e2ae, require_confidential_gm, accept_avp_crypto, use_capabilities,
		allow_mode_switch, applied_in_answer;
};

struct dialog_params {
	uint64_t has;
	char call[512], from[DIALOG_TAG_MAX], to[DIALOG_TAG_MAX], branch[DIALOG_TAG_MAX];
	struct str sdp;
	uint8_t profile, side, transport, security, rekey, glare, bundle, gates, latch, rtcp_mux,
		replace;
	uint8_t registered, emergency, gm_confidential, loop_protect, family, dscp, any_tag;
	struct rpc_suites suites;
	struct addr media_address, received_from;
	char interface[INTERFACES_TEXT_MAX], interface_other[INTERFACES_TEXT_MAX];
	uint8_t rtcp_attribute, ends_when_silent, other_media, osrtp, osrtp_offer, osrtp_pairs;
	struct sdes_params_in sdes;
	struct ims_params ims;
};

/* Values of words in requests; only this file uses them. */
enum { PROFILE_PLAIN, PROFILE_IMS };
enum { SECURITY_PASS, SECURITY_TERMINATE };
enum { GLARE_REFUSE, GLARE_SUPERSEDE };
enum { BUNDLE_REFUSE, BUNDLE_PASS };
enum { GATES_OPEN, GATES_DIRECTION };
enum { RTCP_ATTRIBUTE_PORT, RTCP_ATTRIBUTE_FULL, RTCP_ATTRIBUTE_NONE };

static const struct word profile_words[] = {
	{"plain", PROFILE_PLAIN}, {"ims-access", PROFILE_IMS}, {0}};
static const struct word side_words[] = {{"ue", DIALOG_IMS_UE}, {"core", DIALOG_IMS_CORE}, {0}};
static const struct word transport_words[] = {{"RTP/AVP", SDP_PROFILE_AVP},
                                              {"RTP/AVPF", SDP_PROFILE_AVPF},
                                              {"RTP/SAVP", SDP_PROFILE_SAVP},
                                              {"RTP/SAVPF", SDP_PROFILE_SAVPF},
                                              {0}};
static const struct word security_words[] = {
	{"pass", SECURITY_PASS}, {"terminate", SECURITY_TERMINATE}, {0}};
static const struct word glare_words[] = {
	{"refuse", GLARE_REFUSE}, {"supersede", GLARE_SUPERSEDE}, {0}};
static const struct word bundle_words[] = {{"refuse", BUNDLE_REFUSE}, {"pass", BUNDLE_PASS}, {0}};
static const struct word gate_words[] = {{"open", GATES_OPEN}, {"direction", GATES_DIRECTION}, {0}};
static const struct word mux_words[] = {
	{"offer", DIALOG_MUX_OFFER},   {"require", DIALOG_MUX_REQUIRE}, {"demux", DIALOG_MUX_DEMUX},
	{"accept", DIALOG_MUX_ACCEPT}, {"reject", DIALOG_MUX_REJECT},   {0}};
static const struct word replace_words[] = {{"origin", DIALOG_REPLACE_ORIGIN},
                                            {"username", DIALOG_REPLACE_USERNAME},
                                            {"session-name", DIALOG_REPLACE_SESSION_NAME},
                                            {"version", DIALOG_REPLACE_VERSION},
                                            {"zero-address", DIALOG_REPLACE_ZERO_ADDRESS},
                                            {0}};

static const struct word rtcp_attribute_words[] = {{"port", RTCP_ATTRIBUTE_PORT},
                                                   {"full", RTCP_ATTRIBUTE_FULL},
                                                   {"none", RTCP_ATTRIBUTE_NONE},
                                                   {0}};

#define SDES_AT(type_, member_) SCHEMA_FIELD(type_, struct sdes_params_in, member_)
static const struct schema_field sdes_fields[] = {
	{
		.name = "accept",
		SDES_AT(&rpc_suites_type, accept),
		.help = "suites of the peer's a=crypto lines that may be used; default: all",
	},
	{
		.name = "prefer",
		SDES_AT(&rpc_suites_type, prefer),
		.help = "suites that the gateway takes from the offer first, best first",
	},
	{
		.name = "lifetime_min",
		SDES_AT(&schema_uint, lifetime_min),
		.max = INT64_MAX,
		.help = "in packets; an a=crypto line with a shorter lifetime is not used",
	},
	{
		.name = "lifetime_max",
		SDES_AT(&schema_uint, lifetime_max),
		.max = INT64_MAX,
		.help = "in packets; an a=crypto line with a longer lifetime is not used; default: "
			"the limit of the suite",
	},
	{
		.name = "lifetime_own",
		SDES_AT(&schema_uint, lifetime_own),
		.max = 1ll << 31,
		.help = "lifetime of the gateway's own keys, in packets; the gateway writes it "
			"into a=crypto and enforces it; default: not written",
	},
	{
		.name = "ignore_lifetime",
		SDES_AT(&schema_bool, ignore_lifetime),
		.help = "lifetimes are checked for form, then replaced by the limit of the suite",
	},
	{
		.name = "mki",
		SDES_AT(&schema_bool, mki),
		.preset = 1,
		.help = "whether a=crypto lines with an MKI may be used",
	},
	{
		.name = "unique_keys",
		SDES_AT(&schema_bool, unique_keys),
		.help = "if two lines have the same key, the second is not used (RFC 4568 6.1)",
	},
	{
		.name = "pad",
		SDES_AT(&schema_bool, pad),
		.preset = 1,
		.help = "the gateway writes base64 padding",
	},
};
static const struct schema sdes_schema = SCHEMA_OF("sdes", sdes_fields, struct sdes_params_in);

#define IMS_AT(type_, member_) SCHEMA_FIELD(type_, struct ims_params, member_)
static const struct schema_field ims_fields[] = {
	{
		.name = "e2ae",
		IMS_AT(&schema_bool, e2ae),
		.preset = 1,
		.help = "the policy allows e2ae; false: the gateway acts as if e2ae was not agreed "
			"at registration",
	},
	{
		.name = "require_confidential_gm",
		IMS_AT(&schema_bool, require_confidential_gm),
		.preset = 1,
		.help = "e2ae is not used if Gm is not encrypted",
	},
	{
		.name = "accept_avp_crypto",
		IMS_AT(&schema_bool, accept_avp_crypto),
		.preset = 1,
		.help = "accept a=crypto under RTP/AVP(F) from a UE that requests e2ae (row O8 in "
			"keying.md)",
	},
	{
		.name = "use_capabilities",
		IMS_AT(&schema_bool, use_capabilities),
		.preset = 1,
		.help = "use a potential RTP/SAVP(F) configuration that a UE offers under "
			"RTP/AVP(F) (RFC "
			"5939; row O9)",
	},
	{
		.name = "allow_mode_switch",
		IMS_AT(&schema_bool, allow_mode_switch),
		.help = "a media may change between e2ae and e2e during the call (row U13); "
			"default: "
			"refuse with 488",
	},
	{
		.name = "applied_in_answer",
		IMS_AT(&schema_bool, applied_in_answer),
		.preset = 1,
		.help = "write 3ge2ae:applied into answers too",
	},
};
static const struct schema ims_schema = SCHEMA_OF("ims", ims_fields, struct ims_params);

enum param {
	P_CALL,
	P_FROM,
	P_TO,
	P_BRANCH,
	P_SDP,
	P_PROFILE,
	P_SIDE,
	P_TRANSPORT,
	P_SECURITY,
	P_SUITES,
	P_REKEY,
	P_GLARE,
	P_BUNDLE,
	P_GATES,
	P_LATCH,
	P_MUX,
	P_REPLACE,
	P_REGISTERED,
	P_EMERGENCY,
	P_GM,
	P_LOOP,
	P_FAMILY,
	P_DSCP,
	P_ANY_TAG,
	P_MEDIA_ADDRESS,
	P_RECEIVED_FROM,
	P_INTERFACE,
	P_INTERFACE_OTHER,
	P_RTCP_ATTRIBUTE,
	P_SDES,
	P_IMS,
	P_ENDS_WHEN_SILENT,
	P_OTHER_MEDIA,
	P_OSRTP,
	P_OSRTP_OFFER,
	P_OSRTP_PAIRS
};

#define AT(type_, member_) SCHEMA_FIELD(type_, struct dialog_params, member_)
static const struct schema_field dialog_fields[] = {
	[P_CALL] = {.name = "call",
                    AT(&schema_text, call),
                    .required = true,
                    .min = 1,
                    .help = "Call-ID"},
	[P_FROM] = {.name = "from",
                    AT(&schema_text, from),
                    .help = "the offerer's tag, in an answer too"},
	[P_TO] = {.name = "to", AT(&schema_text, to), .help = "the answerer's tag"},
	[P_BRANCH] =
		{.name = "branch",
                 AT(&schema_text, branch),
                 .help = "names the branch of an offer, if a call is offered to several places"},
	[P_SDP] = {.name = "sdp",
                   AT(&rpc_slice_type, sdp),
                   .secret = true,
                   .help = "the SDP of the offer or answer"},
	[P_PROFILE] =
		{.name = "profile",
                 AT(&schema_word, profile),
                 .words = profile_words,
                 .help = "rules for SRTP: plain follows `transport`; ims-access follows TS 33.328"},
	[P_SIDE] = {.name = "side",
                    AT(&schema_word, side),
                    .words = side_words,
                    .help = "ims-access: the side that sends this SDP"},
	[P_TRANSPORT] = {.name = "transport",
                         AT(&schema_word, transport),
                         .words = transport_words,
                         .help = "plain: the profile for the other side; default: unchanged"},
	[P_SECURITY] = {.name = "security",
                        AT(&schema_word, security),
                        .words = security_words,
                        .help = "if both sides have RTP/SAVP: pass SRTP from end to end (e2e), or "
                                "terminate it here (srtp-srtp)"},
	[P_SUITES] = {.name = "suites",
                      AT(&rpc_suites_type, suites),
                      .help = "suites to offer, best first"},
	[P_REKEY] = {.name = "rekey",
                     AT(&schema_word, rekey),
                     .words = spec_rekey_words,
                     .help = "accept or reject a new key from an unchanged address; default: "
                             "accept; with ims-access: reject"},
	[P_GLARE] = {.name = "glare",
                     AT(&schema_word, glare),
                     .words = glare_words,
                     .help = "an offer while an offer of the other side is open: refuse it (491), "
                             "or let it supersede the open offer"},
	[P_BUNDLE] = {.name = "bundle",
                      AT(&schema_word, bundle),
                      .words = bundle_words,
                      .help = "a=group:BUNDLE: refuse removes it, pass keeps it"},
	[P_GATES] = {.name = "gates",
                     AT(&schema_word, gates),
                     .words = gate_words,
                     .help = "direction: a=inactive, a=sendonly and a=recvonly close gates; open: "
                             "they do not; default: open; with ims-access: direction"},
	[P_LATCH] = {.name = "latch",
                     AT(&schema_word, latch),
                     .words = relay_latch_words,
                     .help = "how the gateway learns the address of the side that sends this SDP; "
                             "default: heuristic"},
	[P_MUX] = {.name = "rtcp_mux",
                   AT(&schema_bits, rtcp_mux),
                   .words = mux_words,
                   .help = "a=rtcp-mux (RFC 5761); the words mean the same as in the ng key "
                           "rtcp-mux"},
	[P_REPLACE] = {.name = "replace",
                       AT(&schema_bits, replace),
                       .words = replace_words,
                       .help = "parts of the SDP to replace; zero-address: a hold by 0.0.0.0 is "
                               "rewritten to a direction attribute"},
	[P_REGISTERED] =
		{.name = "registered_e2ae",
                 AT(&schema_bool, registered),
                 .help = "ims-access: the UE and the P-CSCF agreed on e2ae at registration"},
	[P_EMERGENCY] = {.name = "emergency",
                         AT(&schema_bool, emergency),
                         .help = "ims-access: an emergency call; the gateway never refuses it for "
                                 "missing or unusable security"},
	[P_GM] = {.name = "gm_confidential",
                  AT(&schema_bool, gm_confidential),
                  .preset = 1,
                  .help = "ims-access: Gm is encrypted"},
	[P_LOOP] = {.name = "loop_protect",
                    AT(&schema_bool, loop_protect),
                    .help = "write this gateway's id into the SDP; an SDP that already has this id "
                            "is returned unchanged"},
	[P_FAMILY] =
		{.name = "family",
                 AT(&spec_family_type, family),
                 .help = "4 or 6: the family of the gateway's address for the other side until "
                         "that side has sent SDP; default: the sender's, if the interface has it"},
	[P_DSCP] = {.name = "dscp",
                    AT(&schema_uint, dscp),
                    .max = 63,
                    .help = "DSCP of the packets that the gateway sends for this call"},
	[P_ANY_TAG] = {.name = "any_tag",
                       AT(&schema_bool, any_tag),
                       .help = "accept a wrong crypto tag in an answer if its suite occurs once in "
                               "the offer"},
	[P_MEDIA_ADDRESS] = {.name = "media_address",
                             AT(&schema_addr, media_address),
                             .help = "the address to write into the SDP instead of the gateway's; "
                                     "its port is ignored"},
	[P_RECEIVED_FROM] =
		{.name = "received_from",
                 AT(&schema_addr, received_from),
                 .help = "the address to send media to instead of the address in the SDP"},
	[P_INTERFACE] = {.name = "interface",
                         AT(&schema_text, interface),
                         .help = "interface towards the side that sends this SDP: NAME, NAME:PART "
                                 "or NAME/ADDR"},
	[P_INTERFACE_OTHER] =
		{.name = "interface_other",
                 AT(&schema_text, interface_other),
                 .help = "interface towards the other side: NAME, NAME:PART or NAME/ADDR"},
	[P_RTCP_ATTRIBUTE] =
		{.name = "rtcp_attribute",
                 AT(&schema_word, rtcp_attribute),
                 .words = rtcp_attribute_words,
                 .help = "write a=rtcp with the port, with port and address, or not at all"},
	[P_SDES] = {.name = "sdes",
                    AT(&schema_struct, sdes),
                    .sub = &sdes_schema,
                    .help = "an object; see the table sdes below"},
	[P_ENDS_WHEN_SILENT] = {.name = "ends_when_silent",
                                AT(&schema_bool, ends_when_silent),
                                .help = "end the call when no side has sent packets for "
                                        "inactivity-ms; calls over ng always end then"},
	[P_OTHER_MEDIA] =
		{.name = "other_media",
                 AT(&schema_word, other_media),
                 .words = dialog_other_words,
                 .help = "m-lines that are not RTP. relay: relay those over UDP, pass the others "
                         "unchanged; relay-only: relay those over UDP, refuse the others; pass: "
                         "pass all; refuse: refuse all; default: the setting other-media"},
	[P_OSRTP] = {.name = "osrtp",
                     AT(&schema_word, osrtp),
                     .words = dialog_osrtp_words,
                     .help = "plain: the offerer's optional SRTP. end: the gateway terminates it; "
                             "pass: it passes if no `transport` is given; off: it is not used; "
                             "default: the setting osrtp"},
	[P_OSRTP_OFFER] = {.name = "osrtp_offer",
                           AT(&schema_bool, osrtp_offer),
                           .help = "plain: offer optional SRTP to the other side, which is RTP/AVP "
                                   "with a=crypto (RFC 8643)"},
	[P_OSRTP_PAIRS] = {.name = "osrtp_pairs",
                           AT(&schema_bool, osrtp_pairs),
                           .help = "plain: if two m-lines offer one media as RTP and as SRTP, use "
                                   "the SRTP one"},
	[P_IMS] = {.name = "ims",
                   AT(&schema_struct, ims),
                   .sub = &ims_schema,
                   .help = "an object; see the table ims below"},
};
const struct schema rpc_dialog_schema =
	SCHEMA_OF("the request", dialog_fields, struct dialog_params);

static bool is_given(const struct dialog_params *p, enum param field)
{
	return p->has >> field & 1;
}

static enum err find_interface(const struct spec_context *c, const char *name, int16_t *out,
                               struct why *why)
{
	struct interfaces l = {.items = c->interfaces, .n = c->n_interfaces};
	uint8_t choice;
	enum err e = name[0] ? interfaces_find(&l, str_of(name), &choice, why) : ERR_OK;

	if (!e && name[0])
		*out = choice;
	return e;
}

static void fill_ims(struct dialog_options *o, const struct dialog_params *p)
{
	o->profile = (enum dialog_profile)p->side;
	o->ims.has_binding = p->registered;
	o->ims.is_emergency = p->emergency;
	o->ims.gm_is_confidential = p->gm_confidential;
	o->ims.e2ae_enabled = p->ims.e2ae;
	o->ims.require_confidential_gm = p->ims.require_confidential_gm;
	o->ims.accept_avp_crypto = p->ims.accept_avp_crypto;
	o->ims.use_capabilities = p->ims.use_capabilities;
	o->allow_mode_switch = p->ims.allow_mode_switch;
	o->applied_in_answer = p->ims.applied_in_answer;
	o->accept_rekey = false;
	o->gate_by_direction = true;
}

static uint8_t take_suites(const struct rpc_suites *names, enum suite_id *out)
{
	for (unsigned i = 0; i < names->n; i++)
		out[i] = (enum suite_id)names->ids[i];
	return names->n;
}

static void fill_sdes(struct dialog_options *o, const struct sdes_params_in *p)
{
	if (p->accept.n)
		o->sdes.suites = 0;
	for (unsigned i = 0; i < p->accept.n; i++)
		o->sdes.suites |= 1u << p->accept.ids[i];
	o->n_preferred = take_suites(&p->prefer, o->preferred);
	o->sdes.lifetime_min_pkts = p->lifetime_min;
	o->sdes.lifetime_max_pkts = p->lifetime_max;
	o->sdes.own_lifetime_pkts = p->lifetime_own;
	o->sdes.ignore_lifetime = p->ignore_lifetime;
	o->sdes.accept_mki = p->mki;
	o->sdes.refuse_repeated_keys = p->unique_keys;
	o->sdes.pad = p->pad;
}

static enum err fill_options(struct dialog_options *o, const struct dialog_params *p,
                             const struct service *sv, struct why *why)
{
	const struct spec_context *c = service_context(sv);
	const struct call_settings *calls = &service_get_config(sv)->calls;
	enum err e;

	dialog_options_defaults(o);
	if (p->profile == PROFILE_IMS && !p->side)
		return why_fail(
			why, ERR_INVALID,
			"params.side: must be \"ue\" or \"core\" with the profile ims-access");
	if (p->profile == PROFILE_IMS)
		fill_ims(o, p);
	o->transport = (enum sdp_profile)p->transport;
	o->terminate = p->security == SECURITY_TERMINATE;
	o->supersede_glare = p->glare == GLARE_SUPERSEDE;
	o->keep_bundle = p->bundle == BUNDLE_PASS;
	o->other_media = is_given(p, P_OTHER_MEDIA) ? p->other_media
	                                            : service_get_config(sv)->calls.other_media;
	o->mux = p->rtcp_mux;
	o->replace = p->replace;
	o->loop_protect = p->loop_protect;
	o->any_tag = p->any_tag;
	o->family = p->family;
	o->media_address = addr_with_port(&p->media_address, 0);
	o->received_from = addr_with_port(&p->received_from, 0);
	if (is_given(p, P_REKEY))
		o->accept_rekey = p->rekey == SPEC_REKEY_ACCEPT;
	if (is_given(p, P_GATES))
		o->gate_by_direction = p->gates == GATES_DIRECTION;
	if (is_given(p, P_LATCH))
		o->latch = p->latch;
	if (is_given(p, P_DSCP))
		o->dscp = p->dscp;
	if (p->suites.n)
		o->n_suites = take_suites(&p->suites, o->suites);
	o->no_rtcp_attr = p->rtcp_attribute == RTCP_ATTRIBUTE_NONE;
	o->full_rtcp_attr = p->rtcp_attribute == RTCP_ATTRIBUTE_FULL;
	o->ends_when_silent = p->ends_when_silent;
	o->osrtp = is_given(p, P_OSRTP) ? p->osrtp : calls->osrtp;
	o->osrtp_offer = p->osrtp_offer;
	o->osrtp_pairs = p->osrtp_pairs;
	fill_sdes(o, &p->sdes);
	e = find_interface(c, p->interface, &o->interface[0], why);
	return e ? e : find_interface(c, p->interface_other, &o->interface[1], why);
}

/* --- answers ---------------------------------------------------------------- */

static void refuse(struct rpc_request *request, const struct dialog_reply *r)
{
	struct why why = {""};

	(void)why_fail(&why, r->e, "%s",
	               r->why && r->why->text[0] ? r->why->text : err_meaning(r->e));
	why_prefix(&why, "SIP %d", r->sip_status);
	rpc_refuse(request, r->e, &why, NULL);
}

static void answer_sdp(void *arg, const struct dialog_reply *r)
{
	struct rpc_request *request = arg;
	struct doc_arena *a = rpc_arena(request);
	struct doc *d, *list;

	if (r->e) {
		refuse(request, r);
		return;
	}
	d = doc_dict(a);
	list = doc_list(a);
	doc_set_text(a, d, "sdp", r->sdp);
	for (unsigned i = 0; i < r->n_media; i++) {
		struct doc *m = doc_dict(a);

		doc_set_text(a, m, "action", str_of(r->media[i].action));
		if (strcmp(r->media[i].action, "relay") == 0) {
			doc_set_text(a, m, "mode", str_of(relay_mode_name(r->media[i].mode)));
			doc_set_text(a, m, "change", str_of(r->media[i].change));
		}
		if (r->media[i].reason[0])
			doc_set_text(a, m, "reason", str_of(r->media[i].reason));
		if (r->media[i].row[0])
			doc_set_text(a, m, "row", str_of(r->media[i].row));
		doc_append(list, m);
	}
	doc_set(d, "media", list);
	if (r->session)
		doc_set(d, "session", rpc_reply_local(a, rpc_service(request), r->session));
	rpc_answer(request, d);
}

static void answer_end(void *arg, const struct dialog_reply *r)
{
	struct rpc_request *request = arg;

	if (r->e)
		refuse(request, r);
	else if (r->session && r->stats)
		rpc_answer(request, rpc_reply_final(rpc_arena(request), r->session, r->stats));
	else
		rpc_answer(request, doc_dict(rpc_arena(request)));
}

static void handle(struct rpc_request *request, const struct doc *params, enum dialog_op op)
{
	bool has_sdp = op == DIALOG_OFFER || op == DIALOG_ANSWER;
	struct dialog_params p = {.has = 0};
	struct dialog_command command = {.op = op};
	struct why why = {""};
	enum err e;

	schema_defaults(&rpc_dialog_schema, &p, NULL);
	if (rpc_read(request, &rpc_dialog_schema, params, &p))
		return;
	e = has_sdp == is_given(&p, P_SDP)
	            ? ERR_OK
	            : why_fail(&why, ERR_INVALID,
	                       has_sdp ? "params.sdp: must be given"
	                               : "params.sdp: must be absent, because only offer and "
	                                 "answer have SDP");
	if (!e)
		e = fill_options(&command.options, &p, rpc_service(request), &why);
	if (e) {
		rpc_refuse(request, e, &why, NULL);
		return;
	}
	command.call = str_of(p.call);
	command.from = str_of(p.from);
	command.to = str_of(p.to);
	command.branch = str_of(p.branch);
	command.sdp = p.sdp;
	dialog_submit(rpc_user(request), &command, has_sdp ? answer_sdp : answer_end, request);
}

static void on_offer(struct rpc_request *request, const struct doc *params)
{
	handle(request, params, DIALOG_OFFER);
}

static void on_answer(struct rpc_request *request, const struct doc *params)
{
	handle(request, params, DIALOG_ANSWER);
}

static void on_reject(struct rpc_request *request, const struct doc *params)
{
	handle(request, params, DIALOG_REJECT);
}

static void on_delete(struct rpc_request *request, const struct doc *params)
{
	handle(request, params, DIALOG_DELETE);
}

const struct rpc_method rpc_dialog_methods[] = {
	{"offer", on_offer, "process an SDP offer; the answer has the SDP for the other side"},
	{"answer", on_answer, "process an SDP answer; the answer has the SDP for the offerer"},
	{"reject", on_reject, "the open offer was refused; the call stays as it was before it"},
	{"delete", on_delete, "end a call; the answer has its final statistics"},
	{"mediasec", rpc_mediasec, "process Security-Client and Security-Verify as a P-CSCF does"},
};
const size_t rpc_dialog_methods_n = ARRAY_LEN(rpc_dialog_methods);
