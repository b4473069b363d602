/* SPDX-License-Identifier: MIT */
/* Ticket policies: what may be asked, granted and used, and the combinations that contradict
 * themselves (RFC 6043 6.10, 4.2). */
#ifndef KEYCTX_TICKET_POLICY_H
#define KEYCTX_TICKET_POLICY_H

#include "keyctx/mikey/keys.h"
#include "keyctx/ticket/ticket_payload.h"

/* MIKEY base ticket 1/1/1 (RFC 6043 A); 3GPP base ticket 2/1/1 is handled alike, and sent only when
 * a setting says so. */
enum { TICKET_TYPE_MIKEY = 1, TICKET_TYPE_3GPP = 2, TICKET_SUBTYPE = 1, TICKET_VERSION = 1 };

/* A key asked for in a wanted policy. */
struct ticket_wish {
	uint8_t type;           /* enum mikey_key_type, not MPK */
	uint16_t len, salt_len; /* octets */
	struct view spi;        /* empty: the KMS chooses */
};

/* A policy to be written. Borrowed parts live until the call ends. */
struct ticket_policy_spec {
	uint16_t ticket_type; /* 0: TICKET_TYPE_MIKEY */
	uint8_t prf;
	uint16_t flags;
	struct mikey_id idr_kms, idr_i; /* left out when not set */
	bool has_start, has_end, has_rekey;
	struct mikey_ts start, end; /* ticket_ts_32() */
	struct mikey_ts rekey;      /* seconds, as NTP-UTC-32 */
	const struct ticket_wish *wishes;
	size_t n_wishes;
	bool no_keys; /* a wish for no session key at all: KEMAC of length 0 (decision 0010.25) */
	const struct mikey_id *app, *r;
	size_t n_app, n_r;
};

/* The TP Data of it into `w`; `granted` leaves the wishes out (RFC 6043 6.10: no KEMAC in a
 * ticket). */
void ticket_policy_write(struct wr *w, const struct ticket_policy_spec *spec, bool granted);
/* Back from received octets, all views and arrays into `p`: for a KMS that grants what was asked,
 * or nearly. */
void ticket_policy_spec_of(struct ticket_policy_spec *out, const struct ticket_policy *p,
                           struct ticket_wish *wishes, size_t room);
/* The wishes of a policy; without KEMAC one TGK of the default length. MIKEY_E_TPPAR. */
enum err ticket_policy_wishes(const struct ticket_policy *p, struct ticket_wish *out, size_t room,
                              size_t *n, struct mikey_fault *fault) MUST_USE;

/* The first rule the flags break ("G needs F"), or NULL. `has_tgk`: the ticket holds a TGK (I then
 * needs F). */
const char *ticket_flags_conflict(unsigned flags, bool has_tgk);

/* Which checks a policy is read with. */
enum ticket_stage {
	TICKET_WANTED,  /* in REQUEST_INIT */
	TICKET_GRANTED, /* in a ticket */
};

/*
 * Type, subtype, version, N and O (MIKEY_E_TICKET); flags, an IDRr, no KEMAC in a granted one, PRF
 * (MIKEY_E_TPPAR). `accept_types`: bit i for ticket type i.
 */
enum err ticket_policy_check(const struct ticket_policy *p, enum ticket_stage stage,
                             unsigned accept_types, struct mikey_fault *fault) MUST_USE;
/* Start <= now <= end, both inclusive; an open bound is open. ERR_EXPIRED, MIKEY_E_TICKET. */
enum err ticket_policy_check_time(const struct ticket_policy *p, uint64_t now_ntp,
                                  struct mikey_fault *fault) MUST_USE;

/* A 64-bit NTP time as NTP-UTC-32, as policies carry it. */
struct mikey_ts ticket_ts_32(uint64_t ntp);
/* Signed distance a - b of NTP times in 1/2^32 s, right across the era's end (RFC 4330 3). */
int64_t ticket_ntp_diff(uint64_t a, uint64_t b);

#endif
