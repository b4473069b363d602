/* SPDX-License-Identifier: MIT */
/* Implements the functions of relay/relay.h that control uses, with a list of sessions and a list
 * of replies. */
#include "tests/harness/fake_relay.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum fake_kind { FAKE_CREATE, FAKE_UPDATE, FAKE_DELETE, FAKE_QUERY };

struct fake_reply {
	enum fake_kind kind;
	struct relay_session *s;
	enum err e;
	struct addr taken;
	relay_done_fn *done;
	relay_stats_fn *stats;
	void *arg;
};

static struct fake_reply replies[FAKE_PENDING_MAX];
struct relay fake_relay = {.replies = replies, .spent_octet = -1};

/* --- sessions --------------------------------------------------------------- */

/* Copies a key context with malloc, not with base/mem: an allocation that a test lets fail must be
 * one of the product. */
static struct keyctx *keep_key(const struct keyctx *k)
{
	size_t bytes = sizeof(*k) + k->mki_len;
	struct keyctx *kept = malloc(bytes);

	CHECK(kept != NULL);
	return memcpy(kept, k, bytes);
}

static void keep_keys(struct relay_leg_spec *leg, struct keyctx *kept[2])
{
	const struct keyctx **of[2] = {&leg->receive, &leg->send};

	for (unsigned k = 0; k < 2; k++) {
		free(kept[k]);
		kept[k] = *of[k] ? keep_key(*of[k]) : NULL;
		*of[k] = kept[k];
	}
}

static void take_spec(struct relay_session *s, const struct relay_session_spec *spec)
{
	s->n_media = spec->n_media;
	s->stats.n_media = spec->n_media;
	s->stats.media = s->media_stats;
	for (unsigned m = 0; m < spec->n_media; m++) {
		s->media[m] = spec->media[m];
		s->media_stats[m] = (struct relay_media_stats){
			.n_legs = spec->media[m].n_legs,
			.legs = s->leg_stats[m],
		};
		for (unsigned l = 0; l < spec->media[m].n_legs; l++)
			keep_keys(&s->media[m].legs[l], s->keys[m][l]);
	}
}

void fake_relay_forget(struct relay_session *s)
{
	for (struct relay_session **at = &fake_relay.sessions; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++)
		for (unsigned l = 0; l < RELAY_LEGS_MAX; l++)
			for (unsigned k = 0; k < 2; k++)
				free(s->keys[m][l][k]);
	mem_free(s);
}

void fake_relay_reset(void)
{
	while (fake_relay.sessions)
		fake_relay_forget(fake_relay.sessions);
	fake_relay = (struct relay){.replies = replies, .spent_octet = -1};
}

/* --- requests --------------------------------------------------------------- */

static void reply_later(struct fake_reply reply)
{
	CHECK(fake_relay.n_replies < FAKE_PENDING_MAX);
	replies[fake_relay.n_replies++] = reply;
}

static enum err take_order(enum err *order)
{
	enum err e = *order;

	*order = ERR_OK;
	return e;
}

static bool is_foreign(uint16_t port)
{
	for (unsigned f = 0; f < fake_relay.n_foreign; f++)
		if (fake_relay.foreign[f] == port)
			return true;
	return false;
}

/* Returns the result that a worker would give. `*taken`: the port that another program holds; all
 * interfaces of tests have the address 127.0.0.1. */
static enum err judge(const struct relay_session_spec *spec, struct addr *taken)
{
	enum err e = take_order(&fake_relay.fail_later);

	for (unsigned m = 0; m < spec->n_media && !e; m++)
		for (unsigned l = 0; l < spec->media[m].n_legs && !e; l++)
			if (spec->media[m].legs[l].exists &&
			    is_foreign(spec->media[m].legs[l].port_rtp)) {
				*taken = (struct addr){
					.version = 4,
					.ip = {127, 0, 0, 1},
					.port = spec->media[m].legs[l].port_rtp,
				};
				e = ERR_EXISTS;
			}
	return e;
}

enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	enum err e = take_order(&fake_relay.refuse_at_once), later;
	struct addr taken = {0};
	struct relay_session *s;

	(void)r;
	if (e)
		return why_fail(why, e, "refused at once");
	s = mem_alloc(sizeof(*s));
	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	take_spec(s, spec);
	s->next = fake_relay.sessions;
	fake_relay.sessions = s;
	fake_relay.creates++;
	*out = s;
	later = judge(spec, &taken);
	reply_later((struct fake_reply){
		.kind = FAKE_CREATE,
		.s = s,
		.e = later,
		.taken = taken,
		.done = done,
		.arg = arg,
	});
	return ERR_OK;
}

enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	enum err e = take_order(&fake_relay.refuse_at_once), later;
	struct addr taken = {0};

	(void)r;
	if (e)
		return why_fail(why, e, "refused at once");
	later = judge(spec, &taken);
	if (!later)
		take_spec(s, spec);
	fake_relay.updates++;
	reply_later((struct fake_reply){
		.kind = FAKE_UPDATE,
		.s = s,
		.e = later,
		.taken = taken,
		.done = done,
		.arg = arg,
	});
	return ERR_OK;
}

void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg)
{
	(void)r;
	fake_relay.deletes++;
	reply_later((struct fake_reply){.kind = FAKE_DELETE, .s = s, .done = done, .arg = arg});
}

enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg)
{
	(void)r;
	reply_later((struct fake_reply){.kind = FAKE_QUERY, .s = s, .stats = done, .arg = arg});
	return ERR_OK;
}

enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX])
{
	(void)r, (void)s;
	for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++)
		fake_relay.reopened += (unsigned)__builtin_popcount(legs[m]);
	return ERR_OK;
}

enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit)
{
	(void)r, (void)s, (void)permit;
	return ERR_OK;
}

enum err relay_set_asked(struct relay *r, const struct relay_asked *asked)
{
	(void)r, (void)asked;
	return ERR_OK;
}

void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg)
{
	(void)r, (void)fn, (void)arg;
}

void relay_set_listener(struct relay *r, relay_event_fn *fn, void *arg)
{
	r->listener = fn;
	r->listener_arg = arg;
}

/* --- replies ---------------------------------------------------------------- */

static void carry(const struct fake_reply *reply)
{
	struct why why = {"told later"};

	if (reply->kind == FAKE_QUERY) {
		reply->stats(reply->arg, ERR_OK, &reply->s->stats);
		return;
	}
	reply->done(reply->arg, &(struct relay_result){
					.e = reply->e,
					.why = &why,
					.taken = reply->taken,
				});
	if (reply->kind == FAKE_DELETE || (reply->kind == FAKE_CREATE && reply->e))
		fake_relay_forget(reply->s);
}

void relay_poll(struct relay *r)
{
	(void)r;
	while (fake_relay.n_replies) {
		struct fake_reply first = replies[0];

		fake_relay.n_replies--;
		memmove(replies, replies + 1, fake_relay.n_replies * sizeof(replies[0]));
		carry(&first);
	}
}

/* --- answers without a request ---------------------------------------------- */

bool relay_session_refuses_key(const struct relay_session *s, const struct keyctx *k, bool is_send)
{
	(void)s, (void)is_send;
	return k->key[0] == fake_relay.spent_octet;
}

const struct relay_session_stats *relay_session_stats(const struct relay_session *s)
{
	return &s->stats;
}

void relay_get_stats(const struct relay *r, struct relay_stats *out)
{
	(void)r;
	*out = (struct relay_stats){.workers = 1};
	for (const struct relay_session *s = fake_relay.sessions; s; s = s->next)
		out->sessions++;
}

uint64_t relay_events_lost(const struct relay *r)
{
	(void)r;
	return 0;
}

const char *relay_engine_name(const struct relay *r)
{
	(void)r;
	return "none";
}

const char *relay_engine_reason(const struct relay *r)
{
	(void)r;
	return "no packets";
}

const char *relay_io_name(const struct relay *r, unsigned interface)
{
	(void)r, (void)interface;
	return "none";
}

const char *relay_io_reason(const struct relay *r, unsigned interface)
{
	(void)r, (void)interface;
	return "no packets";
}
