/* SPDX-License-Identifier: MIT */
/* The cost of the packet path alone: a back end without syscalls shows that the path makes no
 * allocation. Prints times on request. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "relay/packet/pool.h"
#include "tests/harness/call.h"

/* The back end takes packets from a list and drops those it sends. SLUICE_PATH_MEASURE=CALLS prints
 * the time per packet with CALLS calls. Packets come in random order of the ports, so that many
 * calls do not stay in the CPU's cache. */
enum { PORT_MIN = 2000, CALLS_MAX = 15000, LEN = 172, ROUNDS = 20 };

struct arrival {
	struct io_port *port;
	uint16_t len;
	uint8_t octets[LEN + 16];
};

/* The back end: the list of packets to receive, and a count of those sent. */
static struct tape {
	struct io io;
	struct pool *pool;
	struct io_counters counters;
	struct io_port *ports[2][CALLS_MAX]; /* indexed by side, then by call */
	struct arrival *arrivals;
	unsigned n, at;
	uint64_t sent;
} tape;

static enum err tape_probe(const struct relay_interface *interface, struct why *why)
{
	(void)interface, (void)why;
	return ERR_OK;
}

static enum err tape_open(struct io **out, const struct io_config *config, struct why *why)
{
	(void)why;
	tape.pool = config->pool;
	*out = &tape.io;
	return ERR_OK;
}

static void tape_close(struct io *io)
{
	(void)io;
}

static int tape_wait_fd(struct io *io, unsigned i)
{
	(void)io, (void)i;
	return -1;
}

static enum err tape_open_port(struct io *io, struct io_port *port, struct why *why)
{
	unsigned n = (unsigned)(port->number - PORT_MIN) / 2, side = (port->number - PORT_MIN) % 2;

	(void)why;
	port->io = io;
	port->is_open = true;
	tape.ports[side][n] = port;
	return ERR_OK;
}

static void tape_close_port(struct io *io, struct io_port *port)
{
	(void)io;
	port->is_open = false;
}

static unsigned tape_gather(struct io *io, struct pkt **batch, unsigned room)
{
	unsigned n = 0;

	for (; n < room && tape.at < tape.n; n++) {
		struct arrival *a = &tape.arrivals[tape.at++];
		struct pkt *p = pool_take(tape.pool);
		bool is_b = (a->port->number - PORT_MIN) % 2;

		p->frame = pool_take_buffer(tape.pool);
		p->data = (uint8_t *)p->frame + PKT_HEADROOM;
		p->len = a->len;
		p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - a->len);
		p->io = io;
		p->port = a->port;
		p->from = is_b ? call_peer_b : call_peer_a;
		memcpy(p->data, a->octets, a->len);
		batch[n] = p;
	}
	return n;
}

static void tape_send(struct io *io, struct pkt **batch, unsigned n)
{
	(void)io;
	for (unsigned i = 0; i < n; i++)
		batch[i]->verdict = VERDICT_FORWARDED;
	tape.sent += n;
}

static void tape_release(struct io *io, struct pkt **batch, unsigned n)
{
	(void)io;
	for (unsigned i = 0; i < n; i++)
		pool_give_buffer(tape.pool, batch[i]->frame);
}

static const struct io_counters *tape_counters(const struct io *io)
{
	(void)io;
	return &tape.counters;
}

static const struct io_ops tape_ops = {
	.name = "tape",
	.probe = tape_probe,
	.open = tape_open,
	.close = tape_close,
	.wait_fd = tape_wait_fd,
	.open_port = tape_open_port,
	.close_port = tape_close_port,
	.gather = tape_gather,
	.send = tape_send,
	.release = tape_release,
	.counters = tape_counters,
};

/* --- calls ------------------------------------------------------------------ */

static struct {
	struct relay *relay;
	struct relay_interface interface;
	/* The SRTP of the terminals: all have one key, but each leg has its own context. */
	struct srtp_end up;
	unsigned n_done;
	unsigned order[CALLS_MAX];
} g;

static void on_done(void *arg, const struct relay_result *result)
{
	(void)arg;
	EXPECT_INT(result->e, ERR_OK);
	g.n_done++;
}

