/* SPDX-License-Identifier: MIT */
/* Sessions whose legs name each other's ports: two calls that meet pass media in every mode; rings
 * are refused, whatever builds them. */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "control/ng/ng.h"
#include "control/session/service.h"
#include "control/session/targets.h"
#include "tests/harness/call.h"

enum { RING_MAX = 5, SESSIONS_MAX = 6, SSRC = 0x0a0a0a0a };

static const struct addr outside = {.ip = {203, 0, 113, 99}, .version = 4};
static const struct addr advertised = {.ip = {198, 51, 100, 77}, .version = 4};
static const struct addr ng_peer = {.ip = {127, 0, 0, 1}, .port = 9, .version = 4};

/* A whole gateway over the network in memory: relay, service, dialogs, ng. */
static struct world {
	struct stage g;
	struct service *sv;
	struct dialogs *dialogs;
	struct ng *ng;
	unsigned cookies;
	enum err e; /* of the last request */
	char why[320];
	char reply[4096];    /* of the last ng request */
	unsigned hops, left; /* of the last pump: packets to ports of ours; packets to others */
	struct sim_pkt last_left;
} w;

static const struct addr ng_at = {.ip = {10, 0, 0, 1}, .port = 2223, .version = 4};
static struct targets_nets deny = {.n = 1};

static bool begin(bool is_behind_nat)
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
	sc = (struct service_config){.relay = w.g.relay,
	                             .sessions_max = 100,
	                             .media_deny = &deny,
	                             .context = {.interfaces = w.g.interfaces, .n_interfaces = 2}};
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

static void end(void)
{
	service_close(w.sv);
	relay_stop(w.g.relay);
	dialogs_free(w.dialogs);
	ng_free(w.ng);
	service_free(w.sv);
	sim_free(w.g.sim);
}

/* --- sessions as JSON makes them -------------------------------------------- */

static void on_result(void *arg, const struct service_result *r)
{
	(void)arg;
	w.e = r->e;
	snprintf(w.why, sizeof(w.why), "%s", r->why ? r->why->text : "");
}

static struct spec_session *patch_of(unsigned n)
{
	struct spec_session *p = NULL;

	CHECK(spec_new(&p) == ERR_OK);
	snprintf(p->id, sizeof(p->id), "s%u", n);
	SPEC_HAS(p, SPEC_SESSION_ID);
	return p;
}

static struct spec_leg *leg_of(struct spec_session *p, unsigned leg)
{
	struct spec_media *m = spec_patch_media(p, STR("0"));
	struct spec_leg *l = m ? spec_patch_leg(m, leg) : NULL;

	CHECK(l != NULL);
	return l;
}

static void set_mode(struct spec_session *p, enum relay_mode mode)
{
	struct spec_media *m = spec_patch_media(p, STR("0"));

	CHECK(m != NULL);
	m->mode = (uint8_t)mode;
	SPEC_HAS(m, SPEC_MEDIA_MODE);
}

static void set_leg(struct spec_session *p, unsigned leg, const struct addr *remote,
                    enum relay_latch latch, enum relay_rtcp rtcp)
{
	struct spec_leg *l = leg_of(p, leg);

	l->relay.remote = *remote;
	l->relay.latch = (uint8_t)latch;
	l->relay.rtcp = (uint8_t)rtcp;
	l->has |= 1u << SPEC_LEG_REMOTE | 1u << SPEC_LEG_LATCH | 1u << SPEC_LEG_RTCP;
}

static void set_key(struct spec_session *p, unsigned leg, bool is_send, const struct keyctx *key)
{
	spec_leg_set_key(leg_of(p, leg), is_send, key);
}

static enum err create(struct spec_session *p)
{
	service_create_take(w.sv, p, on_result, NULL);
	stage_run(&w.g, 1);
	return w.e;
}

static enum err update(struct spec_session *p)
{
	service_update_take(w.sv, p, on_result, NULL);
	stage_run(&w.g, 1);
	return w.e;
}

static enum err point(unsigned session, unsigned leg, const struct addr *remote)
{
	struct spec_session *p = patch_of(session);
	struct spec_leg *l = leg_of(p, leg);

