/* SPDX-License-Identifier: MIT */
/* Writes Prometheus text, and serves /metrics, /healthz and /readyz. */
#include "control/metrics.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/secret.h"
#include "control/net/http.h"
#include "control/net/loop.h"

enum { BODY_MAX_BYTES = 4096 };

struct metrics_server {
	struct service *sv;
	unsigned n;
	struct http_server *servers[CONF_LISTEN_MAX];
};

static void say(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP sluice_%s %s\n# TYPE sluice_%s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, uint64_t v)
{
	say(out, name, type, help);
	buf_printf(out, "sluice_%s %" PRIu64 "\n", name, v);
}

static void print_traffic(const struct relay_stats *s, struct buf *out)
{
	one(out, "received_packets_total", "counter", "packets received on the ports of legs",
	    s->rx_pkts);
	one(out, "received_bytes_total", "counter",
	    "UDP payload octets received on the ports of legs", s->rx_bytes);
	one(out, "sent_packets_total", "counter", "packets sent", s->tx_pkts);
	one(out, "sent_bytes_total", "counter", "UDP payload octets sent", s->tx_bytes);
	one(out, "receive_calls_total", "counter", "syscalls that received packets", s->rx_calls);
	one(out, "send_calls_total", "counter", "syscalls that sent packets", s->tx_calls);
	one(out, "kernel_drops_total", "counter",
	    "packets that the kernel dropped because a socket buffer or ring was full",
	    s->kernel_drops);
	one(out, "batches_total", "counter", "batches of received packets", s->batches);
	one(out, "batch_packets_total", "counter",
	    "packets in the batches that sluice_batches_total counts", s->batch_pkts);
	say(out, "packets_total", "counter", "packets by verdict");
	for (unsigned v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++)
		buf_printf(out, "sluice_packets_total{verdict=\"%s\"} %" PRIu64 "\n",
		           verdict_name((enum verdict)v), s->verdicts[v]);
	say(out, "worker_sessions", "gauge", "sessions on each worker");
	for (unsigned w = 0; w < s->workers; w++)
		buf_printf(out, "sluice_worker_sessions{worker=\"%u\"} %" PRIu64 "\n", w,
		           s->worker_sessions[w]);
}

static void print_sessions(struct service *sv, struct buf *out)
{
	struct service_counts c;

	service_get_counts(sv, &c);
	one(out, "sessions", "gauge", "sessions that exist now", c.sessions);
	one(out, "sessions_ending", "gauge",
	    "deleted sessions that continue for their delete delay; not counted in sluice_sessions",
	    c.ending);
	one(out, "sessions_max", "gauge", "maximum number of sessions", c.sessions_max);
	one(out, "sessions_created_total", "counter", "sessions created", c.created);
	one(out, "sessions_deleted_total", "counter", "sessions deleted", c.deleted);
	one(out, "session_updates_total", "counter", "session updates carried out", c.updates);
	one(out, "requests_refused_total", "counter", "session requests that were refused",
	    c.refused);
	one(out, "port_retries_total", "counter",
	    "port pairs chosen again because another process had a port", c.port_retries);
	one(out, "targets_refused_total", "counter",
	    "media targets in signalling and learned source addresses that were refused",
	    c.targets_refused);
	one(out, "lines_passed_total", "counter",
	    "m-lines passed through without relaying their media", c.lines_passed);
	one(out, "lines_refused_total", "counter",
	    "m-lines refused in descriptions that were accepted", c.lines_refused);
	one(out, "media_as_requests_total", "counter",
	    "datagrams to ng dropped because a media port of this gateway sent them",
	    c.media_as_requests);
	one(out, "draining", "gauge", "1 while new sessions are refused", service_is_draining(sv));
	one(out, "events_lost_total", "counter",
	    "events replaced by a later one of the same kind and leg because the control thread "
	    "was late",
	    relay_events_lost(service_relay(sv)));
}

enum { PORT_STATES = 4 };
static const char *const port_states[PORT_STATES] = {"free", "used", "resting", "foreign"};

static void count_ports(struct service *sv, unsigned interface, uint64_t n[PORT_STATES])
{
	struct ports_usage u;

	service_port_usage(sv, interface, &u);
	n[0] += u.pairs - u.in_use - u.resting - u.foreign;
	n[1] += u.in_use;
	n[2] += u.resting;
	n[3] += u.foreign;
}

/* Prints the port pairs of each interface name, summed over the addresses of that name. */
static void print_ports(struct service *sv, struct buf *out)
{
	const struct spec_context *c = service_context(sv);

	say(out, "port_pairs", "gauge",
	    "port pairs of each interface name by state; interfaces on one address share them");
	for (unsigned i = 0; i < c->n_interfaces; i++) {
		uint64_t n[PORT_STATES] = {0};
		bool is_first = true;

		for (unsigned k = 0; k < c->n_interfaces; k++) {
			if (strcmp(c->interfaces[k].name, c->interfaces[i].name) != 0)
				continue;
			is_first &= k >= i;
			count_ports(sv, k, n);
		}
		for (unsigned k = 0; k < PORT_STATES && is_first; k++)
			buf_printf(out,
			           "sluice_port_pairs{interface=\"%s\",state=\"%s\"} %" PRIu64 "\n",
			           c->interfaces[i].name, port_states[k], n[k]);
	}
}

static void print_ports_of_addresses(struct service *sv, struct buf *out)
{
	const struct spec_context *c = service_context(sv);

	say(out, "address_port_pairs", "gauge", "port pairs of each local address by state");
	for (unsigned i = 0; i < c->n_interfaces; i++) {
		uint64_t n[PORT_STATES] = {0};
		char text[ADDR_TEXT_MAX];

		count_ports(sv, i, n);
		for (unsigned k = 0; k < PORT_STATES; k++)
			buf_printf(out,
			           "sluice_address_port_pairs{interface=\"%s\",address=\"%s\","
			           "state=\"%s\"} %" PRIu64 "\n",
			           c->interfaces[i].name,
			           addr_print_ip(&c->interfaces[i].bind, text), port_states[k],
			           n[k]);
	}
}

/* Appends every metric. Labels are verdicts, interface names, local addresses and worker numbers,
 * never session ids or peers' addresses. */
static void print_all(struct service *sv, struct buf *out)
{
	struct relay_stats stats;
	struct secret_usage memory;

	relay_get_stats(service_relay(sv), &stats);
	secret_get_usage(&memory);
	print_sessions(sv, out);
	print_traffic(&stats, out);
	print_ports(sv, out);
	print_ports_of_addresses(sv, out);
	admit_print(out, "sluice_");
	one(out, "key_memory_bytes", "gauge", "key memory in use", memory.in_use_bytes);
	one(out, "key_memory_unlocked_bytes", "gauge",
	    "key memory not locked because of RLIMIT_MEMLOCK: it may be swapped",
	    memory.unlocked_bytes);
	say(out, "build_info", "gauge", "version and engine");
	buf_printf(out, "sluice_build_info{version=\"%s\",engine=\"%s\"} 1\n", SLUICE_VERSION,
	           relay_engine_name(service_relay(sv)));
}

static bool is_ready(struct service *sv)
{
	struct service_counts c;

	service_get_counts(sv, &c);
	return !service_is_draining(sv) && c.sessions < c.sessions_max;
}

static void answer(struct http_request *q, int status, const char *type, struct str body)
{
	struct http_reply reply = {
		.status = status,
		.content_type = type,
		.body = {.p = (const uint8_t *)body.p, .n = body.n},
	};

	http_answer(q, &reply);
}

static void serve(void *arg, struct http_request *q, const struct http_incoming *in)
{
	struct metrics_server *m = arg;
	struct buf out = {0};

	if (in->method != HTTP_GET) {
		answer(q, 405, "text/plain", STR("only GET is allowed\n"));
	} else if (str_is(in->path, "/metrics")) {
		print_all(m->sv, &out);
		answer(q, out.bad ? 500 : 200, "text/plain; version=0.0.4", buf_as_str(&out));
		buf_free(&out);
	} else if (str_is(in->path, "/healthz") || str_is(in->path, "/ping")) {
		answer(q, 200, "text/plain", STR("ok\n"));
	} else if (str_is(in->path, "/readyz")) {
		bool ready = is_ready(m->sv);

		answer(q, ready ? 200 : 503, "text/plain",
		       ready ? STR("ready\n") : STR("not ready: draining or full\n"));
	} else {
		answer(q, 404, "text/plain", STR("not found: GET /metrics, /healthz or /readyz\n"));
	}
}

enum err metrics_check_where(struct str value, struct why *why)
{
	struct addr a;

	if (addr_parse(value, &a))
		return why_fail(why, ERR_INVALID, "\"%.*s\": must be ADDRESS:PORT or [IPv6]:PORT",
		                STR_SHOWN(value));
	return ERR_OK;
}

enum err metrics_server_new(struct metrics_server **out, struct loop *l, struct service *sv,
                            const struct conf *conf, struct why *why)
{
	struct metrics_server *m = mem_alloc(sizeof(*m));

	if (!m)
		return why_fail(why, ERR_NOMEM, "out of memory");
	m->sv = sv;
	for (unsigned i = 0; i < conf->http.n; i++) {
		struct http_server_config c = {.body_max_bytes = BODY_MAX_BYTES,
		                               .name = "http",
		                               .limits = conf_limits(conf, conf->http_clients),
		                               .serve = serve,
		                               .arg = m};
		enum err e = addr_parse(str_of(conf->http.items[i]), &c.listen);

		c.limits.idle_s = HTTP_IDLE_S;
		if (e)
			why_fail(why, e, "\"%s\": must be ADDRESS:PORT", conf->http.items[i]);
		else
			e = http_server_new(&m->servers[i], loop_base(l), &c, why);
		if (e) {
			why_prefix(why, "--http");
			metrics_server_free(m);
			return e;
		}
		m->n++;
	}
	*out = m;
	return ERR_OK;
}

void metrics_server_free(struct metrics_server *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n; i++)
		http_server_free(m->servers[i]);
	mem_free(m);
}

struct addr metrics_server_listener(const struct metrics_server *m, unsigned nth)
{
	return nth < m->n ? http_server_addr(m->servers[nth]) : (struct addr){0};
}

void metrics_server_print(const struct metrics_server *m, struct buf *out)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct addr a = http_server_addr(m->servers[i]);
		char text[ADDR_TEXT_MAX];

		buf_printf(out, "%s%s", i ? "," : "", addr_print(&a, text));
	}
}
