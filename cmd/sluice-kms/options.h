/* SPDX-License-Identifier: MIT */
/* The command line of sluice-kms. */
#ifndef CMD_SLUICE_KMS_OPTIONS_H
#define CMD_SLUICE_KMS_OPTIONS_H

#include "base/err.h"

struct options {
	const char *listen, *credentials, *state, *master_key, *seen_max;
	const char *tls_cert, *tls_key, *tls_ca, *client_ca;
	const char *metrics, *audit, *log_level, *backup;
	const char *timeout_ms, *waiting_max;
	const char *check, *help, *version; /* not NULL: given */
};

/* Fills `out` from argv. ERR_INVALID with the text to show. */
enum err options_read(struct options *out, int argc, char **argv, struct why *why) MUST_USE;
/* The text of --help. */
void options_help(void);

#endif
