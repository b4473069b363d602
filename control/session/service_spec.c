/* SPDX-License-Identifier: MIT */
/* Makes the relay's spec from the content of a session. */
#include "control/session/service_spec.h"

#include "control/session/port_book.h"

const struct spec_leg *service_spec_leg(const struct spec_session *s, unsigned media, unsigned leg)
{
	if (media >= s->media.n || leg >= s->media.items[media].legs.n)
		return NULL;
	return s->media.items[media].legs.items[leg].exists ? &s->media.items[media].legs.items[leg]
	                                                    : NULL;
}

static bool is_same_place(const struct spec_place *a, const struct spec_place *b)
{
	return a->port == b->port && a->interface == b->interface;
}

bool service_spec_has_place(const struct spec_leg *leg, const struct spec_place *p)
{
	return leg && p->port && (is_same_place(&leg->at, p) || is_same_place(&leg->other, p));
}

static uint16_t rtcp_port(const struct spec_leg *leg, const struct spec_place *p)
{
	return p->port && leg->relay.rtcp == RELAY_RTCP_PAIR ? (uint16_t)(p->port + 1) : 0;
}

static void fill_leg(struct relay_leg_spec *out, const struct spec_leg *leg,
                     const struct port_book *book)
{
	*out = leg->relay;
	out->exists = true;
	out->interface = leg->at.interface;
	out->port_rtp = leg->at.port;
	out->port_rtcp = rtcp_port(leg, &leg->at);
	out->other_interface = leg->other.interface;
	out->other_rtp = leg->other.port;
	out->other_rtcp = rtcp_port(leg, &leg->other);
	out->remote = port_book_inside(book, &leg->relay.remote);
	out->remote_rtcp = port_book_inside(book, &leg->relay.remote_rtcp);
}

static void fill_media(struct relay_media_spec *out, const struct spec_media *m,
                       const struct port_book *book)
{
	memcpy(out->id, m->id, sizeof(out->id));
	out->mode = (enum relay_mode)m->mode;
	out->active = m->active;
	out->is_video = m->kind == SPEC_KIND_VIDEO;
	out->n_legs = m->legs.n < 2 ? 2 : m->legs.n;
	for (unsigned i = 0; i < out->n_legs; i++) {
		if (i < m->legs.n && m->legs.items[i].exists)
			fill_leg(&out->legs[i], &m->legs.items[i], book);
		else
			out->legs[i] = (struct relay_leg_spec){0};
	}
}

void service_spec_fill(struct relay_session_spec *out, const struct spec_session *spec, void *owner,
                       const struct port_book *book)
{
	out->owner = owner;
	out->setup_timeout_ms = spec->setup_timeout_ms;
	out->n_media = spec->media.n;
	for (unsigned i = 0; i < spec->media.n; i++)
		fill_media(&out->media[i], &spec->media.items[i], book);
}

bool service_spec_signalled(const struct spec_session *patch, const struct spec_session *s,
                            uint16_t legs[RELAY_MEDIA_MAX])
{
	bool any = false;

	memset(legs, 0, RELAY_MEDIA_MAX * sizeof(legs[0]));
	for (unsigned i = 0; i < patch->media.n; i++) {
		const struct spec_media *m = &patch->media.items[i],
					*at = spec_find_media(s, str_of(m->id));

		for (unsigned k = 0; at && k < m->legs.n; k++) {
			bool is_said = m->legs.items[k].exists &&
			               SPEC_IS_GIVEN(&m->legs.items[k], SPEC_LEG_REMOTE) &&
			               k < at->legs.n && at->legs.items[k].exists &&
			               at->legs.items[k].relay.can_receive;

			any |= is_said;
			legs[at - s->media.items] |= (uint16_t)(is_said << k);
		}
	}
	return any;
}
