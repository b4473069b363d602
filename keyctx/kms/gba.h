/* SPDX-License-Identifier: MIT */
/* Generic bootstrapping (TS 33.220) for a KMS and its users: NAF_Id, Ks_(ext)_NAF, B-TID. */
#ifndef KEYCTX_KMS_GBA_H
#define KEYCTX_KMS_GBA_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

enum {
	GBA_KS_LEN = 32, /* CK and IK, concatenated */
	GBA_RAND_LEN = 16,
	GBA_KEY_LEN = 32,
	GBA_UA_LEN = 5, /* Ua security protocol identifier */
	GBA_FQDN_MAX = 255,
	GBA_IMPI_MAX = 255,
	GBA_BTID_MAX = 24 + 1 + GBA_FQDN_MAX, /* RAND in base64, "@", the domain of the BSF */
};

/* The Ua protocol identifier for requests of a terminal to a KMS (TS 33.220 H.3). */
extern const uint8_t gba_ua_mikey[GBA_UA_LEN];

/* Where a NAF key is used: in the mobile equipment (Ks_NAF in GBA_ME, Ks_ext_NAF in GBA_U), or
 * inside the card (Ks_int_NAF). */
enum gba_key { GBA_KEY_ME, GBA_KEY_CARD };

/* The inputs to derive one NAF key. All pointers are borrowed. */
struct gba_input {
	struct view ks, rand; /* GBA_KS_LEN and GBA_RAND_LEN octets */
	struct str impi;
	struct str naf_fqdn;
	const uint8_t *ua; /* GBA_UA_LEN octets */
};

/* Derives a NAF key (TS 33.220 B.3). `out` gets GBA_KEY_LEN octets. ERR_INVALID: an input has a
 * wrong length. ERR_NOMEM, ERR_CRYPTO. */
enum err gba_derive(struct secret *out, enum gba_key which, const struct gba_input *in) MUST_USE;

/* Writes the NAF_Id: the FQDN, then the protocol identifier. ERR_INVALID: the FQDN is empty or too
 * long. ERR_TOO_BIG: `room` is too small. */
enum err gba_naf_id(struct str fqdn, const uint8_t ua[GBA_UA_LEN], uint8_t *out, size_t room,
                    size_t *len) MUST_USE;

/* For tests: writes the B-TID "base64(RAND)@domain" (TS 33.220 4.5.2) and a NUL. In service only a
 * BSF makes B-TIDs; the KMS reads them. ERR_INVALID, ERR_TOO_BIG. */
enum err gba_btid_print(const uint8_t rand[GBA_RAND_LEN], struct str domain, char *out,
                        size_t room) MUST_USE;
/* Reads a B-TID. `domain` points into `btid` and names the BSF that made it. ERR_SYNTAX. */
enum err gba_btid_parse(struct str btid, uint8_t rand[GBA_RAND_LEN], struct str *domain) MUST_USE;

#endif
