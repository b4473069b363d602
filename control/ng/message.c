/* SPDX-License-Identifier: MIT */
/* Reads an ng message: its command and keys; refuses it when a required key is missing. */
#include "control/ng/message.h"

#include "control/ng/words.h"

static const struct {
	const char *name;
	enum dialog_op op;
	bool needs_from, needs_to, needs_sdp;
} commands[NG_COMMAND_COUNT] = {
	[NG_PING] = {.name = "ping"},
	[NG_OFFER] = {.name = "offer", .op = DIALOG_OFFER, .needs_from = true, .needs_sdp = true},
	[NG_ANSWER] = {.name = "answer",
                       .op = DIALOG_ANSWER,
                       .needs_from = true,
                       .needs_to = true,
                       .needs_sdp = true},
	[NG_DELETE] = {.name = "delete", .op = DIALOG_DELETE},
	[NG_QUERY] = {.name = "query"},
	[NG_LIST] = {.name = "list"},
	[NG_STATISTICS] = {.name = "statistics"},
};

const char *ng_command_name(enum ng_command c)
{
	return commands[c].name;
}

static enum err read_command(struct ng_reading *r, const struct doc *message)
{
	struct str name = doc_get_text(message, "command");

	for (unsigned i = 0; i < NG_COMMAND_COUNT; i++) {
		if (str_is(name, commands[i].name)) {
			r->out->command = (enum ng_command)i;
			r->out->dialog.op = commands[i].op;
			return ERR_OK;
		}
	}
	if (!name.n)
		return why_fail(r->why, ERR_INVALID, "No \"command\" key in the message");
	return why_fail(r->why, ERR_UNSUPPORTED, "Unrecognized command");
}

static enum err check_names(struct ng_reading *r)
{
	const struct ng_message *q = r->out;
	bool needs_call = q->command == NG_OFFER || q->command == NG_ANSWER ||
	                  q->command == NG_DELETE || q->command == NG_QUERY;

	if (needs_call && !q->dialog.call.n)
		return why_fail(r->why, ERR_INVALID, "No call-id in message");
	if (commands[q->command].needs_from && !q->dialog.from.n)
		return why_fail(r->why, ERR_INVALID, "No from-tag in message");
	if (commands[q->command].needs_to && !q->dialog.to.n)
		return why_fail(r->why, ERR_INVALID, "No to-tag in message");
	if (commands[q->command].needs_sdp && !q->dialog.sdp.n)
		return why_fail(r->why, ERR_INVALID, "No SDP body in message");
	if (q->dialog.from.n > DIALOG_TAG_MAX || q->dialog.to.n > DIALOG_TAG_MAX ||
	    q->dialog.branch.n > DIALOG_TAG_MAX)
		return why_fail(r->why, ERR_TOO_BIG,
		                "from-tag, to-tag and via-branch: must be at most %d octets",
		                DIALOG_TAG_MAX);
	return ERR_OK;
}

/* Sets the options that the settings ng-srtp, other-media, osrtp and sdes-offer decide. */
static void fill_srtp(struct dialog_options *o, const struct call_settings *calls)
{
	o->terminate = calls->recrypts;
	o->other_media = calls->other_media;
	o->osrtp = calls->osrtp;
	o->offerers_first = true;
	o->n_suites = calls->n_offer;
	memcpy(o->suites, calls->offer, sizeof(o->suites));
	if (!o->n_suites) {
		o->n_suites = SUITE_COUNT;
		memcpy(o->suites, suite_best_first, sizeof(suite_best_first));
	}
}

enum err ng_message_read(struct ng_message *out, const struct doc *message,
                         const struct ng_context *context, struct why *why)
{
	static const struct call_settings defaults = {0};
	struct ng_reading r = {.out = out, .context = context, .why = why};
	const struct call_settings *calls = context->calls ? context->calls : &defaults;
	enum err e;

	*out = (struct ng_message){.limit = 32};
	dialog_options_defaults(&out->dialog.options);
	/* Terminals outside IMS change their keys during a call. */
	out->dialog.options.accept_rekey = true;
	/* ng cannot report a refused re-INVITE, so the next offer replaces the refused one. */
	out->dialog.options.supersede_glare = true;
	out->dialog.options.ends_when_silent = true;
	out->dialog.options.delete_delay_ms = DIALOG_DELAY_SETTING;
	fill_srtp(&out->dialog.options, calls);
	if (message->kind != DOC_DICT)
		return why_fail(why, ERR_INVALID, "the message must be a dictionary");
	e = read_command(&r, message);
	for (DOC_EACH(it, message)) {
		if (e)
			break;
		e = ng_word_read(&r, &ng_key_table, it->key, it);
	}
	ng_sdes_settle(&r);
	out->dialog.options.terminate &= !r.passes;
	if (r.source_is_believed)
		out->dialog.options.received_from = r.received_from;
	return e ? e : check_names(&r);
}
