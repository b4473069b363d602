/* SPDX-License-Identifier: MIT */
/* The members of a crew, for crew.c and crew_start.c; opaque to others (crew.h). Control only. */
#ifndef RELAY_FRONT_CREW_STATE_H
#define RELAY_FRONT_CREW_STATE_H

#include <sys/types.h> /* pthread_t */

#include "relay/front/crew.h"
#include "relay/front/balance.h"
#include "relay/io/io.h"
#include "relay/worker/worker.h"

/* number of blocks of each kind that a worker gets at the start */
enum { CREW_FIRST_BLOCKS = 1024 };

/* A back end and the interfaces it serves. */
struct back_end {
	const struct io_ops *ops;
	struct io_shared *shared;
	unsigned n_interfaces;
	struct relay_interface interfaces[RELAY_INTERFACES_MAX];
};

/* A worker, and what control keeps about it. */
struct member {
	struct worker worker;
	pthread_t thread;
	bool has_thread;
	bool has_mail; /* messages were pushed to the worker's inbox since control last woke it */
	struct relay_request *waiting, **waiting_end; /* requests that wait for room in its inbox */
	struct chunk *chunks;                         /* all chunks given to this worker */
	struct chunk *chunk_waiting;
	/* the newest table of relay_set_asked, if it is not posted yet; otherwise NULL */
	const struct relay_asked *asked_waiting;
	/* number of blocks given to the worker; number reserved for its sessions */
	uint64_t given[BLOCK_KINDS], due[BLOCK_KINDS];
};

/* A table of relay_set_asked that was given to the workers. The list has the newest first; a table
 * is freed once all workers use a newer one. */
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
	relay_waker_fn *wake_soon; /* NULL: each message wakes its worker at once */
	void *wake_arg;
	unsigned n_members;
	struct member *members;
	struct balance balance;
	struct asked_table *asked;
	/* the back end that failed to start and that `auto` then avoids; NULL: none */
	const struct io_ops *refused;
	char refused_reason[256];
};

/* Chooses engine and back ends and starts the workers. On failure the caller ends the crew. */
enum err crew_open(struct crew *c, struct why *why) MUST_USE;
/* Closes the back ends and frees the memory of the workers. Call it after their threads have
 * ended. */
void crew_close_members(struct crew *c);

enum err crew_give_blocks(struct crew *c, struct member *m, const struct blocks *blocks) MUST_USE;

#endif
