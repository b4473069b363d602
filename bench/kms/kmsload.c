/* SPDX-License-Identifier: MIT */
/* Loads a KMS with requests of many callers in one loop; each caller has its own connection. */
#include "bench/kms/kmsload.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/kms/caller.h"
#include "bench/result/hist.h"
#include "bench/kms/post.h"
#include "bench/result/proc.h"
#include "bench/progress.h"
#include "control/kms/kms_http.h"

enum {
	ANSWER_LIMIT_S = 30,
	HOPELESS = 100, /* give up after this many failures without success */
	/* Readings of the target's memory: at the start and at 10, 50, 100 % of the requests. */
	MARKS = 4,
	BUSY_PERCENT = 90, /* CPU use of one core above which the generator may be the bottleneck */
};
static const unsigned mark_percent[MARKS] = {0, 10, 50, 100};

const struct result_column kmsload_columns[] = {
	{.key = "mode", .title = "mode"},
	{.key = "requests", .title = "requests"},
	{.key = "in_flight", .title = "in flight"},
	{.key = "requests_per_s", .title = "requests/s"},
	{.key = "cpu_us_per_request", .title = "CPU us/request", .decimals = 1},
	{.key = "latency_us_p50", .title = "p50 us"},
	{.key = "latency_us_p99", .title = "p99 us"},
	{.key = "latency_us_max", .title = "max us"},
	{.key = "failed", .title = "failed"},
	{.key = "own_mb_start", .title = "own MB at start", .decimals = 1},
	{.key = "own_mb_10", .title = "10 %", .decimals = 1},
	{.key = "own_mb_50", .title = "50 %", .decimals = 1},
	{.key = "own_mb_100", .title = "100 %", .decimals = 1},
	{.key = "rss_mb_start", .title = "RSS MB at start", .decimals = 1},
	{.key = "rss_mb_10", .title = "10 %", .decimals = 1},
	{.key = "rss_mb_50", .title = "50 %", .decimals = 1},
	{.key = "rss_mb_100", .title = "100 %", .decimals = 1},
	{.key = "fds", .title = "fds"},
	{.key = "state_mb_start", .title = "state MB at start", .decimals = 1},
	{.key = "state_mb_10", .title = "10 %", .decimals = 1},
	{.key = "state_mb_50", .title = "50 %", .decimals = 1},
	{.key = "state_mb_100", .title = "100 %", .decimals = 1},
};
const size_t kmsload_n_columns = ARRAY_LEN(kmsload_columns);

/* One caller with its connection and its present request. */
struct slot {
	struct caller caller;
	struct post *post;
	enum caller_ask ask;
	bool busy;
	uint64_t due_ns, begun_ns;
};

struct mark {
	bool has_usage;
	struct proc_usage usage;
	double state_mb;
};

struct load {
	const struct kmsload_config *config;
	struct post_site *site;
	struct slot *slots;
	struct pollfd *polls;
	struct hist *latency;
	uint64_t start_ns;
	/* Numbers of requests: sent, ended, successful, failed. The requests of prepare() are not
	 * in the first three. */
	uint64_t begun, done, good, failed;
	bool counting;
	struct mark marks[MARKS];
	unsigned n_marks;
	struct why first_failure;
};

/* --- memory and disk of the KMS --------------------------------------------- */

/* Returns the MB on disk of the files in a directory: a sparse file counts its allocated blocks. */
static double disk_mb(const char *path)
{
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *entry;
	char file[PATH_MAX];
	struct stat st;
	double blocks = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d)))
		if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) <
		            (int)sizeof(file) &&
		    stat(file, &st) == 0 && S_ISREG(st.st_mode))
			blocks += (double)st.st_blocks;
	closedir(d);
	return blocks * 512 / 1e6;
}

static void take_marks(struct load *l)
{
	while (l->n_marks < MARKS &&
	       l->done * 100 >= (uint64_t)l->config->requests * mark_percent[l->n_marks]) {
		struct mark *m = &l->marks[l->n_marks++];

		m->has_usage = l->config->pid && proc_read(l->config->pid, &m->usage) == ERR_OK;
		m->state_mb = disk_mb(l->config->state);
	}
}

