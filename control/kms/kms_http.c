/* SPDX-License-Identifier: MIT */
/* Passes HTTP requests of terminals to the KMS and its answers back, and sends the KMS's requests
 * to the BSF and to other KMSs. */
#include "control/kms/kms_http.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/b64.h"
#include "base/clk.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/doc/doc.h"
#include "control/doc/json.h"
#include "control/doc/schema.h"
#include "control/net/http.h"
#include "control/kms/kms_conf.h"
#include "control/kms/test_env.h"
#include "keyctx/kms/gba.h"

enum {
	BODY_MAX_BYTES = B64_TEXT_LEN(MIKEY_MESSAGE_MAX) + 512, /* base64 with its line ends */
	ANSWER_MAX_BYTES = 65536,
};

/*
 * How MIKEY messages are carried over HTTP, after TS 33.328 Annex A (UNVERIFIED: reconstructed
 * without the text of the annex). Only the constants and tables from here to `statuses` depend on
 * it.
 */
static const char path_end[] = "/keymanagement";
static const char query_name[] = "requesttype";

static const struct {
	const char *type, *target;
} operations[KMS_OPERATIONS] = {
	[KMS_REQUEST] = {"ticketrequest", "/keymanagement?requesttype=ticketrequest"},
	[KMS_RESOLVE] = {"ticketresolve", "/keymanagement?requesttype=ticketresolve"},
};

/* The HTTP status of each result. KMS_REFUSED: the HTTP exchange succeeded, and the MIKEY Error in
 * the body has the reason. KMS_UNKNOWN_KEY: 401 makes the terminal bootstrap again (TS 24.109). */
static const int statuses[KMS_RESULTS] = {
	[KMS_GRANTED] = 200,  [KMS_REFUSED] = 200,     [KMS_MALFORMED] = 400,
	[KMS_REPLAYED] = 400, [KMS_UNKNOWN_KEY] = 401, [KMS_FORBIDDEN] = 403,
	[KMS_LIMITED] = 503,  [KMS_UNREACHABLE] = 502, [KMS_BROKEN] = 500,
};

/* Upper limits of the buckets of the duration histogram, in seconds. */
static const double bounds_s[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                  0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};
enum { BOUNDS = ARRAY_LEN(bounds_s) };

struct kms_http {
	struct kms_http_config config;
	struct http_server *server;
	struct http_client *client;
	/* requests that wait for the BSF or another KMS; at most config.waiting_max */
	struct link waiting;
	unsigned n_waiting;
	uint64_t refused_statuses; /* requests refused before the KMS saw them */
	uint64_t durations[BOUNDS + 1], duration_sum_ns;
};

/* An HTTP request that the KMS has not answered yet. */
struct kms_http_request {
	struct link link;
	struct kms_http *h;
	struct http_request *x;
	struct kms_request *request;
	bool is_base64;
	uint64_t begun_ns; /* when the whole HTTP request was received */
};

const char *kms_http_target(enum kms_operation op)
{
	return operations[op].target;
}

/* Reads the MIKEY message of a body: raw octets, of which the first is 1 (the MIKEY version), or
 * base64. `room_n`: size of `room`. ERR_SYNTAX, ERR_TOO_BIG. */
static enum err read_body(struct view body, uint8_t *room, size_t room_n, size_t *len,
                          bool *is_base64)
{
	char text[BODY_MAX_BYTES];
	size_t n = 0;

	if (body.n == 0)
		return ERR_SYNTAX;
	*is_base64 = body.p[0] != 1;
	if (!*is_base64) {
		if (body.n > room_n)
			return ERR_TOO_BIG;
		memcpy(room, body.p, body.n);
		*len = body.n;
		return ERR_OK;
	}
	if (body.n > sizeof(text))
		return ERR_TOO_BIG;
	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] != '\r' && body.p[i] != '\n' && body.p[i] != ' ')
			text[n++] = (char)body.p[i];
	return b64_decode(str_make(text, n), room, room_n, len);
}

/* --- answering -------------------------------------------------------------- */

static void answer_status(struct kms_http *h, struct http_request *x, int status)
{
	h->refused_statuses++;
	http_answer(x, &(struct http_reply){.status = status});
}

static void measure(struct kms_http *h, uint64_t ns)
{
	unsigned i = 0;

	while (i < BOUNDS && (double)ns > bounds_s[i] * 1e9)
		i++;
	h->durations[i]++;
	h->duration_sum_ns += ns;
}

