/* SPDX-License-Identifier: MIT */
/* A whole gateway, its sessions and its packets. */
#include "tests/harness/world.h"

enum { SSRC = 0x0a0a0a0a };

struct world w;

static const struct addr outside = {.ip = {203, 0, 113, 99}, .version = 4};
static const struct addr advertised = {.ip = {198, 51, 100, 77}, .version = 4};
static const struct addr ng_at = {.ip = {10, 0, 0, 1}, .port = 2223, .version = 4};
static struct targets_nets deny = {.n = 1};

bool world_begin(bool is_behind_nat)
{
	struct relay_config c;
	struct service_config sc;
	struct ng_config nc;

	memset(&w, 0, sizeof(w));
	stage_config(&w.g, &c, "evp", 2);
	w.g.interfaces[0].advertised = is_behind_nat ? advertised : w.g.interfaces[0].bind;
	w.g.interfaces[1].advertised = w.g.interfaces[1].bind;
	if (!stage_open_with(&w.g, &c))
		return false;
	deny.items[0] =
		(struct addr_net){.net = {.ip = {192, 0, 2, 128}, .version = 4}, .bits = 25};
	sc = (struct service_config){
		.relay = w.g.relay,
		.sessions_max = 100,
		.media_deny = &deny,
		.context = {.interfaces = w.g.interfaces, .n_interfaces = 2},
	};
	EXPECT_OK(service_new(&w.sv, &sc, NULL));
	relay_set_asker(w.g.relay, service_on_ask, w.sv);
	EXPECT_OK(targets_add_listener(service_targets(w.sv), &ng_at));
	EXPECT_OK(service_publish_targets(w.sv));
	EXPECT_OK(dialogs_new(&w.dialogs, w.sv));
	ng_config_defaults(&nc);
	nc.service = w.sv;
	nc.dialogs = w.dialogs;
	return EXPECT_OK(ng_new(&w.ng, &nc));
}

void world_end(void)
{
	service_close(w.sv);
	relay_stop(w.g.relay);
	dialogs_free(w.dialogs);
	ng_free(w.ng);
	service_free(w.sv);
	sim_free(w.g.sim);
}

/* --- sessions as JSON makes them -------------------------------------------- */

void on_result(void *arg, const struct service_result *r)
{
	(void)arg;
	w.e = r->e;
	snprintf(w.why, sizeof(w.why), "%s", r->why ? r->why->text : "");
}

struct spec_session *patch_of(unsigned n)
{
	struct spec_session *p = NULL;

	CHECK(spec_new(&p) == ERR_OK);
	snprintf(p->id, sizeof(p->id), "s%u", n);
	SPEC_HAS(p, SPEC_SESSION_ID);
	return p;
}

struct spec_leg *leg_of(struct spec_session *p, unsigned leg)
{
	struct spec_media *m = spec_patch_media(p, STR("0"));
	struct spec_leg *l = m ? spec_patch_leg(m, leg) : NULL;

	CHECK(l != NULL);
	return l;
}

void set_mode(struct spec_session *p, enum relay_mode mode)
{
	struct spec_media *m = spec_patch_media(p, STR("0"));

	CHECK(m != NULL);
	m->mode = (uint8_t)mode;
	SPEC_HAS(m, SPEC_MEDIA_MODE);
}

void set_leg(struct spec_session *p, unsigned leg, const struct addr *remote,
             enum relay_latch latch, enum relay_rtcp rtcp)
{
	struct spec_leg *l = leg_of(p, leg);

	l->relay.remote = *remote;
	l->relay.latch = (uint8_t)latch;
	l->relay.rtcp = (uint8_t)rtcp;
	l->has |= 1u << SPEC_LEG_REMOTE | 1u << SPEC_LEG_LATCH | 1u << SPEC_LEG_RTCP;
}

void set_key(struct spec_session *p, unsigned leg, bool is_send, const struct keyctx *key)
{
	spec_leg_set_key(leg_of(p, leg), is_send, key);
}

enum err create(struct spec_session *p)
{
	service_create_take(w.sv, p, on_result, NULL);
	stage_run(&w.g, 1);
	return w.e;
}

enum err update(struct spec_session *p)
{
	service_update_take(w.sv, p, on_result, NULL);
	stage_run(&w.g, 1);
	return w.e;
}

