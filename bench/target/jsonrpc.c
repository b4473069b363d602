/* SPDX-License-Identifier: MIT */
/* Calls over Sluice's JSON-RPC socket: by legs (session.create, session.update, session.delete) or
 * by SDP (offer, answer, delete). */
#include "bench/target/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/secret.h"
#include "bench/target/ngsdp.h"

/* --- JSON-RPC messages ------------------------------------------------------ */

/* Appends a request line to `out`; takes over the reference to `params`. Wipes its own copy of the
 * text, which may contain keys. */
static enum err print_request(const char *method, json_t *params, unsigned id, struct buf *out)
{
	json_t *doc = json_pack("{s:s,s:i,s:s,s:o}", "jsonrpc", "2.0", "id", (int)id, "method",
	                        method, "params", params);
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

	if (text) {
		buf_text(out, text);
		buf_char(out, '\n');
		secret_wipe(text, strlen(text));
		free(text);
	}
	json_decref(doc);
	return text ? ERR_OK : ERR_NOMEM;
}

static enum err parse(struct str text, unsigned *id, json_t **doc)
{
	json_t *v = json_loadb(text.p, text.n, 0, NULL), *number = json_object_get(v, "id");

	if (!json_is_integer(number)) {
		json_decref(v);
		return v ? ERR_NOT_FOUND : ERR_SYNTAX;
	}
	*id = (unsigned)json_integer_value(number);
	*doc = v;
	return ERR_OK;
}

static enum err check_accepted(const json_t *doc, struct why *why)
{
	const json_t *error = json_object_get(doc, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	return error ? why_fail(why, ERR_DENIED, "the target refused: %s",
	                        message ? message : "no message")
	             : ERR_OK;
}

/* --- by legs ---------------------------------------------------------------- */

static enum target_request request_of(enum target_verb verb, unsigned step)
{
	static const enum target_request requests[] = {REQUEST_CREATE, REQUEST_UPDATE,
	                                               REQUEST_DELETE};

	(void)step;
	return requests[verb];
}

/* Makes {"keying": {"suite", "inline"}, "gate"}, one direction of a leg. */
static json_t *direction(const struct keyctx *key, bool is_held)
{
	uint8_t master[SUITE_MASTER_MAX];
	char text[B64_TEXT_LEN(SUITE_MASTER_MAX) + 1];
	json_t *out = json_object();

	if (key) {
		memcpy(master, key->key, key->suite->key_len);
		memcpy(master + key->suite->key_len, key->salt, key->suite->salt_len);
		if (b64_encode(master, (size_t)key->suite->key_len + key->suite->salt_len, true,
		               text, sizeof(text)) == ERR_OK)
			json_object_set_new(
				out, "keying",
				json_pack("{s:s,s:s}", "suite", key->suite->name, "inline", text));
		secret_wipe(master, sizeof(master));
		secret_wipe(text, sizeof(text));
	}
	json_object_set_new(out, "gate", json_string(is_held ? "closed" : "open"));
	return out;
}

static json_t *leg(const struct call *s, enum bench_side side)
{
	const struct call_side *at = &s->side[side];
	bool has_keys = at->send && !call_is_opaque(s->plan);
	char remote[ADDR_TEXT_MAX];
	json_t *out = json_pack("{s:s,s:s}", "remote", addr_print(&at->local, remote), "rtcp",
	                        s->plan->rtcp_mux ? "mux" : "pair");

	if (s->plan->interface[side])
		json_object_set_new(out, "interface", json_string(s->plan->interface[side]));
	json_object_set_new(out, "receive", direction(has_keys ? at->send : NULL, s->is_held));
	json_object_set_new(out, "send", direction(has_keys ? at->receive : NULL, s->is_held));
	return out;
}

static json_t *params(const struct call *s, enum target_verb verb)
{
	json_t *legs, *media;

	if (verb == TARGET_DELETE)
		return json_pack("{s:s}", "id", s->id);
	legs = json_pack("{s:o,s:o}", "a", leg(s, SIDE_ACCESS), "b", leg(s, SIDE_CORE));
	media = json_pack("{s:s,s:s,s:o}", "id", "0", "mode", s->plan->mode, "legs", legs);
	/* "accept", because in scenario rekey the access endpoint sends new keys. */
	return json_pack("{s:s,s:s,s:[o]}", "id", s->id, "e2ae_rekey", "accept", "media", media);
}

static enum err print(const struct call *s, enum target_verb verb, unsigned step, unsigned id,
                      struct buf *out)
{
	static const char *const methods[] = {"session.create", "session.update", "session.delete"};

