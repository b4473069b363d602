/* SPDX-License-Identifier: MIT */
/* Transport protocols of m-lines that carry RTP, and what each of them means. */
#ifndef KEYCTX_SDP_PROFILE_H
#define KEYCTX_SDP_PROFILE_H

#include <stdbool.h>

#include "base/str.h"

enum sdp_profile {
	SDP_PROFILE_OTHER, /* not RTP */
	SDP_PROFILE_AVP,
	SDP_PROFILE_AVPF,
	SDP_PROFILE_SAVP,
	SDP_PROFILE_SAVPF,
	SDP_PROFILE_DTLS_SAVP,
	SDP_PROFILE_DTLS_SAVPF,
	SDP_PROFILE_COUNT
};

const char *sdp_profile_name(enum sdp_profile p);   /* "RTP/SAVPF"; "" for OTHER */
enum sdp_profile sdp_profile_find(struct str name); /* case does not count */
bool sdp_profile_is_rtp(enum sdp_profile p);
bool sdp_profile_is_secure(enum sdp_profile p); /* SAVP(F), keys by SDES or key-mgmt */
bool sdp_profile_is_dtls(enum sdp_profile p);
/* The RTP/AVP or RTP/SAVP profile with the feedback (F) that `p` has. */
enum sdp_profile sdp_profile_with(enum sdp_profile p, bool secure);

#endif
