/* SPDX-License-Identifier: MIT */
/* sluice-ue: the terminal's tool, a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "cmd/sluice-ue/bootstrap.h"
#include "cmd/sluice-ue/call.h"
#include "cmd/sluice-ue/decode.h"
#include "cmd/sluice-ue/options.h"
#include "cmd/sluice-ue/steps.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_MISUSED = 2 };

struct command {
	const char *name, *takes, *needs; /* letters of options.c */
	int files_min, files_max;
	const char *files, *help;
	enum err (*run)(const struct options *o, struct why *why);
};

static const struct command commands[] = {
	{"bootstrap", "fcniUaN", "fc", 0, 0, "",
         "import a GBA bootstrapping: Ks_(ext)_NAF for the KMS becomes the credentials' key",
         bootstrap},
	{"request", "ctTmlrR", "ctT", 0, 0, "",
         "ask the KMS for a ticket (modes 1 and 2) and keep it for offers", step_request},
	{"offer", "ctspmTlrRuL", "cts", 2, 2, "LOCAL.sdp OFFER.sdp",
         "offer a call: choose its protection, put the keys' part into the description",
         step_offer},
	{"answer", "cpFCk", "c", 3, 3, "OFFER.sdp LOCAL.sdp ANSWER.sdp",
         "answer an offer: for a ticket, its keys are asked for at the KMS", step_answer},
	{"finish", "sCk", "", 1, 1, "ANSWER.sdp",
         "take the answer to an offer (--state), or to an update (--call)", step_finish},
	{"update", "C=k", "C", 2, 3, "LOCAL.sdp OFFER.sdp | OFFER.sdp LOCAL.sdp ANSWER.sdp",
         "renew a call's keys, or with --same repeat them (hold, resume); with three files, answer "
         "the peer's update",
         step_update},
	{"call", "ctbgSPwpmlrRuLohed", "c", 0, 0, "",
         "a whole call with SRTP: both terminals here and a gateway, or one terminal over SIP",
         call_run},
};

static int usage_of(FILE *to, const struct command *c, int status)
{
	fprintf(to, "usage: sluice-ue %s [OPTIONS] %s\n  %s\n", c->name, c->files, c->help);
	options_help(to, c->takes, c->needs);
	return status;
}

static int usage(FILE *to, int status)
{
	fputs("usage: sluice-ue COMMAND [OPTIONS] [FILES]; sluice-ue COMMAND --help says more\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("  decode     print a MIKEY message (octets, base64, hexadecimal or an a=key-mgmt "
	      "line) as a tree and name its first fault\n"
	      "\nexit status: 0 done, 1 refused or faulty, 2 misused\n",
	      to);
	return status;
}

static int complain(const struct why *why)
{
	fprintf(stderr, "sluice-ue: %s\n", why->text);
	return EXIT_REFUSED;
}

/* decode [--json] [FILE] */
static int decode(int argc, char **argv)
{
	bool json = argc > 0 && strcmp(argv[0], "--json") == 0, faulty = false;
	const char *path = argc > json ? argv[json] : "-";
	struct why why = {{0}};

	if (argc == 1 && strcmp(argv[0], "--help") == 0)
		return puts("usage: sluice-ue decode [--json] [FILE|-]") < 0;
	if (argc > json + 1 || (path[0] == '-' && path[1])) {
		fputs("usage: sluice-ue decode [--json] [FILE|-]\n", stderr);
		return EXIT_MISUSED;
	}
	if (decode_show(path, json, &faulty, &why))
		return complain(&why);
	return faulty ? EXIT_REFUSED : EXIT_DONE;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o;
	struct why why = {{0}};

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage_of(stdout, c, EXIT_DONE);
	if (!options_read(&o, c->name, c->takes, c->needs, argc, argv))
		return usage_of(stderr, c, EXIT_MISUSED);
	if (o.n_files < c->files_min || o.n_files > c->files_max) {
		fprintf(stderr, "sluice-ue %s: %d files are given; wanted: %s\n", c->name,
		        o.n_files, *c->files ? c->files : "none");
		return usage_of(stderr, c, EXIT_MISUSED);
	}
	return c->run(&o, &why) ? complain(&why) : EXIT_DONE;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, EXIT_DONE);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("sluice-ue " SLUICE_VERSION) < 0;
	if (argc > 1 && strcmp(argv[1], "decode") == 0)
		return decode(argc - 2, argv + 2);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	return usage(stderr, EXIT_MISUSED);
}
