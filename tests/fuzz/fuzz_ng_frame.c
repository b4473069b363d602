/* SPDX-License-Identifier: MIT */
/* The length of a complete ng message in a stream does not depend on the octets after it. */
#include <stdlib.h>

#include "control/ng/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = 0, again = 0;

	if (ng_frame_length(str_make((const char *)data, size), &n))
		return 0;
	if (n == 0 || n > size || ng_frame_length(str_make((const char *)data, n), &again) ||
	    again != n)
		abort();
	return 0;
}