	l->relay.remote = *remote;
	l->has |= 1u << SPEC_LEG_REMOTE;
	return update(p);
}

static struct addr stranger(unsigned n)
{
	return addr_with_port(&outside, (uint16_t)(20000 + 2 * n));
}

static const struct spec_leg *leg_now(const char *id, unsigned leg)
{
	const struct registry_session *s = registry_find(service_registry(w.sv), str_of(id));

	CHECK(s && s->spec->media.n && leg < s->spec->media.items[0].legs.n);
	return &s->spec->media.items[0].legs.items[leg];
}

/* Where a leg of session n hears its peer: on its interface, or as signalling is told of it. */
static struct addr local_of(const char *id, unsigned leg, bool is_advertised)
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

static struct addr json_local(unsigned n, unsigned leg, bool is_advertised)
{
	return local_of(name_of(n), leg, is_advertised);
}

/* A plain session between two strangers. */
static enum err plain(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp)
{
	struct spec_session *p = patch_of(n);
	struct addr a = stranger(2 * n), b = stranger(2 * n + 1);

	set_mode(p, RELAY_MODE_RTP);
	set_leg(p, 0, &a, latch, rtcp);
	set_leg(p, 1, &b, latch, rtcp);
	return create(p);
}

static enum err to_mode(unsigned n, enum relay_mode mode)
{
	struct spec_session *p = patch_of(n);

	set_mode(p, mode);
	return update(p);
}

/* --- packets ---------------------------------------------------------------- */

/* Packets travel until none moves, or the bound is met; those to ports of ours come in again, as a
 * host or its NAT would turn them. */
static void pump(void)
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

static void throw_in(const struct addr *from, const struct addr *to, bool is_rtcp)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC, seq++);

	if (is_rtcp) {
		memset(octets, 0, 8);
		octets[0] = 0x80;
		octets[1] = 201; /* a receiver report without blocks */
		octets[3] = 1;
		octets[7] = 1;
		n = 8;
	}
	EXPECT_OK(sim_send(w.g.sim, from, to, octets, n));
}

/* One packet at a time into every leg of n sessions, from its peer, from strangers and from ports
 * of ours: each may come out once at most. */
static void expect_no_more_than_one(unsigned n, enum relay_rtcp rtcp)
{
	for (unsigned s = 0; s < n; s++)
		for (unsigned leg = 0; leg < 2; leg++)
			for (unsigned is_rtcp = 0; is_rtcp < 2; is_rtcp++) {
				struct addr to = json_local(s, leg, false),
					    from = stranger(2 * s + leg), odd = stranger(90);
				struct addr froms[3] = {from, odd,
				                        json_local((s + 1) % n, !leg, false)};

				if (is_rtcp && rtcp == RELAY_RTCP_PAIR)
					to.port++;
				for (unsigned k = 0; k < ARRAY_LEN(froms); k++) {
					throw_in(&froms[k], &to, is_rtcp);
					pump();
					test_context("sessions %u, into %u leg %u rtcp %u from %u: "
					             "hops %u left %u",
					             n, s, leg, is_rtcp, k, w.hops, w.left);
					EXPECT(w.left <= 1 && w.hops <= 2 * n);
				}
			}
}

/* --- rings over JSON -------------------------------------------------------- */

/* n sessions, each with its core leg at the next one's access leg; the update of the last would
 * close the ring. */
static void ring_by_updates(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp,
                            bool is_advertised, bool is_back)
{
	REQUIRE(begin(is_advertised));
	for (unsigned i = 0; i < n; i++)
		REQUIRE_OK(plain(i, latch, rtcp));
	for (unsigned i = 0; i < n; i++) {
		struct addr next = json_local((i + 1) % n, is_back, is_advertised);
		enum err e = point(i, !is_back, &next);
		char text[ADDR_TEXT_MAX];

		test_context("ring of %u, latch %u, rtcp %u, session %u: %s", n, latch, rtcp, i,
		             w.why);
		/* Another mode is no other way. */
		if (i % 2 && e == ERR_OK)
			EXPECT_OK(to_mode(i, RELAY_MODE_E2E));
		EXPECT_INT(e, i + 1 < n ? ERR_OK : ERR_DENIED);
		EXPECT(i + 1 < n ||
		       (strstr(w.why, addr_print(&next, text)) && strstr(w.why, "ring")));
	}
	expect_no_more_than_one(n, rtcp);
	end();
}

