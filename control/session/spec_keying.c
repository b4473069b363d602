/* SPDX-License-Identifier: MIT */
/* Reads and writes keying: an object in a request, a key context in the spec. */
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/secret.h"
#include "control/session/spec_schema.h"

static const struct schema_field keying_fields[] = {
	{
		.name = "suite",
		.required = true,
		.help = "name as in a=crypto: AES_CM_128_HMAC_SHA1_80 …",
	},
	{
		.name = "inline",
		.required = true,
		.secret = true,
		.help = "base64 of master key and salt; never in a reply",
	},
	{.name = "mki", .secret = true, .help = "base64 of the MKI's octets, 1 to 128"},
	{.name = "lifetime", .help = "packets under this key: a number, or a text like \"2^31\""},
	{
		.name = "roc",
		.help = "receive only: rollover counter of the first stream under this key, 0 to "
			"4294967295",
	},
};
enum { KEYING_SUITE, KEYING_INLINE, KEYING_MKI, KEYING_LIFETIME, KEYING_ROC };

/* The fields of a keying object. `octets` is in secret memory. */
struct keying_parts {
	bool is_send;
	const struct suite *suite;
	uint64_t lifetime_pkts;
	bool has_roc;
	uint32_t roc;
	size_t master_len, mki_len;
	struct {
		uint8_t master[SUITE_MASTER_MAX], mki[KEYCTX_MKI_MAX];
	} * octets;
};

/* Does the text look like a suite's name? Errors show no other text: it may be a misplaced key. */
static bool looks_like_suite(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      s.p[i] == '_'))
			return false;
	return s.n < 40;
}

static enum err read_suite(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	char list[224] = "";
	size_t n = 0;

	k->suite = d->kind == DOC_TEXT ? suite_find(d->text) : NULL;
	if (k->suite)
		return ERR_OK;
	for (unsigned i = 0; i < SUITE_COUNT && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
		                      suite_get((enum suite_id)i)->name);
	if (d->kind == DOC_TEXT && looks_like_suite(d->text))
		return schema_refuse(in, ERR_UNSUPPORTED, &keying_fields[KEYING_SUITE], d,
		                     "must be one of %s", list);
	return schema_refuse(in, ERR_UNSUPPORTED, NULL, NULL, "must be one of %s", list);
}

static enum err read_octets(struct schema_in *in, const struct doc *d, void *out, size_t room,
                            size_t *len)
{
	if (d->kind != DOC_TEXT || b64_decode(d->text, out, room, len) || *len == 0)
		return schema_refuse(in, ERR_INVALID, NULL, NULL,
		                     "must be base64 of 1 to %zu octets", room);
	return ERR_OK;
}

/* Reads a lifetime: a decimal number or a power of two such as "2^31" (RFC 4568 6.1). */
static enum err read_lifetime(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	uint64_t v = 0;

	if (d->kind == DOC_INT && d->number > 0) {
		v = (uint64_t)d->number;
	} else if (d->kind == DOC_TEXT && str_starts(d->text, "2^")) {
		uint64_t power;

		if (!str_to_u64(str_skip(d->text, 2), 48, &power))
			v = 1ull << power;
	} else if (d->kind == DOC_TEXT && str_to_u64(d->text, 1ull << 48, &v)) {
		v = 0;
	}
	if (v == 0 || v > 1ull << 48)
		return schema_refuse(in, ERR_RANGE, NULL, NULL,
		                     "must be 1 to 2^48, a number or a text like \"2^31\"");
	k->lifetime_pkts = v;
	return ERR_OK;
}

static enum err read_roc(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	if (k->is_send)
		return schema_refuse(
			in, ERR_INVALID, NULL, NULL,
			"only a receive key has it; the gateway itself counts the packets "
			"that it sends");
	if (d->kind != DOC_INT || d->number < 0 || d->number > UINT32_MAX)
		return schema_refuse(in, ERR_RANGE, &keying_fields[KEYING_ROC], d,
		                     "must be 0 to 4294967295");
	k->has_roc = true;
	k->roc = (uint32_t)d->number;
	return ERR_OK;
}

