/* SPDX-License-Identifier: MIT */
/* Reads who may use the provisioning listener of a KMS: names of certificates, roles, rates. */
#include "control/kms/conf_schema.h"

enum { RATE_MAX = 1000000 };

static const struct word role_words[] = {{"auditor", KMS_ADMIN_AUDITOR},
                                         {"provisioner", KMS_ADMIN_PROVISIONER},
                                         {"admin", KMS_ADMIN_ADMIN},
                                         {0}};

static const struct schema_field role_fields[] = {
	{.name = "name",
         SCHEMA_FIELD(&schema_text, struct kms_admin, name),
         .required = true,
         .min = 1},
	{.name = "role",
         SCHEMA_FIELD(&schema_word, struct kms_admin, role),
         .words = role_words,
         .required = true},
};
static const struct schema role_schema = SCHEMA_NO_MASK("a role", role_fields);

/* Reads one entry of admin.roles. `at` is the struct kms_admins; the row's max keeps n in bounds.
 */
static enum err role_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct kms_admins *all = at;
	struct kms_admin *a = &all->v[all->n];
	enum err e = schema_read(in, &role_schema, d, a);

	(void)f;
	for (size_t i = 0; !e && i < all->n; i++)
		if (str_eq_nocase(str_of(all->v[i].name), str_of(a->name)))
			e = schema_refuse(in, ERR_EXISTS, NULL, NULL,
			                  "the name %s has a role already: each name may be given "
			                  "once",
			                  a->name);
	all->n += !e;
	return e;
}

static const struct schema_field admin_fields[] = {
	{
		.name = "roles",
		.type = &schema_list,
		.item = role_item,
		.required = true,
		.min = 1,
		.max = KMS_ADMINS_MAX,
	},
	{
		.name = "rate_per_minute",
		SCHEMA_FIELD(&schema_uint, struct kms_admins, rate_per_minute),
		.max = RATE_MAX,
	},
	{
		.name = "rate_burst",
		SCHEMA_FIELD(&schema_uint, struct kms_admins, rate_burst),
		.min = 1,
		.max = RATE_MAX,
	},
};
static const struct schema admin_schema = SCHEMA_NO_MASK("admin", admin_fields);

static enum err admin_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	struct kms_directory *directory = kms_conf_directory(at);
	struct kms_admins admins = *kms_directory_admins(directory);
	enum err e;

	(void)f;
	admins.n = 0;
	e = schema_read(in, &admin_schema, d, &admins);
	if (!e)
		kms_directory_set_admins(directory, &admins);
	return e;
}

const struct schema_type kms_conf_admin_type = {.read = admin_read};
