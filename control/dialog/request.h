/* SPDX-License-Identifier: MIT */
/* A call and its requests, from command to reply. Private to this folder. Control thread only. */
#ifndef CONTROL_DIALOG_REQUEST_H
#define CONTROL_DIALOG_REQUEST_H

#include "base/queue.h"
#include "control/dialog/media.h"

enum { DIALOG_WAITING_MAX = 64, DIALOG_BRANCHES_MAX = RELAY_LEGS_MAX - 1, DIALOG_FORKS_MAX = 4 };

struct map;
struct dialog_later;
struct dialog_leave;
struct dialog_request;

/* A branch of the first offer. The proxy chooses its name. */
struct dialog_branch {
	char *name; /* owned; NULL: this entry is unused */
	/* owned: the offer of this branch; NULL: none, or it is the dialog's `next` */
	struct dialog_exchange *offer;
	uint8_t n_offers, n_refused; /* offers sent to the branch, refusals reported for it */
	bool is_ended;
};

/* A fork that answered the offer before the active one did. */
struct dialog_fork {
	struct dialog_fork *before; /* the fork that answered before this one; NULL: none */
	char *tag;
	struct dialog_exchange *agreed;
	unsigned core;
	uint64_t until_ns; /* monotonic: the call may return to this fork until then */
};

struct dialog {
	struct dialogs *owner;
	struct link link; /* in dialogs.all */
	enum offer_state state;
	uint64_t seen_wall_ns[2]; /* when the tag of each side was first seen; 0: not yet */
	char *tag[2];             /* of sides A and B; NULL: not known yet */
	/* DIALOG_BRANCHES_MAX entries; entry i has core leg 1 + i; NULL: no branch has a name */
	struct dialog_branch *branches;
	uint8_t n_offers, n_refused; /* offers and refusals of first offers without a branch name */
	unsigned core;               /* the active core leg */
	struct dialog_exchange *now; /* the agreement; NULL: none yet */
	struct dialog_exchange *next; /* the waiting offer; NULL: none */
	unsigned next_core;           /* core leg of the branch that got `next` */
	/* the offer that `next` superseded; it may still be answered; NULL: none */
	struct dialog_exchange *crossed;
	uint64_t answered[2]; /* hash of the last answer of each side; 0: none */
	unsigned n_forks;
	struct dialog_fork *forks; /* the most recently replaced fork is first */
	bool ends_when_silent, is_quiet;
	uint64_t settled_ns;              /* monotonic: when signalling last changed the call */
	struct registry_session *session; /* NULL: not created yet, or deleted */
	struct dialog_leave *leave;       /* a delete that waits (later.h); NULL: none */
	struct queue requests;            /* struct dialog_request of this call */
	char id[];
};

/* One request under way or waiting for its turn. */
struct dialog_request {
	struct link link;
	struct dialogs *owner;
	struct dialog *dialog;
	struct dialog_command command; /* its texts point into `text` */
	char *text;
	size_t text_len;
	struct dialog_judge judge;
	struct sdp *sdp;
	struct dialog_exchange *x;
	unsigned core;
	enum service_limit limit; /* limit that made the offer of a new call fail */
	bool replaces;            /* OFFER: replaces the waiting offer and takes over its media */
	bool supersedes;          /* with `replaces`: the other side made the waiting offer */
	bool repeats;             /* ANSWER: the same as before; reply as before, change nothing */
	bool ends_all;            /* DELETE: ends the whole call at once */
	enum offer_event event;
	dialog_done_fn *done;
	void *arg;
};

struct dialogs {
	struct service *service;
	struct dialog_later *later; /* NULL: a deleted call ends at once */
	struct map *by_id;
	struct link all;
	bool is_closed;
};

/* --- a call ----------------------------------------------------------------- */

/* Removes the call from the table and frees it. Waiting requests are submitted again: an offer
 * starts a new call, the others fail. */
void dialog_end(struct dialog *g);
/* The registry calls it when the session was deleted by its id or for silence, not by a request
 * of the call. `attached`: the dialog, or NULL. */
