/* SPDX-License-Identifier: MIT */
/* A request from asking to answer. */
#include "control/dialog/run.h"

#include <stdio.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

static void dialog_run_free(struct dialog_run *op)
{
	sdp_free(op->sdp);
	dialog_exchange_free(op->x);
	secret_wipe(op->text, op->text_len);
	mem_free(op->text);
	mem_free(op);
}

void dialog_run_finish(struct dialog_run *op, const struct dialog_reply *reply)
{
	struct dialog *g = op->dialog;

	op->done(op->arg, reply);
	dialog_run_free(op);
	if (!g)
		return;
	g->running = NULL;
	if (g->state == OFFER_ENDED || (g->state == OFFER_NEW && !g->session)) {
		dialog_end(g);
		return;
	}
	if (!list_is_empty(&g->waiting)) {
		struct dialog_run *next = LIST_OF(list_pop(&g->waiting), struct dialog_run, link);

		g->n_waiting--;
		next->dialog = g;
		dialog_start(next);
	}
}

int dialog_sip_status(enum err e)
{
	switch (e) {
	case ERR_BUSY:
		return 491;
	case ERR_NOT_FOUND:
		return 481;
	case ERR_LIMIT:
	case ERR_CLOSED:
		return 503;
	case ERR_NOMEM:
	case ERR_CRYPTO:
	case ERR_IO:
		return 500;
	default:
		return 488;
	}
}

void dialog_run_fail(struct dialog_run *op, enum err e, const struct why *why)
{
	struct why copy = *why;
	struct dialog_reply reply = {.e = e,
	                             .why = &copy,
	                             .sip_status = dialog_sip_status(e),
	                             .is_unknown = !op->dialog && e == ERR_NOT_FOUND,
	                             .limit = op->limit};

	if (!copy.text[0])
		why_fail(&copy, e, "%s", err_meaning(e));
	dialog_run_finish(op, &reply);
}

/* Reasons of all m-lines as one text, cut where it does not fit. */
static void write_warning(const struct dialog_exchange *x, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < x->n_media && at < room; i++)
		if (x->media[i].reason)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? "; " : "",
			                       x->media[i].reason);
	if (x->n_lines[x->from] > SDP_MEDIA_MAX && at < room)
		snprintf(out + at, room - at, "%s%u m-lines: those after the first %d are refused",
		         at ? "; " : "", x->n_lines[x->from], SDP_MEDIA_MAX);
}

/* Counted; told when it is the first one, then now and then: some phones write every call so. */
static void note_lines(const struct dialog_run *op, bool is_answer, const char *warning)
{
	enum { LOG_EVERY = 1000 };
	unsigned passed = 0, refused = 0;
	uint64_t total;
	char quoted[600];

	for (unsigned i = 0; i < op->x->n_media; i++) {
		const struct dialog_media *m = &op->x->media[i];

		/* What the offer was told of is not told of again in its answer. */
		passed += m->reason && m->treat == DIALOG_TREAT_PASS && !is_answer;
		refused += m->reason &&
		           m->treat == (is_answer ? DIALOG_TREAT_OFF : DIALOG_TREAT_REFUSE);
	}
	if (!passed && !refused)
		return;
	total = service_note_lines(op->owner->service, passed, refused);
	if (total == passed + refused ||
	    total / LOG_EVERY != (total - passed - refused) / LOG_EVERY)
		log_warn("dialog",
		         "sid=%s msg=\"m-lines that are not relayed\" reason=%s total=%llu",
		         op->dialog->id, log_quote(str_of(warning), quoted, sizeof(quoted)),
		         (unsigned long long)total);
}

static void report_media(struct dialog_reply *reply, const struct dialog_exchange *x)
{
	static const char *const actions[] = {
		[DIALOG_TREAT_PASS] = "pass",
		[DIALOG_TREAT_RELAY] = "relay",
		[DIALOG_TREAT_REFUSE] = "refuse",
		[DIALOG_TREAT_OFF] = "off",
	};

	reply->n_media = x->n_media;
	for (unsigned i = 0; i < x->n_media; i++)
		reply->media[i] = (struct dialog_media_report){
			.row = x->media[i].row ? x->media[i].row : "",
			.action = actions[x->media[i].treat],
			.mode = x->media[i].mode,
			.reason = x->media[i].reason ? x->media[i].reason : "",
			.change = offer_change_name(x->media[i].change)};
}

static void note_tags(struct dialog *g)
{
	for (unsigned i = 0; i < 2; i++)
		if (g->tag[i] && !g->seen_wall_ns[i])
			g->seen_wall_ns[i] = clk_wall_ns();
}

void dialog_run_reply_sdp(struct dialog_run *op, enum offer_side to, bool is_answer,
                          void (*commit)(struct dialog_run *op))
{
	struct dialog *g = op->dialog;
	struct dialog_reply reply = {.why = NULL, .session = g->session};
	struct why why = {""};
	char *text = NULL, warning[512];
	size_t n = 0, room = 0;
	enum err e = dialog_write_sdp(op->sdp, op->x, to, is_answer, &op->ask.options, g->session,
	                              op->core, op->owner->service);

	if (!e) {
		room = sdp_length(op->sdp);
		text = mem_alloc(room + 1);
		e = text ? sdp_print(op->sdp, text, room, &n) : ERR_NOMEM;
	}
	if (e) {
		mem_free(text);
		why_fail(&why, e, "the description could not be written: %s", err_meaning(e));
		dialog_run_fail(op, e, &why);
		return;
	}
	report_media(&reply, op->x);
	write_warning(op->x, warning, sizeof(warning));
	reply.warning = warning;
	note_lines(op, is_answer, warning);
	g->ends_when_silent = op->ask.options.ends_when_silent;
	g->settled_ns = clk_mono_ns();
	commit(op);
	note_tags(g);
	reply.sdp = str_make(text, n);
	reply.why = &why;
	dialog_run_finish(op, &reply);
	secret_wipe(text, room);
	mem_free(text);
}

static struct str keep(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return str_make(p, s.n);
}

enum err dialog_run_new(struct dialog_run **out, struct dialogs *d, const struct dialog_ask *ask)
{
	struct dialog_run *op = mem_alloc(sizeof(*op));
	char *at;

	if (!op)
		return ERR_NOMEM;
	op->text_len = ask->call.n + ask->from.n + ask->to.n + ask->branch.n + ask->sdp.n;
	op->text = at = mem_alloc(op->text_len + 1);
	if (!op->text) {
		mem_free(op);
		return ERR_NOMEM;
	}
	op->owner = d;
	op->ask = *ask;
	op->ask.call = keep(&at, ask->call);
	op->ask.from = keep(&at, ask->from);
	op->ask.to = keep(&at, ask->to);
	op->ask.branch = keep(&at, ask->branch);
	op->ask.sdp = keep(&at, ask->sdp);
	*out = op;
	return ERR_OK;
}
