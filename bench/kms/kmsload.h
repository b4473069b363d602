/* SPDX-License-Identifier: MIT */
/* Sends requests to a Key Management Service, several at a time or at a fixed rate, and measures
 * rate, latency, CPU time, memory and disk space. */
#ifndef BENCH_KMS_KMSLOAD_H
#define BENCH_KMS_KMSLOAD_H

#include <sys/types.h>

#include "bench/result/result.h"

struct kmsload_config {
	const char *target, *ca; /* URL of the KMS; PEM file of roots, NULL: the system's */
	/* The users that send the requests; at least two have a key. */
	const struct kms_directory *directory;
	const char *mode; /* "request", "resolve", or "call": both in turn */
	bool wants_256;   /* true: algorithm set with 256-bit keys; false: 128-bit */
	bool keep;        /* true: keep connections; false: a new one for each request */
	unsigned requests, in_flight;
	double rate;       /* requests a second, on a schedule; 0: as fast as the KMS answers */
	pid_t pid;         /* process of the KMS; 0: not known */
	const char *state; /* state directory of the KMS, to measure its growth; may be NULL */
	bool quiet;
};

extern const struct result_column kmsload_columns[];
extern const size_t kmsload_n_columns;

/* Fills `row`. Fails, with the reason in `why`, if the KMS cannot be reached or no request
 * succeeds. */
enum err kmsload_run(json_t *row, const struct kmsload_config *config, struct result *result,
                     struct why *why) MUST_USE;

#endif
