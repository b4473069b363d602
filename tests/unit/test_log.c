/* SPDX-License-Identifier: MIT */
/* Log lines: nothing that a peer chose forges a line, a field or a terminal escape; similar lines
 * are limited; standard error that nobody reads stops nothing. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/escape.h"
#include "base/mem.h"
#include "control/doc/json.h"
#include "tests/harness/harness.h"

static char line[LOG_LINE_MAX];

static const char *print(const struct log_field *fields, enum log_format format)
{
	size_t n = log_print(fields, format, line, sizeof(line));

	EXPECT_INT(n, strlen(line));
	return line;
}

/* --- values ----------------------------------------------------------------- */

static void hostile_values_stay_values(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"alice", "session=alice"},
		{"a.b_c:d/e@f+g-h[1]%2,3", "session=a.b_c:d/e@f+g-h[1]%2,3"},
		{"a b", "session=\"a b\""},
		{"a=b", "session=\"a=b\""},
		{"a\"b\\", "session=\"a\\\"b\\\\\""},
		{"a\nlevel=error msg=forged", "session=\"a\\nlevel=error msg=forged\""},
		{"a\r\n\tb", "session=\"a\\r\\n\\tb\""},
		{"\x1b[31mred\a", "session=\"\\u001b[31mred\\u0007\""},
		{"\x7f", "session=\"\\u007f\""},
		{"\xc2\x9b"
	         "31m",
	         "session=\"\\u009b31m\""}, /* U+009B: CSI in one character */
		{"\x9b"
	         "31m",
	         "session=\"\\ufffd31m\""},          /* the same as an octet */
		{"\xc2\x85", "session=\"\\u0085\""}, /* NEL */
		{"\xe2\x80\xa8\xe2\x80\xa9", "session=\"\\u2028\\u2029\""},
		{"\xe2\x80\xae"
	         "abc\xe2\x81\xa6",
	         "session=\"\\u202eabc\\u2066\""},
		{"\xe2\x80\x8b\xef\xbb\xbf", "session=\"\\u200b\\ufeff\""},
		{"\xf3\xa0\x81\x81", "session=\"\\udb40\\udc41\""}, /* a tag character */
		{"M\xc3\xbcller \xf0\x9f\x98\x80", "session=\"M\xc3\xbcller \xf0\x9f\x98\x80\""},
		{"\xc0\xaf", "session=\"\\ufffd\\ufffd\""},            /* overlong */
		{"\xed\xa0\x80", "session=\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate */
		{"\xf4\x90\x80\x80", "session=\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xe2\x82", "session=\"\\ufffd\\ufffd\""}, /* cut short */
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu", i);
		EXPECT_TEXT(print(LOG_ARRAY(LOG_TEXT(session, rows[i].text)), LOG_FORMAT_LOGFMT),
		            rows[i].want);
	}
	EXPECT_TEXT(print(LOG_ARRAY(LOG_STR(session, str_make("a\0b", 3))), LOG_FORMAT_LOGFMT),
	            "session=\"a\\u0000b\"");
}

static void each_kind_in_both_formats(void)
{
	struct addr a;

	REQUIRE_OK(addr_parse(STR("[2001:db8::1]:5004"), &a));
	const struct log_field *fields =
		LOG_ARRAY(LOG_NOTHING, LOG_TEXT(session, "a b"), LOG_UINT(total, UINT64_MAX),
	                  LOG_HEX(ssrc, 0xab), LOG_ADDR(peer, &a), LOG_IP(address, &a), LOG_NOTHING,
	                  LOG_ADDR(listener, &(struct addr){.port = 0}), LOG_TEXT(url, NULL),
	                  LOG_ERRNO(ENOSPC));

	EXPECT_TEXT(print(fields, LOG_FORMAT_LOGFMT),
	            "session=\"a b\" total=18446744073709551615 ssrc=000000ab "
	            "peer=[2001:db8::1]:5004 address=2001:db8::1 "
	            "reason=\"No space left on device\"");
	EXPECT_TEXT(print(fields, LOG_FORMAT_JSON),
	            "{\"session\":\"a b\",\"total\":18446744073709551615,\"ssrc\":\"000000ab\","
	            "\"peer\":\"[2001:db8::1]:5004\",\"address\":\"2001:db8::1\","
	            "\"reason\":\"No space left on device\"}");
	EXPECT_TEXT(print(LOG_ARRAY(LOG_NOTHING), LOG_FORMAT_JSON), "{}");
}