static void no_ring_by_updates(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++)
			ring_by_updates(n, (enum relay_latch)latch,
			                n % 2 ? RELAY_RTCP_PAIR : RELAY_RTCP_MUX, n > 2, latch % 2);
}

/* The ring is closed by a session that is made: its own port is the one that the first names. */
static void no_ring_by_create(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++) {
		struct spec_session *p;
		struct addr first, last;

		REQUIRE(begin(false));
		/* Ports are given in their order: the last session's are known before it is made.
		 */
		first = addr_with_port(&w.g.interfaces[0].bind, 30000);
		last = addr_with_port(&w.g.interfaces[0].bind, (uint16_t)(30000 + 4 * (n - 1)));
		for (unsigned i = 0; i < n; i++) {
			struct addr a = stranger(2 * i),
				    next = i + 1 < n
			                           ? addr_with_port(&last,
			                                            (uint16_t)(30000 + 4 * (i + 1)))
			                           : first;

			p = patch_of(i);
			set_mode(p, RELAY_MODE_E2E);
			set_leg(p, 0, &a, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX);
			set_leg(p, 1, &next, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX);
			test_context("session %u of %u: %s", i, n, w.why);
			EXPECT_INT(create(p), i + 1 < n ? ERR_OK : ERR_DENIED);
		}
		end();
	}
}

/* By RTCP alone, in either form, and from the RTCP port to an RTP port. */
static void no_ring_of_rtcp(void)
{
	for (unsigned how = 0; how < 3; how++) {
		struct spec_session *p;
		struct addr there;

		REQUIRE(begin(false));
		REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_PAIR));
		REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_PAIR));
		there = json_local(1, 0, false);
		REQUIRE_OK(point(0, 1, &there));
		there = json_local(0, 0, false);
		p = patch_of(1);
		/* As remote_rtcp, at the RTP port or its own; as the port above remote. */
		leg_of(p, 1)->relay.remote_rtcp =
			addr_with_port(&there, (uint16_t)(there.port + (how == 0)));
		leg_of(p, 1)->has |= 1u << SPEC_LEG_REMOTE_RTCP;
		if (how == 2) {
			leg_of(p, 1)->relay.remote_rtcp = (struct addr){0};
			leg_of(p, 1)->has = 1u << SPEC_LEG_REMOTE;
			leg_of(p, 1)->relay.remote =
				addr_with_port(&there, (uint16_t)(there.port - 1));
		}
		test_context("how %u: %s", how, w.why);
		EXPECT_INT(update(p), ERR_DENIED);
		expect_no_more_than_one(2, RELAY_RTCP_PAIR);
		end();
	}
}

/* A fork beside the active one may become active any time: the ring over it is refused when it is
 * made. */
static void no_ring_over_a_fork(void)
{
	struct spec_session *p;
	struct addr there;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	p = patch_of(0);
	there = json_local(0, 0, false);
	set_leg(p, 2, &there, RELAY_LATCH_FIRST, RELAY_RTCP_MUX);
	EXPECT_INT(update(p), ERR_DENIED);
	REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	p = patch_of(0);
	there = json_local(1, 0, false);
	set_leg(p, 2, &there, RELAY_LATCH_FIRST, RELAY_RTCP_MUX);
	EXPECT_OK(update(p));
	there = json_local(0, 0, false);
	EXPECT_INT(point(1, 1, &there), ERR_DENIED);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	end();
}

/* A leg that names itself. */
static void no_leg_is_its_own_peer(void)
{
	struct addr there;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	for (unsigned leg = 0; leg < 2; leg++) {
		there = json_local(0, leg, false);
		EXPECT_INT(point(0, leg, &there), ERR_DENIED);
		there.port++;
		EXPECT_INT(point(0, leg, &there), ERR_DENIED);
	}
	end();
}

