/* SPDX-License-Identifier: MIT */
/* Authenticates and authorizes requests of the provisioning listener, and carries them out. */
#include "control/kms/admin_http.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "control/doc/doc.h"
#include "control/doc/json.h"
#include "control/kms/kms_conf.h"
#include "control/kms/test_env.h"
#include "control/kms/user_json.h"
#include "control/net/http.h"
#include "keyctx/kms/provision.h"
#include "keyctx/kms/rate.h"
#include "keyctx/kms/tpk.h"

enum {
	BODY_MAX_BYTES = 16384,
	CONNS_MAX = 64, /* connections; operators and their programs are few */
	REQUEST_S = 10, /* total time of a request */
	LIST_MAX = 1000,
	LIST_PRESET = 100,
	ETAG_ROOM = 20,
	PATH_ROOM = 3 * KMS_NAME_MAX,
};

static const char users_path[] = "/v1/users", user_prefix[] = "/v1/users/";

enum { OK, REFUSED, LIMITED, FAILED, OUTCOMES };

struct admin_http {
	struct admin_http_config config;
	struct http_server *server;
	struct rate *rate;
	uint64_t told_ns; /* when the last refusal by rate was audited */
	uint64_t outcomes[OUTCOMES];
};

/* One request while it is carried out. */
struct admin_call {
	struct admin_http *h;
	struct http_request *x;
	const struct http_incoming *in;
	const struct admin_route *route; /* NULL: no such path */
	const struct kms_admin *client;  /* NULL: the certificate has no role */
	char subject[256];               /* the client for the audit trail */
	uint64_t wall_ns;
	struct doc_arena *arena;
	uint8_t name_room[KMS_NAME_MAX];
	struct mikey_id user; /* the user of the URL; unset: none */
	struct doc *reply;    /* NULL: no body */
	struct why why;       /* why the request is refused */
	char etag[ETAG_ROOM];
	const char *allow; /* the methods of a path, for 405 */
	unsigned retry_after_s;
};

typedef int admin_fn(struct admin_call *c);

struct admin_route {
	enum http_method method;
	bool names_user; /* the path is user_prefix and a name, not `path` */
	const char *path;
	unsigned roles; /* who may: bits of enum kms_admin_role */
	admin_fn *fn;   /* returns the HTTP status; sets c->reply, or c->why if it is 400 or more */
	const char *operation;
	bool changes; /* for the audit trail */
};

static const char *role_name(const struct kms_admin *a)
{
	return !a                                 ? ""
	       : a->role == KMS_ADMIN_ADMIN       ? "admin"
	       : a->role == KMS_ADMIN_PROVISIONER ? "provisioner"
	                                          : "auditor";
}

static int refuse(struct admin_call *c, int status, const char *text)
{
	why_fail(&c->why, ERR_INVALID, "%s", text);
	return status;
}

/* The status for an error whose text is in c->why. */
static int status_of(enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND:
		return 404;
	case ERR_EXISTS:
	case ERR_WRONG_STATE:
		return 409;
	case ERR_NOMEM:
		return 500;
	case ERR_IO:
	case ERR_LIMIT:
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_AUTH:
	case ERR_CRYPTO:
		return 503;
	default:
		return 400;
	}
}

static const struct kms_directory *directory_of(const struct admin_call *c)
{
	return kms_get_directory(c->h->config.kms);
}

static const struct kms_user *user_of(const struct admin_call *c)
{
	return kms_directory_user_by_name(directory_of(c), c->user);
}

static void print_etag(const struct kms_user *u, char out[ETAG_ROOM])
{
	out[0] = 0;
	if (u->origin == KMS_USER_PROVISIONED)
		snprintf(out, ETAG_ROOM, "\"%016" PRIx64 "\"", u->version);
}

/* --- reading ---------------------------------------------------------------- */

static int read_user(struct admin_call *c)
{
	const struct kms_user *u = user_of(c);

	if (!u)
		return refuse(c, 404, "no user has this name");
	c->reply = user_json(c->arena, u);
	print_etag(u, c->etag);
	return 200;
}

/* Reads the query: "limit", and "after" with the text that a part of the list gave as "next". The
 * text names the generation of the directory: after a reload the list begins again. */
