/* SPDX-License-Identifier: MIT */
/* Runs the examples in docs/keying.md and compares each reply with the page. */
#include <stdlib.h>

#include "tests/harness/gateway.h"

enum { TEXT_MAX = 4096, NAMES_MAX = 32 };

/* A fenced block of the page: its info string, such as "sdp offer ue registered row=O2", and its
 * lines, with CRLF. */
struct block {
	char info[512];
	char text[TEXT_MAX];
};

static struct {
	enum err e;
	int sip_status;
	char sdp[TEXT_MAX];
	char row[8], change[32];
} got;

/* The text that each <name> has stood for so far in this example. */
static struct {
	char name[32], value[80];
} names[NAMES_MAX];
static unsigned n_names;

static void on_reply(void *arg, const struct dialog_reply *r)
{
	(void)arg;
	got.e = r->e;
	got.sip_status = r->sip_status;
	snprintf(got.sdp, sizeof(got.sdp), "%.*s", STR_ARG(r->sdp));
	snprintf(got.row, sizeof(got.row), "%s", r->n_media ? r->media[0].row : "");
	snprintf(got.change, sizeof(got.change), "%s", r->n_media ? r->media[0].change : "");
}

static bool name_holds(struct str name, struct str value)
{
	for (unsigned i = 0; i < n_names; i++)
		if (str_is(name, names[i].name))
			return str_is(value, names[i].value);
	CHECK(n_names < NAMES_MAX);
	CHECK(!str_copy(name, names[n_names].name, sizeof(names[0].name)));
	CHECK(!str_copy(value, names[n_names].value, sizeof(names[0].value)));
	n_names++;
	return true;
}

/* Does the line match the pattern? Each <name> in it stands for text without blanks, the same text
 * each time. */
static bool line_fits(struct str want, struct str is)
{
	while (want.n && is.n) {
		if (want.p[0] == '<') {
			struct str name = str_cut(str_skip(want, 1), '>', &want);
			size_t n = 0;

			while (n < is.n && is.p[n] != ' ' && is.p[n] != '\r')
				n++;
			if (!name_holds(name, str_make(is.p, n)))
				return false;
			is = str_skip(is, n);
		} else if (want.p[0] == is.p[0]) {
			want = str_skip(want, 1);
			is = str_skip(is, 1);
		} else {
			return false;
		}
	}
	return !want.n && !is.n;
}

static void compare(const char *want_text)
{
	struct str want = str_of(want_text), is = str_of(got.sdp);

	while (want.n || is.n) {
		struct str w = str_cut(want, '\n', &want), i = str_cut(is, '\n', &is);

		if (!line_fits(w, i)) {
			EXPECT(!"the reply is as on the page");
			printf("    page:  %.*s\n    reply: %.*s\n", STR_ARG(w), STR_ARG(i));
			return;
		}
	}
}

/* The value after `key` (such as "row=") in the info string; empty if absent. */
static struct str word_of(const char *info, const char *key)
{
	struct str rest = str_of(info);

	for (struct str w = str_word(&rest); w.n; w = str_word(&rest))
		if (str_starts(w, key))
			return str_skip(w, strlen(key));
	return (struct str){.p = ""};
}

static bool has_word(const char *info, const char *word)
{
	struct str rest = str_of(info);

	for (struct str w = str_word(&rest); w.n; w = str_word(&rest))
		if (str_is(w, word))
			return true;
	return false;
}

static void ask(const struct block *b)
{
	struct dialog_command a = {.op = has_word(b->info, "offer") ? DIALOG_OFFER : DIALOG_ANSWER,
	                           .call = STR("example"),
	                           .from = STR("A"),
	                           .to = STR("B"),
	                           .sdp = str_of(b->text)};
	struct str error = word_of(b->info, "error="), row = word_of(b->info, "row="),
		   change = word_of(b->info, "change=");

	dialog_options_defaults(&a.options);
	a.options.transport = sdp_profile_find(word_of(b->info, "to="));
	a.options.accept_rekey = !str_is(word_of(b->info, "rekey="), "reject");
	if (has_word(b->info, "ue") || has_word(b->info, "core")) {
		a.options.profile = has_word(b->info, "ue") ? DIALOG_IMS_UE : DIALOG_IMS_CORE;
		a.options.accept_rekey = false;
	}
	a.options.ims.has_binding = has_word(b->info, "registered");
	dialog_submit(dialogs, &a, on_reply, NULL);
	relay_poll(&fake_relay);
	EXPECT_INT(got.sip_status, error.n ? atoi(error.p) : 0);
	if (row.n && !error.n)
		EXPECT(str_is(row, got.row));
	if (change.n)
		EXPECT(str_is(change, got.change));
}

static bool read_block(FILE *f, struct block *b)
{
	char line[512];
	size_t n = 0;

	b->text[0] = '\0';
	while (fgets(line, sizeof(line), f) && strncmp(line, "```", 3) != 0) {
		line[strcspn(line, "\n")] = '\0';
		n += (size_t)snprintf(b->text + n, sizeof(b->text) - n, "%s\r\n", line);
		CHECK(n < sizeof(b->text));
	}
	return n > 0;
}

static void examples_hold(void)
{
	FILE *f = fopen(test_path("../docs/keying.md"), "r");
	char line[512];
	unsigned asked = 0, compared = 0;
	struct block b;

	REQUIRE(f != NULL);
	REQUIRE_OK(set_up());
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "### ", 4) == 0) {
			tear_down();
			REQUIRE_OK(set_up());
			n_names = 0;
			test_context("%s", line + 4);
		}
		if (strncmp(line, "```sdp ", 7) != 0)
			continue;
		snprintf(b.info, sizeof(b.info), "%s", line + 7);
		if (!EXPECT(read_block(f, &b)))
			break;
		if (has_word(b.info, "gives")) {
			compare(b.text);
			compared++;
		} else {
			ask(&b);
			asked++;
		}
	}
	fclose(f);
	tear_down();
	EXPECT(asked >= 12 && compared >= 9);
}

TEST_MAIN("keying", {"examples of docs/keying.md hold", examples_hold})