/* What is under way counts: two updates that are harmless each, and a ring together. */
static void no_ring_of_two_at_once(void)
{
	struct spec_session *p[2];
	enum err first;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	for (unsigned i = 0; i < 2; i++) {
		p[i] = patch_of(i);
		leg_of(p[i], 1)->relay.remote = json_local(!i, 0, false);
		leg_of(p[i], 1)->has |= 1u << SPEC_LEG_REMOTE;
	}
	w.e = ERR_BUSY;
	service_update_take(w.sv, p[0], on_result, NULL);
	EXPECT_INT(w.e, ERR_BUSY);
	service_update_take(w.sv, p[1], on_result, NULL);
	first = w.e;
	stage_run(&w.g, 1);
	EXPECT_INT(first, ERR_DENIED);
	EXPECT_INT(w.e, ERR_OK);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	end();
}

/* The signalled addresses are strangers'; packets that claim to come from ports of ours would teach
 * the ring. */
static void no_ring_of_learnt_sources(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++) {
			REQUIRE(begin(false));
			for (unsigned i = 0; i < n; i++)
				REQUIRE_OK(plain(i, (enum relay_latch)latch, RELAY_RTCP_MUX));
			for (unsigned round = 0; round < 3; round++)
				for (unsigned i = 0; i < n; i++) {
					struct addr from = json_local((i + 1) % n, 0, false),
						    to = json_local(i, 1, false);

					throw_in(&from, &to, false);
					pump();
					test_context(
						"ring of %u, latch %u, session %u: hops %u left %u",
						n, latch, i, w.hops, w.left);
					EXPECT(w.left <= 1 && w.hops <= 2 * n);
					/* A second, so that the leg may ask again. */
					stage_run(&w.g, 1001);
				}
			expect_no_more_than_one(n, RELAY_RTCP_MUX);
			end();
		}
}

/* What the judge refuses as a target is not learnt from packets either, under any policy; an
 * ordinary source is, at once. */
static void no_bad_source_is_learnt(void)
{
	static const struct addr bad[] = {
		{.ip = {10, 0, 0, 1}, .port = 2223, .version = 4},
		{.ip = {127, 0, 0, 1}, .port = 4000, .version = 4},
		{.ip = {224, 0, 0, 9}, .port = 4000, .version = 4},
		{.ip = {255, 255, 255, 255}, .port = 4000, .version = 4},
		{.ip = {169, 254, 1, 1}, .port = 4000, .version = 4},
		{.ip = {0, 0, 0, 1}, .port = 4000, .version = 4},
		{.ip = {192, 0, 2, 200}, .port = 4000, .version = 4},
	};
	struct addr good = stranger(77), peer, to, back;

	for (unsigned latch = RELAY_LATCH_FIRST; latch < RELAY_LATCH_COUNT; latch++)
		for (size_t i = 0; latch != RELAY_LATCH_ASYMMETRIC && i <= ARRAY_LEN(bad); i++) {
			const struct addr *from = i < ARRAY_LEN(bad) ? &bad[i] : &good;
			struct service_counts counts;
			char text[ADDR_TEXT_MAX];

			REQUIRE(begin(false));
			REQUIRE_OK(plain(0, (enum relay_latch)latch, RELAY_RTCP_MUX));
			to = json_local(0, 1, false);
			for (unsigned k = 0; k < 2; k++) {
				throw_in(from, &to, false);
				pump();
				stage_run(&w.g, 1001);
			}
			peer = stranger(0);
			back = stranger(1);
			to = json_local(0, 0, false);
			throw_in(&peer, &to, false);
			pump();
			service_get_counts(w.sv, &counts);
			test_context("latch %u, source %s", latch, addr_print(from, text));
			EXPECT(w.left == 1 &&
			       addr_eq(&w.last_left.to, i < ARRAY_LEN(bad) ? &back : &good));
			EXPECT_INT(counts.targets_refused, i < ARRAY_LEN(bad) ? 2 : 0);
			end();
		}
}

