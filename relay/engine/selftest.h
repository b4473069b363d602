/* SPDX-License-Identifier: MIT */
/* Known answers of every suite: an engine that does not give them is refused at start-up. */
#ifndef RELAY_ENGINE_SELFTEST_H
#define RELAY_ENGINE_SELFTEST_H

#include "relay/engine/engine.h"

/*
 * One SRTP and one SRTCP packet of each suite, protected, unprotected and forged, in a batch of `n`
 * streams at once (1 to PKT_BATCH), all of which must give the same octets. ERR_CRYPTO names what
 * came out wrong.
 */
enum err selftest_run(const struct engine_ops *ops, unsigned n, struct why *why) MUST_USE;

#endif
