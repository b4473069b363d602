/* SPDX-License-Identifier: MIT */
/* Loop protection of signalling: this gateway marks the SDP that it writes, and recognises it. */
#include "control/dialog/request.h"

/* The attribute that rtpengine uses; clients and proxies know it. Its value is the gateway's id. */
#define MARK "rtpengine"

/* Does the SDP have the mark of gateway `instance`? Looks at session-level lines only. */
static bool is_marked(struct str sdp, const char *instance)
{
	while (sdp.n && !str_starts(sdp, "m=")) {
		struct str line = str_cut(sdp, '\n', &sdp);

		line.n -= line.n && line.p[line.n - 1] == '\r';
		if (str_starts(line, "a=" MARK ":") &&
		    str_is(str_skip(line, sizeof("a=" MARK ":") - 1), instance))
			return true;
	}
	return false;
}

bool dialog_passes_untouched(const struct dialogs *d, const struct dialog_command *command)
{
	bool has_sdp = command->op == DIALOG_OFFER || command->op == DIALOG_ANSWER;

	return has_sdp && command->options.loop_protect &&
	       is_marked(command->sdp, service_instance(d->service));
}

enum err dialog_mark_write(struct sdp *sdp, const struct service *sv)
{
	return sdp_attr_add(sdp, SDP_SESSION, MARK, str_of(service_instance(sv)));
}
