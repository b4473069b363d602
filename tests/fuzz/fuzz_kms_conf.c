/* SPDX-License-Identifier: MIT */
/* Any credentials file of a KMS gives either a directory with a name and a policy within its
 * ranges, or an error with a message. */
#include <stdio.h>

#include "control/kms/kms_conf.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_closed;
	struct kms_directory *d = NULL;
	struct why why = {""};

	/* A certificate's file name may be "-", standard input: make reading it end at once. */
	if (!is_closed)
		is_closed = freopen("/dev/null", "r", stdin) != NULL;
	if (kms_conf_parse(&d, str_make(size ? (const char *)data : "", size), &why)) {
		CHECK(!d && why.text[0]);
		return 0;
	}
	CHECK(kms_directory_self(d).data.n > 0);
	CHECK(kms_directory_policy(d)->n_rules <= KMS_RULES_MAX);
	CHECK(kms_directory_policy(d)->ticket_default_s <= kms_directory_policy(d)->ticket_max_s);
	for (size_t i = 0; i < kms_directory_users(d); i++)
		CHECK(kms_directory_user_at(d, i)->names.n > 0);
	kms_directory_free(d);
	return 0;
}
