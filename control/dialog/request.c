/* SPDX-License-Identifier: MIT */
/* Makes, finishes and frees requests; writes their replies. */
#include "control/dialog/request.h"

#include <stdio.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

static void dialog_request_free(struct dialog_request *q)
{
	sdp_free(q->sdp);
	dialog_exchange_free(q->x);
	secret_wipe(q->text, q->text_len);
	mem_free(q->text);
	mem_free(q);
}

void dialog_request_finish(struct dialog_request *q, const struct dialog_reply *reply)
{
	struct dialog *g = q->dialog;
	struct link *l;

	q->done(q->arg, reply);
	dialog_request_free(q);
	if (!g)
		return;
	if (g->state == OFFER_ENDED || (g->state == OFFER_NEW && !g->session)) {
		dialog_end(g);
		return;
	}
	l = queue_next(&g->requests);
	if (l)
		dialog_request_start(LIST_OF(l, struct dialog_request, link), g);
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

void dialog_request_fail(struct dialog_request *q, enum err e, const struct why *why)
{
	struct why copy = *why;
	struct dialog_reply reply = {.e = e,
	                             .why = &copy,
	                             .sip_status = dialog_sip_status(e),
	                             .is_unknown = !q->dialog && e == ERR_NOT_FOUND,
	                             .limit = q->limit};

	if (!copy.text[0])
		why_fail(&copy, e, "%s", err_meaning(e));
	dialog_request_finish(q, &reply);
}

/* Writes the reasons of all m-lines as one text, cut to `room` octets. */
static void write_warning(const struct dialog_exchange *x, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < x->n_media && at < room; i++)
		if (x->media[i].reason)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? "; " : "",
			                       x->media[i].reason);
	if (x->n_lines[x->from] > SDP_MEDIA_MAX && at < room)
		snprintf(out + at, room - at,
		         "%sthe SDP has %u m-lines; those after the first %d are refused",
		         at ? "; " : "", x->n_lines[x->from], SDP_MEDIA_MAX);
}

/* Counts m-lines that are not relayed. Logs the first one, then one in LOG_EVERY, because some
 * phones send such m-lines in every call. */
static void note_lines(const struct dialog_request *q, bool is_answer, const char *warning)
{
	enum { LOG_EVERY = 1000 };
	unsigned passed = 0, refused = 0;
	uint64_t total;

	for (unsigned i = 0; i < q->x->n_media; i++) {
		const struct dialog_media *m = &q->x->media[i];

		/* The offer has already counted m-lines that pass. */
		passed += m->reason && m->treat == DIALOG_TREAT_PASS && !is_answer;
		refused += m->reason &&
		           m->treat == (is_answer ? DIALOG_TREAT_OFF : DIALOG_TREAT_REFUSE);
	}
	if (!passed && !refused)
		return;
	total = service_note_lines(q->owner->service, passed, refused);
	if (total == passed + refused ||
	    total / LOG_EVERY != (total - passed - refused) / LOG_EVERY)
		log_warn("dialog", "some m-lines are not relayed", LOG_TEXT(session, q->dialog->id),
		         LOG_TEXT(reason, warning), LOG_UINT(total, total));
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
			.change = offer_change_name(x->media[i].change),
		};
}

static void note_tags(struct dialog *g)
{
	for (unsigned i = 0; i < 2; i++)
		if (g->tag[i] && !g->seen_wall_ns[i])
			g->seen_wall_ns[i] = clk_wall_ns();
}

void dialog_request_reply_sdp(struct dialog_request *q, enum offer_side to, bool is_answer,
                              void (*commit)(struct dialog_request *q))
{
	struct dialog *g = q->dialog;
	struct dialog_reply reply = {.why = NULL, .session = g->session};
	struct why why = {""};
	char *text = NULL, warning[512];
	size_t n = 0, room = 0;
	enum err e = dialog_write_sdp(&(struct dialog_writing){
		.sdp = q->sdp,
		.x = q->x,
		.to = to,
		.is_answer = is_answer,
		.o = &q->command.options,
		.session = g->session,
		.core = q->core,
		.sv = q->owner->service,
	});

	if (!e) {
		room = sdp_length(q->sdp);
		text = mem_alloc(room + 1);
		e = text ? sdp_print(q->sdp, text, room, &n) : ERR_NOMEM;
	}
	if (e) {
		if (text)
			secret_wipe(text, room);
		mem_free(text);
		why_fail(&why, e, "cannot write the SDP for the other side: %s", err_meaning(e));
		dialog_request_fail(q, e, &why);
		return;
	}
	report_media(&reply, q->x);
	write_warning(q->x, warning, sizeof(warning));
	reply.warning = warning;
	note_lines(q, is_answer, warning);
	g->ends_when_silent = q->command.options.ends_when_silent;
	g->settled_ns = clk_mono_ns();
	commit(q);
	note_tags(g);
	reply.sdp = str_make(text, n);
	reply.why = &why;
	dialog_request_finish(q, &reply);
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

enum err dialog_request_new(struct dialog_request **out, struct dialogs *d,
                            const struct dialog_command *command)
{
	struct dialog_request *q = mem_alloc(sizeof(*q));
	char *at;

	if (!q)
		return ERR_NOMEM;
	q->text_len = command->call.n + command->from.n + command->to.n + command->branch.n +
	              command->sdp.n;
	q->text = at = mem_alloc(q->text_len + 1);
	if (!q->text) {
		mem_free(q);
		return ERR_NOMEM;
	}
	q->owner = d;
	q->command = *command;
	q->command.call = keep(&at, command->call);
	q->command.from = keep(&at, command->from);
	q->command.to = keep(&at, command->to);
	q->command.branch = keep(&at, command->branch);
	q->command.sdp = keep(&at, command->sdp);
	*out = q;
	return ERR_OK;
}
