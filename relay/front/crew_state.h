/* SPDX-License-Identifier: MIT */
/* The inside of a crew, for crew.c and crew_start.c alone: the facade sees it opaque (crew.h).
 * Control only. */
#ifndef RELAY_FRONT_CREW_STATE_H
#define RELAY_FRONT_CREW_STATE_H

#include <sys/types.h> /* pthread_t */

#include "relay/front/crew.h"
#include "relay/front/balance.h"
#include "relay/io/io.h"
#include "relay/worker/worker.h"

enum { CREW_FIRST_BLOCKS = 1024 }; /* of each kind, that a worker starts with */

/* Interfaces served by one kind of back end. */
struct back_end {
	const struct io_ops *ops;
	struct io_shared *shared;
	unsigned n_interfaces;
	struct relay_interface interfaces[RELAY_INTERFACES_MAX];
};

/* A worker as control keeps it. */
struct member {
	struct worker worker;
	pthread_t thread;
	bool has_thread;
	bool has_mail; /* pushed to its inbox since it was woken last */
	struct relay_request *waiting, **waiting_end; /* for room in its inbox */
	struct chunk *chunks;                         /* all it was given */
	struct chunk *chunk_waiting;
	const struct relay_asked *asked_waiting;       /* the newest table, not handed over yet */
	uint64_t given[BLOCK_KINDS], due[BLOCK_KINDS]; /* blocks it was given; those that its
	                                                  sessions may need at once */
};

/* A table that workers were given, the newest first. It is freed when all of them have a newer one.
 */
struct asked_table {
	struct asked_table *next;
	struct relay_asked asked;
};

struct crew {
	struct relay_config config;
	struct relay_interface interfaces[RELAY_INTERFACES_MAX];
	const struct engine_ops *engine;
	char engine_reason[320];
	struct back_end back_ends[WORKER_IOS_MAX];
	unsigned n_back_ends;
	uint8_t back_end_of[RELAY_INTERFACES_MAX];
	char io_reasons[RELAY_INTERFACES_MAX][320];
	int wait_fd;
	bool has_ended, has_mail;
	relay_waker_fn *wake_soon; /* NULL: a worker is woken for each message */
	void *wake_arg;
	unsigned n_members;
	struct member *members;
	struct balance balance;
	struct asked_table *asked;
	const struct io_ops
		*refused; /* could be chosen, but did not start: `auto` does without it */
	char refused_reason[256];
};

/* Chooses engine and back ends and starts the workers; on failure the caller ends the crew. */
enum err crew_open(struct crew *c, struct why *why) MUST_USE;
/* What the workers had: their threads have ended. */
void crew_close_members(struct crew *c);

enum err crew_give_blocks(struct crew *c, struct member *m, const struct blocks *blocks) MUST_USE;

#endif