static int read_range(struct admin_call *c, uint64_t generation, uint64_t *limit, uint64_t *after)
{
	char text[48];
	struct str rest;
	uint64_t of = 0;
	enum err e = http_query_get(c->in->query, "limit", text, sizeof(text));

	*limit = LIST_PRESET;
	*after = 0;
	if (!e)
		e = str_to_u64(str_of(text), LIST_MAX, limit);
	if ((e && e != ERR_NOT_FOUND) || *limit == 0)
		return refuse(c, 400, "limit: must be an integer from 1 to 1000");
	e = http_query_get(c->in->query, "after", text, sizeof(text));
	if (e == ERR_NOT_FOUND)
		return 0;
	if (!e)
		e = str_to_u64(str_cut(str_of(text), '-', &rest), UINT64_MAX, &of);
	if (!e)
		e = str_to_u64(rest, UINT64_MAX, after);
	if (e)
		return refuse(c, 400, "after: must be the value of \"next\" of the last answer");
	if (of != generation)
		*after = 0;
	return 0;
}

static int list_users(struct admin_call *c)
{
	const struct kms_directory *d = directory_of(c);
	struct doc *list = doc_list(c->arena);
	struct kms_stats s;
	uint64_t limit, after;
	size_t i;
	int status;

	kms_get_stats(c->h->config.kms, &s);
	status = read_range(c, s.generation, &limit, &after);
	if (status)
		return status;
	c->reply = doc_dict(c->arena);
	doc_set(c->reply, "users", list);
	for (i = kms_directory_users_after(d, after); i < kms_directory_users(d) && limit > 0;
	     i++, limit--)
		doc_append(list, user_json(c->arena, kms_directory_user_at(d, i)));
	if (i < kms_directory_users(d)) {
		char next[48];

		snprintf(next, sizeof(next), "%" PRIu64 "-%" PRIu64, s.generation,
		         kms_directory_user_serial(d, i - 1));
		doc_set_text(c->arena, c->reply, "next", str_of(next));
	}
	return 200;
}

static int read_status(struct admin_call *c)
{
	const struct kms_directory *d = directory_of(c);
	struct doc *users = doc_dict(c->arena), *results = doc_dict(c->arena);
	struct kms_stats s;
	size_t provisioned = 0;

	kms_get_stats(c->h->config.kms, &s);
	for (size_t i = 0; i < kms_directory_users(d); i++)
		provisioned += kms_directory_user_at(d, i)->origin == KMS_USER_PROVISIONED;
	for (unsigned r = 0; r < KMS_RESULTS; r++)
		doc_set_uint(c->arena, results, kms_result_name(r),
		             s.results[KMS_REQUEST][r] + s.results[KMS_RESOLVE][r]);
	c->reply = doc_dict(c->arena);
	doc_set(c->reply, "users", users);
	doc_set_uint(c->arena, users, "credentials", s.users - provisioned);
	doc_set_uint(c->arena, users, "provisioned", provisioned);
	doc_set_uint(c->arena, users, "skipped", s.users_skipped);
	doc_set_uint(c->arena, c->reply, "ticket_keys", s.tpks);
	doc_set_uint(c->arena, c->reply, "replay_entries", s.replay_entries);
	doc_set_uint(c->arena, c->reply, "state_failures", s.store_failures);
	doc_set(c->reply, "requests", results);
	return 200;
}

/* --- changing --------------------------------------------------------------- */

/* Checks If-Match and If-None-Match (RFC 9110 13.1) for the user, NULL if there is none. Returns 0,
 * or the status of the refusal. */
static int check_conditions(struct admin_call *c, const struct kms_user *u)
{
	char etag[ETAG_ROOM] = "";

	if (u)
		print_etag(u, etag);
	if (c->in->if_none_match.n) {
		if (!str_is(c->in->if_none_match, "*"))
			return refuse(c, 400, "If-None-Match: must be *");
		if (u)
			return refuse(c, 412, "the user exists already (If-None-Match: *)");
	}
	if (!c->in->if_match.n || (u && str_is(c->in->if_match, "*")))
		return 0;
	if (!u)
		return refuse(c, 412, "the user does not exist (If-Match)");
	if (str_is(c->in->if_match, etag))
		return 0;
	return refuse(c, 412,
	              "the user has another version than If-Match says: read it again, and repeat "
	              "the change with its ETag");
}