static bool open_calls(unsigned calls, enum relay_mode mode)
{
	struct relay_config c;
	struct why why = {.text = ""};
	uint64_t seed = 7;
	enum err e;

	memset(&g, 0, sizeof(g));
	memset(&tape, 0, sizeof(tape));
	tape.io.ops = &tape_ops;
	g.interface = (struct relay_interface){
		.name = "default",
		.bind = call_local_a,
		.advertised = call_local_a,
		.port_min = PORT_MIN,
		.port_max = PORT_MIN + 2 * CALLS_MAX,
	};
	relay_config_defaults(&c);
	c.workers = 1;
	c.by_hand = true;
	c.io_test = &tape_ops;
	c.interfaces = &g.interface;
	c.n_interfaces = 1;
	if (!test_expect(relay_start(&g.relay, &c, &why) == ERR_OK, __FILE__, __LINE__,
	                 "relay_start to succeed, got: %s", why.text))
		return false;
	tape.arrivals = mem_array(calls, sizeof(*tape.arrivals));
	CHECK(tape.arrivals);
	if (!srtp_open(&g.up, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND))
		return false;
	for (unsigned i = 0; i < calls; i++) {
		struct relay_session_spec spec;
		struct relay_media_spec media;
		struct relay_session *s;
		struct keyctx *down = call_key("AES_CM_128_HMAC_SHA1_80");

		call_spec(&spec, &media, mode, RELAY_RTCP_MUX);
		for (unsigned k = 0; k < 2; k++) {
			media.legs[k].interface = 0;
			media.legs[k].port_rtp = (uint16_t)(PORT_MIN + 2 * i + k);
			media.legs[k].remote = k ? call_peer_b : call_peer_a;
		}
		media.legs[0].receive = mode == RELAY_MODE_E2AE ? g.up.ctx : NULL;
		media.legs[0].send = mode == RELAY_MODE_E2AE ? down : NULL;
		e = relay_session_create(g.relay, &s, &spec, on_done, NULL, &why);
		keyctx_free(down);
		if (!EXPECT_OK(e))
			return false;
		while (g.n_done <= i) {
			relay_step(g.relay, clk_mono_ns());
			relay_poll(g.relay);
		}
		g.order[i] = i;
	}
	for (unsigned i = calls - 1; i > 0; i--) {
		unsigned k = (unsigned)(test_random(&seed) % (i + 1)), was = g.order[i];

		g.order[i] = g.order[k];
		g.order[k] = was;
	}
	return true;
}

static void close_calls(void)
{
	relay_stop(g.relay);
	mem_free(tape.arrivals);
	srtp_close(&g.up);
}

/* Fills the list with one packet of each call for `side`. All terminals send the same octets,
 * protected once. */
static void fill_tape(unsigned calls, unsigned side, enum relay_mode mode, uint64_t index)
{
	uint8_t octets[LEN + 16];
	size_t n = LEN;

	memset(octets, 0x3c, sizeof(octets));
	call_rtp(octets, 0x5151, index);
	if (side == 0 && mode == RELAY_MODE_E2AE)
		n = end_protect(&g.up, octets, n, sizeof(octets), index);
	for (unsigned i = 0; i < calls; i++) {
		struct arrival *a = &tape.arrivals[i];

		a->port = tape.ports[side][g.order[i]];
		a->len = (uint16_t)n;
		memcpy(a->octets, octets, n);
	}
	tape.n = calls;
	tape.at = 0;
}

struct cost {
	uint64_t ns, allocations, sent;
};

static struct cost drive(unsigned calls, unsigned side, enum relay_mode mode, unsigned rounds)
{
	struct cost c = {.ns = UINT64_MAX};

	for (unsigned r = 0; r < rounds; r++) {
		uint64_t start, took, allocated, sent;

		fill_tape(calls, side, mode, r + 1);
		allocated = mem_calls();
		sent = tape.sent;
		start = clk_mono_ns();
		while (tape.at < tape.n)
			relay_step(g.relay, start);
		took = clk_mono_ns() - start;
		/* The first round creates the streams, so it is not measured. */
		if (r == 0)
			continue;
		c.ns = took < c.ns ? took : c.ns;
		c.allocations += mem_calls() - allocated;
		c.sent += tape.sent - sent;
	}
	return c;
}

/* --- cases ------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum relay_mode mode;
	unsigned side;
} ways[] = {
	{"rtp", RELAY_MODE_RTP, 1},
	{"e2ae, protect", RELAY_MODE_E2AE, 1},
	{"e2ae, unprotect", RELAY_MODE_E2AE, 0},
};

static void packets_cost_no_memory(void)
{
	enum { CALLS = 500 };

	for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
		struct cost c;

		test_context("%s", ways[i].name);
		if (!open_calls(CALLS, ways[i].mode))
			return;
		c = drive(CALLS, ways[i].side, ways[i].mode, 21);
		EXPECT_INT(c.sent, CALLS * 20);
		EXPECT_INT(c.allocations, 0);
		close_calls();
	}
}

static void measure(void)
{
	const char *asked = getenv("SLUICE_PATH_MEASURE");
	unsigned calls = asked ? (unsigned)atoi(asked) : 0;

	if (calls == 0 || calls > CALLS_MAX) {
		test_skip("set SLUICE_PATH_MEASURE=CALLS (at most %d) to measure", CALLS_MAX);
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
		struct cost c;

		if (!open_calls(calls, ways[i].mode))
			return;
		c = drive(calls, ways[i].side, ways[i].mode, ROUNDS);
		printf("%-16s %5u calls: %5.0f ns a packet (the least of %d rounds)\n",
		       ways[i].name, calls, (double)c.ns / calls, ROUNDS - 1);
		close_calls();
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{"packets_cost_no_memory", packets_cost_no_memory}};
	static const struct test_case by_hand[] = {{"measure", measure}};

	return getenv("SLUICE_PATH_MEASURE") ? test_main("path_cost", by_hand, 1, argc, argv)
	                                     : test_main("path_cost", cases, 1, argc, argv);
}
