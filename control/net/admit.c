/* SPDX-License-Identifier: MIT */
/* Counts connections by peer, ends slow and idle ones, and makes room for new ones. */
#include "control/net/admit.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

/* A connection younger in its phase than this is not closed to make room: its peer had no time to
 * send a message. */
#define SPARE_NS NS_PER_S

struct admit_peer {
	struct admit_who who;
	unsigned n;
};

struct admit {
	struct link link; /* in `all` */
	struct admit_config config;
	struct map *peers;
	struct link phases[ADMIT_PHASES];
	unsigned n;
	struct event *timer;
	uint64_t timer_ns; /* when `timer` fires; 0: it is not set */
	uint64_t counts[ADMIT_REASONS];
	/* one for each reason, so that many lines of one reason or listener hide no others */
	struct log_site sites[ADMIT_REASONS];
};

/* Every admission of this process, for admit_print. */
static struct link all = {&all, &all};

static const struct {
	const char *label;
	bool refused; /* the connection was refused, not ended */
	const char *text;
} reasons[ADMIT_REASONS] = {
	[ADMIT_FULL] = {"full", true,
                        "connection refused: the listener has reached its maximum of connections, "
                        "and can close none of them"},
	[ADMIT_SHARE] = {"share", true,
                         "connection refused: the peer has reached its maximum of connections, and "
                         "the listener can close none of them"},
	[ADMIT_NO_FILES] = {"files", true, "cannot accept a connection: no descriptor is free"},
	[ADMIT_NO_MEMORY] = {"memory", true, "connection refused: out of memory"},
	[ADMIT_SILENT] = {"idle", false, "connection closed: the peer sent no message"},
	[ADMIT_SLOW] = {"slow", false,
                        "connection closed: the peer took too long to send a message or to read "
                        "its answer"},
	[ADMIT_UNREAD] = {"unread", false, "connection closed: the peer does not read its answers"},
	[ADMIT_EVICTED] = {"evicted", false, "idle connection closed to make room for a new one"},
};

static void note(struct admit *a, enum admit_reason r, const char *detail)
{
	struct log_site *site = &a->sites[r];

	a->counts[r]++;
	site->level = r == ADMIT_SILENT ? LOG_DEBUG_LEVEL : LOG_WARN_LEVEL;
	site->mod = "listen";
	site->msg = reasons[r].text;
	log_line(site,
	         LOG_ARRAY(LOG_TEXT(listener, a->config.where), LOG_TEXT(kind, a->config.name),
	                   LOG_TEXT(reason, detail ? detail : reasons[r].label),
	                   LOG_UINT(connections, a->n),
	                   LOG_UINT(connections_max, a->config.limits.conns_max),
	                   LOG_UINT(peer_max, a->config.limits.peer_max)));
}

void admit_tell(struct admit *a, enum admit_reason reason)
{
	note(a, reason, NULL);
}

/* --- time ------------------------------------------------------------------- */

static struct admit_conn *oldest(const struct admit *a, enum admit_phase phase)
{
	const struct link *head = &a->phases[phase];

	return list_is_empty(head) ? NULL : LIST_OF(head->next, struct admit_conn, link);
}

static uint64_t limit_ns(const struct admit *a, enum admit_phase phase)
{
	unsigned s = phase == ADMIT_IDLE      ? a->config.limits.idle_s
	             : phase == ADMIT_MESSAGE ? a->config.limits.message_s
	                                      : 0;

	return s * NS_PER_S;
}

/* Sets the timer for the first connection whose time ends. If that fails, the next call tries
 * again. */
static void arm(struct admit *a)
{
	uint64_t first = UINT64_MAX, now;
	struct timeval tv;

	for (unsigned p = 0; p < ADMIT_BUSY; p++) {
		const struct admit_conn *c = oldest(a, p);

		if (c && limit_ns(a, p) && c->since_ns + limit_ns(a, p) < first)
			first = c->since_ns + limit_ns(a, p);
	}
	/* A timer that fires too early does no harm. */
	if (first == UINT64_MAX || (a->timer_ns && a->timer_ns <= first))
		return;
	now = clk_mono_ns();
	first = first > now ? first : now;
	tv = (struct timeval){.tv_sec = (time_t)((first - now) / NS_PER_S),
	                      .tv_usec = (suseconds_t)((first - now) % NS_PER_S / NS_PER_US) + 1};
	a->timer_ns = event_add(a->timer, &tv) ? 0 : first;
}

