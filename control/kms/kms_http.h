/* SPDX-License-Identifier: MIT */
/* The KMS over HTTP(S): Ua of TS 33.328, Zn to the BSF, and the KMSs of other domains. */
#ifndef CONTROL_KMS_KMS_HTTP_H
#define CONTROL_KMS_KMS_HTTP_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "keyctx/kms/kms.h"

struct event_base;
struct http_incoming;
struct http_request;
struct tls_context;
struct kms_http;
struct test_env;

struct kms_http_config {
	struct kms *kms; /* borrowed */
	const struct test_env *time;
	struct addr listen;
	struct tls_context
		*tls; /* the listener's; NULL: plain HTTP, since MIKEY has its own security */
	struct tls_context *tls_client; /* towards BSF and peers; NULL: http:// only */
	unsigned waiting_max; /* requests waiting for BSF or peers; further ones get 502 */
	unsigned timeout_ms;  /* for answers of BSF and peers */
};

enum err kms_http_new(struct kms_http **out, struct event_base *base,
                      const struct kms_http_config *config, struct why *why) MUST_USE;
void kms_http_free(struct kms_http *h);
struct addr kms_http_addr(const struct kms_http *h);
/* Prometheus text of the KMS and its listener. */
void kms_http_metrics(const struct kms_http *h, struct buf *out);

/* --- the binding, for terminals too ----------------------------------------- */

/* "/keymanagement?requesttype=ticketrequest": appended to a KMS's URL. */
const char *kms_http_target(enum kms_operation op);
#define KMS_HTTP_TYPE "application/mikey"

#endif