/* Writes the header that a result needs, if any: for 401 the NAF to bootstrap for, for 503 the time
 * until the client may try again. Returns the number of headers. */
static size_t extra_header(const struct kms_http_request *q, enum kms_result result, char *room,
                           size_t room_n, struct http_header *out)
{
	if (result == KMS_UNKNOWN_KEY) {
		const struct kms_directory *d = kms_get_directory(q->h->config.kms);
		const struct kms_gba *gba = kms_directory_gba(d);
		struct str host =
			gba->on ? str_of(gba->naf_fqdn) : kms_host_of(kms_directory_self(d));

		snprintf(room, room_n,
		         "Digest realm=\"3GPP-bootstrapping@%.*s\", nonce=\"%016" PRIx64
		         "\", algorithm=MD5, qop=\"auth-int\"",
		         STR_ARG(host), clk_mono_ns());
		*out = (struct http_header){"WWW-Authenticate", room};
		return 1;
	}
	if (result == KMS_LIMITED) {
		snprintf(room, room_n, "%u", kms_request_retry_after_s(q->request));
		*out = (struct http_header){"Retry-After", room};
		return 1;
	}
	return 0;
}

static void request_free(struct kms_http_request *q)
{
	if (list_has(&q->link)) {
		list_remove(&q->link);
		q->h->n_waiting--;
	}
	kms_request_free(q->request);
	mem_free(q);
}

static void answer(struct kms_http_request *q)
{
	enum kms_result result = kms_request_result(q->request);
	struct view octets = kms_request_octets(q->request);
	const char *reason = kms_request_reason(q->request);
	char text[B64_TEXT_LEN(MIKEY_MESSAGE_MAX) + 1], header[512];
	struct http_header headers[2] = {{KMS_HTTP_REASON, reason}};
	struct http_reply reply = {.status = statuses[result], .body = octets, .headers = headers};

	/* A MIKEY Error has room for a number only. */
	reply.n_headers = reason[0] != 0;
	reply.n_headers +=
		extra_header(q, result, header, sizeof(header), &headers[reply.n_headers]);
	if (octets.n)
		reply.content_type = KMS_HTTP_TYPE;
	if (octets.n && q->is_base64) {
		CHECK(b64_encode(octets.p, octets.n, true, text, sizeof(text)) == ERR_OK);
		reply.body = (struct view){(const uint8_t *)text, strlen(text)};
	}
	measure(q->h, clk_mono_ns() - q->begun_ns);
	http_answer(q->x, &reply);
	request_free(q);
}

/* --- requests to the BSF and other KMSs ----------------------------------------------------- */

static void go_on(struct kms_http_request *q);

/* How long the request may still wait. It may ask twice: both answers together must come within
 * config.timeout_ms. 0: its time is over. */
static unsigned left_ms(const struct kms_http_request *q)
{
	uint64_t waited_ms = (clk_mono_ns() - q->begun_ns) / NS_PER_MS;

	return waited_ms < q->h->config.timeout_ms ? q->h->config.timeout_ms - (unsigned)waited_ms
	                                           : 0;
}

/* The answer of the BSF; texts in `key` belong to the doc, and its key octets to `octets`. */
struct bsf_answer {
	struct secret octets;
	struct naf_key key;
};

/* Reads one entry of `impus`. `at` is the struct naf_key. */
static enum err impu_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct naf_key *key = at;
	struct str text;
	enum err e = schema_slice.read(in, f, d, &text);

	if (!e)
		key->names[key->n_names++] =
			(struct mikey_id){MIKEY_ID_URI, {(const uint8_t *)text.p, text.n}};
	return e;
}

#define BSF(name_, type_, member_) \
	.name = (name_), SCHEMA_FIELD(&(type_), struct bsf_answer, member_)
static const struct schema_field bsf_fields[] = {
	{BSF("ks_naf", schema_hex_key, octets), .required = true, .secret = true, .min = 16,
         .max = 64},
	{BSF("impi", schema_slice, key.impi), .required = true},
	{BSF("expires", schema_uint, key.until_s), .required = true, .min = 1, .max = INT64_MAX},
	{BSF("impus", schema_list, key), .item = impu_item, .max = NAF_NAMES_MAX},
};
static const struct schema bsf_schema = SCHEMA_NO_MASK("bsf", bsf_fields);