/* --- two calls that meet ---------------------------------------------------- */

struct ends {
	struct keyctx *keys[6];
	struct srtp_end up[2],
		down[2]; /* of caller and callee: what each sends with, what it opens with */
	bool has_keys;
};

/* The keys of either call, by mode: what the terminals and the two core legs have. */
static void give_keys(struct ends *e, enum relay_mode mode, struct spec_session *p[2])
{
	bool ends_here = mode == RELAY_MODE_E2AE || mode == RELAY_MODE_SRTP_SRTP,
	     verified = mode == RELAY_MODE_E2E_VERIFIED;

	e->has_keys = ends_here || verified;
	for (unsigned i = 0; i < 6 && e->has_keys; i++)
		e->keys[i] = call_key("AES_CM_128_HMAC_SHA1_80");
	for (unsigned i = 0; i < 2 && ends_here; i++) {
		set_key(p[i], 0, false, e->keys[i]);
		set_key(p[i], 0, true, e->keys[2 + i]);
		if (mode != RELAY_MODE_SRTP_SRTP)
			continue;
		set_key(p[i], 1, true, e->keys[4 + i]);
		set_key(p[i], 1, false, e->keys[5 - i]);
	}
	for (unsigned i = 0; i < 2 && verified; i++) {
		set_key(p[i], 0, false, e->keys[i]);
		set_key(p[i], 1, false, e->keys[!i]);
	}
	for (unsigned i = 0; i < 2 && e->has_keys; i++) {
		struct keyctx *up = NULL, *down = NULL;

		CHECK(!keyctx_copy(&up, e->keys[i]) &&
		      !keyctx_copy(&down, e->keys[verified ? !i : 2 + i]));
		EXPECT(srtp_open(&e->up[i], up, ENGINE_SEND) &&
		       srtp_open(&e->down[i], down, ENGINE_RECEIVE));
	}
}

