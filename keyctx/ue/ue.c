/* SPDX-License-Identifier: MIT */
/* Names and checks that all parts of keyctx/ue use. */
#include "keyctx/ue/ue.h"

#include "base/clk.h"

static const char *const names[UE_PROTECTIONS] = {
	[UE_NONE] = "none",
	[UE_E2AE] = "e2ae",
	[UE_E2E_SDES] = "e2e-sdes",
	[UE_E2E_KMS] = "e2e-kms",
};

const char *ue_protection_name(enum ue_protection p)
{
	return names[p];
}

enum err ue_protection_find(struct str name, enum ue_protection *out)
{
	for (unsigned i = 0; i < UE_PROTECTIONS; i++)
		if (str_is(name, names[i])) {
			*out = (enum ue_protection)i;
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

enum err ue_tell(struct why *why, enum err e, const struct mikey_fault *fault, const char *what)
{
	return why_fail(why, e, "%s: %s (%s)", what,
	                fault->why.text[0] ? fault->why.text : err_meaning(e),
	                mikey_error_name(fault->no));
}

enum err ue_tell_kms(struct why *why, enum err e, const struct mikey_fault *fault, const char *what,
                     const struct ue_env *env)
{
	if (!env->kms_reason[0])
		return ue_tell(why, e, fault, what);
	return why_fail(why, e, "%s: %s; the KMS says: %s", what,
	                fault->why.text[0] ? fault->why.text : err_meaning(e), env->kms_reason);
}

enum err ue_identity_check(const struct ue_identity *id, const struct ue_env *env, struct why *why)
{
	if (id->until_s && clk_ntp_to_wall(env->mikey.now_ntp) / NS_PER_S >= id->until_s)
		return why_fail(why, ERR_EXPIRED,
		                "the key shared with the KMS has expired: bootstrap again and "
		                "import the new key (sluice-ue bootstrap)");
	return ERR_OK;
}