static enum err read_keying_field(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	if (str_is(d->key, "suite"))
		return read_suite(in, d, k);
	if (str_is(d->key, "inline"))
		return read_octets(in, d, k->octets->master, sizeof(k->octets->master),
		                   &k->master_len);
	if (str_is(d->key, "mki") && d->kind != DOC_NULL)
		return read_octets(in, d, k->octets->mki, sizeof(k->octets->mki), &k->mki_len);
	if (str_is(d->key, "lifetime") && d->kind != DOC_NULL)
		return read_lifetime(in, d, k);
	if (str_is(d->key, "roc") && d->kind != DOC_NULL)
		return read_roc(in, d, k);
	if (d->kind == DOC_NULL || in->ignore_unknown)
		return ERR_OK;
	return schema_refuse(in, ERR_INVALID, NULL, NULL,
	                     "no such field; keying has suite, inline, mki, lifetime, roc");
}

static enum err read_keying_parts(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	for (DOC_EACH(it, d)) {
		size_t mark = schema_enter(in, it->key);
		enum err e = read_keying_field(in, it, k);

		schema_leave(in, mark);
		if (e)
			return e;
	}
	if (!k->suite || !k->master_len)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must have suite and inline");
	return ERR_OK;
}

static enum err keying_read(struct schema_in *in, const struct doc *d, void *at, bool is_send)
{
	struct keying_parts k = {.is_send = is_send};
	struct keyctx *made = NULL;
	struct why why;
	enum err e;

	if (d->kind != DOC_DICT)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must be an object");
	k.octets = secret_alloc(sizeof(*k.octets));
	if (!k.octets)
		return schema_refuse(in, ERR_NOMEM, NULL, NULL, "no locked memory for the key");
	e = read_keying_parts(in, d, &k);
	if (e)
		goto out;
	e = keyctx_new(&made,
	               &(struct keyctx_spec){
			       .suite = k.suite,
			       .master = {.p = k.octets->master, .n = k.master_len},
			       .mki = {.p = k.octets->mki, .n = k.mki_len},
			       .lifetime_pkts = k.lifetime_pkts,
			       .has_roc = k.has_roc,
			       .roc = k.roc,
		       },
	               &why);
	if (e)
		e = schema_refuse(in, e, NULL, NULL, "%.180s",
		                  e == ERR_NOMEM ? "no memory for the key" : why.text);
out:
	secret_free(k.octets);
	if (!e) {
		keyctx_free(*(const struct keyctx **)at);
		*(const struct keyctx **)at = made;
	}
	return e;
}

static enum err receive_key_read(struct schema_in *in, const struct schema_field *f,
                                 const struct doc *d, void *at)
{
	(void)f;
	return keying_read(in, d, at, false);
}

static enum err send_key_read(struct schema_in *in, const struct schema_field *f,
                              const struct doc *d, void *at)
{
	(void)f;
	return keying_read(in, d, at, true);
}

/* Writes all fields of a key except the key octets. */
static struct doc *keying_write(const struct schema_out *out, const struct schema_field *f,
                                const void *at)
{
	const struct keyctx *k = *(const struct keyctx *const *)at;
	char mki[B64_TEXT_LEN(KEYCTX_MKI_MAX) + 1];
	struct doc *d;

	(void)f;
	if (!k)
		return NULL;
	d = doc_dict(out->arena);
	doc_set_text(out->arena, d, "suite", str_of(k->suite->name));
	if (k->mki_len && !b64_encode(k->mki, k->mki_len, true, mki, sizeof(mki)))
		doc_set_text(out->arena, d, "mki", str_of(mki));
	if (k->has_lifetime)
		doc_set_uint(out->arena, d, "lifetime", k->lifetime_pkts);
	if (k->has_roc)
		doc_set_uint(out->arena, d, "roc", k->roc);
	return d;
}

static enum err keying_copy(const struct schema_field *f, void *to, const void *from)
{
	struct keyctx *shared = keyctx_take(*(const struct keyctx *const *)from);

	(void)f;
	keyctx_free(*(const struct keyctx **)to);
	*(const struct keyctx **)to = shared;
	return ERR_OK;
}

static bool keying_eq(const struct schema_field *f, const void *a, const void *b)
{
	(void)f;
	return keyctx_eq(*(const struct keyctx *const *)a, *(const struct keyctx *const *)b);
}

static void keying_fini(const struct schema_field *f, void *at)
{
	(void)f;
	keyctx_free(*(const struct keyctx **)at);
	*(const struct keyctx **)at = NULL;
}

const struct schema_type spec_receive_key_type = {.read = receive_key_read,
                                                  .write = keying_write,
                                                  .copy = keying_copy,
                                                  .eq = keying_eq,
                                                  .fini = keying_fini};
const struct schema_type spec_send_key_type = {.read = send_key_read,
                                               .write = keying_write,
                                               .copy = keying_copy,
                                               .eq = keying_eq,
                                               .fini = keying_fini};
