/* SPDX-License-Identifier: MIT */
/* base/opt: which command lines a table of options accepts or refuses, and what it stores. */
#include "base/opt.h"

#include <stdlib.h>

#include "tests/harness/harness.h"

enum { ARGS_MAX = 24 };

static void values_are_checked(void)
{
	static const struct {
		const char *argv[4];
		enum opt_outcome want;
	} rows[] = {
		{{"x", "--payload", "20,160"}, OPT_GO},
		{{"x", "--payload=20"}, OPT_GO},
		{{"x", "--payload", "20,"}, OPT_STOP},
		{{"x", "--payload", "20,,1"}, OPT_STOP},
		{{"x", "--payload"}, OPT_STOP},
		{{"x", "--payload", "5000"}, OPT_STOP},
		{{"x", "--loss", "0.5"}, OPT_GO},
		{{"x", "--loss", "nan"}, OPT_STOP},
		{{"x", "--loss", "1.5"}, OPT_STOP},
		{{"x", "--mode", "e2ae"}, OPT_GO},
		{{"x", "--mode", "e2"}, OPT_STOP},
		{{"x", "--nothing"}, OPT_STOP},
		{{"x", "--flag=1"}, OPT_STOP},
		{{"x", "word"}, OPT_STOP},
		{{"x", "-q"}, OPT_STOP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct opt_list payload = {.v = {160}, .n = 1};
		double loss = 0;
		const char *mode = "rtp";
		bool flag = false;
		const struct opt opts[] = {
			{
				.name = "payload",
				.kind = OPT_LIST,
				.out = &payload,
				.min = 1,
				.max = 1200,
				.help = "octets",
			},
			{.name = "loss", .kind = OPT_REAL, .out = &loss, .max = 1, .help = "share"},
			{
				.name = "mode",
				.kind = OPT_CHOICE,
				.out = &mode,
				.choices = "rtp|e2ae",
				.help = "mode",
			},
			{.name = "flag", .kind = OPT_FLAG, .out = &flag, .help = "flag"},
		};
		const struct opt_command c = {.name = "x",
		                              .usage = "",
		                              .about = "",
		                              .opts = opts,
		                              .n_opts = ARRAY_LEN(opts)};
		char *argv[4];
		int argc = 0, status = 0;

		while (argc < 4 && rows[i].argv[argc]) {
			argv[argc] = (char *)rows[i].argv[argc];
			argc++;
		}
		test_context("%s", rows[i].argv[1]);
		EXPECT_INT(opt_parse(&c, argc, argv, NULL, &status), rows[i].want);
		EXPECT_INT(status, 2);
	}
}

struct places {
	const char *user, *file;
	struct opt_texts to;
	unsigned seconds, limit;
	bool has_limit;
};

/* Parses `words`, split at blanks, as a command line. */
static enum opt_outcome parse(struct places *at, const char *words, bool dash_words,
                              unsigned *n_words, char **argv)
{
	static char text[256];
	const struct opt rows[] = {
		{.help = "heading"},
		{"user", OPT_TEXT, &at->user, .min = 1, .arg = "NAME", .help = "who",
	         .required = true},
		{"file", OPT_TEXT, &at->file, .arg = "FILE", .help = "file"},
		{"to", OPT_TEXTS, &at->to, .max = 2, .arg = "URI", .help = "whom"},
		{"seconds", OPT_COUNT, &at->seconds, .max = 60, .help = "time",
	         .env = "SLUICE_TEST_SECONDS"},
		{"limit", OPT_COUNT, &at->limit, .max = 9, .help = "most", .given = &at->has_limit},
	};
	const struct opt_command c = {.name = "tool",
	                              .usage = "WORD",
	                              .about = "",
	                              .opts = rows,
	                              .n_opts = ARRAY_LEN(rows),
	                              .words_min = 1,
	                              .words_max = 2,
	                              .dash_words = dash_words};
	int argc = 1, status;

	*at = (struct places){.seconds = 5};
	argv[0] = (char *)"tool";
	snprintf(text, sizeof(text), "%s", words);
	for (char *rest, *word = strtok_r(text, " ", &rest); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return opt_parse(&c, argc, argv, n_words, &status);
}

static void command_lines(void)
{
	static const struct {
		const char *words;
		bool dash_words;
		enum opt_outcome want;
	} rows[] = {
		{"--user a w", false, OPT_GO},
		{"w --user a", false, OPT_GO},
		{"w", false, OPT_STOP},         /* a required option is missing */
		{"--user= w", false, OPT_STOP}, /* an empty value */
		{"--user a", false, OPT_STOP},  /* an argument is missing */
		{"--user a v w x", false, OPT_STOP},
		{"--user a -w", false, OPT_STOP},
		{"--user a -w", true, OPT_GO},
		{"--user a --w", true, OPT_STOP},
		{"--user a -- --w", false, OPT_GO},
		{"--user a -", false, OPT_GO},
		{"--user a w --to b --to c", false, OPT_GO},
		{"--user a w --to b --to c --to d", false, OPT_STOP},
		{"--user a w --limit 10", false, OPT_STOP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct places at;
		char *argv[ARGS_MAX];
		unsigned n;

		test_context("%s", rows[i].words);
		EXPECT_INT(parse(&at, rows[i].words, rows[i].dash_words, &n, argv), rows[i].want);
	}
}

static void values_arrive(void)
{
	struct places at;
	char *argv[ARGS_MAX];
	unsigned n;

	EXPECT_INT(parse(&at, "v --user=a --to b --limit 0 w --to=c", false, &n, argv), OPT_GO);
	EXPECT_TEXT(at.user, "a");
	EXPECT(at.file == NULL);
	EXPECT_INT(at.to.n, 2);
	EXPECT_TEXT(at.to.v[1], "c");
	EXPECT(at.has_limit);
	EXPECT_INT(at.seconds, 5);
	EXPECT_INT(n, 2);
	EXPECT_TEXT(argv[1], "v");
	EXPECT_TEXT(argv[2], "w");
}

static void environment_gives_defaults(void)
{
	struct places at;
	char *argv[ARGS_MAX];
	unsigned n;

	setenv("SLUICE_TEST_SECONDS", "7", 1);
	EXPECT_INT(parse(&at, "--user a w", false, &n, argv), OPT_GO);
	EXPECT_INT(at.seconds, 7);
	EXPECT_INT(parse(&at, "--user a w --seconds 8", false, &n, argv), OPT_GO);
	EXPECT_INT(at.seconds, 8);
	setenv("SLUICE_TEST_SECONDS", "61", 1);
	EXPECT_INT(parse(&at, "--user a w", false, &n, argv), OPT_STOP);
	setenv("SLUICE_TEST_SECONDS", "", 1);
	EXPECT_INT(parse(&at, "--user a w", false, &n, argv), OPT_GO);
	EXPECT_INT(at.seconds, 5);
}

TEST_MAIN("opt", {"values are checked", values_are_checked}, {"command lines", command_lines},
          {"values arrive", values_arrive},
          {"environment gives defaults", environment_gives_defaults})
