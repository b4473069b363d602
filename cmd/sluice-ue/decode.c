/* SPDX-License-Identifier: MIT */
/* Runs the subcommand decode: one message, or all messages of a session description. */
#include "cmd/sluice-ue/decode.h"

#include <stdio.h>

#include "cmd/sluice-ue/input.h"
#include "keyctx/sdp/keymgmt.h"
#include "keyctx/ticket/tree.h"

/* What is printed, and whether any message has a fault. */
struct showing {
	struct buf out;
	bool json, faulty;
};

static enum err show(struct showing *w, struct view octets, struct why *why)
{
	struct mikey_tree tree;

	if (mikey_tree_make(&tree, octets))
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (w->json)
		mikey_tree_json(&tree, &w->out);
	else
		mikey_tree_text(&tree, &w->out);
	w->faulty |= tree.has_fault;
	mikey_tree_free(&tree);
	return ERR_OK;
}

static enum err print(struct showing *w, struct why *why)
{
	enum err e = w->out.bad ? why_fail(why, ERR_NOMEM, "out of memory") : ERR_OK;

	if (!e)
		fwrite(w->out.p, 1, w->out.n, stdout);
	buf_free(&w->out);
	return e;
}

/* --- a session description --------------------------------------------------- */

/* Names a section: "session" or "m-line 2 (video)". */
static void name_section(struct buf *out, const struct sdp *s, int section)
{
	if (section == SDP_SESSION)
		buf_text(out, "session");
	else
		buf_printf(out, "m-line %d (%.*s)", section + 1, STR_ARG(s->media[section].kind));
}

/* Shows one a=key-mgmt line; `*n` counts them. A line of another protocol, or without base64, is a
 * fault. */
static enum err show_line(struct showing *w, const struct sdp *s, int section, struct str value,
                          unsigned *n, struct why *why)
{
	struct keymgmt k = {0};
	enum err e = keymgmt_parse(&k, value);

	if (e) {
		struct buf name = {0};

		name_section(&name, s, section);
		why_fail(why, e, "a=key-mgmt in %.*s: must be a protocol and a message in base64",
		         STR_ARG(buf_as_str(&name)));
		buf_free(&name);
		return e;
	}
	if (!str_is(k.protocol, "mikey")) {
		keymgmt_clear(&k);
		return ERR_OK;
	}
	if (w->json) {
		buf_printf(&w->out, "%s{\"level\":\"", (*n)++ ? "," : "");
		name_section(&w->out, s, section);
		buf_text(&w->out, "\",\"message\":");
	} else {
		buf_printf(&w->out, "%s", (*n)++ ? "\n" : "");
		name_section(&w->out, s, section);
		buf_text(&w->out, ":\n");
	}
	e = show(w, (struct view){.p = k.octets, .n = k.len}, why);
	if (w->json)
		buf_char(&w->out, '}');
	keymgmt_clear(&k);
	return e;
}

static enum err show_section(struct showing *w, const struct sdp *s, int section, unsigned *n,
                             struct why *why)
{
	const struct link *lines = section == SDP_SESSION ? &s->session : &s->media[section].lines;
	enum err e = ERR_OK;

	LIST_EACH (it, lines) {
		struct str value = LIST_OF(it, struct sdp_line, link)->value;

		if (!e && LIST_OF(it, struct sdp_line, link)->type == 'a' &&
		    str_starts(value, "key-mgmt:"))
			e = show_line(w, s, section, str_skip(value, 9), n, why);
	}
	return e;
}

static enum err show_description(struct showing *w, struct str text, struct why *why)
{
	struct sdp *s = NULL;
	unsigned n = 0;
	enum err e = sdp_parse(&s, text, why);

	if (e)
		return e;
	if (w->json)
		buf_text(&w->out, "{\"messages\":[");
	for (int section = SDP_SESSION; section < (int)s->n_media && !e; section++)
		e = show_section(w, s, section, &n, why);
	if (w->json)
		buf_text(&w->out, "]}");
	if (!e && n == 0)
		e = why_fail(
			why, ERR_NOT_FOUND,
			"the description has no a=key-mgmt:mikey line, neither at session level "
			"nor in its %u m-lines",
			s->n_media);
	sdp_free(s);
	return e;
}

enum err decode_show(const char *path, bool json, bool *faulty, struct why *why)
{
	struct showing w = {.json = json};
	struct buf in = {0}, octets = {0};
	enum err e = input_read(&in, path, why);
	bool is_description = !e && input_is_description(buf_as_view(&in));

	if (!e && is_description)
		e = show_description(&w, buf_as_str(&in), why);
	if (!e && !is_description)
		e = input_octets(&octets, buf_as_view(&in), why);
	if (!e && !is_description)
		e = show(&w, buf_as_view(&octets), why);
	if (!e && json)
		buf_char(&w.out, '\n');
	if (!e)
		e = print(&w, why);
	else
		buf_free(&w.out);
	*faulty = w.faulty;
	buf_free(&in);
	buf_free(&octets);
	return e;
}
