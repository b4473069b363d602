/* SPDX-License-Identifier: MIT */
/* The inside of a bundle of crypto sessions, shared by offer, answer and csb: making one, and the
 * messages of a transfer. */
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

/* Our next T lies behind this one. */
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
enum err csb_new(struct ticket_csb **out, const struct csb_agreed *made,
                 struct mikey_fault *fault) MUST_USE;

/* A fresh secret part: `keys`, and a session for each crypto session of `last`, which side `side`
 * sent. */
enum err csb_derive(struct csb_secret **out, const struct ticket_csb *c,
                    const struct csb_policies *policies, const struct mikey_msg *last,
                    unsigned side, struct view mpk, const struct mikey_keys *keys,
                    struct mikey_fault *fault) MUST_USE;

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

/*
 * The crypto sessions of an answer to `offer`, which side `sender` sent: for each the first policy
 * that is a suite of ours, a random SSRC where none is given, the first session key where no SPI
 * is, unless `given` says otherwise; then those only `given` names. `out` has room for
 * MIKEY_CS_MAX. SPIs view `keys`, `given` or `offer`.
 */
enum err csb_choose_sessions(struct ticket_cs *out, size_t *n, const struct mikey_msg *offer,
                             const struct csb_policies *policies, unsigned sender,
                             const struct mikey_keys *keys, const struct ticket_cs *given,
                             size_t n_given, const struct mikey_env *env,
                             struct mikey_fault *fault) MUST_USE;

/* TRANSFER_INIT's MAC leaves Initiator Data and its length out (RFC 6043 5.5): two pieces; the
 * second ends before V's MAC. */
enum err csb_mac_parts(const struct mikey_msg *m, struct view parts[2],
                       struct mikey_fault *fault) MUST_USE;

void csb_add_policies(struct mikey_build *b, const struct csmap_policy *p, size_t n);
/* KEMAC of session keys; a set without keys adds none. */
enum err csb_add_kemac(struct mikey_build *b, struct mikey_algs algs,
                       const struct mikey_msg_keys *k, uint32_t csb_id, struct mikey_ts t,
                       const struct mikey_keys *keys) MUST_USE;
/* KEMAC of a transfer message, if it has one, onto `keys`; `flag` (L or M) must allow it. */
enum err csb_open_kemac(struct mikey_keys *keys, const struct mikey_msg *m, struct mikey_algs algs,
                        uint16_t flags, unsigned flag, const struct ticket_rules *rules,
                        const struct mikey_msg_keys *k, struct mikey_fault *fault) MUST_USE;
enum err csb_check_rand(const struct ticket_rules *rules, struct view randi, struct view randr,
                        size_t mpk_len, const struct mikey_keys *keys,
                        struct mikey_fault *fault) MUST_USE;

#endif
