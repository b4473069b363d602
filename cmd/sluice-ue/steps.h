/* SPDX-License-Identifier: MIT */
/* The steps of a call as commands; they read and write files of descriptions and states (RFC 6043,
 * 4567, 4568). */
#ifndef CMD_SLUICE_UE_STEPS_H
#define CMD_SLUICE_UE_STEPS_H

#include "cmd/sluice-ue/options.h"

/* Each step returns ERR_OK, or an error that `why` explains. A failed step leaves no files
 * behind. */
enum err step_request(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_offer(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_answer(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_finish(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_update(const struct ue_options *o, struct why *why) MUST_USE;

/* Parses an identity of the command line; the octets of `out` are in `room`. ERR_SYNTAX. */
enum err read_peer(struct mikey_id *out, uint8_t room[KMS_NAME_MAX], const char *text,
                   struct why *why) MUST_USE;

#endif
