/* SPDX-License-Identifier: MIT */
/* Parses the setting `sdes-offer`: lists of SRTP suite names. */
#include "control/sdes_offer.h"

static bool is_between(char c)
{
	return c == ' ' || c == ',' || c == '\t';
}

/* Removes the next name from `rest` and returns it; empty at the end. */
static struct str next_name(struct str *rest)
{
	struct str name = *rest;

	while (name.n && is_between(name.p[0]))
		name = str_skip(name, 1);
	*rest = name;
	for (name.n = 0; name.n < rest->n && !is_between(rest->p[name.n]);)
		name.n++;
	*rest = str_skip(*rest, name.n);
	return name;
}

enum err sdes_offer_check(struct str value, struct why *why)
{
	unsigned n = 0;

	for (struct str name; (name = next_name(&value)).n; n++)
		if (!suite_find(name))
			return why_fail(why, ERR_INVALID,
			                "\"%.*s\": unknown SRTP suite; `sluicectl version` "
			                "lists the suites",
			                (int)(name.n < 64 ? name.n : 64), name.p);
	return n ? ERR_OK
	         : why_fail(why, ERR_INVALID,
	                    "must be names of SRTP suites, for example AES_CM_128_HMAC_SHA1_80");
}

unsigned sdes_offer_read(const struct conf_list *list, enum suite_id *out)
{
	unsigned n = 0;
	uint32_t seen = 0;

	for (unsigned i = 0; i < list->n; i++) {
		struct str rest = str_of(list->items[i]);

		for (struct str name; (name = next_name(&rest)).n;) {
			const struct suite *s = suite_find(name);

			if (!s || seen >> s->id & 1)
				continue;
			seen |= 1u << s->id;
			out[n++] = s->id;
		}
	}
	if (n)
		return n;
	memcpy(out, suite_best_first, sizeof(suite_best_first));
	return SUITE_COUNT;
}
