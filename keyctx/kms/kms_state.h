/* SPDX-License-Identifier: MIT */
/* What the parts of the KMS share: its state, and one request under way. Not for others. */
#ifndef KEYCTX_KMS_KMS_STATE_H
#define KEYCTX_KMS_KMS_STATE_H

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
	uint64_t last_ntp; /* of messages sent: no two carry one time */
	uint64_t results[KMS_OPERATIONS][KMS_RESULTS];
	uint64_t naf_asked, peer_asked, tpks_made, store_failures;
	uint8_t naf_at[KMS_STORE_KEY_MAX]; /* how far the search for old keys of the BSF is; a walk
	                                      that never ends */
	size_t naf_at_n;
	size_t jobs;
};

enum { JOB_ERROR_MAX = 1024 };

enum job_state {
	JOB_IDENTIFY,
	JOB_WAIT_NAF,
	JOB_SERVE,
	JOB_WAIT_TPK,
	JOB_WAIT_PEER,
	JOB_ANSWERED,
	JOB_STATES
};
enum job_event {
	JOB_ON_ASK_NAF,
	JOB_ON_VERIFIED,
	JOB_ON_ASK_TPK,
	JOB_ON_ASK_PEER,
	JOB_ON_GIVEN_NAF,
	JOB_ON_GIVEN_TPK,
	JOB_ON_GIVEN_PEER,
	JOB_ON_ANSWER,
	JOB_EVENTS
};

/* Whose key a message was protected with. */
enum job_owner { JOB_OWNER_NONE, JOB_OWNER_USER, JOB_OWNER_NAF, JOB_OWNER_PEER, JOB_OWNER_CERT };

/* A key of the BSF, as a record of the store with the views on it. */
struct job_naf {
	struct secret record;
	struct naf_key key;
};

struct kms_job {
	struct kms *k;
	struct kms_directory *d; /* a reference */
	enum kms_operation operation;
	uint8_t state;
	uint64_t wall_ns;
	uint8_t *octets; /* the request */
	size_t n_octets;
	struct ticket_rules rules;
	struct authority *a; /* NULL: not even readable */
	kms_names_fn *names;
	void *names_arg;

	enum job_owner owner;
	const struct kms_user *user;
	const struct kms_peer *asking; /* JOB_OWNER_PEER */
	const char *unknown_why; /* where more is to be said than that nobody has the key; static */
	struct pki_chain *chain;
	struct job_naf naf, tpk_naf;
	char btid[GBA_BTID_MAX + 1];
	bool naf_asked, tpk_asked; /* the BSF is asked once for each */

	const struct kms_peer *peer; /* asked */
	struct ticket_resolve *forward;
	struct ticket_resolution *resolution;

	enum kms_result result;
	struct view answer;
	unsigned retry_after_s;
	int mode;
	uint8_t error_room[JOB_ERROR_MAX];
};

extern const struct step_table kms_request_steps;

/* The name the owner's key is known by; unset when there is none. */
struct mikey_id job_owner_name(const struct kms_job *j);
bool job_owner_has(const struct kms_job *j, struct mikey_id name);
struct mikey_env job_env(struct kms_job *j);

/* Ends the job with a MIKEY Error (keyctx/kms/job.c). */
void job_refuse(struct kms_job *j, enum kms_result result, enum mikey_error no, const char *text);
/* The same with the result and number the failure of a call tells. */
void job_refuse_fault(struct kms_job *j, enum err e, const struct mikey_fault *fault);
void job_answer(struct kms_job *j, struct view octets);
void job_move(struct kms_job *j, enum job_event event);

enum job_found { JOB_FOUND, JOB_ASK_BSF, JOB_UNKNOWN };
/* The key a B-TID names, from the store: filled in when found. `asked`: the BSF was asked for it
 * already. */
enum job_found job_find_naf(struct kms_job *j, struct mikey_id id, bool asked, struct job_naf *out);

/* Verified requests: keyctx/kms/serve.c. Each ends in an answer, or in a wait. */
void serve_request(struct kms_job *j);
void serve_resolve(struct kms_job *j);
void serve_relayed(struct kms_job *j, struct view octets);

#endif
