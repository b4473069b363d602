/* SPDX-License-Identifier: MIT */
/* Ends workers, exchanges messages with them, places sessions on them. */
#include "relay/front/crew_state.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"

enum {
	MORE_BLOCKS = 512,
	/* maximum number of messages taken from one worker in one poll, so that control can do
	 * other work */
	POLL_MSGS = 4096,
};

/* --- waking workers --------------------------------------------------------- */

void crew_set_waker(struct crew *c, relay_waker_fn *fn, void *arg)
{
	crew_wake(c);
	c->wake_soon = fn;
	c->wake_arg = arg;
}

void crew_wake(struct crew *c)
{
	c->has_mail = false;
	for (unsigned i = 0; i < c->n_members; i++) {
		if (c->members[i].has_mail)
			worker_wake(&c->members[i].worker);
		c->members[i].has_mail = false;
	}
}

static bool post(struct crew *c, struct member *m, const struct msg *msg)
{
	if (!worker_post(&m->worker, msg))
		return false;
	m->has_mail = true;
	if (!c->wake_soon)
		crew_wake(c);
	else if (!c->has_mail)
		c->wake_soon(c->wake_arg);
	c->has_mail = c->wake_soon != NULL;
	return true;
}

/* --- blocks ----------------------------------------------------------------- */

static void post_chunks(struct crew *c, struct member *m)
{
	while (m->chunk_waiting) {
		struct chunk *next = m->chunk_waiting->next_waiting;

		if (!post(c, m, &(struct msg){.kind = MSG_CHUNK, .chunk = m->chunk_waiting}))
			return;
		m->chunk_waiting = next;
	}
}

enum err crew_give_blocks(struct crew *c, struct member *m, const struct blocks *blocks)
{
	struct chunk *chunk;
	enum err e = chunk_new(&chunk, blocks, c->engine->stream_bytes);

	if (e)
		return e;
	chunk->next = m->chunks;
	m->chunks = chunk;
	for (unsigned k = 0; k < BLOCK_KINDS; k++)
		m->given[k] += blocks->n[k];
	chunk->next_waiting = m->chunk_waiting;
	m->chunk_waiting = chunk;
	post_chunks(c, m);
	return ERR_OK;
}

enum err crew_supply(struct crew *c, struct worker *w, const struct blocks *more)
{
	struct member *m = &c->members[w->number];
	struct blocks missing = {.n = {0}};
	bool is_short = false;
	enum err e = ERR_OK;

	for (unsigned k = 0; k < BLOCK_KINDS; k++) {
		/* The first blocks of a worker stay in reserve, for streams beyond those
		 * that sessions reserve. */
		if (m->due[k] + more->n[k] <= m->given[k] - CREW_FIRST_BLOCKS)
			continue;
		missing.n[k] = MORE_BLOCKS;
		is_short = true;
	}
	if (is_short)
		e = crew_give_blocks(c, m, &missing);
	if (e)
		return e;
	for (unsigned k = 0; k < BLOCK_KINDS; k++)
		m->due[k] += more->n[k];
	return ERR_OK;
}

void crew_return(struct crew *c, struct worker *w, const struct blocks *spare)
{
	for (unsigned k = 0; k < BLOCK_KINDS; k++)
		c->members[w->number].due[k] -= spare->n[k];
}

/* --- start ------------------------------------------------------------------ */

