/* SPDX-License-Identifier: MIT */
/* Calls by their SDP: one request under way for each, the rest wait; a plan is made, the session changed, then the plan is the truth. */
#include "control/dialog.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/dialog_media.h"
#include "keyctx/prim.h"

enum { WAITING_MAX = 64, BRANCHES_MAX = RELAY_LEGS_MAX - 1 };

struct op;

struct dialog {
	struct dialogs *owner;
	struct link link; /* of all, for the end */
	char id[DIALOG_ID_MAX];
	enum offer_state state;
	char *tag[2];                    /* of sides A and B; NULL: not known yet */
	char *branches[BRANCHES_MAX];    /* core leg 1 + index is that branch's */
	unsigned core;                   /* the active core leg */
	struct dialog_exchange *now;     /* agreed */
	struct dialog_exchange *next;    /* offered */
	struct session *session;         /* NULL: none made (yet) */
	struct op *running;
	struct link waiting;
	unsigned n_waiting;
};

/* A request from asking to answer. */
struct op {
	struct link link;
	struct dialogs *owner;
	struct dialog *dialog;
	struct dialog_ask ask; /* its texts are in `text` */
	char *text;
	size_t text_len;
	struct sdp *sdp;
	struct dialog_exchange *x;
	unsigned core;
	enum offer_event event;
	dialog_done_fn *done;
	void *arg;
};

struct dialogs {
	struct service *service;
	struct map *by_id;
	struct link all;
	bool is_closed;
};

static void start(struct op *op);
static void submit(struct op *op);

/* --- names --------------------------------------------------------------------------------------------- */

enum err dialog_session_id(struct str call, char out[DIALOG_ID_MAX])
{
	uint8_t digest[PRIM_SHA256_LEN];
	char hex[2 * PRIM_SHA256_LEN + 1];

	if (!call.n)
		return ERR_SYNTAX;
	if (!str_copy(call, out, DIALOG_ID_MAX) && strlen(out) == call.n)
		return ERR_OK;
	if (prim_digest(PRIM_SHA256, (struct view){.p = (const uint8_t *)call.p, .n = call.n}, digest) ||
	    hex_encode(digest, sizeof(digest), hex, sizeof(hex)))
		return ERR_CRYPTO;
	snprintf(out, DIALOG_ID_MAX, "sha256-%s", hex);
	return ERR_OK;
}

static struct str tag_of(const struct dialog *g, enum offer_side side)
{
	return str_of(g->tag[side]);
}

static enum err set_text(char **at, struct str v)
{
	char *copy = mem_text(v.p, v.n);

	if (!copy)
		return ERR_NOMEM;
	mem_free(*at);
	*at = copy;
	return ERR_OK;
}

/* --- dialogs come and go ------------------------------------------------------------------------------- */

static enum err dialog_new(struct dialog **out, struct dialogs *d, const char *id)
{
	struct dialog *g = mem_alloc(sizeof(*g));
	enum err e;

	if (!g)
		return ERR_NOMEM;
	g->owner = d;
	g->core = 1;
	list_init(&g->waiting);
	snprintf(g->id, sizeof(g->id), "%s", id);
	e = map_put(d->by_id, g->id, strlen(g->id), g);
	if (e) {
		mem_free(g);
		return e;
	}
	list_add_tail(&d->all, &g->link);
	*out = g;
	return ERR_OK;
}

/* Out of the table; what waited is asked anew and finds it absent. */
static void dialog_end(struct dialog *g)
{
	struct link waiting;

	list_init(&waiting);
	for (struct link *l; (l = list_pop(&g->waiting));)
		list_add_tail(&waiting, l);
	if (g->session)
		g->session->attached = NULL;
	(void)map_remove(g->owner->by_id, g->id, strlen(g->id));
	list_remove(&g->link);
	dialog_exchange_free(g->now);
	dialog_exchange_free(g->next);
	mem_free(g->tag[0]);
	mem_free(g->tag[1]);
	for (unsigned i = 0; i < BRANCHES_MAX; i++)
		mem_free(g->branches[i]);
	mem_free(g);
	for (struct link *l; (l = list_pop(&waiting));)
		submit(LIST_OF(l, struct op, link));
}

