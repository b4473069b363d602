/* SPDX-License-Identifier: MIT */
/* The method mediasec: processes Security-Client and Security-Verify as a P-CSCF does. */
#include "control/rpc/rpc_dialog.h"
#include "control/rpc/types.h"
#include "keyctx/sdp/mediasec.h"

enum { HEADERS_MAX = 16 };

struct header_list {
	unsigned n;
	bool is_given;
	struct str values[HEADERS_MAX];
};

static enum err headers_read(struct schema_in *in, const struct schema_field *f,
                             const struct doc *d, void *at)
{
	struct header_list l = {.is_given = true};

	if (d->kind != DOC_LIST || d->n > HEADERS_MAX)
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be a list of at most %d header values", HEADERS_MAX);
	for (DOC_EACH(it, d)) {
		if (it->kind != DOC_TEXT)
			return schema_refuse(in, ERR_INVALID, f, it, "must be a string");
		l.values[l.n++] = it->text;
	}
	*(struct header_list *)at = l;
	return ERR_OK;
}

static const struct schema_type headers_type = {.read = headers_read};

struct mediasec_params {
	uint64_t has;
	uint8_t step, emergency, sec_agree, ours, sent;
	struct header_list client, verify;
	struct str require;
};

static const struct word step_words[] = {{"first", MEDIASEC_FIRST},
                                         {"protected", MEDIASEC_PROTECTED},
                                         {"request", MEDIASEC_REQUEST},
                                         {0}};
static const struct word mechanism_words[] = {
	{"sdes-srtp", 1 << MEDIASEC_SDES_SRTP}, {"msrp-tls", 1 << MEDIASEC_MSRP_TLS},
	{"bfcp-tls", 1 << MEDIASEC_BFCP_TLS},   {"udptl-dtls", 1 << MEDIASEC_UDPTL_DTLS},
	{"dtls-srtp", 1 << MEDIASEC_DTLS_SRTP}, {0}};

#define IN(type_, member_) SCHEMA_FIELD(type_, struct mediasec_params, member_)
static const struct schema_field mediasec_fields[] = {
	{
		.name = "step",
		IN(&schema_word, step),
		.required = true,
		.words = step_words,
		.help = "first: a REGISTER that gets 401; protected: a REGISTER that gets 200; "
			"request: any other request",
	},
	{.name = "emergency",
         IN(&schema_bool, emergency),
         .help = "the request is an emergency registration"},
	{
		.name = "sec_agree",
		IN(&schema_bool, sec_agree),
		.help = "the request has Require: sec-agree",
	},
	{
		.name = "ours",
		IN(&schema_bits, ours),
		.words = mechanism_words,
		.help = "mechanisms that the gateway supports and the policy allows; default: "
			"sdes-srtp",
	},
	{
		.name = "sent",
		IN(&schema_bits, sent),
		.words = mechanism_words,
		.help = "mechanisms in the Security-Server header that was sent for this "
			"registration",
	},
	{.name = "client",
         IN(&headers_type, client),
         .help = "values of the Security-Client headers"},
	{.name = "verify",
         IN(&headers_type, verify),
         .help = "values of the Security-Verify headers"},
	{
		.name = "require",
		IN(&rpc_slice_type, require),
		.help = "value of Require or Proxy-Require; the answer has this value without the "
			"option "
			"tag mediasec",
	},
};
static const struct schema mediasec_schema =
	SCHEMA_OF("the request", mediasec_fields, struct mediasec_params);

static enum err read_headers(const struct header_list *h, struct mediasec_list *out,
                             const struct mediasec_list **use, struct why *why)
{
	if (!h->is_given)
		return ERR_OK;
	*use = out;
	return mediasec_parse(out, h->values, h->n, why);
}

static void answer_mediasec(struct rpc_request *request, const struct mediasec_decision *d,
                            struct str require)
{
	struct doc_arena *a = rpc_arena(request);
	struct doc *out = doc_dict(a), *binding = doc_list(a);
	char stripped[512];

	doc_set_uint(a, out, "status", (uint64_t)d->status);
	doc_set_bool(a, out, "downgrade", d->is_downgrade);
	doc_set_bool(a, out, "store", d->store);
	doc_set_bool(a, out, "e2ae", d->e2ae);
	for (unsigned m = 0; m < MEDIASEC_COUNT; m++)
		if (d->binding >> m & 1)
			doc_append(binding,
			           doc_text(a, str_of(mediasec_name((enum mediasec_mechanism)m))));
	doc_set(out, "binding", binding);
	doc_set_text(a, out, "security_server", str_of(d->security_server));
	if (require.n && !mediasec_strip_option(require, stripped, sizeof(stripped)))
		doc_set_text(a, out, "require", str_of(stripped));
	rpc_answer(request, out);
}

void rpc_mediasec(struct rpc_request *request, const struct doc *params)
{
	struct mediasec_params p = {.ours = 1 << MEDIASEC_SDES_SRTP};
	struct mediasec_list client, verify;
	struct mediasec_question q = {0};
	struct mediasec_decision d;
	struct why why = {""};
	enum err e;

	if (rpc_read(request, &mediasec_schema, params, &p))
		return;
	q = (struct mediasec_question){
		.step = (enum mediasec_step)p.step,
		.is_emergency_registration = p.emergency,
		.uses_sec_agree = p.sec_agree,
		.ours = p.ours,
		.sent = p.sent,
	};
	e = read_headers(&p.client, &client, &q.client, &why);
	if (!e)
		e = read_headers(&p.verify, &verify, &q.verify, &why);
	if (e) {
		rpc_refuse(request, e, &why, NULL);
		return;
	}
	mediasec_decide(&d, &q);
	answer_mediasec(request, &d, p.require);
}
