/* SPDX-License-Identifier: MIT */
/* Who a terminal is and how it proves it: its credentials file. */
#ifndef CMD_SLUICE_UE_ACCOUNT_H
#define CMD_SLUICE_UE_ACCOUNT_H

#include "base/secret.h"
#include "keyctx/kms/directory.h"
#include "keyctx/ticket/rules.h"

/* {"name": …, "psk": {"id": …, "key": …}, "kms": {"id": …, "url": …, "ca": …}}; docs/kms.md says more. */
struct account {
	struct kms_name *name, *psk_id, *kms;
	struct secret psk;
	char url[512];     /* of the KMS, without what names an operation; empty: none is asked */
	char ca[512];      /* PEM file of roots for https; empty: the system's */
	struct ticket_rules rules; /* the 256-bit set when the key is longer than 128 bits (RFC 6043 12.1) */
};

/* ERR_IO, ERR_SYNTAX, ERR_INVALID with the field in `why`, never a key. */
enum err account_load(struct account *out, const char *file, struct why *why) MUST_USE;
void account_clear(struct account *a);

/* Views on the account. */
struct mikey_cred account_cred(const struct account *a);

#endif
