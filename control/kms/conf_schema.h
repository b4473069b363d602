/* SPDX-License-Identifier: MIT */
/* Declarations that the schema tables of the credentials file of a KMS share. */
#ifndef CONTROL_KMS_CONF_SCHEMA_H
#define CONTROL_KMS_CONF_SCHEMA_H

#include "control/doc/schema.h"
#include "keyctx/kms/directory.h"

/* What the readers of the file get as `at`. */
struct kms_conf_place {
	struct kms_directory *directory;
	const char *file; /* name of the file, borrowed; NULL: the text comes from no file */
};

/* Returns the directory, from the `at` that the functions of sections and list entries get. */
static inline struct kms_directory *kms_conf_directory(void *at)
{
	return ((struct kms_conf_place *)at)->directory;
}

/* Reads one name of a list and adds it to the struct kms_names `at`. */
enum err kms_conf_name_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at) MUST_USE;

enum { KMS_CONF_NAMES_MAX = 100000 };

/* The schema row of a list of names, a struct kms_names. */
#define KMS_CONF_NAMES(name_, struct_, member_)                                                    \
	.name = (name_), SCHEMA_FIELD(&schema_list, struct_, member_), .item = kms_conf_name_item, \
	.max = KMS_CONF_NAMES_MAX

/* Read the sections "policy" and "admin". */
extern const struct schema_type kms_conf_policy_type, kms_conf_admin_type;

#endif
