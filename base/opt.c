/* SPDX-License-Identifier: MIT */
/* The options of a command line as one table. */
#include "base/opt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { EXIT_MISUSED = 2, HELP_COLUMN = 26 };

static bool print_default(const struct opt *o, char *out, size_t room)
{
	const struct opt_list *list = o->out;
	size_t at = 0;

	switch (o->kind) {
	case OPT_FLAG:
	case OPT_TEXTS:
		return false;
	case OPT_COUNT:
		return !o->given && *(unsigned *)o->out >= o->min &&
		       snprintf(out, room, "%u", *(unsigned *)o->out) > 0;
	case OPT_REAL:
		return *(double *)o->out >= o->min &&
		       snprintf(out, room, "%g", *(double *)o->out) > 0;
	case OPT_TEXT:
	case OPT_CHOICE:
		return *(const char **)o->out &&
		       snprintf(out, room, "%s", *(const char **)o->out) > 0;
	case OPT_LIST:
		for (unsigned i = 0; i < list->n && at < room; i++)
			at += (size_t)snprintf(out + at, room - at, "%s%u", i ? "," : "",
			                       list->v[i]);
		return list->n > 0;
	}
	return false;
}

static const char *arg_of(const struct opt *o)
{
	if (o->kind == OPT_FLAG)
		return "";
	if (o->arg)
		return o->arg;
	return o->choices ? o->choices : "N";
}

static void print_row(const struct opt *o)
{
	char name[160], given[160];

	snprintf(name, sizeof(name), "--%s%s%s", o->name, *arg_of(o) ? " " : "", arg_of(o));
	if (strlen(name) > HELP_COLUMN) { /* a long name: the help text goes to the next line */
		printf("  %s\n", name);
		name[0] = '\0';
	}
	printf("  %-*s %s%s", HELP_COLUMN, name, o->required ? "(required) " : "", o->help);
	if (o->choices && o->arg)
		printf(" (%s)", o->choices);
	if (print_default(o, given, sizeof(given)))
		printf(" [%s]", given);
	if (o->env)
		printf(" [$%s]", o->env);
	putchar('\n');
}

static void print_help(const struct opt_command *c)
{
	printf("usage: %s [OPTIONS]%s%s\n\n%s\n\n", c->name, *c->usage ? " " : "", c->usage,
	       c->about);
	for (size_t i = 0; i < c->n_opts; i++) {
		if (c->opts[i].name)
			print_row(&c->opts[i]);
		else
			printf("%s%s:\n", i ? "\n" : "", c->opts[i].help);
	}
	if (c->version)
		printf("  %-*s print the version\n", HELP_COLUMN, "--version");
	printf("  %-*s print this help\n", HELP_COLUMN, "-h, --help");
	if (c->examples)
		printf("\n%s", c->examples);
}

static void complain(const struct opt_command *c, const char *fmt, va_list ap)
{
	fprintf(stderr, "%s: ", c->name);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "; see %s --help\n", c->name);
}

int opt_misused(const struct opt_command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, fmt, ap);
	va_end(ap);
	return EXIT_MISUSED;
}

static bool fail(const struct opt_command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool fail(const struct opt_command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, fmt, ap);
	va_end(ap);
	return false;
}

/* One value that is being parsed. `where` is its source for error texts: "--name", or the name of
 * an environment variable. */
struct reading {
	const struct opt_command *c;
	const struct opt *o;
	const char *where;
};

static bool read_real(const struct reading *r, const char *text)
{
	const struct opt *o = r->o;
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v < o->min || v > o->max)
		return fail(r->c, "%s: '%s' is not a number from %.15g to %.15g", r->where, text,
		            o->min, o->max);
	*(double *)o->out = v;
	return true;
}

static bool read_count(const struct reading *r, struct str text, unsigned *out)
{
	const struct opt *o = r->o;
	uint64_t v;

	if (str_to_u64(text, UINT32_MAX, &v) || (double)v < o->min || (double)v > o->max)
		return fail(r->c, "%s: '%.*s' is not an integer from %.15g to %.15g", r->where,
		            STR_ARG(text), o->min, o->max);
	*out = (unsigned)v;
	return true;
}

static bool read_list(const struct reading *r, const char *text)
{
	struct str rest = str_of(text);
	struct opt_list list = {.n = 0};

	if (str_ends(rest, ","))
		return fail(r->c, "%s: '%s' ends with a comma", r->where, text);
	do {
		struct str one = str_cut(rest, ',', &rest);

		if (list.n == OPT_LIST_MAX)
			return fail(r->c, "%s: more than %d values", r->where, OPT_LIST_MAX);
		if (!read_count(r, one, &list.v[list.n++]))
			return false;
	} while (rest.n);
	*(struct opt_list *)r->o->out = list;
	return true;
}

static bool read_choice(const struct reading *r, const char *text)
{
	struct str rest = str_of(r->o->choices);

	while (rest.n)
		if (str_is(str_cut(rest, '|', &rest), text)) {
			*(const char **)r->o->out = text;
			return true;
		}
	return fail(r->c, "%s: '%s' is not one of %s", r->where, text, r->o->choices);
}

