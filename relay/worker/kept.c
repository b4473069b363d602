/* SPDX-License-Identifier: MIT */
/* The list of a session's keys that no leg uses now. What a key remembers of streams is in
 * relay/worker/evicted.h. */
#include "relay/worker/kept.h"

#include <string.h>

#include "relay/worker/evicted.h"
#include "relay/worker/worker.h"

static void put(struct leg *leg, struct key **at, bool is_send)
{
	struct session *s = leg->media->session;
	struct key *k = *at;

	k->media = leg->media->place;
	k->leg = leg->place;
	k->is_send = is_send;
	k->next = s->kept;
	s->kept = k;
	*at = NULL;
}

/* Moves the key's states out of the leg's streams. False: not everything received under the key
 * could be stored. */
static bool detach_states(struct worker *w, struct leg *leg, struct key *key)
{
	bool ok = true;

	for (struct stream *s = leg->in_streams; s; s = s->next) {
		struct crypto **slots[] = {&s->crypto, &s->previous};

		for (unsigned i = 0; i < ARRAY_LEN(slots); i++) {
			struct crypto *c = *slots[i];

			if (!c || c->key != key)
				continue;
			ok &= evicted_keep(&w->streams, c, s->ssrc);
			crypto_give(&w->streams, c);
			*slots[i] = NULL;
		}
	}
	return ok;
}

void kept_put_receive(struct worker *w, struct leg *leg, struct key **at)
{
	if (!*at)
		return;
	if (at == &leg->receive_previous && leg->receive)
		evicted_remember(&w->streams, *at, leg->receive);
	if (detach_states(w, leg, *at)) {
		put(leg, at, false);
		return;
	}
	evicted_drop(&w->streams, *at, NULL);
	worker_give_key(w, *at);
	*at = NULL;
}

void kept_put_send(struct worker *w, struct leg *leg, struct key **at)
{
	struct key *key = *at;

	if (!key)
		return;
	key->run = leg->run;
	key->has_forgotten |= leg->has_forgotten;
	for (struct stream *s = leg->out_streams; s; s = s->next)
		/* If the key has no room for the index, the SSRC could start again from 0. */
		key->has_forgotten |= !evicted_keep_sent(&w->streams, key, s);
	put(leg, at, true);
}

/* --- finding ---------------------------------------------------------------- */

static bool is_place(const struct key *k, const struct key *wanted)
{
	return k->is_send == wanted->is_send && k->media == wanted->media &&
	       k->leg == wanted->leg && key_is_same_context(k, wanted);
}

/* The place where a leg still has the key; the same plan takes the key from that leg. */
static struct key **find_at_leg(struct session *s, const struct key *wanted)
{
	const struct media *m = session_media(s, wanted->media);
	struct leg *leg = m ? m->legs[wanted->leg] : NULL;

	if (!leg)
		return NULL;
	if (wanted->is_send)
		return key_is_same_context(leg->send, wanted) ? &leg->send : NULL;
	if (key_is_same_context(leg->receive_previous, wanted))
		return &leg->receive_previous;
	return key_is_same_context(leg->receive, wanted) ? &leg->receive : NULL;
}

struct key *kept_find(struct worker *w, struct session *s, const struct key *wanted, bool take)
{
	struct key **at_leg = find_at_leg(s, wanted);
	struct leg *leg = at_leg ? session_media(s, wanted->media)->legs[wanted->leg] : NULL;

	if (at_leg && !take)
		return *at_leg;
	if (at_leg && wanted->is_send)
		kept_put_send(w, leg, at_leg);
	else if (at_leg)
		kept_put_receive(w, leg, at_leg);
	for (struct key **at = &s->kept; *at; at = &(*at)->next) {
		struct key *k = *at;

		if (!is_place(k, wanted))
			continue;
		if (take)
			*at = k->next;
		return k;
	}
	return NULL;
}

static struct key *find_previous(struct session *s, uint64_t fingerprint, struct leg **leg)
{
	for (struct media *m = s->media; m; m = m->next)
		for (unsigned i = 0; i < m->n_legs; i++)
			if (m->legs[i] && m->legs[i]->receive_previous &&
			    m->legs[i]->receive_previous->fingerprint == fingerprint) {
				*leg = m->legs[i];
				return (*leg)->receive_previous;
			}
	return NULL;
}

void kept_forget(struct worker *w, struct session *s, uint64_t fingerprint)
{
	struct leg *leg;

	while (find_previous(s, fingerprint, &leg))
		kept_put_receive(w, leg, &leg->receive_previous);
	for (struct key **at = &s->kept; *at;) {
		struct key *k = *at;

		if (k->fingerprint != fingerprint) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		evicted_drop(&w->streams, k, NULL);
		worker_give_key(w, k);
	}
}

void kept_end(struct worker *w, struct session *s)
{
	for (struct key *k = s->kept; k; k = k->next)
		evicted_drop(&w->streams, k, NULL);
}

/* --- sending ---------------------------------------------------------------- */

/* Drops an SSRC whose highest index under the key is not known: its source gets another SSRC. */
static void drop_name(struct worker *w, struct leg *leg, struct stream **at)
{
	struct stream *s = *at;

	*at = s->next;
	stream_give(&w->streams, s);
	leg->n_out--;
}

void kept_resume(struct worker *w, struct leg *leg)
{
	struct key *key = leg->send;
	bool same_run = key->run == leg->run;
	struct evicted_sent sent;

	for (struct stream **at = &leg->out_streams; *at;) {
		if (evicted_find_sent(key, (*at)->ssrc, &sent)) {
			evicted_go_on(*at, &sent, same_run);
		} else if (key->has_forgotten) {
			drop_name(w, leg, at);
			continue;
		}
		at = &(*at)->next;
	}
	leg->run = key->run;
	leg->has_forgotten |= key->has_forgotten;
}
