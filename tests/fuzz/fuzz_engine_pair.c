/* SPDX-License-Identifier: MIT */
/* Compares the engines with each other; the input is the tape of tests/harness/pair.h. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair_report report;

	if (!pair_run(data, size, &report)) {
		fprintf(stderr, "%s\n", report.text);
		abort();
	}
	return 0;
}
