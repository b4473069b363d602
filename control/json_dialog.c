/* SPDX-License-Identifier: MIT */
/* From params to requests of dialog, from its replies to answers. */
#include "control/json_dialog.h"

#include <stdio.h>

#include "control/reply.h"
#include "control/schema.h"
#include "keyctx/sdp/mediasec.h"

/* --- types of their own ------------------------------------------------------------------------------- */

/* A text that stays where it is, of any length the protocol lets through; never echoed. */
static enum err slice_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	if (d->kind != DOC_TEXT || !d->text.n)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must be a text that is not empty");
	(void)f;
	*(struct str *)at = d->text;
	return ERR_OK;
}

static const struct schema_type slice_type = {.read = slice_read};

/* A list of words, each a bit. */
static enum err bits_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	uint8_t bits = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of words");
	for (DOC_EACH(it, d)) {
		const struct schema_word *w = f->words;

		while (w->name && !(it->kind == DOC_TEXT && str_is(it->text, w->name)))
			w++;
		if (!w->name)
			return schema_refuse(in, ERR_INVALID, f, it, "no such word; the first of them is \"%s\"", f->words->name);
		bits |= w->value;
	}
	*(uint8_t *)at = bits;
	return ERR_OK;
}

static const struct schema_type bits_type = {.read = bits_read};

struct suite_names {
	uint8_t n;
	uint8_t ids[DIALOG_SUITES_MAX];
};

static enum err suites_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	struct suite_names names = {0};

	if (d->kind != DOC_LIST || d->n == 0 || d->n > DIALOG_SUITES_MAX)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of 1 to %d suites", DIALOG_SUITES_MAX);
	for (DOC_EACH(it, d)) {
		const struct suite *s = it->kind == DOC_TEXT ? suite_find(it->text) : NULL;

		if (!s)
			return schema_refuse(in, ERR_UNSUPPORTED, f, NULL, "no such suite; `version` lists them");
		names.ids[names.n++] = (uint8_t)s->id;
	}
	*(struct suite_names *)at = names;
	return ERR_OK;
}

static const struct schema_type suites_type = {.read = suites_read};

/* --- params ------------------------------------------------------------------------------------------- */

struct dialog_params {
	uint32_t has;
	char call[512], from[DIALOG_TAG_MAX], to[DIALOG_TAG_MAX], branch[DIALOG_TAG_MAX];
	struct str sdp;
	uint8_t profile, side, transport, security, rekey, glare, bundle, gates, latch, rtcp_mux, replace;
	uint8_t registered, emergency, gm_confidential, loop_protect, family, dscp, any_tag;
	struct suite_names suites;
	struct addr media_address, received_from;
	char interface[32], interface_other[32];
};

static const struct schema_word profile_words[] = {{"plain", 0}, {"ims-access", 1}, {0}};
static const struct schema_word side_words[] = {{"ue", DIALOG_IMS_UE}, {"core", DIALOG_IMS_CORE}, {0}};
static const struct schema_word transport_words[] = {
	{"RTP/AVP", SDP_PROFILE_AVP}, {"RTP/AVPF", SDP_PROFILE_AVPF}, {"RTP/SAVP", SDP_PROFILE_SAVP},
	{"RTP/SAVPF", SDP_PROFILE_SAVPF}, {0}};
static const struct schema_word security_words[] = {{"pass", 0}, {"terminate", 1}, {0}};
static const struct schema_word rekey_words[] = {{"reject", 0}, {"accept", 1}, {0}};
static const struct schema_word glare_words[] = {{"refuse", 0}, {"supersede", 1}, {0}};
static const struct schema_word bundle_words[] = {{"refuse", 0}, {"pass", 1}, {0}};
static const struct schema_word gate_words[] = {{"open", 0}, {"direction", 1}, {0}};
static const struct schema_word latch_words[] = {
	{"signalled", RELAY_LATCH_SIGNALLED}, {"first", RELAY_LATCH_FIRST}, {"follow", RELAY_LATCH_FOLLOW},
	{"asymmetric", RELAY_LATCH_ASYMMETRIC}, {0}};
