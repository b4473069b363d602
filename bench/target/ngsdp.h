/* SPDX-License-Identifier: MIT */
/* The little SDP an ng client needs: a one-stream description made, and the peer's read. */
#ifndef BENCH_TARGET_NGSDP_H
#define BENCH_TARGET_NGSDP_H

#include "base/buf.h"
#include "base/err.h"
#include "bench/target/call.h"

/* The description `side` of the call sends: its address, and a=crypto when it has a key. */
void ngsdp_print(const struct call *s, enum bench_side side, struct buf *out);
/*
 * What the target answers for `side`: sets its `target` address, and `receive` (with `tag`) from
 * the a=crypto line of its suite. ERR_SYNTAX, ERR_NOT_FOUND (no crypto line of the suite),
 * ERR_CRYPTO (a key that does not decode). Changes the call also on failure.
 */
enum err ngsdp_read(struct call *s, enum bench_side side, struct str text,
                    struct why *why) MUST_USE;
/* "v=0 … m=audio PORT …" of anyone: the media address alone. */
enum err ngsdp_read_address(struct str text, struct addr *out, struct why *why) MUST_USE;

#endif
