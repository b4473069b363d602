/* SPDX-License-Identifier: MIT */
/* The table of modes. */
#include "relay/mode.h"

/* clang-format off */
#define PLAIN {MODE_IN_PLAIN, MODE_OUT_AS_IS}
#define SECURE {MODE_IN_UNPROTECT, MODE_OUT_PROTECT}
#define VERIFIED {MODE_IN_VERIFY, MODE_OUT_AS_IS}
#define OPAQUE {MODE_IN_OPAQUE, MODE_OUT_AS_IS}
/* clang-format on */

static const struct mode modes[RELAY_MODE_COUNT] = {
	[RELAY_MODE_RTP] = {.name = "rtp", .access = PLAIN, .core = PLAIN},
	[RELAY_MODE_E2AE] = {.name = "e2ae", .access = SECURE, .core = PLAIN},
	[RELAY_MODE_SRTP_SRTP] = {.name = "srtp-srtp", .access = SECURE, .core = SECURE},
	[RELAY_MODE_E2E] = {.name = "e2e", .access = OPAQUE, .core = OPAQUE},
	[RELAY_MODE_E2E_VERIFIED] = {.name = "e2e-verified", .access = VERIFIED, .core = VERIFIED},
};

const struct mode *mode_get(enum relay_mode m)
{
	return &modes[m];
}

const char *relay_leg_name(unsigned leg)
{
	static const char *const names[RELAY_LEGS_MAX] = {"a",  "b",  "b2", "b3", "b4",
	                                                  "b5", "b6", "b7", "b8"};

	return names[leg];
}

const char *relay_mode_name(enum relay_mode m)
{
	return m < RELAY_MODE_COUNT ? modes[m].name : "unknown";
}

enum err relay_mode_find(struct str name, enum relay_mode *out)
{
	for (unsigned m = 0; m < RELAY_MODE_COUNT; m++) {
		if (str_is(name, modes[m].name)) {
			*out = m;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}
