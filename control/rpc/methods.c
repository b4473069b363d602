/* SPDX-License-Identifier: MIT */
/* The methods session.*, stats, ping, version and events.subscribe. */
#include "control/rpc/methods.h"

#include <stdio.h>

#include "base/clk.h"
#include "base/log.h"
#include "control/session/interfaces.h"
#include "control/rpc/peer.h"
#include "control/rpc/rpc_reply.h"

/* --- params ----------------------------------------------------------------- */

struct id_params {
	uint64_t has;
	char id[128];
};
static const struct schema_field id_fields[] = {
	{
		.name = "id",
		SCHEMA_FIELD(&schema_text, struct id_params, id),
		.required = true,
		.min = 1,
		.help = "id of the session",
	},
};
static const struct schema id_schema = SCHEMA_OF("the request", id_fields, struct id_params);

/* LIST_LOOKS: sessions that one session.list looks at, wanted or not. */
enum { LIST_DEFAULT = 100, LIST_MAX = 1000, LIST_LOOKS = 10000, MODE_ANY = 255 };
struct list_params {
	uint64_t has;
	uint32_t after, limit;
	char prefix[128], interface[INTERFACES_TEXT_MAX];
	uint8_t mode; /* MODE_ANY, or enum relay_mode */
};
static const struct schema_field list_fields[] = {
	{
		.name = "after",
		SCHEMA_FIELD(&schema_uint, struct list_params, after),
		.max = UINT32_MAX,
		.help = "\"next\" of the previous page",
	},
	{
		.name = "limit",
		SCHEMA_FIELD(&schema_uint, struct list_params, limit),
		.min = 1,
		.max = LIST_MAX,
		.help = "maximum number of sessions on a page; default: 100",
	},
	{
		.name = "prefix",
		SCHEMA_FIELD(&schema_text, struct list_params, prefix),
		.help = "only sessions whose id begins with this text",
	},
	{
		.name = "interface",
		SCHEMA_FIELD(&schema_text, struct list_params, interface),
		.help = "only sessions with a leg on this interface",
	},
	{
		.name = "mode",
		SCHEMA_FIELD(&spec_mode_type, struct list_params, mode),
		.help = "only sessions with a media of this mode",
	},
};
static const struct schema list_schema = SCHEMA_OF("the request", list_fields, struct list_params);

static const struct schema none_schema = {.name = "the request", .bytes = sizeof(uint64_t)};

/* --- sessions --------------------------------------------------------------- */

static void answer_local(void *arg, const struct service_result *r)
{
	struct rpc_request *request = arg;
	struct doc_arena *a = rpc_arena(request);
	struct doc *d;

	if (r->e) {
		rpc_refuse(request, r->e, r->why, NULL);
		return;
	}
	d = rpc_reply_local(a, rpc_service(request), r->session);
	doc_set_bool(a, d, "changed", r->changed);
	rpc_answer(request, d);
}

typedef void take_fn(struct service *sv, struct spec_session *patch, service_done_fn *done,
                     void *arg);

static void handle_patch(struct rpc_request *request, const struct doc *params, take_fn *take)
{
	struct spec_session *patch = NULL;

	if (spec_new(&patch)) {
		rpc_refuse(request, ERR_NOMEM, NULL, NULL);
		return;
	}
	if (rpc_read(request, &spec_session_schema, params, patch)) {
		spec_free(patch);
		return;
	}
	take(rpc_service(request), patch, answer_local, request);
}

static void session_create(struct rpc_request *request, const struct doc *params)
{
	handle_patch(request, params, service_create_take);
}

static void session_update(struct rpc_request *request, const struct doc *params)
{
	handle_patch(request, params, service_update_take);
}

static void answer_final(void *arg, const struct service_result *r)
{
	struct rpc_request *request = arg;

	if (r->e)
		rpc_refuse(request, r->e, r->why, NULL);
	else
		rpc_answer(request, rpc_reply_final(rpc_arena(request), r->session, r->stats));
}

static void session_delete(struct rpc_request *request, const struct doc *params)
{
	struct id_params in = {0};

	if (!rpc_read(request, &id_schema, params, &in))
		service_delete(rpc_service(request), str_of(in.id), answer_final, request);
}

static void answer_session(void *arg, const struct service_result *r)
{
	struct rpc_request *request = arg;

	if (r->e)
		rpc_refuse(request, r->e, r->why, NULL);
	else
		rpc_answer(request, rpc_reply_session(rpc_arena(request), rpc_service(request),
		                                      r->session, r->stats));
}

static void session_get(struct rpc_request *request, const struct doc *params)
{
	struct id_params in = {0};

	if (!rpc_read(request, &id_schema, params, &in))
		service_get(rpc_service(request), str_of(in.id), answer_session, request);
}

