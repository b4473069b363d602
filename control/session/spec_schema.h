/* SPDX-License-Identifier: MIT */
/* Types of fields and list functions that the spec_*.c files share. Private to this folder. */
#ifndef CONTROL_SESSION_SPEC_SCHEMA_H
#define CONTROL_SESSION_SPEC_SCHEMA_H

#include "control/session/spec.h"

/* Types of fields, in this order: receive key and send key (pointers to a key context), interface
 * choice, family (4 or 6), index of a core leg, struct spec_legs, struct spec_media_list. */
extern const struct schema_type spec_receive_key_type, spec_send_key_type, spec_interface_type,
	spec_family_type, spec_active_type, spec_legs_type, spec_media_type;

bool spec_leg_exists(const struct spec_legs *legs, unsigned i);
/* Applies a patch to the legs. After ERR_NOMEM `legs` is valid, but the patch is only partly
 * applied. */
enum err spec_legs_apply(struct spec_legs *legs, const struct spec_legs *patch,
                         const struct spec_context *context) MUST_USE;

/* Adds empty media up to `n`. ERR_LIMIT, ERR_NOMEM. */
enum err spec_media_grow(struct spec_media_list *list, unsigned n) MUST_USE;
struct spec_media *spec_media_find(const struct spec_media_list *list, struct str id);

#endif
