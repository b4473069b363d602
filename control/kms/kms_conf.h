/* SPDX-License-Identifier: MIT */
/* Reads the credentials file of a KMS, JSON, into a directory (docs/kms.md describes the file). */
#ifndef CONTROL_KMS_KMS_CONF_H
#define CONTROL_KMS_KMS_CONF_H

#include "base/str.h"
#include "control/doc/schema.h"
#include "keyctx/kms/directory.h"
#include "keyctx/mikey/keys.h"

/* ERR_SYNTAX, ERR_INVALID, ERR_RANGE, ERR_EXISTS with the path of the field in `why`
 * ("users[3].psk.key"), never a key. For tests. */
enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why) MUST_USE;
/* The same from a file of at most 256 MB. ERR_IO. */
enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why) MUST_USE;

/* A whole file in memory, which kms_conf_file_free wipes; "-": standard input. ERR_IO,
 * ERR_TOO_BIG. */
struct kms_conf_file {
	char *p;
	size_t n;
};

enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why) MUST_USE;
void kms_conf_file_free(struct kms_conf_file *f);

/* An identity and a key id, a struct kms_name *. In JSON an identity is a URI and a key id a byte
 * string, unless it begins with "uri:", "nai:", "text:" or "hex:". */
extern const struct schema_type kms_conf_identity_type, kms_conf_key_id_type;

enum { KMS_CONF_PSK_MIN = 16 };

/* The row of a pre-shared key: the field "key", a struct secret. */
#define KMS_CONF_KEY(struct_, member_)                                                            \
	{                                                                                         \
		.name = "key", SCHEMA_FIELD(&schema_hex_key, struct_, member_), .required = true, \
		.secret = true, .min = KMS_CONF_PSK_MIN, .max = MIKEY_KEY_MAX                     \
	}

#endif
