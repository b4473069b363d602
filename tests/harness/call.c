/* SPDX-License-Identifier: MIT */
/* Runs whole calls over a network in memory. */
#include "tests/harness/call.h"

#include "base/clk.h"
#include "base/mem.h"
#include "relay/packet/roc.h"
#include "relay/packet/rtp.h"

enum { WINDOW_PKTS = 1024 };

const char *const call_engines[CALL_ENGINES] = {
	"evp",
	"libsrtp",
#ifdef WITH_MB
	"mb",
#endif
};

const struct addr call_peer_a = {.ip = {192, 0, 2, 1}, .port = 4000, .version = 4};
const struct addr call_peer_b = {.ip = {198, 51, 100, 1}, .port = 5000, .version = 4};
const struct addr call_local_a = {.ip = {10, 0, 0, 1}, .port = 30000, .version = 4};
const struct addr call_local_b = {.ip = {10, 0, 0, 1}, .port = 31000, .version = 4};

static void on_event(void *arg, const struct relay_event *event)
{
	struct stage *g = arg;

	if (g->n_events < CALL_EVENTS_MAX)
		g->events[g->n_events++] = *event;
}

void stage_config(struct stage *g, struct relay_config *c, const char *engine, unsigned workers)
{
	memset(g, 0, sizeof(*g));
	g->interfaces[0] = (struct relay_interface){
		.name = "v4",
		.bind = {.ip = {10, 0, 0, 1}, .version = 4},
		.port_min = 30000,
		.port_max = 40000,
	};
	g->interfaces[1] = (struct relay_interface){
		.name = "v6",
		.bind = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .version = 6},
		.port_min = 30000,
		.port_max = 40000,
	};
	relay_config_defaults(c);
	c->workers = workers;
	c->engine = engine;
	c->io_test = &io_sim;
	c->by_hand = true;
	c->interfaces = g->interfaces;
	c->n_interfaces = 2;
	c->pkts_per_worker = 512;
}

bool stage_open_with(struct stage *g, const struct relay_config *config)
{
	struct relay_config c = *config;
	struct why why = {.text = ""};

	g->random = g->seed = test_seed();
	if (!EXPECT_OK(sim_new(&g->sim)))
		return false;
	c.io_test_arg = g->sim;
	sim_set_time(g->sim, 1000 * NS_PER_S);
	enum err e = relay_start(&g->relay, &c, &why);
	if (!test_expect(e == ERR_OK, __FILE__, __LINE__, "relay_start: %s", why.text)) {
		sim_free(g->sim);
		return false;
	}
	relay_set_listener(g->relay, on_event, g);
	return true;
}

bool stage_open(struct stage *g, const char *engine, unsigned workers)
{
	struct relay_config c;

	stage_config(g, &c, engine, workers);
	return stage_open_with(g, &c);
}

void stage_close(struct stage *g)
{
	relay_stop(g->relay);
	EXPECT_INT(sim_open_ports(g->sim), 0);
	sim_free(g->sim);
}

static void settle(struct stage *g)
{
	unsigned idle = 0;

	while (idle < 2) {
		idle = relay_step(g->relay, sim_time(g->sim)) ? 0 : idle + 1;
		relay_poll(g->relay);
	}
}

static void run(struct stage *g, uint64_t ms, uint64_t step_ms)
{
	settle(g);
	for (uint64_t i = 0; i < ms; i += step_ms) {
		sim_set_time(g->sim, sim_time(g->sim) + step_ms * NS_PER_MS);
		settle(g);
	}
}

void stage_run(struct stage *g, uint64_t ms)
{
	run(g, ms, 1);
}

void stage_idle(struct stage *g, uint64_t ms)
{
	run(g, ms, 10);
}

unsigned stage_events(const struct stage *g, enum relay_event_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->n_events; i++)
		n += g->events[i].kind == kind;
	return n;
}

/* --- SRTP at an endpoint ---------------------------------------------------- */

struct keyctx *call_key(const char *suite)
{
	struct keyctx *k = NULL;

	EXPECT_OK(keyctx_generate(&k, suite_find(str_of(suite))));
	return k;
}

struct keyctx *call_key_again(const struct keyctx *k, struct view mki, uint64_t lifetime_pkts)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = k->suite, .mki = mki, .lifetime_pkts = lifetime_pkts};
	struct keyctx *again = NULL;

	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	spec.master =
		(struct view){.p = master, .n = (size_t)k->suite->key_len + k->suite->salt_len};
	EXPECT_OK(keyctx_new(&again, &spec, NULL));
	return again;
}

