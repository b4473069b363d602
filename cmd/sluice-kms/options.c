/* SPDX-License-Identifier: MIT */
/* The table of options of sluice-kms: what is read and what --help shows come of it. */
#include "cmd/sluice-kms/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct row {
	const char *name, *value, *help;
	size_t at;
} rows[] = {
	{"--listen", "HOST:PORT",
         "where terminals and other KMSs ask; port 0: the system chooses, the log tells",
         offsetof(struct options, listen)},
	{"--credentials", "FILE",
         "users, keys and rules as JSON (docs/kms.md); read again on SIGHUP",
         offsetof(struct options, credentials)},
	{"--state", "DIR", "ticket keys, keys of the BSF and messages seen; survives kill -9",
         offsetof(struct options, state)},
	{"--master-key", "FILE",
         "32 octets that wrap the keys in the state (default: DIR/master.key)",
         offsetof(struct options, master_key)},
	{"--seen-max", "N",
         "messages remembered against replay at one time, 75 octets on disk each; more are "
         "answered 503 (10000000)",
         offsetof(struct options, seen_max)},
	{"--tls-cert", "FILE", "certificate chain: HTTPS instead of HTTP; shown to peers, too",
         offsetof(struct options, tls_cert)},
	{"--tls-key", "FILE", "its private key", offsetof(struct options, tls_key)},
	{"--tls-ca", "FILE", "roots for the certificates of KMSs that ask us",
         offsetof(struct options, tls_ca)},
	{"--client-ca", "FILE",
         "roots for KMSs and BSFs we ask (default: those of --tls-ca, else the system's)",
         offsetof(struct options, client_ca)},
	{"--metrics", "HOST:PORT", "a second listener: /metrics (Prometheus) and /healthz",
         offsetof(struct options, metrics)},
	{"--audit", "FILE",
         "one line for each request (default: standard error); opened again on SIGHUP",
         offsetof(struct options, audit)},
	{"--timeout-ms", "N", "patience with the BSF and with other KMSs (2000)",
         offsetof(struct options, timeout_ms)},
	{"--waiting-max", "N", "requests that may wait for them at one time (10000)",
         offsetof(struct options, waiting_max)},
	{"--log-level", "LEVEL", "error, warn, info or debug (info)",
         offsetof(struct options, log_level)},
	{"--check", NULL,
         "read the credentials and the certificates that are given, say what is wrong, touch "
         "nothing",
         offsetof(struct options, check)},
	{"--backup", "DIR",
         "copy the state of --state to DIR, also while a KMS is at work, and end",
         offsetof(struct options, backup)},
	{"--help", NULL, "this text", offsetof(struct options, help)},
	{"--version", NULL, "the version", offsetof(struct options, version)},
};

static const struct row *find(const char *arg, const char **value)
{
	struct str rest, name = str_cut(str_of(arg), '=', &rest);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_is(name, rows[i].name))
			continue;
		*value = name.n < strlen(arg) ? rest.p : NULL;
		return &rows[i];
	}
	return NULL;
}

enum err options_read(struct options *out, int argc, char **argv, struct why *why)
{
	struct options o = {0};

	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct row *row = find(argv[i], &value);

		if (!row)
			return why_fail(why, ERR_INVALID, "no option is named %s (try --help)",
			                argv[i]);
		if (!row->value && value)
			return why_fail(why, ERR_INVALID, "%s takes no value", row->name);
		if (row->value && !value && ++i < argc)
			value = argv[i];
		if (row->value && (!value || !*value))
			return why_fail(why, ERR_INVALID, "%s needs %s", row->name, row->value);
		memcpy((char *)&o + row->at, row->value ? &value : &(const char *){"yes"},
		       sizeof(value));
	}
	*out = o;
	return ERR_OK;
}

void options_help(void)
{
	printf("usage: sluice-kms --listen HOST:PORT --credentials FILE --state DIR [option...]\n\n"
	       "The Key Management Service: grants and resolves MIKEY-TICKET tickets (RFC 6043) "
	       "over HTTP(S).\n\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s %s", rows[i].name,
		         rows[i].value ? rows[i].value : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
	printf("\nSIGHUP reads credentials and certificates again, SIGUSR1 makes a new ticket key, "
	       "SIGTERM ends.\n"
	       "Exit status: 0 ended, 1 refused, 2 misused.\n");
}
