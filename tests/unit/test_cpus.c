/* SPDX-License-Identifier: MIT */
/* control/cpus: parses lists of CPUs such as "0,2-5". */
#include "control/cpus.h"

#include <sched.h>

#include "tests/harness/harness.h"

static const struct {
	const char *text, *cpus; /* cpus: the CPUs in the list; NULL if the text is refused */
} rows[] = {
	{"0", "0 "},       {"7", "7 "},   {"2-5", "2 3 4 5 "}, {"3-3", "3 "}, {"4,0-1", "4 0 1 "},
	{"1023", "1023 "}, {"", NULL},    {",", NULL},         {"1,", NULL},  {",1", NULL},
	{"1,,2", NULL},    {"5-2", NULL}, {"1-", NULL},        {"-1", NULL},  {"1-2-3", NULL},
	{"x", NULL},       {"1 2", NULL}, {"1024", NULL},      {"1,1", NULL}, {"0-3,2", NULL},
	{"0-64", NULL},
};

static void lists(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_list list = {.n = 1};
		int cpus[RELAY_WORKERS_MAX];
		char text[128] = "";
		struct why why = {.text = ""};
		unsigned n;
		enum err e;

		test_context("\"%s\"", rows[i].text);
		e = cpus_check(str_of(rows[i].text), &why);
		EXPECT(!e == (rows[i].cpus != NULL));
		EXPECT(!e || why.text[0]);
		if (e)
			continue;
		snprintf(list.items[0], sizeof(list.items[0]), "%s", rows[i].text);
		REQUIRE_OK(cpus_read(&list, cpus, &n, &why));
		for (unsigned k = 0; k < n; k++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", cpus[k]);
		EXPECT_TEXT(text, rows[i].cpus);
	}
}

static void several_values(void)
{
	struct conf_list list = {.n = 2, .items = {"0-1", "5"}},
			 twice = {.n = 2, .items = {"0-3", "2"}};
	int cpus[RELAY_WORKERS_MAX];
	struct why why = {.text = ""};
	unsigned n;

	REQUIRE_OK(cpus_read(&list, cpus, &n, &why));
	EXPECT_INT(n, 3);
	EXPECT_INT(cpus[2], 5);
	EXPECT_ERR(cpus_read(&twice, cpus, &n, &why), ERR_EXISTS);
	EXPECT_TEXT(why.text, "cpus: processor 2 is named twice");
}

static void empty_list_is_all_allowed(void)
{
	struct conf_list none = {.n = 0};
	int cpus[RELAY_WORKERS_MAX];
	struct why why = {.text = ""};
	unsigned n = 0;
	cpu_set_t own;

	REQUIRE(sched_getaffinity(0, sizeof(own), &own) == 0);
	REQUIRE_OK(cpus_find(&none, 4000, cpus, &n, &why));
	EXPECT_INT(n, CPU_COUNT(&own) < RELAY_WORKERS_MAX ? CPU_COUNT(&own) : RELAY_WORKERS_MAX);
	for (unsigned i = 0; i < n; i++)
		EXPECT(CPU_ISSET((unsigned)cpus[i], &own));
}

/* A list that is spelled in another way is not a changed setting. */
static void equal_lists(void)
{
	static const struct conf_list range = {.n = 1, .items = {"0-2"}},
				      single = {.n = 1, .items = {"0,1,2"}},
				      lines = {.n = 2, .items = {"0-1", "2"}},
				      other = {.n = 1, .items = {"0-3"}},
				      order = {.n = 1, .items = {"2,0-1"}};

	EXPECT(cpus_eq(&range, &single) && cpus_eq(&range, &lines) && cpus_eq(&range, &range));
	EXPECT(!cpus_eq(&range, &other) && !cpus_eq(&range, &order));
	EXPECT(cpus_eq(&(struct conf_list){0}, &(struct conf_list){0}));
}

TEST_MAIN("cpus", {"lists", lists}, {"equal_lists", equal_lists},
          {"several_values", several_values},
          {"empty_list_is_all_allowed", empty_list_is_all_allowed})
