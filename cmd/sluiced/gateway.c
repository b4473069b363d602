/* SPDX-License-Identifier: MIT */
/* Starts the parts of the gateway in the order of their dependencies, and stops them in reverse
 * order. */
#include "cmd/sluiced/gateway.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/cpus.h"
#include "control/session/events.h"
#include "control/net/listen.h"
#include "control/rpc/rpc.h"
#include "control/metrics.h"
#include "control/sdes_offer.h"
#include "control/wiring.h"
#include "control/session/service.h"
#include "control/session/targets.h"
#include "relay/relay.h"

enum { CONTROL_OUT_MAX_BYTES = 4 << 20, CONTROL_REQUESTS_MAX = 1024 };

struct gateway {
	struct loop *loop;
	struct conf conf;
	int cpus[RELAY_WORKERS_MAX];
	struct relay *relay;
	struct loop_watch *relay_watch;
	struct loop_timer *wake;
	struct service *service;
	struct events *events;
	struct rpc *json;
	struct signalling *signalling;
	struct metrics_server *metrics;
	struct listener *listeners[CONF_LISTEN_MAX];
	unsigned n_listeners;
	char ready_line[1024];
};

/* Warns about each media address that this host does not have. On a standby host it may be added
 * later; until then every session on the interface fails. */
static void check_addresses(const struct conf *c)
{
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		const struct relay_interface *f = &c->interfaces.items[i];
		struct addr at = addr_with_port(&f->bind, 0);
		struct sockaddr_storage name;
		socklen_t len = addr_to_sockaddr(&at, &name);
		int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (struct sockaddr *)&name, len))
			log_warn("sluiced",
			         "sessions on this interface will fail until the address exists",
			         LOG_TEXT(interface, f->name), LOG_IP(address, &f->bind),
			         LOG_ERRNO(errno));
		if (fd >= 0)
			close(fd);
	}
}

static enum err start_relay(struct gateway *g, struct why *why)
{
	const struct conf *c = &g->conf;
	unsigned n_cpus = 0;
	/* If the settings name processors, workers are pinned. `conf` is not changed, because a
	 * reload compares with it. */
	bool pins = c->pin_workers || c->cpus.n > 0;
	struct relay_config config;
	enum err e = cpus_find(&c->cpus, c->workers, g->cpus, &n_cpus, why);

	if (e)
		return e;
	relay_config_defaults(&config);
	config.workers = c->workers ? c->workers : n_cpus;
	config.engine = conf_engine_name(c);
	config.io = conf_io_name(c);
	config.interfaces = c->interfaces.items;
	config.n_interfaces = c->interfaces.n;
	config.ssrcs_per_leg = c->ssrcs_per_leg;
	config.replay_window_pkts = c->replay_window;
	config.replay_window_video_pkts = c->replay_window_video;
	config.enforces_receive_lifetime = c->receive_lifetime == 1;
	config.send_window_pkts = c->send_window;
	config.gather_delay_us = c->gather_delay_us;
	config.busy_poll_us = c->busy_poll_us;
	config.pkts_per_worker = c->pkts_per_worker;
	config.auth_fail_rate = c->auth_fail_rate;
	config.drops_non_rtp = c->non_rtp == 1;
	config.keys_remembered = c->keys_remembered;
	if (pins && config.workers > n_cpus)
		return why_fail(why, ERR_RANGE,
		                "pin-workers: %u workers need as many processors, but this process "
		                "may use %u",
		                config.workers, n_cpus);
	config.cpus = pins ? g->cpus : NULL;
	check_addresses(c);
	return relay_start(&g->relay, &config, why);
}

static void on_relay(void *arg, bool readable, bool writable)
{
	struct gateway *g = arg;

	(void)readable;
	(void)writable;
	relay_poll(g->relay);
}

/* Wakes the workers later, once for all requests of a round: a wake-up costs more than a worker's
 * work for one call set-up. */
static void wake_soon(void *arg)
{
	loop_timer_soon(((struct gateway *)arg)->wake);
}

static void on_wake(void *arg)
{
	relay_wake(((struct gateway *)arg)->relay);
}

