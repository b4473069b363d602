/* SPDX-License-Identifier: MIT */
/* SDP security descriptions, a=crypto (RFC 4568): parse, judge, compare, choose, answer, print. */
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
	SDES_LINES_MAX = 24, /* a=crypto lines of one m-line; more are not read */
	SDES_TEXT_MAX = 640, /* one line with one key of any MKI, as we print it; NUL included */
	SDES_TAG_MAX = 999999999,
};

/* What we accept of a peer and what we write; each a setting. Zeroed: nothing beyond the plain
 * suites. */
struct sdes_policy {
	uint32_t suites;            /* bit of each enum suite_id that may be used */
	unsigned keys_max;          /* inline keys of a line, 1 to SDES_KEYS_MAX */
	uint64_t lifetime_max_pkts; /* above it a line is invalid; 0: the suite's own limit (RFC
	                               4568 6.1) */
	uint64_t lifetime_min_pkts; /* below it a line is refused: a peer may not make us stop after
	                               one packet; 0: 1 */
	bool ignore_lifetime;       /* read it, check it, and keep the suite's */
	bool accept_kdr;            /* key derivation rates, KDR=1..24 */
	bool accept_unencrypted_srtp, accept_unencrypted_srtcp, accept_unauthenticated_srtp;
	bool accept_srtp_fec; /* FEC_ORDER=SRTP_FEC */
	bool has_fec_address; /* the m-line has FEC at an address of its own: FEC_KEY allowed (RFC
	                         4568 6.3.5) */
	bool accept_mki;
	bool refuse_repeated_keys; /* RFC 4568 6.1 wants each key of a description unique; terminals
	                              repeat theirs */
	bool pad;                  /* "=" behind our keys where the base64 has it */
	uint64_t own_lifetime_pkts; /* written with our keys, and kept; 0: the suite's own, not
	                               written */
};

/* The product's profile: all suites, one key, MKI and lifetimes, nothing that weakens. */
void sdes_policy_defaults(struct sdes_policy *p);

/* Why a line can't be used. A line that can't is skipped, never an error of the description. */
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
	SDES_MKI_NEEDED, /* several keys, not each with an MKI of its own and of one length */
	SDES_REFUSED_MKI,
	SDES_TOO_MANY_KEYS,
	SDES_REPEATED_KEY,
	SDES_REFLECTED_KEY, /* our own key */
	SDES_REUSED_KEY,    /* a key in use, with other parameters */
	SDES_SPENT_KEY,     /* a key of before, of which nothing is known any more */
	SDES_BAD_PARAM,
	SDES_UNKNOWN_PARAM,
	SDES_REFUSED_PARAM,
	SDES_WEAK_PARAM, /* one that leaves media without encryption or authentication */
	SDES_FAULT_COUNT
};

const char *sdes_fault_name(enum sdes_fault f);    /* "bad-lifetime" */
const char *sdes_fault_meaning(enum sdes_fault f); /* a line for people */

enum sdes_fec { SDES_FEC_SRTP, SDES_SRTP_FEC };

/* The session parameters of a line. The negotiated ones must come back in the answer; the others
 * are each side's own. */
struct sdes_params {
	bool unencrypted_srtp, unencrypted_srtcp, unauthenticated_srtp; /* negotiated */
	uint8_t fec_order;                                              /* enum sdes_fec */
	uint8_t kdr;      /* exponent 1 to 24; 0: none */
	uint16_t ignored; /* "-x" parameters that were left aside */
	uint32_t wsh;     /* 0: none; else at least 64 */
};

/* One a=crypto line. Owns its keys; nearly always it has one, and calls keep lines, so there is
 * room for those it has. */
struct sdes_line {
	enum sdes_fault fault;
	uint32_t tag;              /* 0 when it could not be read */
	const struct suite *suite; /* NULL when unknown */
	struct keyctx **keys, **fec_keys;
	uint8_t n_keys, n_fec_keys;
	uint8_t spelling; /* how its suite is written: enum suite_spelling */
	struct sdes_params params;
};

/* One more key for a list of a line, which owns it from now on; ERR_NOMEM frees it. At most
 * SDES_KEYS_MAX. */
enum err sdes_key_add(struct keyctx ***keys, uint8_t *n, struct keyctx *key) MUST_USE;

/* `value` is what follows "a=crypto:". Every text gets a line, perhaps with a fault; ERR_NOMEM
 * alone leaves none. */
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
/* "tag 1: bad-key, tag 2: unknown-suite": why none could be used, without key octets. Returns
 * `out`. */
const char *sdes_list_describe(const struct sdes_list *list, char *out, size_t room);

/*
 * The same context in the sense of TS 33.328 7.4: suite, keys, MKIs, lifetimes and session
 * parameters. Tag, blanks, padding, spelling and position do not count. Time does not depend on key
 * octets.
 */
bool sdes_line_eq(const struct sdes_line *a, const struct sdes_line *b);
/* Has a key (whatever its suite and MKI) in common with the other line. */
bool sdes_line_shares_key(const struct sdes_line *a, const struct sdes_line *b);
bool sdes_list_has_fault(const struct sdes_list *list, enum sdes_fault f);
/* The line of the list that is the same context as `now`, or NULL. */
const struct sdes_line *sdes_list_find(const struct sdes_list *list, const struct sdes_line *now);
/* Does this key (whatever its MKI) stand anywhere in the list? */
bool sdes_list_has_key(const struct sdes_list *list, const struct keyctx *k);

/*
 * Our answer to `offered`: its tag, suite and negotiated parameters, and a fresh key that stands in
 * none of `seen` (may be NULL); `lifetime_pkts` as own_lifetime_pkts above. ERR_CRYPTO, ERR_NOMEM.
 */
enum err sdes_answer_make(struct sdes_line *out, const struct sdes_line *offered,
                          const struct sdes_list *seen, uint64_t lifetime_pkts) MUST_USE;
/* One line of our offer: a fresh key under that tag and suite. */
enum err sdes_offer_make(struct sdes_line *out, uint32_t tag, const struct suite *suite,
                         uint64_t lifetime_pkts) MUST_USE;
/*
 * Judges a peer's answer to what we offered (RFC 4568 5.1.3, 7.1.3): exactly one usable line, tag
 * and suite as offered, key not one of ours, negotiated parameters as offered. `*ours` is the line
 * of our offer it took. ERR_INVALID with the reason. With `any_tag` a wrong tag is forgiven if
 * exactly one offered line has that suite.
 */
enum err sdes_answer_check(const struct sdes_list *offered, const struct sdes_list *answer,
                           bool any_tag, const struct sdes_line **ours, struct why *why) MUST_USE;

/* Writes "1 AES_CM_128_HMAC_SHA1_80 inline:..." and no NUL. `w` goes bad when it does not fit. The
 * text is key: wipe it. */
void sdes_line_print(const struct sdes_line *l, bool pad, struct wr *w);
/* Adds it to an m-line as a=crypto. ERR_NOMEM, ERR_TOO_BIG. */
enum err sdes_line_write(struct sdp *s, unsigned media, const struct sdes_line *l,
                         bool pad) MUST_USE;

/* An MKI as it is written: a decimal number without leading zeros, `len` octets big-endian.
 * ERR_SYNTAX, ERR_RANGE. */
enum err sdes_mki_parse(struct str digits, uint8_t *out, size_t len) MUST_USE;
/* Needs 3 characters an octet at most. */
size_t sdes_mki_print(struct view mki, char *out, size_t room);

#endif
