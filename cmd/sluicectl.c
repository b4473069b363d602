/* SPDX-License-Identifier: MIT */
/* sluicectl: queries and controls a running gateway over the JSON control protocol. Exit status: 0
 * done, 1 refused or no answer, 2 wrong command line. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/secret.h"
#include "cmd/sluicectl/text.h"
#include "cmd/sluicectl/top.h"
#include "control/client.h"
#include "control/conf.h"
#include "control/doc/json.h"

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_MISUSED = 2,
	INPUT_MAX_BYTES = 1 << 20,
	WORDS_MAX = 65
};

struct ctl {
	const char *where;
	unsigned timeout_ms;
	bool json;
	const char *prefix, *mode, *interface;
	unsigned after, limit, count;
	bool has_after, has_limit;
	struct client *client;
	struct doc_arena *arena;
	int argc; /* number of arguments of the command */
	char **argv;
};

struct command {
	const char *name, *args, *help;
	int args_min, args_max;
	int (*run)(struct ctl *ctl);
};

static int misused(const char *fmt, const char *arg)
{
	fputs("sluicectl: ", stderr);
	fprintf(stderr, fmt, arg);
	fputs("; see sluicectl --help\n", stderr);
	return EXIT_MISUSED;
}

static void print_doc(const struct ctl *ctl, const struct doc *d,
                      void (*text)(struct buf *, const struct doc *))
{
	struct buf out = {0};

	if (ctl->json) {
		doc_json_encode(&out, d);
		buf_char(&out, '\n');
	} else {
		text(&out, d);
	}
	fputs(out.p ? out.p : "", stdout);
	fflush(stdout);
	buf_free(&out);
}

/* Prints the error. With --json the error object also goes to standard output, like an answer. */
static int refused(const struct ctl *ctl, enum err e, const struct doc *error,
                   const struct why *why)
{
	if (e == ERR_DENIED && ctl->json && error)
		print_doc(ctl, error, text_print);
	fprintf(stderr, "sluicectl: %s\n", why->text);
	return EXIT_REFUSED;
}

static int call(struct ctl *ctl, const char *method, const struct doc *params,
                void (*text)(struct buf *, const struct doc *))
{
	const struct doc *result = NULL;
	struct why why = {""};
	enum err e = client_request(ctl->client, method, params, &result, &why);

	if (e)
		return refused(ctl, e, result, &why);
	print_doc(ctl, result, text);
	return EXIT_DONE;
}

/* --- commands --------------------------------------------------------------- */

static void text_pong(struct buf *out, const struct doc *d)
{
	buf_printf(out, "pong: %llu of %llu sessions\n",
	           (unsigned long long)text_number(d, "sessions"),
	           (unsigned long long)text_number(d, "sessions_max"));
}

static int run_ping(struct ctl *ctl)
{
	return call(ctl, "ping", NULL, text_pong);
}

static void text_draining(struct buf *out, const struct doc *d)
{
	const struct doc *on = doc_get(d, "draining");

	buf_printf(out, "%s: %llu sessions\n",
	           on && on->kind == DOC_BOOL && on->truth ? "draining" : "accepting new sessions",
	           (unsigned long long)text_number(d, "sessions"));
}

static int run_drain(struct ctl *ctl)
{
	return call(ctl, "session.drain", NULL, text_draining);
}

static int run_undrain(struct ctl *ctl)
{
	return call(ctl, "session.undrain", NULL, text_draining);
}

static int run_version(struct ctl *ctl)
{
	return call(ctl, "version", NULL, text_print);
}

static int run_stats(struct ctl *ctl)
{
	return call(ctl, "stats", NULL, text_print);
}

/* Reads the argument, or standard input if the argument is "-". The caller must wipe the text,
 * because it may hold keys. */
static enum err read_input(const char *arg, char **out, size_t *len)
{
	char *text = mem_alloc(INPUT_MAX_BYTES);

	if (!text)
		return ERR_NOMEM;
	if (strcmp(arg, "-") == 0)
		*len = fread(text, 1, INPUT_MAX_BYTES - 1, stdin);
	else
		*len = (size_t)snprintf(text, INPUT_MAX_BYTES, "%s", arg);
	if (*len >= INPUT_MAX_BYTES - 1) {
		secret_wipe(text, INPUT_MAX_BYTES);
		mem_free(text);
		return ERR_TOO_BIG;
	}
	*out = text;
	return ERR_OK;
}

