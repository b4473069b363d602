/* SPDX-License-Identifier: MIT */
/* A relay that takes notes of what it is told, and a gateway of two interfaces over it: included by
 * one test program at a time. */
#ifndef TESTS_UNIT_NOTING_RELAY_H
#define TESTS_UNIT_NOTING_RELAY_H

#include <stdlib.h>

#include "base/mem.h"
#include "control/dialog/dialog.h"
#include "tests/harness/harness.h"

struct relay_session {
	struct relay_session *next;
	struct relay_media_spec media[RELAY_MEDIA_MAX];
	unsigned n_media;
	struct keyctx *keys[RELAY_MEDIA_MAX][RELAY_LEGS_MAX][2];
};

static struct relay_session *noted; /* the session made last; the others follow by `next` */
static struct {
	relay_done_fn *done;
	void *arg;
	struct relay_session *ends;
} waiting[16];
static unsigned n_waiting, creates, updates, deletes, reopened; /* reopened: legs */
static enum err relay_says;

static void note(struct relay_session *s, const struct relay_session_spec *spec)
{
	s->n_media = spec->n_media;
	for (unsigned m = 0; m < spec->n_media; m++) {
		s->media[m] = spec->media[m];
		for (unsigned l = 0; l < RELAY_LEGS_MAX; l++) {
			struct relay_leg_spec *leg = &s->media[m].legs[l];
			const struct keyctx *in[2] = {leg->receive, leg->send};

			for (unsigned k = 0; k < 2; k++) {
				keyctx_free(s->keys[m][l][k]);
				s->keys[m][l][k] = NULL;
				mem_fail_nth(0);
				CHECK(!in[k] || l >= s->media[m].n_legs ||
				      !keyctx_copy(&s->keys[m][l][k], in[k]));
			}
			leg->receive = s->keys[m][l][0];
			leg->send = s->keys[m][l][1];
		}
	}
}

static void later(relay_done_fn *done, void *arg, struct relay_session *ends)
{
	CHECK(n_waiting < ARRAY_LEN(waiting));
	waiting[n_waiting].done = done;
	waiting[n_waiting].arg = arg;
	waiting[n_waiting++].ends = ends;
}

enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	struct relay_session *s;

	(void)r;
	if (relay_says)
		return why_fail(why, relay_says, "told to fail");
	s = calloc(1, sizeof(*s));
	CHECK(s != NULL);
	s->next = noted;
	noted = s;
	creates++;
	note(noted, spec);
	*out = noted;
	later(done, arg, NULL);
	return ERR_OK;
}

enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	(void)r;
	if (relay_says)
		return why_fail(why, relay_says, "told to fail");
	updates++;
	note(s, spec);
	later(done, arg, NULL);
	return ERR_OK;
}

void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg)
{
	(void)r;
	deletes++;
	later(done, arg, s);
}

enum err relay_set_asked(struct relay *r, const struct relay_asked *asked)
{
	(void)r;
	(void)asked;
	return ERR_OK;
}

void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg)
{
	(void)r;
	(void)fn;
	(void)arg;
}

enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX])
{
	(void)r;
	(void)s;
	for (unsigned i = 0; i < RELAY_MEDIA_MAX; i++)
		reopened += (unsigned)__builtin_popcount(legs[i]);
	return ERR_OK;
}

enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit)
{
	(void)r;
	(void)s;
	(void)permit;
	return ERR_OK;
}

const struct relay_session_stats *relay_session_stats(const struct relay_session *s)
{
	(void)s;
	return NULL;
}

enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg)
{
	static const struct relay_session_stats empty = {0};

	(void)r;
	(void)s;
	done(arg, ERR_OK, &empty);
	return ERR_OK;
}

/* Keys that the relay would refuse: those that begin with this octet. */
static int spent_octet = -1;

bool relay_session_refuses_key(const struct relay_session *s, const struct keyctx *k, bool is_send)
{
	(void)s, (void)is_send;
	return k->key[0] == spent_octet;
}

static void forget(struct relay_session *s)
{
	for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++)
		for (unsigned l = 0; l < RELAY_LEGS_MAX; l++)
			for (unsigned k = 0; k < 2; k++)
				keyctx_free(s->keys[m][l][k]);
	for (struct relay_session **at = &noted; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	free(s);
}

static void poll_relay(void)
{
	struct why why = {""};

	while (n_waiting) {
		struct relay_session *ends = waiting[0].ends;
		relay_done_fn *done = waiting[0].done;
		void *arg = waiting[0].arg;

		n_waiting--;
		memmove(waiting, waiting + 1, n_waiting * sizeof(waiting[0]));
		done(arg, ERR_OK, &why);
		if (ends)
			forget(ends);
	}
}

/* --- a gateway of two interfaces -------------------------------------------- */

/* What a test of few ports says before this file. */
#ifndef V4_PORT_MAX
#define V4_PORT_MAX 30999
#endif

static struct relay_interface interfaces[2];
static struct service *service;
static struct dialogs *dialogs;

static enum err set_up(void)
{
	struct service_config c = {.sessions_max = 10,
	                           .context = {.interfaces = interfaces, .n_interfaces = 2}};
	struct why why = {""};
	enum err e;

	interfaces[0] =
		(struct relay_interface){.name = "v4",
	                                 .bind = {.version = 4, .ip = {203, 0, 113, 1}},
	                                 .advertised = {.version = 4, .ip = {203, 0, 113, 1}},
	                                 .port_min = 30000,
	                                 .port_max = V4_PORT_MAX};
	interfaces[1] = (struct relay_interface){
		.name = "v6",
		.bind = {.version = 6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}},
		.advertised = {.version = 6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}},
		.port_min = 40000,
		.port_max = 40999};
	creates = updates = deletes = n_waiting = 0;
	relay_says = ERR_OK;
	e = service_new(&service, &c, &why);
	if (e)
		return e;
	e = dialogs_new(&dialogs, service);
	if (e)
		service_free(service);
	return e;
}

static void tear_down(void)
{
	poll_relay();
	dialogs_free(dialogs);
	service_free(service);
	while (noted)
		forget(noted);
}

#endif
