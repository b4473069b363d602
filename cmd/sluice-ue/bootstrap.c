/* SPDX-License-Identifier: MIT */
/* Imports the result of a GBA bootstrapping into the credentials. */
#include "cmd/sluice-ue/bootstrap.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/clk.h"
#include "cmd/sluice-ue/account.h"
#include "cmd/sluice-ue/files.h"
#include "control/doc/json.h"
#include "control/doc/schema.h"
#include "control/kms/kms_conf.h"
#include "control/kms/test_env.h"
#include "keyctx/kms/gba.h"

/* The output of a GBA client, read from the file of --from. */
struct gba_result {
	struct secret ks;
	struct str given_rand; /* valid only while the file is read */
	uint8_t rand[GBA_RAND_LEN];
	char btid[GBA_BTID_MAX + 1], impi[GBA_IMPI_MAX + 1];
	uint64_t until_s;
};

/* Reads a lifetime: seconds since 1970, or an xs:dateTime in UTC as a BSF sends it (TS 24.109
 * C.1). */
static enum err lifetime_read(struct schema_in *in, const struct schema_field *f,
                              const struct doc *d, void *at)
{
	char text[32];
	struct tm tm = {0};
	const char *end = NULL;

	if (d->kind == DOC_INT && d->number > 0) {
		*(uint64_t *)at = (uint64_t)d->number;
		return ERR_OK;
	}
	if (d->kind == DOC_TEXT && !str_copy(d->text, text, sizeof(text)))
		end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end || strcmp(end, "Z") != 0 || timegm(&tm) <= 0)
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be seconds since 1970 or a time in UTC such as "
		                     "\"2026-11-27T12:00:00Z\"");
	*(uint64_t *)at = (uint64_t)timegm(&tm);
	return ERR_OK;
}

static const struct schema_type lifetime_type = {.read = lifetime_read};

#define GBA_RESULT(name_, type_, member_) \
	.name = (name_), SCHEMA_FIELD(&(type_), struct gba_result, member_), .required = true
static const struct schema_field gba_result_fields[] = {
	{GBA_RESULT("ks", schema_hex_key, ks), .secret = true, .min = GBA_KS_LEN,
         .max = GBA_KS_LEN},
	{GBA_RESULT("rand", schema_slice, given_rand)},
	{GBA_RESULT("impi", schema_any_text, impi), .min = 1},
	{GBA_RESULT("btid", schema_any_text, btid), .min = 1},
	{GBA_RESULT("lifetime", lifetime_type, until_s)},
};
static const struct schema gba_result_schema =
	SCHEMA_NO_MASK("the bootstrapping file", gba_result_fields);

/* Checks that `rand` equals the RAND in the B-TID: both must come from one bootstrapping. */
static enum err check_rand(struct gba_result *l, struct why *why)
{
	struct str given = l->given_rand;
	uint8_t octets[GBA_RAND_LEN * 2];
	struct str domain;
	size_t n = 0;

	if (gba_btid_parse(str_of(l->btid), l->rand, &domain))
		return why_fail(why, ERR_SYNTAX,
		                "btid: must be base64 of RAND, \"@\" and the domain of the BSF (TS "
		                "33.220 4.5.2)");
	if (given.n == 2 * GBA_RAND_LEN ? hex_decode(given, octets, sizeof(octets), &n)
	                                : b64_decode(given, octets, sizeof(octets), &n))
		n = 0;
	if (n != GBA_RAND_LEN)
		return why_fail(why, ERR_SYNTAX, "rand: must be %d octets in hexadecimal or base64",
		                GBA_RAND_LEN);
	if (memcmp(octets, l->rand, GBA_RAND_LEN) != 0)
		return why_fail(why, ERR_INVALID,
		                "rand: differs from the RAND in btid; both must come from one "
		                "bootstrapping");
	return ERR_OK;
}

static enum err read_gba_result(struct gba_result *l, const char *path, struct why *why)
{
	struct kms_conf_file f = {0};
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	enum err e = kms_conf_file_read_keys(&f, path, ACCOUNT_FILE_MAX_BYTES, why);