static int run_with_input(struct ctl *ctl, const char *method)
{
	struct doc *params = NULL;
	struct why why = {"the input is longer than 1 MB"};
	char *text = NULL;
	size_t len = 0;
	enum err e = read_input(ctl->argv[0], &text, &len);
	int rc;

	if (!e)
		e = doc_json_decode(&params, ctl->arena, str_make(text, len), &why);
	rc = e ? misused("%s", why.text) : call(ctl, method, params, text_print);
	secret_wipe(text, len);
	mem_free(text);
	return rc;
}

static int run_create(struct ctl *ctl)
{
	return run_with_input(ctl, "session.create");
}

static int run_update(struct ctl *ctl)
{
	return run_with_input(ctl, "session.update");
}

static int run_by_id(struct ctl *ctl, const char *method)
{
	int rc = EXIT_DONE;

	for (int i = 0; i < ctl->argc && rc == EXIT_DONE; i++) {
		struct doc *params = doc_dict(ctl->arena);

		doc_set_text(ctl->arena, params, "id", str_of(ctl->argv[i]));
		rc = call(ctl, method, params, text_print);
	}
	return rc;
}

static int run_get(struct ctl *ctl)
{
	return run_by_id(ctl, "session.get");
}

static int run_delete(struct ctl *ctl)
{
	return run_by_id(ctl, "session.delete");
}

static void set_option(struct ctl *ctl, struct doc *params, const char *name, const char *value)
{
	if (value)
		doc_set_text(ctl->arena, params, name, str_of(value));
}

static int run_list(struct ctl *ctl)
{
	struct doc *params = doc_dict(ctl->arena);

	set_option(ctl, params, "prefix", ctl->prefix);
	set_option(ctl, params, "mode", ctl->mode);
	set_option(ctl, params, "interface", ctl->interface);
	if (ctl->has_after)
		doc_set_uint(ctl->arena, params, "after", ctl->after);
	if (ctl->has_limit)
		doc_set_uint(ctl->arena, params, "limit", ctl->limit);
	return call(ctl, "session.list", params, text_sessions);
}

static int run_events(struct ctl *ctl)
{
	struct doc *params = doc_dict(ctl->arena), *kinds = doc_list(ctl->arena);
	const struct doc *d = NULL;
	struct why why = {""};
	enum err e;

	for (int i = 0; i < ctl->argc; i++)
		doc_append(kinds, doc_text(ctl->arena, str_of(ctl->argv[i])));
	if (ctl->argc)
		doc_set(params, "events", kinds);
	set_option(ctl, params, "prefix", ctl->prefix);
	if (ctl->has_after)
		doc_set_uint(ctl->arena, params, "after", ctl->after);
	e = client_request(ctl->client, "events.subscribe", params, &d, &why);
	if (e)
		return refused(ctl, e, d, &why);
	for (uint64_t n = 0; ctl->count == 0 || n < ctl->count; n++) {
		e = client_next_event(ctl->client, &d, &why);
		if (e)
			return refused(ctl, e, NULL, &why);
		print_doc(ctl, d, text_event);
	}
	return EXIT_DONE;
}

static int run_top(struct ctl *ctl)
{
	struct why why = {""};
	enum err e = top_run(ctl->client, ctl->count, &why);

	return e ? refused(ctl, e, NULL, &why) : EXIT_DONE;
}

static const struct command commands[] = {
	{"ping", "", "check that the gateway answers; print its number of sessions", 0, 0,
         run_ping},
	{"version", "", "print version and capabilities", 0, 0, run_version},
	{"create", "JSON|-",
         "create a session from the params of session.create; - reads standard input", 1, 1,
         run_create},
	{"update", "JSON|-", "change a session by the params of session.update", 1, 1, run_update},
	{"get", "ID...", "print a session and its statistics", 1, 64, run_get},
	{"list", "",
         "list sessions; filter with --prefix, --mode, --interface, page with --limit, --after", 0,
         0, run_list},
	{"delete", "ID...", "end sessions and print their final statistics", 1, 64, run_delete},
	{"drain", "", "refuse new sessions; existing sessions continue", 0, 0, run_drain},
	{"undrain", "", "accept new sessions again", 0, 0, run_undrain},
	{"stats", "", "print the counters of the process", 0, 0, run_stats},
	{"events", "[NAME...]",
         "print events as they happen; --after SEQ first repeats the events after SEQ", 0, 16,
         run_events},
	{"top", "", "print a table of rates every second", 0, 0, run_top},
};

