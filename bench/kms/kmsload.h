/* SPDX-License-Identifier: MIT */
/* Load on a Key Management Service: a number of requests, several at a time or at a fixed rate;
 * rate, latency, CPU time, memory and disk. */
#ifndef BENCH_KMS_KMSLOAD_H
#define BENCH_KMS_KMSLOAD_H

#include <sys/types.h>

#include "bench/result/result.h"

struct kmsload_config {
	const char *target, *ca; /* URL; PEM file or NULL */
	const struct kms_directory
		*directory; /* its users send the requests; at least two have a key */
	const char *mode;   /* "request", "resolve", "call": a request and its resolve in turn */
	bool wants_256;     /* the algorithm set */
	bool keep;          /* connections are kept */
	unsigned requests, in_flight;
	double rate;       /* requests a second by schedule; 0: as fast as they are answered */
	pid_t pid;         /* of the KMS; 0: not known */
	const char *state; /* its state directory, to measure its growth; may be NULL */
	bool quiet;
};

extern const struct result_column kmsload_columns[];
extern const size_t kmsload_n_columns;

/* Fills `row`. ERR_* with the reason when the KMS cannot be reached or no request succeeds. */
enum err kmsload_run(json_t *row, const struct kmsload_config *config, struct result *result,
                     struct why *why) MUST_USE;

#endif
