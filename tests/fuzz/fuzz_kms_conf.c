/* SPDX-License-Identifier: MIT */
/* Any credentials file of a KMS gives either a directory with a name and a policy within its
 * ranges, or an error with a message. Any body of a provisioning request gives a user or an error
 * with a message; any record of a user gives a user, which is written as the same octets. */
#include <stdio.h>

#include "control/doc/json.h"
#include "control/kms/kms_conf.h"
#include "keyctx/kms/provision.h"
#include "keyctx/kms/user_record.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void provision(struct str json)
{
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	struct kms_user *u = NULL;
	struct why why = {""};

	CHECK(doc_arena_new(&arena) == ERR_OK);
	if (doc_json_decode(&root, arena, json, &why) == ERR_OK) {
		if (kms_conf_user(&u, root, &why))
			CHECK(!u && why.text[0]);
		else
			CHECK(u->names.n <= KMS_PROVISION_NAMES_MAX &&
			      (u->psk.len == 0 || u->psk.len >= KMS_CONF_PSK_MIN));
		kms_user_free(u);
	}
	doc_arena_free(arena);
}

static void record(struct view octets)
{
	uint8_t room[KMS_PROVISION_RECORD_MAX];
	struct kms_user *u = NULL;
	size_t len = 0;

	if (octets.n > sizeof(room) || user_record_read(&u, octets))
		return;
	CHECK(u->names.n > 0);
	CHECK(user_record_write(u, room, sizeof(room), &len) == ERR_OK);
	CHECK(len == octets.n && memcmp(room, octets.p, len) == 0);
	kms_user_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_closed;
	struct kms_directory *d = NULL;
	struct why why = {""};

	/* A certificate's file name may be "-", standard input: make reading it end at once. */
	if (!is_closed)
		is_closed = freopen("/dev/null", "r", stdin) != NULL;
	provision(str_make(size ? (const char *)data : "", size));
	record((struct view){data, size});
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
