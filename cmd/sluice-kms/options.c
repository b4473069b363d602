/* SPDX-License-Identifier: MIT */
/* The table of command-line options of sluice-kms. */
#include "cmd/sluice-kms/options.h"

enum {
	SEEN_MAX = 1000000000,
	TIMEOUT_MAX_MS = 600000,
	WAITING_MAX = 1000000,
	CLIENTS_MAX = 65536,
	REQUEST_TIMEOUT_MAX_S = 3600
};

static const char about[] =
	"The Key Management Service: grants and resolves MIKEY-TICKET tickets (RFC 6043) over "
	"HTTP or HTTPS.\n"
	"--listen, --credentials and --state are required to run; --check needs only "
	"--credentials, --backup needs only --state.";

static const char closing[] =
	"Signals: SIGHUP reads credentials and certificates again, SIGUSR1 makes a new ticket key, "
	"SIGTERM ends the service.\n"
	"Exit status: 0 success, 1 an error that is printed or logged, 2 wrong command line.\n";

/* Checks the required options, which depend on --backup and --check. */
static enum opt_outcome check(const struct kms_options *o, const struct opt_command *c, int *status)
{
	const char *missing = NULL;

	if (o->backup)
		missing = o->state ? NULL : "--backup needs --state DIR: the state to copy";
	else if (!o->credentials)
		missing = "--credentials FILE is missing";
	else if (!o->check && !o->listen)
		missing = "--listen HOST:PORT is missing";
	else if (!o->check && !o->state)
		missing = "--state DIR is missing";
	else if (o->admin && !(o->tls_cert && o->tls_key && o->admin_ca))
		missing = "--admin needs --tls-cert, --tls-key and --admin-ca";
	else if (o->admin_ca && !o->admin)
		missing = "--admin-ca needs --admin HOST:PORT";
	if (!missing)
		return OPT_GO;
	*status = opt_misused(c, "%s", missing);
	return OPT_STOP;
}

enum opt_outcome options_read(struct kms_options *o, int argc, char **argv, int *status)
{
	const struct opt rows[] = {
		{"listen", OPT_TEXT, &o->listen, .min = 1, .arg = "HOST:PORT",
	         .help = "address for terminals and other KMSs; with port 0 the system chooses a "
	                 "port and the log names it"},
		{"credentials", OPT_TEXT, &o->credentials, .min = 1, .arg = "FILE",
	         .help = "users, keys and rules as JSON (docs/kms.md); read again on SIGHUP"},
		{"state", OPT_TEXT, &o->state, .min = 1, .arg = "DIR",
	         .help = "directory for ticket keys, keys from a BSF and messages seen; its "
	                 "contents survive a crash"},
		{"master-key", OPT_TEXT, &o->master_key, .min = 1, .arg = "FILE",
	         .help = "32 octets that encrypt the keys in the state (default: DIR/master.key)"},
		{"seen-max", OPT_COUNT, &o->seen_max, .min = 1, .max = SEEN_MAX,
	         .help = "number of messages remembered against replay, 75 octets on disk each; "
	                 "when full, requests are answered 503"},
		{"tls-cert", OPT_TEXT, &o->tls_cert, .min = 1, .arg = "FILE",
	         .help = "certificate chain: serves HTTPS instead of HTTP; also presented to other "
	                 "KMSs"},
		{"tls-key", OPT_TEXT, &o->tls_key, .min = 1, .arg = "FILE",
	         .help = "private key of --tls-cert"},
		{"tls-ca", OPT_TEXT, &o->tls_ca, .min = 1, .arg = "FILE",
	         .help = "CA certificates that verify the KMSs that send requests here"},
		{"client-ca", OPT_TEXT, &o->client_ca, .min = 1, .arg = "FILE",
	         .help = "CA certificates that verify the KMSs and BSFs to which this KMS sends "
	                 "requests (default: those of --tls-ca, else the system's)"},
		{"admin", OPT_TEXT, &o->admin, .min = 1, .arg = "HOST:PORT",
	         .help = "HTTPS listener to add, change and remove users; clients need a "
	                 "certificate and a role (admin.roles of the credentials)"},
		{"admin-ca", OPT_TEXT, &o->admin_ca, .min = 1, .arg = "FILE",
	         .help = "CA certificates that verify the clients of --admin"},
		{"metrics", OPT_TEXT, &o->metrics, .min = 1, .arg = "HOST:PORT",
	         .help = "a second listener: /metrics (Prometheus) and /healthz"},
		{"audit", OPT_TEXT, &o->audit, .min = 1, .arg = "FILE",
	         .help = "file for one line per request (default: standard error); opened again on "
	                 "SIGHUP"},
		{"timeout-ms", OPT_COUNT, &o->timeout_ms, .min = 1, .max = TIMEOUT_MAX_MS,
	         .help = "maximum time that a request waits for answers of a BSF and another KMS"},
		{"waiting-max", OPT_COUNT, &o->waiting_max, .min = 1, .max = WAITING_MAX,
	         .help = "maximum number of requests that wait for such answers at one time"},
		{"clients-max", OPT_COUNT, &o->clients_max, .min = 1, .max = CLIENTS_MAX,
	         .help = "maximum number of connections to --listen"},
		{"clients-per-peer", OPT_COUNT, &o->clients_per_peer, .max = CLIENTS_MAX,
	         .help = "maximum number of connections of one IPv4 address or IPv6 /64 network; "
	                 "0: three quarters of --clients-max"},
		{"request-timeout", OPT_COUNT, &o->request_timeout_s, .min = 1,
	         .max = REQUEST_TIMEOUT_MAX_S,
	         .help = "seconds from the start of a request (with TLS: of the connection) to its "
	                 "end; a slower connection is closed"},
		{"log-level", OPT_CHOICE, &o->log_level, .choices = "error|warn|info|debug",
	         .help = "least severe level that is logged"},
		{"log-format", OPT_CHOICE, &o->log_format, .choices = "logfmt|json",
	         .help = "format of log and audit lines"},
		{"log-priority", OPT_CHOICE, &o->log_priority, .choices = "auto|yes|no",
	         .help = "begin each log line with <N>, its syslog severity, and leave out the "
	                 "time; auto: if standard error goes to the systemd journal"},
		{"check", OPT_FLAG, &o->check,
	         .help = "read credentials and certificates, report errors, change nothing"},
		{"backup", OPT_TEXT, &o->backup, .min = 1, .arg = "DIR",
	         .help = "copy the state of --state to DIR, also while a KMS uses it, and exit"},
	};
	const struct opt_command command = {.name = "sluice-kms",
	                                    .usage = "",
	                                    .about = about,
	                                    .examples = closing,
	                                    .version = SLUICE_VERSION,
	                                    .opts = rows,
	                                    .n_opts = ARRAY_LEN(rows)};

	*o = (struct kms_options){
		.seen_max = 10000000,
		.timeout_ms = 2000,
		.waiting_max = 10000,
		.clients_max = 1024,
		.request_timeout_s = 10,
		.log_level = "info",
		.log_format = "logfmt",
		.log_priority = "auto",
	};
	if (opt_parse(&command, argc, argv, NULL, status) == OPT_STOP)
		return OPT_STOP;
	return check(o, &command, status);
}