static bool leg_is_at(const struct spec_context *context, const struct spec_leg *leg,
                      uint8_t choice)
{
	struct interfaces l = {.items = context->interfaces, .n = context->n_interfaces};

	return leg->exists &&
	       (interfaces_has(&l, choice, leg->at.interface, 0) ||
	        (leg->other.port && interfaces_has(&l, choice, leg->other.interface, 0)));
}

/* Does the request ask for this session? `choice` is the interface of the request; INTERFACES_ALL
 * if it names none. */
static bool list_wants(const struct list_params *in, uint8_t choice,
                       const struct spec_context *context, const struct spec_session *s)
{
	bool mode_ok = in->mode == MODE_ANY, interface_ok = in->interface[0] == '\0';

	if (!str_starts(str_of(s->id), in->prefix))
		return false;
	for (unsigned m = 0; m < s->media.n; m++) {
		const struct spec_media *media = &s->media.items[m];

		mode_ok |= media->mode == in->mode;
		for (unsigned i = 0; i < media->legs.n; i++)
			interface_ok |= leg_is_at(context, &media->legs.items[i], choice);
	}
	return mode_ok && interface_ok;
}

static void session_list(struct rpc_request *request, const struct doc *params)
{
	struct service *sv = rpc_service(request);
	struct doc_arena *a = rpc_arena(request);
	struct list_params in = {.limit = LIST_DEFAULT, .mode = MODE_ANY};
	struct doc *d, *list;
	struct interfaces interfaces = {.items = service_context(sv)->interfaces,
	                                .n = service_context(sv)->n_interfaces};
	uint8_t choice = INTERFACES_ALL;
	struct registry_session *s;
	struct why why;
	uint32_t at;

	if (rpc_read(request, &list_schema, params, &in))
		return;
	if (in.interface[0] && interfaces_find(&interfaces, str_of(in.interface), &choice, &why)) {
		rpc_refuse(request, ERR_NOT_FOUND, &why, NULL);
		return;
	}
	d = doc_dict(a);
	list = doc_list(a);
	at = in.after;
	for (unsigned i = 0; list && list->n < in.limit && i < LIST_LOOKS &&
	                     (s = registry_next(service_registry(sv), &at));
	     i++)
		if (list_wants(&in, choice, service_context(sv), s->spec))
			doc_append(list, rpc_reply_brief(a, sv, s));
	doc_set(d, "sessions", list);
	doc_set_uint(a, d, "total", registry_count(service_registry(sv)));
	/* The last page has no "next". */
	if (registry_next(service_registry(sv), &(uint32_t){at}))
		doc_set_uint(a, d, "next", at);
	rpc_answer(request, d);
}

/* Sets whether the gateway drains; answers with this state and the number of sessions. */
static void set_draining(struct rpc_request *request, const struct doc *params, bool on)
{
	struct service *sv = rpc_service(request);
	struct doc_arena *a = rpc_arena(request);
	struct service_counts counts;
	uint64_t none = 0;
	struct doc *d;

	if (rpc_read(request, &none_schema, params, &none))
		return;
	if (service_is_draining(sv) != on && on)
		log_info("service", "draining: new sessions are refused until session.undrain");
	else if (service_is_draining(sv) != on)
		log_info("service", "new sessions are accepted again");
	service_set_draining(sv, on);
	service_get_counts(sv, &counts);
	d = doc_dict(a);
	doc_set_bool(a, d, "draining", on);
	doc_set_uint(a, d, "sessions", counts.sessions);
	rpc_answer(request, d);
}

static void session_drain(struct rpc_request *request, const struct doc *params)
{
	set_draining(request, params, true);
}

static void session_undrain(struct rpc_request *request, const struct doc *params)
{
	set_draining(request, params, false);
}

/* --- the process ------------------------------------------------------------ */

static void stats(struct rpc_request *request, const struct doc *params)
{
	uint64_t none = 0;

	if (!rpc_read(request, &none_schema, params, &none))
		rpc_answer(request, rpc_reply_stats(rpc_arena(request), rpc_service(request),
		                                    rpc_request_uptime_ms(request)));
}

static void ping(struct rpc_request *request, const struct doc *params)
{
	struct doc_arena *a = rpc_arena(request);
	struct service_counts counts;
	uint64_t none = 0;
	struct doc *d;

	if (rpc_read(request, &none_schema, params, &none))
		return;
	service_get_counts(rpc_service(request), &counts);
	d = doc_dict(a);
	doc_set_bool(a, d, "pong", true);
	doc_set_uint(a, d, "sessions", counts.sessions);
	doc_set_uint(a, d, "sessions_ending", counts.ending);
	doc_set_uint(a, d, "sessions_max", counts.sessions_max);
	doc_set_bool(a, d, "draining", service_is_draining(rpc_service(request)));
	rpc_answer(request, d);
}

