/* SPDX-License-Identifier: MIT */
/* Chooses the protection of each call: what the user asked for, or else the
 * terminal's policy (TS 33.328 7.2.3). */
#ifndef KEYCTX_UE_CHOICE_H
#define KEYCTX_UE_CHOICE_H

#include "keyctx/kms/directory.h"
#include "keyctx/ue/ue.h"

enum { UE_RULES_MAX = 32 };

/* The protections for calls with matching peers, the preferred one first. */
struct ue_rule {
	struct kms_pattern peer;
	uint8_t protect[UE_PROTECTIONS]; /* enum ue_protection */
	size_t n_protect;
	bool strict; /* the user may not choose another protection either */
};

/* The first rule that matches decides. If none does: e2e-kms, or no call. */
struct ue_policy {
	struct ue_rule rules[UE_RULES_MAX];
	size_t n_rules;
};

struct ue_choosing {
	const struct ue_policy *policy;
	struct mikey_id peer;
	bool user_has_said; /* the user chose `user` explicitly */
	enum ue_protection user;
	bool has_kms; /* the terminal has credentials for a KMS */
	/* the network announced e2ae at registration (sdes-srtp;mediasec) */
	bool network_does_e2ae;
};

/*
 * Chooses for an outgoing call. What the user asked for is used or refused, never replaced.
 * ERR_DENIED: a strict rule forbids it. ERR_UNSUPPORTED: no protection of the rule is possible;
 * `why` names what is missing.
 */
enum err ue_choose_offer(const struct ue_choosing *c, enum ue_protection *out,
                         struct why *why) MUST_USE;
/* Chooses for an incoming call: exactly one protection of the offer (`offered` has a bit of each
 * enum ue_protection; RFC 4568 7.5). ERR_DENIED: none is allowed; signalling answers 488. */
enum err ue_choose_answer(const struct ue_choosing *c, unsigned offered, enum ue_protection *out,
                          struct why *why) MUST_USE;

#endif
