/* SPDX-License-Identifier: MIT */
/* Runs a call over SIP, as the caller or as the called terminal. */
#include "cmd/sluice-ue/call_sip.h"

#include <stdio.h>

#include "base/clk.h"
#include "cmd/sluice-ue/sip_call.h"
#include "cmd/sluice-ue/outcome.h"

enum { HOLD_MS = 500, SETTLE_MS = 400, REPORT_MS = 50 };

struct sip_side {
	const struct ue_options *o;
	struct terminal terminal;
	struct sip_call sip;
	struct call_outcome outcome;
};

static enum err side_open(struct sip_side *s, const struct ue_options *o, struct why *why)
{
	enum err e;

	*s = (struct sip_side){.o = o};
	s->sip.links.listen_fd = -1;
	e = terminal_open(&s->terminal, o, o->credentials, why);
	return e ? e : sip_call_open(&s->sip, &s->terminal, str_of(o->sip), why);
}

static void side_close(struct sip_side *s)
{
	sip_call_close(&s->sip);
	terminal_close(&s->terminal);
}

static enum err talk(struct sip_side *s, uint64_t ms, struct why *why)
{
	uint64_t end = clk_mono_ns() + ms * NS_PER_MS;

	while (clk_mono_ns() < end && s->sip.state == SIP_UP)
		sip_call_turn(&s->sip);
	return s->sip.state == SIP_UP ? ERR_OK
	                              : why_fail(why, ERR_CLOSED, "the other side ended the call");
}

/* Pauses sending until packets and reports in flight have arrived. The peer has then counted all
 * our packets; we may still miss its last packets. */
static enum err close_phase(struct sip_side *s, const char *phase, struct why *why)
{
	uint64_t end = clk_mono_ns() + SETTLE_MS * NS_PER_MS;
	enum err e = ERR_OK;

	media_set_sending(s->terminal.media, false);
	while (!e && clk_mono_ns() < end) {
		media_report(s->terminal.media);
		e = talk(s, REPORT_MS, why);
	}
	outcome_phase(&s->outcome, phase, &s->terminal, "caller");
	terminal_resume(&s->terminal);
	return e;
}

static enum err hold_and_resume(struct sip_side *s, struct why *why)
{
	enum err e = sip_call_update(&s->sip, UE_UPDATE_SAME, true, why);

	if (!e)
		e = talk(s, HOLD_MS, why);
	if (!e)
		e = close_phase(s, "hold", why);
	if (!e)
		e = sip_call_update(&s->sip, UE_UPDATE_SAME, false, why);
	if (!e)
		e = talk(s, s->o->seconds * 1000ull, why);
	return e ? e : close_phase(s, "resume", why);
}

/* Renews the keys while both sides keep sending. */
static enum err renew(struct sip_side *s, struct why *why)
{
	enum err e = talk(s, s->o->seconds * 500ull, why);

	if (!e)
		e = sip_call_update(&s->sip, UE_UPDATE_REKEY, false, why);
	if (!e)
		e = talk(s, s->o->seconds * 500ull, why);
	return e ? e : close_phase(s, "renew", why);
}

static enum err run(struct sip_side *s, struct why *why)
{
	enum err e = sip_call_invite(&s->sip, str_of(s->o->proxy), why);

	if (e)
		return e;
	outcome_start(&s->outcome, &s->terminal);
	e = talk(s, s->o->seconds * 1000ull, why);
	if (!e)
		e = close_phase(s, "talk", why);
	if (!e && s->o->hold)
		e = hold_and_resume(s, why);
	if (!e && s->o->renew)
		e = renew(s, why);
	if (s->sip.state == SIP_UP && sip_call_bye(&s->sip, e ? NULL : why) && !e)
		e = ERR_TIMEOUT;
	return e;
}

enum err call_out(const struct ue_options *o, struct why *why)
{
	struct sip_side s;
	enum err e = side_open(&s, o, why);

	if (!e)
		e = run(&s, why);
	if (!e && s.sip.forks)
		printf("forks=%u further answers of a forked call, each ended\n", s.sip.forks);
	if (!e)
		e = outcome_end(&s.outcome, why);
	side_close(&s);
	return e;
}

/* Prints a line for each change of the keys, and of the peer's hold. */
static void tell_changes(const struct sip_side *s, unsigned *rekeys, bool *hold)
{
	unsigned now = media_get_counts(s->terminal.media).rekeys;

	if (now != *rekeys)
		printf("update keys=new\n");
	if (s->terminal.peer_on_hold != *hold)
		printf("update hold=%s keys=%s\n", s->terminal.peer_on_hold ? "on" : "off",
		       s->terminal.keys);
	if (now != *rekeys || s->terminal.peer_on_hold != *hold)
		fflush(stdout);
	*rekeys = now;
	*hold = s->terminal.peer_on_hold;
}

enum err call_wait(const struct ue_options *o, struct why *why)
{
	char local[ADDR_TEXT_MAX];
	struct sip_side s;
	unsigned rekeys = 0;
	bool hold = false, was_up = false;
	enum err e = side_open(&s, o, why);

	if (!e) {
		printf("waiting sip=%s\n", addr_print(&s.sip.links.local, local));
		fflush(stdout);
	}
	while (!e && s.sip.state != SIP_ENDED) {
		sip_call_turn(&s.sip);
		if (s.sip.state == SIP_UP && !was_up)
			outcome_start(&s.outcome, &s.terminal);
		was_up |= s.sip.state == SIP_UP;
		if (was_up)
			tell_changes(&s, &rekeys, &hold);
	}
	if (!e && !was_up)
		e = why_fail(why, ERR_DENIED, "no call was established");
	if (!e) {
		outcome_phase(&s.outcome, "call", &s.terminal, "called");
		e = outcome_end(&s.outcome, why);
	}
	side_close(&s);
	return e;
}
