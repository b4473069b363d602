/* SPDX-License-Identifier: MIT */
/* The options of a command line as one table: parsing, defaults, --help and errors come from it. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { OPT_LIST_MAX = 16, OPT_ROWS_MAX = 64 };

/* "20,160,500" */
struct opt_list {
	unsigned v[OPT_LIST_MAX];
	unsigned n;
};

/* The values of an option that may be given several times; they point into argv. */
struct opt_texts {
	const char *v[OPT_LIST_MAX];
	unsigned n;
};

/* The type of what `out` points to. */
enum opt_kind {
	OPT_FLAG,   /* bool; no argument */
	OPT_COUNT,  /* unsigned, min to max */
	OPT_REAL,   /* double, min to max */
	OPT_TEXT,   /* const char * into argv, at least `min` characters; NULL: not given */
	OPT_TEXTS,  /* struct opt_texts, at most `max` (OPT_LIST_MAX) values */
	OPT_CHOICE, /* const char *; one of the words in `choices` ("a|b|c") */
	OPT_LIST,   /* struct opt_list, each number min to max */
};

/*
 * `out` holds the default before parsing. --help shows it where it lies within the limits: a COUNT
 * of 0 with `min` 1 means "not given". A row without a name is a heading: only its help is printed.
 */
struct opt {
	const char *name; /* without "--" */
	enum opt_kind kind;
	void *out;
	double min, max;
	const char *arg; /* how --help calls the value */
	const char *choices;
	const char *help;
	const char *env; /* environment variable that replaces the default; empty: ignored */
	bool *given;     /* set when the command line has the option; NULL: not of interest */
	bool required;
	bool local; /* for sluice-bench: results may differ in it and still be compared */
};

enum opt_outcome { OPT_GO, OPT_STOP };

/* What a program or subcommand says about itself. */
struct opt_command {
	const char *name;     /* as the user types it: "sluice-bench crypto" */
	const char *usage;    /* what follows the options: "" or "DIR" */
	const char *about;    /* a paragraph */
	const char *examples; /* lines, or NULL */
	const char *version;  /* NULL: there is no --version */
	const struct opt *opts;
	size_t n_opts;                 /* at most OPT_ROWS_MAX */
	unsigned words_min, words_max; /* arguments that are not options */
	bool dash_words; /* "-x" is such an argument, not a misspelt option: ids may begin so */
};

/*
 * Reads "--name value", "--name=value", -h, --help and --version; after "--" everything is an
 * argument. OPT_STOP with *status 0 after --help or --version, or 2 after a message on standard
 * error that names the option, the value and what is allowed. Arguments that are not options are
 * moved to the front of argv[1...]; their count goes to *n_words (NULL where words_max is 0).
 */
enum opt_outcome opt_parse(const struct opt_command *c, int argc, char **argv, unsigned *n_words,
                           int *status);
/* Prints "NAME: text; see NAME --help" to standard error, for rules that no row can express.
 * Returns 2, the exit status of misuse. */
int opt_misused(const struct opt_command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