/* The session was ended by somebody else: by its id, or because media never came. */
static void on_session_gone(void *attached)
{
	struct dialog *g = attached;

	if (!g)
		return;
	g->session = NULL;
	g->state = OFFER_ENDED;
	if (!g->running)
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
	LIST_EACH(it, &d->all)
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
	return OFFER_SIDE_A;
}

/* --- answering ------------------------------------------------------------------------------------------ */

static void op_free(struct op *op)
{
	sdp_free(op->sdp);
	dialog_exchange_free(op->x);
	secret_wipe(op->text, op->text_len);
	mem_free(op->text);
	mem_free(op);
}

/* Tells the caller, then lets the next request of the call start; a call that came to nothing ends. */
static void op_finish(struct op *op, const struct dialog_reply *reply)
{
	struct dialog *g = op->dialog;

	op->done(op->arg, reply);
	op_free(op);
	if (!g)
		return;
	g->running = NULL;
	if (g->state == OFFER_ENDED || (g->state == OFFER_NEW && !g->session)) {
		dialog_end(g);
		return;
	}
	if (!list_is_empty(&g->waiting)) {
		struct op *next = LIST_OF(list_pop(&g->waiting), struct op, link);

		g->n_waiting--;
		next->dialog = g;
		start(next);
	}
}

/* What signalling may answer. */
static int sip_status_of(enum err e)
{
	switch (e) {
	case ERR_BUSY:
		return 491;
	case ERR_NOT_FOUND:
		return 481;
	case ERR_LIMIT:
	case ERR_CLOSED:
		return 503;
	case ERR_NOMEM:
	case ERR_CRYPTO:
	case ERR_IO:
		return 500;
	default:
		return 488;
	}
}

static void op_fail(struct op *op, enum err e, const struct why *why)
{
	struct why copy = *why;
	struct dialog_reply reply = {.e = e, .why = &copy, .sip_status = sip_status_of(e)};

	if (!copy.text[0])
		why_fail(&copy, e, "%s", err_meaning(e));
	op_finish(op, &reply);
}

static void report_media(struct dialog_reply *reply, const struct dialog_exchange *x)
{
	static const char *const actions[] = {
		[DIALOG_TREAT_PASS] = "pass", [DIALOG_TREAT_RELAY] = "relay",
		[DIALOG_TREAT_REFUSE] = "refuse", [DIALOG_TREAT_OFF] = "off",
	};

	reply->n_media = x->n_media;
	for (unsigned i = 0; i < x->n_media; i++)
		reply->media[i] = (struct dialog_media_report){.row = x->media[i].row ? x->media[i].row : "",
		                                               .action = actions[x->media[i].treat],
		                                               .mode = x->media[i].mode,
		                                               .change = offer_change_name(x->media[i].change)};
}

/* Writes the description for the other side, and only then makes `commit` the truth. */
static void op_reply_sdp(struct op *op, enum offer_side to, bool is_answer, void (*commit)(struct op *op))
{
	struct dialog *g = op->dialog;
	struct dialog_reply reply = {.why = NULL, .session = g->session};
	struct why why = {""};
	char *text = NULL;
	size_t n = 0, room = 0;
	enum err e = dialog_write_sdp(op->sdp, op->x, to, is_answer, &op->ask.options, g->session, op->core,
	                              op->owner->service);

	if (!e) {
		room = sdp_length(op->sdp);
		text = mem_alloc(room + 1);
		e = text ? sdp_print(op->sdp, text, room, &n) : ERR_NOMEM;
	}
	if (e) {
		mem_free(text);
		why_fail(&why, e, "the description could not be written: %s", err_meaning(e));
		op_fail(op, e, &why);
		return;
	}
	report_media(&reply, op->x);
	commit(op);
	reply.sdp = str_make(text, n);
	reply.why = &why;
	op_finish(op, &reply);
	secret_wipe(text, room);
	mem_free(text);
}

/* --- offer ---------------------------------------------------------------------------------------------- */