static struct service_config service_config_of(const struct gateway *g)
{
	const struct conf *c = &g->conf;
	struct service_config config = {
		.relay = g->relay,
		.sessions_max = c->sessions_max,
		.port_quarantine_ms = c->port_quarantine_ms,
		.media_deny = &c->media_deny,
		.media_allow = &c->media_allow,
		.context = {.interfaces = c->interfaces.items,
	                    .n_interfaces = c->interfaces.n,
	                    .setup_timeout_ms = c->setup_timeout_ms,
	                    .e2ae_rekey = (uint8_t)c->e2ae_rekey,
	                    .leg = {.inactivity_ms = c->inactivity_ms,
	                            .rekey_overlap_ms = c->rekey_overlap_ms,
	                            .rekey_roc = (enum relay_rekey_roc)c->rekey_roc,
	                            .dscp = (uint8_t)c->dscp}},
		.calls = {.recrypts = c->ng_srtp,
	                  .osrtp = (uint8_t)c->osrtp,
	                  .other_media = (uint8_t)c->other_media,
	                  .delete_delay_ms = c->delete_delay_s * 1000,
	                  .silent_timeout_ms = c->silent_timeout_s * 1000},
	};

	config.calls.n_offer = (uint8_t)sdes_offer_read(&c->sdes_offer, config.calls.offer);
	return config;
}

static enum err start_control(struct gateway *g, struct why *why)
{
	struct service_config config = service_config_of(g);
	enum err e;

	if (loop_watch_new(&g->relay_watch, g->loop,
	                   &(struct loop_watch_config){
				   .fd = relay_wait_fd(g->relay),
				   .read = true,
				   .fn = on_relay,
				   .arg = g,
			   }) ||
	    loop_timer_new(&g->wake, g->loop, on_wake, g))
		return why_fail(why, ERR_NOMEM, "out of memory");
	relay_set_waker(g->relay, wake_soon, g);
	e = service_new(&g->service, &config, why);
	if (e)
		return e;
	relay_set_asker(g->relay, service_on_ask, g->service);
	if (events_new(&g->events, g->relay) || rpc_new(&g->json, g->service, g->events))
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = signalling_new(&g->signalling,
	                   &(struct signalling_config){
				   .loop = g->loop,
				   .service = g->service,
				   .rpc = g->json,
				   .events = g->events,
				   .conf = &g->conf,
			   },
	                   why);
	return e ? e : metrics_server_new(&g->metrics, g->loop, g->service, &g->conf, why);
}

static enum err start_listeners(struct gateway *g, struct why *why)
{
	for (unsigned i = 0; i < g->conf.control.n; i++) {
		struct listen_config config = {
			.name = "control",
			.where = g->conf.control.items[i],
			.mode = g->conf.control_mode,
			.line_max_bytes = RPC_LINE_MAX,
			.out_max_bytes = CONTROL_OUT_MAX_BYTES,
			.limits = conf_limits(&g->conf, g->conf.control_clients),
			.requests_max = CONTROL_REQUESTS_MAX,
			.ops = &rpc_listen_ops,
			.arg = g->json};
		enum err e = listener_new(&g->listeners[i], g->loop, &config, why);

		if (e) {
			why_prefix(why, "--control");
			return e;
		}
		g->n_listeners++;
	}
	return ERR_OK;
}

/* Warns if ng listens on a media address: call parties learn that address from SDP and could send
 * commands to it. */
static void warn_if_shared(const struct gateway *g, const struct addr *ng)
{
	bool is_shared = addr_is_any(ng);

	for (unsigned i = 0; i < g->conf.interfaces.n; i++)
		is_shared |= addr_is_same_host(&g->conf.interfaces.items[i].bind, ng) &&
		             !addr_is_loopback(ng);
	if (is_shared)
		log_warn("ng",
		         "ng listens on a media address, where call parties can reach it; use a "
		         "loopback "
		         "address, or an address that no interface has",
		         LOG_ADDR(listener, ng));
}

/* Adds our listeners to the addresses that must not receive media. A Unix socket has no such
 * address. */
static enum err guard_listeners(struct gateway *g, struct why *why)
{
	struct targets *t = service_targets(g->service);
	struct addr a;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < g->n_listeners && !e; i++) {
		struct str where = str_of(listener_where(g->listeners[i]));

		if (str_starts(where, "tcp:") && !addr_parse(str_skip(where, 4), &a))
			e = targets_add_listener(t, &a);
	}
	for (unsigned i = 0; i < 2 * CONF_LISTEN_MAX && !e; i++) {
		bool is_ng = i < CONF_LISTEN_MAX;

		a = is_ng ? signalling_listener(g->signalling, i)
		          : metrics_server_listener(g->metrics, i - CONF_LISTEN_MAX);
		if (is_ng && !addr_is_none(&a))
			warn_if_shared(g, &a);
		if (!addr_is_none(&a))
			e = targets_add_listener(t, &a);
	}
	if (e)
		return why_fail(why, e, "at most %d listeners (control, ng, http) are allowed",
		                TARGET_LISTENERS_MAX);
	return service_publish_targets(g->service) ? why_fail(why, ERR_NOMEM, "out of memory")
	                                           : ERR_OK;
}

