/* SPDX-License-Identifier: MIT */
/* The setting `sdes-offer`: SRTP suites to offer over ng, best first. */
#ifndef CONTROL_SDES_OFFER_H
#define CONTROL_SDES_OFFER_H

#include "control/conf.h"
#include "keyctx/suite.h"

/* Checks one value: names separated by commas or blanks, for example "AES_CM_128_HMAC_SHA1_80,
 * AEAD_AES_128_GCM". ERR_INVALID: `why` has the unknown name. */
enum err sdes_offer_check(struct str value, struct why *why) MUST_USE;
/* Writes the suites of all values, in order and each suite once, to `out`, which has room for
 * SUITE_COUNT. Returns how many. An empty list gives all suites in their default order. */
unsigned sdes_offer_read(const struct conf_list *list, enum suite_id *out);

#endif
