/* SPDX-License-Identifier: MIT */
/* Any description is offered and answered under every profile: the dialog plans it, makes session
 * patches of the plan, and frees all of them. */
#include <stdlib.h>

#include "control/dialog/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void patches(const struct dialog_exchange *x, const struct dialog_exchange *now,
                    const struct spec_context *context)
{
	struct spec_session *patch = NULL;

	if (!dialog_patch_offer(&patch, x, now, "id", 1))
		spec_free(patch);
	patch = NULL;
	if (!dialog_patch_answer(
		    &patch, x, now,
		    &(struct dialog_patching){.id = "id", .core = 1, .context = context}))
		spec_free(patch);
	patch = NULL;
	if (!dialog_patch_undo(&patch, x, "id"))
		spec_free(patch);
}

/* If the gateway terminates SRTP on every relayed m-line, the other side's description has no line
 * that looks like a key. */
static void expect_no_key(struct str text, const struct dialog_exchange *x,
                          const struct dialog_options *o)
{
	struct sdp *s;

	for (unsigned i = 0; i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY &&
		    !dialog_mode_ends_srtp(x->media[i].mode))
			return;
	if (sdp_parse(&s, text, NULL))
		return;
	if (!dialog_strip(s, x, o))
		for (int section = SDP_SESSION; section < (int)s->n_media; section++)
			for (struct sdp_line *l = sdp_next(s, section, NULL); l;
			     l = sdp_next(s, section, l))
				if (l->type != 'm' && memmem(l->value.p, l->value.n, "inline:", 7))
					abort();
	sdp_free(s);
}

/* Removes the last m-line of one side's description: the counts of m-lines must be corrected
 * in both directions. */
static void counts(struct str text, const struct dialog_exchange *x, const struct dialog_options *o)
{
	struct dialog_exchange *answered = NULL;
	struct sdp *s = NULL;

	if (!x->n_media || sdp_parse(&s, text, NULL))
		return;
	s->n_media--;
	if (!dialog_exchange_copy(&answered, x) && !dialog_count_read(s, x, OFFER_SIDE_B, true)) {
		if (s->n_media != x->n_media)
			abort();
		if (!dialog_plan_answer(answered, NULL, s, o, NULL) &&
		    answered->media[x->n_media - 1].treat == DIALOG_TREAT_RELAY)
			abort();
		answered->n_lines[OFFER_SIDE_A]--;
		if (!dialog_count_write(s, answered, OFFER_SIDE_A) &&
		    answered->n_lines[OFFER_SIDE_A] <= SDP_MEDIA_MAX &&
		    s->n_media != answered->n_lines[OFFER_SIDE_A])
			abort();
	}
	dialog_exchange_free(answered);
	sdp_free(s);
}

static void offer_and_answer(const struct sdp *s, struct str text, const struct dialog_options *o,
                             const struct spec_context *context)
{
	struct dialog_exchange *x = NULL, *answered = NULL, *again = NULL;

	if (dialog_plan_offer(&x,
	                      &(struct dialog_planning){
				      .sdp = s,
				      .from = OFFER_SIDE_A,
				      .options = o,
				      .context = context,
			      },
	                      NULL))
		return;
	expect_no_key(text, x, o);
	patches(x, NULL, context);
	counts(text, x, o);
	if (!dialog_exchange_copy(&answered, x) &&
	    !dialog_plan_answer(answered, NULL, s, o, NULL)) {
		patches(answered, NULL, context);
		if (!dialog_plan_offer(&again,
		                       &(struct dialog_planning){
					       .now = answered,
					       .sdp = s,
					       .from = OFFER_SIDE_B,
					       .options = o,
					       .context = context,
				       },
		                       NULL))
			patches(again, answered, context);
	}
	dialog_exchange_free(again);
	dialog_exchange_free(answered);
	dialog_exchange_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct relay_interface interfaces[] = {
		{.name = "v4", .advertised = {.version = 4}},
		{.name = "v6", .advertised = {.version = 6}}};
	static const enum sdp_profile transports[] = {SDP_PROFILE_OTHER, SDP_PROFILE_AVP,
	                                              SDP_PROFILE_SAVP};
	const struct spec_context context = {.interfaces = interfaces, .n_interfaces = 2};
	struct dialog_options o;
	struct sdp *s;

	if (sdp_parse(&s, str_make((const char *)data, size), NULL))
		return 0;
	for (unsigned p = DIALOG_PLAIN; p <= DIALOG_IMS_CORE; p++)
		for (unsigned t = 0; t < ARRAY_LEN(transports); t++) {
			dialog_options_defaults(&o);
			o.profile = (enum dialog_profile)p;
			o.transport = transports[t];
			o.terminate = size & 1;
			o.ims.has_binding = size & 2;
			o.ims.is_emergency = size & 4;
			offer_and_answer(s, str_make((const char *)data, size), &o, &context);
		}
	sdp_free(s);
	return 0;
}
