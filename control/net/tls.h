/* SPDX-License-Identifier: MIT */
/* TLS for listeners and clients: a context made from PEM files, and connections made from it. */
#ifndef CONTROL_NET_TLS_H
#define CONTROL_NET_TLS_H

#include <stdbool.h>

#include "base/err.h"

struct bufferevent;
struct event_base;
struct tls_context;

enum tls_role { TLS_SERVER, TLS_CLIENT };
/* Whether a server asks its clients for a certificate. A client always checks the server's. */
enum tls_peer { TLS_PEER_NOT_ASKED, TLS_PEER_OPTIONAL, TLS_PEER_REQUIRED };

/* The files are PEM files. A server needs cert_file and key_file; a client may have them. ca_file
 * NULL: a client trusts the system's root certificates; a server cannot ask for certificates. */
struct tls_config {
	enum tls_role role;
	enum tls_peer peer; /* used by servers only */
	const char *cert_file, *key_file, *ca_file;
	bool wipe; /* wipe each received text after it is read: for connections that carry keys */
};

/* Makes a context for TLS 1.2 and later. ERR_IO, ERR_INVALID: `why` has the file and the reason.
 * Control thread only. */
enum err tls_context_new(struct tls_context **out, const struct tls_config *config,
                         struct why *why) MUST_USE;
/* Connections made from the context continue. Takes NULL. */
void tls_context_free(struct tls_context *c);
/* Reads the files again, for new connections. On failure the old certificates stay in use. */
enum err tls_context_reload(struct tls_context *c, struct why *why) MUST_USE;

/*
 * Returns a TLS connection over the socket `fd`, which the connection then owns; -1: libevent opens
 * the socket later. `server_name`: for clients, the name that the server's certificate must have.
 * Returns NULL when memory is exhausted.
 */
struct bufferevent *tls_wrap(struct tls_context *c, struct event_base *base, int fd,
                             const char *server_name);
/* Does the peer's certificate, which was verified, have the DNS name `dns_name` (RFC 6125)? */
bool tls_peer_names(struct bufferevent *connection, const char *dns_name);
/* Like tls_peer_names, but a wildcard in the certificate has no name: for authorization. */
bool tls_peer_is(struct bufferevent *connection, const char *name);
/* Writes to `out`, and returns, the common name of the peer's verified certificate; empty if there
 * is none. */
const char *tls_peer_subject(struct bufferevent *connection, char *out, size_t room);
/* Writes to `out`, and returns, why TLS failed, for example "certificate has expired"; empty if TLS
 * did not fail. */
const char *tls_failure(struct bufferevent *connection, char *out, size_t room);

#endif