/* Reads the body as JSON. Returns 0, or the status of the refusal. */
static int read_body(struct admin_call *c, struct doc **out)
{
	enum err e;

	if (!str_is(c->in->content_type, "application/json"))
		return refuse(c, 415, "Content-Type: must be application/json");
	e = doc_json_decode(out, c->arena, str_make((const char *)c->in->body.p, c->in->body.n),
	                    &c->why);
	return e ? status_of(e) : 0;
}

/* Gives the user the name of the URL, if the body has no names. */
static enum err check_names(struct admin_call *c, struct kms_user *u)
{
	struct kms_name *name;

	if (u->names.n && mikey_id_eq(kms_name_id(u->names.v[0]), c->user))
		return ERR_OK;
	if (u->names.n)
		return why_fail(&c->why, ERR_INVALID,
		                "names[0]: must be the name in the URL; to rename a user, add a "
		                "new one and remove the old one");
	name = kms_name_new(c->user);
	if (name && kms_names_take(&u->names, name) == ERR_OK)
		return ERR_OK;
	mem_free(name);
	return why_fail(&c->why, ERR_NOMEM, "out of memory");
}

/* Takes ownership of `u`. */
static int store_user(struct admin_call *c, struct kms_user *u, int status)
{
	enum err e = check_names(c, u);

	if (e)
		kms_user_free(u);
	else
		e = kms_provision_put(c->h->config.kms, u, c->wall_ns, &c->why);
	if (e)
		return status_of(e);
	return read_user(c) == 200 ? status : 500;
}

static int put_user(struct admin_call *c)
{
	const struct kms_user *old = user_of(c);
	struct kms_user *u = NULL;
	struct doc *body = NULL;
	int status = read_body(c, &body);
	enum err e;

	if (!status)
		status = check_conditions(c, old);
	if (status)
		return status;
	e = kms_conf_user(&u, body, &c->why);
	return e ? status_of(e) : store_user(c, u, old ? 200 : 201);
}

static int patch_user(struct admin_call *c)
{
	const struct kms_user *old = user_of(c);
	struct kms_user *u = NULL;
	struct doc *body = NULL;
	int status = old ? read_body(c, &body) : refuse(c, 404, "no user has this name");
	enum err e;

	if (!status)
		status = check_conditions(c, old);
	if (status)
		return status;
	e = kms_conf_user(&u, body, &c->why);
	if (e)
		return status_of(e);
	e = user_json_keep(u, body, old);
	if (e) {
		kms_user_free(u);
		return refuse(c, 500, "out of memory");
	}
	return store_user(c, u, 200);
}

static int delete_user(struct admin_call *c)
{
	int status = check_conditions(c, user_of(c));
	enum err e;

	if (status)
		return status;
	e = kms_provision_remove(c->h->config.kms, c->user, &c->why);
	return e ? status_of(e) : 204;
}

static int rotate(struct admin_call *c)
{
	struct doc *body = NULL;
	struct kms_stats s;
	int status = read_body(c, &body);
	enum err e;

	if (status)
		return status;
	if (body->kind != DOC_DICT || body->n)
		return refuse(c, 400, "the body must be {}");
	e = kms_rotate(c->h->config.kms, c->wall_ns);
	if (e == ERR_LIMIT) {
		why_fail(&c->why, e,
		         "%d ticket keys still open tickets, which is the maximum, or the disk is "
		         "full: try again when the oldest key has expired",
		         KMS_TPKS_MAX);
		return 409;
	}
	if (e) {
		why_fail(&c->why, e, "the new ticket key cannot be stored: %s", err_meaning(e));
		return status_of(e);
	}
	kms_get_stats(c->h->config.kms, &s);
	c->reply = doc_dict(c->arena);
	doc_set_uint(c->arena, c->reply, "ticket_keys", s.tpks);
	return 200;
}

/* --- from a request to its answer ------------------------------------------- */

enum {
	MAY_READ = KMS_ADMIN_AUDITOR | KMS_ADMIN_PROVISIONER | KMS_ADMIN_ADMIN,
	MAY_CHANGE = KMS_ADMIN_PROVISIONER | KMS_ADMIN_ADMIN,
};