enum err point(unsigned session, unsigned leg, const struct addr *remote)
{
	struct spec_session *p = patch_of(session);
	struct spec_leg *l = leg_of(p, leg);

	l->relay.remote = *remote;
	l->has |= 1u << SPEC_LEG_REMOTE;
	return update(p);
}

struct addr other_host(unsigned n)
{
	return addr_with_port(&outside, (uint16_t)(20000 + 2 * n));
}

const struct spec_leg *leg_now(const char *id, unsigned leg)
{
	const struct registry_session *s = registry_find(service_registry(w.sv), str_of(id));

	CHECK(s && s->spec->media.n && leg < s->spec->media.items[0].legs.n);
	return &s->spec->media.items[0].legs.items[leg];
}

struct addr local_of(const char *id, unsigned leg, bool is_advertised)
{
	const struct relay_interface *f = &w.g.interfaces[0];

	return addr_with_port(is_advertised ? &f->advertised : &f->bind, leg_now(id, leg)->at.port);
}

static const char *name_of(unsigned n)
{
	static char names[4][16];
	static unsigned at;

	snprintf(names[at = (at + 1) % 4], 16, "s%u", n);
	return names[at];
}

struct addr json_local(unsigned n, unsigned leg, bool is_advertised)
{
	return local_of(name_of(n), leg, is_advertised);
}

enum err plain(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp)
{
	struct spec_session *p = patch_of(n);
	struct addr a = other_host(2 * n), b = other_host(2 * n + 1);

	set_mode(p, RELAY_MODE_RTP);
	set_leg(p, 0, &a, latch, rtcp);
	set_leg(p, 1, &b, latch, rtcp);
	return create(p);
}

enum err to_mode(unsigned n, enum relay_mode mode)
{
	struct spec_session *p = patch_of(n);

	set_mode(p, mode);
	return update(p);
}

/* --- packets ---------------------------------------------------------------- */

void pump(void)
{
	const struct relay_interface *f = &w.g.interfaces[0];
	static struct sim_pkt p;

	w.hops = w.left = 0;
	for (unsigned i = 0; i < 300; i++) {
		bool moved = false;

		stage_run(&w.g, 1);
		while (sim_receive(w.g.sim, NULL, &p)) {
			bool is_ours = addr_is_same_host(&p.to, &f->bind) ||
			               addr_is_same_host(&p.to, &f->advertised);
			struct addr to = addr_with_port(&f->bind, p.to.port);

			moved = true;
			w.hops += is_ours;
			w.left += !is_ours;
			if (is_ours)
				EXPECT_OK(sim_send(w.g.sim, &p.from, &to, p.data, p.len));
			else
				w.last_left = p;
		}
		if (!moved && i > 3)
			return;
	}
}

static uint16_t seq;

void inject(const struct addr *from, const struct addr *to, bool is_rtcp)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC, seq++);

	if (is_rtcp) {
		memset(octets, 0, 8);
		octets[0] = 0x80;
		octets[1] = 201; /* a receiver report without report blocks */
		octets[3] = 1;
		octets[7] = 1;
		n = 8;
	}
	EXPECT_OK(sim_send(w.g.sim, from, to, octets, n));
}

void expect_no_more_than_one(unsigned n, enum relay_rtcp rtcp)
{
	for (unsigned s = 0; s < n; s++)
		for (unsigned leg = 0; leg < 2; leg++)
			for (unsigned is_rtcp = 0; is_rtcp < 2; is_rtcp++) {
				struct addr to = json_local(s, leg, false),
					    from = other_host(2 * s + leg), odd = other_host(90);
				struct addr froms[3] = {from, odd,
				                        json_local((s + 1) % n, !leg, false)};

				if (is_rtcp && rtcp == RELAY_RTCP_PAIR)
					to.port++;
				for (unsigned k = 0; k < ARRAY_LEN(froms); k++) {
					inject(&froms[k], &to, is_rtcp);
					pump();
					test_context("sessions %u, into %u leg %u rtcp %u from %u: "
					             "hops %u left %u",
					             n, s, leg, is_rtcp, k, w.hops, w.left);
					EXPECT(w.left <= 1 && w.hops <= 2 * n);
				}
			}
}
