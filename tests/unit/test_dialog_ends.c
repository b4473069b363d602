/* SPDX-License-Identifier: MIT */
/* How calls end: a delete ends the branch or call it names, a deleted call continues until its
 * delay is over, and a repeated answer gets the same reply. */
#include "base/secret.h"
#include "base/mem.h"
#include "control/dialog/later.h"
#include "tests/harness/dialog_scene.h"

enum { LONG_MS = 3600000 };

static struct loop *loop;
static struct dialog_later *later_ends;

static void begin_later(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	options.supersede_glare = true;
	CHECK(!loop_new(&loop) && !dialog_later_new(&later_ends, loop, service, dialogs));
}

static void end_later(void)
{
	relay_poll(&fake_relay);
	dialog_later_free(later_ends);
	loop_free(loop);
	tear_down();
}

static enum err offer_branch(const char *branch)
{
	return ask_branch(DIALOG_OFFER, branch, "", UE SAVP("4000", K1));
}

static enum err end_branch(const char *branch, const char *to)
{
	return ask_branch(DIALOG_DELETE, branch, to, "");
}

/* Runs the event loop until the relay has deleted a session; true if it was exactly one. */
static bool ends_soon(void)
{
	for (unsigned i = 0; i < 1000 && !fake_relay.deletes; i++) {
		loop_turn(loop, true);
		relay_poll(&fake_relay);
	}
	return fake_relay.deletes == 1;
}

static unsigned ending(void)
{
	struct service_counts c;

	service_get_counts(service, &c);
	return c.ending;
}

static unsigned counted(void)
{
	struct service_counts c;

	service_get_counts(service, &c);
	return c.sessions;
}

/* --- branches --------------------------------------------------------------- */

/* A refusal ends the branch it names, with or without the tag of the callee that refused
 * (`tags`). */
static void a_refused_branch_ends_alone(void)
{
	static const char *const tags[] = {"", "busy"};

	for (unsigned i = 0; i < ARRAY_LEN(tags); i++) {
		begin_later();
		REQUIRE_OK(offer_branch("z0"));
		REQUIRE_OK(offer_branch("z1"));
		REQUIRE_OK(end_branch("z1", tags[i]));
		EXPECT_INT(fake_relay.deletes, 0);
		EXPECT(leg(0, 0)->exists && leg(0, 1)->exists && !leg(0, 2)->exists);
		REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z0", "bob", CORE AVP("5000")));
		EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 1)->remote.port == 5000);
		EXPECT_INT(fake_relay.sessions->media[0].active, 1);
		/* A repeated delete of the same branch changes nothing. */
		REQUIRE_OK(end_branch("z1", tags[i]));
		EXPECT(leg(0, 1)->exists);
		EXPECT_INT(fake_relay.deletes, 0);
		end_later();
		/* Refusing the first branch leaves the second one, before and after the second has
		 * answered. */
		begin_later();
		REQUIRE_OK(offer_branch("z0"));
		REQUIRE_OK(offer_branch("z1"));
		REQUIRE_OK(end_branch("z0", tags[i]));
		REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("5000")));
		EXPECT(!leg(0, 1)->exists && leg(0, 2)->remote.port == 5000 &&
		       fake_relay.sessions->media[0].active == 2);
		end_later();
		begin_later();
		REQUIRE_OK(offer_branch("z0"));
		REQUIRE_OK(offer_branch("z1"));
		REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("5000")));
		REQUIRE_OK(end_branch("z0", tags[i]));
		EXPECT_INT(fake_relay.deletes, 0);
		EXPECT(!leg(0, 1)->exists && leg(0, 2)->remote.port == 5000 &&
		       fake_relay.sessions->media[0].active == 2);
		end_later();
	}
}

static void the_call_ends_with_its_last_branch(void)
{
	begin_later();
	REQUIRE_OK(offer_branch("z0"));
	REQUIRE_OK(offer_branch("z1"));
	REQUIRE_OK(end_branch("z1", "busy"));
	REQUIRE_OK(end_branch("z0", "busy2"));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(dialogs_count(dialogs), 0);
	end_later();
	/* With one offer and no branch name, a refusal ends the call. */
	begin_later();
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "busy", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	end_later();
	/* When the caller gives up, all branches end, and the call with them. */
	begin_later();
	REQUIRE_OK(offer_branch("z0"));
	REQUIRE_OK(offer_branch("z1"));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	end_later();
}