static enum err check_config(const struct relay_config *c, struct why *why)
{
	if (c->workers < 1 || c->workers > RELAY_WORKERS_MAX)
		return why_fail(why, ERR_RANGE, "%u workers; must be 1 to %d", c->workers,
		                RELAY_WORKERS_MAX);
	if (c->n_interfaces < 1 || c->n_interfaces > RELAY_INTERFACES_MAX)
		return why_fail(why, ERR_RANGE, "%u interfaces; must be 1 to %d", c->n_interfaces,
		                RELAY_INTERFACES_MAX);
	if (c->ssrcs_per_leg < 1 || c->ssrcs_per_leg > 1024)
		return why_fail(why, ERR_RANGE, "ssrcs_per_leg is %u; must be 1 to 1024",
		                c->ssrcs_per_leg);
	if (c->replay_window_pkts < REPLAY_PKTS_MIN || c->replay_window_pkts > REPLAY_PKTS_MAX ||
	    c->replay_window_video_pkts < REPLAY_PKTS_MIN ||
	    c->replay_window_video_pkts > REPLAY_PKTS_MAX ||
	    c->send_window_pkts < REPLAY_PKTS_MIN || c->send_window_pkts > REPLAY_PKTS_MAX)
		return why_fail(why, ERR_RANGE,
		                "replay-window %u, replay-window-video %u and send-window %u must "
		                "each be %d to %d packets",
		                c->replay_window_pkts, c->replay_window_video_pkts,
		                c->send_window_pkts, REPLAY_PKTS_MIN, REPLAY_PKTS_MAX);
	if (c->pkts_per_worker < 4 * PKT_BATCH)
		return why_fail(why, ERR_RANGE, "pkts_per_worker is %u; must be at least %d",
		                c->pkts_per_worker, 4 * PKT_BATCH);
	if (c->gather_delay_us > 100000)
		return why_fail(why, ERR_RANGE, "gather_delay_us is %u; must be at most 100000",
		                c->gather_delay_us);
	return ERR_OK;
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
	e = crew_open(c, why);
	if (e) {
		crew_end(c, drop_message, NULL);
		crew_free(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

/* --- messages --------------------------------------------------------------- */

static void post_waiting(struct crew *c, struct member *m)
{
	post_chunks(c, m);
	if (m->asked_waiting &&
	    post(c, m, &(struct msg){.kind = MSG_ASKED, .asked = m->asked_waiting}))
		m->asked_waiting = NULL;
	while (m->waiting) {
		struct relay_request *next = m->waiting->next;

		if (m->chunk_waiting || m->asked_waiting ||
		    !post(c, m, &(struct msg){.kind = m->waiting->kind, .request = m->waiting}))
			return;
		m->waiting = next;
		if (!next)
			m->waiting_end = &m->waiting;
	}
}

void crew_post(struct crew *c, struct worker *w, struct relay_request *q)
{
	struct member *m = &c->members[w->number];

	q->next = NULL;
	*m->waiting_end = q;
	m->waiting_end = &q->next;
	post_waiting(c, m);
}

static bool is_read(const struct crew *c, const struct asked_table *t, unsigned *n_readers)
{
	unsigned before = *n_readers;

	for (unsigned i = 0; i < c->n_members; i++)
		*n_readers += __atomic_load_n(&c->members[i].worker.asked_seen, __ATOMIC_ACQUIRE) ==
		              &t->asked;
	return *n_readers != before;
}

/* The list has the newest table first, and a worker only moves to newer ones. So tables behind the
 * oldest one in use can be freed. */
static void drop_old_tables(struct crew *c)
{
	struct asked_table *t = c->asked;
	unsigned n_readers = 0;

	while (t && (!is_read(c, t, &n_readers) || n_readers < c->n_members))
		t = t->next;
	while (t && t->next) {
		struct asked_table *old = t->next;

		t->next = old->next;
		mem_free(old);
	}
}

enum err crew_set_asked(struct crew *c, const struct relay_asked *asked)
{
	struct asked_table *t = mem_alloc(sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	drop_old_tables(c);
	t->asked = *asked;
	t->next = c->asked;
	c->asked = t;
	for (unsigned i = 0; i < c->n_members; i++) {
		c->members[i].asked_waiting = &t->asked;
		post_waiting(c, &c->members[i]);
	}
	return ERR_OK;
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
		else if (crew_give_blocks(
				 c, m, &(struct blocks){{MORE_BLOCKS, MORE_BLOCKS, MORE_BLOCKS}}))
			/* Out of memory: the worker uses the blocks it has and asks again after
			 * the next chunk. */
			continue;
	}
	post_waiting(c, m);
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

/* Posts all waiting messages and then STOP. Takes the worker's replies in between; otherwise
 * control and the worker could wait for each other. */
static void end_member(struct crew *c, struct member *m, crew_fn *fn, void *arg)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (m->waiting || m->chunk_waiting || !post(c, m, &(struct msg){.kind = MSG_STOP})) {
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
	crew_set_waker(c, NULL, NULL);
	for (unsigned i = 0; i < c->n_members; i++)
		if (c->members[i].worker.inbox.entries && c->members[i].worker.outbox.entries)
			end_member(c, &c->members[i], fn, arg);
}

bool crew_has_ended(const struct crew *c)
{
	return c->has_ended;
}

void crew_free(struct crew *c)
{
	crew_close_members(c);
	mem_free(c->members);
	while (c->asked) {
		struct asked_table *t = c->asked;

		c->asked = t->next;
		mem_free(t);
	}
	if (c->wait_fd >= 0)
		close(c->wait_fd);
	mem_free(c);
}

void crew_plan_context(const struct crew *c, struct plan_context *out)
{
	*out = (struct plan_context){.engine = c->engine, .config = &c->config};
}

struct worker *crew_place(struct crew *c)
{
	uint64_t now_ns = clk_mono_ns(), pkts[RELAY_WORKERS_MAX];

	if (balance_is_due(&c->balance, now_ns)) {
		for (unsigned i = 0; i < c->n_members; i++)
			pkts[i] = counter_get(&c->members[i].worker.counters.batch_pkts);
		balance_measure(&c->balance, pkts, now_ns);
	}
	return &c->members[balance_take(&c->balance)].worker;
}

void crew_leave(struct crew *c, struct worker *w)
{
	balance_give(&c->balance, w->number);
}

unsigned crew_step(struct crew *c, uint64_t now_ns)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_members; i++)
		n += worker_turn(&c->members[i].worker, now_ns);
	return n;
}

/* --- statistics ------------------------------------------------------------- */

static void add_io(const struct io_counters *io, struct relay_stats *out)
{
	out->rx_pkts += counter_get(&io->rx_pkts);
	out->rx_bytes += counter_get(&io->rx_bytes);
	out->tx_pkts += counter_get(&io->tx_pkts);
	out->tx_bytes += counter_get(&io->tx_bytes);
	out->rx_calls += counter_get(&io->rx_calls);
	out->tx_calls += counter_get(&io->tx_calls);
	out->kernel_drops += counter_get(&io->kernel_drops);
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