static void end(struct admit_conn *c, enum admit_reason reason)
{
	struct admit *a = c->admit;

	note(a, reason, NULL);
	a->config.end(a->config.arg, c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct admit *a = arg;
	uint64_t now = clk_mono_ns();

	(void)fd;
	(void)what;
	a->timer_ns = 0;
	for (unsigned p = 0; p < ADMIT_BUSY; p++) {
		struct admit_conn *c;

		while (limit_ns(a, p) && (c = oldest(a, p)) && c->since_ns + limit_ns(a, p) <= now)
			end(c, p == ADMIT_IDLE ? ADMIT_SILENT : ADMIT_SLOW);
	}
	arm(a);
}

void admit_set(struct admit_conn *c, enum admit_phase phase, bool anew)
{
	if (!c->admit || (phase == c->phase && !anew))
		return;
	list_remove(&c->link);
	list_add_tail(&c->admit->phases[phase], &c->link);
	c->phase = phase;
	c->used |= anew;
	c->since_ns = clk_mono_ns();
	arm(c->admit);
}

/* --- room ------------------------------------------------------------------- */

/* The connection to end for a new one: of those that wait for their peer for SPARE_NS or longer,
 * the one whose peer has the most connections; of these a slow one, else one that had no message
 * yet, else an idle one, and of these the oldest. `of`: only this peer's. */
static struct admit_conn *victim(const struct admit *a, const struct admit_peer *of, bool also_used)
{
	static const struct {
		enum admit_phase phase;
		bool used;
	} order[] = {{ADMIT_MESSAGE, false},
	             {ADMIT_MESSAGE, true},
	             {ADMIT_IDLE, false},
	             {ADMIT_IDLE, true}};
	struct admit_conn *best = NULL;
	uint64_t now = clk_mono_ns();

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (order[i].phase == ADMIT_IDLE && order[i].used && !also_used)
			continue;
		LIST_EACH (it, &a->phases[order[i].phase]) {
			struct admit_conn *c = LIST_OF(it, struct admit_conn, link);

			if (c->since_ns + SPARE_NS > now)
				break;
			if (c->used != order[i].used)
				continue;
			if (of ? c->peer == of && !best : !best || c->peer->n > best->peer->n)
				best = c;
		}
	}
	return best;
}

/* `p->n` counts the new connection already. */
static bool make_room(struct admit *a, const struct admit_peer *p)
{
	bool share = p->n > a->config.limits.peer_max;
	struct admit_conn *c;

	if (!share && a->n < a->config.limits.conns_max)
		return true;
	c = victim(a, share ? p : NULL, true);
	/* A peer with few connections does not lose one to a peer with more. */
	if (c && (c->peer == p || c->peer->n >= p->n)) {
		end(c, ADMIT_EVICTED);
		return true;
	}
	note(a, share ? ADMIT_SHARE : ADMIT_FULL, NULL);
	return false;
}

static struct admit_peer *peer_of(struct admit *a, const struct admit_who *who)
{
	struct admit_peer *p = map_get(a->peers, who, sizeof(*who));

	if (p)
		return p;
	p = mem_alloc(sizeof(*p));
	if (!p)
		return NULL;
	p->who = *who;
	if (map_put(a->peers, &p->who, sizeof(p->who), p)) {
		mem_free(p);
		return NULL;
	}
	return p;
}

static void peer_drop(struct admit *a, struct admit_peer *p)
{
	if (--p->n)
		return;
	map_remove(a->peers, &p->who, sizeof(p->who));
	mem_free(p);
}

bool admit_enter(struct admit *a, struct admit_conn *c, const struct admit_who *who)
{
	struct admit_peer *p = peer_of(a, who);

	if (!p) {
		note(a, ADMIT_NO_MEMORY, NULL);
		return false;
	}
	p->n++;
	if (!make_room(a, p)) {
		peer_drop(a, p);
		return false;
	}
	*c = (struct admit_conn){.admit = a, .peer = p, .since_ns = clk_mono_ns()};
	a->n++;
	list_add_tail(&a->phases[ADMIT_IDLE], &c->link);
	arm(a);
	return true;
}

void admit_leave(struct admit_conn *c)
{
	struct admit *a = c->admit;

	if (!a)
		return;
	list_remove(&c->link);
	a->n--;
	peer_drop(a, c->peer);
	*c = (struct admit_conn){.admit = NULL};
}

bool admit_accept_failed(struct admit *a, int error)
{
	bool memory = error == ENOMEM || error == ENOBUFS;
	struct admit_conn *c = error == EMFILE || error == ENFILE ? victim(a, NULL, false) : NULL;

	note(a, memory ? ADMIT_NO_MEMORY : ADMIT_NO_FILES, strerror(error));
	if (!c)
		return false;
	end(c, ADMIT_EVICTED);
	return true;
}

