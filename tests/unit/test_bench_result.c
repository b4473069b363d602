/* SPDX-License-Identifier: MIT */
/* bench/result: spread of several runs, result files, and the refusal to compare runs with
 * different settings. */
#include "bench/result/result.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/harness.h"

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
	EXPECT_TEXT(why.text,
	            "settings differ: payload is 160 in the first file, 20 in the second");
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

TEST_MAIN("bench_result", {"spread is median and ends", spread_is_median_and_ends},
          {"results come back from files", results_come_back_from_files},
          {"foreign files are refused", foreign_files_are_refused})
