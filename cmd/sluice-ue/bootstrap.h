/* SPDX-License-Identifier: MIT */
/* Makes credentials from a bootstrapping (TS 33.220): the output of a GBA client gives the key
 * shared with the KMS. */
#ifndef CMD_SLUICE_UE_BOOTSTRAP_H
#define CMD_SLUICE_UE_BOOTSTRAP_H

#include "cmd/sluice-ue/options.h"

/*
 * Reads Ks, RAND, IMPI, B-TID and lifetime from the file `from`, derives Ks_(ext)_NAF for the KMS
 * and writes it as `psk` into the credentials. If the credentials do not exist, they are created,
 * which needs `name` and `kms_id`. The rest of an existing file is unchanged. Ks is not stored.
 * ERR_EXPIRED, ERR_INVALID, ERR_SYNTAX with the field in `why`, ERR_IO.
 */
enum err bootstrap(const struct ue_options *o, struct why *why) MUST_USE;

#endif
