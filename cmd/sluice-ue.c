/* SPDX-License-Identifier: MIT */
/* sluice-ue: the command-line tool of a terminal; a table of its subcommands. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/sluice-ue/bootstrap.h"
#include "cmd/sluice-ue/call.h"
#include "cmd/sluice-ue/decode.h"
#include "cmd/sluice-ue/options.h"
#include "cmd/sluice-ue/steps.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_MISUSED = 2 };

/* The printed tree names the first fault of the message, so `why` gets no text. */
static enum err decode(const struct ue_options *o, struct why *why)
{
	bool faulty = false;
	enum err e = decode_show(o->n_files ? o->files[0] : "-", o->json, &faulty, why);

	return e ? e : faulty ? ERR_SYNTAX : ERR_OK;
}

static const struct ue_command commands[] = {
	{"bootstrap", "from credentials name kms-id kms-url kms-ca naf", "from credentials", 0, 0,
         "", "import a GBA bootstrapping: Ks_(ext)_NAF for the KMS becomes the credentials' key",
         bootstrap, NULL},
	{"request", "credentials to ticket mode ticket-type no-response lifetime reuse rekey",
         "credentials to ticket", 0, 0, "",
         "ask the KMS for a ticket (modes 1 and 2) and keep it for offers", step_request,
         misuse_of_request},
	{"offer",
         "credentials to state protect mode ticket ticket-type no-response lifetime reuse rekey "
         "suite level",
         "credentials to state", 2, 2, "LOCAL.sdp OFFER.sdp",
         "offer a call: choose its protection and write the keys into the description", step_offer,
         misuse_of_offer},
	{"answer", "credentials protect caller call show-keys", "credentials", 3, 3,
         "OFFER.sdp LOCAL.sdp ANSWER.sdp",
         "answer an offer; the keys of a ticket are requested from the KMS", step_answer, NULL},
	{"finish", "state call show-keys", "", 1, 1, "ANSWER.sdp",
         "process the answer to an offer (--state) or to an update (--call)", step_finish,
         misuse_of_finish},
	{"update", "call same show-keys", "call", 2, 3,
         "LOCAL.sdp OFFER.sdp | OFFER.sdp LOCAL.sdp ANSWER.sdp",
         "renew a call's keys, or with --same repeat them (hold, resume); with three files, answer "
         "the peer's update",
         step_update, misuse_of_update},
	{"call",
         "credentials to answerer gateway sip proxy wait protect mode ticket-type lifetime reuse "
         "rekey suite "
         "level local hold renew seconds",
         "credentials", 0, 0, "",
         "run a whole call with SRTP: both terminals here and a gateway, or one terminal over SIP",
         call_run, misuse_of_call},
	{"decode", "json", "", 0, 1, "[FILE|-]",
         "print a MIKEY message (octets, base64, hexadecimal, an a=key-mgmt line, or an SDP file "
         "with "
         "such lines) as a tree and name its first fault",
         decode, NULL},
};

static int usage(FILE *to, int status)
{
	fputs("usage: sluice-ue COMMAND [OPTIONS] [FILES]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\n  sluice-ue COMMAND --help   print the options of one command\n"
	      "  sluice-ue --version        print the version\n"
	      "\nExit status: 0 success, 1 the command failed or the message is faulty, 2 wrong "
	      "command line.\n",
	      to);
	return status;
}

static int run(const struct ue_command *c, int argc, char **argv)
{
	struct ue_options o;
	struct why why = {{0}};
	int status;

	if (options_read(&o, c, argc, argv, &status) == OPT_STOP)
		return status;
	/* A closed pipe or a full disk is then an error of write(), after which no file is left. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!c->run(&o, &why)) {
		if (!fflush(stdout) && !ferror(stdout))
			return EXIT_DONE;
		why_fail(&why, ERR_IO, "cannot write to standard output: %s", strerror(errno));
	}
	if (why.text[0])
		fprintf(stderr, "sluice-ue %s: %s\n", c->name, why.text);
	return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (argc == 2 && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
		return usage(stdout, EXIT_DONE);
	if (argc == 2 && strcmp(word, "--version") == 0)
		return puts("sluice-ue " SLUICE_VERSION) < 0;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, word) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "sluice-ue: '%s' is not a command\n", word);
	return usage(stderr, EXIT_MISUSED);
}
