/* SPDX-License-Identifier: MIT */
/* The setting `sdes-offer`: suites that are offered over ng, best first. */
#ifndef CONTROL_SDES_OFFER_H
#define CONTROL_SDES_OFFER_H

#include "control/conf.h"
#include "keyctx/suite.h"

/* "AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM": names with commas or blanks between them.
 * ERR_INVALID names the one that is not served. */
enum err sdes_offer_check(struct str value, struct why *why) MUST_USE;
/* The suites of all values in their order, each once, into `out` of SUITE_COUNT. Returns how many;
 * without a value all that are served. */
unsigned sdes_offer_read(const struct conf_list *list, enum suite_id *out);

#endif