/* --- requests --------------------------------------------------------------- */

static void note_failure(struct load *l, const struct slot *s, const struct why *why)
{
	if (l->failed++ == 0)
		why_fail(&l->first_failure, ERR_IO, "%s of %.*s: %s", caller_ask_names[s->ask],
		         (int)kms_name_id(s->caller.from->names.v[0]).data.n,
		         kms_name_id(s->caller.from->names.v[0]).data.p, why->text);
}

static void end_request(struct load *l, struct slot *s, enum err e, const struct why *why)
{
	s->busy = false;
	if (e)
		note_failure(l, s, why);
	if (!l->counting)
		return;
	l->done++;
	l->good += !e;
	if (!e)
		hist_add(l->latency, clk_mono_ns() - s->due_ns);
	take_marks(l);
}

static void begin_request(struct load *l, struct slot *s, enum caller_ask ask, uint64_t due_ns)
{
	struct why why = {""};
	struct view octets = {0};
	enum err e = caller_make(&s->caller, ask, clk_wall_ns(), &octets, &why);

	s->ask = ask;
	s->begun_ns = clk_mono_ns();
	s->due_ns = due_ns ? due_ns : s->begun_ns;
	s->busy = true;
	if (!e)
		e = post_begin(s->post,
		               kms_http_target(ask == CALLER_REQUEST ? KMS_REQUEST : KMS_RESOLVE),
		               KMS_HTTP_TYPE, octets, &why);
	if (e)
		end_request(l, s, e, &why);
}

static void go_on(struct load *l, struct slot *s)
{
	struct why why = {""};
	enum post_state state = post_go_on(s->post, &why);
	enum err e = ERR_IO;

	if (state == POST_BUSY)
		return;
	/* The error text gets the HTTP status and the reason of the MIKEY Error message. */
	if (state == POST_DONE) {
		e = caller_take(&s->caller, s->ask, post_body(s->post), clk_wall_ns(), &why);
		if (e)
			why_prefix(&why, "HTTP status %d", post_status(s->post));
	}
	end_request(l, s, e, &why);
}

static enum caller_ask next_ask(const struct load *l, const struct slot *s)
{
	const char *mode = l->config->mode;

	if (strcmp(mode, "call") == 0)
		return s->ask == CALLER_REQUEST && s->caller.offer ? CALLER_RESOLVE
		                                                   : CALLER_REQUEST;
	return strcmp(mode, "resolve") == 0 ? CALLER_RESOLVE : CALLER_REQUEST;
}

/* Returns the time at which request number n is due (clk_mono_ns); 0: at once. */
static uint64_t due_ns(const struct load *l, uint64_t n)
{
	return l->config->rate > 0
	               ? l->start_ns + (uint64_t)((double)n * NS_PER_S / l->config->rate)
	               : 0;
}

static void begin_some(struct load *l)
{
	uint64_t now = clk_mono_ns();

	for (unsigned i = 0; i < l->config->in_flight && l->begun < l->config->requests &&
	                     due_ns(l, l->begun) <= now;
	     i++)
		if (!l->slots[i].busy)
			begin_request(l, &l->slots[i], next_ask(l, &l->slots[i]),
			              due_ns(l, l->begun++));
}

static void drop_late(struct load *l)
{
	struct why why = {""};
	uint64_t now = clk_mono_ns();

	why_fail(&why, ERR_TIMEOUT, "no answer within %d s", ANSWER_LIMIT_S);
	for (unsigned i = 0; i < l->config->in_flight; i++) {
		struct slot *s = &l->slots[i];

		if (s->busy && now - s->begun_ns > ANSWER_LIMIT_S * NS_PER_S) {
			post_abandon(s->post);
			end_request(l, s, ERR_TIMEOUT, &why);
		}
	}
}

static unsigned busy(const struct load *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->config->in_flight; i++)
		n += l->slots[i].busy;
	return n;
}

/* Returns how long to wait for answers: until the next request is due, at most 1 s; 1 s if no
 * connection is free or no rate is set. */
