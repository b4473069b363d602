/* SPDX-License-Identifier: MIT */
/* Stores the state of a KMS on disk with LMDB (docs/decisions/kms-store.md). */
#ifndef CONTROL_KMS_STORE_H
#define CONTROL_KMS_STORE_H

#include "keyctx/kms/store.h"

struct kms_store_disk;

struct kms_store_disk_config {
	const char *path;        /* the state directory */
	const char *master_file; /* file of the master key; NULL: "master.key" in the directory */
	size_t seen_max;         /* maximum number of remembered messages; 0: ten million */
};

/*
 * Opens the state in its directory, or creates it (the directory with mode 0700). The master key
 * file has 32 octets, raw or as 64 hexadecimal digits; the keys that encrypt the stored values are
 * derived from it. "master.key" is created with random octets when the state is new. ERR_BUSY:
 * another process uses the directory; ERR_AUTH: the stored values cannot be decrypted with this
 * master key; ERR_IO, ERR_INVALID, ERR_NOT_FOUND (master key file), ERR_TOO_BIG, ERR_NOMEM.
 */
enum err kms_store_disk_open(struct kms_store_disk **out, const struct kms_store_disk_config *c,
                             struct why *why) MUST_USE;
/* Syncs the seen messages, closes the files and releases the directory. Takes NULL. */
void kms_store_disk_close(struct kms_store_disk *s);
/* Returns the store for kms_new; valid until kms_store_disk_close. */
struct kms_store kms_store_disk_use(struct kms_store_disk *s);
/*
 * Syncs the seen messages to disk, so that they survive a crash of the machine. Keys need no sync:
 * each write of a key is synced. Call it about once a second. ERR_IO.
 */
enum err kms_store_disk_sync(struct kms_store_disk *s) MUST_USE;
/* Copies the two state files from directory `from` to directory `to`; each copy is consistent, even
 * while a KMS uses the files. Does not copy the master key. ERR_IO, ERR_TOO_BIG. */
enum err kms_store_disk_backup(const char *from, const char *to, struct why *why) MUST_USE;

#endif
