/* SPDX-License-Identifier: MIT */
/* The command lines of sluice-ue: one table of options; each command takes some of them. */
#ifndef CMD_SLUICE_UE_OPTIONS_H
#define CMD_SLUICE_UE_OPTIONS_H

#include <stdio.h>

#include "base/opt.h"
#include "keyctx/kms/directory.h"
#include "keyctx/ue/answer.h"
#include "keyctx/ue/ue_offer.h"

enum { OPTIONS_PEERS_MAX = 8 };

struct ue_options {
	const char *credentials, *state, *call, *ticket, *from, *caller;
	struct opt_texts to;
	unsigned mode;        /* 0: not given */
	unsigned ticket_type; /* 0: not given */
	unsigned lifetime_s;
	const struct suite *suite;
	enum ue_level level;
	bool user_has_said; /* true: --protect was given */
	enum ue_protection protection;
	bool no_response, reuse, show_keys, same, initiator_rekeys, responder_rekeys;
	const char *name, *kms_id, *kms_url, *kms_ca, *naf;
	const char *answerer, *gateway, *sip, *proxy, *local;
	bool wait, hold, renew, json;
	unsigned seconds;
	char **files;
	unsigned n_files;
	/* Option values as given; options_read converts them to the members above. */
	const char *suite_name, *level_name, *rekey_name, *protection_name;
};

struct ue_command {
	const char *name, *takes, *needs; /* takes, needs: names of options, separated by blanks */
	unsigned files_min, files_max;
	const char *files, *help;
	enum err (*run)(const struct ue_options *o, struct why *why);
	/* Returns what is wrong with the options together; NULL: nothing. May be NULL itself. */
	const char *(*misuse)(const struct ue_options *o);
};

/* Reads the command line; argv[0] is the command. OPT_STOP: the help or an error is printed, and
 * *status is the exit status. */
enum opt_outcome options_read(struct ue_options *o, const struct ue_command *command, int argc,
                              char **argv, int *status);

/* For ue_command.misuse. */
const char *misuse_of_request(const struct ue_options *o);
const char *misuse_of_offer(const struct ue_options *o);
const char *misuse_of_finish(const struct ue_options *o);
const char *misuse_of_update(const struct ue_options *o);
const char *misuse_of_call(const struct ue_options *o);

#endif
