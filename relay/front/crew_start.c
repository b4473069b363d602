/* SPDX-License-Identifier: MIT */
/* Starts workers with engine, back ends and threads. With io "auto", a back end that fails to start
 * is replaced by sock. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "relay/front/crew_state.h"

/* --- back ends -------------------------------------------------------------- */

static bool is_auto(const struct crew *c)
{
	return str_is(str_of(c->config.io), "auto");
}

static enum err choose(const struct crew *c, const struct io_ops **ops,
                       const struct relay_interface *interface, struct why *reason)
{
	enum err e = io_choose(ops, str_of(c->config.io), interface, reason);

	if (e || *ops != c->refused)
		return e;
	e = io_choose(ops, str_of(io_sock.name), interface, reason);
	if (!e)
		(void)!why_fail(reason, ERR_OK, "%s: %s", c->refused->name, c->refused_reason);
	return e;
}

static enum err assign(struct crew *c, unsigned interface, struct why *why)
{
	const struct io_ops *ops = c->config.io_test;
	struct why reason = {.text = "set by a test"};
	unsigned i = 0;

	if (!ops) {
		enum err e = choose(c, &ops, &c->interfaces[interface], &reason);
		if (e)
			return why_fail(why, e, "interface '%s': %.200s",
			                c->interfaces[interface].name, reason.text);
	}
	while (i < c->n_back_ends && c->back_ends[i].ops != ops)
		i++;
	if (i == WORKER_IOS_MAX)
		return why_fail(why, ERR_LIMIT,
		                "the interfaces need more than %d kinds of back ends; set io to "
		                "xdp or sock",
		                WORKER_IOS_MAX);
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
		.interfaces = b->interfaces,
		.n_interfaces = b->n_interfaces,
		.workers = c->n_members,
		.shared = b->shared,
		.busy_poll_us = c->config.busy_poll_us,
		.test_arg = c->config.io_test_arg,
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

/* --- start ------------------------------------------------------------------ */

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
	e = pool_new(&w->pool, c->config.pkts_per_worker);
	if (e)
		return why_fail(why, e, "worker %u: out of memory for %u packet buffers", i,
		                c->config.pkts_per_worker);
	e = open_ios(c, w, why);
	if (!e)
		e = worker_init(w, why);
	if (e)
		return e;
	e = crew_give_blocks(
		c, m, &(struct blocks){{CREW_FIRST_BLOCKS, CREW_FIRST_BLOCKS, CREW_FIRST_BLOCKS}});
	return e ? why_fail(why, e, "worker %u: out of memory", i) : ERR_OK;
}

static void *run(void *arg)
{
	const struct worker *w = arg;
	char name[16];

	/* `top -H` and `perf` show this name. */
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
			return why_fail(why, ERR_IO, "worker %u: cannot start a thread: %s", i,
			                strerror(rc));
		m->has_thread = true;
	}
	return ERR_OK;
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

void crew_close_members(struct crew *c)
{
	for (unsigned i = 0; i < c->n_members; i++)
		free_member(&c->members[i]);
	for (unsigned i = 0; i < c->n_back_ends; i++)
		if (c->back_ends[i].shared)
			c->back_ends[i].ops->unshare(c->back_ends[i].shared);
}

static enum err open_members(struct crew *c, struct why *why)
{
	enum err e = share_back_ends(c, why);

	for (unsigned i = 0; i < c->n_members && !e; i++)
		e = start_member(c, i, why);
	return e;
}

/* Whether sock can replace a back end that failed: `auto` chose another back end than sock. */
static bool can_use_sock_instead(const struct crew *c)
{
	for (unsigned i = 0; i < c->n_back_ends; i++)
		if (is_auto(c) && !c->config.io_test && c->back_ends[i].ops != &io_sock)
			return true;
	return false;
}

/* Prepares a second attempt without the back end that failed. Some limits show only when all
 * workers start, for example the limit on locked memory. */
static void drop_back_end(struct crew *c, const struct why *why)
{
	for (unsigned i = 0; i < c->n_back_ends; i++)
		if (c->back_ends[i].ops != &io_sock)
			c->refused = c->back_ends[i].ops;
	snprintf(c->refused_reason, sizeof(c->refused_reason), "%.250s", why->text);
	crew_close_members(c);
	memset(c->members, 0, c->n_members * sizeof(*c->members));
	for (unsigned i = 0; i < c->n_members; i++)
		c->members[i].worker.inbox_fd = -1;
	memset(c->back_ends, 0, sizeof(c->back_ends));
	c->n_back_ends = 0;
}

enum err crew_open(struct crew *c, struct why *why)
{
	struct why reason = {.text = ""};
	enum err e = engine_choose(&c->engine, str_of(c->config.engine), &reason);

	if (e)
		return why_fail(why, e, "engine: %.300s", reason.text);
	memcpy(c->engine_reason, reason.text, sizeof(c->engine_reason));
	c->wait_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wait_fd < 0)
		return why_fail(why, ERR_IO, "cannot create an eventfd: %s", strerror(errno));
	c->members = mem_aligned(64, c->config.workers * sizeof(*c->members));
	if (!c->members)
		return why_fail(why, ERR_NOMEM, "out of memory");
	c->n_members = c->balance.n = c->config.workers;
	for (unsigned i = 0; i < c->n_members; i++)
		c->members[i].worker.inbox_fd = -1;
	e = open_members(c, &reason);
	if (e && can_use_sock_instead(c)) {
		drop_back_end(c, &reason);
		e = open_members(c, &reason);
	}
	return e ? why_fail(why, e, "%s", reason.text) : start_threads(c, why);
}
