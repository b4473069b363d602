/* SPDX-License-Identifier: MIT */
/* sluice-bench kms: rate and latency of tickets granted and resolved by a Key Management Service,
 * and its memory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/b64.h"
#include "bench/bench.h"
#include "bench/settings.h"
#include "bench/kms/kmsload.h"
#include "base/opt.h"
#include "control/kms/kms_conf.h"
#include "keyctx/prim.h"

static const char about[] =
	"Sends ticket requests and resolves to a Key Management Service (RFC 6043 over HTTP or "
	"HTTPS), as terminals do, and verifies and\ndecrypts every answer. Measures requests a "
	"second, latency, CPU time, and memory at the start and after 10, 50 and 100 % of the "
	"requests.\nThe file that --provision makes is the credentials file of the KMS, and gives "
	"this "
	"tool the users' keys.";

enum { KEY_128 = 16, KEY_256 = 32 };

static json_t *make_user(unsigned i, size_t key_len)
{
	uint8_t key[KEY_256];
	char name[64], id[64], text[2 * KEY_256 + 1];
	json_t *user;

	if (prim_random(key, key_len) || hex_encode(key, key_len, text, sizeof(text)))
		return NULL;
	snprintf(name, sizeof(name), "sip:user%u@bench.example", i);
	snprintf(id, sizeof(id), "bench-%u", i);
	user = json_pack("{s:[s], s:{s:s, s:s}}", "names", name, "psk", "id", id, "key", text);
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
	return user;
}

/* Writes a new file of mode 0600: the keys are made for load tests, but a KMS accepts them. */
static enum err write_private(const json_t *doc, const char *path, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return why_fail(why, ERR_IO, "--provision %s: the file cannot be created: %m",
		                path);
	ok = json_dumpfd(doc, fd, JSON_INDENT(1)) == 0 && write(fd, "\n", 1) == 1;
	ok = close(fd) == 0 && ok;
	if (!ok) {
		why_fail(why, ERR_IO, "--provision %s: the file cannot be written", path);
		unlink(path);
		return ERR_IO;
	}
	return ERR_OK;
}

static enum err provision(const char *path, unsigned n, size_t key_len, struct why *why)
{
	json_t *users = json_array();
	json_t *doc = json_pack("{s:{s:s}, s:{s:i}, s:o}", "kms", "id", "https://kms.bench.example",
	                        "policy", "rate_per_minute", 0, "users", users);
	enum err e = doc ? ERR_OK : ERR_NOMEM;

	for (unsigned i = 0; i < n && !e; i++)
		if (json_array_append_new(users, make_user(i, key_len)))
			e = ERR_NOMEM;
	if (e)
		why_fail(why, e, "--provision: out of memory");
	else
		e = write_private(doc, path, why);
	json_decref(doc);
	return e;
}

static enum err run(const struct kmsload_config *config, json_t *settings,
                    const struct result_output *output, int *status, struct why *why)
{
	struct result result = {0};
	enum err e = result_init(&result, "kms", settings, 1);

	if (e)
		return why_fail(why, e, "out of memory");
	e = kmsload_run(result_row(&result), config, &result, why);
	if (!e)
		*status = result_finish(&result, output);
	result_fini(&result);
	return e;
}

