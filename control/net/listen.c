/* SPDX-License-Identifier: MIT */
/* Opens Unix and TCP listening sockets, and accepts connections. */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/mem.h"
#include "control/net/listen_conn.h"
#include "control/net/loop.h"

enum { ACCEPTS_A_TURN = 64, BACKLOG = 128 };

/* Stops accepting for a moment after accept4 failed: the listening socket stays readable, so the
 * loop would otherwise call again at once. */
static void accept_later(struct listener *l)
{
	static const struct timeval pause = {.tv_sec = ADMIT_PAUSE_S};

	if (event_add(l->resume_event, &pause) == 0)
		event_del(l->event);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	/* If the event cannot be added, try again in a second. */
	if (event_add(l->event, NULL))
		(void)event_add(l->resume_event, &(struct timeval){.tv_sec = ADMIT_PAUSE_S});
}

static void take(struct listener *l, int fd)
{
	const struct listen_ops *ops = l->config.ops;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr peer = {.version = 0};
	int one = 1;

	if (!l->path[0]) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (getpeername(fd, (struct sockaddr *)&ss, &len) ||
		    addr_from_sockaddr((struct sockaddr *)&ss, &peer) ||
		    (ops->allowed && !ops->allowed(l->config.arg, &peer))) {
			close(fd);
			return;
		}
	}
	if (listen_conn_new(l, fd, &peer))
		close(fd);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer >= 0) {
			take(l, peer);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED &&
		           !admit_accept_failed(l->admit, errno)) {
			accept_later(l);
			return;
		}
	}
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_flush(arg);
}

static void on_more(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_go_on(arg);
}

static bool is_tcp(struct str where)
{
	return str_starts(where, "tcp:");
}

static enum err check_where(struct str where, bool any_host, struct why *why)
{
	struct sockaddr_un un;
	struct addr a;

	if (!is_tcp(where)) {
		if (where.n == 0 || where.p[0] != '/')
			return why_fail(why, ERR_INVALID,
			                "\"%.*s\": must be an absolute path or tcp:HOST:PORT",
			                STR_SHOWN(where));
		if (where.n >= sizeof(un.sun_path))
			return why_fail(why, ERR_TOO_BIG,
			                "\"%.*s\": the path of a socket must be at most %zu octets",
			                STR_SHOWN(where), sizeof(un.sun_path) - 1);
		return ERR_OK;
	}
	if (addr_parse(str_skip(where, 4), &a))
		return why_fail(
			why, ERR_INVALID,
			"\"%.*s\": must be tcp:HOST:PORT, where HOST is an IP address (127.0.0.1 "
			"or [::1])",
			STR_SHOWN(where));
	if (!any_host && !addr_is_loopback(&a))
		return why_fail(why, ERR_DENIED,
		                "\"%.*s\": must be a loopback address, because the control "
		                "protocol carries keys unencrypted",
		                STR_SHOWN(where));
	return ERR_OK;
}

enum err listen_check(struct str where, struct why *why)
{
	return check_where(where, false, why);
}

static enum err open_tcp(struct listener *l, struct str where, struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;
	int one = 1;
	char text[ADDR_TEXT_MAX];

	if (addr_parse(str_skip(where, 4), &a))
		return ERR_INVALID;
	l->fd = socket(a.version == 6 ? AF_INET6 : AF_INET,
	               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_fail(why, ERR_IO, "cannot create a socket for %.*s: %s", STR_ARG(where),
		                strerror(errno));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a.version == 6)
		(void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) ||
	    listen(l->fd, BACKLOG))
		return why_fail(why, errno == EADDRINUSE ? ERR_EXISTS : ERR_IO,
		                "cannot listen on %.*s: %s", STR_ARG(where), strerror(errno));
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr((struct sockaddr *)&ss, &a) == ERR_OK)
		snprintf(l->where, sizeof(l->where), "tcp:%s", addr_print(&a, text));
	return ERR_OK;
}

/* Removes a socket that an ended process left behind. ERR_EXISTS: a process listens on the socket,
 * or the path is not a socket. */
