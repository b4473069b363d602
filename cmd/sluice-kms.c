/* SPDX-License-Identifier: MIT */
/* sluice-kms: starts the Key Management Service with its stored state, its listeners and its signal
 * handlers. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/log.h"
#include "cmd/sluice-kms/audit.h"
#include "cmd/sluice-kms/backup.h"
#include "cmd/sluice-kms/options.h"
#include "control/net/http.h"
#include "control/kms/admin_http.h"
#include "control/kms/kms_conf.h"
#include "control/kms/kms_http.h"
#include "control/kms/store.h"
#include "control/net/loop.h"
#include "control/kms/test_env.h"
#include "control/net/tls.h"

enum { EXIT_ENDED = 0, EXIT_REFUSED = 1, SIGNALS = 4, TICKS_PER_S = 10, METRICS_CLIENTS_MAX = 64 };

struct program {
	struct kms_options o;
	struct loop *loop;
	struct loop_signal *signals[SIGNALS];
	struct loop_timer *tick;
	unsigned ticks;
	/* number of store failures, and of refusals because of the clock, already logged */
	uint64_t store_failures, clock_back;
	struct test_env *repeat;
	struct kms_store_disk *disk;
	struct tls_context *tls, *tls_client, *tls_admin;
	struct audit *audit;
	struct kms *kms;
	struct kms_http *http;
	struct admin_http *admin;
	struct http_server *metrics;
};

/* --- while it runs ---------------------------------------------------------- */

/* Reads every part again. A part that fails keeps its previous contents. */
static void reload(struct program *p)
{
	struct kms_directory *d;
	struct why why = {{0}};
	unsigned failed = 0;

	if (kms_conf_load(&d, p->o.credentials, &why) || kms_take_directory(p->kms, d, &why)) {
		failed++;
		log_error("kms", "credentials could not be read; the previous ones stay in force",
		          LOG_TEXT(reason, why.text));
	}
	if (p->tls && tls_context_reload(p->tls, &why)) {
		failed++;
		log_error("kms", "certificates could not be read; the previous ones stay in force",
		          LOG_TEXT(reason, why.text));
	}
	if (p->tls_client && tls_context_reload(p->tls_client, &why)) {
		failed++;
		log_error("kms",
		          "CA certificates could not be read; the previous ones stay in force",
		          LOG_TEXT(reason, why.text));
	}
	if (p->tls_admin && tls_context_reload(p->tls_admin, &why)) {
		failed++;
		log_error("kms",
		          "certificates of --admin could not be read; the previous ones stay in "
		          "force",
		          LOG_TEXT(reason, why.text));
	}
	if (audit_reopen(p->audit, &why)) {
		failed++;
		log_error("kms", "audit file could not be opened; the previous file stays in use",
		          LOG_TEXT(reason, why.text));
	}
	if (failed)
		log_error("kms", "configuration reloaded in part; see the errors above",
		          LOG_UINT(failed, failed),
		          LOG_UINT(users, kms_directory_users(kms_get_directory(p->kms))));
	else
		log_info("kms", "configuration reloaded",
		         LOG_UINT(users, kms_directory_users(kms_get_directory(p->kms))));
}

static void on_signal(void *arg, int signo)
{
	struct program *p = arg;

	if (signo == SIGHUP) {
		reload(p);
	} else if (signo == SIGUSR1) {
		enum err e = kms_rotate(p->kms, test_env_wall_ns(p->repeat));

		if (e)
			log_error("kms", "ticket key not rotated, the previous one stays in use",
			          LOG_TEXT(reason, err_meaning(e)));
		else
			log_info("kms", "ticket key rotated");
	} else {
		log_info("kms", "ending", LOG_UINT(signal, (unsigned)signo));
		loop_stop(p->loop);
	}
}

/* Called TICKS_PER_S times a second. Removes expired entries in small steps, so that no request
 * waits long. */
static void on_tick(void *arg)
{
	struct program *p = arg;
	enum err e = kms_tick(p->kms, test_env_wall_ns(p->repeat));
	struct kms_stats s;

	if (++p->ticks % TICKS_PER_S == 0) {
		log_tell_suppressed(false);
		kms_get_stats(p->kms, &s);
		if (e)
			log_error("kms", "expired entries could not be removed from the state",
			          LOG_TEXT(reason, err_meaning(e)));
		if (s.store_failures > p->store_failures)
			log_error("kms",
			          "cannot write the state; requests were answered 503; check the "
			          "disk space and "
			          "--seen-max",
			          LOG_UINT(requests, s.store_failures - p->store_failures));
		p->store_failures = s.store_failures;
		if (s.clock_back > p->clock_back)
			log_error("kms",
			          "the clock was set back: requests are refused, because the KMS "
			          "has already "
			          "forgotten messages of that time and could not detect a replay; "
			          "correct "
			          "the clock",
			          LOG_UINT(requests, s.clock_back - p->clock_back));
		p->clock_back = s.clock_back;
		if (kms_store_disk_sync(p->disk))
			log_error("kms", "cannot sync the state to disk");
	}
	if (loop_timer_set(p->tick, NS_PER_S / TICKS_PER_S))
		log_error(
			"kms",
			"out of memory: expired entries are no longer removed; restart sluice-kms");
}

