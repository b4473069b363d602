/* SPDX-License-Identifier: MIT */
/* Turns MIKEY crypto sessions into keying contexts: reads SRTP policies, finds the key with the SPI
 * of a session, derives TEK and salt. */
#ifndef KEYCTX_MIKEY_CSMAP_H
#define KEYCTX_MIKEY_CSMAP_H

#include "keyctx/keyctx.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/mikey/msg.h"

/* Numbers of the parameters of an SRTP policy (RFC 3830 6.10.1, RFC 7714 14.3). */
enum csmap_param {
	CSMAP_ENCR = 0,
	/* octets of the encryption key; the master key has the same length */
	CSMAP_ENCR_KEY_LEN = 1,
	CSMAP_AUTH = 2,
	CSMAP_AUTH_KEY_LEN = 3,
	CSMAP_SALT_LEN = 4,
	CSMAP_PRF = 5,
	CSMAP_KDR = 6, /* the key derivation rate, not its logarithm */
	CSMAP_SRTP_ENCR = 7,
	CSMAP_SRTCP_ENCR = 8,
	CSMAP_FEC_ORDER = 9,
	CSMAP_SRTP_AUTH = 10,
	CSMAP_TAG_LEN = 11,
	CSMAP_PREFIX_LEN = 12,
	CSMAP_AEAD_TAG_LEN = 20,
	CSMAP_PARAM_COUNT = 21,
};

/* An SRTP policy. `value` has all parameters: one that is not `present` has the default of RFC
 * 3711. */
struct csmap_policy {
	uint8_t no;
	uint32_t present; /* bit i: parameter i was given */
	uint32_t value[CSMAP_PARAM_COUNT];
};

/* Sets all parameters to their defaults (AES-CM-128, HMAC-SHA1, 80-bit tag), none of them present.
 * Outside csmap.c only tests call this and csmap_policy_set; programs call
 * csmap_policy_from_suite. */
void csmap_policy_init(struct csmap_policy *p, unsigned no);
void csmap_policy_set(struct csmap_policy *p, enum csmap_param param, uint32_t value);
/* Makes the policy of a suite with the parameters that most terminals send: 0 to 4 and 11; for
 * AES-GCM 0, 1, 2, 4 and 20. */
void csmap_policy_from_suite(struct csmap_policy *p, unsigned no, const struct suite *suite);
enum err csmap_policy_read(struct csmap_policy *out, const struct mikey_payload *sp,
                           struct mikey_fault *fault) MUST_USE;
/* Writes the parameters that are present as TLVs, with values of 1, 2 or 4 octets. */
void csmap_policy_write(struct wr *w, const struct csmap_policy *p);
/* Returns the suite with these values, or NULL if none has them. Outside csmap.c only tests call
 * it. */
const struct suite *csmap_policy_suite(const struct csmap_policy *p);
/* Returns true if the policy is that of a supported suite, and this PRF allows it. A TEK above 128
 * bits needs the 256-bit PRF (RFC 6043 12.1). */
bool csmap_policy_fits(const struct csmap_policy *p, unsigned prf);
/* For tests: returns true if all values are equal. */
bool csmap_policy_eq(const struct csmap_policy *a, const struct csmap_policy *b);

/* One crypto session with its keys. Lives in secret memory, inside a ticket_csb. */
struct csmap_session {
	uint8_t cs_id;
	bool has_ssrc, has_roc;
	uint32_t ssrc, roc;
	uint16_t seq;
	uint8_t key_type;
	uint8_t spi_len, spi[MIKEY_SPI_MAX];
	struct csmap_policy policy;
	const struct suite *suite; /* NULL: no supported suite has the agreed policy */
	uint8_t master_len, salt_len;
	uint8_t master[MIKEY_KEY_MAX], salt[MIKEY_SALT_MAX];
};

/* Inputs that all crypto sessions of a bundle share. Borrowed for the call. */
struct csmap_ground {
	uint8_t prf;               /* PRF in the header of TRANSFER_INIT */
	bool use_randi, use_randr; /* flag H and flag G of the ticket */
	struct view randi, randr;
	const struct mikey_keys *keys;
};

/* Makes one session from `cs`, whose SPI selects the key. A TEK is copied; a TGK or GTGK is the
 * input from which TEK and salt are derived. MIKEY_E_SPPAR: the policy does not fit the key;
 * MIKEY_E_UNSPECIFIED: no key has the SPI. */
enum err csmap_derive(struct csmap_session *out, const struct mikey_cs *cs,
                      const struct csmap_policy *policy, const struct csmap_ground *ground,
                      struct mikey_fault *fault) MUST_USE;

/* Makes the keying context of a session. `use_mki`: packets carry the SPI as MKI. ERR_UNSUPPORTED:
 * the session has no suite. The caller owns the result. */
enum err csmap_keyctx(struct keyctx **out, const struct csmap_session *s, bool use_mki,
                      struct why *why) MUST_USE;

#endif