static const struct schema_word mux_words[] = {
	{"offer", DIALOG_MUX_OFFER}, {"require", DIALOG_MUX_REQUIRE}, {"demux", DIALOG_MUX_DEMUX},
	{"accept", DIALOG_MUX_ACCEPT}, {"reject", DIALOG_MUX_REJECT}, {0}};
static const struct schema_word replace_words[] = {
	{"origin", DIALOG_REPLACE_ORIGIN}, {"username", DIALOG_REPLACE_USERNAME},
	{"session-name", DIALOG_REPLACE_SESSION_NAME}, {"version", DIALOG_REPLACE_VERSION}, {0}};

enum param {
	P_CALL, P_FROM, P_TO, P_BRANCH, P_SDP, P_PROFILE, P_SIDE, P_TRANSPORT, P_SECURITY, P_SUITES, P_REKEY, P_GLARE, P_BUNDLE,
	P_GATES, P_LATCH, P_MUX, P_REPLACE, P_REGISTERED, P_EMERGENCY, P_GM, P_LOOP, P_FAMILY, P_DSCP, P_ANY_TAG, P_MEDIA_ADDRESS,
	P_RECEIVED_FROM, P_INTERFACE, P_INTERFACE_OTHER
};

#define AT(type_, member_) SCHEMA_FIELD(type_, struct dialog_params, member_)
static const struct schema_field dialog_fields[] = {
	[P_CALL] = {.name = "call", AT(&schema_text, call), .required = true, .min = 1, .help = "Call-ID"},
	[P_FROM] = {.name = "from", AT(&schema_text, from), .help = "the offerer's tag, of an answer too"},
	[P_TO] = {.name = "to", AT(&schema_text, to), .help = "the answerer's tag"},
	[P_BRANCH] = {.name = "branch", AT(&schema_text, branch), .help = "tells offers of one call apart that go to different places"},
	[P_SDP] = {.name = "sdp", AT(&slice_type, sdp), .secret = true, .help = "the description"},
	[P_PROFILE] = {.name = "profile", AT(&schema_word, profile), .words = profile_words, .help = "who decides about security"},
	[P_SIDE] = {.name = "side", AT(&schema_word, side), .words = side_words, .help = "ims-access: whose description this is"},
	[P_TRANSPORT] = {.name = "transport", AT(&schema_word, transport), .words = transport_words,
	                 .help = "plain: profile the other side shall see; default: as it came"},
	[P_SECURITY] = {.name = "security", AT(&schema_word, security), .words = security_words,
	                .help = "RTP/SAVP on both sides: pass (e2e) or terminate (srtp-srtp)"},
	[P_SUITES] = {.name = "suites", AT(&suites_type, suites), .help = "suites to offer, best first"},
	[P_REKEY] = {.name = "rekey", AT(&schema_word, rekey), .words = rekey_words,
	             .help = "a new key where the peer did not move; default: accept, under ims-access reject"},
	[P_GLARE] = {.name = "glare", AT(&schema_word, glare), .words = glare_words,
	             .help = "an offer while the other side's waits: refuse (491), or let it supersede"},
	[P_BUNDLE] = {.name = "bundle", AT(&schema_word, bundle), .words = bundle_words, .help = "a=group:BUNDLE"},
	[P_GATES] = {.name = "gates", AT(&schema_word, gates), .words = gate_words,
	             .help = "direction: a=inactive and the like close gates; default under ims-access"},
	[P_LATCH] = {.name = "latch", AT(&schema_word, latch), .words = latch_words, .help = "sources believed of the side that sends this"},
	[P_MUX] = {.name = "rtcp_mux", AT(&bits_type, rtcp_mux), .words = mux_words, .help = "offer, require, demux, accept, reject"},
	[P_REPLACE] = {.name = "replace", AT(&bits_type, replace), .words = replace_words, .help = "origin, username, session-name, version"},
	[P_REGISTERED] = {.name = "registered_e2ae", AT(&schema_bool, registered), .help = "ims-access: the registration agreed on e2ae"},
	[P_EMERGENCY] = {.name = "emergency", AT(&schema_bool, emergency), .help = "ims-access: never refused for reasons of security"},
	[P_GM] = {.name = "gm_confidential", AT(&schema_bool, gm_confidential), .preset = 1, .help = "ims-access: Gm is ciphered"},
	[P_LOOP] = {.name = "loop_protect", AT(&schema_bool, loop_protect), .help = "drop packets that would go back where they came from"},
	[P_FAMILY] = {.name = "family", AT(&schema_uint, family), .min = 4, .max = 6, .help = "4 or 6: of our address for the other side"},
	[P_DSCP] = {.name = "dscp", AT(&schema_uint, dscp), .max = 63, .help = "of packets of this call"},
	[P_ANY_TAG] = {.name = "any_tag", AT(&schema_bool, any_tag), .help = "forgive a wrong crypto tag where the suite is unique"},
	[P_MEDIA_ADDRESS] = {.name = "media_address", AT(&schema_addr, media_address), .help = "told instead of our own; its port is not looked at"},
	[P_RECEIVED_FROM] = {.name = "received_from", AT(&schema_addr, received_from), .help = "believed instead of the address in the SDP"},
	[P_INTERFACE] = {.name = "interface", AT(&schema_text, interface), .help = "towards the side that sends this"},
	[P_INTERFACE_OTHER] = {.name = "interface_other", AT(&schema_text, interface_other), .help = "towards the other side"},
};
static const struct schema dialog_schema = {"the request", dialog_fields, ARRAY_LEN(dialog_fields), sizeof(struct dialog_params)};

