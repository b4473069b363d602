/* SPDX-License-Identifier: MIT */
/* Options of a subcommand as one table. */
#include "bench/opt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool print_default(const struct opt *o, char *out, size_t room)
{
	const struct opt_list *list = o->out;
	size_t at = 0;

	switch (o->kind) {
	case OPT_FLAG:
		return false;
	case OPT_COUNT:
		return snprintf(out, room, "%u", *(unsigned *)o->out) > 0;
	case OPT_REAL:
		return snprintf(out, room, "%g", *(double *)o->out) > 0;
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

static void print_help(const struct opt_command *c)
{
	char name[64], given[160];

	printf("usage: sluice-bench %s [OPTIONS]%s%s\n\n%s\n\n", c->name, *c->usage ? " " : "",
	       c->usage, c->about);
	for (size_t i = 0; i < c->n_opts; i++) {
		const struct opt *o = &c->opts[i];

		if (!o->name) {
			printf("%s%s:\n", i ? "\n" : "", o->help);
			continue;
		}
		snprintf(name, sizeof(name), "--%s%s%s", o->name, o->kind == OPT_FLAG ? "" : " ",
		         o->kind == OPT_FLAG     ? ""
		         : o->arg                ? o->arg
		         : o->kind == OPT_CHOICE ? "WORD"
		                                 : "N");
		printf("  %-26s %s", name, o->help);
		if (o->choices)
			printf(" (%s)", o->choices);
		if (print_default(o, given, sizeof(given)))
			printf(" [%s]", given);
		putchar('\n');
	}
	printf("  %-26s this text\n", "-h, --help");
	if (c->examples)
		printf("\n%s", c->examples);
}

static bool fail(const struct opt_command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool fail(const struct opt_command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "sluice-bench %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see sluice-bench %s --help\n", c->name);
	return false;
}

static bool read_real(const struct opt_command *c, const struct opt *o, const char *text,
                      double *out)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v))
		return fail(c, "--%s: '%s' is not a number", o->name, text);
	if (v < o->min || v > o->max)
		return fail(c, "--%s: %s is not within %.15g to %.15g", o->name, text, o->min,
		            o->max);
	*out = v;
	return true;
}

static bool read_count(const struct opt_command *c, const struct opt *o, struct str text,
                       unsigned *out)
{
	uint64_t v;

	if (str_to_u64(text, UINT32_MAX, &v) != ERR_OK)
		return fail(c, "--%s: '%.*s' is not a whole number", o->name, STR_ARG(text));
	if ((double)v < o->min || (double)v > o->max)
		return fail(c, "--%s: %.*s is not within %.15g to %.15g", o->name, STR_ARG(text),
		            o->min, o->max);
	*out = (unsigned)v;
	return true;
}

static bool read_list(const struct opt_command *c, const struct opt *o, const char *text,
                      struct opt_list *out)
{
	struct str rest = str_of(text);
	struct opt_list list = {.n = 0};

	if (str_ends(rest, ","))
		return fail(c, "--%s: '%s' ends with a comma", o->name, text);
	do {
		struct str one = str_cut(rest, ',', &rest);

		if (list.n == OPT_LIST_MAX)
			return fail(c, "--%s: more than %d values", o->name, OPT_LIST_MAX);
		if (!read_count(c, o, one, &list.v[list.n++]))
			return false;
	} while (rest.n);
	*out = list;
	return true;
}

static bool read_choice(const struct opt_command *c, const struct opt *o, const char *text,
                        const char **out)
{
	struct str rest = str_of(o->choices);

	while (rest.n)
		if (str_is(str_cut(rest, '|', &rest), text)) {
			*out = text;
			return true;
		}
	return fail(c, "--%s: '%s' is not one of %s", o->name, text, o->choices);
}

static bool read_value(const struct opt_command *c, const struct opt *o, const char *text)
{
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->out = true;
		return true;
	case OPT_COUNT:
		return read_count(c, o, str_of(text), o->out);
	case OPT_REAL:
		return read_real(c, o, text, o->out);
	case OPT_TEXT:
		*(const char **)o->out = text;
		return true;
	case OPT_CHOICE:
		return read_choice(c, o, text, o->out);
	case OPT_LIST:
		return read_list(c, o, text, o->out);
	}
	return false;
}

static const struct opt *find(const struct opt_command *c, struct str name)
{
	for (size_t i = 0; i < c->n_opts; i++)
		if (c->opts[i].name && str_is(name, c->opts[i].name))
			return &c->opts[i];
	return NULL;
}

/* One option at argv[*i]; moves *i behind its value. */
static bool take(const struct opt_command *c, int argc, char **argv, int *i)
{
	const char *text = argv[*i] + 2;
	struct str name = str_make(text, strcspn(text, "="));
	const struct opt *o = find(c, name);

	if (!o)
		return fail(c, "--%.*s is not an option", STR_ARG(name));
	if (text[name.n] == '=') {
		if (o->kind == OPT_FLAG)
			return fail(c, "--%s takes no value", o->name);
		return read_value(c, o, text + name.n + 1);
	}
	if (o->kind == OPT_FLAG)
		return read_value(c, o, NULL);
	if (*i + 1 >= argc)
		return fail(c, "--%s needs a value", o->name);
	return read_value(c, o, argv[++*i]);
}

enum opt_outcome opt_parse(const struct opt_command *c, int argc, char **argv, unsigned *n_words,
                           int *status)
{
	unsigned words = 0;
	bool ok = true;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			print_help(c);
			*status = 0;
			return OPT_STOP;
		}
	for (int i = 1; i < argc && ok; i++) {
		if (argv[i][0] == '-' && argv[i][1] == '-' && argv[i][2])
			ok = take(c, argc, argv, &i);
		else if (argv[i][0] == '-' && argv[i][1])
			ok = fail(c, "%s is not an option", argv[i]);
		else if (words == c->words_max)
			ok = fail(c, "'%s' is one argument too many", argv[i]);
		else
			argv[1 + words++] = argv[i];
	}
	if (ok && words < c->words_min)
		ok = fail(c, "%s is missing", c->usage);
	if (n_words)
		*n_words = words;
	*status = 2;
	return ok ? OPT_GO : OPT_STOP;
}

static json_t *value_of(const struct opt *o)
{
	const struct opt_list *list = o->out;
	json_t *array;

	switch (o->kind) {
	case OPT_FLAG:
		return json_boolean(*(bool *)o->out);
	case OPT_COUNT:
		return json_integer(*(unsigned *)o->out);
	case OPT_REAL:
		return json_real(*(double *)o->out);
	case OPT_TEXT:
	case OPT_CHOICE:
		return *(const char **)o->out ? json_string(*(const char **)o->out) : json_null();
	case OPT_LIST:
		array = json_array();
		for (unsigned i = 0; i < list->n; i++)
			json_array_append_new(array, json_integer(list->v[i]));
		return array;
	}
	return NULL;
}

json_t *opt_settings(const struct opt *opts, size_t n)
{
	json_t *out = json_object();
	char key[64];

	for (size_t i = 0; i < n; i++) {
		if (!opts[i].name || opts[i].local)
			continue;
		snprintf(key, sizeof(key), "%s", opts[i].name);
		for (char *c = key; *c; c++)
			if (*c == '-')
				*c = '_';
		json_object_set_new(out, key, value_of(&opts[i]));
	}
	return out;
}