static const struct admin_route routes[] = {
	{HTTP_GET, false, users_path, MAY_READ, list_users, "user-list", false},
	{HTTP_GET, true, user_prefix, MAY_READ, read_user, "user-read", false},
	{HTTP_PUT, true, user_prefix, MAY_CHANGE, put_user, "user-put", true},
	{HTTP_PATCH, true, user_prefix, MAY_CHANGE, patch_user, "user-change", true},
	{HTTP_DELETE, true, user_prefix, MAY_CHANGE, delete_user, "user-remove", true},
	{HTTP_POST, false, "/v1/ticket-keys", KMS_ADMIN_ADMIN, rotate, "ticket-key-rotate", true},
	{HTTP_GET, false, "/v1/status", MAY_READ, read_status, "status", false},
};

/* Finds the route. Returns 0, 404 or 405. */
static int find_route(struct admin_call *c)
{
	bool has_name = str_starts(c->in->path, user_prefix);
	bool is_path = false;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct admin_route *r = &routes[i];

		if (r->names_user ? !has_name : !str_is(c->in->path, r->path))
			continue;
		is_path = true;
		if (r->method == c->in->method) {
			c->route = r;
			return 0;
		}
	}
	if (!is_path)
		return refuse(c, 404,
		              "no such path: must be /v1/users, /v1/users/NAME, /v1/ticket-keys or "
		              "/v1/status");
	c->allow = has_name                                 ? "GET, PUT, PATCH, DELETE"
	           : str_is(c->in->path, "/v1/ticket-keys") ? "POST"
	                                                    : "GET";
	return refuse(c, 405, "the path does not have this method: the header Allow lists them");
}

/* Reads the user's name from the path. Returns 0 or 400. */
static int read_name(struct admin_call *c)
{
	struct str part = str_skip(c->in->path, sizeof(user_prefix) - 1);
	char text[PATH_ROOM];

	if (!c->route->names_user)
		return 0;
	if (http_path_decode(part, text, sizeof(text)) ||
	    kms_name_parse(str_of(text), MIKEY_ID_URI, c->name_room, sizeof(c->name_room) - 1,
	                   &c->user)) {
		c->user = (struct mikey_id){0};
		return refuse(c, 400,
		              "the name in the URL must be an identity of 1 to 1023 octets, with "
		              "percent escapes for other characters than letters, digits and "
		              "-._~:@!$&'()*+,;=");
	}
	return 0;
}

/* Finds the client's entry in admin.roles by its verified certificate. */
static void identify(struct admin_call *c)
{
	const struct kms_admins *all = kms_directory_admins(directory_of(c));

	for (size_t i = 0; i < all->n && !c->client; i++)
		if (http_client_is(c->x, all->v[i].name))
			c->client = &all->v[i];
	if (c->client)
		CHECK(str_copy(str_of(c->client->name), c->subject, sizeof(c->subject)) == ERR_OK);
	else
		http_client_subject(c->x, c->subject, sizeof(c->subject));
}

/* Counts the request against its client. All clients without a role are one client. */
static int check_rate(struct admin_call *c)
{
	const struct kms_admins *all = kms_directory_admins(directory_of(c));
	struct rate_limit limit = {all->rate_per_minute, all->rate_burst};
	const char *who = c->client ? c->client->name : "-";
	enum err e = rate_take(c->h->rate, (struct view){(const uint8_t *)who, strlen(who)}, limit,
	                       clk_mono_ns(), &c->retry_after_s);

	if (e == ERR_LIMIT) {
		why_fail(&c->why, e,
		         "too many requests: %" PRIu32 " a minute are allowed "
		         "(admin.rate_per_minute); Retry-After says when to continue",
		         limit.per_minute);
		return 429;
	}
	return e ? refuse(c, 500, "out of memory") : 0;
}

static int carry_out(struct admin_call *c)
{
	int status;

	identify(c);
	status = check_rate(c);
	if (status)
		return status;
	if (!c->client)
		return refuse(c, 403,
		              "the name of the client certificate is not in admin.roles of the "
		              "credentials file");
	status = find_route(c);
	if (status)
		return status;
	if (!(c->route->roles & c->client->role)) {
		why_fail(&c->why, ERR_DENIED, "the role %s may not do this", role_name(c->client));
		return 403;
	}
	status = read_name(c);
	return status ? status : c->route->fn(c);
}

