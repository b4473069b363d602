/* SPDX-License-Identifier: MIT */
/* Writes the replies of ng query, delete and statistics. */
#include "control/ng/reply.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"

static void set_endpoint(struct doc_arena *a, struct doc *d, const char *key,
                         const struct addr *addr)
{
	struct doc *e = doc_dict(a);
	char text[ADDR_TEXT_MAX];

	doc_set_text(a, e, "family", addr->version == 6 ? STR("IPv6") : STR("IPv4"));
	doc_set_text(a, e, "address",
	             str_of(addr_is_none(addr) ? "0.0.0.0" : addr_print_ip(addr, text)));
	doc_set_uint(a, e, "port", addr->port);
	doc_set(d, key, e);
}

struct sums {
	uint64_t packets, bytes, errors;
};

/* Counters of RTP and RTCP, separately. */
struct counts {
	struct sums rtp, rtcp;
};

static void set_sums(struct doc_arena *a, struct doc *d, const char *key, const struct sums *n)
{
	struct doc *e = doc_dict(a);

	doc_set_uint(a, e, "packets", n->packets);
	doc_set_uint(a, e, "bytes", n->bytes);
	doc_set_uint(a, e, "errors", n->errors);
	doc_set(d, key, e);
}

static uint64_t less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

static struct counts counts_of(const struct relay_leg_stats *s)
{
	struct counts n = {.rtcp = {.packets = s->rtcp_pkts,
	                            .bytes = s->rtcp_bytes,
	                            .errors = s->rtcp_errors}};
	uint64_t errors = 0;

	for (unsigned v = VERDICT_FORWARDED + 1; v < VERDICT_COUNT; v++)
		errors += s->verdicts[v];
	n.rtp = (struct sums){
		.packets = less(s->rx_pkts, n.rtcp.packets),
		.bytes = less(s->rx_bytes, n.rtcp.bytes),
		.errors = less(errors, n.rtcp.errors),
	};
	return n;
}

static void add(struct sums *to, const struct sums *n)
{
	to->packets += n->packets;
	to->bytes += n->bytes;
	to->errors += n->errors;
}

/* Maximum number of SSRCs in the key SSRC; further SSRCs appear only under their leg. */
enum { SOURCES_MAX = 128 };

/* One SSRC, with its counters summed over all legs of the call. */
struct source {
	uint32_t ssrc;
	uint64_t packets, bytes;
};

/* The state of writing the report of one call. */
struct telling {
	struct doc_arena *a;
	const struct service *sv;
	uint64_t mono_ns, wall_ns;
	struct counts total;
	unsigned n_sources;
	struct source sources[SOURCES_MAX];
};

/* Converts a monotonic time in the past to seconds since 1970. */
static uint64_t epoch_s(const struct telling *t, uint64_t mono_ns)
{
	return (t->wall_ns - less(t->mono_ns, mono_ns)) / NS_PER_S;
}

static struct doc *flag_list(struct doc_arena *a, const char *one, const char *two)
{
	struct doc *l = doc_list(a);

	if (one)
		doc_append(l, doc_text(a, str_of(one)));
	if (two)
		doc_append(l, doc_text(a, str_of(two)));
	return l;
}

static void add_source(struct telling *t, const struct relay_stream_stats *s)
{
	unsigned i = 0;

	while (i < t->n_sources && t->sources[i].ssrc != s->ssrc)
		i++;
	if (i == SOURCES_MAX)
		return;
	t->n_sources += i == t->n_sources;
	t->sources[i].ssrc = s->ssrc;
	t->sources[i].packets += s->pkts;
	t->sources[i].bytes += s->bytes;
}

/* Returns a dictionary of the counters of each SSRC; its keys are SSRCs, as proxies expect. */
static struct doc *source_dict(const struct telling *t)
{
	struct doc *all = doc_dict(t->a);

	for (unsigned i = 0; i < t->n_sources; i++) {
		struct doc *d = doc_dict(t->a);
		char name[16];

		snprintf(name, sizeof(name), "%" PRIu32, t->sources[i].ssrc);
		doc_set_uint(t->a, d, "packets", t->sources[i].packets);
		doc_set_uint(t->a, d, "bytes", t->sources[i].bytes);
		doc_set_str(all, doc_arena_text(t->a, str_of(name)), d);
	}
	return all;
}

/* Returns the list of the SSRCs of a leg, and adds them to the SSRCs of the call. */
static struct doc *sources_of(struct telling *t, const struct relay_leg_stats *s)
{
	struct doc *list = doc_list(t->a);

	for (unsigned i = 0; i < s->n_streams; i++) {
		struct doc *d = doc_dict(t->a);

		doc_set_uint(t->a, d, "SSRC", s->streams[i].ssrc);
		doc_set_uint(t->a, d, "packets", s->streams[i].pkts);
		doc_set_uint(t->a, d, "bytes", s->streams[i].bytes);
		doc_append(list, d);
		add_source(t, &s->streams[i]);
	}
	return list;
}

