/* SPDX-License-Identifier: MIT */
/* docs/ng.md and docs/control-protocol.md list every key, word and field with the text of the
 * code's own tables. */
#include <stdlib.h>

#include "base/buf.h"
#include "control/rpc/rpc_dialog.h"
#include "control/ng/message.h"
#include "tests/harness/harness.h"

static const char *const hows[] = {
	[NG_SUPPORTED] = "supported", [NG_IGNORED] = "ignored", [NG_REFUSED] = "refused"};

static bool read_page(struct buf *out, const char *name)
{
	FILE *f = fopen(test_path(name), "r");
	char part[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return !out->bad && out->n > 0;
}

static void every_word_is_documented(void)
{
	struct buf page = {0};
	struct ng_word_doc row;
	const char *where = "";

	REQUIRE(read_page(&page, "../docs/ng.md"));
	for (size_t i = 0; ng_words_row(i, &row); i++) {
		char line[512];

		/* With SLUICE_PRINT in the environment the test also prints the rows to paste into
		 * the document. */
		if (getenv("SLUICE_PRINT") && strcmp(where, row.where) != 0)
			printf("\n### `%s`\n\n| word | | |\n|---|---|---|\n", row.where);
		where = row.where;
		snprintf(line, sizeof(line), "| `%s` | %s | %s |\n", row.name, hows[row.how],
		         row.text);
		if (getenv("SLUICE_PRINT"))
			printf("%s", line);
		test_context("%s %s", row.where, row.name);
		EXPECT(strstr(page.p, line) != NULL);
	}
	buf_free(&page);
}

static void find_fields(const struct schema *t, const char *page)
{
	if (getenv("SLUICE_PRINT"))
		printf("\n| %s | values | |\n|---|---|---|\n", t->name);
	for (size_t i = 0; i < t->n; i++) {
		const struct schema_field *f = &t->fields[i];
		char line[640], words[256] = "";

		for (const struct word *w = f->words; w && w->name; w++)
			snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s`%s`",
			         words[0] ? " " : "", w->name);
		snprintf(line, sizeof(line), "| `%s` | %s | %s |\n", f->name, words, f->help);
		if (getenv("SLUICE_PRINT"))
			printf("%s", line);
		test_context("%s.%s", t->name, f->name);
		EXPECT(strstr(page, line) != NULL);
		if (f->sub)
			find_fields(f->sub, page);
	}
}

static void every_field_is_documented(void)
{
	struct buf page = {0};

	REQUIRE(read_page(&page, "../docs/control-protocol.md"));
	find_fields(&rpc_dialog_schema, page.p);
	buf_free(&page);
}