static struct timespec patience(const struct load *l)
{
	uint64_t now = clk_mono_ns(),
		 next = l->counting && l->begun < l->config->requests ? due_ns(l, l->begun) : 0,
		 wait = NS_PER_S;

	if (next && busy(l) < l->config->in_flight)
		wait = next <= now ? 0 : next - now < NS_PER_S ? next - now : NS_PER_S;
	return (struct timespec){
		.tv_sec = (time_t)(wait / NS_PER_S),
		.tv_nsec = (long)(wait % NS_PER_S),
	};
}

static void turn(struct load *l)
{
	unsigned n = l->config->in_flight;
	struct timespec wait = patience(l);

	for (unsigned i = 0; i < n; i++)
		l->polls[i] = (struct pollfd){
			.fd = l->slots[i].busy ? post_fd(l->slots[i].post) : -1,
			.events = post_events(l->slots[i].post),
		};
	if (ppoll(l->polls, n, &wait, NULL) == 0)
		drop_late(l);
	for (unsigned i = 0; i < n; i++)
		if (l->slots[i].busy && l->polls[i].revents)
			go_on(l, &l->slots[i]);
}

/* --- a run ------------------------------------------------------------------ */

/* Returns user number `i`, modulo the number of users with a key; users without a key do not count.
 * NULL: fewer than two users have a key. */
static const struct kms_user *user_at(const struct kms_directory *d, unsigned i)
{
	size_t n = kms_directory_users(d), with_key = 0;

	for (size_t k = 0; k < n; k++)
		with_key += kms_directory_user_at(d, k)->psk.len > 0;
	if (with_key < 2)
		return NULL;
	i %= (unsigned)with_key;
	for (size_t k = 0; k < n; k++)
		if (kms_directory_user_at(d, k)->psk.len && i-- == 0)
			return kms_directory_user_at(d, k);
	return NULL;
}

static enum err set_up(struct load *l, struct why *why)
{
	const struct kmsload_config *c = l->config;
	enum err e = post_site_open(&l->site, c->target, c->ca, why);

	if (e)
		return e;
	l->slots = mem_array(c->in_flight, sizeof(*l->slots));
	l->polls = mem_array(c->in_flight, sizeof(*l->polls));
	l->latency = mem_alloc(sizeof(*l->latency));
	if (!l->slots || !l->polls || !l->latency)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (unsigned i = 0; i < c->in_flight; i++) {
		struct slot *s = &l->slots[i];

		s->caller.from = user_at(c->directory, 2 * i);
		s->caller.to = user_at(c->directory, 2 * i + 1);
		if (!s->caller.from)
			return why_fail(
				why, ERR_INVALID,
				"--credentials: the file must have at least two users with a psk");
		s->caller.no_offer = strcmp(c->mode, "request") == 0;
		s->caller.kms = kms_directory_self(c->directory);
		ticket_rules_init(&s->caller.rules);
		s->caller.rules.algs = c->wants_256 ? mikey_algs_256 : mikey_algs_128;
		s->ask = CALLER_RESOLVE;
		e = post_new(&s->post, l->site, c->keep);
		if (e)
			return why_fail(why, e, "out of memory");
	}
	return ERR_OK;
}

static void tear_down(struct load *l)
{
	for (unsigned i = 0; l->slots && i < l->config->in_flight; i++) {
		caller_fini(&l->slots[i].caller);
		post_free(l->slots[i].post);
	}
	mem_free(l->slots);
	mem_free(l->polls);
	mem_free(l->latency);
	post_site_close(l->site);
}

/* Sends one ticket request for every caller first: this opens connections, makes the KMS create its
 * ticket key, and gives resolve requests a ticket. */
static enum err prepare(struct load *l, struct why *why)
{
	for (unsigned i = 0; i < l->config->in_flight; i++)
		begin_request(l, &l->slots[i], CALLER_REQUEST, 0);
	while (busy(l))
		turn(l);
	if (l->failed) {
		*why = l->first_failure;
		return ERR_IO;
	}
	/* After a resolve, next_ask() begins mode "call" with a ticket request. */
	for (unsigned i = 0; i < l->config->in_flight; i++)
		l->slots[i].ask = CALLER_RESOLVE;
	return ERR_OK;
}

