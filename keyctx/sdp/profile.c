/* SPDX-License-Identifier: MIT */
/* The table of RTP profiles (RFC 3551, 3711, 4585, 5124, 5764). */
#include "keyctx/sdp/profile.h"

static const struct {
	const char *name;
	bool is_secure, is_dtls, has_feedback;
} profiles[SDP_PROFILE_COUNT] = {
	[SDP_PROFILE_OTHER] = {.name = ""},
	[SDP_PROFILE_AVP] = {.name = "RTP/AVP"},
	[SDP_PROFILE_AVPF] = {.name = "RTP/AVPF", .has_feedback = true},
	[SDP_PROFILE_SAVP] = {.name = "RTP/SAVP", .is_secure = true},
	[SDP_PROFILE_SAVPF] = {.name = "RTP/SAVPF", .is_secure = true, .has_feedback = true},
	[SDP_PROFILE_DTLS_SAVP] = {.name = "UDP/TLS/RTP/SAVP", .is_dtls = true},
	[SDP_PROFILE_DTLS_SAVPF] = {.name = "UDP/TLS/RTP/SAVPF",
                                    .is_dtls = true,
                                    .has_feedback = true},
};

const char *sdp_profile_name(enum sdp_profile p)
{
	return profiles[p].name;
}

enum sdp_profile sdp_profile_find(struct str name)
{
	for (unsigned i = 1; i < SDP_PROFILE_COUNT; i++)
		if (str_eq_nocase(name, str_of(profiles[i].name)))
			return (enum sdp_profile)i;
	return SDP_PROFILE_OTHER;
}

bool sdp_profile_is_rtp(enum sdp_profile p)
{
	return p != SDP_PROFILE_OTHER;
}

bool sdp_profile_is_secure(enum sdp_profile p)
{
	return profiles[p].is_secure;
}

bool sdp_profile_is_dtls(enum sdp_profile p)
{
	return profiles[p].is_dtls;
}

enum sdp_profile sdp_profile_with(enum sdp_profile p, bool secure)
{
	if (profiles[p].has_feedback)
		return secure ? SDP_PROFILE_SAVPF : SDP_PROFILE_AVPF;
	return secure ? SDP_PROFILE_SAVP : SDP_PROFILE_AVP;
}
