/* SPDX-License-Identifier: MIT */
/* Checks and copies the session that control wants. */
#include "base/mem.h"
#include "relay/mode.h"
#include "relay/front/accepted.h"

enum { DSCP_MAX = 63 };

/* The media and leg that are being checked, for error texts. */
struct accepted_at {
	const struct relay_config *config;
	const struct relay_media_spec *media;
	unsigned leg;
	struct why *why;
};

static enum err fail(const struct accepted_at *at, enum err e, const char *what)
{
	return why_fail(at->why, e, "media '%.31s' leg %s: %s", at->media->id,
	                relay_leg_name(at->leg), what);
}

static bool fits(const struct addr *remote, const struct addr *local)
{
	return addr_is_none(remote) || addr_is_any(remote) || remote->version == local->version;
}

static enum err check_addresses(const struct accepted_at *at, const struct relay_leg_spec *l)
{
	const struct relay_interface *interfaces = at->config->interfaces;
	const struct addr *local = &interfaces[l->interface].bind, *other = local;

	if (l->other_rtp && l->other_interface >= at->config->n_interfaces)
		return fail(at, ERR_RANGE, "its other_interface index is out of range");
	if (l->other_rtp)
		other = &interfaces[l->other_interface].bind;
	if (l->other_rtp && other->version == local->version)
		return fail(at, ERR_INVALID,
		            "its two local addresses must be one IPv4 and one IPv6 address");
	if ((l->other_rtp && l->rtcp == RELAY_RTCP_PAIR) != (l->other_rtcp != 0) ||
	    (l->other_rtp && l->other_rtcp == l->other_rtp))
		return fail(at, ERR_INVALID,
		            "rtcp pair requires a local RTCP port other than the RTP port; other "
		            "values of rtcp must have no local RTCP port");
	if ((!fits(&l->remote, local) && !fits(&l->remote, other)) ||
	    (!fits(&l->remote_rtcp, local) && !fits(&l->remote_rtcp, other)))
		return fail(at, ERR_INVALID,
		            "the leg has no local address of the IP version of its remote address");
	return ERR_OK;
}

static enum err check_numbers(const struct accepted_at *at, const struct relay_leg_spec *l)
{
	if (l->interface >= at->config->n_interfaces)
		return fail(at, ERR_RANGE, "its interface index is out of range");
	if ((unsigned)l->rtcp > RELAY_RTCP_NONE || (unsigned)l->latch >= RELAY_LATCH_COUNT ||
	    (unsigned)l->rekey_roc > RELAY_ROC_ZERO)
		return fail(at, ERR_INVALID,
		            "rtcp, latch or rekey_roc has a value outside its enum");
	if (l->dscp > DSCP_MAX)
		return why_fail(at->why, ERR_RANGE,
		                "media '%.31s' leg %s: dscp %u is out of range (0 to %d)",
		                at->media->id, relay_leg_name(at->leg), l->dscp, DSCP_MAX);
	if (l->port_rtp == 0)
		return fail(at, ERR_INVALID, "its local RTP port is missing");
	if ((l->rtcp == RELAY_RTCP_PAIR) != (l->port_rtcp != 0) || l->port_rtcp == l->port_rtp)
		return fail(at, ERR_INVALID,
		            "rtcp pair requires a local RTCP port other than the RTP port; other "
		            "values of rtcp must have no local RTCP port");
	return check_addresses(at, l);
}

static enum err check_keys(const struct accepted_at *at, const struct relay_leg_spec *l)
{
	const struct mode_side *side = mode_side(mode_get(at->media->mode), at->leg);

	if (l->receive && !mode_takes_receive_key(side))
		return fail(at, ERR_INVALID,
		            "its mode does not use a receive key; leave the key out");
	if (l->send && !mode_takes_send_key(side))
		return fail(at, ERR_INVALID, "its mode does not use a send key; leave the key out");
	if (!l->receive && mode_takes_receive_key(side) && l->can_receive)
		return fail(at, ERR_INVALID,
		            "its mode requires a receive key before the leg may receive");
	if (!l->send && mode_takes_send_key(side) && l->can_send)
		return fail(at, ERR_INVALID,
		            "its mode requires a send key before the leg may send");
	return ERR_OK;
}

static enum err check_media(const struct relay_config *config, const struct relay_media_spec *m,
                            struct why *why)
{
	struct accepted_at at = {.config = config, .media = m, .why = why};