static void version(struct rpc_request *request, const struct doc *params)
{
	struct doc_arena *a = rpc_arena(request);
	struct doc *d, *suites, *modes;
	uint64_t none = 0;

	if (rpc_read(request, &none_schema, params, &none))
		return;
	d = doc_dict(a);
	suites = doc_list(a);
	modes = doc_list(a);
	doc_set_text(a, d, "version", STR(SLUICE_VERSION));
	doc_set_uint(a, d, "protocol", RPC_VERSION);
	doc_set_text(a, d, "engine",
	             str_of(relay_engine_name(service_relay(rpc_service(request)))));
	for (unsigned i = 0; i < SUITE_COUNT; i++)
		doc_append(suites, doc_text(a, str_of(suite_get((enum suite_id)i)->name)));
	for (unsigned i = 0; i < RELAY_MODE_COUNT; i++)
		doc_append(modes, doc_text(a, str_of(relay_mode_name((enum relay_mode)i))));
	doc_set(d, "suites", suites);
	doc_set(d, "modes", modes);
	rpc_answer(request, d);
}

/* --- events ----------------------------------------------------------------- */

static const char *event_names(char *out, size_t room)
{
	size_t n = 0;

	for (unsigned i = 0; i < RELAY_EVENT_COUNT && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%s%s", i ? ", " : "",
		                      relay_event_name((enum relay_event_kind)i));
	return out;
}

static enum err kinds_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	uint32_t kinds = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of event names");
	for (DOC_EACH(it, d)) {
		char list[256];
		unsigned k = 0;

		while (k < RELAY_EVENT_COUNT &&
		       !(it->kind == DOC_TEXT &&
		         str_is(it->text, relay_event_name((enum relay_event_kind)k))))
			k++;
		if (k == RELAY_EVENT_COUNT)
			return schema_refuse(in, ERR_INVALID, f, it, "must be one of %s",
			                     event_names(list, sizeof(list)));
		kinds |= 1u << k;
	}
	*(uint32_t *)at = kinds;
	return ERR_OK;
}

static const struct schema_type kinds_type = {.read = kinds_read};

struct subscribe_params {
	uint64_t has;
	uint32_t kinds;
	char prefix[128];
	uint64_t after;
};
static const struct schema_field subscribe_fields[] = {
	{
		.name = "events",
		SCHEMA_FIELD(&kinds_type, struct subscribe_params, kinds),
		.help = "names of the events to get; default: all; []: end the subscription",
	},
	{
		.name = "prefix",
		SCHEMA_FIELD(&schema_text, struct subscribe_params, prefix),
		.help = "only sessions whose id begins with this text",
	},
	{
		.name = "after",
		SCHEMA_FIELD(&schema_uint, struct subscribe_params, after),
		.max = INT64_MAX,
		.help = "sequence number of the last event that the client received; the gateway "
			"sends "
			"the later events first",
	},
};
static const struct schema subscribe_schema =
	SCHEMA_OF("the request", subscribe_fields, struct subscribe_params);

static void subscribe(struct rpc_request *request, const struct doc *params)
{
	struct subscribe_params in = {.kinds = (1u << RELAY_EVENT_COUNT) - 1, .after = UINT64_MAX};
	struct doc_arena *a = rpc_arena(request);
	struct events *ev = rpc_user(request);
	struct events_filter filter = {0};
	struct rpc_peer *peer;
	uint64_t missed = 0, seq = events_last_seq(ev);
	struct doc *d;

	if (rpc_read(request, &subscribe_schema, params, &in))
		return;
	filter.kinds = in.kinds;
	filter.after = in.after;
	memcpy(filter.prefix, in.prefix, sizeof(filter.prefix));
	peer = rpc_peer_of(rpc_request_conn(request));
	if (!peer || rpc_peer_subscribe(peer, ev, &filter, &missed)) {
		rpc_refuse(request, ERR_NOMEM, NULL, NULL);
		return;
	}
	d = doc_dict(a);
	doc_set_uint(a, d, "seq", seq);
	doc_set_uint(a, d, "missed", missed);
	doc_set_uint(a, d, "lost", events_lost(ev));
	rpc_answer(request, d);
}

const struct rpc_method rpc_methods[] = {
	{"session.create", session_create, "create a session"},
	{"session.update", session_update, "change the given fields of a session"},
	{"session.delete", session_delete, "end a session; the answer has its final statistics"},
	{"session.get", session_get, "get a session and its statistics"},
	{"session.list", session_list, "list sessions, page by page"},
	{"session.drain", session_drain,
         "refuse new sessions; existing ones continue, and can change and end"},
	{"session.undrain", session_undrain, "accept new sessions again"},
	{"stats", stats, "get the counters of the process"},
	{"ping", ping, "check that the gateway answers; get its number of sessions"},
	{"version", version, "get version, suites and modes"},
	{"events.subscribe", subscribe, "get events as notifications"},
};
const size_t rpc_methods_n = ARRAY_LEN(rpc_methods);
