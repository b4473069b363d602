/* SPDX-License-Identifier: MIT */
/* Plays the sessions of vectors/mikey-vectors.json: two terminals and a KMS in memory, with the
 * random octets of the vectors. */
#ifndef TESTS_HARNESS_MIKEY_VECTORS_H
#define TESTS_HARNESS_MIKEY_VECTORS_H

#include <jansson.h>

#include "keyctx/ticket/responder.h"
#include "keyctx/ticket/authority.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"

/* Returns the whole file, which is read only once. */
json_t *play_vectors(void);
/* Finds a row of "sessions", "updates" or "must_reject" by name; NULL if there is none. */
json_t *play_session(const char *name);

size_t play_hex(json_t *o, const char *key, uint8_t *out, size_t room);

enum play_who { PLAY_ALICE, PLAY_BOB, PLAY_CAROL, PLAY_KMS, PLAY_WHO };
enum play_step {
	PLAY_REQUEST_INIT,
	PLAY_REQUEST_RESP,
	PLAY_TRANSFER_INIT,
	PLAY_RESOLVE_INIT,
	PLAY_RESOLVE_RESP,
	PLAY_TRANSFER_RESP,
	PLAY_STEPS
};
extern const char *const play_step_names[];

/* A party's credentials, clock and random octets. */
struct play_party {
	json_t *json;
	const char *name;
	struct mikey_id me[4];
	size_t n_me;
	uint8_t psk[64], psk_id[64];
	struct mikey_cred cred;
	struct mikey_id kms;
	uint8_t tpk[4][64], tpk_id[4][16];
	struct ticket_tpk tpks[4];
	struct mikey_id tpk_owner[4];
	size_t n_tpks;
	struct pki_key *key;
	struct pki_chain *chain;
	struct pki_cert *kms_cert;
	struct pki_trust *trust;
	struct mikey_env env;
	uint64_t last_ntp;
	struct play *play;
	struct play_drawn {
		char name[24];
		uint8_t octets[512];
		size_t n;
		bool used;
	} drawn[64];
	size_t n_drawn;
};

struct play {
	json_t *json;
	int mode;
	bool pk;
	/* true: random octets that the vectors do not have come from the system; false: the test
	 * fails where the vectors have none */
	bool fresh_random;
	enum play_who responder;
	struct ticket_rules rules;
	struct play_party party[PLAY_WHO];
	struct mikey_fault fault;
	struct mikey_id peer;                     /* receiver of the offer */
	uint8_t m[PLAY_STEPS][MIKEY_MESSAGE_MAX]; /* messages sent so far */
	size_t len[PLAY_STEPS];
	struct ticket_request *request;
	struct ticket_grant *grant;
	struct ticket_initiator *offer;
	struct ticket_responder *answer;
	struct ticket_resolve *resolve;
	struct ticket_resolution *resolution;
	struct ticket_csb *csb[2]; /* of Alice, and of the responder */
};

struct play *play_new(json_t *session);
void play_free(struct play *p);
/* Frees the exchanges and keeps the parties. */
void play_reset(struct play *p);

struct view play_view(const struct play *p, enum play_step step);
/* Each step reads the message before it from `in`, and writes its own message to m[]. */
enum err play_request(struct play *p);
enum err play_kms(struct play *p, struct view in, enum play_step out);
enum err play_granted(struct play *p, struct view in);
enum err play_create(struct play *p);
enum err play_offer(struct play *p);
/* Reads the offer. Writes RESOLVE_INIT, or opens the ticket with a TPK of the responder. */
enum err play_offered(struct play *p, struct view in);
enum err play_resolved(struct play *p, struct view in);
enum err play_finish(struct play *p);
enum err play_answered(struct play *p, struct view in);
/* Plays all steps of the mode. */
enum err play_all(struct play *p);
/* True if the ticket requires a TRANSFER_RESP. */
bool play_responds(const struct play *p);

struct mikey_id play_uri(const char *text);
/* Copies the message `in` to `out` (MIKEY_MESSAGE_MAX octets) with a counter as its T; the MAC is
 * wrong then. */
struct view mikey_with_counter(struct view in, uint8_t *out);

#endif
