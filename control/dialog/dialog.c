/* SPDX-License-Identifier: MIT */
/* Calls and their requests. One request of a call is under way, the others wait. A request makes a
 * plan, changes the session, then makes the plan the agreement. */
#include "control/dialog/request.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/map.h"
#include "base/mem.h"
#include "control/dialog/later.h"
#include "keyctx/prim.h"

/* --- names ------------------------------------------------------------------ */

enum err dialog_session_id(struct str call, char out[DIALOG_ID_MAX])
{
	uint8_t digest[PRIM_SHA256_LEN];
	char hex[2 * PRIM_SHA256_LEN + 1];

	if (!call.n)
		return ERR_SYNTAX;
	if (!str_copy(call, out, DIALOG_ID_MAX) && strlen(out) == call.n)
		return ERR_OK;
	if (prim_digest(PRIM_SHA256, (struct view){.p = (const uint8_t *)call.p, .n = call.n},
	                digest) ||
	    hex_encode(digest, sizeof(digest), hex, sizeof(hex)))
		return ERR_CRYPTO;
	snprintf(out, DIALOG_ID_MAX, "sha256-%s", hex);
	return ERR_OK;
}

static struct str tag_of(const struct dialog *g, enum offer_side side)
{
	return str_of(g->tag[side]);
}

enum err dialog_set_text(char **at, struct str v)
{
	char *copy = mem_text(v.p, v.n);

	if (!copy)
		return ERR_NOMEM;
	mem_free(*at);
	*at = copy;
	return ERR_OK;
}

/* --- making and freeing calls ----------------------------------------------- */

static enum err dialog_new(struct dialog **out, struct dialogs *d, const char *id)
{
	size_t n = strlen(id);
	struct dialog *g = mem_alloc(sizeof(*g) + n + 1);
	enum err e;

	if (!g)
		return ERR_NOMEM;
	g->owner = d;
	g->core = 1;
	queue_init(&g->requests, DIALOG_WAITING_MAX);
	memcpy(g->id, id, n + 1);
	e = map_put(d->by_id, g->id, n, g);
	if (e) {
		mem_free(g);
		return e;
	}
	list_add_tail(&d->all, &g->link);
	*out = g;
	return ERR_OK;
}

static void request_submit(struct dialog_request *q);

void dialog_end(struct dialog *g)
{
	struct link waiting;

	list_init(&waiting);
	queue_take_waiting(&g->requests, &waiting);
	if (g->session)
		g->session->attached = NULL;
	dialog_later_forget(g);
	(void)map_remove(g->owner->by_id, g->id, strlen(g->id));
	list_remove(&g->link);
	dialog_exchange_free(g->now);
	dialog_exchange_free(g->next);
	dialog_forks_clear(g);
	mem_free(g->tag[0]);
	mem_free(g->tag[1]);
	dialog_exchange_free(g->crossed);
	dialog_branches_free(g);
	mem_free(g);
	for (struct link *l; (l = list_pop(&waiting));)
		request_submit(LIST_OF(l, struct dialog_request, link));
}

void dialog_session_gone(void *attached)
{
	struct dialog *g = attached;

	if (!g)
		return;
	dialog_later_forget(g);
	g->session = NULL;
	g->state = OFFER_ENDED;
	if (!queue_is_busy(&g->requests))
		dialog_end(g);
}

enum err dialogs_new(struct dialogs **out, struct service *sv)
{
	struct dialogs *d = mem_alloc(sizeof(*d));
	enum err e = d ? map_new(&d->by_id) : ERR_NOMEM;

	if (e) {
		mem_free(d);
		return e;
	}
	d->service = sv;
	list_init(&d->all);
	*out = d;
	return ERR_OK;
}

void dialogs_free(struct dialogs *d)
{
	if (!d)
		return;
	d->is_closed = true;
	LIST_EACH (it, &d->all)
		dialog_end(LIST_OF(it, struct dialog, link));
	map_free(d->by_id);
	mem_free(d);
}

size_t dialogs_count(const struct dialogs *d)
{
	return map_count(d->by_id);
}

static const struct dialog *find(const struct dialogs *d, struct str call)
{
	char id[DIALOG_ID_MAX];

	return dialog_session_id(call, id) ? NULL : map_get(d->by_id, id, strlen(id));
}

void dialog_tags(const struct dialogs *d, struct str call, struct str *first, struct str *second)
{
	const struct dialog *g = find(d, call);

	*first = g ? tag_of(g, OFFER_SIDE_A) : str_of("");
	*second = g ? tag_of(g, OFFER_SIDE_B) : str_of("");
}

void dialog_times(const struct dialogs *d, struct str call, uint64_t *settled_ns,
                  uint64_t seen_wall_ns[2])
{
	const struct dialog *g = find(d, call);

	*settled_ns = g ? g->settled_ns : 0;
	for (unsigned i = 0; i < 2; i++)
		seen_wall_ns[i] = g ? g->seen_wall_ns[i] : 0;
}

bool dialogs_ends_when_silent(const struct dialogs *d, struct str session, uint64_t *settled_ns)
{
	const struct dialog *g = map_get(d->by_id, session.p, session.n);

	if (!g || !g->ends_when_silent || !g->session)
		return false;
	*settled_ns = g->settled_ns;
	return true;
}

