/* SPDX-License-Identifier: MIT */
/* Makes, shares, compares and frees keying contexts. */
#include "keyctx/keyctx.h"

#include <inttypes.h>

#include "base/secret.h"
#include "keyctx/prim.h"

static enum err check_spec(const struct keyctx_spec *spec, struct why *why)
{
	const struct suite *s = spec->suite;
	size_t want = (size_t)s->key_len + s->salt_len;

	if (spec->master.n != want)
		return why_fail(why, ERR_INVALID, "%s needs %zu octets of key and salt, got %zu",
		                s->name, want, spec->master.n);
	if (spec->mki.n > KEYCTX_MKI_MAX)
		return why_fail(why, ERR_RANGE, "the MKI must have 1 to %d octets, got %zu",
		                KEYCTX_MKI_MAX, spec->mki.n);
	if (spec->lifetime_pkts > s->srtp_lifetime_pkts)
		return why_fail(why, ERR_RANGE,
		                "lifetime %" PRIu64 " is out of range (1 to %" PRIu64
		                " packets for %s)",
		                spec->lifetime_pkts, s->srtp_lifetime_pkts, s->name);
	return ERR_OK;
}

enum err keyctx_new(struct keyctx **out, const struct keyctx_spec *spec, struct why *why)
{
	const struct suite *s = spec->suite;
	enum err e = check_spec(spec, why);
	struct keyctx *k;

	if (e)
		return e;
	k = secret_alloc(sizeof(*k) + spec->mki.n);
	if (!k)
		return why_fail(why, ERR_NOMEM,
		                "no locked memory left for a key; raise the limit on locked memory "
		                "(ulimit -l)");
	k->suite = s;
	k->holders = 1;
	k->has_lifetime = spec->lifetime_pkts != 0;
	k->lifetime_pkts =
		spec->lifetime_pkts ? spec->lifetime_pkts : s->srtp_default_lifetime_pkts;
	k->has_roc = spec->has_roc;
	k->roc = spec->roc;
	memcpy(k->key, spec->master.p, s->key_len);
	memcpy(k->salt, spec->master.p + s->key_len, s->salt_len);
	k->mki_len = (uint8_t)spec->mki.n;
	if (spec->mki.n)
		memcpy(k->mki, spec->mki.p, spec->mki.n);
	*out = k;
	return ERR_OK;
}

struct keyctx *keyctx_take(const struct keyctx *k)
{
	struct keyctx *shared = (struct keyctx *)(uintptr_t)k;

	if (shared)
		shared->holders++;
	return shared;
}

enum err keyctx_copy(struct keyctx **out, const struct keyctx *k)
{
	struct keyctx *copy = secret_alloc(sizeof(*k) + k->mki_len);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, k, sizeof(*k) + k->mki_len);
	copy->holders = 1;
	*out = copy;
	return ERR_OK;
}

enum err keyctx_generate(struct keyctx **out, const struct suite *suite)
{
	return keyctx_generate_for(out, suite, 0);
}

enum err keyctx_generate_for(struct keyctx **out, const struct suite *suite, uint64_t lifetime_pkts)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {
		.suite = suite,
		.master = {.p = master, .n = (size_t)suite->key_len + suite->salt_len},
		.lifetime_pkts = lifetime_pkts,
	};
	enum err e = prim_random(master, spec.master.n);

	if (!e)
		e = keyctx_new(out, &spec, NULL);
	secret_wipe(master, sizeof(master));
	return e;
}

void keyctx_free(const struct keyctx *k)
{
	struct keyctx *shared = (struct keyctx *)(uintptr_t)k;

	if (shared && --shared->holders == 0)
		secret_free(shared);
}

bool keyctx_same_key(const struct keyctx *a, const struct keyctx *b)
{
	/* Always compares both, so that the time does not depend on the result. */
	bool key = secret_eq(a->key, b->key, SUITE_KEY_MAX);
	bool salt = secret_eq(a->salt, b->salt, SUITE_SALT_MAX);

	return a->suite->key_len == b->suite->key_len && key && salt;
}

bool keyctx_eq(const struct keyctx *a, const struct keyctx *b)
{
	if (!a || !b)
		return a == b;
	return a->suite == b->suite && keyctx_same_key(a, b) &&
	       a->lifetime_pkts == b->lifetime_pkts && view_eq(keyctx_mki(a), keyctx_mki(b));
}