static void audit(struct admin_call *c, int status)
{
	struct admin_audit line = {
		.wall_ns = c->wall_ns,
		.operation = c->route ? c->route->operation : "none",
		.status = status,
		.client = c->subject,
		.role = role_name(c->client),
		.from = c->in->from,
		.user = c->user,
		.text = status >= 400 ? c->why.text : "",
	};
	uint64_t now = clk_mono_ns();

	c->h->outcomes[status < 400    ? OK
	               : status == 429 ? LIMITED
	               : status < 500  ? REFUSED
	                               : FAILED]++;
	if (status < 400 && !c->route->changes)
		return;
	/* One line a second says that a client is too fast. */
	if (status == 429 && c->h->told_ns && now - c->h->told_ns < NS_PER_S)
		return;
	if (status == 429)
		c->h->told_ns = now;
	c->h->config.audit(c->h->config.audit_arg, &line);
}

static void answer(struct admin_call *c, int status)
{
	struct http_header headers[3];
	struct http_reply reply = {.status = status, .headers = headers};
	struct buf text = {0};
	char seconds[16];

	if (status >= 400) {
		c->reply = doc_dict(c->arena);
		doc_set_text(c->arena, c->reply, "error", str_of(c->why.text));
	}
	if (c->reply && !doc_arena_failed(c->arena)) {
		doc_json_encode(&text, c->reply);
		buf_char(&text, '\n');
		reply.content_type = "application/json";
		reply.body = buf_as_view(&text);
	}
	/* Without memory for the body, the status still says what happened. */
	if (text.bad)
		reply.content_type = NULL;
	if (c->etag[0] && status < 400)
		headers[reply.n_headers++] = (struct http_header){"ETag", c->etag};
	if (c->allow)
		headers[reply.n_headers++] = (struct http_header){"Allow", c->allow};
	if (status == 429 || status == 503) {
		snprintf(seconds, sizeof(seconds), "%u", c->retry_after_s ? c->retry_after_s : 1);
		headers[reply.n_headers++] = (struct http_header){"Retry-After", seconds};
	}
	http_answer(c->x, &reply);
	buf_free(&text);
}

static void serve(void *arg, struct http_request *x, const struct http_incoming *in)
{
	struct admin_call c = {.h = arg, .x = x, .in = in};
	int status = 500;

	c.wall_ns = test_env_wall_ns(c.h->config.time);
	if (doc_arena_new(&c.arena)) {
		http_answer(x, &(struct http_reply){.status = 500});
		return;
	}
	status = carry_out(&c);
	audit(&c, status);
	answer(&c, status);
	doc_arena_free(c.arena); /* wipes the body */
}

enum err admin_http_new(struct admin_http **out, struct event_base *base,
                        const struct admin_http_config *config, struct why *why)
{
	struct admin_http *h = mem_alloc(sizeof(*h));
	struct http_server_config server = {
		.listen = config->listen,
		.tls = config->tls,
		.body_max_bytes = BODY_MAX_BYTES,
		.name = "admin",
		.limits = {.conns_max = CONNS_MAX, .idle_s = HTTP_IDLE_S, .message_s = REQUEST_S},
		.serve = serve,
		.arg = h};
	enum err e;

	if (!h)
		return why_fail(why, ERR_NOMEM, "out of memory");
	h->config = *config;
	e = rate_new(&h->rate);
	if (e)
		why_fail(why, e, "out of memory");
	else
		e = http_server_new(&h->server, base, &server, why);
	if (e) {
		admin_http_free(h);
		return e;
	}
	*out = h;
	return ERR_OK;
}

void admin_http_free(struct admin_http *h)
{
	if (!h)
		return;
	http_server_free(h->server);
	rate_free(h->rate);
	mem_free(h);
}

struct addr admin_http_addr(const struct admin_http *h)
{
	return http_server_addr(h->server);
}

void admin_http_metrics(const struct admin_http *h, struct buf *out)
{
	static const char *const names[OUTCOMES] = {
		[OK] = "ok", [REFUSED] = "refused", [LIMITED] = "limited", [FAILED] = "failed"};

	buf_text(out,
	         "# HELP sluice_kms_admin_requests_total Requests of the provisioning listener "
	         "by result.\n# TYPE sluice_kms_admin_requests_total counter\n");
	for (unsigned i = 0; i < OUTCOMES; i++)
		buf_printf(out, "sluice_kms_admin_requests_total{result=\"%s\"} %" PRIu64 "\n",
		           names[i], h->outcomes[i]);
}
