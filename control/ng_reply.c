/* SPDX-License-Identifier: MIT */
/* What is told of calls over ng. */
#include "control/ng_reply.h"

#include "base/clk.h"

static void set_endpoint(struct doc_arena *a, struct doc *d, const char *key, const struct addr *addr)
{
	struct doc *e = doc_dict(a);
	char text[ADDR_TEXT_MAX];

	doc_set_text(a, e, "family", addr->version == 6 ? STR("IPv6") : STR("IPv4"));
	doc_set_text(a, e, "address", str_of(addr_is_none(addr) ? "0.0.0.0" : addr_print_ip(addr, text)));
	doc_set_uint(a, e, "port", addr->port);
	doc_set(d, key, e);
}

struct sums {
	uint64_t packets, bytes, errors;
};

static void set_sums(struct doc_arena *a, struct doc *d, const char *key, const struct sums *n)
{
	struct doc *e = doc_dict(a);

	doc_set_uint(a, e, "packets", n->packets);
	doc_set_uint(a, e, "bytes", n->bytes);
	doc_set_uint(a, e, "errors", n->errors);
	doc_set(d, key, e);
}

static struct sums sums_of(const struct relay_leg_stats *s)
{
	struct sums n = {.packets = s->rx_pkts, .bytes = s->rx_bytes};

	for (unsigned v = VERDICT_FORWARDED + 1; v < VERDICT_COUNT; v++)
		n.errors += s->verdicts[v];
	return n;
}

/* One leg is one stream of a media: RTP and RTCP are counted together. */
static struct doc *media_of(struct doc_arena *a, const struct service *sv, const struct spec_leg *leg, unsigned index,
                            const struct relay_leg_stats *stats, struct sums *total)
{
	struct doc *media = doc_dict(a), *streams = doc_list(a), *stream = doc_dict(a);
	struct addr local = service_local(sv, leg);
	const struct addr *remote = stats ? &stats->remote : &leg->remote;

	doc_set_uint(a, stream, "local port", local.port);
	set_endpoint(a, stream, "local endpoint", &local);
	set_endpoint(a, stream, "endpoint", remote);
	set_endpoint(a, stream, "advertised endpoint", &leg->remote);
	if (leg->receive.keying)
		doc_set_text(a, stream, "crypto suite", str_of(leg->receive.keying->suite->name));
	if (stats) {
		struct sums n = sums_of(stats);

		total->packets += n.packets;
		total->bytes += n.bytes;
		total->errors += n.errors;
		set_sums(a, stream, "stats", &n);
	}
	doc_append(streams, stream);
	doc_set_uint(a, media, "index", index + 1);
	doc_set_text(a, media, "protocol", leg->receive.keying ? STR("RTP/SAVP") : STR("RTP/AVP"));
	doc_set(media, "streams", streams);
	return media;
}

static void add_tag(struct doc_arena *a, struct doc *tags, struct str tag, struct str other, struct doc *medias)
{
	struct doc *d = doc_dict(a);

	doc_set_text(a, d, "tag", tag);
	if (other.n)
		doc_set_text(a, d, "in dialogue with", other);
	doc_set(d, "medias", medias);
	doc_set_str(tags, doc_arena_text(a, tag), d);
}

void ng_reply_call(struct doc_arena *a, struct doc *out, const struct dialogs *d, struct str call, const struct service *sv,
                   const struct session *s, const struct relay_session_stats *stats)
{
	struct doc *tags = doc_dict(a), *totals = doc_dict(a), *medias[2] = {doc_list(a), doc_list(a)};
	struct sums total = {0}, none = {0};
	struct str tag[2];

	dialog_tags(d, call, &tag[0], &tag[1]);
	for (unsigned m = 0; m < s->spec->media.n; m++) {
		const struct spec_media *sm = &s->spec->media.items[m];
		enum offer_side access = dialog_access(d, call, sm->id);

		for (unsigned i = 0; i < sm->legs.n; i++) {
			bool known = stats && m < stats->n_media && i < stats->media[m].n_legs;
			unsigned side = i == RELAY_LEG_ACCESS ? access : !access;

			if (sm->legs.items[i].exists)
				doc_append(medias[side], media_of(a, sv, &sm->legs.items[i], m,
				                                  known ? &stats->media[m].legs[i] : NULL, &total));
		}
	}
	doc_set_uint(a, out, "created", s->created_wall_ns / NS_PER_S);
	if (tag[0].n)
		add_tag(a, tags, tag[0], tag[1], medias[0]);
	if (tag[1].n && !str_eq(tag[0], tag[1]))
		add_tag(a, tags, tag[1], tag[0], medias[1]);
	doc_set(out, "tags", tags);
	set_sums(a, totals, "RTP", &total);
	set_sums(a, totals, "RTCP", &none);
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
