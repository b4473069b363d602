/* SPDX-License-Identifier: MIT */
/* Makes TLS contexts with OpenSSL, and TLS connections as bufferevents of libevent. */
#include "control/net/tls.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "control/net/private_file.h"

struct tls_context {
	SSL_CTX *ctx;
	struct tls_config config;
	char *files[3];   /* owned copies of config's file names */
	uint64_t told_ns; /* monotonic time of the last log line about a refused client; 0: none */
};

static enum err fail(struct why *why, enum err e, const char *what, const char *file)
{
	char reason[160] = "unknown reason";
	unsigned long code = ERR_peek_last_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	return why_fail(why, e, "TLS: %s%s%s: %s", what, file ? " " : "", file ? file : "", reason);
}

static enum err load_own(SSL_CTX *ctx, const struct tls_config *c, struct why *why)
{
	if (!c->cert_file && !c->key_file && c->role == TLS_CLIENT)
		return ERR_OK;
	if (!c->cert_file || !c->key_file)
		return why_fail(why, ERR_INVALID,
		                "TLS: both a certificate and a private key must be given");
	if (private_file_check(c->key_file, why))
		return ERR_DENIED;
	if (SSL_CTX_use_certificate_chain_file(ctx, c->cert_file) != 1)
		return fail(why, ERR_IO, "cannot load the certificate", c->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, c->key_file, SSL_FILETYPE_PEM) != 1)
		return fail(why, ERR_IO, "cannot load the private key", c->key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return fail(why, ERR_INVALID,
		            "the private key does not belong to the certificate:", c->key_file);
	return ERR_OK;
}

/* Logs why a client certificate was refused: the TLS alert does not tell the client the reason.
 * Logs at most once a second, because anybody can connect. */
static int on_client_certificate(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_context *c = ssl ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	char subject[128] = "?";
	uint64_t now = clk_mono_ns();

	if (ok || !c || (c->told_ns && now - c->told_ns < NS_PER_S))
		return ok;
	c->told_ns = now;
	if (cert)
		X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof(subject));
	log_warn("tls", "client certificate refused",
	         LOG_TEXT(reason, X509_verify_cert_error_string(X509_STORE_CTX_get_error(store))),
	         LOG_TEXT(subject, subject));
	return ok;
}

static enum err load_trust(SSL_CTX *ctx, const struct tls_config *c, struct why *why)
{
	int mode = SSL_VERIFY_PEER;

	if (c->role == TLS_SERVER && c->peer == TLS_PEER_NOT_ASKED)
		return ERR_OK;
	if (c->role == TLS_SERVER && !c->ca_file)
		return why_fail(why, ERR_INVALID,
		                "TLS: a file of root certificates must be given, to verify "
		                "client certificates");
	if (c->ca_file && SSL_CTX_load_verify_locations(ctx, c->ca_file, NULL) != 1)
		return fail(why, ERR_IO, "cannot load the root certificates", c->ca_file);
	if (!c->ca_file && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return fail(why, ERR_IO, "cannot load the system's root certificates", NULL);
	if (c->role == TLS_SERVER) {
		if (c->peer == TLS_PEER_REQUIRED)
			mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
		SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(c->ca_file));
	}
	SSL_CTX_set_verify(ctx, mode, c->role == TLS_SERVER ? on_client_certificate : NULL);
	return ERR_OK;
}

static enum err context_make(SSL_CTX **out, const struct tls_config *c, struct why *why)
{
	static const unsigned char session_id[] = "sluice";
	SSL_CTX *ctx =
		SSL_CTX_new(c->role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	enum err e;

	if (!ctx)
		return fail(why, ERR_NOMEM, "cannot create a context", NULL);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (c->wipe)
		SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
	/* OpenSSL resumes sessions with client certificates only if a session id context is set. */
	SSL_CTX_set_session_id_context(ctx, session_id, sizeof(session_id) - 1);
	e = load_own(ctx, c, why);
	if (!e)
		e = load_trust(ctx, c, why);
	if (e) {
		SSL_CTX_free(ctx);
		return e;
	}
	*out = ctx;
	return ERR_OK;
}

static enum err copy_name(char **out, const char *name)
{
	if (!name)
		return ERR_OK;
	*out = mem_text(name, strlen(name));
	return *out ? ERR_OK : ERR_NOMEM;
}

enum err tls_context_new(struct tls_context **out, const struct tls_config *config, struct why *why)
{
	struct tls_context *c = mem_alloc(sizeof(*c));
	enum err e = ERR_NOMEM;

