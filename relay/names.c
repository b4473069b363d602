/* SPDX-License-Identifier: MIT */
/* The names of events and findings in JSON, logs and metrics. */
#include "relay/relay.h"

const char *relay_event_name(enum relay_event_kind k)
{
	static const char *const names[RELAY_EVENT_COUNT] = {
		[RELAY_EVENT_FIRST_MEDIA] = "first-media",
		[RELAY_EVENT_MEDIA_TIMEOUT] = "media-timeout",
		[RELAY_EVENT_SETUP_TIMEOUT] = "setup-timeout",
		[RELAY_EVENT_SOURCE_CHANGED] = "source-changed",
		[RELAY_EVENT_AUTH_FAILURES] = "auth-failures",
		[RELAY_EVENT_KEY_SOFT_LIMIT] = "key-soft-limit",
		[RELAY_EVENT_KEY_EXPIRED] = "key-expired",
		[RELAY_EVENT_STREAM_LIMIT] = "stream-limit",
		[RELAY_EVENT_SSRC_CHANGED] = "ssrc-changed",
		[RELAY_EVENT_NOTHING_AUTHENTIC] = "nothing-authentic",
	};

	return k < RELAY_EVENT_COUNT ? names[k] : "unknown";
}

const char *relay_finding_name(enum relay_finding f)
{
	static const char *const names[RELAY_FINDING_COUNT] = {
		[RELAY_FINDING_NONE] = "none",
		[RELAY_FINDING_CLEAR] = "clear",
		[RELAY_FINDING_WRONG_KEY] = "wrong-key",
		[RELAY_FINDING_TAG_LENGTH] = "tag-length",
	};

	return f < RELAY_FINDING_COUNT ? names[f] : "unknown";
}