void dialog_session_gone(void *attached);
enum err dialog_set_text(char **at, struct str v) MUST_USE;
/* Queues the end of the whole call. False: DIALOG_WAITING_MAX requests wait, or no memory. */
bool dialog_end_now(struct dialog *g);
/* Ends the whole call, then starts `q` again, the request under way. Fails like dialog_end_now. */
bool dialog_end_before(struct dialog *g, struct dialog_request *q);

/* --- branches of the first offer (control/dialog/branch.c) ------------------ */

/* The core leg of a branch; the active core leg if the name is empty or has none. `add`: give a new
 * name a core leg if one is free. */
unsigned dialog_core_of_branch(struct dialog *g, struct str branch, bool add);
/* Finds a branch by its name. NULL: no offer named it. *core: its core leg. */
struct dialog_branch *dialog_branch_find(const struct dialog *g, struct str name, unsigned *core);
/* If the call has several branches, moves `next` to the one that got it; else frees `next`. */
void dialog_branch_keep_offer(struct dialog *g);
/* The offer that was sent to the branch of a core leg; NULL: the call did not keep it. */
const struct dialog_exchange *dialog_branch_offer(const struct dialog *g, unsigned core);
/* Counts an offer to a branch, or to the call when the name is empty or unknown. */
void dialog_branch_count(struct dialog *g, struct str name);
/* Finds a branch that got an offer and has not ended; skips the branch of core leg `but`. */
bool dialog_branch_other(const struct dialog *g, unsigned but, unsigned *core);
/* The number of first offers, in all branches, that were not refused yet. */
unsigned dialog_branches_open(const struct dialog *g);
/* Frees the offers of all branches. */
void dialog_branches_forget_offers(struct dialog *g);
void dialog_branches_free(struct dialog *g);

/* --- forks of one offer (control/dialog/fork.c) ----------------------------- */

/* Call it before another fork's answer becomes the agreement. Moves `now` and B's tag to a struct
 * dialog_fork; frees them if there is no memory. */
void dialog_fork_keep(struct dialog *g);
void dialog_fork_drop(struct dialog *g, struct str tag);
void dialog_forks_clear(struct dialog *g);
bool dialog_fork_is_known(const struct dialog *g, struct str tag);
/* The fork to return to when the active one ends; the list keeps it. NULL: none. */
const struct dialog_fork *dialog_fork_behind(const struct dialog *g);
/* Makes the fork of dialog_fork_behind active: its tag and core leg. Frees the fork: copy its
 * agreement first. */
void dialog_fork_return(struct dialog *g);

/* --- loop protection of signalling (control/dialog/mark.c) ------------------ */

/* Does the request ask for loop protection, and does its SDP have this gateway's mark? */
bool dialog_passes_untouched(const struct dialogs *d, const struct dialog_command *command);

/* --- a request -------------------------------------------------------------- */

/* Makes a request; copies the texts of `command`. */
enum err dialog_request_new(struct dialog_request **out, struct dialogs *d,
                            const struct dialog_command *command) MUST_USE;
/* Starts `q`, which is the request under way in g->requests. */
void dialog_request_start(struct dialog_request *q, struct dialog *g);
void dialog_start_offer(struct dialog_request *q);
void dialog_start_answer(struct dialog_request *q);
void dialog_start_reject(struct dialog_request *q);
void dialog_start_delete(struct dialog_request *q);

/* Calls the callback of `q`, frees `q` and starts the next request of the call. Frees the call if
 * it has ended or never got a session. */
void dialog_request_finish(struct dialog_request *q, const struct dialog_reply *reply);
void dialog_request_fail(struct dialog_request *q, enum err e, const struct why *why);
bool dialog_is_tag_of(const struct dialog *g, enum offer_side side, struct str tag);
/* Writes the SDP for side `to`, calls `commit` if that succeeds, and finishes the request. */
void dialog_request_reply_sdp(struct dialog_request *q, enum offer_side to, bool is_answer,
                              void (*commit)(struct dialog_request *q));
/* Do the request's tags belong to this call? True for an empty from tag, and for every tag until
 * the call knows the tag of side A. */
bool dialog_is_of_sides(const struct dialog *g, const struct dialog_command *command);
/* The SIP response code for a failure. */
int dialog_sip_status(enum err e);

#endif