/* Reads one field of logfmt. Returns false if the text does not follow the grammar. */
static bool take_field(const char **at, char name[40])
{
	const char *p = *at;
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz_");

	if (n == 0 || n >= 40 || p[n] != '=')
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	p += n + 1;
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++)
			p += *p == '\\';
		if (*p++ != '"')
			return false;
	} else {
		p += strcspn(p, " \"=");
	}
	*at = p;
	return *p == ' ' || *p == '\0';
}

static void check_logfmt(const char *text, unsigned wanted)
{
	static const char *const order[] = {"session", "media", "reason"};
	char name[40];

	for (unsigned i = 0; *text; i++) {
		REQUIRE(take_field(&text, name));
		if (i < wanted)
			EXPECT_TEXT(name, order[i]);
		else
			EXPECT_TEXT(name, "cut");
		text += *text == ' ';
	}
}

static void check_json(const char *text)
{
	struct doc_arena *arena;
	struct doc *root;
	struct why why = {""};

	REQUIRE_OK(doc_arena_new(&arena));
	EXPECT_OK(doc_json_decode(&root, arena, str_of(text), &why));
	doc_arena_free(arena);
}

/* Random octets, mostly those that mean something. */
static size_t hostile(uint64_t *seed, char *out, size_t room)
{
	static const char chosen[] = "\"\\\n\r\t =\x1b\x7f\x80\x9b\xc2\xe2\x80\xa8\xae\xf0 abc";
	size_t n = 1 + test_random(seed) % (room - 1);

	for (size_t i = 0; i < n; i++) {
		uint64_t r = test_random(seed);

		out[i] = r & 1 ? chosen[(r >> 8) % (sizeof(chosen) - 1)] : (char)(r >> 16);
		/* The reader of JSON refuses \u0000. */
		out[i] = out[i] ? out[i] : ' ';
	}
	return n;
}

static void random_values_stay_values(void)
{
	uint64_t seed = test_seed();

	for (int i = 0; i < 4000; i++) {
		char v[3][900];
		size_t n[3];

		for (int k = 0; k < 3; k++)
			n[k] = hostile(&seed, v[k], i % 2 ? sizeof(v[k]) : 12);
		for (int f = 0; f < 2; f++) {
			const char *p = print(LOG_ARRAY(LOG_STR(session, str_make(v[0], n[0])),
			                                LOG_STR(media, str_make(v[1], n[1])),
			                                LOG_STR(reason, str_make(v[2], n[2]))),
			                      (enum log_format)f);
			size_t used, bare;
			char again[LOG_LINE_MAX];

			/* What a terminal or a viewer acts on is gone: escaping changes nothing. */
			bare = escape_bare(str_of(p), again, sizeof(again), &used);
			EXPECT_OCTETS(again, bare, p, strlen(p));
			if (f == LOG_FORMAT_LOGFMT)
				check_logfmt(p, 3);
			else
				check_json(p);
		}
	}
}

static void a_long_line_is_cut_visibly(void)
{
	static char text[3000];
	char small[200];
	size_t n;

	memset(text, 'x', sizeof(text) - 1);
	print(LOG_ARRAY(LOG_TEXT(session, text), LOG_UINT(total, 7)), LOG_FORMAT_LOGFMT);
	EXPECT(strstr(line, "x...\" total=7 cut=") != NULL);
	memset(text, '\n', sizeof(text) - 1);
	for (int f = 0; f < 2; f++) {
		n = log_print(LOG_ARRAY(LOG_TEXT(session, text), LOG_TEXT(media, "m"),
		                        LOG_UINT(total, 1), LOG_TEXT(reason, text),
		                        LOG_TEXT(subject, text)),
		              (enum log_format)f, small, sizeof(small));
		EXPECT(n < sizeof(small) && small[n] == '\0');
		EXPECT(strstr(small, "\\n...\"") != NULL && strstr(small, "cut") != NULL);
		if (f == LOG_FORMAT_JSON)
			check_json(small);
	}
	/* As many fields as a line can have, each as long as can be. */
	n = log_print(LOG_ARRAY(LOG_TEXT(session, text), LOG_TEXT(media, text),
	                        LOG_TEXT(reason, text), LOG_TEXT(url, text), LOG_TEXT(words, text),
	                        LOG_TEXT(subject, text), LOG_TEXT(settings, text),
	                        LOG_TEXT(owner, text)),
	              LOG_FORMAT_LOGFMT, line, sizeof(line));
	EXPECT(n < LOG_LINE_MAX);
	EXPECT(strstr(line, " cut=") != NULL);
}

