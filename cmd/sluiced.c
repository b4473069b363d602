/* SPDX-License-Identifier: MIT */
/* The gateway: arguments, process limits, signals, exit status (0 done, 1 could not start, 2 wrong
 * command line or settings). */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/secret.h"
#include "cmd/sluiced/check.h"
#include "cmd/sluiced/gateway.h"
#include "control/conf.h"
#include "control/net/loop.h"
#include "control/net/notify.h"

enum { SIGNALS = 3, CHECK_S = 5 };

struct daemon {
	struct loop *loop;
	struct gateway *gateway;
	struct loop_signal *signals[SIGNALS];
	struct loop_timer *watchdog, *check;
	int argc;
	char **argv;
	struct conf conf;
	bool told_unlocked;
};

/* Sets up core files, the descriptor limit, locked memory and the log level. */
static void prepare_process(const struct conf *c)
{
	struct rlimit files;

#ifndef __SANITIZE_ADDRESS__
	/* Keys must not reach a core file. The size limit alone does not prevent a core file that
	 * is piped to a program. */
	if (!c->core_dumps) {
		prctl(PR_SET_DUMPABLE, 0);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	}
#endif
	/* The sock back end needs a descriptor for each port: raise the limit as far as allowed. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	secret_require_locked(c->require_locked_memory);
	gateway_configure_log(c);
}

/* Logs one warning when pages of key memory could not be locked. */
static void warn_if_unlocked(struct daemon *d)
{
	struct secret_usage usage;
	struct rlimit limit = {0};

	secret_get_usage(&usage);
	if (usage.unlocked_bytes == 0 || d->told_unlocked)
		return;
	d->told_unlocked = true;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	log_warn("secret",
	         "keys may be written to swap: RLIMIT_MEMLOCK allows less memory than they need; "
	         "raise "
	         "the limit (LimitMEMLOCK=), or set require-locked-memory to refuse calls instead",
	         LOG_UINT(bytes, usage.mapped_bytes), LOG_UINT(bytes_max, limit.rlim_cur),
	         LOG_UINT(unlocked_bytes, usage.unlocked_bytes));
}

static void set_timer(struct loop_timer *t, uint64_t after_ns)
{
	if (loop_timer_set(t, after_ns))
		log_error("sluiced", "out of memory: a periodic check stopped; restart sluiced");
}

static void on_check(void *arg)
{
	struct daemon *d = arg;

	warn_if_unlocked(d);
	log_tell_suppressed(false);
	set_timer(d->check, CHECK_S * NS_PER_S);
}

static void on_watchdog(void *arg)
{
	struct daemon *d = arg;

	notify_watchdog();
	set_timer(d->watchdog, notify_watchdog_ns());
}

static void on_reload(struct daemon *d)
{
	struct conf_command command;
	struct conf next;
	struct why why = {""};

	notify_reloading();
	if (conf_load(&next, &command, d->argc, d->argv, &why))
		log_error("conf", "reload failed, keeping the current settings",
		          LOG_TEXT(reason, why.text));
	else
		gateway_reload(d->gateway, &next);
	notify_ready(gateway_ready_line(d->gateway));
}

static void on_signal(void *arg, int signo)
{
	struct daemon *d = arg;

	if (signo == SIGHUP) {
		on_reload(d);
		return;
	}
	log_info("sluiced", "ending", LOG_UINT(signal, (unsigned)signo));
	loop_stop(d->loop);
}

static enum err watch_surroundings(struct daemon *d, struct why *why)
{
	static const int signals[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
	enum err e = ERR_OK;

	for (unsigned i = 0; i < SIGNALS && !e; i++)
		e = loop_signal_new(&d->signals[i], d->loop, signals[i], on_signal, d);
	if (!e)
		e = loop_timer_new(&d->check, d->loop, on_check, d);
	if (!e)
		e = loop_timer_set(d->check, CHECK_S * NS_PER_S);
	if (!e && notify_watchdog_ns())
		e = loop_timer_new(&d->watchdog, d->loop, on_watchdog, d);
	if (!e && d->watchdog)
		e = loop_timer_set(d->watchdog, notify_watchdog_ns());
	return e ? why_fail(why, e, "out of memory") : ERR_OK;
}

static void daemon_end(struct daemon *d)
{
	gateway_stop(d->gateway);
	for (unsigned i = 0; i < SIGNALS; i++)
		loop_signal_free(d->signals[i]);
	loop_timer_free(d->check);
	loop_timer_free(d->watchdog);
	loop_free(d->loop);
}

static enum err daemon_run(struct daemon *d, struct why *why)
{
	enum err e = loop_new(&d->loop);

	if (e)
		return why_fail(why, e, "cannot create the event loop");
	/* This must come before the workers start, because they inherit the signal mask. */
	e = watch_surroundings(d, why);
	if (!e)
		e = gateway_start(&d->gateway, d->loop, &d->conf, why);
	if (e)
		return e;
	warn_if_unlocked(d);
	gateway_log_ready(d->gateway);
	notify_ready(gateway_ready_line(d->gateway));
	loop_run(d->loop);
	notify_stopping();
	return ERR_OK;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct conf_command command;
	struct why why = {""};

	d.argc = argc;
	d.argv = argv;
	if (conf_load(&d.conf, &command, argc, argv, &why)) {
		fprintf(stderr, "sluiced: %s\n", why.text);
		return 2;
	}
	if (command.help || command.version) {
		if (command.help)
			conf_print_help(stdout);
		else
			puts("sluiced " SLUICE_VERSION);
		return 0;
	}
	if (command.check_only) {
		if (check_machine(&d.conf, &why)) {
			fprintf(stderr, "sluiced: %s\n", why.text);
			return 2;
		}
		puts("settings are good");
		return 0;
	}
	prepare_process(&d.conf);
	if (daemon_run(&d, &why)) {
		log_error("sluiced", "could not start", LOG_TEXT(reason, why.text));
		daemon_end(&d);
		return 1;
	}
	daemon_end(&d);
	log_tell_suppressed(true);
	log_info("sluiced", "ended");
	return 0;
}