/* Serial forking: the next offer cancels the delayed end that the first refusal started, and the
 * call does not wait for the first callee any more. */
static void a_serial_fork_ends_with_its_dialog(void)
{
	begin_later();
	options.delete_delay_ms = LONG_MS;
	REQUIRE_OK(offer_branch("z0"));
	REQUIRE_OK(end_branch("z0", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT_INT(ending(), 1);
	REQUIRE_OK(offer_branch("z1"));
	EXPECT_INT(ending(), 0);
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("5000")));
	options.delete_delay_ms = 0;
	REQUIRE_OK(ask(DIALOG_DELETE, "", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(dialogs_count(dialogs), 0);
	end_later();
}

/* A branch that already had early media is refused; the call waits for the branches that still
 * ring. */
static void early_media_of_a_branch_ends(void)
{
	begin_later();
	REQUIRE_OK(offer_branch("z0"));
	REQUIRE_OK(offer_branch("z1"));
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z0", "early", CORE AVP("5000")));
	REQUIRE_OK(end_branch("z0", "early"));
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT(!leg(0, 1)->exists && leg(0, 2)->exists && is_key(leg(0, 0)->receive, K1));
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("6000")));
	EXPECT(leg(0, 2)->remote.port == 6000 && leg(0, 2)->can_send &&
	       fake_relay.sessions->media[0].active == 2);
	/* Once a branch has answered, later offers and answers need no branch name. */
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("6002")));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(leg(0, 2)->remote.port, 6002);
	REQUIRE_OK(ask(DIALOG_DELETE, "bob", "alice", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	end_later();
}

/* Several branches have the same name, or none: a refusal of one leaves the others. */
static void branches_that_share_a_name(void)
{
	static const char *const names[] = {"z0", ""};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		begin_later();
		REQUIRE_OK(offer_branch(names[i]));
		REQUIRE_OK(offer_branch(names[i]));
		REQUIRE_OK(end_branch(names[i], "busy"));
		EXPECT_INT(fake_relay.deletes, 0);
		EXPECT_INT(ending(), 0);
		REQUIRE_OK(ask_branch(DIALOG_ANSWER, names[i], "bob", CORE AVP("5000")));
		EXPECT_INT(leg(0, 1)->remote.port, 5000);
		end_later();
		begin_later();
		REQUIRE_OK(offer_branch(names[i]));
		REQUIRE_OK(offer_branch(names[i]));
		REQUIRE_OK(end_branch(names[i], "busy"));
		REQUIRE_OK(end_branch(names[i], "gone"));
		EXPECT_INT(fake_relay.deletes, 1);
		end_later();
	}
}

/* A delete with several branches and only the caller's tag may mean one refused branch, or one that
 * lost to the branch that answered. */
static void a_refusal_without_the_callees_tag(void)
{
	begin_later();
	options.delete_delay_ms = LONG_MS;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "", ""));
	EXPECT_INT(ending(), 0);
	/* A second delete with only the caller's tag ends the call. */
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "", ""));
	EXPECT_INT(ending(), 1);
	end_later();
	/* With one branch, or with a delete delay of 0, the first such delete already ends the
	 * call. */
	for (unsigned i = 0; i < 2; i++) {
		begin_later();
		REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
		if (i)
			REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
		options.delete_delay_ms = i ? 0 : LONG_MS;
		REQUIRE_OK(ask(DIALOG_DELETE, "alice", "", ""));
		EXPECT_INT(ending() + fake_relay.deletes, 1);
		end_later();
	}
}

/* Serial forking: the call continues under its Call-ID, whether its end was delayed or not. */
static void serial_forks(void)
{
	for (unsigned i = 0; i < 2; i++) {
		begin_later();
		options.delete_delay_ms = i ? LONG_MS : 0;
		REQUIRE_OK(offer_branch("z0"));
		REQUIRE_OK(end_branch("z0", "busy"));
		EXPECT_INT(fake_relay.deletes, !i);
		EXPECT_INT(ending(), i);
		REQUIRE_OK(offer_branch("z1"));
		EXPECT_INT(ending(), 0);
		REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("5000")));
		EXPECT_INT(fake_relay.deletes, !i);
		end_later();
	}
}

