/* SPDX-License-Identifier: MIT */
/* Starts and ends workers, and carries messages to and from them. */
#include "relay/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/worker.h"

enum {
	FIRST_BLOCKS = 1024, /* streams and states a worker starts with */
	MORE_BLOCKS = 512,
	POLL_MSGS = 4096,    /* from one worker in one poll: control has other work too */
};

/* Interfaces served by one kind of back end. */
struct back_end {
	const struct io_ops *ops;
	struct io_shared *shared;
	unsigned n_interfaces;
	struct io_interface interfaces[RELAY_INTERFACES_MAX];
};

/* A worker as control keeps it. */
struct member {
	struct worker worker;
	pthread_t thread;
	bool has_thread;
	unsigned sessions;
	struct request *waiting, **waiting_end; /* for room in its inbox */
	struct chunk *chunks;                   /* all it was given */
	struct chunk *chunk_waiting;
	uint64_t streams_given, streams_due, crypto_given, crypto_due;
};

struct crew {
	struct relay_config config;
	struct io_interface interfaces[RELAY_INTERFACES_MAX];
	const struct engine_ops *engine;
	char engine_reason[320];
	struct back_end back_ends[WORKER_IOS_MAX];
	unsigned n_back_ends;
	uint8_t back_end_of[RELAY_INTERFACES_MAX];
	char io_reasons[RELAY_INTERFACES_MAX][320];
	uint8_t hash_key[16];
	int wait_fd;
	bool has_ended;
	unsigned n_members;
	struct member *members;
};

/* --- back ends -------------------------------------------------------------------------------------- */

static enum err assign(struct crew *c, unsigned interface, struct why *why)
{
	const struct io_ops *ops = c->config.io_test;
	struct why reason = {.text = "of a test"};
	unsigned i = 0;

	if (!ops) {
		enum err e = io_choose(&ops, str_of(c->config.io), &c->interfaces[interface], &reason);
		if (e)
			return why_fail(why, e, "interface '%s': %.200s", c->interfaces[interface].name, reason.text);
	}
	while (i < c->n_back_ends && c->back_ends[i].ops != ops)
		i++;
	if (i == WORKER_IOS_MAX)
		return why_fail(why, ERR_LIMIT, "more than %d kinds of back ends", WORKER_IOS_MAX);
	if (i == c->n_back_ends)
		c->back_ends[c->n_back_ends++].ops = ops;
	struct back_end *b = &c->back_ends[i];
	c->back_end_of[interface] = (uint8_t)i;
	b->interfaces[b->n_interfaces++] = c->interfaces[interface];
	memcpy(c->io_reasons[interface], reason.text, sizeof(c->io_reasons[interface]));
	return ERR_OK;
}

static struct io_config io_config_of(struct crew *c, const struct back_end *b)
{
	return (struct io_config){
		.interfaces = b->interfaces, .n_interfaces = b->n_interfaces, .workers = c->n_members,
		.shared = b->shared, .busy_poll_us = c->config.busy_poll_us, .test_arg = c->config.io_test_arg,
	};
}

