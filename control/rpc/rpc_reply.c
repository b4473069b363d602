/* SPDX-License-Identifier: MIT */
/* Builds JSON results from the state of service and relay. */
#include "control/rpc/rpc_reply.h"

#include "base/clk.h"
#include "base/secret.h"

static const char *const state_names[] = {[SESSION_CREATING] = "creating",
                                          [SESSION_STEADY] = "steady",
                                          [SESSION_UPDATING] = "updating",
                                          [SESSION_DELETING] = "deleting"};

static uint64_t age_ms(const struct registry_session *s)
{
	uint64_t now_ns = clk_wall_ns();

	return now_ns > s->created_wall_ns ? (now_ns - s->created_wall_ns) / NS_PER_MS : 0;
}

static void set_addr(struct doc_arena *a, struct doc *d, const char *name, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_none(addr))
		doc_set_text(a, d, name, str_of(addr_print(addr, text)));
}

static void set_local(struct doc_arena *a, struct doc *d, const struct service *sv,
                      const struct spec_leg *leg)
{
	struct addr local = service_local(sv, leg), local_rtcp = service_local_rtcp(sv, leg),
		    other = service_local_other(sv, leg);

	set_addr(a, d, "local", &local);
	set_addr(a, d, "local_rtcp", &local_rtcp);
	set_addr(a, d, "local_other", &other);
}

/* `brief`: adds the mode and the remote addresses, for session.list. */
static struct doc *media_local(struct doc_arena *a, const struct service *sv,
                               const struct spec_media *m, bool brief)
{
	struct doc *d = doc_dict(a), *legs = doc_dict(a);

	doc_set_text(a, d, "id", str_of(m->id));
	if (brief)
		doc_set_text(a, d, "mode", str_of(relay_mode_name((enum relay_mode)m->mode)));
	for (unsigned i = 0; i < m->legs.n; i++) {
		struct doc *leg;

		if (!m->legs.items[i].exists)
			continue;
		leg = doc_dict(a);
		set_local(a, leg, sv, &m->legs.items[i]);
		if (brief)
			set_addr(a, leg, "remote", &m->legs.items[i].relay.remote);
		doc_set(legs, spec_leg_name(i), leg);
	}
	doc_set(d, "legs", legs);
	return d;
}

static struct doc *session_local(struct doc_arena *a, const struct service *sv,
                                 const struct registry_session *s, bool brief)
{
	struct doc *out = doc_dict(a), *media = doc_list(a);

	doc_set_text(a, out, "id", str_of(s->spec->id));
	if (brief) {
		doc_set_text(a, out, "state", str_of(state_names[s->state]));
		doc_set_uint(a, out, "age_ms", age_ms(s));
	}
	for (unsigned m = 0; m < s->spec->media.n; m++)
		doc_append(media, media_local(a, sv, &s->spec->media.items[m], brief));
	doc_set(out, "media", media);
	return out;
}

struct doc *rpc_reply_local(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s)
{
	return session_local(a, sv, s, false);
}

struct doc *rpc_reply_brief(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s)
{
	return session_local(a, sv, s, true);
}

/* Returns the counters by verdict. `all`: includes counters that are zero. */
static struct doc *verdicts(struct doc_arena *a, const uint64_t counts[VERDICT_COUNT], bool all)
{
	struct doc *d = doc_dict(a);

	for (unsigned v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++)
		if (all || counts[v])
			doc_set_uint(a, d, verdict_name((enum verdict)v), counts[v]);
	return d;
}

static struct doc *stream_stats(struct doc_arena *a, const struct relay_stream_stats *s)
{
	struct doc *d = doc_dict(a);

	doc_set_uint(a, d, "ssrc", s->ssrc);
	if (s->ssrc_out != s->ssrc)
		doc_set_uint(a, d, "ssrc_out", s->ssrc_out);
	doc_set_uint(a, d, "roc", s->roc);
	doc_set_uint(a, d, "highest_seq", s->highest_seq);
	doc_set_uint(a, d, "pkts", s->pkts);
	doc_set_uint(a, d, "bytes", s->bytes);
	doc_set_uint(a, d, "lost", s->lost);
	doc_set_uint(a, d, "jitter", s->jitter);
	return d;
}

static struct doc *leg_stats(struct doc_arena *a, const struct relay_leg_stats *s)
{
	uint64_t now_ns = clk_mono_ns();
	struct doc *d = doc_dict(a), *streams = doc_list(a);

