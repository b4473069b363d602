/* SPDX-License-Identifier: MIT */
/* struct ticket_csb, and the functions with which initiator, responder and csb make a bundle and
 * build its messages. Private to keyctx/ticket. */
#ifndef KEYCTX_TICKET_CSB_MAKE_H
#define KEYCTX_TICKET_CSB_MAKE_H

#include "keyctx/ticket/csb.h"

enum {
	CSB_POLICIES_MAX = 32, /* most SRTP policies of one side during the life of a bundle */
	CSB_OWN_TIMES = 16, /* own timestamps kept, to detect reflected messages and a reused IV */
};

/* Octets owned by the struct that contains them. */
struct csb_octets {
	uint8_t *p;
	size_t n;
};

static inline struct view csb_octets_view(const struct csb_octets *o)
{
	return (struct view){.p = o->p, .n = o->n};
}

enum err csb_octets_set(struct csb_octets *o, struct view v) MUST_USE;

/* SRTP policies by the side that sent them: index 0 is the initiator, 1 the responder. */
struct csb_policies {
	struct csmap_policy of[2][CSB_POLICIES_MAX];
	size_t n[2];
};

/* Keys and sessions; in secret memory. */
struct csb_secret {
	uint8_t mpk_len;
	uint8_t mpk[MIKEY_KEY_MAX]; /* protects updates: MPKi, or MPKr' with forking */
	struct mikey_keys keys;
	size_t n;
	struct csmap_session sessions[];
};

struct ticket_csb {
	struct ticket_rules rules;
	uint8_t state;
	bool is_initiator;
	/* phase of the last message of the initial exchange: 1 or 2 (decision 0010.40) */
	uint8_t phase;
	struct mikey_algs algs;
	uint16_t flags;
	uint32_t csb_id;
	struct csb_octets id_octets[2];
	struct mikey_id id[2]; /* index 0: initiator, 1: responder */
	uint8_t randi_len, randr_len, randi[255], randr[255];
	/* RANDRkms of the initial exchange, which an update may repeat but not change */
	uint8_t randkms_len, randkms[255];
	struct csb_policies policies;
	struct csb_secret *secret;
	/* latest messages; `reply` answers `received`; `pending` is the own update that waits for
	 * its response */
	struct csb_octets sent, received, reply, pending;
	struct mikey_keys *pending_keys;
	struct csb_policies *pending_policies;
	/* SHA-256 of payload TICKET, which an update may repeat but not change */
	uint8_t ticket_hash[32];
	uint64_t max_t; /* latest time of either side, as 64-bit NTP; counters are not included */
	bool has_peer_t;
	struct mikey_ts peer_t;
	uint64_t own_t[CSB_OWN_TIMES];
	size_t n_own_t;
};

/* Frees the update that waits for its response, if there is one. */
void csb_drop_pending(struct ticket_csb *c);
/* Makes the next T of this side later than `ts`. */
void csb_raise_time(struct ticket_csb *c, struct mikey_ts ts);
/* Records a T that this side sent (`own`) or accepted from the peer. */
void csb_note_time(struct ticket_csb *c, struct mikey_ts ts, bool own);

/* The result of an initial exchange. Borrowed by csb_new. */
struct csb_agreed {
	const struct ticket_rules *rules;
	bool is_initiator;
	/* `resp` is NULL if the policy has no TRANSFER_RESP (F=0) */
	const struct mikey_msg *init, *resp;
	uint16_t flags;
	struct mikey_algs algs;
	struct mikey_id id_i, id_r;
	struct view mpk; /* MPKi, or MPKr' with forking */
	const struct mikey_keys *keys;
};

/* Makes a bundle: derives every session in the last message of the exchange. The caller owns it. */
enum err csb_new(struct ticket_csb **out, const struct csb_agreed *from,
                 struct mikey_fault *fault) MUST_USE;

/* Inputs of csb_derive. Borrowed for the call. */
struct csb_source {
	const struct csb_policies *policies;
	const struct mikey_msg *last; /* the message whose crypto sessions are derived */
	unsigned side; /* the side that sent `last`: 0 is the initiator, 1 the responder */
	struct view mpk;
	const struct mikey_keys *keys;
};

