/* SPDX-License-Identifier: MIT */
/* sluice-ue: the terminal's tool, a table of subcommands. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/sluice-ue/call.h"
#include "cmd/sluice-ue/input.h"
#include "keyctx/mikey/tree.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_MISUSED = 2 };

struct command {
	const char *name, *arguments, *help;
	int (*run)(int argc, char **argv);
};

static int complain(const struct why *why)
{
	fprintf(stderr, "sluice-ue: %s\n", why->text);
	return EXIT_REFUSED;
}

static int show(struct view octets, bool json)
{
	struct mikey_tree tree;
	struct buf out = {0};
	struct why why;
	bool faulty;

	if (mikey_tree_make(&tree, octets)) {
		why_fail(&why, ERR_NOMEM, "out of memory");
		return complain(&why);
	}
	if (json)
		mikey_tree_json(&tree, &out);
	else
		mikey_tree_text(&tree, &out);
	if (json)
		buf_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
	faulty = tree.has_fault || out.bad;
	buf_free(&out);
	mikey_tree_free(&tree);
	return faulty ? EXIT_REFUSED : EXIT_DONE;
}

/* decode [--json] [FILE] */
static int decode(int argc, char **argv)
{
	bool json = argc > 0 && strcmp(argv[0], "--json") == 0;
	const char *path = argc > json ? argv[json] : "-";
	struct buf in = {0}, octets = {0};
	struct why why;
	int status;

	if (argc > json + 1 || (path[0] == '-' && path[1]))
		return EXIT_MISUSED;
	if (input_read(&in, path, &why) || input_octets(&octets, buf_as_view(&in), &why))
		status = complain(&why);
	else
		status = show(buf_as_view(&octets), json);
	buf_free(&in);
	buf_free(&octets);
	return status;
}

/* What the commands of a call are told. */
struct call_options {
	const char *credentials, *state;
	struct call_wish wish;
	bool show_keys;
	char **files;
	int n_files;
};

static bool read_number(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (str_to_u64(str_of(text), max, &v) || v == 0)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* False: misused. getopt passes over argv[0], which is the command's name. */
static bool read_options(struct call_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"credentials", required_argument, NULL, 'c'}, {"to", required_argument, NULL, 't'},    {"mode", required_argument, NULL, 'm'},
		{"lifetime", required_argument, NULL, 'l'},    {"suite", required_argument, NULL, 'u'}, {"state", required_argument, NULL, 's'},
		{"show-keys", no_argument, NULL, 'k'},         {NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct call_options){.wish = {.mode = 3, .lifetime_s = CALL_LIFETIME_S, .suite = suite_get(SUITE_AES_CM_128_HMAC_SHA1_80)}};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool ok = true;

		switch (c) {
		case 'c': o->credentials = optarg; break;
		case 't': o->wish.peer = optarg; break;
		case 'm': ok = read_number(optarg, 3, &o->wish.mode) && o->wish.mode != 2; break;
		case 'l': ok = read_number(optarg, CALL_LIFETIME_MAX_S, &o->wish.lifetime_s); break;
		case 'u': ok = (o->wish.suite = suite_find(str_of(optarg))) != NULL; break;
		case 's': o->state = optarg; break;
		case 'k': o->show_keys = true; break;
		default: return false;
		}
		if (!ok)
			fprintf(stderr, "sluice-ue: '%s' is not a value of that option\n", optarg);
		if (!ok)
			return false;
	}
	o->files = argv + optind;
	o->n_files = argc - optind;
	return true;
}

static int end_call(enum err e, const struct call_options *o, struct ticket_csb *csb, const struct why *why)
{
	if (e)
		return complain(why);
	call_show(csb, o->show_keys);
	ticket_csb_free(csb);
	return EXIT_DONE;
}

/* offer --credentials FILE --to URI --state FILE [--mode 1|3] [--lifetime S] [--suite NAME] LOCAL OUT */
static int offer(int argc, char **argv)
{
	struct call_options o;
	struct account a;
	struct why why = {{0}};
	enum err e;

	if (!read_options(&o, argc + 1, argv - 1) || o.n_files != 2 || !o.credentials || !o.wish.peer || !o.state || o.show_keys)
		return EXIT_MISUSED;
	if (account_load(&a, o.credentials, &why))
		return complain(&why);
	e = call_offer(&a, &o.wish, o.files[0], o.files[1], o.state, &why);
	account_clear(&a);
	return e ? complain(&why) : EXIT_DONE;
}

/* answer --credentials FILE [--show-keys] OFFER LOCAL OUT */
static int answer(int argc, char **argv)
{
	struct call_options o;
	struct account a;
	struct ticket_csb *csb = NULL;
	struct why why = {{0}};
	enum err e;

	if (!read_options(&o, argc + 1, argv - 1) || o.n_files != 3 || !o.credentials || o.wish.peer || o.state)
		return EXIT_MISUSED;
	if (account_load(&a, o.credentials, &why))
		return complain(&why);
	e = call_answer(&a, o.files[0], o.files[1], o.files[2], &csb, &why);
	account_clear(&a);
	return end_call(e, &o, csb, &why);
}

/* finish --state FILE [--show-keys] ANSWER */
static int finish(int argc, char **argv)
{
	struct call_options o;
	struct ticket_csb *csb = NULL;
	struct why why = {{0}};
	enum err e;

	if (!read_options(&o, argc + 1, argv - 1) || o.n_files != 1 || !o.state || o.credentials || o.wish.peer)
		return EXIT_MISUSED;
	e = call_finish(o.state, o.files[0], &csb, &why);
	return end_call(e, &o, csb, &why);
}

static const struct command commands[] = {
	{"decode", "[--json] [FILE|-]", "print a MIKEY message (octets, base64, hexadecimal or an a=key-mgmt line) as a tree and name its first fault",
         decode},
	{"offer", "--credentials FILE --to URI --state FILE [--mode 1|3] [--lifetime SECONDS] [--suite NAME] LOCAL.sdp OFFER.sdp",
	 "make a ticket offer: the ticket is asked for at the KMS (mode 1) or made here (mode 3); --state keeps what finish needs", offer},
	{"answer", "--credentials FILE [--show-keys] OFFER.sdp LOCAL.sdp ANSWER.sdp",
	 "resolve an offer's ticket at the KMS and answer it; prints the crypto sessions", answer},
	{"finish", "--state FILE [--show-keys] ANSWER.sdp", "take the answer to an offer; prints the crypto sessions", finish},
};

static int usage(FILE *to, int status)
{
	fputs("usage: sluice-ue COMMAND [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	fputs("\nexit status: 0 done, 1 refused or faulty, 2 misused\n", to);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, EXIT_DONE);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("sluice-ue " SLUICE_VERSION) < 0;
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0) {
			int status = commands[i].run(argc - 2, argv + 2);

			return status == EXIT_MISUSED ? usage(stderr, status) : status;
		}
	return usage(stderr, EXIT_MISUSED);
}