static const char *life(uint64_t pkts, uint64_t lifetime)
{
	if (pkts >= lifetime)
		return "used up";
	return pkts >= lifetime - lifetime / 10 ? "nearly used up" : "good";
}

/* Reports how much of each key's lifetime is used. With receive-lifetime = report a receive key may
 * have more packets than its lifetime. */
static void set_lifetimes(struct doc_arena *a, struct doc *stream, const struct relay_leg_stats *s)
{
	const struct {
		const char *name;
		uint64_t pkts, lifetime;
	} keys[] = {{"receive key", s->receive_key_pkts, s->receive_key_lifetime},
	            {"send key", s->send_key_pkts, s->send_key_lifetime}};

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		struct doc *d = doc_dict(a);

		if (!keys[i].lifetime)
			continue;
		doc_set_uint(a, d, "packets", keys[i].pkts);
		doc_set_uint(a, d, "lifetime", keys[i].lifetime);
		doc_set_text(a, d, "state", str_of(life(keys[i].pkts, keys[i].lifetime)));
		doc_set(stream, keys[i].name, d);
	}
}

/* Returns the stream of RTP or RTCP of a leg. `leg` NULL: the leg was removed, `stats` remain. */
static struct doc *stream_of(struct telling *t, const struct spec_leg *leg,
                             const struct relay_leg_stats *stats, bool is_rtcp)
{
	struct doc *d = doc_dict(t->a);
	bool is_both = leg && leg->relay.rtcp == RELAY_RTCP_MUX;
	struct counts n;

	if (leg) {
		struct addr local =
			is_rtcp ? service_local_rtcp(t->sv, leg) : service_local(t->sv, leg);
		const struct addr *told = is_rtcp ? &leg->relay.remote_rtcp : &leg->relay.remote;
		const struct addr *remote = !stats    ? told
		                            : is_rtcp ? &stats->remote_rtcp
		                                      : &stats->remote;

		doc_set_uint(t->a, d, "local port", local.port);
		set_endpoint(t->a, d, "local endpoint", &local);
		set_endpoint(t->a, d, "endpoint", remote);
		set_endpoint(t->a, d, "advertised endpoint", told);
		if (leg->relay.receive)
			doc_set_text(t->a, d, "crypto suite",
			             str_of(leg->relay.receive->suite->name));
	}
	doc_set(d, "flags",
	        flag_list(t->a, is_rtcp ? NULL : "RTP", is_rtcp || is_both ? "RTCP" : NULL));
	if (!stats)
		return d;
	n = counts_of(stats);
	if (stats->last_rx_ns && !is_rtcp)
		doc_set_uint(t->a, d, "last packet", epoch_s(t, stats->last_rx_ns));
	if (stats->n_streams && !is_rtcp)
		doc_set_uint(t->a, d, "SSRC", stats->streams[0].ssrc);
	set_sums(t->a, d, "stats", is_rtcp ? &n.rtcp : &n.rtp);
	if (!is_rtcp)
		set_lifetimes(t->a, d, stats);
	return d;
}

/* Returns one leg, which is one side of an m-line. It has a stream for RTP and one for RTCP, which
 * proxies expect even if RTCP has no port of its own. */
static struct doc *media_of(struct telling *t, const struct spec_leg *leg, unsigned index,
                            const struct relay_leg_stats *stats)
{
	struct doc *media = doc_dict(t->a), *streams = doc_list(t->a);
	bool is_muxed = leg && leg->relay.rtcp == RELAY_RTCP_MUX,
	     is_secure = leg && leg->relay.receive;

	doc_append(streams, stream_of(t, leg, stats, false));
	doc_append(streams, stream_of(t, leg, stats, true));
	doc_set_uint(t->a, media, "index", index + 1);
	doc_set_text(t->a, media, "protocol", is_secure ? STR("RTP/SAVP") : STR("RTP/AVP"));
	doc_set(media, "flags",
	        flag_list(t->a, is_muxed ? "rtcp-mux" : NULL, is_secure ? "SDES" : NULL));
	doc_set(media, "streams", streams);
	if (stats) {
		struct counts n = counts_of(stats);

		add(&t->total.rtp, &n.rtp);
		add(&t->total.rtcp, &n.rtcp);
		doc_set(media, "ingress SSRCs", sources_of(t, stats));
	}
	return media;
}

/* One side of a call: its tag, when the tag was first seen (0: unknown), and its legs. */
struct tag_side {
	struct str tag;
	uint64_t seen_wall_ns;
	struct doc *medias;
};

static void add_tag(struct doc_arena *a, struct doc *tags, const struct tag_side *side,
                    struct str other)
{
	struct doc *d = doc_dict(a);

	doc_set_text(a, d, "tag", side->tag);
	if (side->seen_wall_ns)
		doc_set_uint(a, d, "created", side->seen_wall_ns / NS_PER_S);
	if (other.n)
		doc_set_text(a, d, "in dialogue with", other);
	doc_set(d, "medias", side->medias);
	doc_set_str(tags, doc_arena_text(a, side->tag), d);
}