/* A value for a word that takes one (its name ends in "="); "x" for any other word. */
static const char *sample_of(const char *name)
{
	static const char *const samples[][2] = {
		{"no-=", "AES_CM_128_HMAC_SHA1_80"},
		{"only-=", "AEAD_AES_128_GCM"},
		{"order:=", "AES_CM_128_HMAC_SHA1_32;"},
		{"offerer_pref:=", "AEAD_AES_128_GCM;"},
		{"SDES-=", "pad"},
		{"rtcp-mux-=", "offer"},
		{"ICE=", "remove"},
		{"replace-=", "origin"},
		{"endpoint-learning-=", "off"},
		{"other-media-=", "pass"},
		{"OSRTP-=", "accept"},
		{"lifetime-min:=", "2000"},
		{"lifetime-max:=", "70000"},
		{"lifetime-own:=", "4096"},
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (strcmp(samples[i][0], name) == 0)
			return samples[i][1];
	return "x";
}

/* One offer for each word: a supported word is accepted, an ignored one is counted, a refused one
 * is named in the error. */
static void every_word_does_what_the_page_says(void)
{
	static const struct ng_context context = {.n_interfaces = 0};
	struct doc_arena *a = NULL;
	struct ng_word_doc row;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; ng_words_row(i, &row); i++) {
		struct doc *d, *words;
		struct ng_message q;
		struct why why = {""};
		char word[96];
		size_t n = strlen(row.name);
		enum err e;

		if (strcmp(row.where, "key") == 0 && row.how == NG_SUPPORTED)
			continue; /* test_ng sends the supported keys, with values */
		d = doc_dict(a);
		doc_set_text(a, d, "command", STR("offer"));
		doc_set_text(a, d, "call-id", STR("c"));
		doc_set_text(a, d, "from-tag", STR("a"));
		doc_set_text(a, d, "sdp", STR("v=0"));
		if (strcmp(row.where, "key") == 0) {
			doc_set_text(a, d, row.name, STR("x"));
		} else {
			bool takes = row.name[n - 1] == '=';

			snprintf(word, sizeof(word), "%.*s%s", (int)(n - takes), row.name,
			         takes ? sample_of(row.name) : "");
			words = doc_list(a);
			doc_append(words, doc_text(a, str_of(word)));
			doc_set(d, row.where, words);
		}
		e = ng_message_read(&q, d, &context, &why);
		test_context("%s %s", row.where, row.name);
		EXPECT_ERR(e, row.how == NG_REFUSED ? ERR_UNSUPPORTED : ERR_OK);
		EXPECT_INT(q.n_ignored, row.how == NG_IGNORED);
		if (row.how == NG_REFUSED)
			EXPECT(strstr(why.text, row.name) != NULL &&
			       strstr(why.text, row.text) != NULL);
		doc_arena_reset(a);
	}
	doc_arena_free(a);
}

/* The latch policy that each word selects. */
static void latch_flags(void)
{
	static const struct {
		const char *where, *word;
		enum relay_latch latch;
		bool is_strict;
	} rows[] = {
		{NULL, NULL, RELAY_LATCH_HEURISTIC, false},
		{"endpoint-learning", "immediate", RELAY_LATCH_FIRST, false},
		{"endpoint-learning", "delayed", RELAY_LATCH_HEURISTIC, false},
		{"endpoint-learning", "heuristic", RELAY_LATCH_HEURISTIC, false},
		{"endpoint-learning", "off", RELAY_LATCH_ASYMMETRIC, false},
		{"flags", "endpoint-learning-immediate", RELAY_LATCH_FIRST, false},
		{"flags", "asymmetric", RELAY_LATCH_ASYMMETRIC, false},
		{"flags", "media-handover", RELAY_LATCH_FOLLOW, false},
		{"flags", "media handover", RELAY_LATCH_FOLLOW, false},
		{"flags", "signalled-source", RELAY_LATCH_SIGNALLED, false},
		{"flags", "strict-source", RELAY_LATCH_HEURISTIC, true},
	};
	static const struct ng_context context = {.n_interfaces = 0};
	struct doc_arena *a = NULL;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct doc *d = doc_dict(a), *words = doc_list(a);
		struct ng_message q;
		struct why why = {""};

		test_context("%s", rows[i].word ? rows[i].word : "no word");
		doc_set_text(a, d, "command", STR("offer"));
		doc_set_text(a, d, "call-id", STR("c"));
		doc_set_text(a, d, "from-tag", STR("a"));
		doc_set_text(a, d, "sdp", STR("v=0"));
		if (rows[i].word) {
			doc_append(words, doc_text(a, str_of(rows[i].word)));
			doc_set(d, rows[i].where, words);
		}
		EXPECT_OK(ng_message_read(&q, d, &context, &why));
		EXPECT_INT(q.dialog.options.latch, rows[i].latch);
		EXPECT_INT(q.dialog.options.latch_strict, rows[i].is_strict);
		doc_arena_reset(a);
	}
	doc_arena_free(a);
}

TEST_MAIN("ng-doc", {"latch flags", latch_flags},
          {"every field is documented", every_field_is_documented},
          {"every word is documented", every_word_is_documented},
          {"every word does what the page says", every_word_does_what_the_page_says})
