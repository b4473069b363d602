/* SPDX-License-Identifier: MIT */
/* The Key Management Service without its network: a request's octets in, an answer's octets out
 * (RFC 6043 4.2.1, 4.2.3, 9). */
#ifndef KEYCTX_KMS_KMS_H
#define KEYCTX_KMS_KMS_H

#include "keyctx/kms/directory.h"
#include "keyctx/kms/naf.h"
#include "keyctx/kms/store.h"
#include "keyctx/ticket/authority.h"

struct kms;

/* How a request ended. control/kms/kms_http turns it into a status. */
enum kms_result {
	KMS_GRANTED,     /* REQUEST_RESP or RESOLVE_RESP */
	KMS_REFUSED,     /* a MIKEY Error: the message could not be served */
	KMS_MALFORMED,   /* no message of ours; the answer may be empty */
	KMS_REPLAYED,    /* seen before, or too old or too new */
	KMS_UNKNOWN_KEY, /* nobody has that key, or its life is over: bootstrap again */
	KMS_FORBIDDEN,   /* a wrong MAC, a foreign identity, or policy */
	KMS_LIMITED,     /* too many requests of one user, or no room to remember one more */
	KMS_UNREACHABLE, /* the BSF or the other KMS did not answer */
	KMS_BROKEN,      /* memory, store, random octets */
	KMS_RESULTS
};

const char *kms_result_name(enum kms_result r); /* "granted": metric label and audit word */

enum kms_operation { KMS_REQUEST, KMS_RESOLVE, KMS_OPERATIONS };

/* What happened, for the audit trail: no key and no octet of one. Views live for the call. */
struct kms_audit {
	uint64_t wall_ns;
	enum kms_operation operation;
	enum kms_result result;
	enum mikey_error error; /* of a MIKEY Error, when `has_error` */
	bool has_error;
	const char *text;       /* why not; "" when granted */
	struct mikey_id owner;  /* whose key it was; unset before it was verified */
	struct mikey_id sender; /* as claimed */
	struct mikey_id initiator,
		responder;         /* of the ticket's policy, its first IDRr; may be unset */
	struct mikey_id other_kms; /* asked, or asking */
	uint32_t csb_id;
	int mode; /* 1 to 4; 0: not known */
};

typedef void kms_audit_fn(void *arg, const struct kms_audit *line);

struct kms_config {
	struct kms_directory *directory; /* taken */
	struct kms_store store;
	enum err (*random)(void *ctx, const char *name, uint8_t *out, size_t n);
	void *random_ctx;
	kms_audit_fn *audit; /* may be NULL */
	void *audit_arg;
};

/* `config->directory` is taken whatever comes. */
enum err kms_new(struct kms **out, const struct kms_config *config, struct why *why) MUST_USE;
/* Free every request first. */
void kms_free(struct kms *k);
/* New users, rules and keys; requests under way go on with the old ones. Takes it. */
void kms_take_directory(struct kms *k, struct kms_directory *d);
const struct kms_directory *kms_get_directory(const struct kms *k);

/* --- one request ------------------------------------------------------------ */

/*   IDENTIFY --key known--> VERIFY --> SERVE --> ANSWERED
 *      |  ^                             |  ^
 *      v  | key of the BSF              v  | ticket key of the BSF, or the other KMS's answer
 *   WAIT_NAF                    WAIT_TPK, WAIT_PEER
 */
enum kms_wait { KMS_ANSWERED, KMS_WAIT_NAF, KMS_WAIT_PEER };

struct kms_request;

/* Does the client's TLS certificate name `dns_name`? */
typedef bool kms_names_fn(void *arg, const char *dns_name);

struct kms_request_params {
	enum kms_operation operation;
	struct view octets; /* copied */
	uint64_t wall_ns;
	kms_names_fn *names; /* NULL: no certificate; called inside kms_request_new only */
	void *names_arg;
};

/* ERR_NOMEM; else a request, which may be answered already. */
enum err kms_request_new(struct kms_request **out, struct kms *k,
                         const struct kms_request_params *ask) MUST_USE;
void kms_request_free(struct kms_request *r);
enum kms_wait kms_request_waits_for(const struct kms_request *r);

/* WAIT_NAF: the B-TID to ask the BSF for. */
struct str kms_request_btid(const struct kms_request *r);
/* What the BSF said: ERR_OK with the key, ERR_NOT_FOUND (unknown there), or another error (not
 * reachable). Goes on. */
void kms_request_give_naf(struct kms_request *r, enum err e, const struct naf_key *key,
                          uint64_t wall_ns);
/* WAIT_PEER: the KMS to ask and what to send it. */
const struct kms_peer *kms_request_peer(const struct kms_request *r);
struct view kms_request_peer_octets(const struct kms_request *r);
/* Its answer; empty: none came. */
void kms_request_give_peer(struct kms_request *r, struct view octets, uint64_t wall_ns);

/* ANSWERED. `octets` may be empty. */
enum kms_result kms_request_result(const struct kms_request *r);
struct view kms_request_octets(const struct kms_request *r);
unsigned kms_request_retry_after_s(const struct kms_request *r);

/* --- housekeeping ----------------------------------------------------------- */

/* Some times a second: forgets old messages, old keys, keys of the BSF whose life is over, idle
 * rate counters; a part of them each time. */
enum err kms_tick(struct kms *k, uint64_t wall_ns) MUST_USE;
/* A new ticket protection key at once. */
enum err kms_rotate(struct kms *k, uint64_t wall_ns) MUST_USE;

struct kms_stats {
	uint64_t results[KMS_OPERATIONS][KMS_RESULTS];
	uint64_t naf_asked, peer_asked, tpks_made, store_failures;
	size_t users, tpks, replay_entries, rate_entries, requests;
};

void kms_get_stats(const struct kms *k, struct kms_stats *out);

#endif