/* With SRTP on both sides each branch has its own keys, so each branch may answer, and may repeat
 * its answer. */
static void branches_have_keys_of_their_own(void)
{
	char said[2][41];

	begin_later();
	options.transport = SDP_PROFILE_SAVP;
	options.terminate = true;
	for (unsigned i = 0; i < 2; i++) {
		REQUIRE_OK(offer_branch(i ? "z1" : "z0"));
		snprintf(said[i], sizeof(said[i]), "%s", key_said(0));
	}
	EXPECT(strcmp(said[0], said[1]) != 0);
	/* A repeated offer to a branch gets the same description as before. */
	REQUIRE_OK(offer_branch("z0"));
	EXPECT_TEXT(key_said(0), said[0]);
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z0", "early",
	                      CORE "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K2
	                           "\r\n"));
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob",
	                      CORE "m=audio 6000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K3
	                           "\r\n"));
	EXPECT(is_key(leg(0, 1)->send, said[0]) && is_key(leg(0, 2)->send, said[1]));
	EXPECT(is_key(leg(0, 1)->receive, K2) && is_key(leg(0, 2)->receive, K3));
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z0", "early",
	                      CORE "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K2
	                           "\r\n"));
	EXPECT_INT(fake_relay.sessions->media[0].active, 1);
	end_later();
}

/* --- delayed ends ----------------------------------------------------------- */

static void a_deleted_call_continues_for_a_while(void)
{
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.delete_delay_ms = LONG_MS;
	options.transport = SDP_PROFILE_OTHER;
	/* Proxies report a refused re-INVITE like this: the offer is still open, and the delete has
	 * only the tag of its sender. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4004", K1)));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT(leg(0, 0)->can_send && leg(0, 0)->remote.port == 4000 && leg(0, 1)->can_receive);
	EXPECT_INT(ending(), 1);
	EXPECT_INT(counted(), 0);
	/* The next offer of either side, or an answer, cancels the delayed end. */
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5002")));
	EXPECT_INT(ending(), 0);
	EXPECT_INT(counted(), 1);
	REQUIRE_OK(ask(DIALOG_DELETE, "bob", "alice", ""));
	EXPECT_INT(ending(), 1);
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(ending(), 0);
	EXPECT_INT(leg(0, 1)->remote.port, 5002);
	/* An offer or answer from a tag that is not in the call does not cancel the delayed end. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4004", K1)));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_ERR(offer("mallory", "", UE AVP("6666")), ERR_INVALID);
	EXPECT_ERR(answer("mallory", "bob", UE AVP("6666")), ERR_NOT_FOUND);
	EXPECT_INT(ending(), 1);
	/* A delete with delay 0 ends the call at once. */
	options.delete_delay_ms = 0;
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(ending(), 0);
	EXPECT_INT(dialogs_count(dialogs), 0);
	end_later();
}

static void then_it_ends(void)
{
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.delete_delay_ms = 20;
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT(ends_soon());
	EXPECT_INT(dialogs_count(dialogs), 0);
	EXPECT_INT(counted() + ending(), 0);
	end_later();
	/* Of two delayed ends the earlier one counts. */
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.delete_delay_ms = LONG_MS;
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	options.delete_delay_ms = 20;
	REQUIRE_OK(ask(DIALOG_DELETE, "bob", "alice", ""));
	EXPECT(ends_soon());
	end_later();
}

static void on_service(void *arg, const struct service_result *r)
{
	(void)arg, (void)r;
}

static void a_session_deleted_by_its_id_ends_at_once(void)
{
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.delete_delay_ms = LONG_MS;
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	service_delete(service, STR("call-1"), on_service, NULL);
	relay_poll(&fake_relay);
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(ending() + counted(), 0);
	EXPECT_INT(dialogs_count(dialogs), 0);
	end_later();
}

