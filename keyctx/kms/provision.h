/* SPDX-License-Identifier: MIT */
/* Users that are added, changed and removed while the KMS runs. They are kept in the store; users
 * of the credentials file are not changed here. Control thread only. */
#ifndef KEYCTX_KMS_PROVISION_H
#define KEYCTX_KMS_PROVISION_H

#include "keyctx/kms/kms.h"

enum {
	/* the first name of a provisioned user is its key in the store */
	KMS_PROVISION_NAME_MAX = KMS_STORE_KEY_MAX - 1,
	KMS_PROVISION_NAMES_MAX = 32,
	KMS_PROVISION_RECORD_MAX = 8192,
};

/*
 * Adds a user, or puts it in the place of the provisioned user with the same first name, and sets
 * its version. The user is in the store when the function returns ERR_OK; otherwise nothing has
 * changed. Takes ownership of `u`, also on failure. ERR_EXISTS: another user has one of its names,
 * its key id or its private identity. ERR_WRONG_STATE: the user of that name is in the credentials
 * file, or it is not that user's first name. ERR_TOO_BIG, ERR_NOMEM, or an error of the store.
 */
enum err kms_provision_put(struct kms *k, struct kms_user *u, uint64_t wall_ns,
                           struct why *why) MUST_USE;
/* Removes a provisioned user, from the store first. From then on its key serves no request, and
 * requests that wait for a BSF or another KMS are refused. ERR_NOT_FOUND, ERR_WRONG_STATE (as
 * above), or an error of the store. */
enum err kms_provision_remove(struct kms *k, struct mikey_id name, struct why *why) MUST_USE;

#endif
