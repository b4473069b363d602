/* SPDX-License-Identifier: MIT */
/* The credentials file of a KMS: JSON to a directory (docs/kms.md gives its form). */
#ifndef CONTROL_KMS_KMS_CONF_H
#define CONTROL_KMS_KMS_CONF_H

#include "base/str.h"
#include "control/doc/doc.h"
#include "keyctx/kms/directory.h"

/* ERR_SYNTAX, ERR_INVALID, ERR_RANGE, ERR_EXISTS with the path of the field in `why`
 * ("users[3].psk.key"), never a key. */
enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why) MUST_USE;
/* The same from a file of at most 256 MB. ERR_IO. */
enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why) MUST_USE;

/*
 * Helpers for files of this family. `path` names the node for people. The reader of a whole file
 * into memory that is wiped by kms_conf_file_free; ERR_IO, ERR_TOO_BIG.
 */
struct kms_conf_file {
	char *p;
	size_t n;
};

enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why) MUST_USE;
void kms_conf_file_free(struct kms_conf_file *f);

/* Refuses members that are not in `names` (ended by NULL), and a node that is no object. */
enum err kms_conf_only(const struct doc *node, const char *path, const char *const *names,
                       struct why *why) MUST_USE;
/* A text member; absent: empty, or ERR_INVALID when `needed`. */
enum err kms_conf_text(const struct doc *node, const char *path, const char *name, bool needed,
                       struct str *out, struct why *why) MUST_USE;
/* A text member into an array; absent: it stays. ERR_TOO_BIG. */
enum err kms_conf_text_into(const struct doc *node, const char *path, const char *name, bool needed,
                            char *out, size_t room, struct why *why) MUST_USE;
/* A whole number member in [min, max]; absent: `*out` stays. */
enum err kms_conf_uint(const struct doc *node, const char *path, const char *name, uint64_t min,
                       uint64_t max, uint64_t *out, struct why *why) MUST_USE;
/* A key in hexadecimal digits of `min` to `max` octets, into secret memory. */
enum err kms_conf_key(const struct doc *node, const char *path, const char *name, size_t min,
                      size_t max, struct secret *out, struct why *why) MUST_USE;
/* An identity or key id (kms_name_parse), owned by the caller; absent: NULL, or ERR_INVALID when
 * `needed`. */
enum err kms_conf_name(const struct doc *node, const char *path, const char *name,
                       enum mikey_id_type plain, bool needed, struct kms_name **out,
                       struct why *why) MUST_USE;

/* The section "policy" over what `p` holds; `node` NULL: absent (control/kms/conf_policy.c). */
enum err kms_conf_policy(struct kms_policy *p, const struct doc *node, struct why *why) MUST_USE;

#endif
