/* SPDX-License-Identifier: MIT */
/* The credentials file of a terminal: its identity and keys, and how it protects its calls. */
#ifndef CMD_SLUICE_UE_ACCOUNT_H
#define CMD_SLUICE_UE_ACCOUNT_H

#include "keyctx/ue/choice.h"

enum { ACCOUNT_FILE_MAX_BYTES = 64 * 1024, ACCOUNT_GROUPS_MAX = 8, ACCOUNT_TPKS_MAX = 16 };

struct account_tpk {
	struct kms_name *id, *owner;
	struct secret key;
};

/* The contents of the credentials file, which docs/kms.md describes. */
struct account {
	struct kms_name *name, *psk_id, *kms;
	struct secret psk;
	uint64_t psk_until_s; /* expiry of `psk`, seconds since 1970; 0: it never expires */
	/* URL of the KMS without the path of an operation; empty: requests to the KMS fail */
	char url[512];
	/* PEM file of CA certificates for https; empty: those of the system */
	char ca[512];
	/* file of the replay cache; empty: there is none, because the credentials are standard
	 * input */
	char replay[512];
	struct kms_name *application; /* NULL: none */
	struct kms_name *groups[ACCOUNT_GROUPS_MAX];
	size_t n_groups;
	struct account_tpk tpks[ACCOUNT_TPKS_MAX];
	size_t n_tpks;
	/* bit i: ticket type i is accepted. A field of the credentials, because the annex of TS
	 * 33.328 with the 3GPP ticket was not available. */
	unsigned accept_types;
	bool network_e2ae;
	struct ue_policy policy;
	/* Views on the members above, as keyctx/ue needs them. */
	struct mikey_id group_ids[ACCOUNT_GROUPS_MAX];
	struct ue_tpk tpk_views[ACCOUNT_TPKS_MAX];
	struct ue_identity identity;
};

/* Reads the credentials file. On ERR_SYNTAX and ERR_INVALID `why` names the field, but never shows
 * a key. Do not move `out` afterwards: `identity` points into it. */
enum err account_load(struct account *out, const char *file, struct why *why) MUST_USE;
void account_clear(struct account *a);

static inline bool account_has_kms(const struct account *a)
{
	return a->kms && a->psk_id;
}

#endif