static bool is_given(const struct dialog_params *p, enum param field)
{
	return p->has >> field & 1;
}

static enum err find_interface(const struct spec_context *c, const char *name, int16_t *out, struct why *why)
{
	for (unsigned i = 0; i < c->n_interfaces && name[0]; i++)
		if (strcmp(c->interfaces[i].name, name) == 0) {
			*out = (int16_t)i;
			return ERR_OK;
		}
	if (!name[0])
		return ERR_OK;
	return why_fail(why, ERR_NOT_FOUND, "no interface \"%s\"", name);
}

static void fill_ims(struct dialog_options *o, const struct dialog_params *p)
{
	o->profile = (enum dialog_profile)p->side;
	o->ims.has_binding = p->registered;
	o->ims.is_emergency = p->emergency;
	o->ims.gm_is_confidential = p->gm_confidential;
	o->accept_rekey = false;
	o->gate_by_direction = true;
}

static enum err fill_options(struct dialog_options *o, const struct dialog_params *p, const struct spec_context *c,
                             struct why *why)
{
	enum err e;

	dialog_options_defaults(o);
	if (p->profile && !p->side)
		return why_fail(why, ERR_INVALID, "params.side: \"ue\" or \"core\" is needed with profile ims-access");
	if (p->profile)
		fill_ims(o, p);
	o->transport = (enum sdp_profile)p->transport;
	o->terminate = p->security;
	o->supersede_glare = p->glare;
	o->keep_bundle = p->bundle;
	o->mux = p->rtcp_mux;
	o->replace = p->replace;
	o->loop_protect = p->loop_protect;
	o->any_tag = p->any_tag;
	o->family = p->family == 5 ? 0 : p->family;
	o->media_address = addr_with_port(&p->media_address, 0);
	o->received_from = addr_with_port(&p->received_from, 0);
	if (is_given(p, P_REKEY))
		o->accept_rekey = p->rekey;
	if (is_given(p, P_GATES))
		o->gate_by_direction = p->gates;
	if (is_given(p, P_LATCH))
		o->latch = p->latch;
	if (is_given(p, P_DSCP))
		o->dscp = p->dscp;
	if (p->suites.n) {
		o->n_suites = p->suites.n;
		for (unsigned i = 0; i < p->suites.n; i++)
			o->suites[i] = (enum suite_id)p->suites.ids[i];
	}
	e = find_interface(c, p->interface, &o->interface[0], why);
	return e ? e : find_interface(c, p->interface_other, &o->interface[1], why);
}

/* --- answers ------------------------------------------------------------------------------------------ */

static void refuse(struct proto_json_call *call, const struct dialog_reply *r)
{
	struct why why = {""};

	(void)why_fail(&why, r->e, "%s", r->why && r->why->text[0] ? r->why->text : err_meaning(r->e));
	why_prefix(&why, "SIP %d", r->sip_status);
	proto_json_refuse(call, r->e, &why, NULL);
}