	(void)step;
	return print_request(methods[verb], params(s, verb), id, out);
}

/* Reads "local" of a leg: "127.0.0.1:30000", or an object with that text as "rtp". */
static enum err read_local(struct call_side *at, const json_t *leg_doc, struct why *why)
{
	const json_t *local = json_object_get(leg_doc, "local");
	const char *text =
		json_string_value(json_is_object(local) ? json_object_get(local, "rtp") : local);

	if (!text || addr_parse(str_of(text), &at->target) != ERR_OK)
		return why_fail(why, ERR_SYNTAX, "the reply has no \"local\" address of a leg");
	return ERR_OK;
}

static enum err read(struct call *s, enum target_verb verb, unsigned step, const json_t *doc,
                     struct why *why)
{
	enum err e = check_accepted(doc, why);
	const json_t *legs;

	(void)step;
	if (e != ERR_OK || verb != TARGET_CREATE)
		return e;
	legs = json_object_get(
		json_array_get(json_object_get(json_object_get(doc, "result"), "media"), 0),
		"legs");
	e = read_local(&s->side[SIDE_ACCESS], json_object_get(legs, "a"), why);
	return e == ERR_OK ? read_local(&s->side[SIDE_CORE], json_object_get(legs, "b"), why) : e;
}

const struct target_protocol target_jsonrpc = {
	.name = "jsonrpc",
	.steps = {[TARGET_CREATE] = 1, [TARGET_UPDATE] = 1, [TARGET_DELETE] = 1},
	.request = request_of,
	.print = print,
	.parse = parse,
	.read = read,
};

/* --- by SDP ----------------------------------------------------------------- */

enum { STEP_OFFER, STEP_ANSWER };

static enum target_request sdp_request_of(enum target_verb verb, unsigned step)
{
	return verb == TARGET_DELETE ? REQUEST_DELETE
	       : step == STEP_OFFER  ? REQUEST_OFFER
	                             : REQUEST_ANSWER;
}

static json_t *sdp_params(const struct call *s, unsigned step)
{
	enum bench_side side = step == STEP_OFFER ? SIDE_ACCESS : SIDE_CORE,
			other = call_other_side(side);
	struct buf text = {0};
	json_t *out = json_pack("{s:s,s:s}", "call", s->id, "from", "caller");

	ngsdp_print(s, side, &text);
	json_object_set_new(out, "sdp", json_stringn(text.p, text.n));
	secret_wipe(text.p, text.n);
	buf_free(&text);
	if (step == STEP_ANSWER)
		json_object_set_new(out, "to", json_string("callee"));
	json_object_set_new(out, "transport",
	                    json_string(s->plan->suite[other] ? "RTP/SAVP" : "RTP/AVP"));
	if (s->plan->suite[side] && s->plan->suite[other] && !call_is_opaque(s->plan))
		json_object_set_new(out, "security", json_string("terminate"));
	if (step == STEP_OFFER && s->plan->suite[other] && !call_is_opaque(s->plan))
		json_object_set_new(out, "suites", json_pack("[s]", s->plan->suite[other]->name));
	if (s->plan->interface[SIDE_ACCESS] && s->plan->interface[SIDE_CORE]) {
		json_object_set_new(out, "interface", json_string(s->plan->interface[side]));
		json_object_set_new(out, "interface_other", json_string(s->plan->interface[other]));
	}
	return out;
}

static enum err sdp_print(const struct call *s, enum target_verb verb, unsigned step, unsigned id,
                          struct buf *out)
{
	static const char *const methods[] = {"offer", "answer"};

	if (verb == TARGET_DELETE)
		return print_request(
			"delete", json_pack("{s:s,s:s}", "call", s->id, "from", "caller"), id, out);
	return print_request(methods[step], sdp_params(s, step), id, out);
}

static enum err sdp_read(struct call *s, enum target_verb verb, unsigned step, const json_t *doc,
                         struct why *why)
{
	const json_t *sdp = json_object_get(json_object_get(doc, "result"), "sdp");
	enum err e = check_accepted(doc, why);

	if (e != ERR_OK || verb == TARGET_DELETE)
		return e;
	if (!sdp)
		return why_fail(why, ERR_SYNTAX, "the reply to %s has no SDP",
		                step == STEP_OFFER ? "offer" : "answer");
	return ngsdp_read(s, step == STEP_OFFER ? SIDE_CORE : SIDE_ACCESS,
	                  str_make(json_string_value(sdp), json_string_length(sdp)), why);
}

const struct target_protocol target_jsonrpc_sdp = {
	.name = "jsonrpc-sdp",
	.steps = {[TARGET_CREATE] = 2, [TARGET_UPDATE] = 2, [TARGET_DELETE] = 1},
	.request = sdp_request_of,
	.print = sdp_print,
	.parse = parse,
	.read = sdp_read,
};
