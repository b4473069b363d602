/* SPDX-License-Identifier: MIT */
/* Prints answers of the gateway as text for people. */
#include "cmd/sluicectl/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "control/doc/json.h"

uint64_t text_number(const struct doc *dict, const char *name)
{
	const struct doc *d = doc_get(dict, name);

	return d && d->kind == DOC_INT && d->number > 0 ? (uint64_t)d->number : 0;
}

static bool is_plain(const struct doc *d)
{
	return d->kind != DOC_LIST && d->kind != DOC_DICT;
}

static void text_value(struct buf *out, const struct doc *d)
{
	if (d->kind == DOC_TEXT)
		buf_str(out, d->text);
	else if (d->kind == DOC_BOOL)
		buf_text(out, d->truth ? "yes" : "no");
	else
		doc_json_encode(out, d);
}

static bool is_flat_list(const struct doc *d)
{
	if (d->kind != DOC_LIST)
		return false;
	for (DOC_EACH(it, d))
		if (!is_plain(it))
			return false;
	return true;
}

static void print(struct buf *out, const struct doc *d, int depth)
{
	unsigned i = 0;

	for (DOC_EACH(it, d)) {
		buf_printf(out, "%*s", depth * 2, "");
		if (d->kind == DOC_DICT)
			buf_printf(out, "%.*s:", STR_ARG(it->key));
		else
			buf_printf(out, "%u:", i++);
		if (is_plain(it)) {
			buf_char(out, ' ');
			text_value(out, it);
			buf_char(out, '\n');
		} else if (is_flat_list(it)) {
			for (DOC_EACH(v, it)) {
				buf_char(out, ' ');
				text_value(out, v);
			}
			buf_char(out, '\n');
		} else {
			buf_char(out, '\n');
			print(out, it, depth + 1);
		}
	}
}

void text_print(struct buf *out, const struct doc *d)
{
	if (is_plain(d)) {
		text_value(out, d);
		buf_char(out, '\n');
	} else {
		print(out, d, 0);
	}
}

static const char *leg_addr(const struct doc *legs, const char *leg, const char *name,
                            char room[64])
{
	struct str s = doc_get_text(doc_get(legs, leg), name);

	snprintf(room, 64, "%.*s", STR_ARG(s.n ? s : STR("-")));
	return room;
}

void text_sessions(struct buf *out, const struct doc *answer)
{
	const struct doc *sessions = doc_get(answer, "sessions");

	buf_printf(out, "%-32s %9s %-12s %-22s %-22s %-22s %s\n", "SESSION", "AGE s", "MODE",
	           "A LOCAL", "A REMOTE", "B LOCAL", "B REMOTE");
	if (!sessions || sessions->kind != DOC_LIST)
		return;
	for (DOC_EACH(s, sessions)) {
		const struct doc *media = doc_get(s, "media");
		bool is_first = true;

		if (!media || media->kind != DOC_LIST)
			continue;
		for (DOC_EACH(m, media)) {
			const struct doc *legs = doc_get(m, "legs");
			char al[64], ar[64], bl[64], br[64];

			buf_printf(
				out, "%-32.*s %9" PRIu64 " %-12.*s %-22s %-22s %-22s %s\n",
				STR_ARG(is_first ? doc_get_text(s, "id") : STR("")),
				text_number(s, "age_ms") / 1000, STR_ARG(doc_get_text(m, "mode")),
				leg_addr(legs, "a", "local", al), leg_addr(legs, "a", "remote", ar),
				leg_addr(legs, "b", "local", bl),
				leg_addr(legs, "b", "remote", br));
			is_first = false;
		}
	}
	buf_printf(out, "%u of %" PRIu64 "%s\n", sessions->n, text_number(answer, "total"),
	           doc_get(answer, "next") ? "; for the next page give --after" : "");
	if (doc_get(answer, "next"))
		buf_printf(out, "next: %" PRIu64 "\n", text_number(answer, "next"));
}

void text_event(struct buf *out, const struct doc *event)
{
	uint64_t ms = text_number(event, "time_ms");
	time_t s = (time_t)(ms / 1000);
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03uZ %.*s", when, (unsigned)(ms % 1000),
	           STR_ARG(doc_get_text(event, "event")));
	for (DOC_EACH(it, event)) {
		if (str_is(it->key, "time_ms") || str_is(it->key, "event"))
			continue;
		buf_printf(out, " %.*s=", STR_ARG(it->key));
		text_value(out, it);
	}
	buf_char(out, '\n');
}
