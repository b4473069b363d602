/* SPDX-License-Identifier: MIT */
/* The command line of sluice-kms. */
#ifndef CMD_SLUICE_KMS_OPTIONS_H
#define CMD_SLUICE_KMS_OPTIONS_H

#include "base/opt.h"

struct kms_options {
	const char *listen, *credentials, *state, *master_key;
	const char *tls_cert, *tls_key, *tls_ca, *client_ca;
	const char *admin, *admin_ca;
	const char *metrics, *audit, *log_level, *log_format, *log_priority, *backup;
	unsigned seen_max, timeout_ms, waiting_max;
	unsigned clients_max, clients_per_peer, request_timeout_s;
	bool check;
};

/* Reads the command line. OPT_STOP: the help or an error is printed, and *status is the exit
 * status. */
enum opt_outcome options_read(struct kms_options *o, int argc, char **argv, int *status);

#endif
