/* SPDX-License-Identifier: MIT */
/* A call as the generator sees it. */
#include "bench/target/call.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *mode;
	bool keys[SIDES];
	bool opaque;
} modes[] = {
	{.mode = "rtp"},
	{.mode = "e2ae", .keys = {[SIDE_ACCESS] = true}},
	{.mode = "srtp-srtp", .keys = {[SIDE_ACCESS] = true, [SIDE_CORE] = true}},
	{.mode = "e2e", .keys = {[SIDE_ACCESS] = true, [SIDE_CORE] = true}, .opaque = true},
};

const char *call_side_name(enum bench_side side)
{
	return side == SIDE_ACCESS ? "access" : "core";
}

static enum err find_suite(const struct suite **out, const char *name, struct why *why)
{
	const struct suite *s = suite_find(str_of(name));

	if (!s)
		return why_fail(why, ERR_INVALID,
		                "--suite: '%s' is not one of AES_CM_128_HMAC_SHA1_80, _32, "
		                "AES_192_CM_…, AES_256_CM_…, "
		                "AEAD_AES_128_GCM, AEAD_AES_256_GCM, F8_128_HMAC_SHA1_80",
		                name);
	*out = s;
	return ERR_OK;
}

enum err call_plan_init(struct call_plan *p, const char *mode, const char *suite,
                        const char *suite_core, struct why *why)
{
	const struct suite *access = NULL, *core = NULL;
	enum err e;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(mode, modes[i].mode) != 0)
			continue;
		/* The default, except in e2e, is another suite on the core side, so that a relay
		 * cannot pass packets through unchanged. */
		if (!suite_core)
			suite_core = modes[i].opaque ? suite
			             : strcmp(suite, "AES_CM_128_HMAC_SHA1_32")
			                     ? "AES_CM_128_HMAC_SHA1_32"
			                     : "AES_CM_128_HMAC_SHA1_80";
		if ((e = find_suite(&access, suite, why)) != ERR_OK ||
		    (e = find_suite(&core, suite_core, why)) != ERR_OK)
			return e;
		*p = (struct call_plan){.mode = modes[i].mode, .rtcp_mux = true};
		p->suite[SIDE_ACCESS] = modes[i].keys[SIDE_ACCESS] ? access : NULL;
		p->suite[SIDE_CORE] = modes[i].keys[SIDE_CORE] ? core : NULL;
		return ERR_OK;
	}
	return why_fail(why, ERR_INVALID, "--mode: '%s' is not one of rtp, e2ae, srtp-srtp, e2e",
	                mode);
}

bool call_is_opaque(const struct call_plan *p)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (!strcmp(p->mode, modes[i].mode))
			return modes[i].opaque;
	return false;
}

enum err call_init(struct call *s, const struct call_plan *plan, unsigned index)
{
	struct call new = {.plan = plan};
	enum err e = ERR_OK;

	snprintf(new.id, sizeof(new.id), "bench-%d-%u", (int)getpid(), index);
	for (int side = 0; side < SIDES && e == ERR_OK; side++) {
		struct call_side *at = &new.side[side];

		at->tag = 1;
		if (!plan->suite[side])
			continue;
		e = keyctx_generate(&at->send, plan->suite[side]);
		if (e == ERR_OK && !call_is_opaque(plan))
			e = keyctx_generate(&at->receive, plan->suite[side]);
	}
	if (e == ERR_OK && call_is_opaque(plan)) {
		new.side[SIDE_ACCESS].receive = keyctx_take(new.side[SIDE_CORE].send);
		new.side[SIDE_CORE].receive = keyctx_take(new.side[SIDE_ACCESS].send);
	}
	if (e != ERR_OK) {
		call_fini(&new);
		return e;
	}
	*s = new;
	return ERR_OK;
}

void call_fini(struct call *s)
{
	for (int side = 0; side < SIDES; side++) {
		keyctx_free(s->side[side].send);
		keyctx_free(s->side[side].receive);
	}
	*s = (struct call){.plan = s->plan};
}

enum err call_rekey(struct call *s, enum bench_side side, struct keyctx **old)
{
	struct keyctx *fresh;
	enum err e = keyctx_generate(&fresh, s->plan->suite[side]);

	if (e != ERR_OK)
		return e;
	*old = s->side[side].send;
	s->side[side].send = fresh;
	return ERR_OK;
}