/* Who speaks: the first offerer's tag tells; a call has two sides, whatever tags branches bring. */
static enum offer_side side_of(const struct dialog *g, const struct dialog_ask *ask)
{
	if (!g->tag[OFFER_SIDE_A] || str_is(ask->from, g->tag[OFFER_SIDE_A]))
		return OFFER_SIDE_A;
	return OFFER_SIDE_B;
}

/* The core leg of a branch: made known by its offer, the first one for those that name none. */
static unsigned core_of_branch(struct dialog *g, struct str branch, bool add)
{
	if (!branch.n)
		return g->core;
	for (unsigned i = 0; i < BRANCHES_MAX; i++) {
		if (g->branches[i] && str_is(branch, g->branches[i]))
			return i + 1;
		if (!g->branches[i])
			return add && !set_text(&g->branches[i], branch) ? i + 1 : g->core;
	}
	return g->core;
}

static void commit_offer(struct op *op)
{
	struct dialog *g = op->dialog;

	dialog_exchange_free(g->next);
	g->next = op->x;
	op->x = NULL;
	(void)offer_step(&g->state, op->event);
	log_debug("dialog", "sid=%s state=%s event=%s", g->id, offer_state_name(g->state), offer_event_name(op->event));
}

static void offer_done(void *arg, const struct service_result *r)
{
	struct op *op = arg;
	struct dialog *g = op->dialog;

	if (r->e) {
		op_fail(op, r->e, r->why);
		return;
	}
	g->session = r->session;
	g->session->attached = g;
	g->session->attached_free = on_session_gone;
	op_reply_sdp(op, !op->x->from, false, commit_offer);
}

static enum err plan_offer(struct op *op, enum offer_side side, enum offer_action action, struct spec_session **patch,
                           struct why *why)
{
	struct dialog *g = op->dialog;
	const struct spec_context *context = service_context(op->owner->service);
	const struct dialog_exchange *replaced = action == OFFER_DO_REPLACE ? g->next : NULL;
	enum err e = dialog_plan_offer(&op->x, g->now, op->sdp, side, &op->ask.options, context, why);

	if (!e && replaced)
		e = dialog_keep_keys(op->x, replaced);
	/* Forks are of the first call alone: later offers go where the call is. */
	op->core = g->state == OFFER_NEW || g->state == OFFER_OPENING ? core_of_branch(g, op->ask.branch, true) : g->core;
	if (!e && side == OFFER_SIDE_A && !g->tag[side])
		e = set_text(&g->tag[side], op->ask.from);
	return e ? e : dialog_patch_offer(patch, op->x, replaced, g->id, op->core);
}

static enum err judge_offer(struct op *op, enum offer_action *action, struct why *why)
{
	struct dialog *g = op->dialog;
	enum offer_state next;

