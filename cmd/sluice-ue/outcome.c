/* SPDX-License-Identifier: MIT */
/* Prints the counts of a call and judges them. */
#include "cmd/sluice-ue/outcome.h"

#include <inttypes.h>
#include <stdio.h>

void outcome_mode(struct call_outcome *t, struct str mode)
{
	if (str_copy(mode, t->mode, sizeof(t->mode)))
		t->mode[0] = '\0';
}

void outcome_start(const struct call_outcome *t, const struct terminal *who)
{
	enum ue_protection p = terminal_protection(who);

	printf("call protect=%s", ue_protection_name(p));
	if (p == UE_E2E_KMS && who->session->is_offerer)
		printf(" mode=%u", who->options->mode ? who->options->mode : 3);
	if (t->mode[0])
		printf(" gateway=%s", t->mode);
	putchar('\n');
	fflush(stdout);
}

void outcome_phase(struct call_outcome *t, const char *phase, const struct terminal *who,
                   const char *name)
{
	struct media_counts c = media_get_counts(who->media);
	/* Packets that arrive before the keys (`early`) are normal at the start of a call, so they
	 * do not count here. */
	bool is_whole = c.sent && c.told && !c.lost && c.received >= c.told &&
	                c.verified == c.received && !c.refused;

	printf("phase=%s at=%s sent=%" PRIu64 " received=%" PRIu64 " of=%" PRIu64 " lost=%" PRIu64
	       " verified=%" PRIu64 " refused=%" PRIu64 " old-key=%" PRIu64 " rekeys=%u keys=%s\n",
	       phase, name, c.sent, c.received, c.told, c.lost, c.verified, c.refused, c.old_key,
	       c.rekeys, who->keys);
	fflush(stdout);
	t->faults += !is_whole;
}

bool outcome_is_whole(const struct terminal_media *from, const struct terminal_media *to)
{
	struct media_counts f = media_get_counts(from), t = media_get_counts(to);

	return t.received >= f.sent && t.told >= f.sent;
}

enum err outcome_end(const struct call_outcome *t, struct why *why)
{
	if (t->faults)
		return why_fail(why, ERR_AUTH,
		                "packets were lost, refused or altered; see the phases above");
	puts("call whole");
	return ERR_OK;
}
