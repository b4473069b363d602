/* SPDX-License-Identifier: MIT */
/* What the commands are told on their command lines: one table of options for all of them. */
#ifndef CMD_SLUICE_UE_OPTIONS_H
#define CMD_SLUICE_UE_OPTIONS_H

#include <stdio.h>

#include "keyctx/kms/directory.h"
#include "keyctx/ue/answer.h"
#include "keyctx/ue/ue_offer.h"

enum { OPTIONS_PEERS_MAX = 8 };

struct options {
	const char *credentials, *state, *call, *ticket, *from, *caller;
	const char *to[OPTIONS_PEERS_MAX];
	size_t n_to;
	unsigned mode; /* 0: not given */
	uint32_t lifetime_s;
	const struct suite *suite;
	enum ue_level level;
	bool user_has_said; /* --protect */
	enum ue_protection protection;
	bool reuse, show_keys, same, initiator_rekeys, responder_rekeys;
	const char *name, *kms_id, *kms_url, *kms_ca, *naf;
	const char *answerer, *gateway, *sip, *proxy, *local;
	bool wait, hold, renew;
	uint32_t seconds;
	char **files;
	int n_files;
};

/* A letter stands for an option in the tables of commands. Misused (false): standard error says
 * which word and what would do. */
bool options_read(struct options *o, const char *command, const char *takes, const char *needs,
                  int argc, char **argv);
/* "--credentials FILE …" of a command for its help. */
void options_help(FILE *to, const char *takes, const char *needs);

#endif
