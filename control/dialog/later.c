/* SPDX-License-Identifier: MIT */
/* A list of waiting deletes in the order of their requests, and one timer for the earliest end. */
#include "control/dialog/later.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/dialog/request.h"

enum { AGAIN_MS = 1000 }; /* delay before the gateway tries again to end a call */

struct dialog_leave {
	struct link link;
	struct dialog *dialog;
	uint64_t due_ns;   /* when the call ends (monotonic) */
	bool in_doubt;     /* the call may still be alive (dialog_later_end) */
	bool offer_waited; /* at the delete, a re-offer of the call waited for its answer */
	bool is_under_way; /* the request that ends the call is queued or under way */
};

struct dialog_later {
	struct service *service;
	struct dialogs *dialogs;
	struct loop_timer *timer;
	uint64_t due_ns; /* when the timer fires (monotonic); UINT64_MAX: it is not set */
	struct link all;
};

static void arm(struct dialog_later *l, uint64_t due_ns)
{
	uint64_t now_ns = clk_mono_ns();

	if (due_ns >= l->due_ns)
		return;
	l->due_ns = due_ns;
	if (loop_timer_set(l->timer, due_ns > now_ns ? due_ns - now_ns : 0)) {
		l->due_ns = UINT64_MAX;
		log_error("dialog",
		          "cannot set a timer: deleted calls stay until another call is deleted");
	}
}

static void end_now(struct dialog_leave *v)
{
	log_debug("dialog", "delete-delay is over: the call ends",
	          LOG_TEXT(session, v->dialog->id));
	v->due_ns = clk_mono_ns() + AGAIN_MS * NS_PER_MS;
	v->is_under_way = true;
	if (!dialog_end_now(v->dialog))
		v->is_under_way = false;
}

static void on_timer(void *arg)
{
	struct dialog_later *l = arg;
	uint64_t now_ns = clk_mono_ns(), next_ns = UINT64_MAX;

	l->due_ns = UINT64_MAX;
	LIST_EACH (it, &l->all) {
		struct dialog_leave *v = LIST_OF(it, struct dialog_leave, link);

		if (!v->is_under_way && v->due_ns <= now_ns)
			end_now(v);
	}
	/* A second loop, because calls that ended above may have removed entries. */
	LIST_EACH (it, &l->all) {
		const struct dialog_leave *v = LIST_OF(it, struct dialog_leave, link);

		if (!v->is_under_way && v->due_ns < next_ns)
			next_ns = v->due_ns;
	}
	arm(l, next_ns);
}

/* Called when ports run out. Of the deleted calls that are not in doubt and have no request under
 * way, ends the one deleted first. False: there is none. */
static bool on_reclaim(void *arg)
{
	struct dialog_later *l = arg;

	LIST_EACH (it, &l->all) {
		struct dialog_leave *v = LIST_OF(it, struct dialog_leave, link);

		if (v->in_doubt || v->is_under_way || queue_is_busy(&v->dialog->requests))
			continue;
		log_info("dialog",
		         "no free ports: ending a deleted call before its delete delay is over",
		         LOG_TEXT(session, v->dialog->id));
		v->is_under_way = true;
		if (dialog_end_now(v->dialog))
			return true;
		v->is_under_way = false;
	}
	return false;
}

bool dialog_later_end(struct dialog *g, uint32_t after_ms, bool in_doubt)
{
	struct dialog_later *l = g->owner->later;
	uint64_t due_ns = clk_mono_ns() + after_ms * NS_PER_MS;
	struct dialog_leave *v = g->leave;

	if (!l || !g->session)
		return false;
	if (!v) {
		v = mem_alloc(sizeof(*v));
		if (!v)
			return false;
		*v = (struct dialog_leave){.dialog = g, .due_ns = due_ns, .in_doubt = in_doubt};
		v->offer_waited = g->state == OFFER_A_OFFERS || g->state == OFFER_B_OFFERS;
		list_add_tail(&l->all, &v->link);
		g->leave = v;
	} else if (v->in_doubt && !in_doubt) {
		list_remove(&v->link);
		list_add_tail(&l->all, &v->link);
	}
	v->due_ns = due_ns < v->due_ns ? due_ns : v->due_ns;
	v->in_doubt &= in_doubt;
	if (!v->in_doubt)
		service_set_ending(l->service, g->session, true);
	arm(l, v->due_ns);
	return true;
}

void dialog_later_retry(struct dialog *g)
{
	struct dialog_leave *v = g->leave;

	if (!v || !v->is_under_way)
		return;
	v->is_under_way = false;
	v->due_ns = clk_mono_ns() + AGAIN_MS * NS_PER_MS;
	arm(g->owner->later, v->due_ns);
}

void dialog_later_forget(struct dialog *g)
{
	if (!g->leave)
		return;
	if (g->session)
		service_set_ending(g->owner->service, g->session, false);
	list_remove(&g->leave->link);
	mem_free(g->leave);
	g->leave = NULL;
}

bool dialog_later_is_over(const struct dialog *g)
{
	return g->leave && !g->leave->in_doubt && !g->leave->offer_waited;
}

enum err dialog_later_new(struct dialog_later **out, struct loop *loop, struct service *sv,
                          struct dialogs *d)
{
	struct dialog_later *l = mem_alloc(sizeof(*l));
	enum err e;

	if (!l)
		return ERR_NOMEM;
	l->service = sv;
	l->dialogs = d;
	l->due_ns = UINT64_MAX;
	list_init(&l->all);
	e = loop_timer_new(&l->timer, loop, on_timer, l);
	if (e) {
		mem_free(l);
		return e;
	}
	d->later = l;
	service_set_reclaimer(sv, on_reclaim, l);
	*out = l;
	return ERR_OK;
}

void dialog_later_free(struct dialog_later *l)
{
	if (!l)
		return;
	service_set_reclaimer(l->service, NULL, NULL);
	LIST_EACH (it, &l->all)
		dialog_later_forget(LIST_OF(it, struct dialog_leave, link)->dialog);
	l->dialogs->later = NULL;
	loop_timer_free(l->timer);
	mem_free(l);
}