	if (e)
		return e;
	e = doc_arena_new(&arena);
	if (!e)
		e = doc_json_decode(&root, arena, str_make(f.p, f.n), why);
	if (!e)
		e = schema_read_document(&gba_result_schema, root, l, why);
	if (!e)
		e = check_rand(l, why);
	if (e)
		why_prefix(why, "%s", path);
	doc_arena_free(arena);
	kms_conf_file_free(&f);
	return e;
}

static enum err check_time(const struct gba_result *l, struct why *why)
{
	struct test_env *clock = NULL;
	enum err e = test_env_new(&clock, why);

	if (!e && l->until_s <= test_env_wall_ns(clock) / NS_PER_S)
		e = why_fail(why, ERR_EXPIRED,
		             "lifetime: the bootstrapping has expired; bootstrap again");
	test_env_free(clock);
	return e;
}

/* --- the credentials -------------------------------------------------------- */

static enum err decode_account(struct doc **root, struct doc_arena *arena,
                               const struct ue_options *o, struct kms_conf_file *f, struct why *why)
{
	struct doc *d = doc_dict(arena), *kms = doc_dict(arena);
	enum err e;

	if (!access(o->credentials, F_OK)) {
		e = kms_conf_file_read_keys(f, o->credentials, ACCOUNT_FILE_MAX_BYTES, why);
		if (!e)
			e = doc_json_decode(root, arena, str_make(f->p, f->n), why);
		return !e && (*root)->kind != DOC_DICT
		               ? why_fail(why, ERR_SYNTAX, "%s: must be a JSON object",
		                          o->credentials)
		               : e;
	}
	if (!o->name || !o->kms_id)
		return why_fail(why, ERR_INVALID,
		                "%s does not exist; give --name and --kms-id to create it",
		                o->credentials);
	doc_set_text(arena, d, "name", str_of(o->name));
	doc_set_text(arena, kms, "id", str_of(o->kms_id));
	doc_set(d, "kms", kms);
	*root = d;
	return ERR_OK;
}

/* Moves the entries of `dict` to a new dictionary in which `name` is set to `v`. */
static struct doc *with(struct doc_arena *arena, struct doc *dict, const char *name, struct doc *v)
{
	struct doc *out = doc_dict(arena), *next;
	bool is_there = false;

	for (struct doc *it = dict ? dict->first : NULL; it; it = next) {
		bool here = str_is(it->key, name);

		next = it->next;
		it->next = NULL;
		if (here)
			doc_set(out, name, v);
		else
			doc_set_str(out, it->key, it);
		is_there |= here;
	}
	if (!is_there)
		doc_set(out, name, v);
	return out;
}

static struct doc *with_text(struct doc_arena *arena, struct doc *dict, const char *name,
                             const char *text)
{
	return text ? with(arena, dict, name, doc_text(arena, str_of(text))) : dict;
}

static struct doc *psk_doc(struct doc_arena *arena, const struct gba_result *l,
                           const struct secret *key)
{
	struct doc *psk = doc_dict(arena);
	char hex[2 * GBA_KEY_LEN + 1];

	CHECK(!hex_encode(key->octets, key->len, hex, sizeof(hex)));
	doc_set_text(arena, psk, "id", str_of(l->btid));
	doc_set_text(arena, psk, "key", str_of(hex));
	doc_set_uint(arena, psk, "until", l->until_s);
	secret_wipe(hex, sizeof(hex));
	return psk;
}

/* Derives Ks_(ext)_NAF. The name in NAF_Id is that of --naf, or else the host of the KMS's
 * identity. */
