/* SPDX-License-Identifier: MIT */
/* SDP security descriptions, a=crypto (RFC 4568): parse, judge, compare, choose, answer, print.
 * Any thread; an object is used by one thread at a time. */
#ifndef KEYCTX_SDP_SDES_H
#define KEYCTX_SDP_SDES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/str.h"
#include "keyctx/keyctx.h"
#include "keyctx/sdp/sdp.h"

enum {
	SDES_KEYS_MAX = 8,   /* inline keys of one line */
	SDES_LINES_MAX = 24, /* a=crypto lines of one m-line; further ones are ignored */
	SDES_TEXT_MAX = 640, /* one line with one key of any MKI, as we print it; NUL included */
	SDES_TAG_MAX = 999999999,
};

/* What we accept from a peer, and what we write. All zero: nothing is accepted. */
struct sdes_policy {
	uint32_t suites;            /* bit of each enum suite_id that may be used */
	unsigned keys_max;          /* inline keys of a line, 1 to SDES_KEYS_MAX */
	uint64_t lifetime_max_pkts; /* longest; 0: the suite's limit (RFC 4568 6.1) */
	uint64_t lifetime_min_pkts; /* shortest, so that a peer can't stop us early; 0: 1 */
	bool ignore_lifetime;       /* check the line's lifetime, but use the suite's */
	bool accept_kdr;            /* key derivation rates, KDR=1..24 */
	bool accept_unencrypted_srtp, accept_unencrypted_srtcp, accept_unauthenticated_srtp;
	bool accept_srtp_fec; /* FEC_ORDER=SRTP_FEC */
	bool has_fec_address; /* FEC has its own address: FEC_KEY is allowed (RFC 4568 6.3.5) */
	bool accept_mki;
	bool refuse_repeated_keys; /* RFC 4568 6.1; some terminals repeat a key */
	bool pad;                  /* write the "=" at the end of base64 */
	/* lifetime of our keys, written with them; 0: the suite's, not written */
	uint64_t own_lifetime_pkts;
};

/* The defaults: all suites, one key, MKI and lifetimes, no parameter that weakens SRTP. */
void sdes_policy_defaults(struct sdes_policy *p);

/* Why a line can't be used. Such a line is skipped; the description stays valid. */
enum sdes_fault {
	SDES_USABLE,
	SDES_BAD_SYNTAX,
	SDES_BAD_TAG,
	SDES_DUPLICATE_TAG,
	SDES_UNKNOWN_SUITE,
	SDES_REFUSED_SUITE,
	SDES_UNKNOWN_METHOD,
	SDES_BAD_KEY,
	SDES_BAD_LIFETIME,
	SDES_BAD_MKI,
	SDES_MKI_NEEDED, /* several keys without distinct MKIs of one length */
	SDES_REFUSED_MKI,
	SDES_TOO_MANY_KEYS,
	SDES_REPEATED_KEY,
	SDES_REFLECTED_KEY, /* our own key */
	SDES_REUSED_KEY,    /* a key in use, with other parameters */
	SDES_SPENT_KEY,     /* a key used before whose state is no longer known */
	SDES_BAD_PARAM,
	SDES_UNKNOWN_PARAM,
	SDES_REFUSED_PARAM,
	SDES_WEAK_PARAM, /* it turns encryption or authentication off */
	SDES_FAULT_COUNT
};

/* For tests, whose tables name faults: "bad-lifetime". */
const char *sdes_fault_name(enum sdes_fault f);
const char *sdes_fault_meaning(enum sdes_fault f); /* a sentence for logs and errors */

enum sdes_fec { SDES_FEC_SRTP, SDES_SRTP_FEC };

/* The session parameters of a line. The answer must repeat the negotiated ones; the others are
 * declared by each side for itself. */
struct sdes_params {
	bool unencrypted_srtp, unencrypted_srtcp, unauthenticated_srtp; /* negotiated */
	uint8_t fec_order;                                              /* enum sdes_fec */
	uint8_t kdr;      /* exponent 1 to 24; 0: none */
	uint16_t ignored; /* number of "-x" parameters, which are optional */
	uint32_t wsh;     /* 0: none; else at least 64 */
};

/* One a=crypto line. Owns its keys, in arrays of n_keys and n_fec_keys. */
struct sdes_line {
	enum sdes_fault fault;
	uint32_t tag;              /* 0 when it could not be read */
	const struct suite *suite; /* NULL when unknown */
	struct keyctx **keys, **fec_keys;
	uint8_t n_keys, n_fec_keys;
	uint8_t spelling; /* how its suite is written: enum suite_spelling */
	struct sdes_params params;
};