bool srtp_open(struct srtp_end *e, struct keyctx *ctx, enum engine_direction direction)
{
	struct why why;

	*e = (struct srtp_end){.ctx = ctx, .direction = direction};
	/* The engine is on the heap, because the party points to it, and tests copy struct
	 * srtp_end. */
	e->engine = mem_alloc(sizeof(*e->engine));
	CHECK(e->engine);
	return EXPECT_OK(party_engine_open(e->engine, &engine_evp, WINDOW_PKTS, &why)) &&
	       EXPECT_OK(party_new(&e->party, e->engine, ctx, direction, &why));
}

void srtp_close(struct srtp_end *e)
{
	party_free(e->party);
	if (e->engine)
		party_engine_close(e->engine);
	mem_free(e->engine);
	keyctx_free(e->ctx);
}

bool srtp_begin(struct srtp_end *e, uint32_t ssrc, uint32_t roc)
{
	return party_begin(e->party, ssrc, roc) == ERR_OK;
}

size_t end_protect(struct srtp_end *e, uint8_t *data, size_t n, size_t room, uint64_t index)
{
	struct pkt p;

	if (n < RTP_HEADER_MIN || !party_packet(&p, data, n, room))
		return 0;
	p.index = index;
	return party_protect(e->party, &p) == VERDICT_NONE ? p.len : 0;
}

size_t srtp_open_pkt(struct srtp_end *e, uint8_t *data, size_t n, enum verdict *v)
{
	struct pkt p;

	*v = VERDICT_MALFORMED;
	if (n >= RTP_HEADER_MIN && party_packet(&p, data, n, n))
		*v = party_unprotect(e->party, &p);
	return *v == VERDICT_NONE ? p.len : 0;
}

/* --- packets and calls ------------------------------------------------------ */

size_t call_rtp(uint8_t *out, uint32_t ssrc, uint64_t index)
{
	uint8_t *payload = out + RTP_HEADER_MIN;

	out[0] = 0x80;
	out[1] = 0;
	be16_put(out + 2, (uint16_t)index);
	be32_put(out + 4, (uint32_t)(index * 160));
	be32_put(out + 8, ssrc);
	be32_put(payload, (uint32_t)(index >> 32));
	be32_put(payload + 4, (uint32_t)index);
	for (unsigned i = 8; i < CALL_PAYLOAD; i++)
		payload[i] = (uint8_t)(index * 7 + i + ssrc);
	return RTP_HEADER_MIN + CALL_PAYLOAD;
}

void call_spec(struct relay_session_spec *s, struct relay_media_spec *m, enum relay_mode mode,
               enum relay_rtcp rtcp)
{
	memset(m, 0, sizeof(*m));
	*s = (struct relay_session_spec){.n_media = 1, .media = m};
	memcpy(m->id, "0", 2);
	m->mode = mode;
	m->n_legs = 2;
	m->active = 1;
	for (unsigned i = 0; i < 2; i++) {
		struct relay_leg_spec *l = &m->legs[i];

		*l = (struct relay_leg_spec){
			.exists = true,
			.rtcp = rtcp,
			.can_receive = true,
			.can_send = true,
		};
		l->port_rtp = (uint16_t)(i ? call_local_b.port : call_local_a.port);
		l->port_rtcp = (uint16_t)(rtcp == RELAY_RTCP_PAIR ? l->port_rtp + 1 : 0);
		l->remote = i ? call_peer_b : call_peer_a;
	}
}

static void on_done(void *arg, const struct relay_result *result)
{
	struct stage *g = arg;

	g->n_done++;
	g->last_error = result->e;
	if (result->e)
		g->last_why = *result->why;
}

static enum err outcome(struct stage *g, unsigned before)
{
	for (unsigned i = 0; i < 10 && g->n_done == before; i++)
		stage_run(g, 0);
	return EXPECT_INT(g->n_done, before + 1) ? g->last_error : ERR_TIMEOUT;
}

enum err call_create(struct stage *g, struct relay_session **out,
                     const struct relay_session_spec *s)
{
	unsigned before = g->n_done;
	enum err e = relay_session_create(g->relay, out, s, on_done, g, &g->last_why);

	return e ? e : outcome(g, before);
}

enum err call_update(struct stage *g, struct relay_session *h, const struct relay_session_spec *s)
{
	unsigned before = g->n_done;
	enum err e = relay_session_update(g->relay, h, s, on_done, g, &g->last_why);

	return e ? e : outcome(g, before);
}