void dialogs_set_quiet(struct dialogs *d, struct str session, bool on)
{
	struct dialog *g = map_get(d->by_id, session.p, session.n);

	if (g)
		g->is_quiet = on;
}

void dialogs_each_quiet(struct dialogs *d, uint64_t limit_ns,
                        void (*fn)(void *arg, const char *session), void *arg)
{
	LIST_EACH (it, &d->all) {
		struct dialog *g = LIST_OF(it, struct dialog, link);

		if (g->ends_when_silent && g->session && (g->is_quiet || g->settled_ns < limit_ns))
			fn(arg, g->id);
	}
}

enum offer_side dialog_access(const struct dialogs *d, struct str call, const char *media_id)
{
	const struct dialog *g = find(d, call);
	const struct dialog_exchange *x = !g ? NULL : g->now ? g->now : g->next;

	for (unsigned i = 0; x && i < x->n_media; i++) {
		char id[32];

		dialog_media_id(i, x->media[i].generation, id);
		if (strcmp(id, media_id) == 0)
			return (enum offer_side)x->media[i].access;
	}
	/* The media has ended: return the side of the first relayed media. */
	for (unsigned i = 0; x && i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY)
			return (enum offer_side)x->media[i].access;
	return OFFER_SIDE_A;
}

/* --- requests --------------------------------------------------------------- */

static bool refuses_key(void *arg, const struct keyctx *k, bool is_send)
{
	const struct dialog *g = arg;

	return g->session && service_refuses_key(g->session, k, is_send);
}

void dialog_request_start(struct dialog_request *q, struct dialog *g)
{
	static void (*const starts[])(struct dialog_request *) = {
		[DIALOG_OFFER] = dialog_start_offer,
		[DIALOG_ANSWER] = dialog_start_answer,
		[DIALOG_REJECT] = dialog_start_reject,
		[DIALOG_DELETE] = dialog_start_delete,
	};

	q->dialog = g;
	q->judge = (struct dialog_judge){.refuses = refuses_key, .arg = g};
	q->command.options.judge = &q->judge;
	/* An offer or answer cancels a waiting delete. */
	if ((q->command.op == DIALOG_OFFER || q->command.op == DIALOG_ANSWER) &&
	    dialog_is_of_sides(g, &q->command))
		dialog_later_forget(g);
	starts[q->command.op](q);
}

/* Starts the request, or queues it behind the others of its call. */
static void request_submit(struct dialog_request *q)
{
	struct dialogs *d = q->owner;
	char id[DIALOG_ID_MAX];
	struct why why = {""};
	enum err e = d->is_closed ? ERR_CLOSED : dialog_session_id(q->command.call, id);
	struct dialog *g = e ? NULL : map_get(d->by_id, id, strlen(id));
	enum queue_turn turn = QUEUE_FULL;

	q->dialog = NULL;
	if (!e && !g && q->command.op == DIALOG_OFFER)
		e = dialog_new(&g, d, id);
	else if (!e && !g)
		e = why_fail(&why, ERR_NOT_FOUND, "no call has this Call-ID");
	if (!e)
		turn = queue_enter(&g->requests, &q->link);
	if (turn == QUEUE_FULL && !e)
		e = why_fail(&why, ERR_LIMIT,
		             "call \"%s\": %u requests wait already; try again later", g->id,
		             g->requests.n_waiting);
	if (e)
		dialog_request_fail(q, e, &why);
	else if (turn == QUEUE_NOW)
		dialog_request_start(q, g);
}

void dialog_submit(struct dialogs *d, const struct dialog_command *command, dialog_done_fn *done,
                   void *arg)
{
	struct dialog_request *q = NULL;
	struct why why = {""};
	enum err e;

	if (dialog_passes_untouched(d, command)) {
		done(arg, &(struct dialog_reply){.why = &why, .sdp = command->sdp});
		return;
	}
	e = dialog_request_new(&q, d, command);
	if (e) {
		why_fail(&why, e, "%s", err_meaning(e));
		done(arg, &(struct dialog_reply){.e = e, .why = &why, .sip_status = 500});
		return;
	}
	q->done = done;
	q->arg = arg;
	request_submit(q);
}

static void ignore_reply(void *arg, const struct dialog_reply *reply)
{
	(void)arg, (void)reply;
}

/* Makes a request that ends the call. NULL: DIALOG_WAITING_MAX requests wait, or no memory. */
static struct dialog_request *request_end(struct dialog *g)
{
	struct dialog_command command = {.op = DIALOG_DELETE, .call = str_of(g->id)};
	struct dialog_request *q = NULL;

	if (queue_is_full(&g->requests) || dialog_request_new(&q, g->owner, &command))
		return NULL;
	q->ends_all = true;
	q->done = ignore_reply;
	return q;
}

bool dialog_end_now(struct dialog *g)
{
	struct dialog_request *q = request_end(g);

	if (q)
		request_submit(q);
	return q != NULL;
}

bool dialog_end_before(struct dialog *g, struct dialog_request *q)
{
	struct dialog_request *end = request_end(g);

	if (!end)
		return false;
	queue_cut_in(&g->requests, &q->link, &end->link);
	dialog_request_start(end, g);
	return true;
}