static void ends_close(struct ends *e)
{
	for (unsigned i = 0; i < 2 && e->has_keys; i++) {
		srtp_close(&e->up[i]);
		srtp_close(&e->down[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		keyctx_free(e->keys[i]);
}

/* From one terminal to the other: once, and just what was sent. */
static bool goes_over(struct ends *e, unsigned from, uint64_t index)
{
	uint8_t clear[256], sent[256];
	size_t n = call_rtp(clear, SSRC + from, index), n_sent = n;
	struct addr peer = stranger(2 * from), to = json_local(from, 0, false),
		    other = stranger(2 * !from);
	enum verdict v;

	memcpy(sent, clear, n);
	if (e->has_keys)
		n_sent = end_protect(&e->up[from], sent, n, sizeof(sent), index);
	EXPECT_OK(sim_send(w.g.sim, &peer, &to, sent, n_sent));
	pump();
	if (w.left != 1 || !addr_eq(&w.last_left.to, &other))
		return false;
	if (e->has_keys)
		w.last_left.len = (uint16_t)srtp_open_pkt(&e->down[!from], w.last_left.data,
		                                          w.last_left.len, &v);
	return w.last_left.len == n && memcmp(w.last_left.data, clear, n) == 0;
}

static void meet(enum relay_mode mode, enum relay_latch latch, bool is_advertised)
{
	struct spec_session *p[2] = {patch_of(0), patch_of(1)};
	struct ends e = {0};
	struct addr none = {0}, there;

	REQUIRE(begin(is_advertised));
	give_keys(&e, mode, p);
	for (unsigned i = 0; i < 2; i++) {
		struct addr a = stranger(2 * i);

		set_mode(p[i], mode);
		set_leg(p[i], 0, &a, latch, RELAY_RTCP_MUX);
		set_leg(p[i], 1, i ? &there : &none, latch, RELAY_RTCP_MUX);
		REQUIRE_OK(create(p[i]));
		there = json_local(0, 1, is_advertised);
	}
	/* The caller's core leg hears of the callee's last, by an answer. */
	p[1] = patch_of(1);
	leg_of(p[1], 1)->relay.remote = there;
	leg_of(p[1], 1)->has |= 1u << SPEC_LEG_REMOTE;
	EXPECT_OK(update(p[1]));
	there = json_local(1, 1, is_advertised);
	EXPECT_OK(point(0, 1, &there));
	test_context("%s, latch %u, %s: %s", relay_mode_name(mode), latch,
	             is_advertised ? "advertised" : "local", w.why);
	for (unsigned i = 0; i < 5; i++) {
		EXPECT(goes_over(&e, 0, i));
		EXPECT(goes_over(&e, 1, i));
	}
	ends_close(&e);
	end();
}

static void two_calls_that_meet_pass_media(void)
{
	for (unsigned mode = 0; mode < RELAY_MODE_COUNT; mode++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++)
			for (unsigned is_advertised = 0; is_advertised < 2; is_advertised++)
				meet((enum relay_mode)mode, (enum relay_latch)latch, is_advertised);
}

/* The core leg was told of a stranger, and hears another call of this gateway: control permits what
 * closes no ring. */
static void a_call_of_ours_may_be_learnt(void)
{
	struct addr there, from;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	there = json_local(1, 1, false);
	REQUIRE_OK(point(0, 1, &there));
	from = stranger(0);
	there = json_local(0, 0, false);
	/* The first asks, the second is let in and learnt. */
	for (unsigned i = 0; i < 2; i++) {
		throw_in(&from, &there, false);
		pump();
		EXPECT_INT(w.left, i);
	}
	from = stranger(2);
	there = json_local(1, 0, false);
	throw_in(&from, &there, false);
	pump();
	from = stranger(0);
	EXPECT_INT(w.left, 1);
	EXPECT(addr_eq(&w.last_left.to, &from));
	end();
}

/* RTCP that asks first does not make RTP wait for the next second. */
static void rtcp_that_asks_holds_no_rtp_up(void)
{
	struct addr from, there;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	there = stranger(3);
	REQUIRE_OK(point(0, 0, &there));
	from = json_local(1, 0, true);
	there = json_local(0, 1, true);
	throw_in(&from, &there, true);
	pump();
	w.left = 0;
	from = json_local(1, 0, false);
	there = json_local(0, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		throw_in(&from, &there, false);
		pump();
	}
	EXPECT_INT(w.left, 1);
	end();
}

/* A permitted source stays in the account: a ring over it can't be closed later. */
static void what_was_learnt_counts(void)
{
	struct addr from, there;

	REQUIRE(begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	from = json_local(1, 0, false);
	there = json_local(0, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		throw_in(&from, &there, false);
		pump();
	}
	from = json_local(0, 0, false);
	EXPECT_INT(point(1, 1, &from), ERR_DENIED);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	end();
}

/* --- over ng ---------------------------------------------------------------- */

static void on_ng(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	(void)arg, (void)token, (void)to;
	snprintf(w.reply, sizeof(w.reply), "%.*s", STR_ARG(reply));
}

/* True when it was done. */
static bool say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool say(const char *fmt, ...)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "c%u ", w.cookies++);
	va_list args;

	va_start(args, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	va_end(args);
	w.reply[0] = '\0';
	ng_take(w.ng, &ng_peer, str_make(text, (size_t)n), on_ng, NULL, 0);
	stage_run(&w.g, 1);
	return strstr(w.reply, "\"result\":\"ok\"") != NULL;
}

/* `command` with the tags as JSON, and an SDP that names that address. */
static bool say_sdp(const char *command, unsigned call, const char *tags, const struct addr *at,
                    const char *more)
{
	char ip[ADDR_TEXT_MAX];

	return say("{\"command\":\"%s\",\"call-id\":\"n%u\",%s,\"sdp\":\"v=0\\r\\no=- 1 1 IN IP4 "
	           "192.0.2.9\\r\\ns=-\\r\\nc=IN IP4 %s\\r\\n"
	           "t=0 0\\r\\nm=audio %u RTP/AVP 0\\r\\n%s\"}",
	           command, call, tags, addr_print_ip(at, ip), at->port, more);
}

static struct addr ng_local(unsigned call, unsigned leg)
{
	char id[16];

	snprintf(id, sizeof(id), "n%u", call);
	return local_of(id, leg, true);
}

static bool ng_call(unsigned call, const char *flags)
{
	struct addr a = stranger(2 * call), b = stranger(2 * call + 1);
	char tags[160];

	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",\"flags\":[\"trust-address\"%s]", flags);
	if (!say_sdp("offer", call, tags, &a, ""))
		return false;
	snprintf(tags, sizeof(tags),
	         "\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"trust-address\"%s]", flags);
	return say_sdp("answer", call, tags, &b, "");
}

/* The callee of each call moves to the next one's caller's port, by a re-INVITE; the last would
 * close the ring. */
static void no_ring_over_ng(void)
{
	static const char *const flags[] = {"",
	                                    ",\"strict-source\"",
	                                    ",\"media-handover\"",
	                                    ",\"asymmetric\"",
	                                    ",\"signalled-source\"",
	                                    ",\"loop-protect\""};

	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned f = 0; f < ARRAY_LEN(flags); f++) {
			REQUIRE(begin(true));
			for (unsigned i = 0; i < n; i++)
				REQUIRE(ng_call(i, flags[f]));
			for (unsigned i = 0; i < n; i++) {
				struct addr next = ng_local((i + 1) % n, 0), a = stranger(2 * i);
				bool closes = i + 1 == n;
				char text[ADDR_TEXT_MAX];
				bool ok = say_sdp("offer", i, "\"from-tag\":\"b\",\"to-tag\":\"a\"",
				                  &next, "");

				test_context("ring of %u, call %u, flags %s: %s", n, i, flags[f],
				             w.reply);
				EXPECT(ok == !closes);
				EXPECT(!closes || (strstr(w.reply, addr_print(&next, text)) &&
				                   strstr(w.reply, "ring")));
				EXPECT(closes ||
				       say_sdp("answer", i, "\"from-tag\":\"b\",\"to-tag\":\"a\"",
				               &a, ""));
			}
			for (unsigned i = 0; i < n; i++) {
				struct addr from = stranger(2 * i), to = ng_local(i, 0);

				to = addr_with_port(&w.g.interfaces[0].bind, to.port);
				throw_in(&from, &to, false);
				pump();
				EXPECT(w.left <= 1 && w.hops <= 2 * n);
			}
			end();
		}
}

/* An answer that names a port of the same call, RTP or by a=rtcp; and an offer once more, in a
 * signalling loop. */
static void no_ring_in_one_call(void)
{
	char rtcp[80], ip[ADDR_TEXT_MAX];
	struct addr a = stranger(0), b = stranger(1), there;

	REQUIRE(begin(false));
	REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\"", &a, ""));
	there = ng_local(0, 0);
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, "") &&
	       strstr(w.reply, "ring"));
	snprintf(rtcp, sizeof(rtcp), "a=rtcp:%u IN IP4 %s\\r\\n", there.port + 1u,
	         addr_print_ip(&there, ip));
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, rtcp) &&
	       strstr(w.reply, "ring"));
	EXPECT(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
	there = ng_local(0, 1);
	EXPECT(!say_sdp("offer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, "") &&
	       strstr(w.reply, "ring"));
	EXPECT(strstr(w.reply, "loop-protect"));
	end();
}

/* An address that only media-address has told of is ours as well. */
static void no_ring_by_media_address(void)
{
	static const struct addr said = {.ip = {192, 0, 2, 200}, .version = 4};
	struct addr a = stranger(0), b = stranger(1), there;

	REQUIRE(begin(false));
	REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\",\"media-address\":\"192.0.2.200\"", &a,
	                ""));
	there = addr_with_port(&said, ng_local(0, 0).port);
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, ""));
	EXPECT(!say_sdp("answer", 0,
	                "\"from-tag\":\"a\",\"to-tag\":\"b\",\"received-from\":[\"IP4\",\"192.0.2."
	                "200\"],\"flags\":[\"SIP-source-address\"]",
	                &there, ""));
	EXPECT(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
	end();
}

