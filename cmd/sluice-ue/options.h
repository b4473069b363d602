/* SPDX-License-Identifier: MIT */
/* Command lines of the terminal's tool: one table of options that all its commands choose from. */
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
	unsigned mode; /* 0: not given */
	unsigned lifetime_s;
	const struct suite *suite;
	enum ue_level level;
	bool user_has_said; /* --protect */
	enum ue_protection protection;
	bool reuse, show_keys, same, initiator_rekeys, responder_rekeys;
	const char *name, *kms_id, *kms_url, *kms_ca, *naf;
	const char *answerer, *gateway, *sip, *proxy, *local;
	bool wait, hold, renew, json;
	unsigned seconds;
	char **files;
	unsigned n_files;
	/* As given; options_read turns them into the fields above. */
	const char *suite_name, *level_name, *rekey_name, *protection_name;
};

struct ue_command {
	const char *name, *takes, *needs; /* names of options, separated by blanks */
	unsigned files_min, files_max;
	const char *files, *help;
	enum err (*run)(const struct ue_options *o, struct why *why);
};

/* argv[0] is the command. OPT_STOP: help or the error is printed; *status is the exit status. */
enum opt_outcome options_read(struct ue_options *o, const struct ue_command *command, int argc,
                              char **argv, int *status);

#endif
