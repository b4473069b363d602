/* SPDX-License-Identifier: MIT */
/* Looks up the words of ng requests in their tables; notes unknown words for the log. */
#include "control/ng/words.h"

#include <stdio.h>

/* ng clients use a blank, "_" and "-" with the same meaning, and upper or lower case. */
static char folded(char c)
{
	if (c == ' ' || c == '_')
		return '-';
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(struct str said, const char *name, struct str *argument)
{
	size_t n = strlen(name);
	bool is_prefix = n && name[n - 1] == '=';

	n -= is_prefix;
	if (is_prefix ? said.n <= n : said.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (folded(said.p[i]) != folded(name[i]))
			return false;
	*argument = str_skip(said, n);
	return true;
}

/* The word comes from a client and is logged, so unprintable characters are replaced by "?". */
void ng_word_ignore(struct ng_reading *r, const char *where, struct str said)
{
	struct ng_message *q = r->out;
	size_t at = strlen(q->ignored);

	q->n_ignored++;
	if (sizeof(q->ignored) - at < 48)
		return;
	snprintf(q->ignored + at, sizeof(q->ignored) - at, "%s%s:%.*s", at ? " " : "", where,
	         said.n > 24 ? 24 : (int)said.n, said.p);
	for (char *c = q->ignored; *c; c++)
		if (*c < 0x20 || *c > 0x7e || *c == '"')
			*c = '?';
}

const char *ng_said(const struct doc *v, char out[NG_SAID_MAX])
{
	if (v->kind == DOC_TEXT)
		snprintf(out, NG_SAID_MAX, "\"%.*s\"", v->text.n < 48 ? (int)v->text.n : 48,
		         v->text.p);
	else if (v->kind == DOC_INT)
		snprintf(out, NG_SAID_MAX, "\"%lld\"", (long long)v->number);
	else
		snprintf(out, NG_SAID_MAX, "%s", doc_kind_name(v->kind));
	for (char *c = out; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return out;
}

static enum err refuse(struct ng_reading *r, const char *where, const char *name, const char *text)
{
	return why_fail(r->why, ERR_UNSUPPORTED, "%s %s: %s", where, name, text);
}

enum err ng_word_read(struct ng_reading *r, const struct ng_table *t, struct str said,
                      const struct doc *value)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct ng_word *w = &t->words[i];
		struct str argument;

		if (!is_word(said, w->name, &argument))
			continue;
		if (w->how == NG_REFUSED)
			return refuse(r, t->where, w->name, w->text);
		if (w->how == NG_IGNORED)
			ng_word_ignore(r, t->where, said);
		return w->fn ? w->fn(r, value, argument) : ERR_OK;
	}
	ng_word_ignore(r, t->where, said);
	return ERR_OK;
}

enum err ng_words_read(struct ng_reading *r, const struct ng_table *t, const struct doc *value)
{
	enum err e = ERR_OK;

	if (value->kind == DOC_TEXT)
		return ng_word_read(r, t, value->text, value);
	if (value->kind != DOC_LIST)
		return why_fail(r->why, ERR_INVALID, "%s: must be a list of words, not %s",
		                t->where, doc_kind_name(value->kind));
	for (DOC_EACH(it, value)) {
		if (it->kind == DOC_TEXT)
			e = ng_word_read(r, t, it->text, it);
		else
			ng_word_ignore(r, t->where, STR("(no word)"));
		if (e)
			return e;
	}
	return ERR_OK;
}

static const struct ng_table *const tables[] = {
	&ng_key_table, &ng_flag_table, &ng_sdes_table,     &ng_mux_table,  &ng_replace_table,
	&ng_ice_table, &ng_dtls_table, &ng_learning_table, &ng_osrtp_table};

bool ng_words_row(size_t at, struct ng_word_doc *out)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		if (at < tables[t]->n) {
			const struct ng_word *w = &tables[t]->words[at];

			*out = (struct ng_word_doc){
				.where = tables[t]->where,
				.name = w->name,
				.how = w->how,
				.text = w->text,
			};
			return true;
		}
		at -= tables[t]->n;
	}
	return false;
}
