/* SPDX-License-Identifier: MIT */
/* Writes and checks ticket policies, and finds flags that contradict each other (RFC 6043 6.10,
 * 4.2). */
#ifndef KEYCTX_TICKET_POLICY_H
#define KEYCTX_TICKET_POLICY_H

#include "keyctx/mikey/keys.h"
#include "keyctx/ticket/ticket_payload.h"

/* The MIKEY base ticket is 1/1/1 (RFC 6043 A). The 3GPP base ticket 2/1/1 is handled in the same
 * way, and sent only if a setting says so. */
enum { TICKET_TYPE_MIKEY = 1, TICKET_TYPE_3GPP = 2, TICKET_SUBTYPE = 1, TICKET_VERSION = 1 };

/* A key that a requested policy asks for. */
struct ticket_wish {
	uint8_t type;           /* enum mikey_key_type, not MPK */
	uint16_t len, salt_len; /* octets */
	struct view spi;        /* empty or all zero: the KMS chooses */
};

enum { TICKET_SPI_LEN = 4 }; /* octets of an SPI that this program draws or asks for */

/* A policy to write. All pointers are borrowed for the call. */
struct ticket_policy_spec {
	uint16_t ticket_type; /* 0 means TICKET_TYPE_MIKEY */
	uint8_t prf;
	uint16_t flags;
	struct mikey_id idr_kms, idr_i; /* not written if unset */
	bool has_start, has_end, has_rekey;
	struct mikey_ts start, end; /* made by ticket_ts_32() */
	struct mikey_ts rekey;      /* an interval in seconds, as NTP-UTC-32 */
	const struct ticket_wish *wishes;
	size_t n_wishes;
	bool no_keys; /* ask for no session key: a KEMAC of length 0 (decision 0010.25) */
	const struct mikey_id *app, *r;
	size_t n_app, n_r;
};

/* Writes TP Data to `w`. `granted`: leaves out the requested keys, because the policy in a ticket
 * has no KEMAC (RFC 6043 6.10). */
void ticket_policy_write(struct wr *w, const struct ticket_policy_spec *spec, bool granted);
/* Makes a spec from a received policy, so that a KMS can grant the policy unchanged or with
 * changes. Views and arrays of `out` point into `p`; the requested keys go to `wishes`. */
void ticket_policy_spec_of(struct ticket_policy_spec *out, const struct ticket_policy *p,
                           struct ticket_wish *wishes, size_t room);
/* Reads the keys that a policy asks for; without KEMAC this is one TGK of the default length.
 * MIKEY_E_TPPAR. */
enum err ticket_policy_wishes(const struct ticket_policy *p, struct ticket_wish *out, size_t room,
                              size_t *n, struct mikey_fault *fault) MUST_USE;

/* Returns the first rule that the flags break, such as "flag G needs flag F", or NULL. `has_tgk`:
 * the ticket holds a TGK, so that I needs F. */
const char *ticket_flags_conflict(unsigned flags, bool has_tgk);

/* Selects the checks of a policy. */
enum ticket_stage {
	TICKET_WANTED,  /* a policy in REQUEST_INIT */
	TICKET_GRANTED, /* the policy of a ticket */
};

/* Checks type, subtype, version, flags N and O (MIKEY_E_TICKET); the other flags, PRF, that there
 * is an IDRr, and that a granted policy has no KEMAC (MIKEY_E_TPPAR). `accept_types`: bit i allows
 * ticket type i. */
enum err ticket_policy_check(const struct ticket_policy *p, enum ticket_stage stage,
                             unsigned accept_types, struct mikey_fault *fault) MUST_USE;
/* Checks that a policy with start and end does not end before it starts: such a ticket would never
 * be valid. ERR_INVALID, MIKEY_E_TPPAR. */
enum err ticket_policy_check_order(const struct ticket_policy_spec *spec,
                                   struct mikey_fault *fault) MUST_USE;
/* Checks that start <= now <= end; does not check a bound that is missing. ERR_EXPIRED,
 * MIKEY_E_TICKET. */
enum err ticket_policy_check_time(const struct ticket_policy *p, uint64_t now_ntp,
                                  struct mikey_fault *fault) MUST_USE;

/* Converts a 64-bit NTP time to NTP-UTC-32, as policies carry it. */
struct mikey_ts ticket_ts_32(uint64_t ntp);
/* Returns the signed difference a - b of NTP times in units of 2^-32 s, also across the end of the
 * NTP era (RFC 4330 3). */
int64_t ticket_ntp_diff(uint64_t a, uint64_t b);

#endif