	set_addr(a, d, "remote", &s->remote);
	set_addr(a, d, "remote_rtcp", &s->remote_rtcp);
	doc_set_bool(a, d, "latched", s->latched);
	doc_set_uint(a, d, "rx_pkts", s->rx_pkts);
	doc_set_uint(a, d, "rx_bytes", s->rx_bytes);
	doc_set_uint(a, d, "tx_pkts", s->tx_pkts);
	doc_set_uint(a, d, "tx_bytes", s->tx_bytes);
	doc_set_uint(a, d, "rtcp_pkts", s->rtcp_pkts);
	doc_set_uint(a, d, "rtcp_bytes", s->rtcp_bytes);
	doc_set(d, "verdicts", verdicts(a, s->verdicts, false));
	if (s->finding != RELAY_FINDING_NONE)
		doc_set_text(a, d, "finding", str_of(relay_finding_name(s->finding)));
	doc_set_uint(a, d, "receive_key_pkts", s->receive_key_pkts);
	doc_set_uint(a, d, "send_key_pkts", s->send_key_pkts);
	if (s->receive_key_lifetime)
		doc_set_uint(a, d, "receive_key_lifetime", s->receive_key_lifetime);
	if (s->send_key_lifetime)
		doc_set_uint(a, d, "send_key_lifetime", s->send_key_lifetime);
	doc_set_uint(a, d, "rekeys", s->rekeys);
	doc_set_uint(a, d, "ssrc_changes", s->ssrc_changes);
	if (s->last_rx_ns)
		doc_set_uint(a, d, "silent_ms",
		             now_ns > s->last_rx_ns ? (now_ns - s->last_rx_ns) / NS_PER_MS : 0);
	for (unsigned i = 0; i < s->n_streams; i++)
		doc_append(streams, stream_stats(a, &s->streams[i]));
	doc_set(d, "streams", streams);
	return d;
}

/* Returns NULL if `stats` has no statistics of this media. */
static const struct relay_media_stats *media_stats(const struct relay_session_stats *stats,
                                                   unsigned media)
{
	return stats && media < stats->n_media ? &stats->media[media] : NULL;
}

static const struct relay_leg_stats *stats_of(const struct relay_media_stats *stats, unsigned leg)
{
	return stats && leg < stats->n_legs ? &stats->legs[leg] : NULL;
}

/* Adds local addresses and statistics to the legs in `legs`, which schema_write made. */
static void dress_media(struct doc_arena *a, struct doc *legs, const struct service *sv,
                        const struct spec_media *sm, const struct relay_media_stats *stats)
{
	for (unsigned i = 0; i < sm->legs.n; i++) {
		const struct relay_leg_stats *ls = stats_of(stats, i);
		struct doc *leg = doc_find(legs, spec_leg_name(i));

		if (!sm->legs.items[i].exists)
			continue;
		set_local(a, leg, sv, &sm->legs.items[i]);
		if (ls)
			doc_set(leg, "stats", leg_stats(a, ls));
	}
}

struct doc *rpc_reply_session(struct doc_arena *a, const struct service *sv,
                              const struct registry_session *s,
                              const struct relay_session_stats *stats)
{
	struct schema_out out = {.arena = a, .context = service_context(sv)};
	struct doc *d = schema_write(&out, &spec_session_schema, s->spec);
	struct doc *list = doc_find(d, "media"), *m = list ? list->first : NULL;

	for (unsigned i = 0; i < s->spec->media.n && m; i++, m = m->next)
		dress_media(a, doc_find(m, "legs"), sv, &s->spec->media.items[i],
		            media_stats(stats, i));
	doc_set_text(a, d, "state", str_of(state_names[s->state]));
	doc_set_uint(a, d, "created_ms", s->created_wall_ns / NS_PER_MS);
	doc_set_uint(a, d, "age_ms", age_ms(s));
	return d;
}

struct doc *rpc_reply_final(struct doc_arena *a, const struct registry_session *s,
                            const struct relay_session_stats *stats)
{
	struct doc *out = doc_dict(a), *media = doc_list(a);

	doc_set_text(a, out, "id", str_of(s->spec->id));
	doc_set_uint(a, out, "age_ms", age_ms(s));
	for (unsigned m = 0; m < s->spec->media.n; m++) {
		struct doc *d = doc_dict(a), *legs = doc_dict(a);

		doc_set_text(a, d, "id", str_of(s->spec->media.items[m].id));
		for (unsigned i = 0; i < s->spec->media.items[m].legs.n; i++) {
			const struct relay_leg_stats *ls = stats_of(media_stats(stats, m), i);

			if (ls && s->spec->media.items[m].legs.items[i].exists)
				doc_set(legs, spec_leg_name(i), leg_stats(a, ls));
		}
		doc_set(d, "legs", legs);
		doc_append(media, d);
	}
	doc_set(out, "media", media);
	return out;
}

