/* SPDX-License-Identifier: MIT */
/* Options of a subcommand as one table: parsing, --help, and the settings that go into its result.
 */
#ifndef BENCH_OPT_H
#define BENCH_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { OPT_LIST_MAX = 16 };

/* "20,160,500" */
struct opt_list {
	unsigned v[OPT_LIST_MAX];
	unsigned n;
};

/* The type of what `out` points to. */
enum opt_kind {
	OPT_FLAG,   /* bool; no argument */
	OPT_COUNT,  /* unsigned, min to max */
	OPT_REAL,   /* double, min to max */
	OPT_TEXT,   /* const char *; points into argv; NULL: not given */
	OPT_CHOICE, /* const char *; one of the words in `choices` ("a|b|c") */
	OPT_LIST,   /* struct opt_list, each min to max */
};

/* `out` holds the default before parsing. A row without a name is a heading: its help is printed
 * alone. */
struct opt {
	const char *name; /* without "--"; underscores become its JSON name */
	enum opt_kind kind;
	void *out;
	double min, max;
	const char *arg; /* how --help calls the argument */
	const char *choices;
	const char *help;
	bool local; /* how, not what: not a setting that results must share to be compared */
};

enum opt_outcome { OPT_GO, OPT_STOP };

/* What a subcommand says about itself. */
struct opt_command {
	const char *name;     /* "crypto" */
	const char *usage;    /* what follows the options: "" or "DIR" */
	const char *about;    /* a paragraph */
	const char *examples; /* lines, or NULL */
	const struct opt *opts;
	size_t n_opts;
	unsigned words_min, words_max; /* arguments that are not options */
};

/*
 * "--name value", "--name=value", -h and --help. OPT_STOP with *status 0 after --help, or 2 after a
 * message that names option, value and what would do. Words that are not options are moved to the
 * front of argv[1...]; their count is *n_words (may be NULL when words_max is 0).
 */
enum opt_outcome opt_parse(const struct opt_command *c, int argc, char **argv, unsigned *n_words,
                           int *status);
/* {"payload": 160, ...}: every option's value except the local ones. New reference; NULL out of
 * memory. */
json_t *opt_settings(const struct opt *opts, size_t n);

#endif