/* After a delete a new call may use the Call-ID, even while the old call's media continue. */
static void another_call_may_have_the_call_id(void)
{
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.delete_delay_ms = LONG_MS;
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	REQUIRE_OK(offer("alice2", "", UE SAVP("4100", K2)));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(fake_relay.creates, 2);
	REQUIRE_OK(answer("alice2", "bob2", CORE AVP("5100")));
	EXPECT_INT(leg(0, 1)->remote.port, 5100);
	EXPECT_INT(ending(), 0);
	end_later();
}

/* --- limits ----------------------------------------------------------------- */

static enum err call_named(unsigned n, enum dialog_op op, const char *sdp)
{
	char name[16];
	struct dialog_command a = {.op = op,
	                           .from = STR("alice"),
	                           .to = str_of(op == DIALOG_OFFER ? "" : "bob"),
	                           .sdp = str_of(sdp),
	                           .options = options};

	snprintf(name, sizeof(name), "call-%u", n);
	a.call = str_of(name);
	dialog_submit(dialogs, &a, on_reply, NULL);
	relay_poll(&fake_relay);
	return got.e;
}

/* Ten sessions are allowed; sessions with a delayed end do not count towards the limit. */
static void ending_sessions_do_not_count(void)
{
	begin_later();
	options.delete_delay_ms = LONG_MS;
	for (unsigned i = 0; i < 10; i++)
		REQUIRE_OK(call_named(i, DIALOG_OFFER, UE SAVP("4000", K1)));
	EXPECT_ERR(call_named(10, DIALOG_OFFER, UE SAVP("4000", K1)), ERR_LIMIT);
	for (unsigned i = 0; i < 10; i++)
		REQUIRE_OK(call_named(i, DIALOG_DELETE, ""));
	EXPECT_INT(fake_relay.deletes, 0);
	for (unsigned i = 10; i < 20; i++)
		REQUIRE_OK(call_named(i, DIALOG_OFFER, UE SAVP("4000", K1)));
	EXPECT_INT(ending(), 10);
	EXPECT_INT(counted(), 10);
	/* At most ten sessions may have a delayed end; one more makes the oldest of them end at
	 * once. */
	REQUIRE_OK(call_named(10, DIALOG_DELETE, ""));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_ERR(call_named(0, DIALOG_ANSWER, CORE AVP("5000")), ERR_NOT_FOUND);
	end_later();
}

