/* SPDX-License-Identifier: MIT */
/* TLS for listeners and clients: one context from files, one bufferevent for each connection. */
#ifndef CONTROL_NET_TLS_H
#define CONTROL_NET_TLS_H

#include <stdbool.h>

#include "base/err.h"

struct bufferevent;
struct event_base;
struct tls_context;

enum tls_role { TLS_SERVER, TLS_CLIENT };
/* What is asked of the other side's certificate. A client always asks. */
enum tls_peer { TLS_PEER_NOT_ASKED, TLS_PEER_OPTIONAL, TLS_PEER_REQUIRED };

/* PEM files. A server needs cert and key; a client may have them. `ca_file` NULL: a client believes
 * the system's roots, a server can ask nobody. */
struct tls_config {
	enum tls_role role;
	enum tls_peer peer; /* servers */
	const char *cert_file, *key_file, *ca_file;
};

/* TLS 1.2 and later. ERR_IO or ERR_INVALID with the file and the reason in `why`. Control only. */
enum err tls_context_new(struct tls_context **out, const struct tls_config *config,
                         struct why *why) MUST_USE;
/* Connections made from it live on. Takes NULL. */
void tls_context_free(struct tls_context *c);
/* The certificate, key and roots are read again: what is wrong leaves the old ones in use. */
enum err tls_context_reload(struct tls_context *c, struct why *why) MUST_USE;

/*
 * A connection over `fd` (owned by the result from then on), or over a socket made later when fd is
 * -1. `server_name` (clients): whom the certificate must name. NULL: out of memory.
 */
struct bufferevent *tls_wrap(struct tls_context *c, struct event_base *base, int fd,
                             const char *server_name);
/* Does the verified certificate of the other side name `dns_name` (RFC 6125)? False without TLS or
 * certificate. */
bool tls_peer_names(struct bufferevent *connection, const char *dns_name);
/* Why the connection failed, for people: "certificate has expired". Empty when TLS is not to blame.
 * Returns `out`. */
const char *tls_failure(struct bufferevent *connection, char *out, size_t room);

#endif