static void on_metrics(void *arg, struct http_request *x, const struct http_incoming *r)
{
	struct program *p = arg;
	struct buf out = {0};
	struct http_reply reply = {.status = 200, .content_type = "text/plain; version=0.0.4"};

	if (r->method != HTTP_GET)
		reply = (struct http_reply){.status = 405};
	else if (str_is(r->path, "/metrics")) {
		kms_http_metrics(p->http, &out);
		if (p->admin)
			admin_http_metrics(p->admin, &out);
	} else if (str_is(r->path, "/healthz"))
		buf_text(&out, "ok\n");
	else
		reply = (struct http_reply){.status = 404};
	if (out.bad)
		reply = (struct http_reply){.status = 500};
	reply.body = buf_as_view(&out);
	http_answer(x, &reply);
	buf_free(&out);
}

/* --- starting --------------------------------------------------------------- */

static enum err address(const char *text, const char *name, struct addr *out, struct why *why)
{
	if (addr_parse(str_of(text), out))
		return why_fail(why, ERR_SYNTAX,
		                "%s: must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080",
		                name);
	return ERR_OK;
}

static enum err start_tls(struct program *p, struct why *why)
{
	const struct kms_options *o = &p->o;
	struct tls_config server = {.role = TLS_SERVER,
	                            .cert_file = o->tls_cert,
	                            .key_file = o->tls_key,
	                            .ca_file = o->tls_ca,
	                            .peer = o->tls_ca ? TLS_PEER_OPTIONAL : TLS_PEER_NOT_ASKED};
	struct tls_config admin = {.role = TLS_SERVER,
	                           .cert_file = o->tls_cert,
	                           .key_file = o->tls_key,
	                           .ca_file = o->admin_ca,
	                           .peer = TLS_PEER_REQUIRED,
	                           .wipe = true};
	struct tls_config client = {.role = TLS_CLIENT,
	                            .cert_file = o->tls_cert,
	                            .key_file = o->tls_key,
	                            .ca_file = o->client_ca ? o->client_ca : o->tls_ca};
	enum err e = ERR_OK;

	if (o->tls_cert || o->tls_key)
		e = tls_context_new(&p->tls, &server, why);
	else if (o->tls_ca)
		e = why_fail(why, ERR_INVALID, "--tls-ca needs --tls-cert and --tls-key");
	if (!e && o->admin)
		e = tls_context_new(&p->tls_admin, &admin, why);
	return e ? e : tls_context_new(&p->tls_client, &client, why);
}

static enum err start_admin(struct program *p, struct why *why)
{
	struct admin_http_config c = {.kms = p->kms,
	                              .time = p->repeat,
	                              .tls = p->tls_admin,
	                              .audit = audit_write_admin,
	                              .audit_arg = p->audit};
	enum err e = address(p->o.admin, "--admin", &c.listen, why);

	return e ? e : admin_http_new(&p->admin, loop_base(p->loop), &c, why);
}

static enum err start_listeners(struct program *p, struct why *why)
{
	struct kms_http_config c = {.kms = p->kms,
	                            .time = p->repeat,
	                            .tls = p->tls,
	                            .tls_client = p->tls_client,
	                            .limits = {.conns_max = p->o.clients_max,
	                                       .peer_max = p->o.clients_per_peer,
	                                       .message_s = p->o.request_timeout_s},
	                            .waiting_max = p->o.waiting_max,
	                            .timeout_ms = p->o.timeout_ms};
	struct http_server_config m = {.name = "metrics",
	                               .body_max_bytes = 1024,
	                               .limits = {.conns_max = METRICS_CLIENTS_MAX,
	                                          .idle_s = HTTP_IDLE_S,
	                                          .message_s = p->o.request_timeout_s},
	                               .serve = on_metrics,
	                               .arg = p};
	enum err e = address(p->o.listen, "--listen", &c.listen, why);

	if (!e)
		e = kms_http_new(&p->http, loop_base(p->loop), &c, why);
	if (!e && p->o.admin)
		e = start_admin(p, why);
	if (!e && p->o.metrics) {
		e = address(p->o.metrics, "--metrics", &m.listen, why);
		if (!e)
			e = http_server_new(&p->metrics, loop_base(p->loop), &m, why);
	}
	return e;
}

