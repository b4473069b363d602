/* SPDX-License-Identifier: MIT */
/* POST over HTTP/1.1 and HTTPS on non-blocking sockets. */
#include "bench/kms/post.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/net/http.h"

enum { ANSWER_MAX_BYTES = 1 << 20, READ_BYTES = 16384 };

struct post_site {
	struct http_url url;
	struct sockaddr_storage to;
	socklen_t to_len;
	SSL_CTX *tls; /* NULL: http without TLS */
};

/* The next step of a request. */
enum phase { PHASE_IDLE, PHASE_CONNECT, PHASE_HANDSHAKE, PHASE_WRITE, PHASE_READ };

struct post {
	const struct post_site *site;
	bool keep, closes; /* `closes`: the server sent Connection: close */
	int fd;
	SSL *ssl;
	enum phase phase;
	short events; /* POLLIN or POLLOUT: the event that the next step waits for */
	struct buf out, in;
	size_t sent;           /* octets of `out` sent so far */
	size_t head_n, body_n; /* lengths of the answer's head and body; 0: head not complete yet */
	int status;
};

/* --- the server ------------------------------------------------------------- */

static enum err resolve(struct post_site *s, struct why *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", s->url.port);
	rc = getaddrinfo(s->url.host, port, &hints, &found);
	if (rc)
		return why_fail(why, ERR_NOT_FOUND, "cannot resolve the host name %s: %s",
		                s->url.host, gai_strerror(rc));
	memcpy(&s->to, found->ai_addr, found->ai_addrlen);
	s->to_len = found->ai_addrlen;
	freeaddrinfo(found);
	return ERR_OK;
}

static enum err make_tls(struct post_site *s, const char *ca, struct why *why)
{
	s->tls = SSL_CTX_new(TLS_client_method());
	if (!s->tls)
		return why_fail(why, ERR_NOMEM, "out of memory");
	SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(s->tls,
	                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (ca ? SSL_CTX_load_verify_locations(s->tls, ca, NULL) != 1
	       : SSL_CTX_set_default_verify_paths(s->tls) != 1)
		return why_fail(why, ERR_INVALID, "%s: no root certificates found (must be PEM)",
		                ca ? ca : "the system's roots");
	return ERR_OK;
}

enum err post_site_open(struct post_site **out, const char *url, const char *ca, struct why *why)
{
	struct post_site *s = mem_alloc(sizeof(*s));
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = http_url_parse(str_of(url), &s->url, why);
	if (!e && strcmp(s->url.path, "/") == 0)
		s->url.path[0] = 0;
	if (!e)
		e = resolve(s, why);
	if (!e && s->url.is_tls)
		e = make_tls(s, ca, why);
	if (e) {
		post_site_close(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void post_site_close(struct post_site *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->tls);
	mem_free(s);
}

/* --- one connection --------------------------------------------------------- */

enum err post_new(struct post **out, const struct post_site *s, bool keep)
{
	struct post *p = mem_alloc(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	*p = (struct post){.site = s, .keep = keep, .fd = -1};
	*out = p;
	return ERR_OK;
}

static void hang_up(struct post *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void post_free(struct post *p)
{
	if (!p)
		return;
	hang_up(p);
	buf_free(&p->out);
	buf_free(&p->in);
	mem_free(p);
}

void post_abandon(struct post *p)
{
	hang_up(p);
	p->phase = PHASE_IDLE;
}

static enum err wrap(struct post *p, struct why *why)
{
	const char *host = p->site->url.host;
	unsigned char ip[sizeof(struct in6_addr)];
	bool is_ip = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;

	p->ssl = SSL_new(p->site->tls);
	if (!p->ssl || !SSL_set_fd(p->ssl, p->fd))
		return why_fail(why, ERR_NOMEM, "out of memory");
	/* A certificate names IP addresses and host names in different fields (RFC 6125 1.7.2). */
	if (is_ip ? !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(p->ssl), host)
	          : !SSL_set1_host(p->ssl, host) || !SSL_set_tlsext_host_name(p->ssl, host))
		return why_fail(why, ERR_INVALID,
		                "%s: not a host name or address that a certificate can name", host);
	SSL_set_connect_state(p->ssl);
	return ERR_OK;
}

static enum err dial(struct post *p, struct why *why)
{
	int one = 1;

	p->fd = socket(p->site->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return why_fail(why, ERR_IO, "cannot create a socket: %s", strerror(errno));
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(p->fd, (const struct sockaddr *)&p->site->to, p->site->to_len) &&
	    errno != EINPROGRESS)
		return why_fail(why, ERR_IO, "cannot connect to %s port %u: %s", p->site->url.host,
		                p->site->url.port, strerror(errno));
	p->phase = PHASE_CONNECT;
	p->events = POLLOUT;
	return p->site->tls ? wrap(p, why) : ERR_OK;
}

enum err post_begin(struct post *p, const char *path, const char *content_type, struct view body,
                    struct why *why)
{
	const struct http_url *u = &p->site->url;
	bool v6 = strchr(u->host, ':') != NULL;
	enum err e = ERR_OK;

	buf_reset(&p->out);
	buf_reset(&p->in);
	p->sent = p->head_n = p->body_n = 0;
	buf_printf(&p->out,
	           "POST %s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\nContent-Type: %s\r\nContent-Length: "
	           "%zu\r\n%s\r\n",
	           u->path, path, v6 ? "[" : "", u->host, v6 ? "]" : "", u->port, content_type,
	           body.n, p->keep ? "" : "Connection: close\r\n");
	buf_add(&p->out, body.p, body.n);
	if (p->out.bad)
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (p->fd >= 0) {
		p->phase = PHASE_WRITE;
		p->events = POLLOUT;
	} else {
		e = dial(p, why);
	}
	if (e)
		post_abandon(p);
	return e;
}

int post_fd(const struct post *p)
{
	return p->phase == PHASE_IDLE ? -1 : p->fd;
}

short post_events(const struct post *p)
{
	return p->events;
}

int post_status(const struct post *p)
{
	return p->status;
}

struct view post_body(const struct post *p)
{
	return (struct view){(const uint8_t *)p->in.p + p->head_n, p->body_n};
}

/* --- steps of a request: each continues, waits or fails --------------------- */

enum step { STEP_ON, STEP_WAIT, STEP_FAIL };

static enum step fail(struct why *why, const char *text)
{
	why_fail(why, ERR_IO, "%s", text);
	return STEP_FAIL;
}

static enum step tls_step(struct post *p, int rc, struct why *why)
{
	long verdict = SSL_get_verify_result(p->ssl);
	char text[160] = "the server closed the connection";
	unsigned long code;

	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		p->events = POLLIN;
		return STEP_WAIT;
	case SSL_ERROR_WANT_WRITE:
		p->events = POLLOUT;
		return STEP_WAIT;
	}
	code = ERR_get_error();
	if (verdict != X509_V_OK)
		return fail(why, X509_verify_cert_error_string(verdict));
	if (code)
		ERR_error_string_n(code, text, sizeof(text));
	ERR_clear_error();
	return fail(why, text);
}

static enum step connected(struct post *p, struct why *why)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) || error)
		return fail(why, strerror(error ? error : errno));
	p->phase = p->ssl ? PHASE_HANDSHAKE : PHASE_WRITE;
	return STEP_ON;
}

