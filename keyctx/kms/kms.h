/* SPDX-License-Identifier: MIT */
/* The Key Management Service without its network: octets of a request in, octets of the answer out
 * (RFC 6043 4.2.1, 4.2.3, 9). Control thread. */
#ifndef KEYCTX_KMS_KMS_H
#define KEYCTX_KMS_KMS_H

#include "keyctx/kms/directory.h"
#include "keyctx/kms/naf.h"
#include "keyctx/kms/store.h"
#include "keyctx/ticket/authority.h"

struct kms;

/* The result of a request. control/kms/kms_http turns it into an HTTP status. */
enum kms_result {
	KMS_GRANTED,     /* REQUEST_RESP or RESOLVE_RESP */
	KMS_REFUSED,     /* a MIKEY Error: the message is valid but can't be served */
	KMS_MALFORMED,   /* not a message that can be read; the answer may be empty */
	KMS_REPLAYED,    /* served before, or its time is too far from now */
	KMS_UNKNOWN_KEY, /* the key is unknown or has expired: bootstrap again */
	KMS_FORBIDDEN,   /* wrong MAC, identity of someone else, or not allowed by policy */
	KMS_LIMITED,     /* too many requests of one user, or the store is full */
	KMS_UNREACHABLE, /* the BSF or the other KMS did not answer */
	KMS_BROKEN,      /* no memory, a write to the store failed, or no random octets */
	KMS_RESULTS
};

/* "granted": metric label and word of audit lines */
const char *kms_result_name(enum kms_result r);

enum kms_operation { KMS_REQUEST, KMS_RESOLVE, KMS_OPERATIONS };

/* One line of the audit trail. Holds no key octets. Views are valid during the call. */
struct kms_audit {
	uint64_t wall_ns;
	enum kms_operation operation;
	enum kms_result result;
	enum mikey_error error; /* of a MIKEY Error, if `has_error` */
	bool has_error;
	const char *text;       /* why it was refused; "" if granted */
	struct mikey_id owner;  /* owner of the sender's key; unset if not yet known */
	struct mikey_id sender; /* as the message claims */
	/* from the ticket's policy: IDRi and the first IDRr; may be unset */
	struct mikey_id initiator, responder;
	/* The other KMS: the one this KMS asks, or the one that asks it. */
	struct mikey_id other_kms;
	uint32_t csb_id;
	int mode; /* 1 to 4; 0: not known yet */
};

typedef void kms_audit_fn(void *arg, const struct kms_audit *line);

struct kms_config {
	struct kms_directory *directory; /* owned by the KMS after kms_new */
	struct kms_store store;
	enum err (*random)(void *ctx, const char *name, uint8_t *out, size_t n);
	void *random_ctx;
	kms_audit_fn *audit; /* may be NULL */
	void *audit_arg;
};

/* Makes a KMS. Takes ownership of `config->directory`, also on failure. ERR_INVALID (no name),
 * ERR_NOMEM, or an error of the store. */
enum err kms_new(struct kms **out, const struct kms_config *config, struct why *why) MUST_USE;
/* All requests must be freed before. */
void kms_free(struct kms *k);
/* Replaces users, rules and keys. Requests that have begun keep the old ones.
 * Takes ownership of `d`. */
void kms_take_directory(struct kms *k, struct kms_directory *d);
const struct kms_directory *kms_get_directory(const struct kms *k);

/*   IDENTIFY --key known--> VERIFY --> SERVE --> ANSWERED
 *      |  ^                             |  ^
 *      v  | key of the BSF              v  | ticket key of the BSF, or the other KMS's answer
 *   WAIT_NAF                    WAIT_TPK, WAIT_PEER
 */
enum kms_wait { KMS_ANSWERED, KMS_WAIT_NAF, KMS_WAIT_PEER };

struct kms_request;

/* Does the client's TLS certificate contain `dns_name`? */
typedef bool kms_names_fn(void *arg, const char *dns_name);

struct kms_request_params {
	enum kms_operation operation;
	struct view octets; /* copied */
	uint64_t wall_ns;
	kms_names_fn *names; /* NULL: no certificate; only called inside kms_request_new */
	void *names_arg;
};

/* Begins a request, which may be answered already. The caller frees it. ERR_NOMEM. */
enum err kms_request_new(struct kms_request **out, struct kms *k,
                         const struct kms_request_params *ask) MUST_USE;
void kms_request_free(struct kms_request *r);
enum kms_wait kms_request_waits_for(const struct kms_request *r);

/* In WAIT_NAF: the B-TID to send to the BSF. */
struct str kms_request_btid(const struct kms_request *r);
/* Continues with the answer of the BSF: ERR_OK with the key, ERR_NOT_FOUND (the BSF does not know
 * the B-TID), or another error (no answer). */
void kms_request_give_naf(struct kms_request *r, enum err e, const struct naf_key *key,
                          uint64_t wall_ns);
/* In WAIT_PEER: the KMS to ask, and the message to send it. */
const struct kms_peer *kms_request_peer(const struct kms_request *r);
struct view kms_request_peer_octets(const struct kms_request *r);
/* Continues with the answer of the other KMS; empty: no answer. */
void kms_request_give_peer(struct kms_request *r, struct view octets, uint64_t wall_ns);

/* In ANSWERED: the result and the answer, which may be empty. */
enum kms_result kms_request_result(const struct kms_request *r);
struct view kms_request_octets(const struct kms_request *r);
unsigned kms_request_retry_after_s(const struct kms_request *r);

/* To be called several times a second. Each call removes a limited number of old messages, old
 * ticket keys, expired keys of the BSF and idle rate counters. */
enum err kms_tick(struct kms *k, uint64_t wall_ns) MUST_USE;
/* Makes a new ticket protection key now, whatever the age of the last one. */
enum err kms_rotate(struct kms *k, uint64_t wall_ns) MUST_USE;

struct kms_stats {
	uint64_t results[KMS_OPERATIONS][KMS_RESULTS];
	uint64_t naf_asked, peer_asked, tpks_made, store_failures;
	size_t users, tpks, replay_entries, rate_entries, requests;
};

void kms_get_stats(const struct kms *k, struct kms_stats *out);

#endif