/* Nor is such an address learnt where it closes a ring: a NAT that turns packets round would bring
 * them back. */
static void no_ring_by_a_learnt_media_address(void)
{
	static const struct addr said = {.ip = {198, 18, 0, 200}, .version = 4};
	static const char more[] =
		"\"media-address\":\"198.18.0.200\",\"flags\":[\"media-handover\"]";
	struct addr a = stranger(0), b = stranger(1), from, to;
	char tags[160];

	REQUIRE(begin(false));
	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",%s", more);
	REQUIRE(say_sdp("offer", 0, tags, &a, ""));
	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",\"to-tag\":\"b\",%s", more);
	REQUIRE(say_sdp("answer", 0, tags, &b, ""));
	from = addr_with_port(&said, ng_local(0, 0).port);
	to = ng_local(0, 1);
	for (unsigned i = 0; i < 2; i++) {
		throw_in(&from, &to, false);
		pump();
		EXPECT_INT(w.left, 0);
		stage_run(&w.g, 1001);
	}
	to = ng_local(0, 0);
	throw_in(&a, &to, false);
	pump();
	EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &b));
	end();
}

/* Caller and callee behind the same edge: each INVITE passes it twice, as two calls. */
static void two_calls_meet_over_ng(void)
{
	for (unsigned is_behind_nat = 0; is_behind_nat < 2; is_behind_nat++) {
		struct addr a = stranger(0), b = stranger(1), there, to;

		REQUIRE(begin(is_behind_nat));
		REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\"", &a, ""));
		there = ng_local(0, 1);
		REQUIRE(say_sdp("offer", 1, "\"from-tag\":\"a\"", &there, ""));
		REQUIRE(say_sdp("answer", 1, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
		there = ng_local(1, 0);
		REQUIRE(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, ""));
		to = addr_with_port(&w.g.interfaces[0].bind, ng_local(0, 0).port);
		for (unsigned i = 0; i < 3; i++) {
			throw_in(&a, &to, false);
			pump();
			EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &b));
		}
		to = addr_with_port(&w.g.interfaces[0].bind, ng_local(1, 1).port);
		throw_in(&b, &to, false);
		pump();
		EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &a));
		end();
	}
}

