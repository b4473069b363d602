/* SPDX-License-Identifier: MIT */
/* The options of a command line as one table, which gives parsing, defaults, --help and error
 * texts. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { OPT_LIST_MAX = 16, OPT_ROWS_MAX = 64 };

/* The values of a list option such as "20,160,500". */
struct opt_list {
	unsigned v[OPT_LIST_MAX];
	unsigned n;
};

/* The values of an option that may be given several times; the pointers point into argv. */
struct opt_texts {
	const char *v[OPT_LIST_MAX];
	unsigned n;
};

/* The kind of an option, which decides the type of the variable at `out`. */
enum opt_kind {
	OPT_FLAG,   /* bool; the option takes no value */
	OPT_COUNT,  /* unsigned; from `min` to `max` */
	OPT_REAL,   /* double; from `min` to `max` */
	OPT_TEXT,   /* const char * into argv; at least `min` characters; NULL: not given */
	OPT_TEXTS,  /* struct opt_texts; at most `max` values (and at most OPT_LIST_MAX) */
	OPT_CHOICE, /* const char *; one of the words in `choices` ("a|b|c") */
	OPT_LIST,   /* struct opt_list; each number from `min` to `max` */
};

/*
 * One option. Before parsing `out` holds the default. --help shows the default if it lies within
 * the limits: a COUNT of 0 with `min` 1 means "not given". A row without a name is a heading: only
 * its help is printed.
 */
struct opt {
	const char *name; /* name without "--" */
	enum opt_kind kind;
	void *out;
	double min, max;
	const char *arg; /* placeholder of the value in --help, such as "FILE" */
	const char *choices;
	const char *help;
	/* environment variable that replaces the default; ignored if empty; NULL: none */
	const char *env;
	bool *given; /* set to true if the command line has the option; may be NULL */
	bool required;
	bool local; /* sluice-bench compares results even if they differ in this option */
};

enum opt_outcome { OPT_GO, OPT_STOP };

/* The description of a program or subcommand, for parsing and --help. */
struct opt_command {
	const char *name; /* name as the user types it: "sluice-bench crypto" */
	/* arguments after the options, such as "DIR"; "": none */
	const char *usage;
	const char *about;    /* what the program does, in one paragraph */
	const char *examples; /* lines at the end of --help; NULL: none */
	const char *version;  /* version number; NULL: --version is not accepted */
	const struct opt *opts;
	size_t n_opts;                 /* number of rows in `opts`, at most OPT_ROWS_MAX */
	unsigned words_min, words_max; /* allowed number of arguments that are not options */
	/* true: "-x" is an argument (session ids may begin with "-"), not an option */
	bool dash_words;
};

/*
 * Parses "--name value", "--name=value", -h, --help and --version; after "--" every word is an
 * argument. Returns OPT_STOP with *status 0 after --help or --version; returns OPT_STOP with
 * *status 2 after a message on standard error that names the option, the value and what is allowed.
 * Moves the arguments that are not options to argv[1...] and sets *n_words to their number
 * (`n_words` may be NULL if words_max is 0).
 */
enum opt_outcome opt_parse(const struct opt_command *c, int argc, char **argv, unsigned *n_words,
                           int *status);
/* Reports a misuse that no row of the table can express: prints "NAME: text; see NAME --help" to
 * standard error. Returns 2, the exit status of misuse. */
int opt_misused(const struct opt_command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
