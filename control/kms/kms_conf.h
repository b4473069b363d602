/* SPDX-License-Identifier: MIT */
/* Reads the credentials file of a KMS, which is JSON, into a directory (docs/kms.md). */
#ifndef CONTROL_KMS_KMS_CONF_H
#define CONTROL_KMS_KMS_CONF_H

#include "base/str.h"
#include "control/doc/schema.h"
#include "keyctx/kms/directory.h"
#include "keyctx/mikey/keys.h"

/* Reads credentials from text. ERR_SYNTAX, ERR_INVALID, ERR_RANGE, ERR_EXISTS: `why` has the path
 * of the field ("users[3].psk.key"), never a key. For kms_conf_load and tests. */
enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why) MUST_USE;
/* Like kms_conf_parse, from a file of at most 256 MiB. Also ERR_IO, ERR_TOO_BIG. */
enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why) MUST_USE;

/* Reads one user, with the fields of users[], for the provisioning listener: `names` may be absent.
 * ERR_INVALID, ERR_RANGE, ERR_NOMEM: `why` has the path of the field, never a key. */
enum err kms_conf_user(struct kms_user **out, const struct doc *d, struct why *why) MUST_USE;

/* The contents of a file; kms_conf_file_free wipes them. */
struct kms_conf_file {
	char *p;
	size_t n;
};

/* Reads a file of at most `max` octets; "-" is standard input. ERR_IO, ERR_TOO_BIG, ERR_NOMEM. */
enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why) MUST_USE;
/* Like kms_conf_file_read, for a file with keys. ERR_DENIED: other users can read it. */
enum err kms_conf_file_read_keys(struct kms_conf_file *out, const char *file, size_t max,
                                 struct why *why) MUST_USE;
void kms_conf_file_free(struct kms_conf_file *f);
/* Makes a relative `path`, which `file` names, count from the folder of `file`, in place; `room` is
 * the size of `path`. An absolute or empty path and "-" stay as they are. `file` may be NULL.
 * ERR_TOO_BIG. */
enum err kms_conf_path(char *path, size_t room, const char *file, struct why *why) MUST_USE;

/* Types of a struct kms_name *. In JSON a string; a prefix "uri:", "nai:", "text:" or "hex:" gives
 * its kind. Without a prefix an identity is a URI, and a key id is a byte string. */
extern const struct schema_type kms_conf_identity_type, kms_conf_key_id_type;

enum { KMS_CONF_PSK_MIN = 16 }; /* octets */

/* The schema row of a pre-shared key: the field "key", a struct secret. */
#define KMS_CONF_KEY(struct_, member_)                                                            \
	{                                                                                         \
		.name = "key", SCHEMA_FIELD(&schema_hex_key, struct_, member_), .required = true, \
		.secret = true, .min = KMS_CONF_PSK_MIN, .max = MIKEY_KEY_MAX                     \
	}

#endif
