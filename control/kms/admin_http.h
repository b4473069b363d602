/* SPDX-License-Identifier: MIT */
/* The provisioning listener of a KMS: HTTPS with client certificates, for programs that add, change
 * and remove users (docs/kms.md). */
#ifndef CONTROL_KMS_ADMIN_HTTP_H
#define CONTROL_KMS_ADMIN_HTTP_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "keyctx/kms/kms.h"

struct event_base;
struct tls_context;
struct admin_http;
struct test_env;

/* A change or a refusal, for the audit trail. It holds no key. Its pointers are valid during the
 * callback. */
struct admin_audit {
	uint64_t wall_ns;
	const char *operation; /* "user-put" */
	int status;            /* HTTP status of the answer */
	const char *client;    /* name of the certificate; "" if it has none */
	const char *role;      /* "admin"; "" if the client has no role */
	struct addr from;
	struct mikey_id user; /* unset if the request names none */
	const char *text;     /* why it was refused; "" if it was not */
};

typedef void admin_audit_fn(void *arg, const struct admin_audit *line);

struct admin_http_config {
	struct kms *kms;             /* borrowed */
	const struct test_env *time; /* borrowed; for the current time */
	struct addr listen;
	struct tls_context *tls; /* borrowed; must require client certificates, and wipe */
	admin_audit_fn *audit;
	void *audit_arg;
};

/* ERR_IO (the address is not available), ERR_NOMEM. */
enum err admin_http_new(struct admin_http **out, struct event_base *base,
                        const struct admin_http_config *config, struct why *why) MUST_USE;
/* Takes NULL. */
void admin_http_free(struct admin_http *h);
struct addr admin_http_addr(const struct admin_http *h);
/* Appends the metrics of the listener as Prometheus text. */
void admin_http_metrics(const struct admin_http *h, struct buf *out);

#endif
