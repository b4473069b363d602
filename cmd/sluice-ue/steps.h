/* SPDX-License-Identifier: MIT */
/* The steps of a call as commands: descriptions in files, states in files (RFC 6043, RFC 4567, RFC
 * 4568). */
#ifndef CMD_SLUICE_UE_STEPS_H
#define CMD_SLUICE_UE_STEPS_H

#include "cmd/sluice-ue/options.h"

/* Each returns an exit status's worth: ERR_OK, or what failed with its text. All write their files
 * last: nothing is left of a failure. */
enum err step_request(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_offer(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_answer(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_finish(const struct ue_options *o, struct why *why) MUST_USE;
enum err step_update(const struct ue_options *o, struct why *why) MUST_USE;

/* An identity of the command line; `out` views `room`. ERR_SYNTAX. */
enum err read_peer(struct mikey_id *out, uint8_t room[KMS_NAME_MAX], const char *text,
                   struct why *why) MUST_USE;

#endif
