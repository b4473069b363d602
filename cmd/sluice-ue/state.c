/* SPDX-License-Identifier: MIT */
/* Writes and reads the state files of sluice-ue. */
#include "cmd/sluice-ue/state.h"

/* First lines of the state files, which hold keys. */
static const char offer_file[] = "sluice-ue offer", call_file[] = "sluice-ue call",
		  ticket_file[] = "sluice-ue ticket";

/* Secret memory for a state that is being saved. */
struct saving {
	struct secret room;
	struct wr w;
};

static enum err saving_start(struct saving *s, struct why *why)
{
	*s = (struct saving){0};
	if (secret_make(&s->room, FILES_STATE_MAX_BYTES / 2))
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->w = wr_make(s->room.octets, s->room.len);
	return ERR_OK;
}

static struct view saved(const struct saving *s)
{
	return (struct view){s->room.octets, wr_len(&s->w)};
}

enum err state_add_session(struct files *f, const char *path, const struct ue_session *session,
                           bool is_new, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		e = ue_session_save(session, &s.w);
		e = e ? why_fail(why, e, "cannot save the call: %s", err_meaning(e))
		      : files_add_state(f, call_file,
		                        &(struct files_content){path, saved(&s), .is_new = is_new},
		                        why);
	}
	secret_clear(&s.room);
	return e;
}

enum err state_read_session(struct ue_session **out, const char *path, struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, call_file, why);

	if (!e) {
		e = ue_session_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid state of a call: %s", path,
			         err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}

/* Writes the ticket: a new ticket goes to a new file, a used ticket replaces its file. */
enum err state_add_ticket(struct files *f, const char *path, struct kept_ticket t,
                          const struct mikey_env *env, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		wr_u8(&s.w, t.is_used);
		e = ue_ticket_save(t.grant, env, &s.w);
		e = e ? why_fail(why, e, "cannot save the ticket: %s", err_meaning(e))
		      : files_add_state(
				f, ticket_file,
				&(struct files_content){path, saved(&s), .is_new = !t.is_used},
				why);
	}
	secret_clear(&s.room);
	return e;
}

enum err state_read_ticket(struct ticket_grant **out, bool *is_used, const char *path,
                           struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, ticket_file, why);

	if (!e) {
		*is_used = rd_u8(&r);
		e = ue_ticket_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid ticket: %s", path, err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}

enum err state_add_offer(struct files *f, const char *path, const struct ue_offer *offer,
                         const struct mikey_env *env, struct why *why)
{
	struct saving s;
	enum err e = saving_start(&s, why);

	if (!e) {
		e = ue_offer_save(offer, env, &s.w);
		e = e ? why_fail(why, e, "cannot save the state: %s", err_meaning(e))
		      : files_add_state(f, offer_file,
		                        &(struct files_content){path, saved(&s), .is_new = true},
		                        why);
	}
	secret_clear(&s.room);
	return e;
}

enum err state_read_offer(struct ue_offer **out, const char *path, struct why *why)
{
	struct secret octets = {0};
	struct rd r;
	enum err e = files_read_state(&octets, &r, path, offer_file, why);

	if (!e) {
		e = ue_offer_load(out, &r);
		if (e)
			why_fail(why, e, "%s: not a valid state of an offer: %s", path,
			         err_meaning(e));
	}
	secret_clear(&octets);
	return e;
}