static struct doc *interface_stats(struct doc_arena *a, struct service *sv, unsigned i)
{
	const struct relay_interface *f = &service_context(sv)->interfaces[i];
	const struct relay *r = service_relay(sv);
	struct doc *d = doc_dict(a);
	struct ports_usage ports;
	char text[ADDR_TEXT_MAX];

	service_port_usage(sv, i, &ports);
	doc_set_text(a, d, "name", str_of(f->name));
	doc_set_text(a, d, "address", str_of(addr_print_ip(&f->bind, text)));
	doc_set_text(a, d, "advertised", str_of(addr_print_ip(&f->advertised, text)));
	doc_set_text(a, d, "io", str_of(relay_io_name(r, i)));
	doc_set_text(a, d, "io_reason", str_of(relay_io_reason(r, i)));
	doc_set_uint(a, d, "port_pairs", ports.pairs);
	doc_set_uint(a, d, "port_pairs_in_use", ports.in_use);
	doc_set_uint(a, d, "port_pairs_resting", ports.resting);
	doc_set_uint(a, d, "port_pairs_foreign", ports.foreign);
	return d;
}

static void set_sessions(struct doc_arena *a, struct doc *d, const struct service *sv)
{
	struct service_counts c;

	service_get_counts(sv, &c);
	doc_set_uint(a, d, "sessions", c.sessions);
	doc_set_uint(a, d, "sessions_ending", c.ending);
	doc_set_uint(a, d, "sessions_max", c.sessions_max);
	doc_set_uint(a, d, "created", c.created);
	doc_set_uint(a, d, "updated", c.updates);
	doc_set_uint(a, d, "deleted", c.deleted);
	doc_set_uint(a, d, "refused", c.refused);
	doc_set_uint(a, d, "port_retries", c.port_retries);
	doc_set_uint(a, d, "targets_refused", c.targets_refused);
	doc_set_uint(a, d, "lines_passed", c.lines_passed);
	doc_set_uint(a, d, "lines_refused", c.lines_refused);
	doc_set_uint(a, d, "media_as_requests", c.media_as_requests);
	doc_set_bool(a, d, "draining", service_is_draining(sv));
}

static void set_packets(struct doc_arena *a, struct doc *d, const struct relay_stats *s)
{
	struct doc *workers = doc_list(a);

	doc_set_uint(a, d, "rx_pkts", s->rx_pkts);
	doc_set_uint(a, d, "rx_bytes", s->rx_bytes);
	doc_set_uint(a, d, "tx_pkts", s->tx_pkts);
	doc_set_uint(a, d, "tx_bytes", s->tx_bytes);
	doc_set_uint(a, d, "rx_calls", s->rx_calls);
	doc_set_uint(a, d, "tx_calls", s->tx_calls);
	doc_set_uint(a, d, "kernel_drops", s->kernel_drops);
	doc_set_uint(a, d, "turns", s->turns);
	doc_set_uint(a, d, "batches", s->batches);
	doc_set_uint(a, d, "batch_pkts", s->batch_pkts);
	doc_set(d, "verdicts", verdicts(a, s->verdicts, true));
	for (unsigned i = 0; i < s->workers; i++)
		doc_append(workers, doc_uint(a, s->worker_sessions[i]));
	doc_set(d, "worker_sessions", workers);
}

static struct doc *locked_memory(struct doc_arena *a)
{
	struct doc *d = doc_dict(a);
	struct secret_usage u;

	secret_get_usage(&u);
	doc_set_uint(a, d, "in_use_bytes", u.in_use_bytes);
	doc_set_uint(a, d, "mapped_bytes", u.mapped_bytes);
	doc_set_uint(a, d, "unlocked_bytes", u.unlocked_bytes);
	return d;
}

struct doc *rpc_reply_stats(struct doc_arena *a, struct service *sv, uint64_t uptime_ms)
{
	struct doc *d = doc_dict(a), *interfaces = doc_list(a);
	struct relay_stats s;

	relay_get_stats(service_relay(sv), &s);
	doc_set_uint(a, d, "uptime_ms", uptime_ms);
	set_sessions(a, d, sv);
	set_packets(a, d, &s);
	doc_set_text(a, d, "engine", str_of(relay_engine_name(service_relay(sv))));
	doc_set_text(a, d, "engine_reason", str_of(relay_engine_reason(service_relay(sv))));
	for (unsigned i = 0; i < service_context(sv)->n_interfaces; i++)
		doc_append(interfaces, interface_stats(a, sv, i));
	doc_set(d, "interfaces", interfaces);
	doc_set(d, "locked_memory", locked_memory(a));
	return d;
}