/* Makes a csb_secret with the keys and a session for each crypto session of
 * `last`. The caller owns it. */
enum err csb_derive(struct csb_secret **out, const struct ticket_csb *c,
                    const struct csb_source *from, struct mikey_fault *fault) MUST_USE;

/* Adds the SPs of a message to `p`; an SP replaces an earlier one with the same number. `side`: 0
 * if the initiator sent the message, 1 if the responder did. */
enum err csb_take_policies(struct csb_policies *p, const struct mikey_msg *m, unsigned side,
                           struct mikey_fault *fault) MUST_USE;
/* Returns the SP with that number: the sender's own, else the other side's, because each side has
 * its own numbers (decision 0010.23). NULL if neither side sent it. */
const struct csmap_policy *csb_policy(const struct csb_policies *p, unsigned sender, unsigned no);

/* Buffer for the session data of a crypto session in a header. */
struct csb_cs_room {
	uint8_t session[10];
};

void csb_cs_write(struct mikey_cs *out, struct csb_cs_room *room, const struct ticket_cs *cs);

/* Checks that every session has one policy, an SSRC and an SPI (RFC 6043 4.2.2.3). */
enum err csb_check_complete(const struct mikey_msg *m, struct mikey_fault *fault) MUST_USE;
/* Checks `answer` against `offer`: the answer must be complete, drop no session, and use only
 * policies of the offer or of its own SPs. */
enum err csb_check_answer(const struct mikey_msg *offer, const struct mikey_msg *answer,
                          struct mikey_fault *fault) MUST_USE;

/* The crypto sessions of one message. The SPIs are views; csb_choose_sessions says on what. */
struct csb_sessions {
	struct ticket_cs cs[MIKEY_CS_MAX];
	size_t n;
};

/* Inputs of csb_choose_sessions. Borrowed for the call. */
struct csb_choice {
	const struct mikey_msg *offer;
	unsigned sender; /* the side that sent `offer`: 0 is the initiator, 1 the responder */
	const struct csb_policies *policies;
	const struct mikey_keys *keys;
	/* the caller's sessions: each overrides the offered session with the same CS ID, or is
	 * added */
	const struct ticket_cs *given;
	size_t n_given;
};

/*
 * For each crypto session of the offer, chooses the first supported policy, a random SSRC if the
 * offer has none, and the SPI of the first session key if the offer has none. `given` overrides all
 * three. Then adds the sessions that only `given` has. The SPIs are views on the keys, `given` or
 * the offer.
 */
enum err csb_choose_sessions(struct csb_sessions *out, const struct csb_choice *from,
                             const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;

/* The MAC of TRANSFER_INIT does not cover Initiator Data and its length (RFC 6043 5.5). Sets
 * `parts` to the octets before them and to those after them, up to the MAC in V. */
enum err csb_mac_parts(const struct mikey_msg *m, struct view parts[2],
                       struct mikey_fault *fault) MUST_USE;

void csb_add_policies(struct mikey_build *b, const struct csmap_policy *p, size_t n);
/* Adds a KEMAC with session keys. Adds nothing if `keys` is NULL or empty. */
enum err csb_add_kemac(struct mikey_build *b, unsigned encr, const struct mikey_kemac_seed *under,
                       const struct mikey_keys *keys) MUST_USE;

/* A received transfer message that may have a KEMAC. Borrowed for the call. */
struct csb_sealed {
	const struct mikey_msg *msg;
	const struct mikey_msg_keys *msg_keys;
	struct mikey_algs algs;
	bool is_allowed;  /* the ticket lets the sender supply keys: flag L or M */
	bool accept_null; /* accept keys that are not encrypted */
};

/* Decrypts the KEMAC of a message, if it has one, and adds its keys to `keys`. ERR_DENIED: the
 * sender may not supply keys. */
enum err csb_open_kemac(struct mikey_keys *keys, const struct csb_sealed *from,
                        struct mikey_fault *fault) MUST_USE;
/* Checks that RANDRi and RANDRr together (`rand_len` octets) are as long as the longest key (RFC
 * 6043 12.1). */
enum err csb_check_rand(const struct ticket_rules *rules, size_t rand_len, size_t mpk_len,
                        const struct mikey_keys *keys, struct mikey_fault *fault) MUST_USE;

#endif
