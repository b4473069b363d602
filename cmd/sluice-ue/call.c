/* SPDX-License-Identifier: MIT */
/* Runs a call through its phases: offer, talk, hold, resume, new keys, end. */
#include "cmd/sluice-ue/call.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>

#include "base/clk.h"
#include "cmd/sluice-ue/call_sip.h"
#include "cmd/sluice-ue/outcome.h"
#include "cmd/sluice-ue/terminal.h"
#include "control/client.h"

enum { GATEWAY_TIMEOUT_MS = 10000, TURN_MS = 5, HOLD_MS = 500, DRAIN_MS = 3000, REPORT_MS = 50 };

struct pair {
	const struct ue_options *o;
	struct client *gateway;
	struct terminal caller, called;
	struct call_outcome outcome;
};

/* --- the gateway ------------------------------------------------------------ */

/* Sends `method` with the call's names and a description; `out` gets the description in the
 * gateway's answer. */
static enum err ask_gateway(struct pair *p, const char *method, struct str sdp, struct buf *out,
                            struct why *why)
{
	struct doc_arena *a = NULL;
	const struct doc *result = NULL, *media;
	struct doc *params;
	enum err e = doc_arena_new(&a);

	if (e)
		return why_fail(why, e, "out of memory");
	params = doc_dict(a);
	doc_set_text(a, params, "call", STR("sluice-ue"));
	doc_set_text(a, params, "from", STR("caller"));
	doc_set_text(a, params, "to", STR("called"));
	if (sdp.n)
		doc_set_text(a, params, "sdp", sdp);
	e = client_request(p->gateway, method, params, &result, why);
	if (e)
		why_prefix(why, "gateway, %s", method);
	if (!e && out) {
		struct str text = doc_get_text(result, "sdp");

		buf_str(out, text);
		media = doc_get(result, "media");
		if (media && media->kind == DOC_LIST && media->n)
			outcome_mode(&p->outcome, doc_get_text(media->first, "mode"));
	}
	if (!e && out && out->bad)
		e = why_fail(why, ERR_NOMEM, "out of memory");
	doc_arena_free(a);
	return e;
}

/* Carries an offer and its answer between the terminals, each through the gateway. */
static enum err exchange(struct pair *p, const struct buf *offer, struct why *why)
{
	struct buf offered = {0}, answer = {0}, answered = {0};
	enum err e = ask_gateway(p, "offer", buf_as_str(offer), &offered, why);

	if (!e) {
		e = terminal_answer(&p->called, buf_as_str(&offered), &answer, why);
		if (e) {
			struct why ignored;

			terminal_cancel(&p->caller);
			(void)!ask_gateway(p, "reject", (struct str){0}, NULL, &ignored);
			why_prefix(why, "the called terminal");
		}
	}
	if (!e)
		e = ask_gateway(p, "answer", buf_as_str(&answer), &answered, why);
	if (!e) {
		e = terminal_answered(&p->caller, buf_as_str(&answered), why);
		if (e)
			why_prefix(why, "the caller");
	}
	if (!e)
		terminal_confirmed(&p->called);
	buf_free(&offered);
	buf_free(&answer);
	buf_free(&answered);
	return e;
}

/* --- the phases of the call ------------------------------------------------- */

static void turn(struct pair *p)
{
	struct pollfd fds[2] = {{media_fd(p->caller.media), POLLIN, 0},
	                        {media_fd(p->called.media), POLLIN, 0}};
	uint64_t now = clk_mono_ns();

	media_turn(p->caller.media, now);
	media_turn(p->called.media, now);
	(void)poll(fds, 2, TURN_MS);
}

static void talk(struct pair *p, uint64_t ms)
{
	uint64_t end = clk_mono_ns() + ms * NS_PER_MS;

	while (clk_mono_ns() < end)
		turn(p);
}

/* Stops sending until both sides have received and reported all packets, for at most DRAIN_MS. */
static void drain(struct pair *p)
{
	uint64_t now = clk_mono_ns(), end = now + DRAIN_MS * NS_PER_MS, next = now;

	media_set_sending(p->caller.media, false);
	media_set_sending(p->called.media, false);
	for (; now < end && !(outcome_is_whole(p->caller.media, p->called.media) &&
	                      outcome_is_whole(p->called.media, p->caller.media));
	     now = clk_mono_ns()) {
		if (now >= next) {
			media_report(p->caller.media);
			media_report(p->called.media);
			next = now + REPORT_MS * NS_PER_MS;
		}
		turn(p);
	}
	terminal_resume(&p->caller);
	terminal_resume(&p->called);
}

static void close_phase(struct pair *p, const char *phase)
{
	drain(p);
	outcome_phase(&p->outcome, phase, &p->caller, "caller");
	outcome_phase(&p->outcome, phase, &p->called, "called");
}

static enum err update(struct pair *p, enum ue_update kind, bool hold, struct why *why)
{
	struct buf offer = {0};
	enum err e = terminal_update(&p->caller, kind, hold, &offer, why);

	if (!e)
		e = exchange(p, &offer, why);
	buf_free(&offer);
	return e;
}

static enum err hold_and_resume(struct pair *p, struct why *why)
{
	enum err e = update(p, UE_UPDATE_SAME, true, why);

	if (e)
		return e;
	talk(p, HOLD_MS);
	close_phase(p, "hold");
	e = update(p, UE_UPDATE_SAME, false, why);
	if (e)
		return e;
	talk(p, p->o->seconds * 1000ull);
	close_phase(p, "resume");
	return ERR_OK;
}

/* Renews the keys while both sides keep sending. */
static enum err renew(struct pair *p, struct why *why)
{
	enum err e;

	talk(p, p->o->seconds * 500ull);
	e = update(p, UE_UPDATE_REKEY, false, why);
	if (e)
		return e;
	talk(p, p->o->seconds * 500ull);
	close_phase(p, "renew");
	return ERR_OK;
}

static enum err run_pair(struct pair *p, struct why *why)
{
	struct buf offer = {0};
	enum err e = terminal_offer(&p->caller, &offer, why);

	if (!e)
		e = exchange(p, &offer, why);
	buf_free(&offer);
	if (e)
		return e;
	outcome_start(&p->outcome, &p->caller);
	talk(p, p->o->seconds * 1000ull);
	close_phase(p, "talk");
	if (p->o->hold)
		e = hold_and_resume(p, why);
	if (!e && p->o->renew)
		e = renew(p, why);
	return e;
}

static enum err call_pair(const struct ue_options *o, struct why *why)
{
	struct pair p = {.o = o};
	struct why ignored;
	enum err e = client_open(&p.gateway, o->gateway, GATEWAY_TIMEOUT_MS, why);

	if (!e)
		e = terminal_open(&p.caller, o, o->credentials, why);
	if (!e)
		e = terminal_open(&p.called, o, o->answerer, why);
	if (!e) {
		e = run_pair(&p, why);
		(void)!ask_gateway(&p, "delete", (struct str){0}, NULL, &ignored);
	}
	if (!e)
		e = outcome_end(&p.outcome, why);
	terminal_close(&p.caller);
	terminal_close(&p.called);
	client_close(p.gateway);
	return e;
}

enum err call_run(const struct ue_options *o, struct why *why)
{
	if (!o->sip)
		return call_pair(o, why);
	return o->wait ? call_wait(o, why) : call_out(o, why);
}
