/* SPDX-License-Identifier: MIT */
/* The Key Management Service without its network: takes the octets of a request, gives the octets
 * of the answer (RFC 6043 4.2.1, 4.2.3, 9). Control thread only. */
#ifndef KEYCTX_KMS_KMS_H
#define KEYCTX_KMS_KMS_H

#include "keyctx/kms/directory.h"
#include "keyctx/kms/naf.h"
#include "keyctx/kms/store.h"
#include "keyctx/ticket/authority.h"

struct kms;

/* The result of a request. control/kms/kms_http.c turns it into an HTTP status. */
enum kms_result {
	KMS_GRANTED, /* the answer is a REQUEST_RESP or a RESOLVE_RESP */
	/* the message is authentic but can't be served; the answer is a MIKEY Error with a MAC */
	KMS_REFUSED,
	/* the message can't be decoded or processed, and its sender is not authenticated; the
	 * answer may be empty */
	KMS_MALFORMED,
	KMS_REPLAYED,    /* the message was served before, or its time is too far from now */
	KMS_UNKNOWN_KEY, /* the key is unknown or has expired: bootstrap again */
	/* the MAC is wrong, the identity is another user's, or the policy forbids it */
	KMS_FORBIDDEN,
	KMS_LIMITED,     /* too many requests of this user, or the store is full: try again later */
	KMS_UNREACHABLE, /* the BSF or the other KMS did not answer */
	KMS_BROKEN,      /* out of memory, the store can't be written, or no random octets */
	KMS_RESULTS
};

/* Returns the name of a result, such as "granted", for metric labels and audit lines. */
const char *kms_result_name(enum kms_result r);

enum kms_operation { KMS_REQUEST, KMS_RESOLVE, KMS_OPERATIONS };

/* One line of the audit trail. It holds no key octets. Its views are valid during the callback. */
struct kms_audit {
	uint64_t wall_ns;
	enum kms_operation operation;
	enum kms_result result;
	enum mikey_error error; /* number of the MIKEY Error, valid if `has_error` */
	bool has_error;
	const char *text;       /* why the request was refused; "" if it was granted */
	struct mikey_id owner;  /* owner of the sender's key; unset if not yet known */
	struct mikey_id sender; /* the sender that the message names */
	/* IDRi and the first IDRr of the ticket's policy; may be unset */
	struct mikey_id initiator, responder;
	/* the peer KMS that this KMS asks, or that asks this KMS; unset if none */
	struct mikey_id other_kms;
	uint32_t csb_id;
	int mode; /* mode of the ticket (RFC 6043 4.1.1), 1 to 4; 0: not yet known */
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

/* Creates a KMS. Takes ownership of `config->directory`, also on failure. ERR_INVALID (the KMS has
 * no identity), ERR_NOMEM, or an error of the store. */
enum err kms_new(struct kms **out, const struct kms_config *config, struct why *why) MUST_USE;
/* Frees the KMS. The caller must have freed all requests before. */
void kms_free(struct kms *k);
/* Replaces users, rules and keys; provisioned users stay. Requests that have already begun keep the
 * old ones. Takes ownership of `d`, also on failure, when nothing changes. ERR_EXISTS: a user of
 * `d` has a name, key id or private identity of a provisioned user; ERR_NOMEM. */
enum err kms_take_directory(struct kms *k, struct kms_directory *d, struct why *why) MUST_USE;
const struct kms_directory *kms_get_directory(const struct kms *k);

/*
 * The states of a request. A refused request goes to ANSWERED from IDENTIFY or SERVE:
 *   IDENTIFY -- key found, message verified --> SERVE --> ANSWERED
 *     |  ^                                      |  ^
 *     v  | key from the BSF                     v  | ticket key from the BSF, peer's answer
 *   WAIT_NAF                              WAIT_TPK, WAIT_PEER
 */
enum kms_wait { KMS_ANSWERED, KMS_WAIT_NAF, KMS_WAIT_PEER };

struct kms_request;

/* Returns true if the client's TLS certificate contains `dns_name`. */
typedef bool kms_names_fn(void *arg, const char *dns_name);

struct kms_request_params {
	enum kms_operation operation;
	struct view octets; /* copied */
	uint64_t wall_ns;
	/* NULL: the client has no certificate; called only inside kms_request_new */
	kms_names_fn *names;
	void *names_arg;
	/* octets that tell clients apart, such as the IP address; copied; empty: unknown. At most
	 * KMS_SOURCE_MAX. Limits how often the BSF is asked about unknown B-TIDs */
	struct view source;
};

enum { KMS_SOURCE_MAX = 16 };

/* Begins a request; it may already be answered when the function returns. The caller frees it.
 * ERR_NOMEM. */
enum err kms_request_new(struct kms_request **out, struct kms *k,
                         const struct kms_request_params *ask) MUST_USE;
void kms_request_free(struct kms_request *r);
enum kms_wait kms_request_waits_for(const struct kms_request *r);

/* While the request waits for a BSF: the B-TID to send to the BSF. */
struct str kms_request_btid(const struct kms_request *r);
/* Continues with the answer of the BSF: ERR_OK with the key, ERR_NOT_FOUND (the BSF does not know
 * the B-TID), ERR_LIMIT (too many requests wait already), or another error (no answer). */
void kms_request_give_naf(struct kms_request *r, enum err e, const struct naf_key *key,
                          uint64_t wall_ns);
/* While the request waits for another KMS: the KMS to ask, and the message to send to it. */
const struct kms_peer *kms_request_peer(const struct kms_request *r);
struct view kms_request_peer_octets(const struct kms_request *r);
/* Continues with the answer of the other KMS: ERR_OK with its octets, ERR_LIMIT (not asked, because
 * too many requests wait), or another error (no answer). */
void kms_request_give_peer(struct kms_request *r, enum err e, struct view octets, uint64_t wall_ns);

/* When the request is answered: the result and the answer, which may be empty. */
enum kms_result kms_request_result(const struct kms_request *r);
struct view kms_request_octets(const struct kms_request *r);
/* Why the request was refused, for the client; empty if it was granted. Tells a sender that is not
 * authenticated nothing about users and keys. */
const char *kms_request_reason(const struct kms_request *r);
unsigned kms_request_retry_after_s(const struct kms_request *r);

/* Call this several times a second. Each call removes a limited number of old messages, old ticket
 * keys, expired keys from a BSF, and idle rate counters. */
enum err kms_tick(struct kms *k, uint64_t wall_ns) MUST_USE;
/* Makes a new ticket protection key now, even if the last one is not old. */
enum err kms_rotate(struct kms *k, uint64_t wall_ns) MUST_USE;

struct kms_stats {
	uint64_t results[KMS_OPERATIONS][KMS_RESULTS];
	uint64_t naf_asked, naf_refused, peer_asked, tpks_made, store_failures;
	/* requests refused because their T is not later than that of messages already forgotten:
	 * the clock was set back */
	uint64_t clock_back;
	size_t nafs_unknown;    /* B-TIDs remembered that the BSF does not know */
	uint64_t users_skipped; /* users of the store that conflict with another user */
	uint64_t generation;    /* how often kms_take_directory replaced the directory */
	size_t users, tpks, replay_entries, rate_entries, requests;
};

void kms_get_stats(const struct kms *k, struct kms_stats *out);

#endif
