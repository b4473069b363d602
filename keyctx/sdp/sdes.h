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
	SDES_KEYS_MAX = 8, /* most inline keys in one line */
	/* most a=crypto lines read from one m-line; further ones are ignored */
	SDES_LINES_MAX = 24,
	SDES_TEXT_MAX = 640, /* octets of a printed line with one key and any MKI, including NUL */
	SDES_TAG_MAX = 999999999,
};

/* What the gateway accepts from a peer, and how it writes its own lines. If all members are 0, no
 * line is accepted. */
struct sdes_policy {
	uint32_t suites;   /* bit i: suite i of enum suite_id may be used */
	unsigned keys_max; /* most inline keys accepted in a line, 1 to SDES_KEYS_MAX */
	/* longest lifetime accepted; 0: the suite's limit (RFC 4568 6.1) */
	uint64_t lifetime_max_pkts;
	/* shortest lifetime accepted, so that a peer can't stop media early; 0: no minimum */
	uint64_t lifetime_min_pkts;
	/* check the lifetime in a line, but use the suite's default instead */
	bool ignore_lifetime;
	bool accept_kdr; /* accept key derivation rates, KDR=1 to KDR=24 */
	bool accept_unencrypted_srtp, accept_unencrypted_srtcp, accept_unauthenticated_srtp;
	bool accept_srtp_fec; /* accept FEC_ORDER=SRTP_FEC */
	bool has_fec_address; /* FEC has its own address, so FEC_KEY is allowed (RFC 4568 6.3.5) */
	bool accept_mki;
	/* refuse a line that repeats the key of an earlier line (RFC 4568 6.1); some terminals do
	 * so */
	bool refuse_repeated_keys;
	bool pad; /* write the "=" at the end of base64 */
	/* lifetime of the gateway's own keys, written in its lines; 0: the suite's, not written */
	uint64_t own_lifetime_pkts;
};

/* Sets the defaults: accepts all suites, one key for each line, MKIs and lifetimes, but no
 * parameter that weakens SRTP. */
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
	SDES_MKI_NEEDED, /* MKIs of several keys are missing, equal, or of different lengths */
	SDES_REFUSED_MKI,
	SDES_TOO_MANY_KEYS,
	SDES_REPEATED_KEY,
	SDES_REFLECTED_KEY, /* the peer sent the gateway's own key */
	SDES_REUSED_KEY,    /* a key in use, now with another suite, MKI or lifetime */
	SDES_SPENT_KEY,     /* a key used earlier in the call; its state is gone */
	SDES_BAD_PARAM,
	SDES_UNKNOWN_PARAM,
	SDES_REFUSED_PARAM,
	SDES_WEAK_PARAM, /* the parameter turns encryption or authentication off */
	SDES_FAULT_COUNT
};

/* Short name of a fault, such as "bad-lifetime". */
const char *sdes_fault_name(enum sdes_fault f);
const char *sdes_fault_meaning(enum sdes_fault f); /* a text for logs and errors */

enum sdes_fec { SDES_FEC_SRTP, SDES_SRTP_FEC };

/* The session parameters of a line. The answer must repeat the negotiated ones; each side declares
 * the others for itself. */
struct sdes_params {
	/* negotiated: the answer repeats them */
	bool unencrypted_srtp, unencrypted_srtcp, unauthenticated_srtp;
	uint8_t fec_order; /* one of enum sdes_fec */
	uint8_t kdr;       /* key derivation rate is 2^kdr, kdr 1 to 24; 0: not given */
	uint16_t ignored;  /* number of ignored "-x" parameters, which are optional */
	uint32_t wsh;      /* window size hint, at least 64; 0: none */
};

/* One a=crypto line. Owns its keys: arrays of n_keys and n_fec_keys pointers. */
struct sdes_line {
	enum sdes_fault fault;
	uint32_t tag;              /* 0 if the tag is unreadable */
	const struct suite *suite; /* NULL if the suite is unknown */
	struct keyctx **keys, **fec_keys;
	uint8_t n_keys, n_fec_keys;
	uint8_t spelling; /* how the peer spells the suite: bits of enum suite_spelling */
	struct sdes_params params;
};

/* Appends `key` to an array of a line, which must hold fewer than SDES_KEYS_MAX keys. Takes
 * ownership of `key`; on ERR_NOMEM it frees `key`. */
enum err sdes_key_add(struct keyctx ***keys, uint8_t *n, struct keyctx *key) MUST_USE;

/* Parses `value`, the text after "a=crypto:". An invalid text gives a line with a `fault`; the only
 * error is ERR_NOMEM. */
