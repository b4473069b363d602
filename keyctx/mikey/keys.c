/* SPDX-License-Identifier: MIT */
/* Reads key data sub-payloads into keys in secret memory, and writes them. */
#include "keyctx/mikey/keys.h"

#include "base/secret.h"

enum { KEY_MIN = 16 }; /* octets; RFC 6043 12.1 forbids keys under 128 bits */

struct mikey_keys *mikey_keys_new(void)
{
	return secret_alloc(sizeof(struct mikey_keys));
}

void mikey_keys_free(struct mikey_keys *k)
{
	secret_free(k);
}

bool mikey_key_has_salt(unsigned type)
{
	return type == MIKEY_TGK_SALT || type == MIKEY_TEK_SALT || type == MIKEY_GTGK_SALT;
}

const struct mikey_key *mikey_keys_find(const struct mikey_keys *k, struct view spi)
{
	for (size_t i = 0; spi.n && i < k->n; i++)
		if (k->k[i].type != MIKEY_MPK && view_eq(mikey_key_spi(&k->k[i]), spi))
			return &k->k[i];
	return NULL;
}

const struct mikey_key *mikey_keys_first(const struct mikey_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->k[i].type != MIKEY_MPK)
			return &k->k[i];
	return NULL;
}

size_t mikey_keys_longest(const struct mikey_keys *k)
{
	size_t longest = 0;

	for (size_t i = 0; i < k->n; i++) {
		unsigned type = k->k[i].type;

		if (type != MIKEY_TEK && type != MIKEY_TEK_SALT && k->k[i].key_len > longest)
			longest = k->k[i].key_len;
	}
	return longest;
}

enum err mikey_keys_add(struct mikey_keys *k, unsigned type, struct view key, struct view salt,
                        struct view spi)
{
	struct mikey_key *to = &k->k[k->n];

	if (k->n == MIKEY_KEYS_MAX || key.n > MIKEY_KEY_MAX || salt.n > MIKEY_SALT_MAX ||
	    spi.n > MIKEY_SPI_MAX)
		return ERR_TOO_BIG;
	if (type != MIKEY_MPK && mikey_keys_find(k, spi))
		return ERR_EXISTS;
	*to = (struct mikey_key){
		.type = (uint8_t)type,
		.key_len = (uint8_t)key.n,
		.salt_len = (uint8_t)salt.n,
		.spi_len = (uint8_t)spi.n,
	};
	if (key.n)
		memcpy(to->key, key.p, key.n);
	if (salt.n)
		memcpy(to->salt, salt.p, salt.n);
	if (spi.n)
		memcpy(to->spi, spi.p, spi.n);
	k->n++;
	return ERR_OK;
}

static enum err add_read(struct mikey_keys *out, const struct mikey_payload *p,
                         struct mikey_fault *fault)
{
	const char *name = mikey_key_type_name(p->u.key.type);
	enum err e;

	if (p->u.key.key.n < KEY_MIN)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "%s in KEMAC has %zu octets, must be at least 16", name,
		                  p->u.key.key.n);
	if (p->u.key.type != MIKEY_MPK && (p->u.key.kv != MIKEY_KV_SPI || !p->u.key.spi.n))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, "%s in KEMAC has no SPI",
		                  name);
	e = mikey_keys_add(out, p->u.key.type, p->u.key.key, p->u.key.salt, p->u.key.spi);
	if (e == ERR_EXISTS)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "two keys have the same SPI");
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "too many keys in one KEMAC (12 allowed), or %s is too long",
		                  name);
	return ERR_OK;
}

static bool all_zero(struct view v)
{
	uint8_t any = 0;

	for (size_t i = 0; i < v.n; i++)
		any |= v.p[i];
	return !any;
}

enum err mikey_keys_read(struct mikey_keys *out, struct view plain, size_t pad_max,
                         struct mikey_fault *fault)
{
	struct rd r = rd_view(plain);
	unsigned type = plain.n ? MIKEY_KEY : MIKEY_LAST;

	out->n = 0;
	while (type != MIKEY_LAST) {
		struct mikey_payload p;
		enum err e;

		if (type != MIKEY_KEY)
			return mikey_fail(
				fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
				"payload type %u among the keys of KEMAC, must be 20 (key data)",
				type);
		e = mikey_payload_read(&r, type, 0, &p, fault);
		if (!e)
			e = add_read(out, &p, fault);
		if (e) {
			/* The offset counts from the start of the plaintext, not of the message:
			 * drop it. */
			if (fault)
				fault->has_offset = false;
			return e;
		}
		type = p.next;
	}
	if (rd_left(&r) > pad_max || !all_zero((struct view){.p = r.p, .n = rd_left(&r)}))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "unexpected octets after the last key of KEMAC");
	return ERR_OK;
}

void mikey_keys_write(struct wr *w, const struct mikey_keys *k)
{
	struct mikey_build b;

	mikey_build_chain(&b, w, false);
	for (size_t i = 0; i < k->n; i++) {
		const struct mikey_key *key = &k->k[i];
		struct mikey_payload p = {.type = MIKEY_KEY, .u.key = {.type = key->type}};

		p.u.key.kv = key->spi_len ? MIKEY_KV_SPI : MIKEY_KV_NULL;
		p.u.key.key = mikey_key_octets(key);
		p.u.key.salt = mikey_key_salt(key);
		p.u.key.spi = mikey_key_spi(key);
		mikey_build_add(&b, &p);
	}
	*w = b.w;
}
