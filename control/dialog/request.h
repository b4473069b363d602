/* SPDX-License-Identifier: MIT */
/* A call and the requests about it, from command to answer. */
#ifndef CONTROL_DIALOG_REQUEST_H
#define CONTROL_DIALOG_REQUEST_H

#include "base/queue.h"
#include "control/dialog/media.h"

enum { DIALOG_WAITING_MAX = 64, DIALOG_BRANCHES_MAX = RELAY_LEGS_MAX - 1, DIALOG_FORKS_MAX = 4 };

struct map;
struct dialog_later;
struct dialog_leave;
struct dialog_request;

/* One place that the first offer went to, as its proxy names it. */
struct dialog_branch {
	char *name; /* NULL: none yet */
	struct dialog_exchange *
		offer; /* as it was offered there, where another one is the dialog's `next`; NULL */
	uint8_t n_offers, n_refused; /* how often it was offered, and how many refusals were told */
	bool is_ended;
};

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
	uint64_t seen_wall_ns[2];       /* when a tag of that side was first heard of */
	char *tag[2];                   /* of sides A and B; NULL: not known yet */
	struct dialog_branch *branches; /* DIALOG_BRANCHES_MAX: core leg 1 + index is that branch's;
	                                   NULL: no request named one */
	uint8_t n_offers, n_refused;    /* of the first offer, where no branch was named */
	unsigned core;                  /* the active core leg */
	struct dialog_exchange *now;    /* agreed */
	struct dialog_exchange *next;   /* offered */
	unsigned next_core;             /* and to which branch */
	struct dialog_exchange
		*crossed;     /* the offer that `next` superseded: it may yet be answered; NULL */
	uint64_t answered[2]; /* hash of the answer that each side gave last; 0: none */
	unsigned n_forks;
	struct dialog_fork *forks; /* the one replaced last is the first */
	bool ends_when_silent, is_quiet;
	uint64_t settled_ns;              /* monotonic: of the last request that was carried out */
	struct registry_session *session; /* NULL: none made (yet) */
	struct dialog_leave
		*leave;        /* when it ends (control/dialog/later.h); NULL: nobody said so */
	struct queue requests; /* about this call */
	char id[];
};

/* One request under way or waiting for its turn. */
struct dialog_request {
	struct link link;
	struct dialogs *owner;
	struct dialog *dialog;
	struct dialog_command command; /* its texts are in `text` */
	char *text;
	size_t text_len;
	struct dialog_judge judge;
	struct sdp *sdp;
	struct dialog_exchange *x;
	unsigned core;
	enum service_limit limit; /* of an offer that made a new call, and failed */
	bool replaces; /* the offer that waits, whoever made it: what it had placed goes or is taken
	                  over */
	bool supersedes; /* the other side's offer, which waits: it goes when this one is told */
	bool repeats;    /* an answer that was given before: told again, and nothing changes */
	bool ends_all;   /* DELETE: the whole call, now */
	enum offer_event event;
	dialog_done_fn *done;
	void *arg;
};

struct dialogs {
	struct service *service;
	struct dialog_later *later; /* NULL: what is deleted ends at once */
	struct map *by_id;
	struct link all;
	bool is_closed;
};

/* --- a call ----------------------------------------------------------------- */

/* Out of the table and freed; what waited is asked anew and finds it absent. */
void dialog_end(struct dialog *g);
/* The session of a call was ended by somebody else: by its id, or because media never came. */
void dialog_session_gone(void *attached);
enum err dialog_set_text(char **at, struct str v) MUST_USE;
/* Ends the whole call after the requests that wait. False: DIALOG_WAITING_MAX wait already, or
 * there is no memory. */
bool dialog_end_now(struct dialog *g);
/* The same, but before the request under way, which starts anew after it. */
bool dialog_end_before(struct dialog *g, struct dialog_request *q);

/* --- branches of the first offer (control/dialog/branch.c) ------------------ */

/* The core leg of a branch: made known by its offer (`add`), the active one for those that name
 * none. */
unsigned dialog_core_of_branch(struct dialog *g, struct str branch, bool add);
/* NULL: no offer named it. */
struct dialog_branch *dialog_branch_find(const struct dialog *g, struct str name, unsigned *core);
/* The offer that waits was another branch's: it stays that one's. Where there is but one branch it
 * goes. */
void dialog_branch_keep_offer(struct dialog *g);
/* What was offered to the branch of a core leg; NULL when that is not kept. */
const struct dialog_exchange *dialog_branch_offer(const struct dialog *g, unsigned core);
/* One more offer to a branch, or to none by name. */
void dialog_branch_count(struct dialog *g, struct str name);
/* Another branch that was offered to, beside that of the core leg, and has not ended. */
bool dialog_branch_other(const struct dialog *g, unsigned but, unsigned *core);
/* Refusals that are still to come, until everybody has refused. */
unsigned dialog_branches_open(const struct dialog *g);
/* What was offered to each is no more asked for. */
void dialog_branches_forget_offers(struct dialog *g);
void dialog_branches_free(struct dialog *g);

/* --- forks of one offer (control/dialog/fork.c) ----------------------------- */

/* Before another fork's answer becomes the agreement: what `now` and B's tag say is remembered if
 * there is memory for it, and they are empty. */
void dialog_fork_keep(struct dialog *g);
void dialog_fork_drop(struct dialog *g, struct str tag);
void dialog_forks_clear(struct dialog *g);
bool dialog_fork_is_known(const struct dialog *g, struct str tag);
/* The fork that is active ends: NULL, or the one to go back to. It stays in the list. */
const struct dialog_fork *dialog_fork_behind(const struct dialog *g);
/* It is the agreement again: its tag and core leg; what it agreed is the caller's to take over. */
void dialog_fork_return(struct dialog *g);

/* --- loop protection of signalling (control/dialog/mark.c) ------------------ */

/* Does the request ask for loop protection, and bring a description that this gateway has written
 * already? */
bool dialog_passes_untouched(const struct dialogs *d, const struct dialog_command *command);

/* --- a request -------------------------------------------------------------- */

/* Copies the texts of `command`. */
enum err dialog_request_new(struct dialog_request **out, struct dialogs *d,
                            const struct dialog_command *command) MUST_USE;
/* It is the one under way of `g`. */
void dialog_request_start(struct dialog_request *q, struct dialog *g);
void dialog_start_offer(struct dialog_request *q);
void dialog_start_answer(struct dialog_request *q);
void dialog_start_reject(struct dialog_request *q);
void dialog_start_delete(struct dialog_request *q);

/* Tells the caller and frees `q`, then lets the next request of the call start; a call that came
 * to nothing ends. */
void dialog_request_finish(struct dialog_request *q, const struct dialog_reply *reply);
void dialog_request_fail(struct dialog_request *q, enum err e, const struct why *why);
/* The tag is that side's. */
bool dialog_is_tag_of(const struct dialog *g, enum offer_side side, struct str tag);
/* Writes the description for the other side, and only then makes `commit` the truth. */
void dialog_request_reply_sdp(struct dialog_request *q, enum offer_side to, bool is_answer,
                              void (*commit)(struct dialog_request *q));
/* Do the tags of a request name this call's sides? Those that are not given, and those nobody knows
 * yet, fit. */
bool dialog_is_of_sides(const struct dialog *g, const struct dialog_command *command);
/* What signalling may answer to a failure. */
int dialog_sip_status(enum err e);

#endif