/* Reads the answer of the BSF; ignores unknown fields. */
static enum err read_bsf(const struct doc *root, struct bsf_answer *out, struct why *why)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {.ignore_unknown = true, .refuse_null = true, .fault = &fault};
	size_t mark = schema_enter(&in, STR("bsf"));
	enum err e = schema_read(&in, &bsf_schema, root, out);

	schema_leave(&in, mark);
	if (e)
		schema_fault_text(&fault, why);
	else
		out->key.key = (struct view){out->octets.octets, out->octets.len};
	return e;
}

static void on_bsf(void *arg, enum err e, const struct http_response *in, const struct why *why)
{
	struct kms_http_request *q = arg;
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	struct bsf_answer answer = {0};
	struct why fault = {{0}};

	if (!e && in->status == 404)
		e = ERR_NOT_FOUND;
	else if (!e && in->status != 200)
		e = why_fail(&fault, ERR_IO, "the BSF answered with HTTP status %d", in->status);
	else if (e)
		fault = *why;
	if (!e)
		e = doc_arena_new(&arena);
	if (!e)
		e = doc_json_decode(&root, arena, str_make((const char *)in->body.p, in->body.n),
		                    &fault);
	if (!e)
		e = read_bsf(root, &answer, &fault);
	if (e && e != ERR_NOT_FOUND)
		log_warn("bsf", "no key from the BSF", LOG_TEXT(reason, fault.text));
	kms_request_give_naf(q->request, e, &answer.key, test_env_wall_ns(q->h->config.time));
	secret_clear(&answer.octets);
	doc_arena_free(arena);
	go_on(q);
}

static enum err ask_bsf(struct kms_http_request *q, struct why *why)
{
	const struct kms_gba *gba = kms_directory_gba(kms_get_directory(q->h->config.kms));
	struct http_outgoing ask = {
		.method = HTTP_POST, .content_type = "application/json", .timeout_ms = left_ms(q)};
	uint8_t naf_id[GBA_FQDN_MAX + GBA_UA_LEN];
	char hex[2 * sizeof(naf_id) + 1];
	struct buf body = {0};
	size_t len = 0;
	enum err e = http_url_parse(str_of(gba->url), &ask.url, why);

	if (!e)
		e = gba_naf_id(str_of(gba->naf_fqdn), gba_ua_mikey, naf_id, sizeof(naf_id), &len);
	if (!e)
		e = hex_encode(naf_id, len, hex, sizeof(hex));
	if (e)
		return e;
	/* kms_request has checked that the B-TID has the form base64@host: no character of it needs
	 * escaping in JSON. */
	buf_printf(&body, "{\"btid\":\"%.*s\",\"naf_id\":\"%s\"}",
	           STR_ARG(kms_request_btid(q->request)), hex);
	ask.body = buf_as_view(&body);
	e = body.bad ? ERR_NOMEM : http_client_send(q->h->client, &ask, on_bsf, q, why);
	buf_free(&body);
	return e;
}

static void on_peer(void *arg, enum err e, const struct http_response *in, const struct why *why)
{
	struct kms_http_request *q = arg;
	uint8_t octets[MIKEY_MESSAGE_MAX];
	size_t len = 0;
	bool is_base64;

	if (!e && read_body(in->body, octets, sizeof(octets), &len, &is_base64))
		len = 0;
	/* Log the HTTP status of a failed request: it says more than a MIKEY Error in the body. */
	if (e || len == 0 || in->status != 200)
		log_warn("peer", "no ticket from the other KMS",
		         LOG_TEXT(url, kms_request_peer(q->request)->url),
		         LOG_UINT(status, in ? (unsigned)in->status : 0),
		         LOG_TEXT(reason, why   ? why->text
		                          : len ? "the KMS refused the request; see the audit log "
		                                  "of that KMS"
		                                : "the answer of the KMS has no MIKEY message"));
	kms_request_give_peer(q->request, e, (struct view){octets, e ? 0 : len},
	                      test_env_wall_ns(q->h->config.time));
	go_on(q);
}

static enum err ask_peer(struct kms_http_request *q, struct why *why)
{
	struct http_outgoing ask = {.method = HTTP_POST,
	                            .content_type = KMS_HTTP_TYPE,
	                            .body = kms_request_peer_octets(q->request),
	                            .timeout_ms = left_ms(q)};
	char url[640];
	int n = snprintf(url, sizeof(url), "%s%s", kms_request_peer(q->request)->url,
	                 operations[KMS_RESOLVE].target);
	enum err e = n > 0 && n < (int)sizeof(url) ? http_url_parse(str_of(url), &ask.url, why)
	                                           : ERR_TOO_BIG;

