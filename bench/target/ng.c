/* SPDX-License-Identifier: MIT */
/* Calls over the ng protocol: offer and answer with SDP, delete; bencode over UDP. */
#include "bench/target/target.h"

#include <string.h>

#include "base/secret.h"
#include "bench/target/bencode.h"
#include "bench/target/ngsdp.h"

enum { STEP_OFFER, STEP_ANSWER };

static enum target_request request_of(enum target_verb verb, unsigned step)
{
	return verb == TARGET_DELETE ? REQUEST_DELETE
	       : step == STEP_OFFER  ? REQUEST_OFFER
	                             : REQUEST_ANSWER;
}

/* The side whose SDP a step sends to the target; the reply is for the other side. */
static enum bench_side sender_of(unsigned step)
{
	return step == STEP_OFFER ? SIDE_ACCESS : SIDE_CORE;
}

static void add_sdp(json_t *doc, const struct call *s, unsigned step)
{
	enum bench_side side = sender_of(step);
	struct buf text = {0};

	ngsdp_print(s, side, &text);
	json_object_set_new(doc, "sdp", json_stringn(text.p, text.n));
	secret_wipe(text.p, text.n);
	buf_free(&text);
	json_object_set_new(
		doc, "transport-protocol",
		json_string(s->plan->suite[call_other_side(side)] ? "RTP/SAVP" : "RTP/AVP"));
	json_object_set_new(doc, "replace", json_pack("[s,s]", "origin", "session-connection"));
	json_object_set_new(doc, "flags", json_pack("[s]", "trust-address"));
	json_object_set_new(doc, "ICE", json_string("remove"));
	json_object_set_new(doc, "DTLS", json_string("off"));
	if (s->plan->interface[SIDE_ACCESS] && s->plan->interface[SIDE_CORE])
		json_object_set_new(doc, "direction",
		                    json_pack("[s,s]", s->plan->interface[side],
		                              s->plan->interface[call_other_side(side)]));
}

static enum err print(const struct call *s, enum target_verb verb, unsigned step, unsigned id,
                      struct buf *out)
{
	static const char *const commands[] = {"offer", "answer"};
	json_t *doc = json_pack("{s:s,s:s}", "call-id", s->id, "from-tag", "caller");
	enum err e;

	json_object_set_new(doc, "command",
	                    json_string(verb == TARGET_DELETE ? "delete" : commands[step]));
	if (verb == TARGET_DELETE)
		json_object_set_new(doc, "delete-delay", json_integer(0));
	else
		add_sdp(doc, s, step);
	if (verb != TARGET_DELETE && step == STEP_ANSWER)
		json_object_set_new(doc, "to-tag", json_string("callee"));
	buf_printf(out, "%u ", id);
	e = bencode_print(doc, out);
	json_decref(doc);
	return e;
}

static enum err parse(struct str text, unsigned *id, json_t **doc)
{
	struct str rest, cookie = str_cut(text, ' ', &rest);
	uint64_t number;
	enum err e = str_to_u64(cookie, UINT32_MAX, &number);

	if (e == ERR_OK)
		e = bencode_parse(doc, rest);
	if (e == ERR_OK)
		*id = (unsigned)number;
	return e;
}

static enum err read(struct call *s, enum target_verb verb, unsigned step, const json_t *doc,
                     struct why *why)
{
	const char *result = json_string_value(json_object_get(doc, "result"));
	const char *reason = json_string_value(json_object_get(doc, "error-reason"));
	const json_t *sdp = json_object_get(doc, "sdp");

	if (!result || strcmp(result, "ok") != 0)
		return why_fail(why, ERR_DENIED, "the target refused: %s",
		                reason   ? reason
		                : result ? result
		                         : "no result");
	if (verb == TARGET_DELETE)
		return ERR_OK;
	if (!sdp)
		return why_fail(why, ERR_SYNTAX, "the reply to %s has no SDP",
		                step == STEP_OFFER ? "offer" : "answer");
	return ngsdp_read(s, call_other_side(sender_of(step)),
	                  str_make(json_string_value(sdp), json_string_length(sdp)), why);
}

const struct target_protocol target_ng = {
	.name = "ng",
	.is_datagram = true,
	.steps = {[TARGET_CREATE] = 2, [TARGET_UPDATE] = 2, [TARGET_DELETE] = 1},
	.request = request_of,
	.print = print,
	.parse = parse,
	.read = read,
};