struct admit_who admit_who_is(const struct addr *peer)
{
	struct admit_who who = {.kind = peer->version};

	memcpy(who.octets, peer->ip, peer->version == 6 ? 8 : 4);
	return who;
}

struct admit_who admit_who_of(int fd)
{
	struct admit_who who = {.kind = 0};
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(ss);
	struct ucred user;
	struct addr a;

	if (getpeername(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr((struct sockaddr *)&ss, &a) == ERR_OK)
		return admit_who_is(&a);
	len = sizeof(user);
	if (ss.ss_family != AF_UNIX || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len))
		return who;
	who.kind = 1;
	memcpy(who.octets, &user.uid, sizeof(user.uid));
	return who;
}

/* --- life ------------------------------------------------------------------- */

enum err admit_new(struct admit **out, struct event_base *base, const struct admit_config *config)
{
	struct admit *a = mem_alloc(sizeof(*a));
	struct admit_limits *limits;

	if (!a)
		return ERR_NOMEM;
	a->config = *config;
	limits = &a->config.limits;
	if (!limits->peer_max)
		limits->peer_max = limits->conns_max - limits->conns_max / 4;
	for (unsigned p = 0; p < ADMIT_PHASES; p++)
		list_init(&a->phases[p]);
	a->timer = evtimer_new(base, on_timer, a);
	if (!a->timer || map_new(&a->peers)) {
		admit_free(a);
		return ERR_NOMEM;
	}
	list_add_tail(&all, &a->link);
	*out = a;
	return ERR_OK;
}

void admit_free(struct admit *a)
{
	if (!a)
		return;
	for (unsigned r = 0; r < ADMIT_REASONS; r++)
		log_site_forget(&a->sites[r]);
	list_remove(&a->link);
	if (a->timer)
		event_free(a->timer);
	map_free(a->peers);
	mem_free(a);
}

unsigned admit_count(const struct admit *a)
{
	return a->n;
}

uint64_t admit_counted(const struct admit *a, enum admit_reason reason)
{
	return a->counts[reason];
}

const struct admit_limits *admit_limits_of(const struct admit *a)
{
	return &a->config.limits;
}

/* --- metrics ---------------------------------------------------------------- */

/* Is `a` the first admission of its name? */
static bool is_first(const struct admit *a)
{
	for (const struct link *l = a->link.prev; l != &all; l = l->prev)
		if (!strcmp(LIST_OF(l, struct admit, link)->config.name, a->config.name))
			return false;
	return true;
}

static void print_reasons(struct buf *out, const char *prefix, const struct admit *a, bool refused)
{
	for (unsigned r = 0; r < ADMIT_REASONS; r++) {
		uint64_t sum = 0;

		if (reasons[r].refused != refused)
			continue;
		LIST_EACH (it, &all) {
			const struct admit *b = LIST_OF(it, struct admit, link);

			sum += strcmp(a->config.name, b->config.name) ? 0 : b->counts[r];
		}
		buf_printf(out,
		           "%sconnections_%s_total{listener=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
		           prefix, refused ? "refused" : "ended", a->config.name, reasons[r].label,
		           sum);
	}
}

static void print_count(struct buf *out, const char *prefix, const struct admit *a)
{
	unsigned n = 0;

	LIST_EACH (it, &all) {
		const struct admit *b = LIST_OF(it, struct admit, link);

		n += strcmp(a->config.name, b->config.name) ? 0 : b->n;
	}
	buf_printf(out, "%sconnections{listener=\"%s\"} %u\n", prefix, a->config.name, n);
}

void admit_print(struct buf *out, const char *prefix)
{
	static const struct {
		const char *name, *type, *help;
	} families[] = {
		{"connections", "gauge", "connections of each listener"},
		{"connections_refused_total", "counter", "connections that a listener refused"},
		{"connections_ended_total", "counter",
	         "connections that a listener closed before their peer did"},
	};

	for (unsigned f = 0; f < ARRAY_LEN(families); f++) {
		buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, families[f].name,
		           families[f].help, prefix, families[f].name, families[f].type);
		LIST_EACH (it, &all) {
			const struct admit *a = LIST_OF(it, struct admit, link);

			if (!is_first(a))
				continue;
			if (f == 0)
				print_count(out, prefix, a);
			else
				print_reasons(out, prefix, a, f == 1);
		}
	}
}
