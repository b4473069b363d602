/* SPDX-License-Identifier: MIT */
/* The HTTP(S) interfaces of a KMS: to terminals (Ua of TS 33.328), the BSF (Zn) and other KMSs. */
#ifndef CONTROL_KMS_KMS_HTTP_H
#define CONTROL_KMS_KMS_HTTP_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "control/net/admit.h"
#include "keyctx/kms/kms.h"

struct event_base;
struct http_incoming;
struct http_request;
struct tls_context;
struct kms_http;
struct test_env;

struct kms_http_config {
	struct kms *kms;             /* borrowed */
	const struct test_env *time; /* borrowed; for the current time */
	struct addr listen;
	struct tls_context *tls; /* of the listener; NULL: plain HTTP (MIKEY protects itself) */
	struct tls_context *tls_client; /* for requests to BSF and peers; NULL: http:// only */
	struct admit_limits limits;     /* of the listener; idle_s is not used */
	unsigned waiting_max;           /* maximum number of requests that wait for BSF or peers */
	unsigned timeout_ms; /* maximum time that a request waits for answers of BSF and peers */
};

enum err kms_http_new(struct kms_http **out, struct event_base *base,
                      const struct kms_http_config *config, struct why *why) MUST_USE;
/* Closes the listener and all connections; requests that wait get no answer. Takes NULL. */
void kms_http_free(struct kms_http *h);
/* The address of the listener, with the port that the system chose. */
struct addr kms_http_addr(const struct kms_http *h);
/* Appends the metrics of the KMS and its listener as Prometheus text. */
void kms_http_metrics(const struct kms_http *h, struct buf *out);

/* --- how requests look in HTTP; for terminals too ----------------------------------------- */

/* Returns the text to append to the URL of a KMS: "/keymanagement?requesttype=ticketrequest". */
const char *kms_http_target(enum kms_operation op);
#define KMS_HTTP_TYPE "application/mikey"
/* The header of an answer that says in words why the KMS refused the request. It is not
 * authenticated, except by TLS. */
#define KMS_HTTP_REASON "Mikey-Reason"

#endif
