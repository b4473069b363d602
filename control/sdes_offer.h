/* SPDX-License-Identifier: MIT */
/* The setting `sdes-offer`: SRTP suites to offer over ng, best first. */
#ifndef CONTROL_SDES_OFFER_H
#define CONTROL_SDES_OFFER_H

#include "control/conf.h"
#include "keyctx/suite.h"

/* "AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM": names separated by commas or blanks.
 * ERR_INVALID names the unknown one. */
enum err sdes_offer_check(struct str value, struct why *why) MUST_USE;
/* The suites of all values in their order, each once, into `out` of SUITE_COUNT. Returns how
 * many; without a value all suites. */
unsigned sdes_offer_read(const struct conf_list *list, enum suite_id *out);

#endif