/* --- the command line ------------------------------------------------------- */

static const char closing[] =
	"Exit status: 0 done, 1 refused or no answer, 2 wrong command line.\n";

static void print_commands(struct buf *out)
{
	buf_text(out, "Queries and controls a running sluiced.\n\ncommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		buf_printf(out, "  %-8s %-10s %s%s", commands[i].name, commands[i].args,
		           commands[i].help, i + 1 < ARRAY_LEN(commands) ? "\n" : "");
}

/* Reads options before and after the command. */
static enum opt_outcome read_options(struct ctl *ctl, int argc, char **argv, int *status)
{
	const struct opt rows[] = {
		{.help = "options"},
		{"control", OPT_TEXT, &ctl->where, .min = 1, .arg = "WHERE",
	         .help = "PATH of the control socket, or tcp:HOST:PORT", .env = "SLUICE_CONTROL"},
		{"json", OPT_FLAG, &ctl->json,
	         .help = "print each answer as the protocol's JSON, one line each"},
		{"timeout", OPT_COUNT, &ctl->timeout_ms, .max = UINT32_MAX, .arg = "MS",
	         .help = "maximum time to wait for an answer"},
		{"prefix", OPT_TEXT, &ctl->prefix, .arg = "TEXT",
	         .help = "list, events: only sessions whose id begins with TEXT"},
		{"mode", OPT_TEXT, &ctl->mode, .arg = "NAME",
	         .help = "list: only sessions with a media of this mode"},
		{"interface", OPT_TEXT, &ctl->interface, .arg = "NAME",
	         .help = "list: only sessions with a leg on this interface"},
		{"limit", OPT_COUNT, &ctl->limit, .max = UINT32_MAX, .given = &ctl->has_limit,
	         .help = "list: at most N sessions"},
		{"after", OPT_COUNT, &ctl->after, .max = UINT32_MAX, .given = &ctl->has_after,
	         .help = "list: the `next` of the previous page; events: first repeat the events "
	                 "after this sequence number"},
		{"count", OPT_COUNT, &ctl->count, .max = UINT32_MAX,
	         .help = "events, top: exit after N events or tables; 0: never"},
	};
	struct buf about = {0};
	const struct opt_command command = {
		.name = "sluicectl",
		.usage = "COMMAND [ARGUMENT]...",
		.about = (print_commands(&about), about.p ? about.p : ""),
		.examples = closing,
		.version = SLUICE_VERSION,
		.opts = rows,
		.n_opts = ARRAY_LEN(rows),
		.words_min = 1,
		.words_max = WORDS_MAX,
		.dash_words = true};
	unsigned words = 0;
	enum opt_outcome outcome = opt_parse(&command, argc, argv, &words, status);

	ctl->argc = (int)words - 1;
	ctl->argv = argv + 2;
	buf_free(&about);
	return outcome;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int misused_command(const struct command *c)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %s", c->name, *c->args ? c->args : "without arguments");
	return misused("wrong number of arguments; use: sluicectl %s", text);
}

static int run(struct ctl *ctl, const struct command *c)
{
	struct why why = {""};
	enum err e;
	int rc;

	if (doc_arena_new(&ctl->arena))
		return EXIT_REFUSED;
	e = client_open(&ctl->client, ctl->where, ctl->timeout_ms, &why);
	if (e == ERR_INVALID || e == ERR_TOO_BIG) {
		rc = misused("--control or SLUICE_CONTROL: %s", why.text);
	} else if (e) {
		fprintf(stderr, "sluicectl: %s\n", why.text);
		rc = EXIT_REFUSED;
	} else {
		rc = c->run(ctl);
	}
	client_close(ctl->client);
	doc_arena_free(ctl->arena);
	return rc;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.where = conf_standard_control(), .timeout_ms = 5000};
	const struct command *c;
	int status;

	if (read_options(&ctl, argc, argv, &status) == OPT_STOP)
		return status;
	c = find_command(argv[1]);
	if (!c)
		return misused("'%s' is not a command", argv[1]);
	if (ctl.argc < c->args_min || ctl.argc > c->args_max)
		return misused_command(c);
	return run(&ctl, c);
}
