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
/* Does a server ask its clients for a certificate? A client always checks the server's. */
enum tls_peer { TLS_PEER_NOT_ASKED, TLS_PEER_OPTIONAL, TLS_PEER_REQUIRED };

/* PEM files. A server needs certificate and key; for a client they are optional. `ca_file` NULL: a
 * client trusts the system's roots, a server cannot ask for certificates. */
struct tls_config {
	enum tls_role role;
	enum tls_peer peer; /* servers */
	const char *cert_file, *key_file, *ca_file;
};

/* TLS 1.2 and later. ERR_IO or ERR_INVALID with the file and the reason in `why`. Control only. */
enum err tls_context_new(struct tls_context **out, const struct tls_config *config,
                         struct why *why) MUST_USE;
/* Connections made from it continue. Takes NULL. */
void tls_context_free(struct tls_context *c);
/* Reads certificate, key and roots again. On failure the old ones stay in use. */
enum err tls_context_reload(struct tls_context *c, struct why *why) MUST_USE;

/*
 * A connection over `fd`, which the result then owns; -1: over a socket made later. `server_name`
 * (clients): the name the certificate must bear. NULL: out of memory.
 */
struct bufferevent *tls_wrap(struct tls_context *c, struct event_base *base, int fd,
                             const char *server_name);
/* True when the other side's verified certificate names `dns_name` (RFC 6125). */
bool tls_peer_names(struct bufferevent *connection, const char *dns_name);
/* Writes and returns why TLS failed, such as "certificate has expired"; empty: it did not. */
const char *tls_failure(struct bufferevent *connection, char *out, size_t room);

#endif
