/* SPDX-License-Identifier: MIT */
/* Makes one measurement: runs the generator threads, and reads CPU times before and after the
 * measured time. */
#include "bench/gen/measure.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/progress.h"

enum { THREADS_MAX = 64, START_DELAY_MS = 50 };

struct runner {
	struct loadgen *gen;
	pthread_t thread;
	bool is_running;
	uint64_t start_ns;
	enum err e;
	struct why why;
};

static void *run_thread(void *arg)
{
	struct runner *r = arg;

	r->e = loadgen_run(r->gen, r->start_ns, &r->why);
	return NULL;
}

struct cpu_account {
	struct proc_usage target, own;
	struct proc_machine machine;
	uint64_t foreign_ns, at_ns;
	bool has_target;
};

static void read_account(struct cpu_account *a, pid_t pid)
{
	*a = (struct cpu_account){
		.at_ns = clk_mono_ns(),
		.foreign_ns = proc_foreign_ns(getpid(), pid),
	};
	a->has_target = pid && proc_read(pid, &a->target) == ERR_OK;
	if (proc_read(getpid(), &a->own) != ERR_OK || proc_read_machine(&a->machine) != ERR_OK)
		a->own = (struct proc_usage){0};
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void settle_account(struct measured *m, const struct cpu_account *a,
                           const struct cpu_account *b)
{
	m->seconds = (double)(b->at_ns - a->at_ns) / NS_PER_S;
	m->has_target = a->has_target && b->has_target;
	m->held = b->target;
	m->spent = (struct proc_usage){
		.cpu_ns = less(b->target.cpu_ns, a->target.cpu_ns),
		.switches = less(b->target.switches, a->target.switches),
	};
	m->foreign_ns = less(b->foreign_ns, a->foreign_ns);
	m->busy_ns = less(proc_busy_ns(&a->machine, &b->machine), m->foreign_ns);
	m->steal_ns = less(b->machine.steal_ns, a->machine.steal_ns);
	m->own_ns = less(b->own.cpu_ns, a->own.cpu_ns);
	m->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static void wait_until(const struct runner *runners, const struct measure_config *c,
                       uint64_t start_ns, uint64_t wall_ns)
{
	uint64_t total = c->load.warmup_ns + c->load.measure_ns, now;

	while ((now = clk_wall_ns()) < wall_ns) {
		uint64_t nap = wall_ns - now < 200 * NS_PER_MS ? wall_ns - now : 200 * NS_PER_MS,
			 sum = 0;
		struct timespec ts = {.tv_nsec = (long)nap};

		nanosleep(&ts, NULL);
		for (unsigned i = 0; i < c->threads; i++)
			sum += loadgen_progress(runners[i].gen);
		if (!c->quiet && now > start_ns)
			progress_show((double)(now - start_ns) / (double)total,
			              "%s: %u calls, %llu packets", c->what, c->load.calls,
			              (unsigned long long)sum);
	}
}

static enum err make(struct runner *runners, const struct measure_config *c, struct why *why)
{
	enum err e = ERR_OK;
	unsigned first = 0;

	for (unsigned i = 0; i < c->threads && e == ERR_OK; i++) {
		struct loadgen_config one = c->load;

		one.calls = c->load.calls / c->threads + (i < c->load.calls % c->threads);
		one.first_call = first;
		one.seed += i * 0x9e3779b97f4a7c15ull;
		first += one.calls;
		e = loadgen_new(&runners[i].gen, &one, why);
		if (e == ERR_OK)
			e = loadgen_place_calls(runners[i].gen, why);
	}
	return e;
}

static enum err run_all(struct measured *out, struct runner *runners,
                        const struct measure_config *c, struct why *why)
{
	uint64_t start = clk_wall_ns() + START_DELAY_MS * NS_PER_MS;
	struct cpu_account before, after;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < c->threads && e == ERR_OK; i++) {
		runners[i].start_ns = start;
		if (pthread_create(&runners[i].thread, NULL, run_thread, &runners[i]) != 0)
			e = why_fail(why, ERR_NOMEM, "a generator thread could not be started");
		else
			runners[i].is_running = true;
	}
	wait_until(runners, c, start, start + c->load.warmup_ns);
	read_account(&before, c->pid);
	wait_until(runners, c, start, start + c->load.warmup_ns + c->load.measure_ns);
	read_account(&after, c->pid);
	settle_account(out, &before, &after);
	for (unsigned i = 0; i < c->threads; i++) {
		if (runners[i].is_running)
			pthread_join(runners[i].thread, NULL);
		if (e == ERR_OK && runners[i].e != ERR_OK)
			e = why_fail(why, runners[i].e, "%s", runners[i].why.text);
	}
	if (!c->quiet)
		progress_clear();
	return e;
}

enum err measure_run(struct measured *out, const struct measure_config *c, struct why *why)
{
	struct runner *runners = mem_array(THREADS_MAX, sizeof(*runners));
	enum err e;

	if (!runners)
		return ERR_NOMEM;
	CHECK(c->threads >= 1 && c->threads <= THREADS_MAX);
	memset(out, 0, sizeof(*out));
	e = make(runners, c, why);
	if (e == ERR_OK)
		e = run_all(out, runners, c, why);
	for (unsigned i = 0; i < c->threads; i++) {
		if (!runners[i].gen)
			continue;
		loadgen_end_calls(runners[i].gen);
		loadgen_add(&out->figures, loadgen_get_figures(runners[i].gen));
		snprintf(out->engine, sizeof(out->engine), "%s", loadgen_engine(runners[i].gen));
		loadgen_free(runners[i].gen);
	}
	mem_free(runners);
	return e;
}

void measure_set_load(struct measure_config *c, unsigned calls, unsigned pps)
{
	unsigned ways = c->load.directions == (LOADGEN_TO_CORE | LOADGEN_TO_ACCESS) ? 2 : 1;

	c->load.calls = calls;
	if (pps)
		c->load.ptime_us = (unsigned)((uint64_t)calls * ways * 1000000 / pps);
}

/* The generator counts as late if 1 % of its packets are later than four wake-up periods and one
 * millisecond. */
static double late_bound_us(const struct measure_config *c)
{
	return c->load.tick_us * 4 + 1000;
}

/* The generator is the bottleneck if it is late, if its sockets lost packets, or if its threads
 * used more than 90 % of their time. */
bool measure_is_generator_limited(const struct measured *m, const struct measure_config *c)
{
	return (double)hist_percentile(&m->figures.late, 99) * 1e-3 > late_bound_us(c) ||
	       m->figures.sink_dropped > 0 ||
	       (double)m->own_ns > 0.9 * c->threads * m->seconds * NS_PER_S;
}

static void put(json_t *row, const char *key, double v)
{
	json_object_set_new(row, key, json_real(v));
}

static void put_cpu(const struct measured *m, const struct measured *baseline, json_t *row)
{
	double forwarded = (double)(m->figures.received + m->figures.rtcp_received);

	if (m->has_target && forwarded > 0) {
		put(row, "cpu_target_ns", (double)m->spent.cpu_ns / forwarded);
		put(row, "switches_per_pkt", (double)m->spent.switches / forwarded);
		put(row, "cpu_target_share", (double)m->spent.cpu_ns / (m->seconds * NS_PER_S));
		put(row, "rss_mb", (double)m->held.rss_bytes / 1e6);
		put(row, "fds", m->held.fds);
		put(row, "threads", m->held.threads);
	}
	if (baseline && forwarded > 0) {
		/* CPU ns per second of the machine beyond those of the baseline, divided by the
		 * packets forwarded per second. */
		double busy = (double)m->busy_ns / m->seconds,
		       base = (double)baseline->busy_ns / baseline->seconds;

		put(row, "cpu_machine_ns", (busy - base) / (forwarded / m->seconds));
		put(row, "baseline_busy_share", base / NS_PER_S);
	}
	put(row, "busy_share", (double)m->busy_ns / (m->seconds * NS_PER_S));
	put(row, "generator_share", (double)m->own_ns / (m->seconds * NS_PER_S));
	put(row, "steal_share", (double)m->steal_ns / (m->seconds * NS_PER_S));
	put(row, "foreign_share", (double)m->foreign_ns / (m->seconds * NS_PER_S));
}

void measure_put(const struct measured *m, const struct measured *baseline, json_t *row)
{
	const struct loadgen_figures *f = &m->figures;
	double sent = f->sent ? (double)f->sent : 1;

	put(row, "pps", (double)f->sent / m->seconds);
	put(row, "sent", (double)f->sent);
	put(row, "received", (double)f->received);
	put(row, "loss", (double)f->lost / sent);
	put(row, "lost", (double)f->lost);
	put(row, "duplicates", (double)f->duplicates);
	put(row, "reordered", (double)f->reordered);
	put(row, "corrupted", (double)f->corrupted);
	put(row, "strangers", (double)f->strangers);
	put(row, "withheld", (double)f->withheld);
	put(row, "swapped", (double)f->swapped);
	put(row, "rtcp_sent", (double)f->rtcp_sent);
	put(row, "rtcp_received", (double)f->rtcp_received);
	put(row, "attack_sent", (double)f->attack_sent);
	put(row, "ssrc_changed", (double)f->ssrc_changed);
	put(row, "events", (double)f->events);
	put(row, "events_failed", (double)f->events_failed);
	hist_put(&f->delay, row, "delay_us", 1e-3);
	hist_put(&f->due_delay, row, "due_delay_us", 1e-3);
	put(row, "late_us_p99", (double)hist_percentile(&f->late, 99) * 1e-3);
	put(row, "sender_blocked", (double)f->sender_blocked);
	put(row, "sink_dropped", (double)f->sink_dropped);
	put_cpu(m, baseline, row);
}

/* Returns the largest value of a row's runs. */
static double worst(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key), *max = json_object_get(v, "max");

	return json_number_value(max ? max : v);
}