/* Returns the m-line of media `m`, counted from 0, from the media's id ("1" or "1+"); returns `m`
 * if the id is not such a number, because dialog did not create the media. */
static unsigned line_of(const struct spec_session *spec, unsigned m)
{
	struct str id = str_of(spec->media.items[m].id);
	uint64_t n;

	if (id.n > 1 && id.p[id.n - 1] == '+')
		id.n--;
	return str_to_u64(id, SDP_MEDIA_MAX, &n) || n == 0 ? m : (unsigned)n - 1;
}

static enum offer_side access_of(const struct ng_call *c, unsigned media)
{
	return dialog_access(c->dialogs, c->id, c->session->spec->media.items[media].id);
}

/* Lists the legs of each side: those that exist, and those that were removed during the call. */
static void list_medias(struct telling *t, const struct ng_call *c, struct tag_side sides[2])
{
	const struct spec_session *spec = c->session->spec;
	const struct relay_session_stats *stats = c->stats;

	for (unsigned m = 0; m < spec->media.n; m++) {
		const struct spec_media *sm = &spec->media.items[m];
		enum offer_side access = access_of(c, m);

		for (unsigned i = 0; i < sm->legs.n; i++) {
			bool known = stats && m < stats->n_media && i < stats->media[m].n_legs;
			unsigned side = i == RELAY_LEG_ACCESS ? access : !access;

			if (sm->legs.items[i].exists)
				doc_append(sides[side].medias,
				           media_of(t, &sm->legs.items[i], line_of(spec, m),
				                    known ? &stats->media[m].legs[i] : NULL));
		}
	}
	for (unsigned i = 0; stats && i < stats->n_gone; i++) {
		const struct relay_gone_leg *gone = &stats->gone[i];
		bool is_listed = gone->media < spec->media.n;
		enum offer_side access = is_listed ? access_of(c, gone->media) : OFFER_SIDE_A;

		doc_append(sides[gone->leg == RELAY_LEG_ACCESS ? access : !access].medias,
		           media_of(t, NULL, is_listed ? line_of(spec, gone->media) : gone->media,
		                    &gone->stats));
	}
}

void ng_reply_call(struct doc_arena *a, struct doc *out, const struct ng_call *c)
{
	struct doc *tags = doc_dict(a), *totals = doc_dict(a);
	struct tag_side sides[2] = {{.medias = doc_list(a)}, {.medias = doc_list(a)}};
	struct telling t = {
		.a = a, .sv = c->service, .mono_ns = clk_mono_ns(), .wall_ns = clk_wall_ns()};
	uint64_t created_s = c->session->created_wall_ns / NS_PER_S, settled_ns, seen_wall_ns[2];

	dialog_tags(c->dialogs, c->id, &sides[0].tag, &sides[1].tag);
	dialog_times(c->dialogs, c->id, &settled_ns, seen_wall_ns);
	list_medias(&t, c, sides);
	doc_set_uint(a, out, "created", created_s);
	doc_set_uint(a, out, "last signal", settled_ns ? epoch_s(&t, settled_ns) : created_s);
	for (unsigned i = 0; i < 2; i++) {
		sides[i].seen_wall_ns = seen_wall_ns[i];
		if (sides[i].tag.n && (i == 0 || !str_eq(sides[0].tag, sides[1].tag)))
			add_tag(a, tags, &sides[i], sides[!i].tag);
	}
	doc_set(out, "tags", tags);
	doc_set(out, "SSRC", source_dict(&t));
	set_sums(a, totals, "RTP", &t.total.rtp);
	set_sums(a, totals, "RTCP", &t.total.rtcp);
	doc_set(out, "totals", totals);
}

void ng_reply_statistics(struct doc_arena *a, struct doc *out, struct service *sv)
{
	struct doc *all = doc_dict(a), *now = doc_dict(a), *total = doc_dict(a);
	struct service_counts counts;
	struct relay_stats stats;
	uint64_t errors = 0;

	service_get_counts(sv, &counts);
	relay_get_stats(service_relay(sv), &stats);
	for (unsigned v = VERDICT_FORWARDED + 1; v < VERDICT_COUNT; v++)
		errors += stats.verdicts[v];
	doc_set_uint(a, now, "sessionstotal", counts.sessions);
	doc_set_uint(a, now, "sessionsown", counts.sessions);
	doc_set_uint(a, now, "maxsessions", counts.sessions_max);
	doc_set_uint(a, total, "managedsessions", counts.created);
	doc_set_uint(a, total, "deletedsessions", counts.deleted);
	doc_set_uint(a, total, "rejectedsessions", counts.refused);
	doc_set_uint(a, total, "relayedpackets", stats.tx_pkts);
	doc_set_uint(a, total, "relayedbytes", stats.tx_bytes);
	doc_set_uint(a, total, "relayedpacketerrors", errors);
	doc_set(all, "currentstatistics", now);
	doc_set(all, "totalstatistics", total);
	doc_set(out, "statistics", all);
}
