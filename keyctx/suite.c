/* SPDX-License-Identifier: MIT */
/* The table of SRTP suites (RFC 4568 6.2, RFC 6188, RFC 7714), and older names of suites. */
#include "keyctx/suite.h"

/* The hard limits of a master key are 2^48 SRTP and 2^31 SRTCP packets (RFC 3711 9.2, RFC 7714
 * 14.2). The default of the suites of RFC 6188 is 2^31 SRTP packets (RFC 6188 4); signalling may
 * give a higher lifetime. */
#define HMAC(id_, name_, cipher_, key, tag, default_, rfc_) \
	[id_] = {.id = id_,                                 \
	         .name = name_,                             \
	         .cipher = cipher_,                         \
	         .key_len = key,                            \
	         .salt_len = 14,                            \
	         .srtp_tag_len = tag,                       \
	         .srtcp_tag_len = 10,                       \
	         .srtp_lifetime_pkts = 1ull << 48,          \
	         .srtcp_lifetime_pkts = 1ull << 31,         \
	         .srtp_default_lifetime_pkts = default_,    \
	         .rfc = rfc_}
#define CM(id_, name_, key, tag, default_, rfc_) \
	HMAC(id_, name_, SUITE_CIPHER_AES_CM, key, tag, default_, rfc_)
#define GCM(id_, name_, key)                               \
	[id_] = {.id = id_,                                \
	         .name = name_,                            \
	         .cipher = SUITE_CIPHER_AES_GCM,           \
	         .key_len = key,                           \
	         .salt_len = 12,                           \
	         .srtp_tag_len = 16,                       \
	         .srtcp_tag_len = 16,                      \
	         .srtp_lifetime_pkts = 1ull << 48,         \
	         .srtcp_lifetime_pkts = 1ull << 31,        \
	         .srtp_default_lifetime_pkts = 1ull << 48, \
	         .rfc = "RFC 7714"}

static const struct suite table[SUITE_COUNT] = {
	CM(SUITE_AES_CM_128_HMAC_SHA1_80, "AES_CM_128_HMAC_SHA1_80", 16, 10, 1ull << 48,
           "RFC 4568"),
	CM(SUITE_AES_CM_128_HMAC_SHA1_32, "AES_CM_128_HMAC_SHA1_32", 16, 4, 1ull << 48, "RFC 4568"),
	CM(SUITE_AES_192_CM_HMAC_SHA1_80, "AES_192_CM_HMAC_SHA1_80", 24, 10, 1ull << 31,
           "RFC 6188"),
	CM(SUITE_AES_192_CM_HMAC_SHA1_32, "AES_192_CM_HMAC_SHA1_32", 24, 4, 1ull << 31, "RFC 6188"),
	CM(SUITE_AES_256_CM_HMAC_SHA1_80, "AES_256_CM_HMAC_SHA1_80", 32, 10, 1ull << 31,
           "RFC 6188"),
	CM(SUITE_AES_256_CM_HMAC_SHA1_32, "AES_256_CM_HMAC_SHA1_32", 32, 4, 1ull << 31, "RFC 6188"),
	GCM(SUITE_AEAD_AES_128_GCM, "AEAD_AES_128_GCM", 16),
	GCM(SUITE_AEAD_AES_256_GCM, "AEAD_AES_256_GCM", 32),
	HMAC(SUITE_F8_128_HMAC_SHA1_80, "F8_128_HMAC_SHA1_80", SUITE_CIPHER_AES_F8, 16, 10,
             1ull << 48, "RFC 4568"),
};

/* Suites that every terminal supports come first. AES-192 and f8 come last: some SRTP libraries
 * derive AES-192 keys wrongly (RFC 6188), and few terminals support f8. */
const enum suite_id suite_best_first[SUITE_COUNT] = {
	SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AES_CM_128_HMAC_SHA1_32, SUITE_AES_256_CM_HMAC_SHA1_80,
	SUITE_AES_256_CM_HMAC_SHA1_32, SUITE_AEAD_AES_128_GCM,        SUITE_AEAD_AES_256_GCM,
	SUITE_AES_192_CM_HMAC_SHA1_80, SUITE_AES_192_CM_HMAC_SHA1_32, SUITE_F8_128_HMAC_SHA1_80,
};

const struct suite *suite_get(enum suite_id id)
{
	CHECK((unsigned)id < SUITE_COUNT);
	return &table[id];
}

/* Older names of suites, from drafts of RFC 6188; NULL: the suite has no older name. */
static const char *const old_names[SUITE_COUNT] = {
	[SUITE_AES_CM_128_HMAC_SHA1_80] = "AES_128_CM_HMAC_SHA1_80",
	[SUITE_AES_CM_128_HMAC_SHA1_32] = "AES_128_CM_HMAC_SHA1_32",
	[SUITE_AES_192_CM_HMAC_SHA1_80] = "AES_CM_192_HMAC_SHA1_80",
	[SUITE_AES_192_CM_HMAC_SHA1_32] = "AES_CM_192_HMAC_SHA1_32",
	[SUITE_AES_256_CM_HMAC_SHA1_80] = "AES_CM_256_HMAC_SHA1_80",
	[SUITE_AES_256_CM_HMAC_SHA1_32] = "AES_CM_256_HMAC_SHA1_32",
};

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_small(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (small(name.p[i]) != name.p[i])
			return false;
	return true;
}

const struct suite *suite_find_spelt(struct str name, uint8_t *spelling)
{
	for (unsigned i = 0; i < SUITE_COUNT; i++) {
		bool is_old = old_names[i] && str_eq_nocase(name, str_of(old_names[i]));

		if (!is_old && !str_eq_nocase(name, str_of(table[i].name)))
			continue;
		*spelling = (uint8_t)((is_old ? SUITE_OLD_NAME : 0) |
		                      (is_small(name) ? SUITE_SMALL_LETTERS : 0));
		return &table[i];
	}
	return NULL;
}

const struct suite *suite_find(struct str name)
{
	uint8_t spelling;

	return suite_find_spelt(name, &spelling);
}

const char *suite_spell(const struct suite *s, uint8_t spelling, char out[SUITE_NAME_MAX])
{
	const char *name =
		spelling & SUITE_OLD_NAME && old_names[s->id] ? old_names[s->id] : s->name;
	size_t n = 0;

	for (; name[n] && n < SUITE_NAME_MAX - 1; n++)
		out[n] = spelling & SUITE_SMALL_LETTERS ? small(name[n]) : name[n];
	out[n] = '\0';
	return out;
}