static enum err derive(struct secret *out, const struct gba_result *l, const struct ue_options *o,
                       const struct doc *root, struct why *why)
{
	struct str id = doc_get_text(doc_get(root, "kms"), "id");
	struct str host = o->naf ? str_of(o->naf)
	                         : kms_host_of((struct mikey_id){
					   .type = MIKEY_ID_URI,
					   .data = {(const uint8_t *)id.p, id.n},
				   });
	struct gba_input in = {.ks = {l->ks.octets, l->ks.len},
	                       .rand = {l->rand, GBA_RAND_LEN},
	                       .impi = str_of(l->impi),
	                       .naf_fqdn = host,
	                       .ua = gba_ua_mikey};
	enum err e;

	if (!host.n)
		return why_fail(
			why, ERR_INVALID,
			"kms.id \"%.*s\" has no host for the NAF_Id; give the name with --naf",
			STR_ARG(id));
	e = gba_derive(out, GBA_KEY_ME, &in);
	return e ? why_fail(why, e, "cannot derive Ks_(ext)_NAF from the GBA result: %s",
	                    err_meaning(e))
	         : ERR_OK;
}

/* The text holds keys. Its memory is reserved in one step, so that growing leaves no copies, and is
 * wiped at the end. */
static enum err write_account(const char *path, const struct doc *root, const struct report *r,
                              struct why *why)
{
	static const char zeros[4096];
	struct buf text = {0};
	struct files f = {0};
	enum err e;

	while (text.n < 4 * ACCOUNT_FILE_MAX_BYTES && !text.bad)
		buf_add(&text, zeros, sizeof(zeros));
	buf_reset(&text);
	doc_json_print(&text, root);
	buf_char(&text, '\n');
	e = text.bad ? why_fail(why, ERR_NOMEM, "out of memory")
	             : files_add(&f,
	                         &(struct files_content){
					 .path = path,
					 .octets = buf_as_view(&text),
					 .is_secret = true,
				 },
	                         why);
	if (!e && f.one[0].temporary) {
		/* Checks that the other commands can read the new file. */
		struct account check;

		e = account_load(&check, f.one[0].temporary, why);
		if (!e)
			account_clear(&check);
	}
	if (!e)
		e = files_commit(&f, r, why);
	files_drop(&f);
	if (text.p)
		secret_wipe(text.p, text.room);
	buf_free(&text);
	return e;
}

static enum err update_account(const struct ue_options *o, const struct gba_result *l,
                               const struct report *r, struct why *why)
{
	struct doc_arena *arena = NULL;
	struct kms_conf_file f = {0};
	struct doc *root = NULL, *kms;
	struct secret key = {0};
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = decode_account(&root, arena, o, &f, why);
	if (!e) {
		kms = doc_find(root, "kms");
		kms = with_text(arena, kms ? kms : doc_dict(arena), "id", o->kms_id);
		kms = with_text(arena, with_text(arena, kms, "url", o->kms_url), "ca", o->kms_ca);
		root = with(arena, with_text(arena, root, "name", o->name), "kms", kms);
		e = derive(&key, l, o, root, why);
	}
	if (!e) {
		root = with(arena, root, "psk", psk_doc(arena, l, &key));
		e = doc_arena_failed(arena) ? why_fail(why, ERR_NOMEM, "out of memory")
		                            : write_account(o->credentials, root, r, why);
	}
	secret_clear(&key);
	doc_arena_free(arena);
	kms_conf_file_free(&f);
	return e;
}

static void show_result(struct report *r, const struct ue_options *o, const struct gba_result *l)
{
	time_t until = (time_t)l->until_s;
	char when[32];
	struct tm tm;

	/* A time too far in the future has no calendar date: then print the seconds. */
	if (!gmtime_r(&until, &tm) || !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(when, sizeof(when), "%" PRIu64, l->until_s);
	report_add(r, "psk=%s until=%s credentials=%s\n", l->btid, when, o->credentials);
}

enum err bootstrap(const struct ue_options *o, struct why *why)
{
	struct gba_result l = {0};
	struct report r = {0};
	enum err e = read_gba_result(&l, o->from, why);

	if (!e)
		e = check_time(&l, why);
	if (!e) {
		show_result(&r, o, &l);
		e = update_account(o, &l, &r, why);
	}
	report_clear(&r);
	secret_clear(&l.ks);
	return e;
}