/* --- the limit -------------------------------------------------------------- */

static void similar_lines_are_limited(void)
{
	static struct log_site warn = {.level = LOG_WARN_LEVEL, .mod = "t", .msg = "warn"},
			       info = {.level = LOG_INFO_LEVEL, .mod = "t", .msg = "info"},
			       debug = {.level = LOG_DEBUG_LEVEL, .mod = "t", .msg = "debug"},
			       open = {.level = LOG_WARN_LEVEL,
	                               .mod = "t",
	                               .msg = "open",
	                               .unlimited = true};
	uint64_t now = NS_PER_S;
	unsigned n[4] = {0};

	/* 20,000 lines in 4 s */
	for (int i = 0; i < 20000; i++, now += NS_PER_S / 5000) {
		n[0] += log_site_admit(&warn, now);
		n[1] += log_site_admit(&info, now);
		n[2] += log_site_admit(&debug, now);
		n[3] += log_site_admit(&open, now);
	}
	EXPECT_INT(n[0], 10 + 3);
	EXPECT(n[1] >= 100 + 78 && n[1] <= 100 + 80);
	EXPECT_INT(n[2], 20000);
	EXPECT_INT(n[3], 20000);
	EXPECT_INT(warn.suppressed, 20000 - n[0]);
	/* After a quiet minute there is a whole burst again, and not more. */
	now += 60 * NS_PER_S;
	n[0] = 0;
	for (int i = 0; i < 100; i++)
		n[0] += log_site_admit(&warn, now);
	EXPECT_INT(n[0], 10);
	log_tell_suppressed(true);
	EXPECT_INT(warn.suppressed, 0);
}

static void a_site_may_be_freed(void)
{
	struct log_site *site = mem_alloc(sizeof(*site));

	REQUIRE(site);
	*site = (struct log_site){.level = LOG_WARN_LEVEL, .mod = "t", .msg = "freed"};
	for (int i = 0; i < 20; i++)
		(void)log_site_admit(site, NS_PER_S);
	EXPECT_INT(site->suppressed, 10);
	log_site_forget(site);
	mem_free(site);
	log_tell_suppressed(true);
}

/* --- standard error --------------------------------------------------------- */

static int saved = -1;

