/* SPDX-License-Identifier: MIT */
/* Which protection a call gets: by what the user says, else by the terminal's policy
 * (TS 33.328 7.2.3), for each call. */
#ifndef KEYCTX_UE_CHOICE_H
#define KEYCTX_UE_CHOICE_H

#include "keyctx/kms/directory.h"
#include "keyctx/ue/ue.h"

enum { UE_RULES_MAX = 32 };

/* For calls with peers the pattern fits: what may be used, best first. */
struct ue_rule {
	struct kms_pattern peer;
	uint8_t protect[UE_PROTECTIONS]; /* enum ue_protection */
	size_t n_protect;
	bool strict; /* not even the user may choose another */
};

/* The first rule that fits decides. Where none does: end to end with the KMS, or no call. */
struct ue_policy {
	struct ue_rule rules[UE_RULES_MAX];
	size_t n_rules;
};

struct ue_choosing {
	const struct ue_policy *policy;
	struct mikey_id peer;
	bool user_has_said; /* explicit user action */
	enum ue_protection user;
	bool has_kms;           /* credentials for one are there */
	bool network_does_e2ae; /* the network said so at registration (sdes-srtp;mediasec) */
};

/*
 * For a call of our own. What the user said is done or refused, never replaced. ERR_DENIED: a
 * strict rule has it otherwise; ERR_UNSUPPORTED: nothing of the list is possible here. `why` names
 * what is missing.
 */
enum err ue_choose_offer(const struct ue_choosing *c, enum ue_protection *out,
                         struct why *why) MUST_USE;
/*
 * For a call that comes: of what the offer holds (bit of each enum ue_protection) the one to answer
 * with; exactly one (RFC 4568 7.5). ERR_DENIED: none of them will do; signalling answers 488.
 */
enum err ue_choose_answer(const struct ue_choosing *c, unsigned offered, enum ue_protection *out,
                          struct why *why) MUST_USE;

#endif
