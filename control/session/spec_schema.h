/* SPDX-License-Identifier: MIT */
/* What the files of spec share: the types of their fields and the lists inside. Private to
 * control/spec*.c. */
#ifndef CONTROL_SESSION_SPEC_SCHEMA_H
#define CONTROL_SESSION_SPEC_SCHEMA_H

#include "control/session/spec.h"

/* A key context pointer; a choice of the context's interfaces; 4 or 6; a leg's index; struct
 * spec_legs; struct spec_media_list. */
extern const struct schema_type spec_receive_key_type, spec_send_key_type, spec_interface_type,
	spec_family_type, spec_active_type, spec_legs_type, spec_media_type;

bool spec_leg_exists(const struct spec_legs *legs, unsigned i);
/* On ERR_NOMEM `legs` is half changed and valid. */
enum err spec_legs_apply(struct spec_legs *legs, const struct spec_legs *patch,
                         const struct spec_context *context) MUST_USE;

/* ERR_LIMIT, ERR_NOMEM. */
enum err spec_media_grow(struct spec_media_list *list, unsigned n) MUST_USE;
struct spec_media *spec_media_find(const struct spec_media_list *list, struct str id);

#endif