/* What workers were told to ask about is freed once they were told anew: a proxy may name another
 * media-address for each call. */
static void tables_are_not_kept(void)
{
	enum { ROUNDS = 200 };
	size_t before;

	REQUIRE(begin(false));
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < ROUNDS; i++) {
		EXPECT_OK(service_publish_targets(w.sv));
		stage_run(&w.g, 1);
	}
	EXPECT(mallinfo2().uordblks < before + ROUNDS / 10 * sizeof(struct relay_asked));
	end();
}

TEST_MAIN("rings", {"tables_are_not_kept", tables_are_not_kept},
          {"no_ring_by_updates", no_ring_by_updates}, {"no_ring_by_create", no_ring_by_create},
          {"no_ring_of_rtcp", no_ring_of_rtcp}, {"no_ring_over_a_fork", no_ring_over_a_fork},
          {"no_leg_is_its_own_peer", no_leg_is_its_own_peer},
          {"no_ring_of_two_at_once", no_ring_of_two_at_once},
          {"no_ring_of_learnt_sources", no_ring_of_learnt_sources},
          {"no_bad_source_is_learnt", no_bad_source_is_learnt},
          {"two_calls_that_meet_pass_media", two_calls_that_meet_pass_media},
          {"a_call_of_ours_may_be_learnt", a_call_of_ours_may_be_learnt},
          {"what_was_learnt_counts", what_was_learnt_counts},
          {"rtcp_that_asks_holds_no_rtp_up", rtcp_that_asks_holds_no_rtp_up},
          {"no_ring_over_ng", no_ring_over_ng}, {"no_ring_in_one_call", no_ring_in_one_call},
          {"no_ring_by_media_address", no_ring_by_media_address},
          {"no_ring_by_a_learnt_media_address", no_ring_by_a_learnt_media_address},
          {"two_calls_meet_over_ng", two_calls_meet_over_ng})