	if ((unsigned)m->mode >= RELAY_MODE_COUNT)
		return why_fail(why, ERR_INVALID, "media '%.31s': unknown mode %u", m->id,
		                (unsigned)m->mode);
	if (m->n_legs < 2 || m->n_legs > RELAY_LEGS_MAX)
		return why_fail(why, ERR_RANGE, "media '%.31s': %u legs; must be 2 to %d", m->id,
		                m->n_legs, RELAY_LEGS_MAX);
	if (m->active == RELAY_LEG_ACCESS || m->active >= m->n_legs)
		return why_fail(why, ERR_RANGE,
		                "media '%.31s': active is %u; must be a core leg (1 to %u)", m->id,
		                m->active, m->n_legs - 1u);
	for (at.leg = 0; at.leg < m->n_legs; at.leg++) {
		enum err e;

		if (!m->legs[at.leg].exists)
			continue;
		e = check_numbers(&at, &m->legs[at.leg]);
		if (!e)
			e = check_keys(&at, &m->legs[at.leg]);
		if (e)
			return e;
	}
	return ERR_OK;
}

/* A position in a walk through the legs of all media. */
struct walk {
	unsigned media, leg;
};

static const struct relay_leg_spec *next_leg(const struct relay_session_spec *s, struct walk *at)
{
	for (; at->media < s->n_media; at->media++, at->leg = 0) {
		while (at->leg < s->media[at->media].n_legs) {
			const struct relay_leg_spec *l = &s->media[at->media].legs[at->leg++];

			if (l->exists)
				return l;
		}
	}
	return NULL;
}

static bool clashes(const struct keyctx *a, const struct keyctx *b)
{
	return a && b && keyctx_same_key(a, b);
}

/* The session may use a send key for one leg only, and never as a receive key: one keystream must
 * not protect two packets (RFC 3711 9.1). */
static enum err check_send_keys(const struct relay_session_spec *spec, struct why *why)
{
	const struct relay_leg_spec *a, *b;

	for (struct walk i = {.media = 0}; (a = next_leg(spec, &i));) {
		if (!a->send)
			continue;
		for (struct walk k = {.media = 0}; (b = next_leg(spec, &k));)
			if (clashes(a->send, b->receive) || (a != b && clashes(a->send, b->send)))
				return why_fail(
					why, ERR_INVALID,
					"media '%.31s' leg %s: the session uses its send key for "
					"another leg or direction; use a different key",
					spec->media[i.media].id, relay_leg_name(i.leg - 1));
	}
	return ERR_OK;
}

static enum err check(const struct relay_config *config, const struct relay_session_spec *spec,
                      struct why *why)
{
	if (spec->n_media == 0 || spec->n_media > RELAY_MEDIA_MAX)
		return why_fail(why, ERR_RANGE, "the session has %u media; must be 1 to %d",
		                spec->n_media, RELAY_MEDIA_MAX);
	for (unsigned i = 0; i < spec->n_media; i++) {
		enum err e = check_media(config, &spec->media[i], why);
		if (e)
			return e;
	}
	return check_send_keys(spec, why);
}

static enum err copy_media(struct accepted_media **out, const struct relay_media_spec *from)
{
	struct accepted_media *m = mem_alloc(sizeof(*m) + from->n_legs * sizeof(m->legs[0]));

	if (!m)
		return ERR_NOMEM;
	*out = m;
	m->mode = from->mode;
	m->n_legs = from->n_legs;
	m->active = from->active;
	m->is_video = from->is_video;
	for (unsigned k = 0; k < m->n_legs; k++) {
		if (!from->legs[k].exists)
			continue;
		m->legs[k] = from->legs[k];
		m->legs[k].receive = keyctx_take(from->legs[k].receive);
		m->legs[k].send = keyctx_take(from->legs[k].send);
	}
	return ERR_OK;
}

enum err accepted_new(struct accepted **out, const struct relay_config *config,
                      const struct relay_session_spec *spec, struct why *why)
{
	enum err e = check(config, spec, why);
	struct accepted *a;

	if (e)
		return e;
	a = mem_alloc(sizeof(*a) + spec->n_media * sizeof(a->media[0]));
	if (!a)
		return why_fail(why, ERR_NOMEM, "out of memory");
	a->owner = spec->owner;
	a->setup_timeout_ms = spec->setup_timeout_ms;
	a->n_media = spec->n_media;
	for (unsigned i = 0; i < a->n_media && !e; i++)
		e = copy_media(&a->media[i], &spec->media[i]);
	if (e) {
		accepted_free(a);
		return why_fail(why, e, "out of memory");
	}
	*out = a;
	return ERR_OK;
}

void accepted_free(struct accepted *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->n_media; i++) {
		struct accepted_media *m = a->media[i];

		if (!m)
			continue;
		for (unsigned k = 0; k < m->n_legs; k++) {
			keyctx_free(m->legs[k].receive);
			keyctx_free(m->legs[k].send);
		}
		mem_free(m);
	}
	mem_free(a);
}

const struct relay_leg_spec *accepted_leg(const struct accepted *a, unsigned media, unsigned leg)
{
	const struct accepted_media *m = a && media < a->n_media ? a->media[media] : NULL;

	return m && leg < m->n_legs && m->legs[leg].exists ? &m->legs[leg] : NULL;
}
