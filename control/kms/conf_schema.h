/* SPDX-License-Identifier: MIT */
/* What the tables of the credentials of a KMS share. */
#ifndef CONTROL_KMS_CONF_SCHEMA_H
#define CONTROL_KMS_CONF_SCHEMA_H

#include "control/doc/schema.h"
#include "keyctx/kms/directory.h"

/* The place of every section of the file: a struct kms_directory *. */
static inline struct kms_directory *kms_conf_directory(void *at)
{
	return *(struct kms_directory **)at;
}

/* The section "policy". */
extern const struct schema_type kms_conf_policy_type;

#endif
