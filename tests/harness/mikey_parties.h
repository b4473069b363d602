/* SPDX-License-Identifier: MIT */
/* Loads the parties of a play from the vectors: their keys, clock and random octets. */
#ifndef TESTS_HARNESS_MIKEY_PARTIES_H
#define TESTS_HARNESS_MIKEY_PARTIES_H

#include "tests/harness/mikey_vectors.h"

/* Reads an identity of octets, "hex:0a0b" or {"type": "bytes", "hex": "0a0b"}, into `room`. */
struct mikey_id play_key_id(json_t *j, uint8_t *room, size_t n);
uint64_t play_ntp_of(double unix_s);
/* Fills play->party[who] from play->json. */
void play_load_party(struct play *play, enum play_who who);

#endif
