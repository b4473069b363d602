/* SPDX-License-Identifier: MIT */
/* Reads the credentials file of a KMS, JSON, into a directory (docs/kms.md describes the file). */
#ifndef CONTROL_KMS_KMS_CONF_H
#define CONTROL_KMS_KMS_CONF_H

#include "base/str.h"
#include "control/doc/doc.h"
#include "keyctx/kms/directory.h"

/* ERR_SYNTAX, ERR_INVALID, ERR_RANGE, ERR_EXISTS with the path of the field in `why`
 * ("users[3].psk.key"), never a key. For tests. */
enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why) MUST_USE;
/* The same from a file of at most 256 MB. ERR_IO. */
enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why) MUST_USE;

/*
 * For files of this kind. Reads a whole file into memory, which kms_conf_file_free wipes. ERR_IO,
 * ERR_TOO_BIG.
 */
struct kms_conf_file {
	char *p;
	size_t n;
};

enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why) MUST_USE;
void kms_conf_file_free(struct kms_conf_file *f);

/* ERR_INVALID when the node is no object or has a member that is not in `names` (ended by NULL). */
enum err kms_conf_only(const struct doc *node, const char *path, const char *const *names,
                       struct why *why) MUST_USE;
/* One member of an object. `path` names the object in errors. */
struct kms_conf_member {
	const struct doc *node;
	const char *path, *name;
	bool is_needed; /* ERR_INVALID when it is absent */
};

static inline struct kms_conf_member kms_conf_needed(const struct doc *node, const char *path,
                                                     const char *name)
{
	return (struct kms_conf_member){
		.node = node, .path = path, .name = name, .is_needed = true};
}

static inline struct kms_conf_member kms_conf_optional(const struct doc *node, const char *path,
                                                       const char *name)
{
	return (struct kms_conf_member){.node = node, .path = path, .name = name};
}

/* A text; absent: empty. */
enum err kms_conf_text(struct kms_conf_member m, struct str *out, struct why *why) MUST_USE;
/* A text into an array; absent: `out` stays. ERR_TOO_BIG. */
enum err kms_conf_text_into(struct kms_conf_member m, char *out, size_t room,
                            struct why *why) MUST_USE;
/* An integer in [min, max]; absent: `*out` stays. */
enum err kms_conf_uint(struct kms_conf_member m, uint64_t min, uint64_t max, uint64_t *out,
                       struct why *why) MUST_USE;
/* A key of `min` to `max` octets in hexadecimal digits, into locked memory. */
enum err kms_conf_key(struct kms_conf_member m, size_t min, size_t max, struct secret *out,
                      struct why *why) MUST_USE;
/* An identity or key id (kms_name_parse) that the caller owns; absent: NULL. */
enum err kms_conf_name(struct kms_conf_member m, enum mikey_id_type plain, struct kms_name **out,
                       struct why *why) MUST_USE;

/* The section "policy" over what `p` holds; `node` NULL: absent (control/kms/conf_policy.c). */
enum err kms_conf_policy(struct kms_policy *p, const struct doc *node, struct why *why) MUST_USE;

#endif
