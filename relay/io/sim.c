/* SPDX-License-Identifier: MIT */
/* A network in memory: two queues, and the back end between them. */
#include "relay/io/sim.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "relay/packet/pool.h"

struct sim_queue {
	struct sim_pkt **pkts; /* oldest first */
	unsigned n, room;
};

struct sim {
	uint64_t now_ns;
	/* towards: packets to the gateway; back: packets to the endpoints */
	struct sim_queue towards, back;
	struct map *ports; /* open ports by local address and number */
};

struct sim_io {
	struct io io;
	struct sim *sim;
	struct pool *pool;
	struct io_counters counters;
};

/* The key of a port in the map. It is the port's io_private while the port is open. */
struct port_key {
	uint8_t ip[16];
	uint16_t number;
};

/* --- the network ------------------------------------------------------------ */

enum err sim_new(struct sim **out)
{
	struct sim *s = mem_alloc(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	if (map_new(&s->ports)) {
		mem_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return ERR_OK;
}

static void queue_fini(struct sim_queue *q)
{
	for (unsigned i = 0; i < q->n; i++)
		mem_free(q->pkts[i]);
	mem_free(q->pkts);
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	queue_fini(&s->towards);
	queue_fini(&s->back);
	map_free(s->ports);
	mem_free(s);
}

void sim_set_time(struct sim *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
}

uint64_t sim_time(const struct sim *s)
{
	return s->now_ns;
}

unsigned sim_open_ports(const struct sim *s)
{
	return (unsigned)map_count(s->ports);
}

static enum err queue_put(struct sim_queue *q, struct sim_pkt *p)
{
	if (q->n == q->room) {
		unsigned room = q->room ? 2 * q->room : 64;
		struct sim_pkt **pkts = mem_resize(q->pkts, room, sizeof(struct sim_pkt *));

		if (!pkts)
			return ERR_NOMEM;
		q->pkts = pkts;
		q->room = room;
	}
	q->pkts[q->n++] = p;
	return ERR_OK;
}

static enum err travel(struct sim_queue *q, struct sim_pkt *p, const void *data, size_t n)
{
	struct sim_pkt *copy;
	enum err e;

	if (n > SIM_PKT_MAX)
		return ERR_TOO_BIG;
	p->len = (uint16_t)n;
	memcpy(p->data, data, n);
	copy = mem_dup(p, sizeof(*p));
	e = copy ? queue_put(q, copy) : ERR_NOMEM;
	if (e)
		mem_free(copy);
	return e;
}

enum err sim_send(struct sim *s, const struct addr *from, const struct addr *to, const void *data,
                  size_t n)
{
	struct sim_pkt p = {.from = *from, .to = *to};

	return travel(&s->towards, &p, data, n);
}

static void queue_remove(struct sim_queue *q, unsigned at)
{
	mem_free(q->pkts[at]);
	memmove(&q->pkts[at], &q->pkts[at + 1], (q->n - at - 1) * sizeof(q->pkts[0]));
	q->n--;
}

bool sim_receive(struct sim *s, const struct addr *to, struct sim_pkt *out)
{
	struct sim_queue *q = &s->back;

	for (unsigned i = 0; i < q->n; i++) {
		if (to && !addr_eq(&q->pkts[i]->to, to))
			continue;
		*out = *q->pkts[i];
		queue_remove(q, i);
		return true;
	}
	return false;
}

/* --- the back end ----------------------------------------------------------- */

static enum err sim_probe(const struct relay_interface *interface, struct why *why)
{
	(void)interface, (void)why;
	return ERR_OK;
}

static enum err sim_open(struct io **out, const struct io_config *config, struct why *why)
{
	struct sim_io *s = mem_alloc(sizeof(*s));

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->io.ops = &io_sim;
	s->sim = config->test_arg;
	s->pool = config->pool;
	*out = &s->io;
	return ERR_OK;
}

static void sim_close(struct io *io)
{
	mem_free(io);
}

static int sim_wait_fd(struct io *io, unsigned i)
{
	(void)io, (void)i;
	return -1;
}

static struct port_key key_of(const struct addr *local)
{
	struct port_key k = {.number = local->port};

	memcpy(k.ip, local->ip, sizeof(k.ip));
	return k;
}

static enum err sim_open_port(struct io *io, struct io_port *port, struct why *why)
{
	struct sim *s = ((struct sim_io *)io)->sim;
	struct addr local = addr_with_port(&port->interface->bind, port->number);
	struct port_key *k = mem_alloc(sizeof(*k));
	enum err e = k ? ERR_OK : ERR_NOMEM;

	if (!e) {
		*k = key_of(&local);
		e = map_put(s->ports, k, sizeof(*k), port);
	}
	if (e) {
		mem_free(k);
		return why_fail(why, e, "interface '%s' port %u: %s", port->interface->name,
		                port->number, err_meaning(e));
	}
	port->io_private = k;
	port->io = io;
	port->is_open = true;
	return ERR_OK;
}

static void sim_close_port(struct io *io, struct io_port *port)
{
	struct sim *s = ((struct sim_io *)io)->sim;

	map_remove(s->ports, port->io_private, sizeof(struct port_key));
	mem_free(port->io_private);
	port->io_private = NULL;
	port->is_open = false;
}

static struct pkt *take(struct sim_io *s, const struct sim_pkt *from, struct io_port *port)
{
	struct pkt *p = pool_take(s->pool);

	if (!p)
		return NULL;
	p->frame = pool_take_buffer(s->pool);
	if (!p->frame) {
		pool_give(s->pool, p);
		return NULL;
	}
	p->data = (uint8_t *)p->frame + PKT_HEADROOM;
	p->len = from->len < PKT_PAYLOAD_MAX ? from->len : PKT_PAYLOAD_MAX;
	p->verdict = from->len > PKT_PAYLOAD_MAX ? VERDICT_TOO_BIG : VERDICT_NONE;
	p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - p->len);
	memcpy(p->data, from->data, p->len);
	p->from = from->from;
	p->port = port;
	p->io = &s->io;
	return p;
}

static unsigned sim_gather(struct io *io, struct pkt **batch, unsigned room)
{
	struct sim_io *s = (struct sim_io *)io;
	struct sim_queue *q = &s->sim->towards;
	unsigned i = 0, n = 0;

	while (i < q->n && n < room) {
		struct port_key k = key_of(&q->pkts[i]->to);
		struct io_port *port = map_get(s->sim->ports, &k, sizeof(k));

		/* A packet for another worker's port stays in the queue. A packet for no open port
		 * is dropped. */
		if (port && port->io != io) {
			i++;
			continue;
		}
		if (port) {
			struct pkt *p = take(s, q->pkts[i], port);

			if (!p)
				return n;
			counter_inc(&s->counters.rx_pkts);
			counter_add(&s->counters.rx_bytes, p->len);
			batch[n++] = p;
		} else {
			counter_inc(&s->counters.dropped[VERDICT_NO_PORT]);
		}
		queue_remove(q, i);
	}
	return n;
}

static void sim_transmit(struct io *io, struct pkt **batch, unsigned n)
{
	struct sim_io *s = (struct sim_io *)io;

	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch[i];
		struct sim_pkt sent = {
			.from = addr_with_port(&p->out->interface->bind, p->out->number),
			.to = p->to};

		if (p->verdict != VERDICT_NONE)
			continue;
		if (travel(&s->sim->back, &sent, p->data, p->len)) {
			p->verdict = VERDICT_SEND_FAILED;
			continue;
		}
		p->verdict = VERDICT_FORWARDED;
		counter_inc(&s->counters.tx_pkts);
		counter_add(&s->counters.tx_bytes, p->len);
	}
}

static void sim_release(struct io *io, struct pkt **batch, unsigned n)
{
	struct sim_io *s = (struct sim_io *)io;

	for (unsigned i = 0; i < n; i++) {
		pool_give_buffer(s->pool, batch[i]->frame);
		batch[i]->frame = NULL;
	}
}

static const struct io_counters *sim_counters(const struct io *io)
{
	return &((const struct sim_io *)io)->counters;
}

const struct io_ops io_sim = {
	.name = "sim",
	.probe = sim_probe,
	.open = sim_open,
	.close = sim_close,
	.wait_fd = sim_wait_fd,
	.open_port = sim_open_port,
	.close_port = sim_close_port,
	.gather = sim_gather,
	.send = sim_transmit,
	.release = sim_release,
	.counters = sim_counters,
};