/* Puts `fd` in the place of standard error, and looks at it. */
static void redirect(int fd, struct log_config config)
{
	saved = dup(STDERR_FILENO);
	CHECK(saved >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	log_configure(&config);
}

static void restore(void)
{
	CHECK(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	log_configure(&(struct log_config){.level = LOG_INFO_LEVEL});
}

static size_t drain(int fd, char *out, size_t room)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < room && (got = read(fd, out + n, room - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	return n;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void log_one(unsigned i)
{
	log_warn("test", "bad request", LOG_TEXT(session, "x\ny"), LOG_UINT(count, i));
}

static void a_flood_of_bad_requests(void)
{
	static char text[1 << 20];
	uint64_t began_ns = clk_mono_ns(), took_s;
	FILE *file = tmpfile();

	REQUIRE(file);
	redirect(fileno(file), (struct log_config){.level = LOG_INFO_LEVEL});
	for (unsigned i = 1; i <= 20000; i++)
		log_one(i);
	log_tell_suppressed(true);
	restore();
	took_s = (clk_mono_ns() - began_ns) / NS_PER_S;
	rewind(file);
	drain(fileno(file), text, sizeof(text));
	fclose(file);
	/* The first line comes, then few, and their number in the end. */
	EXPECT(strstr(text, "session=\"x\\ny\" count=1\n") != NULL);
	EXPECT(count(text, "msg=\"bad request\"") >= 10);
	EXPECT(count(text, "msg=\"bad request\"") <= 11 + took_s);
	EXPECT(strstr(text, "msg=\"similar lines suppressed\" lines=") != NULL);
	EXPECT(strstr(text, "like=\"bad request\"\n") != NULL);
	EXPECT(count(text, "\n") <= 13 + 2 * took_s);
}

/* A pipe that nobody reads. */
static void a_full_pipe(void)
{
	static struct log_site site = {
		.level = LOG_WARN_LEVEL, .mod = "test", .msg = "full", .unlimited = true};
	static char text[1 << 18];
	struct log_counts before, after;
	int fds[2];

	REQUIRE(pipe(fds) == 0);
	REQUIRE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	redirect(fds[1], (struct log_config){.level = LOG_INFO_LEVEL});
	log_get_counts(&before);
	/* With a write that waits this loop never ends. */
	for (int i = 0; i < 20000; i++)
		log_line(&site, LOG_ARRAY(LOG_UINT(count, (unsigned)i)));
	log_get_counts(&after);
	EXPECT(after.dropped - before.dropped > 10000);
	/* The descriptor that others share still waits. */
	EXPECT((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0);
	drain(fds[0], text, sizeof(text));
	EXPECT(text[strlen(text) - 1] == '\n');
	log_line(&site, LOG_ARRAY(LOG_UINT(count, 99999)));
	restore();
	drain(fds[0], text, sizeof(text));
	EXPECT(strstr(text, "msg=\"log lines dropped: standard error did not take them\" lines=") !=
	       NULL);
	EXPECT(strstr(text, "count=99999\n") != NULL);
	close(fds[0]);
	close(fds[1]);
}

static void read_journal(const char *stream, enum log_priority priority, enum log_format format,
                         char *out, size_t room)
{
	int fds[2];
	struct stat st;
	char name[64];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && fstat(fds[1], &st) == 0);
	CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream ? stream : name, 1);
	redirect(fds[1], (struct log_config){
				 .level = LOG_DEBUG_LEVEL, .format = format, .priority = priority});
	log_error("test", "one");
	log_warn("test", "two");
	log_info("test", "three", LOG_TEXT(session, "a\n<0>b"));
	log_debug("test", "four");
	restore();
	drain(fds[0], out, room);
	close(fds[0]);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
}

static void lines_for_the_journal(void)
{
	static const char want[] =
		"<3>level=error mod=test msg=one\n<4>level=warn mod=test msg=two\n"
		"<6>level=info mod=test msg=three session=\"a\\n<0>b\"\n"
		"<7>level=debug mod=test msg=four\n";
	char text[2000];

	read_journal(NULL, LOG_PRIORITY_AUTO, LOG_FORMAT_LOGFMT, text, sizeof(text));
	EXPECT_TEXT(text, want);
	/* JOURNAL_STREAM of a parent names another stream. */
	read_journal("1:1", LOG_PRIORITY_AUTO, LOG_FORMAT_LOGFMT, text, sizeof(text));
	EXPECT(str_starts(str_of(text), "time=2") && !strstr(text, "<3>"));
	read_journal("junk", LOG_PRIORITY_AUTO, LOG_FORMAT_LOGFMT, text, sizeof(text));
	EXPECT(str_starts(str_of(text), "time=2"));
	read_journal("junk", LOG_PRIORITY_YES, LOG_FORMAT_LOGFMT, text, sizeof(text));
	EXPECT_TEXT(text, want);
	read_journal(NULL, LOG_PRIORITY_NO, LOG_FORMAT_LOGFMT, text, sizeof(text));
	EXPECT(str_starts(str_of(text), "time=2"));
	read_journal(NULL, LOG_PRIORITY_AUTO, LOG_FORMAT_JSON, text, sizeof(text));
	EXPECT(str_starts(str_of(text),
	                  "<3>{\"level\":\"error\",\"mod\":\"test\",\"msg\":\"one\"}\n"));
}

/* --- names ------------------------------------------------------------------ */

/* docs/operations.md lists each name with its meaning. */
static void every_name_is_documented(void)
{
	FILE *f = fopen(test_path("../docs/operations.md"), "r");
	struct buf page = {0};
	char part[4096];
	size_t n;

	REQUIRE(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&page, part, n);
	fclose(f);
	for (unsigned i = 1; i < LOG_NAME_COUNT; i++) {
		char row[300];

		snprintf(row, sizeof(row), "| `%s` | %s |", log_name_text((enum log_name)i),
		         log_name_meaning((enum log_name)i));
		if (getenv("SLUICE_PRINT"))
			puts(row);
		test_context("%s", row);
		EXPECT(strstr(page.p, row) != NULL);
	}
	buf_free(&page);
}

TEST_MAIN("log", {"hostile values stay values", hostile_values_stay_values},
          {"each kind in both formats", each_kind_in_both_formats},
          {"random values stay values", random_values_stay_values},
          {"a long line is cut visibly", a_long_line_is_cut_visibly},
          {"similar lines are limited", similar_lines_are_limited},
          {"a site may be freed", a_site_may_be_freed},
          {"a flood of bad requests", a_flood_of_bad_requests}, {"a full pipe", a_full_pipe},
          {"lines for the journal", lines_for_the_journal},
          {"every name is documented", every_name_is_documented})
