/* SPDX-License-Identifier: MIT */
/* What a play needs of the vectors: a party with its keys, clock and random octets. */
#ifndef TESTS_HARNESS_MIKEY_PARTIES_H
#define TESTS_HARNESS_MIKEY_PARTIES_H

#include "tests/harness/mikey_vectors.h"

/* "hex:0a0b" or {"type": "bytes", "hex": "0a0b"}: an identity of octets, which go to `room`. */
struct mikey_id play_key_id(json_t *j, uint8_t *room, size_t n);
uint64_t play_ntp_of(double unix_s);
/* Fills play->party[who] from play->json. */
void play_load_party(struct play *play, enum play_who who);

#endif
