/* SPDX-License-Identifier: MIT */
/* Chooses the protection of each call: the user's choice, or else the terminal's policy decides (TS
 * 33.328 7.2.3). */
#ifndef KEYCTX_UE_CHOICE_H
#define KEYCTX_UE_CHOICE_H

#include "keyctx/kms/directory.h"
#include "keyctx/ue/ue.h"

enum { UE_RULES_MAX = 32 };

/* The protections for calls with peers that match `peer`, the preferred one first. */
struct ue_rule {
	struct kms_pattern peer;
	uint8_t protect[UE_PROTECTIONS]; /* values of enum ue_protection */
	size_t n_protect;
	bool strict; /* true: the user may only choose a protection that is listed in `protect` */
};

/* The first rule that matches the peer decides. If no rule matches, only e2e-kms is possible,
 * unless the user chooses another protection. */
struct ue_policy {
	struct ue_rule rules[UE_RULES_MAX];
	size_t n_rules;
};

struct ue_choosing {
	const struct ue_policy *policy;
	struct mikey_id peer;
	bool user_has_said; /* true: the user chose the protection `user` */
	enum ue_protection user;
	bool has_kms; /* true: the terminal has credentials for a KMS */
	/* true: the network announced e2ae at registration (sdes-srtp;mediasec) */
	bool network_does_e2ae;
};

/*
 * Chooses the protection of an outgoing call. The user's choice is used or refused, never replaced
 * by another. ERR_DENIED: a strict rule forbids it. ERR_UNSUPPORTED: no protection of the rule is
 * possible; `why` names what is missing.
 */
enum err ue_choose_offer(const struct ue_choosing *c, enum ue_protection *out,
                         struct why *why) MUST_USE;
/* Chooses the protection of an incoming call: exactly one of those in the offer (`offered` has one
 * bit for each enum ue_protection; RFC 4568 7.5). ERR_DENIED: none is allowed; the caller of this
 * function answers 488. */
enum err ue_choose_answer(const struct ue_choosing *c, unsigned offered, enum ue_protection *out,
                          struct why *why) MUST_USE;

#endif
