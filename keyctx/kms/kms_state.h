/* SPDX-License-Identifier: MIT */
/* struct kms and struct kms_request, with the functions that kms.c, kms_request.c and serve.c
 * share. Private to keyctx/kms. */
#ifndef KEYCTX_KMS_KMS_STATE_H
#define KEYCTX_KMS_KMS_STATE_H

#include "keyctx/kms/asks.h"
#include "keyctx/kms/gba.h"
#include "keyctx/kms/kms.h"
#include "keyctx/kms/rate.h"
#include "keyctx/kms/tpk.h"
#include "keyctx/ticket/step.h"

struct kms {
	struct kms_config config;
	struct kms_directory *directory;
	struct kms_tpks tpks;
	struct rate *rate;
	struct asks *asks;
	uint64_t last_ntp; /* T of the last message sent; the next T must be later */
	uint64_t results[KMS_OPERATIONS][KMS_RESULTS];
	uint64_t naf_asked, naf_refused, peer_asked, tpks_made, store_failures, clock_back;
	/* store key after which the next search for expired keys from a BSF continues */
	uint8_t naf_at[KMS_STORE_KEY_MAX];
	size_t naf_at_n;
	size_t requests;
	uint64_t generation;    /* how often the directory was replaced */
	uint64_t users_skipped; /* users of the store that conflict with another user */
};

enum { KMS_ERROR_MAX = 1024, KMS_REASON_MAX = 320 };

enum kms_request_state {
	KMS_REQUEST_IDENTIFY,
	KMS_REQUEST_WAIT_NAF,
	KMS_REQUEST_SERVE,
	KMS_REQUEST_WAIT_TPK,
	KMS_REQUEST_WAIT_PEER,
	KMS_REQUEST_ANSWERED,
	KMS_REQUEST_STATES
};
enum kms_request_event {
	KMS_REQUEST_ON_ASK_NAF,
	KMS_REQUEST_ON_VERIFIED,
	KMS_REQUEST_ON_ASK_TPK,
	KMS_REQUEST_ON_ASK_PEER,
	KMS_REQUEST_ON_GIVEN_NAF,
	KMS_REQUEST_ON_GIVEN_TPK,
	KMS_REQUEST_ON_GIVEN_PEER,
	KMS_REQUEST_ON_ANSWER,
	KMS_REQUEST_EVENTS
};

/* Who owns the key that protects the message. */
enum kms_owner { KMS_OWNER_NONE, KMS_OWNER_USER, KMS_OWNER_NAF, KMS_OWNER_PEER, KMS_OWNER_CERT };

/* A key from a BSF: its record in the store, and `key`, whose views point into the record. */
struct kms_naf {
	struct secret record;
	struct naf_key key;
};

struct kms_request {
	struct kms *k;
	struct kms_directory *d; /* holds one reference */
	enum kms_operation operation;
	uint8_t state;
	uint64_t wall_ns;
	uint8_t *octets; /* octets of the request; owned */
	size_t n_octets;
	struct ticket_rules rules;
	struct authority *a; /* NULL: the request could not be decoded */
	kms_names_fn *names;
	void *names_arg;

	enum kms_owner owner;
	struct kms_user *user; /* holds one reference; NULL: no user has the key */
	/* the peer KMS that sent the request, if `owner` is KMS_OWNER_PEER */
	const struct kms_peer *asking;
	/* special reason why the key is unknown, static text; NULL: none */
	const char *unknown_why;
	struct pki_chain *chain;
	struct kms_naf naf, tpk_naf;
	char btid[GBA_BTID_MAX + 1];
	/* true: the BSF was already asked for the sender's key (naf) or the ticket's key (tpk) */
	bool naf_asked, tpk_asked;
	bool is_asking; /* true: counted in k->asks */
	uint8_t source[KMS_SOURCE_MAX];
	size_t n_source;

	/* the peer KMS to which the request is forwarded; NULL: none */
	const struct kms_peer *peer;
	struct ticket_resolve *forward;
	struct ticket_resolution *resolution;

	enum kms_result result;
	struct view answer;
	unsigned retry_after_s;
	int mode;
	char reason[KMS_REASON_MAX];
	uint8_t error_room[KMS_ERROR_MAX];
};

/* Returns how long the store keeps a message at most: T may be in the future by the skew, and the
 * entry is removed when T is twice the skew in the past. */
static inline uint64_t kms_keep_ns(const struct kms_policy *p)
{
	return 3 * (uint64_t)p->skew_s * 1000000000u;
}

/* Returns the identity of the key's owner; unset if no owner is known. */
struct mikey_id kms_owner_name(const struct kms_request *r);
/* Return the number of the owner's identities, and identity `i`; identity 0 is kms_owner_name. */
size_t kms_owner_names(const struct kms_request *r);
struct mikey_id kms_owner_name_at(const struct kms_request *r, size_t i);
bool kms_owner_has(const struct kms_request *r, struct mikey_id name);
/* Returns octets that name the owner for limits: also set if the owner has no identity. */
struct view kms_owner_key(const struct kms_request *r);
/* Returns the pre-shared key of the owner; empty if it has none. */
struct view kms_owner_psk(const struct kms_request *r);
struct mikey_env kms_request_env(struct kms_request *r);

/* Ends the request with a MIKEY Error; `text` goes to the audit trail. */
void kms_request_refuse(struct kms_request *r, enum kms_result result, enum mikey_error no,
                        const char *text);
/* Like kms_request_refuse; `e` and `fault->no` decide the result. */
void kms_request_refuse_fault(struct kms_request *r, enum err e, const struct mikey_fault *fault);
void kms_request_answer(struct kms_request *r, struct view octets);
void kms_request_move(struct kms_request *r, enum kms_request_event event);

enum kms_key_found { KMS_KEY_FOUND, KMS_KEY_ASK_BSF, KMS_KEY_UNKNOWN };
/* Finds the owner of the key that protects the request, and sets r->owner. */
enum kms_key_found kms_request_find_owner(struct kms_request *r);
/* Makes the request wait for the BSF (`event` says for which key), or refuses it if the BSF is
 * asked too often. */
void kms_request_ask_bsf(struct kms_request *r, enum kms_request_event event);
/* Looks up the key of a B-TID in the store, and fills in `out` if it is found. `asked`: the BSF was
 * already asked for this key. */
enum kms_key_found kms_request_find_naf(struct kms_request *r, struct mikey_id id, bool asked,
                                        struct kms_naf *out);

/* These functions serve a verified request (keyctx/kms/serve.c). Each one answers the request, or
 * makes it wait for a BSF or another KMS. */
void serve_request(struct kms_request *r);
void serve_resolve(struct kms_request *r);
void serve_relayed(struct kms_request *r, struct view octets);

/* Add the users of the store at the start, and those that another KMS has changed since.
 * kms_provision_load: ERR_EXISTS (a user conflicts with the credentials file), ERR_SYNTAX,
 * ERR_NOMEM, or an error of the store. */
enum err kms_provision_load(struct kms *k, struct why *why) MUST_USE;
enum err kms_provision_follow(struct kms *k) MUST_USE;
/* Copies the provisioned users of one directory to another. On failure some are copied already.
 * ERR_EXISTS: `why` names both users; ERR_NOMEM. */
enum err kms_provision_carry(struct kms_directory *to, const struct kms_directory *from,
                             struct why *why) MUST_USE;

#endif
