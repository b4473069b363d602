/* SPDX-License-Identifier: MIT */
/* The known-answer test of every suite. Start-up refuses an engine that fails it. */
#ifndef RELAY_ENGINE_SELFTEST_H
#define RELAY_ENGINE_SELFTEST_H

#include "relay/engine/engine.h"

/* Protects, unprotects and forges one SRTP and one SRTCP packet of each suite, in a batch of `n`
 * streams (1 to PKT_BATCH); every stream must give the same octets. ERR_CRYPTO: `why` names the
 * step that failed. */
enum err selftest_run(const struct engine_ops *ops, unsigned n, struct why *why) MUST_USE;

#endif
