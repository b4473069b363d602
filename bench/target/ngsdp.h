/* SPDX-License-Identifier: MIT */
/* SDP of the ng and jsonrpc-sdp clients: prints a description with one stream, and reads the
 * target's. */
#ifndef BENCH_TARGET_NGSDP_H
#define BENCH_TARGET_NGSDP_H

#include "base/buf.h"
#include "base/err.h"
#include "bench/target/call.h"

/* Prints the description of `side`: its address, and a=crypto if it has a key. */
void ngsdp_print(const struct call *s, enum bench_side side, struct buf *out);
/*
 * Reads the description that the target made for `side`: sets its `target` address, and `receive`
 * (with `tag`) from the a=crypto line of its suite. ERR_SYNTAX, ERR_NOT_FOUND (no crypto line of
 * the suite), ERR_CRYPTO (a key that does not decode). Changes the call also on failure.
 */
enum err ngsdp_read(struct call *s, enum bench_side side, struct str text,
                    struct why *why) MUST_USE;
/* Reads only the media address of a description. */
enum err ngsdp_read_address(struct str text, struct addr *out, struct why *why) MUST_USE;

#endif
