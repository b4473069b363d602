/* SPDX-License-Identifier: MIT */
/* From crypto sessions to keying contexts: SRTP policies, the choice of a key by its SPI, TEK and
 * salt. */
#ifndef KEYCTX_MIKEY_CSMAP_H
#define KEYCTX_MIKEY_CSMAP_H

#include "keyctx/keyctx.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/mikey/msg.h"

/* Parameters of an SRTP policy by their numbers (RFC 3830 6.10.1, RFC 7714 14.3). */
enum csmap_param {
	CSMAP_ENCR = 0,
	CSMAP_ENCR_KEY_LEN = 1, /* octets; also the length of the master key */
	CSMAP_AUTH = 2,
	CSMAP_AUTH_KEY_LEN = 3,
	CSMAP_SALT_LEN = 4,
	CSMAP_PRF = 5,
	CSMAP_KDR = 6, /* the rate itself */
	CSMAP_SRTP_ENCR = 7,
	CSMAP_SRTCP_ENCR = 8,
	CSMAP_FEC_ORDER = 9,
	CSMAP_SRTP_AUTH = 10,
	CSMAP_TAG_LEN = 11,
	CSMAP_PREFIX_LEN = 12,
	CSMAP_AEAD_TAG_LEN = 20,
	CSMAP_PARAM_COUNT = 21,
};

/* An SRTP policy: what is not `present` has RFC 3711's default, and `value` holds it then. */
struct csmap_policy {
	uint8_t no;
	uint32_t present; /* bit i: parameter i was given */
	uint32_t value[CSMAP_PARAM_COUNT];
};

/* All defaults: AES-CM-128, HMAC-SHA1, 80-bit tag. */
void csmap_policy_init(struct csmap_policy *p, unsigned no);
void csmap_policy_set(struct csmap_policy *p, enum csmap_param param, uint32_t value);
/* The parameters a suite needs, in the shape most terminals send: 0 to 4 and 11 (20 for GCM). */
void csmap_policy_from_suite(struct csmap_policy *p, unsigned no, const struct suite *suite);
enum err csmap_policy_read(struct csmap_policy *out, const struct mikey_payload *sp,
                           struct mikey_fault *fault) MUST_USE;
/* Writes the TLVs of what is present, one octet each where it fits. */
void csmap_policy_write(struct wr *w, const struct csmap_policy *p);
/* The suite those values are, or NULL: nothing of ours speaks it. */
const struct suite *csmap_policy_suite(const struct csmap_policy *p);
/* A suite of ours, and allowed under a PRF of that strength: a TEK over 128 bits needs the 256-bit
 * one (RFC 6043 12.1). */
bool csmap_policy_fits(const struct csmap_policy *p, unsigned prf);
/* For tests. */
bool csmap_policy_eq(const struct csmap_policy *a, const struct csmap_policy *b);

/* One crypto session with its keys: lives in secret memory, inside a ticket_csb. */
struct csmap_session {
	uint8_t cs_id;
	bool has_ssrc, has_roc;
	uint32_t ssrc, roc;
	uint16_t seq;
	uint8_t key_type;
	uint8_t spi_len, spi[MIKEY_SPI_MAX];
	struct csmap_policy policy;
	const struct suite *suite; /* NULL: agreed, but not a suite of ours */
	uint8_t master_len, salt_len;
	uint8_t master[MIKEY_KEY_MAX], salt[MIKEY_SALT_MAX];
};

/* What every crypto session of a bundle is derived with. */
struct csmap_ground {
	uint8_t prf;               /* of the TRANSFER header */
	bool use_randi, use_randr; /* H and G flags */
	struct view randi, randr;
	const struct mikey_keys *keys;
};

/*
 * Derives one session: the key by the SPI of `cs`, TEK and salt by its type. MIKEY_E_SP/SPPAR for a
 * policy that does not fit, MIKEY_E_UNSPECIFIED for an SPI no key has.
 */
enum err csmap_derive(struct csmap_session *out, const struct mikey_cs *cs,
                      const struct csmap_policy *policy, const struct csmap_ground *ground,
                      struct mikey_fault *fault) MUST_USE;

/* The keying context of a session; `use_mki`: packets carry the SPI as MKI. ERR_UNSUPPORTED without
 * a suite. */
enum err csmap_keyctx(struct keyctx **out, const struct csmap_session *s, bool use_mki,
                      struct why *why) MUST_USE;

#endif
