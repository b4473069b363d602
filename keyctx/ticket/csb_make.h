/* SPDX-License-Identifier: MIT */
/* struct ticket_csb, and what initiator, responder and csb share to make one and to build its
 * messages. Private to keyctx/ticket. */
#ifndef KEYCTX_TICKET_CSB_MAKE_H
#define KEYCTX_TICKET_CSB_MAKE_H

#include "keyctx/ticket/csb.h"

enum {
	CSB_POLICIES_MAX = 32, /* SPs of one side over the life of a bundle */
	CSB_OWN_TIMES = 16, /* own timestamps remembered, against reflections and reuse of an IV */
};

/* Octets we own. */
struct csb_octets {
	uint8_t *p;
	size_t n;
};

static inline struct view csb_octets_view(const struct csb_octets *o)
{
	return (struct view){.p = o->p, .n = o->n};
}

enum err csb_octets_set(struct csb_octets *o, struct view v) MUST_USE;

/* SPs by the side that sent them: index 0 the initiator's, 1 the responder's. */
struct csb_policies {
	struct csmap_policy of[2][CSB_POLICIES_MAX];
	size_t n[2];
};

/* Keys and sessions; in secret memory. */
struct csb_secret {
	uint8_t mpk_len;
	uint8_t mpk[MIKEY_KEY_MAX]; /* what protects updates: MPKi, or MPKr' */
	struct mikey_keys keys;
	size_t n;
	struct csmap_session sessions[];
};

struct ticket_csb {
	struct ticket_rules rules;
	uint8_t state;
	bool is_initiator;
	uint8_t phase; /* of the last message of the initial exchange: 1 or 2 (decision 0010.40) */
	struct mikey_algs algs;
	uint16_t flags;
	uint32_t csb_id;
	struct csb_octets id_octets[2];
	struct mikey_id id[2]; /* initiator, responder */
	uint8_t randi_len, randr_len, randi[255], randr[255];
	struct csb_policies policies;
	struct csb_secret *secret;
	struct csb_octets sent, received, reply,
		pending; /* pending: our update that waits for its response */
	struct mikey_keys *pending_keys;
	struct csb_policies *pending_policies;
	uint8_t ticket_hash[32]; /* SHA-256 of the TICKET payload: an update may repeat it, not
	                            change it */
	uint64_t max_t; /* the latest time of either side; counters lie on another line and do not
	                   count */
	bool has_peer_t;
	struct mikey_ts peer_t;
	uint64_t own_t[CSB_OWN_TIMES];
	size_t n_own_t;
};

/* Gives up an update that waits for its response. */
void csb_drop_pending(struct ticket_csb *c);
/* The next T of this side will be later than this one. */
void csb_raise_time(struct ticket_csb *c, struct mikey_ts ts);
/* A T that was sent or accepted. */
void csb_note_time(struct ticket_csb *c, struct mikey_ts ts, bool own);

/* What an initial exchange has settled. */
struct csb_agreed {
	const struct ticket_rules *rules;
	bool is_initiator;
	const struct mikey_msg *init, *resp; /* resp NULL: the policy wants none */
	uint16_t flags;
	struct mikey_algs algs;
	struct mikey_id id_i, id_r;
	struct view mpk; /* MPKi, or MPKr' */
	const struct mikey_keys *keys;
};

/* Derives every session of the exchange's last message. */
enum err csb_new(struct ticket_csb **out, const struct csb_agreed *from,
                 struct mikey_fault *fault) MUST_USE;

/* What the sessions of a CSB are derived from. */
struct csb_source {
	const struct csb_policies *policies;
	const struct mikey_msg *last; /* its crypto sessions count */
	unsigned side;                /* that sent `last` */
	struct view mpk;
	const struct mikey_keys *keys;
};

/* Makes a new secret part: the keys, and a session for each crypto session of `last`. */
enum err csb_derive(struct csb_secret **out, const struct ticket_csb *c,
                    const struct csb_source *from, struct mikey_fault *fault) MUST_USE;

/* Takes the SPs of a message of that side (0, 1). */
enum err csb_take_policies(struct csb_policies *p, const struct mikey_msg *m, unsigned side,
                           struct mikey_fault *fault) MUST_USE;
/* Numbers are each side's own: the sender's first, then the other's (decision 0010.23). NULL:
 * nobody sent it. */
const struct csmap_policy *csb_policy(const struct csb_policies *p, unsigned sender, unsigned no);

/* A crypto session on its way into a header. */
struct csb_cs_room {
	uint8_t session[10];
};

void csb_cs_write(struct mikey_cs *out, struct csb_cs_room *room, const struct ticket_cs *cs);

/* Every session complete: one policy, SSRC, SPI (RFC 6043 4.2.2.3). */
enum err csb_check_complete(const struct mikey_msg *m, struct mikey_fault *fault) MUST_USE;
/* `answer` against `offer`: complete, none dropped, every policy offered or brought along. */
enum err csb_check_answer(const struct mikey_msg *offer, const struct mikey_msg *answer,
                          struct mikey_fault *fault) MUST_USE;

/* The crypto sessions of one message. SPIs view octets that are named where it is filled. */
struct csb_sessions {
	struct ticket_cs cs[MIKEY_CS_MAX];
	size_t n;
};

/* What the crypto sessions of an answer are chosen from. */
struct csb_choice {
	const struct mikey_msg *offer;
	unsigned sender; /* the side that sent `offer` */
	const struct csb_policies *policies;
	const struct mikey_keys *keys;
	const struct ticket_cs *given; /* what the caller wants otherwise, by CS ID; or added */
	size_t n_given;
};

/*
 * For each crypto session of the offer: the first policy that is a suite of ours, a random SSRC if
 * the offer has none, and the SPI of the first session key if it has none; `given` overrides all
 * three. Then the sessions that only `given` has. SPIs view the keys, `given` or the offer.
 */
enum err csb_choose_sessions(struct csb_sessions *out, const struct csb_choice *from,
                             const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;

/* TRANSFER_INIT's MAC leaves Initiator Data and its length out (RFC 6043 5.5): two pieces; the
 * second ends before V's MAC. */
enum err csb_mac_parts(const struct mikey_msg *m, struct view parts[2],
                       struct mikey_fault *fault) MUST_USE;

void csb_add_policies(struct mikey_build *b, const struct csmap_policy *p, size_t n);
/* Adds a KEMAC of session keys; none for NULL or an empty set. */
enum err csb_add_kemac(struct mikey_build *b, unsigned encr, const struct mikey_kemac_seed *under,
                       const struct mikey_keys *keys) MUST_USE;

/* A received transfer message that may have a KEMAC. */
struct csb_sealed {
	const struct mikey_msg *msg;
	const struct mikey_msg_keys *msg_keys;
	struct mikey_algs algs;
	bool is_allowed;  /* the flag of the sender's side, L or M, is set */
	bool accept_null; /* keys in clear are accepted */
};

/* Opens the KEMAC of a message, if it has one, and adds its keys to `keys`. ERR_DENIED when its
 * sender may supply none. */
enum err csb_open_kemac(struct mikey_keys *keys, const struct csb_sealed *from,
                        struct mikey_fault *fault) MUST_USE;
/* Are RANDRi and RANDRr, `rand_len` octets together, as long as the longest key
 * (RFC 6043 12.1)? */
enum err csb_check_rand(const struct ticket_rules *rules, size_t rand_len, size_t mpk_len,
                        const struct mikey_keys *keys, struct mikey_fault *fault) MUST_USE;

#endif
