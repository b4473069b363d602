/* SPDX-License-Identifier: MIT */
/* Declarations that the schema tables of the credentials file of a KMS share. */
#ifndef CONTROL_KMS_CONF_SCHEMA_H
#define CONTROL_KMS_CONF_SCHEMA_H

#include "control/doc/schema.h"
#include "keyctx/kms/directory.h"

/* Returns the directory, from the `at` that the functions of sections and list entries get. */
static inline struct kms_directory *kms_conf_directory(void *at)
{
	return *(struct kms_directory **)at;
}

/* Reads the section "policy". */
extern const struct schema_type kms_conf_policy_type;

#endif