static enum step shake_hands(struct post *p, struct why *why)
{
	int rc = SSL_do_handshake(p->ssl);

	if (rc != 1)
		return tls_step(p, rc, why);
	p->phase = PHASE_WRITE;
	return STEP_ON;
}

static enum step write_some(struct post *p, struct why *why)
{
	size_t left = p->out.n - p->sent;
	ssize_t n = p->ssl ? SSL_write(p->ssl, p->out.p + p->sent, (int)left)
	                   : send(p->fd, p->out.p + p->sent, left, MSG_NOSIGNAL);

	if (n <= 0 && p->ssl)
		return tls_step(p, (int)n, why);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		p->events = POLLOUT;
		return STEP_WAIT;
	}
	if (n < 0)
		return fail(why, strerror(errno));
	p->sent += (size_t)n;
	if (p->sent < p->out.n)
		return STEP_ON;
	/* Wait before reading: the answer cannot have arrived yet. */
	p->phase = PHASE_READ;
	p->events = POLLIN;
	return STEP_WAIT;
}

/* Returns the value of header `name`, which ends at the end of its line; NULL: no such header. */
static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':')
			return line + 3 + n + strspn(line + 3 + n, " ");
	return NULL;
}

/* Parses the answer's head once it has arrived, and ends the request once the body has arrived.
 * Supports only bodies with Content-Length. */
static enum step look(struct post *p, struct why *why)
{
	const char *end, *length, *connection;

	if (p->head_n == 0) {
		end = p->in.n ? strstr(p->in.p, "\r\n\r\n") : NULL;
		if (!end)
			return p->in.n > READ_BYTES
			               ? fail(why, "the answer's HTTP head is too long")
			               : STEP_ON;
		if (sscanf(p->in.p, "HTTP/1.%*d %d", &p->status) != 1)
			return fail(why, "the answer is not HTTP/1.1");
		p->head_n = (size_t)(end - p->in.p) + 4;
		length = header(p->in.p, "Content-Length");
		if (!length || length > end)
			return fail(why, "the answer has no Content-Length");
		p->body_n = strtoul(length, NULL, 10);
		connection = header(p->in.p, "Connection");
		p->closes =
			connection && connection < end && strncasecmp(connection, "close", 5) == 0;
		if (p->body_n > ANSWER_MAX_BYTES)
			return fail(why, "the answer's body is longer than 1 MiB");
	}
	if (p->in.n < p->head_n + p->body_n)
		return STEP_ON;
	p->phase = PHASE_IDLE;
	if (!p->keep || p->closes)
		hang_up(p);
	return STEP_ON;
}

static enum step read_some(struct post *p, struct why *why)
{
	char room[READ_BYTES];
	ssize_t n =
		p->ssl ? SSL_read(p->ssl, room, sizeof(room)) : recv(p->fd, room, sizeof(room), 0);

	if (n <= 0 && p->ssl)
		return tls_step(p, (int)n, why);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		p->events = POLLIN;
		return STEP_WAIT;
	}
	if (n <= 0)
		return fail(why, n ? strerror(errno) : "the server closed the connection");
	buf_add(&p->in, room, (size_t)n);
	return p->in.bad ? fail(why, "out of memory") : look(p, why);
}

enum post_state post_go_on(struct post *p, struct why *why)
{
	static enum step (*const steps[])(struct post *, struct why *) = {
		[PHASE_CONNECT] = connected,
		[PHASE_HANDSHAKE] = shake_hands,
		[PHASE_WRITE] = write_some,
		[PHASE_READ] = read_some,
	};
	enum step s = STEP_ON;

	while (p->phase != PHASE_IDLE && s == STEP_ON)
		s = steps[p->phase](p, why);
	if (s == STEP_FAIL)
		post_abandon(p);
	return s == STEP_FAIL ? POST_FAILED : s == STEP_WAIT ? POST_BUSY : POST_DONE;
}