	*action = offer_look(g->state, op->event, &next);
	if (*action == OFFER_DO_GLARE && op->ask.options.supersede_glare) {
		/* Where signalling never tells of refusals, the next offer does. */
		(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
		*action = offer_look(g->state, op->event, &next);
	}
	if (*action == OFFER_DO_GLARE)
		return why_fail(why, ERR_BUSY, "both sides offer: the other offer came first (491)");
	if (*action != OFFER_DO_OPEN && *action != OFFER_DO_REPLACE)
		return why_fail(why, ERR_WRONG_STATE, "no offer is possible now (%s)", offer_state_name(g->state));
	return ERR_OK;
}

static void start_offer(struct op *op)
{
	struct dialog *g = op->dialog;
	struct service *sv = op->owner->service;
	struct spec_session *patch = NULL;
	enum offer_side side = side_of(g, &op->ask);
	enum offer_action action;
	struct why why = {""};
	enum err e;

	op->event = offer_event_of(side, false);
	e = judge_offer(op, &action, &why);
	if (!e)
		e = sdp_parse(&op->sdp, op->ask.sdp, &why);
	if (!e)
		e = plan_offer(op, side, action, &patch, &why);
	if (e)
		op_fail(op, e, &why);
	else if (!patch)
		op_reply_sdp(op, !side, false, commit_offer);
	else if (g->session)
		service_update_take(sv, patch, offer_done, op);
	else
		service_create_take(sv, patch, offer_done, op);
}

/* --- answer --------------------------------------------------------------------------------------------- */

static void commit_answer(struct op *op)
{
	struct dialog *g = op->dialog;

	for (unsigned i = 0; i < op->x->n_media; i++)
		op->x->media[i].is_new = false;
	dialog_exchange_free(g->now);
	g->now = op->x;
	op->x = NULL;
	if (g->state != OFFER_STABLE) {
		dialog_exchange_free(g->next);
		g->next = NULL;
	}
	g->core = op->core;
	/* Whose answer it was; without memory for it the tag before stays, which tells forks apart no less. */
	if (op->event == OFFER_EVENT_ANSWER_B && op->ask.to.n)
		(void)set_text(&g->tag[OFFER_SIDE_B], op->ask.to);
	(void)offer_step(&g->state, op->event);
	log_debug("dialog", "sid=%s state=%s event=%s", g->id, offer_state_name(g->state), offer_event_name(op->event));
}

static void answer_done(void *arg, const struct service_result *r)
{
	struct op *op = arg;

	if (r->e)
		op_fail(op, r->e, r->why);
	else
		op_reply_sdp(op, op->x->from, true, commit_answer);
}

static enum err plan_answer(struct op *op, const struct dialog_exchange *base, struct spec_session **patch,
                            struct why *why)
{
	struct dialog *g = op->dialog;
	struct dialog_options o = op->ask.options;
	enum offer_side side = !base->from;
	/* Another fork brings its own key; that is no re-keying. */
	bool is_fork = side == OFFER_SIDE_B && g->tag[side] && op->ask.to.n && !str_is(op->ask.to, g->tag[side]);
	enum err e = dialog_exchange_copy(&op->x, base);

