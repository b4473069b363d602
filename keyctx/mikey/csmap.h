/* SPDX-License-Identifier: MIT */
/* Turns crypto sessions of MIKEY into keying contexts: SRTP policies, the choice of a
 * key by its SPI, TEK and salt. */
#ifndef KEYCTX_MIKEY_CSMAP_H
#define KEYCTX_MIKEY_CSMAP_H

#include "keyctx/keyctx.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/mikey/msg.h"

/* Parameters of an SRTP policy by their numbers (RFC 3830 6.10.1, RFC 7714 14.3). */
enum csmap_param {
	CSMAP_ENCR = 0,
	CSMAP_ENCR_KEY_LEN = 1, /* octets; the length of the master key too */
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

/* An SRTP policy. `value` is complete: a parameter that is not `present` has
 * RFC 3711's default there. */
struct csmap_policy {
	uint8_t no;
	uint32_t present; /* bit i: parameter i was given */
	uint32_t value[CSMAP_PARAM_COUNT];
};

/* For tests, which build policies parameter by parameter: all defaults (AES-CM-128, HMAC-SHA1,
 * 80-bit tag), no parameter present. The programs use csmap_policy_from_suite. */
void csmap_policy_init(struct csmap_policy *p, unsigned no);
void csmap_policy_set(struct csmap_policy *p, enum csmap_param param, uint32_t value);
/* The policy of a suite, with the parameters that most terminals send: 0 to
 * 4 and 11 (20 for GCM). */
void csmap_policy_from_suite(struct csmap_policy *p, unsigned no, const struct suite *suite);
enum err csmap_policy_read(struct csmap_policy *out, const struct mikey_payload *sp,
                           struct mikey_fault *fault) MUST_USE;
/* Writes the parameters that are present as TLVs, each value in 1, 2 or 4 octets. */
void csmap_policy_write(struct wr *w, const struct csmap_policy *p);
/* For tests, which compare the suites of written and read policies: the suite with these
 * values, or NULL if none has them. */
const struct suite *csmap_policy_suite(const struct csmap_policy *p);
/* Is the policy a supported suite, and allowed under this PRF? A TEK above 128 bits needs the
 * 256-bit PRF (RFC 6043 12.1). */
bool csmap_policy_fits(const struct csmap_policy *p, unsigned prf);
/* For tests, which compare a policy read with the one written: are all values equal? */
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
	const struct suite *suite; /* NULL: agreed, but not a supported suite */
	uint8_t master_len, salt_len;
	uint8_t master[MIKEY_KEY_MAX], salt[MIKEY_SALT_MAX];
};

/* Inputs that all crypto sessions of a bundle share. Borrowed. */
struct csmap_ground {
	uint8_t prf;               /* of the header of TRANSFER_INIT */
	bool use_randi, use_randr; /* flags H and G of the ticket */
	struct view randi, randr;
	const struct mikey_keys *keys;
};

/*
 * Derives one session. The SPI of `cs` selects the key; the key's type decides how TEK
 * and salt follow. MIKEY_E_SPPAR if the policy does not fit the key,
 * MIKEY_E_UNSPECIFIED if no key has the SPI.
 */
enum err csmap_derive(struct csmap_session *out, const struct mikey_cs *cs,
                      const struct csmap_policy *policy, const struct csmap_ground *ground,
                      struct mikey_fault *fault) MUST_USE;

/* Makes the keying context of a session; `use_mki`: packets carry the SPI as MKI. ERR_UNSUPPORTED
 * if it has no suite. The caller owns the result. */
enum err csmap_keyctx(struct keyctx **out, const struct csmap_session *s, bool use_mki,
                      struct why *why) MUST_USE;

#endif