void measure_doubt(const json_t *row, const char *what, const struct measure_config *c,
                   struct result *r)
{
	double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN), late_us = worst(row, "late_us_p99");
	double foreign = worst(row, "foreign_share") / cpus,
	       steal = worst(row, "steal_share") / cpus;

	if (foreign > 0.05)
		result_warn(r, "%s: other processes took up to %.0f %% of the machine's CPU time",
		            what, foreign * 100);
	if (steal > 0.02)
		result_warn(r, "%s: the hypervisor took up to %.0f %% of the machine's CPU time",
		            what, steal * 100);
	if (worst(row, "sink_dropped") > 0)
		result_warn(r,
		            "%s: the generator lost up to %.0f packets at its own sockets, so it "
		            "was the bottleneck; use --threads or less load",
		            what, worst(row, "sink_dropped"));
	if (late_us > late_bound_us(c))
		result_warn(r,
		            "%s: 1 %% of packets left %.1f ms late or later: the generator was the "
		            "bottleneck, or had no CPU",
		            what, late_us / 1000);
	if (worst(row, "generator_share") > 0.9 * c->threads)
		result_warn(r,
		            "%s: the generator's %u thread(s) were busy for more than 90 %% of the "
		            "time: the generator was the bottleneck",
		            what, c->threads);
}