enum err sdes_line_parse(struct sdes_line *out, struct str value,
                         const struct sdes_policy *p) MUST_USE;
void sdes_line_clear(struct sdes_line *l);
enum err sdes_line_copy(struct sdes_line *out, const struct sdes_line *l) MUST_USE;

/* The a=crypto lines of an m-line, in order of preference. */
struct sdes_list {
	unsigned n;
	unsigned n_unread; /* number of lines beyond SDES_LINES_MAX, which are not parsed */
	struct sdes_line lines[SDES_LINES_MAX];
};

enum err sdes_list_parse(struct sdes_list *out, const struct sdp *s, unsigned media,
                         const struct sdes_policy *p) MUST_USE;
void sdes_list_clear(struct sdes_list *list);
/* Returns the first usable line, or NULL (RFC 4568 5.1.2). */
const struct sdes_line *sdes_list_first(const struct sdes_list *list);
/* Writes the fault of each line, without key octets, such as "tag 1: bad-key, tag 2:
 * unknown-suite", or "no a=crypto line". Returns `out`. */
const char *sdes_list_describe(const struct sdes_list *list, char *out, size_t room);

/* Returns true if both lines are the same context in the sense of TS 33.328 7.4. Compares suite,
 * keys, MKIs, lifetimes and session parameters; ignores tag, blanks, padding, spelling and
 * position. Compares key octets in constant time. */
bool sdes_line_eq(const struct sdes_line *a, const struct sdes_line *b);
/* Returns true if the lines share a key and salt, even under different suites or MKIs. */
bool sdes_line_shares_key(const struct sdes_line *a, const struct sdes_line *b);
bool sdes_list_has_fault(const struct sdes_list *list, enum sdes_fault f);
/* Returns the usable line of the list that equals `now` (sdes_line_eq), or NULL. */
const struct sdes_line *sdes_list_find(const struct sdes_list *list, const struct sdes_line *now);
/* Returns true if a line of the list has the key and salt of `k`, even under another suite or
 * MKI. */
bool sdes_list_has_key(const struct sdes_list *list, const struct keyctx *k);

/* Makes the gateway's answer to `offered`: the same tag, suite and negotiated parameters, and a new
 * key that neither `offered` nor a line of `seen` has (`seen` may be NULL). `lifetime_pkts` is as
 * own_lifetime_pkts of struct sdes_policy. ERR_CRYPTO, ERR_NOMEM. */
enum err sdes_answer_make(struct sdes_line *out, const struct sdes_line *offered,
                          const struct sdes_list *seen, uint64_t lifetime_pkts) MUST_USE;
/* Makes one line of an offer of the gateway: a new key with that tag and suite. ERR_CRYPTO,
 * ERR_NOMEM. */
enum err sdes_offer_make(struct sdes_line *out, uint32_t tag, const struct suite *suite,
                         uint64_t lifetime_pkts) MUST_USE;
/*
 * Checks a peer's answer to the gateway's offer (RFC 4568 5.1.3, 7.1.3). The answer must have
 * exactly one line, and that line must be usable, have an offered tag and suite, repeat the
 * negotiated parameters, and not have a key of the offer. Sets `*ours` to the line of the offer
 * that the answer accepts. ERR_INVALID: `why` gives the reason. `any_tag`: accept a wrong tag if
 * exactly one offered line has that suite.
 */
enum err sdes_answer_check(const struct sdes_list *offered, const struct sdes_list *answer,
                           bool any_tag, const struct sdes_line **ours, struct why *why) MUST_USE;

/* Writes "1 AES_CM_128_HMAC_SHA1_80 inline:..." without NUL; sets w->bad if it does not fit. The
 * text contains the key: the caller wipes it. Only sdes_line_write and tests call this. */
void sdes_line_print(const struct sdes_line *l, bool pad, struct wr *w);
/* Adds the line to an m-line as a=crypto. ERR_NOMEM, ERR_TOO_BIG. */
enum err sdes_line_write(struct sdp *s, unsigned media, const struct sdes_line *l,
                         bool pad) MUST_USE;

/* Reads an MKI, a decimal number without leading zeros, into `len` octets, big-endian. ERR_SYNTAX;
 * ERR_RANGE: the number does not fit. */
enum err sdes_mki_parse(struct str digits, uint8_t *out, size_t len) MUST_USE;
/* Writes an MKI as a decimal number without NUL; needs at most 3 characters for each octet. Returns
 * the number of characters; 0: `room` is too small. */
size_t sdes_mki_print(struct view mki, char *out, size_t room);

#endif