static void answer_sdp(void *arg, const struct dialog_reply *r)
{
	struct proto_json_call *call = arg;
	struct doc_arena *a = proto_json_arena(call);
	struct doc *d, *list;

	if (r->e) {
		refuse(call, r);
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
		if (r->media[i].row[0])
			doc_set_text(a, m, "row", str_of(r->media[i].row));
		doc_append(list, m);
	}
	doc_set(d, "media", list);
	if (r->session)
		doc_set(d, "session", reply_local(a, proto_json_service(call), r->session));
	proto_json_answer(call, d);
}

static void answer_end(void *arg, const struct dialog_reply *r)
{
	struct proto_json_call *call = arg;

	if (r->e)
		refuse(call, r);
	else if (r->session && r->stats)
		proto_json_answer(call, reply_final(proto_json_arena(call), r->session, r->stats));
	else
		proto_json_answer(call, doc_dict(proto_json_arena(call)));
}

static void handle(struct proto_json_call *call, const struct doc *params, enum dialog_op op)
{
	bool has_sdp = op == DIALOG_OFFER || op == DIALOG_ANSWER;
	struct dialog_params p = {.gm_confidential = 1};
	struct dialog_ask ask = {.op = op};
	struct why why = {""};
	enum err e;

	if (proto_json_read(call, &dialog_schema, params, &p))
		return;
	e = has_sdp == is_given(&p, P_SDP) ? ERR_OK :
	    why_fail(&why, ERR_INVALID, has_sdp ? "params.sdp is needed" : "params.sdp has no place here");
	if (!e)
		e = fill_options(&ask.options, &p, service_context(proto_json_service(call)), &why);
	if (e) {
		proto_json_refuse(call, e, &why, NULL);
		return;
	}
	ask.call = str_of(p.call);
	ask.from = str_of(p.from);
	ask.to = str_of(p.to);
	ask.branch = str_of(p.branch);
	ask.sdp = p.sdp;
	dialog_request(proto_json_user(call), &ask, has_sdp ? answer_sdp : answer_end, call);
}

static void on_offer(struct proto_json_call *call, const struct doc *params)
{
	handle(call, params, DIALOG_OFFER);
}

static void on_answer(struct proto_json_call *call, const struct doc *params)
{
	handle(call, params, DIALOG_ANSWER);
}

static void on_reject(struct proto_json_call *call, const struct doc *params)
{
	handle(call, params, DIALOG_REJECT);
}

static void on_delete(struct proto_json_call *call, const struct doc *params)
{
	handle(call, params, DIALOG_DELETE);
}

/* --- mediasec ------------------------------------------------------------------------------------------ */

enum { HEADERS_MAX = 16 };

struct header_list {
	unsigned n;
	bool is_given;
	struct str values[HEADERS_MAX];
};

static enum err headers_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	struct header_list l = {.is_given = true};

	if (d->kind != DOC_LIST || d->n > HEADERS_MAX)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of at most %d header values", HEADERS_MAX);
	for (DOC_EACH(it, d)) {
		if (it->kind != DOC_TEXT)
			return schema_refuse(in, ERR_INVALID, f, it, "must be texts");
		l.values[l.n++] = it->text;
	}
	*(struct header_list *)at = l;
	return ERR_OK;
}

static const struct schema_type headers_type = {.read = headers_read};

struct mediasec_params {
	uint32_t has;
	uint8_t step, emergency, sec_agree, ours, sent;
	struct header_list client, verify;
	struct str require;
};

static const struct schema_word step_words[] = {
	{"first", MEDIASEC_FIRST}, {"protected", MEDIASEC_PROTECTED}, {"request", MEDIASEC_REQUEST}, {0}};
static const struct schema_word mechanism_words[] = {
	{"sdes-srtp", 1 << MEDIASEC_SDES_SRTP}, {"msrp-tls", 1 << MEDIASEC_MSRP_TLS}, {"bfcp-tls", 1 << MEDIASEC_BFCP_TLS},
	{"udptl-dtls", 1 << MEDIASEC_UDPTL_DTLS}, {"dtls-srtp", 1 << MEDIASEC_DTLS_SRTP}, {0}};

