/* SPDX-License-Identifier: MIT */
/* The state of a KMS on disk, in LMDB (docs/decisions/kms-store.md). */
#ifndef CONTROL_KMS_STORE_H
#define CONTROL_KMS_STORE_H

#include "keyctx/kms/store.h"

struct kms_store_disk;

struct kms_store_disk_config {
	const char *path;        /* directory */
	const char *master_file; /* NULL: "master.key" in it */
	size_t seen_max;         /* messages remembered at once; 0: ten million */
};

/*
 * Opens or makes the state in its directory (made with mode 0700 when absent). `master_file` holds
 * the 32 octets that wrap the keys (64 hexadecimal digits, or raw); "master.key" is made with
 * random octets when the state is new. ERR_BUSY when another process uses the directory; ERR_AUTH
 * when the master key is not the state's.
 */
enum err kms_store_disk_open(struct kms_store_disk **out, const struct kms_store_disk_config *c,
                             struct why *why) MUST_USE;
void kms_store_disk_close(struct kms_store_disk *s);
struct kms_store kms_store_disk_use(struct kms_store_disk *s);
/*
 * Syncs the seen messages to disk: they then survive a crash of the machine, as keys always do.
 * Call about once a second. ERR_IO.
 */
enum err kms_store_disk_sync(struct kms_store_disk *s) MUST_USE;
/* Copies the two state files of directory `from` to directory `to`, consistently, also while a KMS
 * uses them. The master key is not copied. */
enum err kms_store_disk_backup(const char *from, const char *to, struct why *why) MUST_USE;

#endif