/* There are 500 port pairs, and each call takes two. */
static void ports_of_ending_sessions_are_freed_first(void)
{
	struct service_config c;

	begin_later();
	c = *service_get_config(service);
	c.sessions_max = 1000;
	c.port_quarantine_ms = LONG_MS;
	service_reconfigure(service, &c);
	options.delete_delay_ms = LONG_MS;
	for (unsigned i = 0; i < 250; i++)
		REQUIRE_OK(call_named(i, DIALOG_OFFER, UE SAVP("4000", K1)));
	EXPECT_ERR(call_named(250, DIALOG_OFFER, UE SAVP("4000", K1)), ERR_LIMIT);
	for (unsigned i = 10; i < 20; i++)
		REQUIRE_OK(call_named(i, DIALOG_DELETE, ""));
	EXPECT_INT(fake_relay.deletes, 0);
	REQUIRE_OK(call_named(10, DIALOG_OFFER, UE SAVP("4000", K1)));
	EXPECT_INT(ending(), 9);
	/* If no port is free, the call that was deleted first ends, to make room for a new call or
	 * for a call that needs more ports. */
	REQUIRE_OK(call_named(300, DIALOG_OFFER, UE SAVP("4000", K1)));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_ERR(call_named(11, DIALOG_ANSWER, CORE AVP("5000")), ERR_NOT_FOUND);
	REQUIRE_OK(call_named(0, DIALOG_OFFER,
	                      UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                          " inline:" K2 "\r\n"));
	EXPECT_INT(fake_relay.deletes, 2);
	EXPECT_ERR(call_named(12, DIALOG_ANSWER, CORE AVP("5000")), ERR_NOT_FOUND);
	REQUIRE_OK(call_named(13, DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT_INT(ending(), 6);
	end_later();
}

/* --- repeated answers ------------------------------------------------------- */

static void a_repeated_answer_after_an_update(void)
{
	char first[4096];

	begin_later();
	REQUIRE_OK(call_from_ue());
	snprintf(first, sizeof(first), "%s", got.sdp);
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5050")));
	/* While the callee's UPDATE is open and after it, the callee repeats its answer, with the
	 * old port or the agreed one: each time the caller gets the first description again. */
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_TEXT(got.sdp, first);
	EXPECT_INT(leg(0, 1)->remote.port, 5000);
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_TEXT(got.sdp, first);
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5050")));
	EXPECT_TEXT(got.sdp, first);
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	/* A changed answer without an offer is refused. */
	EXPECT_ERR(answer("alice", "bob", CORE AVP("5090")), ERR_WRONG_STATE);
	EXPECT(strstr(got.why, "no offer waits for this answer") != NULL);
	EXPECT_ERR(answer("alice", "bob", CORE AVP("5050") AVP("5052")), ERR_WRONG_STATE);
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	/* After a new offer of the caller the same answer counts as the answer to that offer. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4004", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5050")));
	EXPECT_INT(leg(0, 0)->remote.port, 4004);
	end_later();
}

/* Both sides have offered; the answer belongs to the offer that came first. */
static void an_answer_to_an_offer_that_was_crossed(void)
{
	begin_later();
	REQUIRE_OK(call_from_ue());
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4004", K1)));
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5050")));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(leg(0, 0)->remote.port == 4004 && leg(0, 1)->remote.port == 5000);
	/* After the glare the call accepts offers and answers as before. */
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5050")));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4004", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	/* If the second offer removed the new media of the first one, the answer to the first is
	 * refused with a reason, and the second offer can still be answered. */
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4004", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K2 "\r\n"));
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5060")));
	EXPECT_ERR(answer("alice", "bob", CORE AVP("5050") "m=video 5010 RTP/AVP 96\r\n"),
	           ERR_WRONG_STATE);
	EXPECT(strstr(got.why, "(491)") != NULL);
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4004", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5060);
	end_later();
}

/* --- failing allocations ---------------------------------------------------- */

static enum err whole(void)
{
	enum err e = offer_branch("z0");

	e = e ? e : offer_branch("z1");
	e = e ? e : end_branch("z1", "busy");
	e = e ? e : ask_branch(DIALOG_ANSWER, "z0", "bob", CORE AVP("5000"));
	options.delete_delay_ms = LONG_MS;
	return e ? e : end_branch("", "bob");
}

/* Each allocation fails once: every request still gets a reply, and no key memory is left. A branch
 * or a delay that cannot be stored is skipped. */
static void survives_want_of_memory(void)
{
	struct secret_usage before, after;
	bool failed = true;

	secret_get_usage(&before);
	for (uint64_t nth = 1; failed && nth < 10000; nth++) {
		begin_later();
		mem_fail_nth(nth);
		(void)whole();
		failed = mem_has_failed();
		mem_fail_nth(0);
		end_later();
	}
	EXPECT(!failed);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

TEST_MAIN("dialog-ends", {"a refused branch ends alone", a_refused_branch_ends_alone},
          {"the call ends with its last branch", the_call_ends_with_its_last_branch},
          {"a serial fork ends with its dialog", a_serial_fork_ends_with_its_dialog},
          {"early media of a branch ends", early_media_of_a_branch_ends},
          {"branches that share a name", branches_that_share_a_name},
          {"a refusal without the callee's tag", a_refusal_without_the_callees_tag},
          {"serial forks", serial_forks},
          {"branches have keys of their own", branches_have_keys_of_their_own},
          {"a deleted call continues for a while", a_deleted_call_continues_for_a_while},
          {"then it ends", then_it_ends},
          {"a session deleted by its id ends at once", a_session_deleted_by_its_id_ends_at_once},
          {"another call may have the call-id", another_call_may_have_the_call_id},
          {"ending sessions do not count", ending_sessions_do_not_count},
          {"ports of ending sessions are freed first", ports_of_ending_sessions_are_freed_first},
          {"a repeated answer after an update", a_repeated_answer_after_an_update},
          {"an answer to an offer that was crossed", an_answer_to_an_offer_that_was_crossed},
          {"survives want of memory", survives_want_of_memory})