static enum err clear_path(const struct sockaddr_un *un, struct why *why)
{
	struct stat st;
	int fd, rc;

	if (lstat(un->sun_path, &st))
		return ERR_OK;
	if (!S_ISSOCK(st.st_mode))
		return why_fail(why, ERR_EXISTS,
		                "cannot listen on %s: the path exists and is not a socket",
		                un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return why_fail(why, ERR_IO, "cannot create a socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)un, sizeof(*un)) ? errno : 0;
	close(fd);
	if (rc != ECONNREFUSED)
		return why_fail(why, ERR_EXISTS,
		                "cannot listen on %s: another process is listening there",
		                un->sun_path);
	return unlink(un->sun_path) ? why_fail(why, ERR_IO, "cannot remove the old socket %s: %s",
	                                       un->sun_path, strerror(errno))
	                            : ERR_OK;
}

/* Creates only the last folder of the path: several missing folders are probably a mistake. */
static void make_folder(const char *path)
{
	char folder[108];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	/* If mkdir fails, bind() fails too and reports why. */
	(void)mkdir(folder, 0755);
}

static enum err open_unix(struct listener *l, struct str where, struct why *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	mode_t mask;
	enum err e;
	int rc;

	memcpy(un.sun_path, where.p, where.n);
	make_folder(un.sun_path);
	e = clear_path(&un, why);
	if (e)
		return e;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_fail(why, ERR_IO, "cannot create a socket for %s: %s", un.sun_path,
		                strerror(errno));
	/* Between bind and chmod the umask limits the permissions to the configured mode. */
	mask = umask(0777 & ~l->config.mode);
	rc = bind(l->fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (rc || chmod(un.sun_path, l->config.mode) || listen(l->fd, BACKLOG))
		return why_fail(why, ERR_IO, "cannot listen on %s: %s", un.sun_path,
		                strerror(errno));
	memcpy(l->path, un.sun_path, sizeof(l->path));
	return ERR_OK;
}

enum err listener_new(struct listener **out, struct loop *loop, const struct listen_config *config,
                      struct why *why)
{
	struct str where = str_of(config->where);
	enum err e = check_where(where, config->any_host, why);
	struct listener *l;

	if (e)
		return e;
	l = mem_alloc(sizeof(*l));
	if (!l)
		return why_fail(why, ERR_NOMEM, "out of memory");
	l->fd = -1;
	l->loop = loop;
	l->config = *config;
	list_init(&l->conns);
	list_init(&l->flushes);
	list_init(&l->mores);
	snprintf(l->where, sizeof(l->where), "%s", config->where);
	l->config.where = l->where;
	e = is_tcp(where) ? open_tcp(l, where, why) : open_unix(l, where, why);
	if (!e && admit_new(&l->admit, loop_base(loop),
	                    &(struct admit_config){.name = config->name,
	                                           .where = l->where,
	                                           .limits = config->limits,
	                                           .end = listen_conn_evict,
	                                           .arg = l}))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e) {
		l->event =
			event_new(loop_base(loop), l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
		l->flush_event = event_new(loop_base(loop), -1, 0, on_flush, l);
		l->more_event = evtimer_new(loop_base(loop), on_more, l);
		l->resume_event = event_new(loop_base(loop), -1, 0, on_resume, l);
		if (!l->event || !l->resume_event || !l->flush_event || !l->more_event ||
		    event_add(l->event, NULL))
			e = why_fail(why, ERR_NOMEM, "out of memory");
	}
	if (e) {
		listener_free(l);
		return e;
	}
	*out = l;
	return ERR_OK;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	listen_end_all(l);
	if (l->event)
		event_free(l->event);
	if (l->resume_event)
		event_free(l->resume_event);
	if (l->flush_event)
		event_free(l->flush_event);
	if (l->more_event)
		event_free(l->more_event);
	if (l->fd >= 0)
		close(l->fd);
	admit_free(l->admit);
	if (l->path[0])
		unlink(l->path);
	mem_free(l);
}

const char *listener_where(const struct listener *l)
{
	return l->where;
}

const struct admit *listener_admit(const struct listener *l)
{
	return l->admit;
}
