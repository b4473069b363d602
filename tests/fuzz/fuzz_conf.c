/* SPDX-License-Identifier: MIT */
/* Any settings file gives settings within their limits, or an error with a message. */
#include <string.h>

#include "control/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf c;
	struct why why = {""};
	enum err e = conf_load_text(&c, str_make(size ? (const char *)data : "", size), &why);

	if (e)
		CHECK(why.text[0] != '\0');
	else
		CHECK(c.interfaces.n >= 1 && c.port_min < c.port_max &&
		      c.control.n <= CONF_LISTEN_MAX && c.dscp <= 63);
	return 0;
}