#define IN(type_, member_) SCHEMA_FIELD(type_, struct mediasec_params, member_)
static const struct schema_field mediasec_fields[] = {
	{.name = "step", IN(&schema_word, step), .required = true, .words = step_words,
	 .help = "first: a REGISTER to be answered 401; protected: one to be answered 200; request: anything else"},
	{.name = "emergency", IN(&schema_bool, emergency), .help = "an emergency registration"},
	{.name = "sec_agree", IN(&schema_bool, sec_agree), .help = "Require: sec-agree is in force"},
	{.name = "ours", IN(&bits_type, ours), .words = mechanism_words, .help = "what gateway and policy support; default: sdes-srtp"},
	{.name = "sent", IN(&bits_type, sent), .words = mechanism_words, .help = "what this binding's Security-Server held"},
	{.name = "client", IN(&headers_type, client), .help = "values of Security-Client"},
	{.name = "verify", IN(&headers_type, verify), .help = "values of Security-Verify"},
	{.name = "require", IN(&slice_type, require), .help = "value of Require or Proxy-Require, to be stripped of mediasec"},
};
static const struct schema mediasec_schema = {"the request", mediasec_fields, ARRAY_LEN(mediasec_fields),
                                              sizeof(struct mediasec_params)};

static enum err read_headers(const struct header_list *h, struct mediasec_list *out, const struct mediasec_list **use,
                             struct why *why)
{
	if (!h->is_given)
		return ERR_OK;
	*use = out;
	return mediasec_parse(out, h->values, h->n, why);
}

static void answer_mediasec(struct proto_json_call *call, const struct mediasec_decision *d, struct str require)
{
	struct doc_arena *a = proto_json_arena(call);
	struct doc *out = doc_dict(a), *binding = doc_list(a);
	char stripped[512];

	doc_set_uint(a, out, "status", (uint64_t)d->status);
	doc_set_bool(a, out, "downgrade", d->is_downgrade);
	doc_set_bool(a, out, "store", d->store);
	doc_set_bool(a, out, "e2ae", d->e2ae);
	for (unsigned m = 0; m < MEDIASEC_COUNT; m++)
		if (d->binding >> m & 1)
			doc_append(binding, doc_text(a, str_of(mediasec_name((enum mediasec_mechanism)m))));
	doc_set(out, "binding", binding);
	doc_set_text(a, out, "security_server", str_of(d->security_server));
	if (require.n && !mediasec_strip_option(require, stripped, sizeof(stripped)))
		doc_set_text(a, out, "require", str_of(stripped));
	proto_json_answer(call, out);
}

static void on_mediasec(struct proto_json_call *call, const struct doc *params)
{
	struct mediasec_params p = {.ours = 1 << MEDIASEC_SDES_SRTP};
	struct mediasec_list client, verify;
	struct mediasec_question q = {0};
	struct mediasec_decision d;
	struct why why = {""};
	enum err e;

	if (proto_json_read(call, &mediasec_schema, params, &p))
		return;
	q = (struct mediasec_question){.step = (enum mediasec_step)p.step, .is_emergency_registration = p.emergency,
	                               .uses_sec_agree = p.sec_agree, .ours = p.ours, .sent = p.sent};
	e = read_headers(&p.client, &client, &q.client, &why);
	if (!e)
		e = read_headers(&p.verify, &verify, &q.verify, &why);
	if (e) {
		proto_json_refuse(call, e, &why, NULL);
		return;
	}
	mediasec_decide(&d, &q);
	answer_mediasec(call, &d, p.require);
}

const struct proto_json_method json_dialog_methods[] = {
	{"offer", on_offer, "an SDP offer: answers with the one for the other side"},
	{"answer", on_answer, "an SDP answer: answers with the one for the offerer"},
	{"reject", on_reject, "the offer that waits was refused: everything old stays"},
	{"delete", on_delete, "the call is over: answers with its final statistics"},
	{"mediasec", on_mediasec, "what a P-CSCF answers and stores for Security-Client and Security-Verify"},
};
const size_t json_dialog_methods_n = ARRAY_LEN(json_dialog_methods);
