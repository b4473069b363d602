/* SPDX-License-Identifier: MIT */
/* The audit trail of a KMS: one line for each request, never a key. */
#ifndef CMD_SLUICE_KMS_AUDIT_H
#define CMD_SLUICE_KMS_AUDIT_H

#include "keyctx/kms/kms.h"

struct audit;

/* Appends to `file` (mode 0640), or to standard error when NULL. ERR_IO. */
enum err audit_open(struct audit **out, const char *file, struct why *why) MUST_USE;
void audit_close(struct audit *a);
/* Opens the file again after log rotation. ERR_IO: the previous file stays open. */
enum err audit_reopen(struct audit *a, struct why *why) MUST_USE;
/* A kms_audit_fn; `arg` is a struct audit. */
void audit_write(void *arg, const struct kms_audit *line);

#endif