/* Adds a key to a list of a line, at most SDES_KEYS_MAX. Takes `key`, also on ERR_NOMEM. */
enum err sdes_key_add(struct keyctx ***keys, uint8_t *n, struct keyctx *key) MUST_USE;

/* `value`: the text after "a=crypto:". An invalid text gives a line with a `fault`; the only error
 * is ERR_NOMEM. */
enum err sdes_line_parse(struct sdes_line *out, struct str value,
                         const struct sdes_policy *p) MUST_USE;
void sdes_line_clear(struct sdes_line *l);
enum err sdes_line_copy(struct sdes_line *out, const struct sdes_line *l) MUST_USE;

/* The a=crypto lines of an m-line, in order of preference. */
struct sdes_list {
	unsigned n;
	unsigned n_unread; /* beyond SDES_LINES_MAX */
	struct sdes_line lines[SDES_LINES_MAX];
};

enum err sdes_list_parse(struct sdes_list *out, const struct sdp *s, unsigned media,
                         const struct sdes_policy *p) MUST_USE;
void sdes_list_clear(struct sdes_list *list);
/* The first line that can be used, or NULL (RFC 4568 5.1.2). */
const struct sdes_line *sdes_list_first(const struct sdes_list *list);
/* Writes why no line can be used, without key octets: "tag 1: bad-key, tag 2: unknown-suite".
 * Returns `out`. */
const char *sdes_list_describe(const struct sdes_list *list, char *out, size_t room);

/*
 * Compares as TS 33.328 7.4 does: suite, keys, MKIs, lifetimes and session parameters; not tag,
 * blanks, padding, spelling and position. The time does not depend on key octets.
 */
bool sdes_line_eq(const struct sdes_line *a, const struct sdes_line *b);
/* Have the lines a key in common, whatever its suite and MKI? */
bool sdes_line_shares_key(const struct sdes_line *a, const struct sdes_line *b);
bool sdes_list_has_fault(const struct sdes_list *list, enum sdes_fault f);
/* The line of the list that equals `now` (sdes_line_eq), or NULL. */
const struct sdes_line *sdes_list_find(const struct sdes_list *list, const struct sdes_line *now);
/* Has any line of the list this key, whatever its MKI? */
bool sdes_list_has_key(const struct sdes_list *list, const struct keyctx *k);

/*
 * Makes our answer to `offered`: its tag, suite and negotiated parameters, and a new key that is in
 * no line of `seen` (NULL: no lines); `lifetime_pkts` as own_lifetime_pkts. ERR_CRYPTO, ERR_NOMEM.
 */
enum err sdes_answer_make(struct sdes_line *out, const struct sdes_line *offered,
                          const struct sdes_list *seen, uint64_t lifetime_pkts) MUST_USE;
/* Makes one line of our offer: a new key with that tag and suite. ERR_CRYPTO, ERR_NOMEM. */
enum err sdes_offer_make(struct sdes_line *out, uint32_t tag, const struct suite *suite,
                         uint64_t lifetime_pkts) MUST_USE;
/*
 * Checks a peer's answer to our offer (RFC 4568 5.1.3, 7.1.3): exactly one usable line, tag and
 * suite as offered, not our key, negotiated parameters as offered. *ours: the line of our offer
 * that it accepts. ERR_INVALID with the reason. `any_tag`: accept a wrong tag if exactly one
 * offered line has that suite.
 */
enum err sdes_answer_check(const struct sdes_list *offered, const struct sdes_list *answer,
                           bool any_tag, const struct sdes_line **ours, struct why *why) MUST_USE;

/* For tests, and for sdes_line_write. Writes "1 AES_CM_128_HMAC_SHA1_80 inline:..." without NUL;
 * `w` becomes bad if it does not fit. The text contains the key: wipe it. */
void sdes_line_print(const struct sdes_line *l, bool pad, struct wr *w);
/* Adds the line to an m-line as a=crypto. ERR_NOMEM, ERR_TOO_BIG. */
enum err sdes_line_write(struct sdp *s, unsigned media, const struct sdes_line *l,
                         bool pad) MUST_USE;

/* Reads an MKI, a decimal number without leading zeros, into `len` octets, big-endian. ERR_SYNTAX;
 * ERR_RANGE: it does not fit. */
enum err sdes_mki_parse(struct str digits, uint8_t *out, size_t len) MUST_USE;
/* Writes an MKI as a decimal number; needs at most 3 characters per octet. */
size_t sdes_mki_print(struct view mki, char *out, size_t room);

#endif