int kms_run(int argc, char **argv)
{
	struct kmsload_config c = {.mode = "request", .requests = 20000, .in_flight = 16};
	const char *credentials = NULL, *make = NULL, *suite = "256", *connections = "keep",
		   *json = NULL, *csv = NULL;
	struct kms_directory *directory = NULL;
	unsigned pid = 0, users = 100;
	struct opt rows[] = {
		{
			.name = "target",
			.kind = OPT_TEXT,
			.out = &c.target,
			.arg = "URL",
			.local = true,
			.help = "http://HOST:PORT or https://HOST:PORT; a path is prefixed to "
				"/keymanagement",
		},
		{
			.name = "credentials",
			.kind = OPT_TEXT,
			.out = &credentials,
			.arg = "FILE",
			.local = true,
			.help = "the credentials file of the KMS; its users send the requests",
		},
		{
			.name = "ca",
			.kind = OPT_TEXT,
			.out = &c.ca,
			.arg = "FILE",
			.local = true,
			.help = "PEM file of root certificates for https (default: the system's)",
		},
		{
			.name = "pid",
			.kind = OPT_COUNT,
			.out = &pid,
			.min = 1,
			.max = 4194304,
			.local = true,
			.help = "process id of a KMS on this machine, to read its CPU time and "
				"memory",
		},
		{
			.name = "state",
			.kind = OPT_TEXT,
			.out = &c.state,
			.arg = "DIR",
			.local = true,
			.help = "state directory of the KMS, to measure its growth",
		},
		{
			.name = "mode",
			.kind = OPT_CHOICE,
			.out = &c.mode,
			.choices = "request|resolve|call",
			.help = "kind of requests; call: a ticket request and its resolve in turn",
		},
		{
			.name = "suite",
			.kind = OPT_CHOICE,
			.out = &suite,
			.choices = "128|256",
			.help = "key length of the algorithm set",
		},
		{
			.name = "requests",
			.kind = OPT_COUNT,
			.out = &c.requests,
			.min = 1,
			.max = 1000000000,
			.help = "number of requests",
		},
		{
			.name = "in-flight",
			.kind = OPT_COUNT,
			.out = &c.in_flight,
			.min = 1,
			.max = 1024,
			.help = "number of connections; each carries one request at a time",
		},
		{
			.name = "connections",
			.kind = OPT_CHOICE,
			.out = &connections,
			.choices = "keep|new",
			.help = "keep connections, or open a new one (with TLS handshake) for each "
				"request",
		},
		{
			.name = "rate",
			.kind = OPT_REAL,
			.out = &c.rate,
			.min = 0,
			.max = 1e6,
			.help = "requests a second on a schedule, with latency counted from the "
				"time each "
				"was due; 0: send the next request when one is answered",
		},
		SETTINGS_FILES(&json, &csv),
		{
			.name = "quiet",
			.kind = OPT_FLAG,
			.out = &c.quiet,
			.help = "print no table and no progress bar",
			.local = true,
		},
		{
			.name = "provision",
			.kind = OPT_TEXT,
			.out = &make,
			.arg = "FILE",
			.help = "write credentials with --users new users, and exit",
			.local = true,
		},
		{
			.name = "users",
			.kind = OPT_COUNT,
			.out = &users,
			.min = 2,
			.max = 1000000,
			.help = "number of users for --provision",
			.local = true,
		},
	};
	const struct opt_command command = {
		.name = "sluice-bench kms",
		.usage = "",
		.about = about,
		.opts = rows,
		.n_opts = ARRAY_LEN(rows),
		.examples = "Example:\n  sluice-bench kms --provision kms.json\n"
			    "  sluice-kms --listen 127.0.0.1:8080 --credentials kms.json --state "
			    "state --audit /dev/null &\n"
			    "  sluice-bench kms --target http://127.0.0.1:8080 --credentials "
			    "kms.json --pid $! --state state\n"};
	struct why why = {""};
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	if (!make && (!c.target || !credentials)) {
		fprintf(stderr, "sluice-bench kms: --%s is missing; see sluice-bench kms --help\n",
		        c.target ? "credentials" : "target");
		return BENCH_MISUSED;
	}
	c.pid = (pid_t)pid;
	c.wants_256 = strcmp(suite, "256") == 0;
	c.keep = strcmp(connections, "keep") == 0;
	status = BENCH_DONE;
	if (make) {
		e = provision(make, users, c.wants_256 ? KEY_256 : KEY_128, &why);
	} else {
		e = kms_conf_load(&directory, credentials, &why);
		c.directory = directory;
		if (!e)
			e = run(&c, settings_from(rows, ARRAY_LEN(rows)),
			        &(struct result_output){kmsload_columns, kmsload_n_columns, json,
			                                csv, c.quiet},
			        &status, &why);
		kms_directory_free(directory);
	}
	if (e)
		fprintf(stderr, "sluice-bench kms: %s\n", *why.text ? why.text : err_meaning(e));
	return e ? BENCH_REFUSED : status;
}