	return e ? e : http_client_send(q->h->client, &ask, on_peer, q, why);
}

static void wait_for(struct kms_http_request *q, enum kms_wait what)
{
	struct why why = {{0}};
	uint64_t now = test_env_wall_ns(q->h->config.time);
	bool full = q->h->n_waiting >= q->h->config.waiting_max && !list_has(&q->link);
	enum err e = ERR_OK;

	if (full)
		e = why_fail(&why, ERR_LIMIT,
		             "request refused: %u requests already wait for the BSF or another "
		             "KMS (the maximum is set by --waiting-max)",
		             q->h->n_waiting);
	else if (!left_ms(q))
		e = why_fail(&why, ERR_TIMEOUT, "no answer of BSF and other KMS within %u ms",
		             q->h->config.timeout_ms);
	else
		e = what == KMS_WAIT_NAF ? ask_bsf(q, &why) : ask_peer(q, &why);
	if (!e) {
		if (!list_has(&q->link)) {
			list_add_tail(&q->h->waiting, &q->link);
			q->h->n_waiting++;
		}
		return;
	}
	log_warn("kms", "request not served", LOG_TEXT(reason, why.text));
	if (what == KMS_WAIT_NAF)
		kms_request_give_naf(q->request, e, NULL, now);
	else
		kms_request_give_peer(q->request, e, (struct view){0}, now);
	go_on(q);
}

static void go_on(struct kms_http_request *q)
{
	enum kms_wait what = kms_request_waits_for(q->request);

	if (what == KMS_ANSWERED)
		answer(q);
	else
		wait_for(q, what);
}

/* --- receiving -------------------------------------------------------------- */

static bool names_client(void *arg, const char *dns_name)
{
	return http_client_names(arg, dns_name);
}

