/* SPDX-License-Identifier: MIT */
/* Listens for ng over TCP, where messages follow each other without a separator. */
#ifndef CONTROL_NG_TCP_H
#define CONTROL_NG_TCP_H

#include "base/addr.h"
#include "base/err.h"
#include "control/net/admit.h"
#include "control/ng/ng.h"

struct loop;
/* Control thread only. Free it before the loop. */
struct ng_tcp;

struct ng_tcp_config {
	struct addr bind; /* port 0: the system chooses */
	struct admit_limits limits;
	struct ng *ng; /* borrowed */
};

/* ERR_EXISTS: another process has the port; ERR_IO, ERR_NOMEM. */
enum err ng_tcp_new(struct ng_tcp **out, struct loop *l, const struct ng_tcp_config *config,
                    struct why *why) MUST_USE;
void ng_tcp_free(struct ng_tcp *t); /* takes NULL */

#endif
