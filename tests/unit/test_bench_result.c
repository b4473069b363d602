/* SPDX-License-Identifier: MIT */
/* Options and results of sluice-bench: parsing, spread, files, and the refusal of different
 * settings. */
#include "bench/opt.h"
#include "bench/result/result.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static void options_are_checked(void)
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
			{.name = "payload",
		         .kind = OPT_LIST,
		         .out = &payload,
		         .min = 1,
		         .max = 1200,
		         .help = "octets"},
			{.name = "loss", .kind = OPT_REAL, .out = &loss, .max = 1, .help = "share"},
			{.name = "mode",
		         .kind = OPT_CHOICE,
		         .out = &mode,
		         .choices = "rtp|e2ae",
		         .help = "mode"},
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

static void spread_is_median_and_ends(void)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 2, 3};
	json_t *a = result_spread(odd, 3), *b = result_spread(even, 4);

	EXPECT(result_median(a) == 2);
	EXPECT(result_spread_percent(a) == 50);
	EXPECT(result_median(b) == 2.5);
	json_decref(a);
	json_decref(b);
}

static void results_come_back_from_files(void)
{
	char path[] = "/tmp/sluice-bench-test-XXXXXX";
	struct result r;
	json_t *back = NULL;
	struct why why;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	close(fd);
	REQUIRE_OK(result_init(&r, "crypto", json_pack("{s:i}", "payload", 160), 3));
	json_object_set_new(result_row(&r), "engine", json_string("evp"));
	EXPECT_OK(result_write_json(&r, path, &why));
	EXPECT_OK(result_load(&back, path, &why));
	EXPECT_OK(result_same_settings(r.doc, back, &why));
	json_object_set_new(json_object_get(back, "settings"), "payload", json_integer(20));
	EXPECT_ERR(result_same_settings(r.doc, back, &why), ERR_INVALID);
	EXPECT_TEXT(why.text, "settings differ: payload is 160 and 20");
	json_object_set_new(json_object_get(back, "settings"), "payload", json_integer(160));
	json_object_set_new(json_object_get(back, "settings"), "batch", json_integer(1));
	EXPECT_ERR(result_same_settings(r.doc, back, &why), ERR_INVALID);
	json_decref(back);
	result_fini(&r);
	unlink(path);
}

static void foreign_files_are_refused(void)
{
	char path[] = "/tmp/sluice-bench-test-XXXXXX";
	struct why why;
	json_t *back = NULL;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	EXPECT_INT(write(fd, "{\"format\":\"x\"}", 14), 14);
	close(fd);
	EXPECT_ERR(result_load(&back, path, &why), ERR_INVALID);
	unlink(path);
	EXPECT_ERR(result_load(&back, path, &why), ERR_SYNTAX);
}

TEST_MAIN("bench_result", {"options are checked", options_are_checked},
          {"spread is median and ends", spread_is_median_and_ends},
          {"results come back from files", results_come_back_from_files},
          {"foreign files are refused", foreign_files_are_refused})