	o.accept_rekey |= is_fork;
	if (!e)
		e = dialog_plan_answer(op->x, g->now, op->sdp, &o, why);
	op->core = core_of_branch(g, op->ask.branch, false);
	if (!e)
		e = dialog_patch_answer(patch, op->x, g->now, g->id, op->core, service_context(op->owner->service));
	return e;
}

static void start_answer(struct op *op)
{
	struct dialog *g = op->dialog;
	const struct dialog_exchange *base = g->next ? g->next : g->now;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = OFFER_DO_REFUSE;
	struct why why = {""};
	enum err e = ERR_OK;

	if (base) {
		op->event = offer_event_of(!base->from, true);
		action = offer_look(g->state, op->event, &next);
	}
	if (action != OFFER_DO_AGREE && action != OFFER_DO_AGREE_AGAIN)
		e = why_fail(&why, ERR_WRONG_STATE, "an answer without an offer (%s)", offer_state_name(g->state));
	if (!e)
		e = sdp_parse(&op->sdp, op->ask.sdp, &why);
	if (!e)
		e = plan_answer(op, base, &patch, &why);
	if (e)
		op_fail(op, e, &why);
	else if (!patch || !g->session)
		op_reply_sdp(op, base->from, true, commit_answer);
	else
		service_update_take(op->owner->service, patch, answer_done, op);
}

/* --- the end, of an offer and of a call ------------------------------------------------------------------- */

static void roll_back(struct op *op)
{
	struct dialog *g = op->dialog;

	dialog_exchange_free(g->next);
	g->next = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	op_finish(op, &(struct dialog_reply){.session = g->session});
}

static void undo_done(void *arg, const struct service_result *r)
{
	struct op *op = arg;

	if (r->e)
		op_fail(op, r->e, r->why);
	else
		roll_back(op);
}

static void delete_done(void *arg, const struct service_result *r)
{
	struct op *op = arg;
	struct dialog *g = op->dialog;
	struct dialog_reply reply = {.e = r->e, .why = r->why, .session = r->session, .stats = r->stats};

	if (r->session)
		r->session->attached = NULL;
	g->session = NULL;
	g->state = OFFER_ENDED;
	reply.sip_status = r->e ? sip_status_of(r->e) : 0;
	op_finish(op, &reply);
}

static void start_reject(struct op *op)
{
	struct dialog *g = op->dialog;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = offer_look(g->state, OFFER_EVENT_REFUSED, &next);
	struct why why = {""};
	enum err e = ERR_OK;

	if (action == OFFER_DO_ROLL_BACK && next == OFFER_NEW && g->session) {
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
		return;
	}
	if (action == OFFER_DO_ROLL_BACK && g->next)
		e = dialog_patch_undo(&patch, g->next, g->id);
	if (e)
		op_fail(op, e, &why);
	else if (patch && g->session)
		service_update_take(op->owner->service, patch, undo_done, op);
	else
		roll_back(op);
}

/* The end of one fork while another one talks leaves the call alone. */
static bool is_other_fork(const struct dialog *g, const struct dialog_ask *ask)
{
	return g->state >= OFFER_STABLE && ask->to.n && g->tag[OFFER_SIDE_A] && g->tag[OFFER_SIDE_B] &&
	       str_is(ask->from, g->tag[OFFER_SIDE_A]) && !str_is(ask->to, g->tag[OFFER_SIDE_B]);
}

static void start_delete(struct op *op)
{
	struct dialog *g = op->dialog;

	if (is_other_fork(g, &op->ask)) {
		op_finish(op, &(struct dialog_reply){.session = g->session});
	} else if (g->session) {
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
	} else {
		g->state = OFFER_ENDED;
		op_finish(op, &(struct dialog_reply){.e = ERR_OK});
	}
}

/* --- asking --------------------------------------------------------------------------------------------- */

static void start(struct op *op)
{
	static void (*const starts[])(struct op *) = {
		[DIALOG_OFFER] = start_offer,
		[DIALOG_ANSWER] = start_answer,
		[DIALOG_REJECT] = start_reject,
		[DIALOG_DELETE] = start_delete,
	};

	op->dialog->running = op;
	starts[op->ask.op](op);
}

static void submit(struct op *op)
{
	struct dialogs *d = op->owner;
	char id[DIALOG_ID_MAX];
	struct why why = {""};
	enum err e = d->is_closed ? ERR_CLOSED : dialog_session_id(op->ask.call, id);
	struct dialog *g = e ? NULL : map_get(d->by_id, id, strlen(id));

	op->dialog = NULL;
	if (!e && !g && op->ask.op == DIALOG_OFFER)
		e = dialog_new(&g, d, id);
	else if (!e && !g)
		e = why_fail(&why, ERR_NOT_FOUND, "no such call");
	else if (!e && g->n_waiting == WAITING_MAX)
		e = why_fail(&why, ERR_LIMIT, "%u requests wait for this call already", g->n_waiting);
	if (e) {
		op_fail(op, e, &why);
		return;
	}
	if (g->running) {
		g->n_waiting++;
		list_add_tail(&g->waiting, &op->link);
		return;
	}
	op->dialog = g;
	start(op);
}

static struct str keep(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return str_make(p, s.n);
}

static enum err op_new(struct op **out, struct dialogs *d, const struct dialog_ask *ask)
{
	struct op *op = mem_alloc(sizeof(*op));
	char *at;

	if (!op)
		return ERR_NOMEM;
	op->text_len = ask->call.n + ask->from.n + ask->to.n + ask->branch.n + ask->sdp.n;
	op->text = at = mem_alloc(op->text_len + 1);
	if (!op->text) {
		mem_free(op);
		return ERR_NOMEM;
	}
	op->owner = d;
	op->ask = *ask;
	op->ask.call = keep(&at, ask->call);
	op->ask.from = keep(&at, ask->from);
	op->ask.to = keep(&at, ask->to);
	op->ask.branch = keep(&at, ask->branch);
	op->ask.sdp = keep(&at, ask->sdp);
	*out = op;
	return ERR_OK;
}

void dialog_request(struct dialogs *d, const struct dialog_ask *ask, dialog_done_fn *done, void *arg)
{
	struct op *op = NULL;
	enum err e = op_new(&op, d, ask);
	struct why why;

	if (e) {
		why_fail(&why, e, "%s", err_meaning(e));
		done(arg, &(struct dialog_reply){.e = e, .why = &why, .sip_status = 500});
		return;
	}
	op->done = done;
	op->arg = arg;
	submit(op);
}
