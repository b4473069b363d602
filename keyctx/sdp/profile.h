/* SPDX-License-Identifier: MIT */
/* RTP profiles: the transport protocols of m-lines that carry RTP. */
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

const char *sdp_profile_name(enum sdp_profile p);   /* such as "RTP/SAVPF"; "" for OTHER */
enum sdp_profile sdp_profile_find(struct str name); /* ignores case; OTHER if unknown */
bool sdp_profile_is_rtp(enum sdp_profile p);
/* Returns true for RTP/SAVP(F), which has its keys in a=crypto or a=key-mgmt. */
bool sdp_profile_is_secure(enum sdp_profile p);
bool sdp_profile_is_dtls(enum sdp_profile p);
/* Returns RTP/SAVP(F) if `secure`, else RTP/AVP(F); with F if `p` has F. */
enum sdp_profile sdp_profile_with(enum sdp_profile p, bool secure);

#endif
