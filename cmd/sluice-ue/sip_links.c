/* SPDX-License-Identifier: MIT */
/* Sends and receives SIP messages over TCP. */
#include "cmd/sluice-ue/sip_links.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"

enum { SEND_TIMEOUT_MS = 5000, READ_BYTES = 16384 };

static enum err open_tcp(int *out, struct sockaddr_storage *sa, socklen_t *n, struct addr a)
{
	int one = 1;

	*n = addr_to_sockaddr(&a, sa);
	*out = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*out < 0 || setsockopt(*out, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return ERR_IO;
	return ERR_OK;
}

enum err sip_links_open(struct sip_links *l, struct str local, sip_take take, void *arg,
                        struct why *why)
{
	struct sockaddr_storage sa;
	struct addr a;
	socklen_t n, room = sizeof(sa);

	*l = (struct sip_links){.listen_fd = -1, .take = take, .arg = arg};
	for (unsigned i = 0; i < SIP_LINKS_MAX; i++)
		l->streams[i].fd = -1;
	if (addr_parse(local, &a))
		return why_fail(why, ERR_SYNTAX, "--sip %.*s: must be ADDRESS:PORT",
		                STR_ARG(local));
	if (open_tcp(&l->listen_fd, &sa, &n, a) || bind(l->listen_fd, (struct sockaddr *)&sa, n) ||
	    listen(l->listen_fd, SIP_LINKS_MAX) ||
	    getsockname(l->listen_fd, (struct sockaddr *)&sa, &room) ||
	    addr_from_sockaddr((struct sockaddr *)&sa, &l->local))
		return why_fail(why, ERR_IO, "--sip %.*s: cannot listen: %s", STR_ARG(local),
		                strerror(errno));
	return ERR_OK;
}

static void drop(struct sip_stream *s)
{
	close(s->fd);
	s->fd = -1;
	if (s->in.p)
		secret_wipe(s->in.p, s->in.room); /* the text may hold a=crypto keys */
	buf_free(&s->in);
	s->in = (struct buf){0};
}

void sip_links_close(struct sip_links *l)
{
	for (unsigned i = 0; i < SIP_LINKS_MAX; i++)
		if (l->streams[i].fd >= 0)
			drop(&l->streams[i]);
	if (l->listen_fd >= 0)
		close(l->listen_fd);
	l->listen_fd = -1;
}

static struct sip_stream *free_stream(struct sip_links *l)
{
	for (unsigned i = 0; i < SIP_LINKS_MAX; i++)
		if (l->streams[i].fd < 0)
			return &l->streams[i];
	return NULL;
}

enum err sip_links_connect(struct sip_links *l, struct str to, unsigned *link, struct why *why)
{
	struct sip_stream *s = free_stream(l);
	struct sockaddr_storage sa;
	struct addr a;
	socklen_t n;
	int fd = -1;

	if (addr_parse(to, &a))
		return why_fail(why, ERR_SYNTAX, "--proxy %.*s: must be ADDRESS:PORT", STR_ARG(to));
	if (!s)
		return why_fail(why, ERR_LIMIT,
		                "--proxy %.*s: all %d connections of this terminal are in use",
		                STR_ARG(to), SIP_LINKS_MAX);
	if (open_tcp(&fd, &sa, &n, a) || connect(fd, (struct sockaddr *)&sa, n) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK)) {
		why_fail(why, ERR_IO, "--proxy %.*s: cannot connect: %s", STR_ARG(to),
		         strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	s->fd = fd;
	*link = (unsigned)(s - l->streams);
	return ERR_OK;
}

enum err sip_links_send(struct sip_links *l, unsigned link, struct str text)
{
	struct sip_stream *s = &l->streams[link];

	while (s->fd >= 0 && text.n) {
		struct pollfd p = {s->fd, POLLOUT, 0};
		ssize_t n = send(s->fd, text.p, text.n, MSG_NOSIGNAL);

		if (n > 0)
			text = str_skip(text, (size_t)n);
		else if (errno == EAGAIN && poll(&p, 1, SEND_TIMEOUT_MS) == 1)
			continue;
		else if (errno == EINTR)
			continue;
		else
			drop(s);
	}
	return s->fd < 0 ? ERR_CLOSED : ERR_OK;
}

/* Handles every complete message in the buffer; closes the stream if its data is not SIP. */
static void take_messages(struct sip_links *l, struct sip_stream *s)
{
	struct sip_message m;
	size_t n;
	enum err e;

	while (s->fd >= 0 && !(e = sip_length(buf_as_str(&s->in), &n))) {
		if (sip_read(&m, str_make(s->in.p, n))) {
			drop(s);
			return;
		}
		l->take(l->arg, (unsigned)(s - l->streams), &m);
		if (s->fd >= 0)
			buf_drop(&s->in, n);
	}
	if (s->fd >= 0 && e != ERR_TRUNCATED)
		drop(s);
}

static void read_stream(struct sip_links *l, struct sip_stream *s)
{
	char room[READ_BYTES];
	ssize_t n = recv(s->fd, room, sizeof(room), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_add(&s->in, room, (size_t)n);
	secret_wipe(room, n > 0 ? (size_t)n : 0);
	if (n <= 0 || s->in.bad)
		drop(s);
	else
		take_messages(l, s);
}

static void accept_stream(struct sip_links *l)
{
	struct sip_stream *s = free_stream(l);
	int fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && s)
		s->fd = fd;
	else if (fd >= 0)
		close(fd);
}

void sip_links_turn(struct sip_links *l, int other_fd, int ms)
{
	struct pollfd fds[SIP_LINKS_MAX + 2] = {{l->listen_fd, POLLIN, 0}, {other_fd, POLLIN, 0}};

	for (unsigned i = 0; i < SIP_LINKS_MAX; i++)
		fds[i + 2] = (struct pollfd){l->streams[i].fd, POLLIN, 0};
	if (poll(fds, SIP_LINKS_MAX + 2, ms) <= 0)
		return;
	if (fds[0].revents)
		accept_stream(l);
	for (unsigned i = 0; i < SIP_LINKS_MAX; i++)
		if (fds[i + 2].revents && fds[i + 2].fd == l->streams[i].fd)
			read_stream(l, &l->streams[i]);
}