static bool find_operation(const struct http_incoming *r, enum kms_operation *out)
{
	char type[32];

	if (http_query_get(r->query, query_name, type, sizeof(type)))
		return false;
	for (unsigned i = 0; i < KMS_OPERATIONS; i++) {
		if (str_is(str_of(type), operations[i].type)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static int check_request(const struct http_incoming *r, enum kms_operation *op)
{
	if (!str_ends(r->path, path_end))
		return 404;
	if (r->method != HTTP_POST)
		return 405;
	if (!str_is(r->content_type, KMS_HTTP_TYPE))
		return 415;
	return find_operation(r, op) ? 0 : 400;
}

/* The octets that tell clients apart: an IPv4 address, or the network of an IPv6 address, because
 * one subscriber has a whole /64. */
static struct view source_of(const struct addr *from)
{
	return (struct view){from->ip, from->version == 6 ? 8 : from->version == 4 ? 4 : 0};
}

static void serve(void *arg, struct http_request *x, const struct http_incoming *r)
{
	struct kms_http *h = arg;
	struct kms_request_params ask = {
		.names = names_client, .names_arg = x, .wall_ns = test_env_wall_ns(h->config.time)};
	uint8_t octets[MIKEY_MESSAGE_MAX];
	struct kms_http_request *q;
	size_t len = 0;
	bool is_base64 = false;
	int status = check_request(r, &ask.operation);
	enum err e = status ? ERR_OK : read_body(r->body, octets, sizeof(octets), &len, &is_base64);

	if (status || e) {
		answer_status(h, x, status ? status : e == ERR_TOO_BIG ? 413 : 400);
		return;
	}
	ask.octets = (struct view){octets, len};
	ask.source = source_of(&r->from);
	q = mem_alloc(sizeof(*q));
	if (!q || kms_request_new(&q->request, h->config.kms, &ask)) {
		mem_free(q);
		answer_status(h, x, 500);
		return;
	}
	q->h = h;
	q->x = x;
	q->is_base64 = is_base64;
	q->begun_ns = clk_mono_ns();
	go_on(q);
}

enum err kms_http_new(struct kms_http **out, struct event_base *base,
                      const struct kms_http_config *config, struct why *why)
{
	struct kms_http *h = mem_alloc(sizeof(*h));
	struct http_server_config server = {.listen = config->listen,
	                                    .tls = config->tls,
	                                    .body_max_bytes = BODY_MAX_BYTES,
	                                    .name = "kms",
	                                    .limits = config->limits,
	                                    .serve = serve,
	                                    .arg = h};
	enum err e;

	if (!h)
		return why_fail(why, ERR_NOMEM, "out of memory");
	h->config = *config;
	server.limits.idle_s = HTTP_IDLE_S;
	list_init(&h->waiting);
	e = http_client_new(&h->client, base, config->tls_client, ANSWER_MAX_BYTES);
	if (e)
		why_fail(why, e, "out of memory");
	if (!e)
		e = http_server_new(&h->server, base, &server, why);
	if (e) {
		kms_http_free(h);
		return e;
	}
	*out = h;
	return ERR_OK;
}

void kms_http_free(struct kms_http *h)
{
	if (!h)
		return;
	http_client_free(h->client);
	http_server_free(h->server);
	/* The listener has closed the connections, so http_answer only frees the requests. */
	LIST_EACH (l, &h->waiting) {
		struct kms_http_request *q = LIST_OF(l, struct kms_http_request, link);

		http_answer(q->x, &(struct http_reply){.status = 503});
		request_free(q);
	}
	mem_free(h);
}

struct addr kms_http_addr(const struct kms_http *h)
{
	return http_server_addr(h->server);
}

/* --- metrics ---------------------------------------------------------------- */

static void print_figure(struct buf *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type,
	           name, value);
}

void kms_http_metrics(const struct kms_http *h, struct buf *out)
{
	struct kms_stats s;
	uint64_t sum = 0;

	kms_get_stats(h->config.kms, &s);
	buf_text(out, "# HELP sluice_kms_requests_total Requests by operation and result.\n# TYPE "
	              "sluice_kms_requests_total counter\n");
	for (unsigned op = 0; op < KMS_OPERATIONS; op++)
		for (unsigned r = 0; r < KMS_RESULTS; r++)
			buf_printf(
				out,
				"sluice_kms_requests_total{operation=\"%s\",result=\"%s\"} %" PRIu64
				"\n",
				operations[op].type, kms_result_name(r), s.results[op][r]);
	print_figure(out, "sluice_kms_http_refused_total", "counter",
	             "HTTP requests refused before the KMS saw them.", h->refused_statuses);
	print_figure(out, "sluice_kms_bsf_asked_total", "counter", "Requests sent to the BSF.",
	             s.naf_asked);
	print_figure(out, "sluice_kms_bsf_refused_total", "counter",
	             "Requests refused because the BSF is asked too often.", s.naf_refused);
	print_figure(out, "sluice_kms_bsf_unknown", "gauge",
	             "B-TIDs remembered that the BSF does not know.", s.nafs_unknown);
	print_figure(out, "sluice_kms_clock_back_total", "counter",
	             "Requests refused because the clock was set back.", s.clock_back);
	print_figure(out, "sluice_kms_peer_asked_total", "counter",
	             "Requests sent to KMSs of other domains.", s.peer_asked);
	print_figure(out, "sluice_kms_state_failures_total", "counter",
	             "Requests refused because the state could not be written: disk full, or "
	             "--seen-max reached.",
	             s.store_failures);
	print_figure(out, "sluice_kms_ticket_keys_made_total", "counter",
	             "Ticket protection keys created since the program started.", s.tpks_made);
	print_figure(out, "sluice_kms_ticket_keys", "gauge",
	             "Ticket protection keys that still decrypt tickets.", s.tpks);
	print_figure(out, "sluice_kms_users", "gauge", "Users in the credentials.", s.users);
	print_figure(out, "sluice_kms_replay_entries", "gauge",
	             "Messages remembered to detect replays.", s.replay_entries);
	print_figure(out, "sluice_kms_rate_entries", "gauge", "Users with a rate limit counter.",
	             s.rate_entries);
	print_figure(out, "sluice_kms_waiting", "gauge",
	             "Requests waiting for the BSF or another KMS.", h->n_waiting);
	admit_print(out, "sluice_kms_");
	buf_text(out,
	         "# HELP sluice_kms_request_seconds Time from a request to its answer.\n# TYPE "
	         "sluice_kms_request_seconds histogram\n");
	for (unsigned i = 0; i < BOUNDS; i++) {
		sum += h->durations[i];
		buf_printf(out, "sluice_kms_request_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
		           bounds_s[i], sum);
	}
	sum += h->durations[BOUNDS];
	buf_printf(out, "sluice_kms_request_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", sum);
	buf_printf(out,
	           "sluice_kms_request_seconds_sum %.9f\nsluice_kms_request_seconds_count %" PRIu64
	           "\n",
	           (double)h->duration_sum_ns / 1e9, sum);
}
