/* SPDX-License-Identifier: MIT */
/* The installed example file and the manual page agree with the table of settings in
 * conf_table.c. */
#include <stdlib.h>

#include "base/buf.h"
#include "control/conf.h"
#include "tests/harness/harness.h"

enum { FILE_MAX_BYTES = 1 << 18 };

static char *read_shipped(const char *path)
{
	char *text = calloc(1, FILE_MAX_BYTES);
	FILE *f = fopen(path, "re");

	if (f && text)
		(void)!fread(text, 1, FILE_MAX_BYTES - 1, f);
	if (f)
		fclose(f);
	return text;
}

/* Compares the file with `want`. With SLUICE_WRITE_CONF in the environment, first writes `want` to
 * it. */
static void expect_file(const char *path, const struct buf *want)
{
	char *got;

	REQUIRE(want->n > 0 && !want->bad);
	if (getenv("SLUICE_WRITE_CONF")) {
		FILE *f = fopen(path, "we");

		REQUIRE(f);
		fwrite(want->p, 1, want->n, f);
		fclose(f);
	}
	got = read_shipped(path);
	test_context("%s is not what the table says; SLUICE_WRITE_CONF=1 writes it anew", path);
	EXPECT(got && strlen(got) == want->n && memcmp(got, want->p, want->n) == 0);
	free(got);
}

static void example_matches_the_table(void)
{
	struct buf want = {0};

	conf_print_example(&want);
	expect_file("cmd/share/sluice.conf", &want);
	buf_free(&want);
}

/* The example file is accepted as installed, and also with every commented-out setting enabled. */
static void example_is_accepted(void)
{
	char *text = read_shipped("cmd/share/sluice.conf");
	static struct conf c;
	struct why why = {""};
	size_t lines = 0;

	REQUIRE(text && text[0]);
	EXPECT_OK(conf_load_text(&c, str_of(text), &why));
	EXPECT_INT(c.ng.n, 0);
	for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++)
		if (p[2] != ' ') {
			p[1] = ' ';
			memmove(p + 1, p + 2, strlen(p + 2) + 1);
			lines++;
		}
	EXPECT_INT(lines, conf_settings_n);
	test_context("%s", why.text);
	EXPECT_OK(conf_load_text(&c, str_of(text), &why));
	EXPECT_TEXT(why.text, "");
	EXPECT_INT(c.ng.n, 1);
	EXPECT_INT(c.ng_allow.n, 1);
	free(text);
}

/* Settings and their help between two headings of the manual page are generated from the table; the
 * rest of the page is written by hand. */
static void manual_matches_the_table(void)
{
	static const char path[] = "docs/man/sluiced.conf.5", settings[] = "\n.SH SETTINGS\n",
			  files[] = "\n.SH FILES\n";
	struct buf want = {0};
	char *got = read_shipped(path);
	char *from = got ? strstr(got, settings) : NULL,
	     *to = from ? strstr(from + strlen(settings) - 1, files) : NULL;

	REQUIRE(from && to);
	from += strlen(settings);
	buf_add(&want, got, (size_t)(from - got));
	conf_print_manual(&want);
	buf_text(&want, to + 1);
	expect_file(path, &want);
	free(got);
	buf_free(&want);
}

/* An error names the wrong value and the values that are allowed. */
static void errors_name_the_wrong_value(void)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
		{"silent-timeout = soon",
	         "silent-timeout: \"soon\": must be an integer from 1 to 604800"},
		{"delete-delay = 3601", "delete-delay: 3601 is out of range (0 to 3600)"},
		{"ng = 2223", "ng: \"2223\": must be ADDRESS:PORT, for example 127.0.0.1:2223 or "
	                      "[::1]:2223"},
		{"ng-allow = proxy", "ng-allow: \"proxy\": must be an address or network, for "
	                             "example 192.0.2.1 or 192.0.2.0/24"},
		{"other-media = reject",
	         "other-media: \"reject\": must be one of relay|relay-only|pass|refuse"},
	};
	static struct conf c;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct why why = {""};

		test_context("%s", rows[i].line);
		EXPECT(conf_load_text(&c, str_of(rows[i].line), &why) != ERR_OK);
		EXPECT(strstr(why.text, rows[i].text) != NULL);
	}
}

/* A long value is cut in the error, so that the words about what is allowed are not. */
static void errors_about_long_values(void)
{
	static const struct {
		const char *flag, *text;
	} rows[] = {
		{"--workers", "\": must be an integer from 0 to 64"},
		{"--osrtp", "\": must be one of end|pass"},
		{"--control-mode", "\": must be an octal number"},
		{"--pin-workers", "\": must be yes or no"},
		{"--interface", "\": must be NAME/ADDR"},
		{"--media-deny", "\": must be a network or an address"},
		{"--control", "\": must be an absolute path or tcp:HOST:PORT"},
		{"--ng", "\": must be ADDRESS:PORT"},
		{"--ng-allow", "\": must be an address or network"},
		{"--http", "\": must be ADDRESS:PORT"},
		{"--sdes-offer", "\": unknown SRTP suite"},
		{"--help=1", "--help takes no value"},
	};
	static struct conf c;
	static char value[65536];

	memset(value, 'x', sizeof(value) - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *argv[] = {(char *)"sluiced", (char *)rows[i].flag, value, NULL};
		struct conf_command command;
		struct why why = {""};

		test_context("%s", rows[i].flag);
		EXPECT(conf_load(&c, &command, 3, argv, &why) != ERR_OK);
		if (!EXPECT(strstr(why.text, rows[i].text) != NULL))
			fprintf(stderr, "%s\n", why.text);
	}
}

TEST_MAIN("conf_files", {"errors name the wrong value", errors_name_the_wrong_value},
          {"errors about long values", errors_about_long_values},
          {"the example matches the table", example_matches_the_table},
          {"the example is accepted", example_is_accepted},
          {"the manual matches the table", manual_matches_the_table})
