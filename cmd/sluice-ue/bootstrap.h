/* SPDX-License-Identifier: MIT */
/* Credentials from a bootstrapping (TS 33.220): what a GBA client left becomes the key shared with
 * the KMS. */
#ifndef CMD_SLUICE_UE_BOOTSTRAP_H
#define CMD_SLUICE_UE_BOOTSTRAP_H

#include "cmd/sluice-ue/options.h"

/*
 * Reads Ks, RAND, IMPI, B-TID and lifetime from `from`, derives Ks_(ext)_NAF for the KMS and puts
 * it as `psk` into the credentials, which are made where they are not there (`name` and `kms_id`
 * are needed then). All else of the file stays. Ks is not kept. ERR_EXPIRED, ERR_INVALID,
 * ERR_SYNTAX with the field in `why`, ERR_IO.
 */
enum err bootstrap(const struct ue_options *o, struct why *why) MUST_USE;

#endif
