/* SPDX-License-Identifier: MIT */
/* The audit trail of a KMS: one line for each request of a terminal or another KMS, and for each
 * change and refusal of the provisioning listener. It never contains a key. */
#ifndef CMD_SLUICE_KMS_AUDIT_H
#define CMD_SLUICE_KMS_AUDIT_H

#include "control/kms/admin_http.h"
#include "keyctx/kms/kms.h"

struct audit;

/* Opens `file` (mode 0640) to append to it; NULL means standard error. ERR_IO. */
enum err audit_open(struct audit **out, const char *file, struct why *why) MUST_USE;
void audit_close(struct audit *a);
/* Opens the file again, after log rotation. On ERR_IO the previous file stays open. */
enum err audit_reopen(struct audit *a, struct why *why) MUST_USE;
/* Writes one line. It is a kms_audit_fn; `arg` is a struct audit. */
void audit_write(void *arg, const struct kms_audit *line);
/* Writes one line about a request of the provisioning listener. It is an admin_audit_fn; `arg` is a
 * struct audit. */
void audit_write_admin(void *arg, const struct admin_audit *line);

#endif