static enum err measure(struct load *l, struct why *why)
{
	const struct kmsload_config *c = l->config;

	l->counting = true;
	l->start_ns = clk_mono_ns();
	take_marks(l);
	while (l->done < c->requests) {
		begin_some(l);
		turn(l);
		if (!c->quiet && l->done % 256 == 0)
			progress_show((double)l->done / c->requests, "%s: %llu requests", c->mode,
			              (unsigned long long)l->done);
		if (l->good == 0 && l->failed >= HOPELESS)
			break;
	}
	if (!c->quiet)
		progress_clear();
	if (l->good == 0) {
		*why = l->first_failure;
		return ERR_IO;
	}
	return ERR_OK;
}

static void put_marks(const struct load *l, json_t *row)
{
	static const char *const names[MARKS] = {"start", "10", "50", "100"};
	char key[32];

	for (unsigned i = 0; i < l->n_marks; i++) {
		if (l->marks[i].has_usage) {
			snprintf(key, sizeof(key), "rss_mb_%s", names[i]);
			json_object_set_new(row, key,
			                    json_real((double)l->marks[i].usage.rss_bytes / 1e6));
			snprintf(key, sizeof(key), "own_mb_%s", names[i]);
			json_object_set_new(row, key,
			                    json_real((double)l->marks[i].usage.own_bytes / 1e6));
		}
		if (l->config->state) {
			snprintf(key, sizeof(key), "state_mb_%s", names[i]);
			json_object_set_new(row, key, json_real(l->marks[i].state_mb));
		}
	}
}

static void put_figures(const struct load *l, double seconds, json_t *row)
{
	const struct mark *first = &l->marks[0], *last = &l->marks[l->n_marks - 1];

	json_object_set_new(row, "target", json_string(l->config->target));
	json_object_set_new(row, "mode", json_string(l->config->mode));
	json_object_set_new(row, "requests", json_integer(l->config->requests));
	json_object_set_new(row, "in_flight", json_integer(l->config->in_flight));
	json_object_set_new(row, "requests_per_s", json_real((double)l->good / seconds));
	json_object_set_new(row, "failed", json_integer((json_int_t)l->failed));
	hist_put(l->latency, row, "latency_us", 1e-3);
	if (first->has_usage && last->has_usage) {
		json_object_set_new(row, "cpu_us_per_request",
		                    json_real((double)(last->usage.cpu_ns - first->usage.cpu_ns) /
		                              1e3 / (double)l->done));
		json_object_set_new(row, "fds", json_integer(last->usage.fds));
	}
	put_marks(l, row);
}

enum err kmsload_run(json_t *row, const struct kmsload_config *config, struct result *result,
                     struct why *why)
{
	struct load l = {.config = config};
	struct proc_usage before = {0}, after = {0};
	double seconds, own;
	enum err e = set_up(&l, why);

	if (!e)
		e = prepare(&l, why);
	if (!e) {
		uint64_t start = clk_mono_ns();

		(void)!proc_read(getpid(), &before);
		e = measure(&l, why);
		(void)!proc_read(getpid(), &after);
		seconds = (double)(clk_mono_ns() - start) / NS_PER_S;
		own = (double)(after.cpu_ns - before.cpu_ns) / NS_PER_S / seconds * 100;
		if (!e) {
			put_figures(&l, seconds, row);
			json_object_set_new(row, "generator_cpu_percent", json_real(own));
		}
		if (!e && l.failed)
			result_warn(result, "%llu of %u requests failed; the first failure: %s",
			            (unsigned long long)l.failed, config->requests,
			            l.first_failure.text);
		if (!e && own > BUSY_PERCENT)
			result_warn(result,
			            "the generator used %.0f %% of a core: it may be the "
			            "bottleneck instead of the KMS",
			            own);
	}
	tear_down(&l);
	return e;
}