static enum err start_loop(struct program *p, struct why *why)
{
	static const int wanted[SIGNALS] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};
	enum err e = loop_new(&p->loop);

	for (size_t i = 0; !e && i < SIGNALS; i++)
		e = loop_signal_new(&p->signals[i], p->loop, wanted[i], on_signal, p);
	if (!e)
		e = loop_timer_new(&p->tick, p->loop, on_tick, p);
	if (!e)
		e = loop_timer_set(p->tick, NS_PER_S / TICKS_PER_S);
	return e ? why_fail(why, e, "cannot create the event loop: %s", err_meaning(e)) : ERR_OK;
}

static enum err start(struct program *p, struct why *why)
{
	struct kms_config c = {.random = test_env_random, .audit = audit_write};
	enum err e = test_env_new(&p->repeat, why);

	if (!e)
		e = kms_conf_load(&c.directory, p->o.credentials, why);
	if (!e)
		e = start_tls(p, why);
	if (!e && p->o.admin && kms_directory_admins(c.directory)->n == 0)
		e = why_fail(why, ERR_INVALID,
		             "--admin needs admin.roles in the credentials file %s: without roles "
		             "no client may use it",
		             p->o.credentials);
	if (e || p->o.check) {
		kms_directory_free(c.directory);
		return e;
	}
	e = audit_open(&p->audit, p->o.audit, why);
	if (!e)
		e = kms_store_disk_open(
			&p->disk,
			&(struct kms_store_disk_config){p->o.state, p->o.master_key, p->o.seen_max},
			why);
	if (e) {
		kms_directory_free(c.directory);
		return e;
	}
	c.store = kms_store_disk_use(p->disk);
	c.random_ctx = p->repeat;
	c.audit_arg = p->audit;
	e = kms_new(&p->kms, &c, why);
	if (!e)
		e = start_loop(p, why);
	return e ? e : start_listeners(p, why);
}

static void stop(struct program *p)
{
	http_server_free(p->metrics);
	admin_http_free(p->admin);
	kms_http_free(p->http);
	kms_free(p->kms);
	kms_store_disk_close(p->disk);
	tls_context_free(p->tls);
	tls_context_free(p->tls_client);
	tls_context_free(p->tls_admin);
	audit_close(p->audit);
	loop_timer_free(p->tick);
	for (size_t i = 0; i < SIGNALS; i++)
		loop_signal_free(p->signals[i]);
	loop_free(p->loop);
	test_env_free(p->repeat);
}

static void say_ready(const struct program *p)
{
	struct addr at = kms_http_addr(p->http), metrics = {0}, admin = {0};

	if (p->metrics)
		metrics = http_server_addr(p->metrics);
	if (p->admin)
		admin = admin_http_addr(p->admin);
	log_always("kms", "ready", LOG_ADDR(listen, &at), LOG_TEXT(tls, p->tls ? "yes" : "no"),
	           LOG_ADDR(metrics, &metrics), LOG_ADDR(admin, &admin),
	           LOG_UINT(users, kms_directory_users(kms_get_directory(p->kms))),
	           LOG_TEXT(version, SLUICE_VERSION));
}

static int run(struct program *p)
{
	struct why why = {{0}};
	enum err e = p->o.backup ? backup_make(p->o.state, p->o.backup, &why) : start(p, &why);

	if (e && (p->o.check || p->o.backup))
		fprintf(stderr, "sluice-kms: %s\n", why.text);
	else if (e)
		log_error("kms", "could not start", LOG_TEXT(reason, why.text));
	else if (p->o.check)
		printf("credentials%s are valid\n", p->tls ? " and certificates" : "");
	else if (!p->o.backup) {
		say_ready(p);
		loop_run(p->loop);
		log_tell_suppressed(true);
	}
	stop(p);
	return e ? EXIT_REFUSED : EXIT_ENDED;
}

/* The words are those of the table of options. */
static void start_log(const struct kms_options *o)
{
	struct log_config c = {
		.format =
			str_is(str_of(o->log_format), "json") ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT,
		.priority = str_is(str_of(o->log_priority), "yes")  ? LOG_PRIORITY_YES
	                    : str_is(str_of(o->log_priority), "no") ? LOG_PRIORITY_NO
	                                                            : LOG_PRIORITY_AUTO,
	};

	CHECK(!log_level_parse(str_of(o->log_level), &c.level));
	log_configure(&c);
}

int main(int argc, char **argv)
{
	struct program p = {0};
	int status;

	if (options_read(&p.o, argc, argv, &status) == OPT_STOP)
		return status;
	signal(SIGPIPE, SIG_IGN);
	start_log(&p.o);
	loop_wipe_freed();
	return run(&p);
}