static bool read_text(const struct reading *r, const char *text)
{
	if ((double)strlen(text) < r->o->min)
		return fail(r->c, "%s: the value is empty; give %s", r->where, arg_of(r->o));
	*(const char **)r->o->out = text;
	return true;
}

static bool read_one_more(const struct reading *r, const char *text)
{
	struct opt_texts *texts = r->o->out;

	if (texts->n == OPT_LIST_MAX || texts->n >= r->o->max)
		return fail(r->c, "%s: '%s' is one value too many (at most %.15g)", r->where, text,
		            r->o->max);
	texts->v[texts->n++] = text;
	return true;
}

static bool read_value(const struct reading *r, const char *text)
{
	switch (r->o->kind) {
	case OPT_FLAG:
		*(bool *)r->o->out = true;
		return true;
	case OPT_COUNT:
		return read_count(r, str_of(text), r->o->out);
	case OPT_REAL:
		return read_real(r, text);
	case OPT_TEXT:
		return read_text(r, text);
	case OPT_TEXTS:
		return read_one_more(r, text);
	case OPT_CHOICE:
		return read_choice(r, text);
	case OPT_LIST:
		return read_list(r, text);
	}
	return false;
}

/* --- the command line ------------------------------------------------------- */

struct parse {
	const struct opt_command *c;
	int argc;
	char **argv;
	uint64_t seen; /* bit i is set if the command line has option i of the table */
	unsigned words;
};

static const struct opt *find(const struct opt_command *c, struct str name)
{
	for (size_t i = 0; i < c->n_opts; i++)
		if (c->opts[i].name && str_is(name, c->opts[i].name))
			return &c->opts[i];
	return NULL;
}

/* Parses the option at argv[*i]. If the next argument is its value, moves *i to that argument. */
static bool take_option(struct parse *p, int *i)
{
	const char *text = p->argv[*i] + 2, *value = NULL;
	struct str name = str_make(text, strcspn(text, "="));
	const struct opt *o = find(p->c, name);
	char where[64];

	if (!o && (str_is(name, "help") || (p->c->version && str_is(name, "version"))))
		return fail(p->c, "--%.*s takes no value", STR_ARG(name));
	if (!o)
		return fail(p->c, "unknown option --%.*s", STR_ARG(name));
	if (text[name.n] == '=')
		value = text + name.n + 1;
	if (o->kind == OPT_FLAG && value)
		return fail(p->c, "--%s takes no value", o->name);
	if (o->kind != OPT_FLAG && !value && ++*i == p->argc)
		return fail(p->c, "--%s needs a value: %s", o->name, arg_of(o));
	p->seen |= 1ull << (o - p->c->opts);
	if (o->given)
		*o->given = true;
	snprintf(where, sizeof(where), "--%s", o->name);
	return read_value(&(struct reading){p->c, o, where}, value ? value : p->argv[*i]);
}

static bool take_word(struct parse *p, char *word)
{
	if (p->words == p->c->words_max)
		return fail(p->c, "unexpected argument '%s'", word);
	p->argv[1 + p->words++] = word;
	return true;
}

static bool take_all(struct parse *p)
{
	bool ok = true, only_words = false;

	for (int i = 1; i < p->argc && ok; i++) {
		char *text = p->argv[i];
		bool has_dash = text[0] == '-' && text[1] && !only_words;

		if (has_dash && !strcmp(text, "--"))
			only_words = true;
		else if (has_dash && text[1] == '-')
			ok = take_option(p, &i);
		else if (has_dash && !p->c->dash_words)
			ok = fail(p->c, "unknown option %s", text);
		else
			ok = take_word(p, text);
	}
	return ok;
}

static bool take_environment(const struct opt_command *c)
{
	for (size_t i = 0; i < c->n_opts; i++) {
		const char *text = c->opts[i].env ? getenv(c->opts[i].env) : NULL;

		if (text && *text &&
		    !read_value(&(struct reading){c, &c->opts[i], c->opts[i].env}, text))
			return false;
	}
	return true;
}

static bool has_required(const struct parse *p)
{
	for (size_t i = 0; i < p->c->n_opts; i++) {
		const struct opt *o = &p->c->opts[i];

		if (o->required && !(p->seen >> i & 1))
			return fail(p->c, "--%s %s is missing: %s", o->name, arg_of(o), o->help);
	}
	return p->words >= p->c->words_min || fail(p->c, "%s is missing", p->c->usage);
}

/* Returns true if the command line has --help or --version; prints the text. */
static bool answer_questions(const struct opt_command *c, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			print_help(c);
			return true;
		}
		if (c->version && !strcmp(argv[i], "--version")) {
			printf("%s %s\n", c->name, c->version);
			return true;
		}
	}
	return false;
}

enum opt_outcome opt_parse(const struct opt_command *c, int argc, char **argv, unsigned *n_words,
                           int *status)
{
	struct parse p = {.c = c, .argc = argc, .argv = argv};

	CHECK(c->n_opts <= OPT_ROWS_MAX);
	*status = 0;
	if (answer_questions(c, argc, argv))
		return OPT_STOP;
	*status = EXIT_MISUSED;
	if (!take_environment(c) || !take_all(&p) || !has_required(&p))
		return OPT_STOP;
	if (n_words)
		*n_words = p.words;
	return OPT_GO;
}
