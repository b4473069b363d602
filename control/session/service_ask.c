/* SPDX-License-Identifier: MIT */
/* Judges sources that workers ask about. A leg that learns a source also sends to it, so the source
 * is checked like a target. */
#include <stdbool.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/session/service.h"
#include "control/session/targets.h"

enum { PERMITTED_MAX = 16 }; /* permitted sources of one session */

static bool is_known(const struct registry_session *s, const struct relay_permit *p)
{
	for (unsigned i = 0; i < s->n_permitted; i++) {
		const struct relay_permit *k = &s->permitted[i];

		if (k->media == p->media && k->leg == p->leg && k->is_rtcp == p->is_rtcp &&
		    addr_eq(&k->source, &p->source))
			return true;
	}
	return false;
}

/* Stores a permitted source until the session ends, so that later loop checks include it. */
static enum err remember(struct registry_session *s, const struct relay_permit *p, struct why *why)
{
	struct relay_permit *more;

	if (is_known(s, p))
		return ERR_OK;
	if (s->n_permitted == PERMITTED_MAX)
		return why_fail(why, ERR_LIMIT,
		                "the source is refused: the session already has %d permitted "
		                "sources, the maximum",
		                PERMITTED_MAX);
	more = mem_resize(s->permitted, s->n_permitted + 1, sizeof(*more));
	if (!more)
		return why_fail(why, ERR_NOMEM, "out of memory");
	more[s->n_permitted++] = *p;
	s->permitted = more;
	return ERR_OK;
}

static enum err judge(struct service *sv, struct registry_session *s, const struct relay_permit *p,
                      struct why *why)
{
	const struct leg_name at = {.session = s, .media = p->media, .leg = p->leg};
	enum err e =
		targets_check_more(service_targets(sv), &at, &p->source, service_now_ns(sv), why);

	if (!e)
		e = remember(s, p, why);
	return e ? e : relay_session_permit(service_relay(sv), s->relay, p);
}

enum err service_publish_targets(struct service *sv)
{
	struct relay_asked *asked = mem_alloc(sizeof(*asked));
	enum err e = asked ? targets_fill_asked(service_targets(sv), asked) : ERR_NOMEM;

	if (!e)
		e = relay_set_asked(service_relay(sv), asked);
	mem_free(asked);
	return e;
}

enum err service_say(struct service *sv, unsigned interface, const struct addr *a)
{
	return port_book_say(targets_book(service_targets(sv)), interface, a)
	               ? service_publish_targets(sv)
	               : ERR_OK;
}

void service_on_ask(void *service, const struct relay_event *ask)
{
	struct service *sv = service;
	struct registry_session *s = ask->owner;
	struct relay_permit p = {
		.media = ask->media, .leg = ask->leg, .is_rtcp = ask->is_rtcp, .source = ask->addr};
	struct why why = {""};
	enum err e;

	if (!s->relay || s->state == SESSION_DELETING)
		return;
	e = judge(sv, s, &p, &why);
	if (!e)
		return;
	service_count_refused_target(sv);
	if (targets_may_log(service_targets(sv), service_now_ns(sv)))
		log_warn("service", "source refused", LOG_TEXT(session, s->spec->id),
		         LOG_TEXT(reason, why.text[0] ? why.text : err_meaning(e)));
}
