/* SPDX-License-Identifier: MIT */
/* The credentials file of a terminal. */
#include "cmd/sluice-ue/account.h"

#include "base/mem.h"
#include "control/doc_json.h"
#include "control/kms_conf.h"

enum { FILE_MAX_BYTES = 64 * 1024, PSK_MIN = 16 };

static enum err read_psk(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "key", NULL};
	enum err e = kms_conf_only(node, "psk", names, why);

	if (!e)
		e = kms_conf_name(node, "psk", "id", MIKEY_ID_BYTES, true, &a->psk_id, why);
	return e ? e : kms_conf_key(node, "psk", "key", PSK_MIN, MIKEY_KEY_MAX, &a->psk, why);
}

static enum err read_text(const struct doc *node, const char *name, char *out, size_t room, struct why *why)
{
	struct str text;
	enum err e = kms_conf_text(node, "kms", name, false, &text, why);

	if (!e && str_copy(text, out, room))
		e = why_fail(why, ERR_TOO_BIG, "kms.%s: more than %zu characters", name, room - 1);
	return e;
}

static enum err read_kms(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "url", "ca", NULL};
	enum err e = kms_conf_only(node, "kms", names, why);

	if (!e)
		e = kms_conf_name(node, "kms", "id", MIKEY_ID_URI, true, &a->kms, why);
	if (!e)
		e = read_text(node, "url", a->url, sizeof a->url, why);
	return e ? e : read_text(node, "ca", a->ca, sizeof a->ca, why);
}

static enum err read_root(struct account *a, struct str json, struct why *why)
{
	static const char *const names[] = {"name", "psk", "kms", NULL};
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = doc_json_decode(&root, arena, json, why);
	if (!e)
		e = kms_conf_only(root, "credentials", names, why);
	if (!e)
		e = kms_conf_name(root, "credentials", "name", MIKEY_ID_URI, true, &a->name, why);
	if (!e)
		e = read_psk(a, doc_get(root, "psk"), why);
	if (!e)
		e = read_kms(a, doc_get(root, "kms"), why);
	doc_arena_free(arena);
	return e;
}

enum err account_load(struct account *out, const char *file, struct why *why)
{
	struct account a = {0};
	struct kms_conf_file f = {0};
	enum err e = kms_conf_file_read(&f, file, FILE_MAX_BYTES, why);

	if (e)
		return e;
	e = read_root(&a, str_make(f.p, f.n), why);
	kms_conf_file_free(&f);
	if (e) {
		account_clear(&a);
		why_prefix(why, "%s: ", file);
		return e;
	}
	ticket_rules_init(&a.rules);
	if (a.psk.len > 16)
		a.rules.algs = mikey_algs_256;
	*out = a;
	return ERR_OK;
}

void account_clear(struct account *a)
{
	mem_free(a->name);
	mem_free(a->psk_id);
	mem_free(a->kms);
	secret_clear(&a->psk);
	*a = (struct account){0};
}

struct mikey_cred account_cred(const struct account *a)
{
	return (struct mikey_cred){.psk = {a->psk.octets, a->psk.len}, .psk_id = kms_name_id(a->psk_id)};
}
