/* SPDX-License-Identifier: MIT */
/* The command line of sluice-kms. */
#ifndef CMD_SLUICE_KMS_OPTIONS_H
#define CMD_SLUICE_KMS_OPTIONS_H

#include "base/opt.h"

struct kms_options {
	const char *listen, *credentials, *state, *master_key;
	const char *tls_cert, *tls_key, *tls_ca, *client_ca;
	const char *metrics, *audit, *log_level, *backup;
	unsigned seen_max, timeout_ms, waiting_max;
	bool check;
};

/* OPT_STOP: *status is the exit status, and help or the error is printed. */
enum opt_outcome options_read(struct kms_options *o, int argc, char **argv, int *status);

#endif