static void keep_stats(struct stage *g, const struct relay_session_stats *stats)
{
	g->stats = *stats;
	g->stats.media = g->media_stats;
	for (unsigned i = 0; i < stats->n_media && i < ARRAY_LEN(g->media_stats); i++) {
		g->media_stats[i] = (struct relay_media_stats){
			.n_legs = stats->media[i].n_legs,
			.legs = g->leg_stats[i],
		};
		memset(g->leg_stats[i], 0, sizeof(g->leg_stats[i]));
		memcpy(g->leg_stats[i], stats->media[i].legs,
		       stats->media[i].n_legs * sizeof(*stats->media[i].legs));
	}
}

struct ending {
	struct stage *stage;
	struct relay_session *session;
};

static void on_deleted(void *arg, const struct relay_result *result)
{
	struct ending *x = arg;

	if (!result->e)
		keep_stats(x->stage, relay_session_stats(x->session));
	on_done(x->stage, result);
}

enum err call_delete(struct stage *g, struct relay_session *h)
{
	struct ending x = {.stage = g, .session = h};
	unsigned before = g->n_done;

	relay_session_delete(g->relay, h, on_deleted, &x);
	return outcome(g, before);
}

static void on_stats(void *arg, enum err e, const struct relay_session_stats *stats)
{
	struct stage *g = arg;

	g->n_done++;
	g->last_error = e;
	if (!e)
		keep_stats(g, stats);
}

enum err call_query(struct stage *g, struct relay_session *h)
{
	unsigned before = g->n_done;
	enum err e = relay_session_query(g->relay, h, on_stats, g);

	return e ? e : outcome(g, before);
}

/* --- scenes ----------------------------------------------------------------- */

bool scene_prepare(struct scene *s, const char *engine, const char *suite)
{
	memset(s, 0, sizeof(*s));
	stage_config(&s->g, &s->config, engine, 1);
	for (unsigned i = 0; i < SCENE_KEYS; i++)
		if (!srtp_open(&s->up[i], call_key(suite), ENGINE_SEND) ||
		    !srtp_open(&s->down[i], call_key(suite), ENGINE_RECEIVE))
			return false;
	call_spec(&s->spec, &s->media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	s->media.legs[0].latch = RELAY_LATCH_FOLLOW;
	scene_use_keys(s, 0);
	return true;
}

bool scene_start(struct scene *s)
{
	return stage_open_with(&s->g, &s->config) &&
	       EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

bool scene_open(struct scene *s, const char *engine)
{
	return scene_prepare(s, engine, "AES_CM_128_HMAC_SHA1_80") && scene_start(s);
}

void scene_close(struct scene *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	for (unsigned i = 0; i < SCENE_KEYS; i++) {
		srtp_close(&s->up[i]);
		srtp_close(&s->down[i]);
	}
	stage_close(&s->g);
}

void scene_use_keys(struct scene *s, unsigned nth)
{
	s->media.legs[0].receive = s->up[nth].ctx;
	s->media.legs[0].send = s->down[nth].ctx;
}

bool scene_set_key(struct srtp_end *e, struct keyctx *ctx)
{
	enum engine_direction direction = e->direction;

	srtp_close(e);
	return srtp_open(e, ctx, direction);
}

bool scene_goes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index)
{
	uint8_t want[256];
	size_t n = call_rtp(want, ssrc, index);
	struct sim_pkt got;

	memcpy(s->octets, want, n);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets,
	                   end_protect(end, s->octets, n, sizeof(s->octets), index)));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got) && got.len == n &&
	       memcmp(got.data, want, n) == 0;
}

bool scene_goes_down(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index)
{
	uint8_t want[256];
	size_t n = call_rtp(want, ssrc, index);
	struct sim_pkt got;
	enum verdict v;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, want, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_a, &got) &&
	       srtp_open_pkt(end, got.data, got.len, &v) == n && memcmp(got.data, want, n) == 0;
}

const struct relay_leg_stats *scene_leg_a(struct scene *s)
{
	EXPECT_OK(call_query(&s->g, s->call));
	return &s->g.media_stats[0].legs[0];
}

size_t scene_send_up(struct scene *s, struct srtp_end *end, size_t n, uint64_t index)
{
	n = end_protect(end, s->octets, n, sizeof(s->octets), index);
	EXPECT(n > 0);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	return n;
}

unsigned scene_heard(struct scene *s)
{
	struct sim_pkt got;
	unsigned n = 0;

	stage_run(&s->g, 1);
	while (sim_receive(s->g.sim, &call_peer_b, &got))
		n++;
	return n;
}

struct keyctx *call_key_at_roc(const struct keyctx *k, uint32_t roc)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = k->suite, .has_roc = true, .roc = roc};
	struct keyctx *again = NULL;

	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	spec.master =
		(struct view){.p = master, .n = (size_t)k->suite->key_len + k->suite->salt_len};
	EXPECT_OK(keyctx_new(&again, &spec, NULL));
	return again;
}
