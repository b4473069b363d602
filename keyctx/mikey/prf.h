/* SPDX-License-Identifier: MIT */
/* MIKEY's pseudo-random functions and every key derived with them (RFC 3830
 * 4.1, RFC 6043 5.1, A.2). */
#ifndef KEYCTX_MIKEY_PRF_H
#define KEYCTX_MIKEY_PRF_H

#include "keyctx/mikey/payload.h"

bool mikey_prf_is_known(unsigned prf);

/* The PRF of RFC 3830 4.1.2: writes `out_len` octets. Outside prf.c only tests with known answers
 * call it; programs call the functions below. ERR_INVALID (unknown PRF, empty key, too long),
 * ERR_CRYPTO. */
enum err mikey_prf(unsigned prf, struct view inkey, struct view label, uint8_t *out,
                   size_t out_len) MUST_USE;

/* Keys that protect one message or one ticket; in secret memory. The algorithms decide how many
 * octets of each are used (RFC 6043 4.2.4). */
struct mikey_msg_keys {
	uint8_t encr[32], auth[32], salt[14];
};

/* Inputs of the keys of one message (RFC 6043 5.1.2). */
struct mikey_msg_seed {
	unsigned prf;
	struct view inkey;
	uint32_t csb_id;
	unsigned phase;           /* 1: INIT, 2: RESP */
	struct view randi, randr; /* empty when absent */
};

enum err mikey_prf_msg_keys(struct mikey_msg_keys *out, const struct mikey_msg_seed *from) MUST_USE;
/* Derives the keys that protect one ticket from its TPK (RFC 6043 A.2). */
enum err mikey_prf_ticket_keys(struct mikey_msg_keys *out, unsigned prf, struct view tpk,
                               struct view rand) MUST_USE;
/* Derives MPKi and MPKr, each as long as `mpk` (RFC 6043 A.2). */
enum err mikey_prf_mpk(uint8_t *mpki, uint8_t *mpkr, unsigned prf, struct view mpk,
                       struct view rand) MUST_USE;
/* Derives the MAC key for Vr in Initiator Data (RFC 6043 4.1.2): 32 octets, of which a MAC uses as
 * many as its own length. */
enum err mikey_prf_init_data(uint8_t out[32], unsigned prf, struct view mpkr) MUST_USE;

enum mikey_fork { MIKEY_FORK_MPKR, MIKEY_FORK_TGK };
/* Inputs of key forking (RFC 6043 5.1.1), the same for every key of a ticket. */
struct mikey_fork_seed {
	unsigned prf;
	struct view id_data, rand_kms; /* ID Data of IDRr; the value of RANDRkms */
};

/* Forks one key. Writes key.n octets; `out` may be `key` itself. */
enum err mikey_prf_fork(uint8_t *out, enum mikey_fork what, struct view key,
                        const struct mikey_fork_seed *with) MUST_USE;

enum mikey_tek_part { MIKEY_PART_TEK, MIKEY_PART_SALT, MIKEY_PART_AUTH, MIKEY_PART_ENCR };
/* Inputs of the keys of one crypto session (RFC 6043 5.1.3). */
struct mikey_tek_seed {
	unsigned prf;
	struct view tgk; /* TGK or GTGK */
	unsigned cs_id;
	struct view randi, randr; /* empty when absent */
};

enum err mikey_prf_tek(uint8_t *out, size_t out_len, enum mikey_tek_part part,
                       const struct mikey_tek_seed *from) MUST_USE;

#endif
