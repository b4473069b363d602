/* SPDX-License-Identifier: MIT */
/* ng over TCP: messages follow each other without a separator. */
#ifndef CONTROL_NG_TCP_H
#define CONTROL_NG_TCP_H

#include "base/addr.h"
#include "base/err.h"
#include "control/ng/ng.h"

struct loop;
/* Control only. Freed before the loop. */
struct ng_tcp;

/* ERR_EXISTS, ERR_IO, ERR_NOMEM. Port 0: the system chooses. */
enum err ng_tcp_new(struct ng_tcp **out, struct loop *l, const struct addr *bind, struct ng *p,
                    struct why *why) MUST_USE;
void ng_tcp_free(struct ng_tcp *t); /* takes NULL */

#endif