static enum err share_back_ends(struct crew *c, struct why *why)
{
	for (unsigned i = 0; i < c->config.n_interfaces; i++) {
		enum err e = assign(c, i, why);
		if (e)
			return e;
	}
	for (unsigned i = 0; i < c->n_back_ends; i++) {
		struct back_end *b = &c->back_ends[i];
		struct io_config config = io_config_of(c, b);
		enum err e = b->ops->share ? b->ops->share(&b->shared, &config, why) : ERR_OK;

		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err open_ios(struct crew *c, struct worker *w, struct why *why)
{
	unsigned seen[WORKER_IOS_MAX] = {0};

	for (unsigned i = 0; i < c->n_back_ends; i++) {
		struct io_config config = io_config_of(c, &c->back_ends[i]);
		enum err e;

		config.worker = w->number;
		config.pool = w->pool;
		e = c->back_ends[i].ops->open(&w->ios[i], &config, why);
		if (e)
			return e;
		w->n_ios++;
	}
	for (unsigned i = 0; i < c->config.n_interfaces; i++) {
		unsigned b = c->back_end_of[i];

		w->io_of[i] = (uint8_t)b;
		w->interfaces[i] = &c->back_ends[b].interfaces[seen[b]++];
	}
	return ERR_OK;
}

/* --- blocks ----------------------------------------------------------------------------------------- */

static void post_chunks(struct member *m)
{
	while (m->chunk_waiting) {
		struct chunk *next = m->chunk_waiting->next_waiting;

		if (!worker_post(&m->worker, &(struct msg){.kind = MSG_CHUNK, .chunk = m->chunk_waiting}))
			return;
		m->chunk_waiting = next;
	}
}

static enum err give_blocks(struct crew *c, struct member *m, unsigned n_streams, unsigned n_crypto)
{
	struct chunk *chunk;
	enum err e = chunk_new(&chunk, n_streams, n_crypto, c->engine->stream_bytes);

	if (e)
		return e;
	chunk->next = m->chunks;
	m->chunks = chunk;
	m->streams_given += n_streams;
	m->crypto_given += n_crypto;
	chunk->next_waiting = m->chunk_waiting;
	m->chunk_waiting = chunk;
	post_chunks(m);
	return ERR_OK;
}

enum err crew_supply(struct crew *c, struct worker *w, unsigned n_streams, unsigned n_crypto)
{
	struct member *m = &c->members[w->number];
	unsigned more_streams, more_crypto;
	enum err e = ERR_OK;

	/* What the worker started with stays as a reserve for streams nobody announced. */
	more_streams = m->streams_due + n_streams > m->streams_given - FIRST_BLOCKS ? MORE_BLOCKS : 0;
	more_crypto = m->crypto_due + n_crypto > m->crypto_given - FIRST_BLOCKS ? MORE_BLOCKS : 0;
	if (more_streams || more_crypto)
		e = give_blocks(c, m, more_streams, more_crypto);
	if (e)
		return e;
	m->streams_due += n_streams;
	m->crypto_due += n_crypto;
	return ERR_OK;
}

void crew_return(struct crew *c, struct worker *w, unsigned n_streams, unsigned n_crypto)
{
	c->members[w->number].streams_due -= n_streams;
	c->members[w->number].crypto_due -= n_crypto;
}

/* --- start ------------------------------------------------------------------------------------------ */

static enum err start_member(struct crew *c, unsigned i, struct why *why)
{
	struct member *m = &c->members[i];
	struct worker *w = &m->worker;
	enum err e;

	m->waiting_end = &m->waiting;
	w->number = i;
	w->config = &c->config;
	w->engine_ops = c->engine;
	w->cpu = c->config.cpus ? c->config.cpus[i] : -1;
	w->control_fd = c->wait_fd;
	w->inbox_fd = -1;
	e = pool_new(&w->pool, c->config.pkts_per_worker);
	if (e)
		return why_fail(why, e, "worker %u: no memory for %u packets", i, c->config.pkts_per_worker);
	e = open_ios(c, w, why);
	if (!e)
		e = worker_init(w, why);
	if (e)
		return e;
	e = give_blocks(c, m, FIRST_BLOCKS, FIRST_BLOCKS);
	return e ? why_fail(why, e, "worker %u: out of memory", i) : ERR_OK;
}

static void *run(void *arg)
{
	const struct worker *w = arg;
	char name[16];

	/* What `top -H` and `perf` show. */
	snprintf(name, sizeof(name), "worker-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	worker_run(arg);
	return NULL;
}

static enum err start_threads(struct crew *c, struct why *why)
{
	for (unsigned i = 0; i < c->n_members; i++)
		for (unsigned k = 0; k < c->n_back_ends; k++)
			if (c->back_ends[k].ops->settled)
				c->back_ends[k].ops->settled(c->members[i].worker.ios[k]);
	for (unsigned i = 0; i < c->n_members && !c->config.by_hand; i++) {
		struct member *m = &c->members[i];
		int rc = pthread_create(&m->thread, NULL, run, &m->worker);

		if (rc)
			return why_fail(why, ERR_IO, "worker %u: no thread: %s", i, strerror(rc));
		m->has_thread = true;
	}
	return ERR_OK;
}

static enum err check_config(const struct relay_config *c, struct why *why)
{
	if (c->workers < 1 || c->workers > RELAY_WORKERS_MAX)
		return why_fail(why, ERR_RANGE, "%u workers; 1 to %d are possible", c->workers, RELAY_WORKERS_MAX);
	if (c->n_interfaces < 1 || c->n_interfaces > RELAY_INTERFACES_MAX)
		return why_fail(why, ERR_RANGE, "%u interfaces; 1 to %d are possible", c->n_interfaces, RELAY_INTERFACES_MAX);
	if (c->ssrcs_per_leg < 1 || c->ssrcs_per_leg > 1024)
		return why_fail(why, ERR_RANGE, "ssrcs_per_leg is %u; 1 to 1024 are possible", c->ssrcs_per_leg);
	if (c->replay_window_pkts < REPLAY_PKTS_MIN || c->replay_window_pkts > REPLAY_PKTS_MAX ||
	    c->send_window_pkts < REPLAY_PKTS_MIN || c->send_window_pkts > REPLAY_PKTS_MAX)
		return why_fail(why, ERR_RANGE, "a window has %d to %d packets", REPLAY_PKTS_MIN, REPLAY_PKTS_MAX);
	if (c->pkts_per_worker < 4 * PKT_BATCH)
		return why_fail(why, ERR_RANGE, "%u packets for each worker; at least %d are needed", c->pkts_per_worker, 4 * PKT_BATCH);
	if (c->gather_delay_us > 100000)
		return why_fail(why, ERR_RANGE, "gather_delay_us is %u; at most 100000 is sensible", c->gather_delay_us);
	return ERR_OK;
}

static enum err start(struct crew *c, struct why *why)
{
	struct why reason = {.text = ""};
	enum err e = engine_choose(&c->engine, str_of(c->config.engine), &reason);

	if (e)
		return why_fail(why, e, "engine: %.300s", reason.text);
	memcpy(c->engine_reason, reason.text, sizeof(c->engine_reason));
	c->wait_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wait_fd < 0)
		return why_fail(why, ERR_IO, "eventfd: %s", strerror(errno));
	e = prim_random(c->hash_key, sizeof(c->hash_key));
	if (e)
		return why_fail(why, e, "no random octets");
	c->members = mem_aligned(64, c->config.workers * sizeof(*c->members));
	if (!c->members)
		return why_fail(why, ERR_NOMEM, "out of memory");
	c->n_members = c->config.workers;
	e = share_back_ends(c, why);
	for (unsigned i = 0; i < c->n_members && !e; i++)
		e = start_member(c, i, why);
	return e ? e : start_threads(c, why);
}

static void drop_message(void *arg, struct msg *m)
{
	(void)arg, (void)m;
}

enum err crew_start(struct crew **out, const struct relay_config *config, struct why *why)
{
	enum err e = check_config(config, why);
	struct crew *c;

	if (e)
		return e;
	c = mem_alloc(sizeof(*c));
	if (!c)
		return why_fail(why, ERR_NOMEM, "out of memory");
	c->config = *config;
	c->wait_fd = -1;
	memcpy(c->interfaces, config->interfaces, config->n_interfaces * sizeof(c->interfaces[0]));
	c->config.interfaces = c->interfaces;
	e = start(c, why);
	if (e) {
		crew_end(c, drop_message, NULL);
		crew_free(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

/* --- messages --------------------------------------------------------------------------------------- */

static void post_waiting(struct member *m)
{
	post_chunks(m);
	while (m->waiting) {
		struct request *next = m->waiting->next;

		if (m->chunk_waiting || !worker_post(&m->worker, &(struct msg){.kind = m->waiting->kind, .request = m->waiting}))
			return;
		m->waiting = next;
		if (!next)
			m->waiting_end = &m->waiting;
	}
}

void crew_post(struct crew *c, struct worker *w, struct request *q)
{
	struct member *m = &c->members[w->number];

	q->next = NULL;
	*m->waiting_end = q;
	m->waiting_end = &q->next;
	post_waiting(m);
}

int crew_wait_fd(const struct crew *c)
{
	return c->wait_fd;
}

void crew_ring(struct crew *c)
{
	uint64_t one = 1;

	while (write(c->wait_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static unsigned drain(struct crew *c, struct member *m, crew_fn *fn, void *arg)
{
	struct msg msg;
	unsigned n = 0;

	while (n < POLL_MSGS && ring_pop(&m->worker.outbox, &msg)) {
		n++;
		if (msg.kind != MSG_NEED)
			fn(arg, &msg);
		else if (give_blocks(c, m, MORE_BLOCKS, MORE_BLOCKS))
			/* No memory now: the worker lives on what it has, and asks again after the next chunk. */
			continue;
	}
	post_waiting(m);
	return n;
}

void crew_poll(struct crew *c, crew_fn *fn, void *arg)
{
	uint64_t n;

	while (read(c->wait_fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	for (unsigned i = 0; i < c->n_members; i++)
		if (drain(c, &c->members[i], fn, arg) == POLL_MSGS)
			crew_ring(c);
}

/* Everything posted, then STOP; in between the worker's replies are taken, or both could wait for the other. */
static void end_member(struct crew *c, struct member *m, crew_fn *fn, void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (m->waiting || m->chunk_waiting || !worker_post(&m->worker, &(struct msg){.kind = MSG_STOP})) {
		drain(c, m, fn, arg);
		if (m->has_thread)
			nanosleep(&pause, NULL);
		else
			worker_turn(&m->worker, 0);
	}
	if (m->has_thread)
		pthread_join(m->thread, NULL);
	while (!m->has_thread && !m->worker.is_stopping)
		worker_turn(&m->worker, 0);
	m->has_thread = false;
	do {
		worker_flush(&m->worker);
	} while (drain(c, m, fn, arg) > 0 || m->worker.replies);
}

void crew_end(struct crew *c, crew_fn *fn, void *arg)
{
	c->has_ended = true;
	for (unsigned i = 0; i < c->n_members; i++)
		if (c->members[i].worker.inbox.entries)
			end_member(c, &c->members[i], fn, arg);
}

bool crew_has_ended(const struct crew *c)
{
	return c->has_ended;
}

static void free_member(struct member *m)
{
	struct worker *w = &m->worker;

	for (unsigned i = 0; i < w->n_ios; i++)
		w->ios[i]->ops->close(w->ios[i]);
	worker_fini(w);
	pool_free(w->pool);
	while (m->chunks) {
		struct chunk *next = m->chunks->next;

		chunk_free(m->chunks);
		m->chunks = next;
	}
}

void crew_free(struct crew *c)
{
	for (unsigned i = 0; i < c->n_members; i++)
		free_member(&c->members[i]);
	for (unsigned i = 0; i < c->n_back_ends; i++)
		if (c->back_ends[i].shared)
			c->back_ends[i].ops->unshare(c->back_ends[i].shared);
	mem_free(c->members);
	if (c->wait_fd >= 0)
		close(c->wait_fd);
	mem_free(c);
}

void crew_plan_context(const struct crew *c, struct plan_context *out)
{
	*out = (struct plan_context){.engine = c->engine, .config = &c->config, .hash_key = c->hash_key};
}

struct worker *crew_place(struct crew *c)
{
	struct member *best = &c->members[0];

	for (unsigned i = 1; i < c->n_members; i++)
		if (c->members[i].sessions < best->sessions)
			best = &c->members[i];
	best->sessions++;
	return &best->worker;
}

void crew_leave(struct crew *c, struct worker *w)
{
	c->members[w->number].sessions--;
}

unsigned crew_step(struct crew *c, uint64_t now_ns)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_members; i++)
		n += worker_turn(&c->members[i].worker, now_ns);
	return n;
}

/* --- statistics ------------------------------------------------------------------------------------- */

static void add_io(const struct io_counters *io, struct relay_stats *out)
{
	out->rx_pkts += counter_get(&io->rx_pkts);
	out->rx_bytes += counter_get(&io->rx_bytes);
	out->tx_pkts += counter_get(&io->tx_pkts);
	out->tx_bytes += counter_get(&io->tx_bytes);
	out->rx_calls += counter_get(&io->rx_calls);
	out->tx_calls += counter_get(&io->tx_calls);
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		out->verdicts[v] += counter_get(&io->dropped[v]);
}

void crew_read(const struct crew *c, struct relay_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->workers = c->n_members;
	for (unsigned i = 0; i < c->n_members; i++) {
		const struct worker *w = &c->members[i].worker;

		for (unsigned v = 0; v < VERDICT_COUNT; v++)
			out->verdicts[v] += counter_get(&w->counters.verdicts[v]);
		out->turns += counter_get(&w->counters.turns);
		out->batches += counter_get(&w->counters.batches);
		out->batch_pkts += counter_get(&w->counters.batch_pkts);
		out->worker_sessions[i] = counter_get(&w->counters.sessions);
		out->sessions += out->worker_sessions[i];
		for (unsigned k = 0; k < w->n_ios; k++)
			add_io(w->ios[k]->ops->counters(w->ios[k]), out);
	}
}

uint64_t crew_events_lost(const struct crew *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->n_members; i++)
		n += counter_get(&c->members[i].worker.counters.events_lost);
	return n;
}

const char *crew_engine_name(const struct crew *c)
{
	return c->engine->name;
}

const char *crew_engine_reason(const struct crew *c)
{
	return c->engine_reason;
}

const char *crew_io_name(const struct crew *c, unsigned interface)
{
	return c->back_ends[c->back_end_of[interface]].ops->name;
}

const char *crew_io_reason(const struct crew *c, unsigned interface)
{
	return c->io_reasons[interface];
}