/* Calls `use` with the fields of the line that says that the gateway is ready. */
static void with_ready(const struct gateway *g,
                       void (*use)(void *arg, const struct log_field *fields), void *arg)
{
	struct buf control = {0}, ng = {0}, http = {0}, interfaces = {0};
	struct relay_stats s;

	relay_get_stats(g->relay, &s);
	for (unsigned i = 0; i < g->n_listeners; i++)
		buf_printf(&control, "%s%s", i ? "," : "", listener_where(g->listeners[i]));
	if (g->conf.ng.n)
		signalling_print(g->signalling, &ng);
	if (g->conf.http.n)
		metrics_server_print(g->metrics, &http);
	for (unsigned i = 0; i < g->conf.interfaces.n; i++) {
		const struct relay_interface *f = &g->conf.interfaces.items[i];
		char text[ADDR_TEXT_MAX];

		buf_printf(&interfaces, "%s%s/%s/%s", i ? "," : "", f->name,
		           addr_print_ip(&f->bind, text), relay_io_name(g->relay, i));
	}
	use(arg, LOG_ARRAY(LOG_TEXT(version, SLUICE_VERSION), LOG_TEXT(control, control.p),
	                   LOG_TEXT(ng, ng.p), LOG_TEXT(http, http.p), LOG_UINT(workers, s.workers),
	                   LOG_TEXT(engine, relay_engine_name(g->relay)),
	                   LOG_TEXT(interfaces, interfaces.p)));
	buf_free(&control);
	buf_free(&ng);
	buf_free(&http);
	buf_free(&interfaces);
}

static void log_fields(void *arg, const struct log_field *fields)
{
	log_line(arg, fields);
}

void gateway_log_ready(const struct gateway *g)
{
	static struct log_site site = {.level = LOG_INFO_LEVEL,
	                               .mod = "sluiced",
	                               .msg = "ready",
	                               .any_level = true,
	                               .unlimited = true};

	with_ready(g, log_fields, &site);
}

static void print_fields(void *arg, const struct log_field *fields)
{
	struct gateway *g = arg;

	log_print(fields, LOG_FORMAT_LOGFMT, g->ready_line, sizeof(g->ready_line));
}

enum err gateway_start(struct gateway **out, struct loop *loop, const struct conf *conf,
                       struct why *why)
{
	struct gateway *g = mem_alloc(sizeof(*g));
	enum err e;

	if (!g)
		return why_fail(why, ERR_NOMEM, "out of memory");
	g->loop = loop;
	g->conf = *conf;
	e = start_relay(g, why);
	if (!e)
		e = start_control(g, why);
	if (!e)
		e = start_listeners(g, why);
	if (!e)
		e = guard_listeners(g, why);
	if (e) {
		gateway_stop(g);
		return e;
	}
	with_ready(g, print_fields, g);
	*out = g;
	return ERR_OK;
}

void gateway_stop(struct gateway *g)
{
	if (!g)
		return;
	/* This answers pending requests with "closed" while their clients are still connected. */
	if (g->service)
		service_close(g->service);
	loop_watch_free(g->relay_watch);
	relay_stop(g->relay);
	loop_timer_free(g->wake);
	for (unsigned i = 0; i < g->n_listeners; i++)
		listener_free(g->listeners[i]);
	metrics_server_free(g->metrics);
	signalling_free(g->signalling);
	rpc_free(g->json);
	events_free(g->events);
	service_free(g->service);
	mem_free(g);
}

void gateway_configure_log(const struct conf *c)
{
	log_configure(&(struct log_config){.level = (enum log_level)c->log_level,
	                                   .format = (enum log_format)c->log_format,
	                                   .priority = (enum log_priority)c->log_priority});
}

void gateway_reload(struct gateway *g, const struct conf *next)
{
	struct buf need_restart = {0};
	struct service_config config;

	conf_reload(&g->conf, next, &need_restart);
	gateway_configure_log(&g->conf);
	config = service_config_of(g);
	service_reconfigure(g->service, &config);
	if (service_publish_targets(g->service))
		log_error("conf",
		          "out of memory: learned sources are still checked against the previous "
		          "media-deny and media-allow");
	if (need_restart.n)
		log_warn("conf", "reload: these settings changed and need a restart",
		         LOG_TEXT(settings, need_restart.p));
	log_info("conf", "settings reloaded");
	buf_free(&need_restart);
}

const char *gateway_ready_line(const struct gateway *g)
{
	return g->ready_line;
}
