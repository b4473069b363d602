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

/* docs/kms.md describes the file. */
struct account {
	struct kms_name *name, *psk_id, *kms;
	struct secret psk;
	uint64_t psk_until_s; /* 0: never expires */
	char url[512];        /* of the KMS, without the path of an operation; empty: no KMS */
	char ca[512];         /* PEM file of roots for https; empty: the system's */
	struct kms_name *groups[ACCOUNT_GROUPS_MAX];
	size_t n_groups;
	struct account_tpk tpks[ACCOUNT_TPKS_MAX];
	size_t n_tpks;
	bool network_e2ae;
	struct ue_policy policy;
	/* The same data as the library's views. */
	struct mikey_id group_ids[ACCOUNT_GROUPS_MAX];
	struct ue_tpk tpk_views[ACCOUNT_TPKS_MAX];
	struct ue_identity identity;
};

/* ERR_IO, ERR_SYNTAX, ERR_INVALID with the field in `why`, never a key. Must not be moved
 * afterwards: `identity` points into it. */
enum err account_load(struct account *out, const char *file, struct why *why) MUST_USE;
void account_clear(struct account *a);

static inline bool account_has_kms(const struct account *a)
{
	return a->kms && a->psk_id;
}

#endif
