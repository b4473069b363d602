/* SPDX-License-Identifier: MIT */
/* Writes a user of the KMS as JSON, and fills in what a change leaves out. */
#include "control/kms/user_json.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool has_prefix(struct str s)
{
	return str_starts(s, "hex:") || str_starts(s, "text:") || str_starts(s, "nai:") ||
	       str_starts(s, "uri:");
}

/* Writes a name so that kms_name_parse with the type `plain` reads it back. */
static struct doc *name_json(struct doc_arena *a, const struct kms_name *name,
                             enum mikey_id_type plain)
{
	struct mikey_id id = kms_name_id(name);
	struct str s = str_make((const char *)id.data.p, id.data.n);
	char text[2 * KMS_NAME_MAX + 8];
	const char *prefix = id.type == MIKEY_ID_NAI   ? "nai:"
	                     : id.type == MIKEY_ID_URI ? "uri:"
	                     : is_plain(s)             ? "text:"
	                                               : "hex:";

	if (str_is(STR("hex:"), prefix)) {
		memcpy(text, "hex:", 4);
		CHECK(hex_encode(id.data.p, id.data.n, text + 4, sizeof(text) - 4) == ERR_OK);
		return doc_text(a, str_of(text));
	}
	if (id.type == plain && !has_prefix(s))
		return doc_text(a, s);
	snprintf(text, sizeof(text), "%s%.*s", prefix, STR_ARG(s));
	return doc_text(a, str_of(text));
}

static struct doc *psk_json(struct doc_arena *a, const struct kms_user *u)
{
	struct doc *psk = doc_dict(a);

	if (u->psk_id)
		doc_set(psk, "id", name_json(a, u->psk_id, MIKEY_ID_BYTES));
	doc_set_uint(a, psk, "octets", u->psk.len);
	if (u->psk_until_s)
		doc_set_uint(a, psk, "until", u->psk_until_s);
	return psk;
}

struct doc *user_json(struct doc_arena *a, const struct kms_user *u)
{
	struct doc *d = doc_dict(a), *names = doc_list(a);

	for (size_t i = 0; i < u->names.n; i++)
		doc_append(names, name_json(a, u->names.v[i], MIKEY_ID_URI));
	doc_set(d, "names", names);
	if (u->impi[0])
		doc_set_text(a, d, "impi", str_of(u->impi));
	if (u->psk.len)
		doc_set(d, "psk", psk_json(a, u));
	doc_set_text(a, d, "source",
	             u->origin == KMS_USER_OF_FILE ? STR("credentials") : STR("provisioned"));
	return d;
}

static enum err keep_names(struct kms_user *u, const struct kms_user *old)
{
	for (size_t i = 0; i < old->names.n; i++) {
		struct kms_name *name = kms_name_new(kms_name_id(old->names.v[i]));

		if (!name || kms_names_take(&u->names, name)) {
			mem_free(name);
			return ERR_NOMEM;
		}
	}
	return ERR_OK;
}

static enum err keep_psk(struct kms_user *u, const struct kms_user *old)
{
	u->psk_until_s = old->psk_until_s;
	u->psk_id = old->psk_id ? kms_name_new(kms_name_id(old->psk_id)) : NULL;
	if (old->psk_id && !u->psk_id)
		return ERR_NOMEM;
	return old->psk.len ? secret_set(&u->psk, old->psk.octets, old->psk.len) : ERR_OK;
}

enum err user_json_keep(struct kms_user *u, const struct doc *body, const struct kms_user *old)
{
	enum err e = ERR_OK;

	if (!doc_get(body, "names"))
		e = keep_names(u, old);
	if (!doc_get(body, "impi"))
		memcpy(u->impi, old->impi, sizeof(u->impi));
	if (!e && !doc_get(body, "psk"))
		e = keep_psk(u, old);
	return e;
}