	if (!c || copy_name(&c->files[0], config->cert_file) ||
	    copy_name(&c->files[1], config->key_file) || copy_name(&c->files[2], config->ca_file))
		goto out;
	c->config = *config;
	c->config.cert_file = c->files[0];
	c->config.key_file = c->files[1];
	c->config.ca_file = c->files[2];
	e = context_make(&c->ctx, &c->config, why);
	if (e)
		goto out;
	SSL_CTX_set_app_data(c->ctx, c);
	*out = c;
	return ERR_OK;
out:
	tls_context_free(c);
	return e == ERR_NOMEM ? why_fail(why, e, "out of memory") : e;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	/* Connections may outlive this struct: their SSL keeps a reference to the SSL_CTX. */
	if (c->ctx)
		SSL_CTX_set_app_data(c->ctx, NULL);
	SSL_CTX_free(c->ctx);
	for (size_t i = 0; i < ARRAY_LEN(c->files); i++)
		mem_free(c->files[i]);
	mem_free(c);
}

enum err tls_context_reload(struct tls_context *c, struct why *why)
{
	SSL_CTX *ctx = NULL;
	enum err e = context_make(&ctx, &c->config, why);

	if (e)
		return e;
	SSL_CTX_set_app_data(c->ctx, NULL);
	SSL_CTX_free(c->ctx);
	c->ctx = ctx;
	SSL_CTX_set_app_data(c->ctx, c);
	return ERR_OK;
}

/* Sets the name that the server's certificate must have: an IP address must match an IP name of the
 * certificate, any other name a DNS name. */
static bool expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return true;
	ERR_clear_error();
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

struct bufferevent *tls_wrap(struct tls_context *c, struct event_base *base, int fd,
                             const char *server_name)
{
	bool server = c->config.role == TLS_SERVER;
	SSL *ssl = SSL_new(c->ctx);
	struct bufferevent *bev;

	if (!ssl)
		return NULL;
	if (!server && server_name && !expect_name(ssl, server_name)) {
		SSL_free(ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(
		base, fd, ssl, server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	/* Many peers close TCP without TLS close_notify; HTTP detects truncated messages itself. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

/* Returns the peer's certificate if it was verified; the caller frees it. NULL: there is none. */
static X509 *verified_peer(struct bufferevent *connection)
{
	SSL *ssl = connection ? bufferevent_openssl_get_ssl(connection) : NULL;

	return ssl && SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get1_peer_certificate(ssl)
	                                                      : NULL;
}

static bool peer_has(struct bufferevent *connection, const char *name, unsigned flags)
{
	X509 *cert = verified_peer(connection);
	bool yes = cert && X509_check_host(cert, name, 0, flags, NULL) == 1;

	X509_free(cert);
	return yes;
}

bool tls_peer_names(struct bufferevent *connection, const char *dns_name)
{
	return peer_has(connection, dns_name, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

bool tls_peer_is(struct bufferevent *connection, const char *name)
{
	return peer_has(connection, name, X509_CHECK_FLAG_NO_WILDCARDS);
}

const char *tls_peer_subject(struct bufferevent *connection, char *out, size_t room)
{
	X509 *cert = verified_peer(connection);

	CHECK(room > 0);
	if (!cert || X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out,
	                                       (int)room) < 0)
		out[0] = 0;
	X509_free(cert);
	return out;
}

const char *tls_failure(struct bufferevent *connection, char *out, size_t room)
{
	SSL *ssl = connection ? bufferevent_openssl_get_ssl(connection) : NULL;
	long verify = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	unsigned long code = connection ? bufferevent_get_openssl_error(connection) : 0;
	const char *text = verify != X509_V_OK ? X509_verify_cert_error_string(verify)
	                   : code              ? ERR_reason_error_string(code)
	                                       : "";

	CHECK(room > 0);
	if (str_copy(str_of(text), out, room))
		out[0] = 0;
	return out;
}
