/* SPDX-License-Identifier: MIT */
/* A call and the requests about it, from asking to answer. Private to control/dialog*.c. */
#ifndef CONTROL_DIALOG_RUN_H
#define CONTROL_DIALOG_RUN_H

#include "base/list.h"
#include "control/dialog_media.h"

enum { DIALOG_WAITING_MAX = 64, DIALOG_BRANCHES_MAX = RELAY_LEGS_MAX - 1, DIALOG_FORKS_MAX = 4 };

struct map;
struct dialog_run;

/* A fork whose answer another one's has replaced. */
struct dialog_fork {
	struct dialog_fork *before; /* the one that this one had replaced; NULL */
	char *tag;
	struct dialog_exchange *agreed;
	unsigned core;
	uint64_t until_ns; /* monotonic: until then the call may go back to it */
};

struct dialog {
	struct dialogs *owner;
	struct link link; /* of all, for the end */
	enum offer_state state;
	char *tag[2];                        /* of sides A and B; NULL: not known yet */
	char **branches;                     /* DIALOG_BRANCHES_MAX: core leg 1 + index is that branch's; NULL: no request named one */
	unsigned core;                       /* the active core leg */
	struct dialog_exchange *now;         /* agreed */
	struct dialog_exchange *next;        /* offered */
	unsigned n_forks;
	struct dialog_fork *forks;           /* the one replaced last is the first */
	bool ends_when_silent;
	uint64_t settled_ns;                 /* monotonic: of the last request that was carried out */
	struct session *session;             /* NULL: none made (yet) */
	struct dialog_run *running;
	struct link waiting;
	unsigned n_waiting;
	char id[];
};

/* One request under way or waiting for its turn. */
struct dialog_run {
	struct link link;
	struct dialogs *owner;
	struct dialog *dialog;
	struct dialog_ask ask; /* its texts are in `text` */
	char *text;
	size_t text_len;
	struct sdp *sdp;
	struct dialog_exchange *x;
	unsigned core;
	bool supersedes; /* the other side's offer, which waits: it goes when this one is told */
	enum offer_event event;
	dialog_done_fn *done;
	void *arg;
};

struct dialogs {
	struct service *service;
	struct map *by_id;
	struct link all;
	bool is_closed;
};

/* --- a call ------------------------------------------------------------------------------------------------ */

/* Out of the table and freed; what waited is asked anew and finds it absent. */
void dialog_end(struct dialog *g);
/* The session of a call was ended by somebody else: by its id, or because media never came. */
void dialog_session_gone(void *attached);
enum err dialog_set_text(char **at, struct str v) MUST_USE;
/* The core leg of a branch: made known by its offer (`add`), the active one for those that name none. */
unsigned dialog_core_of_branch(struct dialog *g, struct str branch, bool add);

/* --- forks of one offer (control/dialog_fork.c) ------------------------------------------------------------- */

/* Before another fork's answer becomes the agreement: what `now` and B's tag say is remembered if there is memory for it, and they are empty. */
void dialog_fork_keep(struct dialog *g);
void dialog_fork_drop(struct dialog *g, struct str tag);
void dialog_forks_clear(struct dialog *g);
/* The caller ends the fork that is active: NULL, or the one to go back to. It stays in the list. */
const struct dialog_fork *dialog_fork_behind(const struct dialog *g, const struct dialog_ask *end);
/* It is the agreement again: its tag and core leg; what it agreed is the caller's to take over. */
void dialog_fork_return(struct dialog *g);

/* --- a request --------------------------------------------------------------------------------------------- */

/* Copies what `ask` borrows. */
enum err dialog_run_new(struct dialog_run **out, struct dialogs *d, const struct dialog_ask *ask) MUST_USE;
/* Carries it out now, or behind those that its call is busy with. */
void dialog_submit(struct dialog_run *op);
void dialog_start(struct dialog_run *op);
void dialog_start_offer(struct dialog_run *op);
void dialog_start_answer(struct dialog_run *op);
void dialog_start_reject(struct dialog_run *op);
void dialog_start_delete(struct dialog_run *op);

/* Tells the caller and frees `op`, then lets the next request of the call start; a call that came to nothing ends. */
void dialog_run_finish(struct dialog_run *op, const struct dialog_reply *reply);
void dialog_run_fail(struct dialog_run *op, enum err e, const struct why *why);
/* Writes the description for the other side, and only then makes `commit` the truth. */
void dialog_run_reply_sdp(struct dialog_run *op, enum offer_side to, bool is_answer, void (*commit)(struct dialog_run *op));
/* Do the tags of a request name this call's sides? Those that are not given, and those nobody knows yet, fit. */
bool dialog_is_of_sides(const struct dialog *g, const struct dialog_ask *ask);
/* What signalling may answer to a failure. */
int dialog_sip_status(enum err e);

#endif
