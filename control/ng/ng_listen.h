/* SPDX-License-Identifier: MIT */
/* Listens on one --ng HOST:PORT, UDP and TCP, for the peers that may send requests. */
#ifndef CONTROL_NG_NG_LISTEN_H
#define CONTROL_NG_NG_LISTEN_H

#include "base/addr.h"
#include "base/err.h"
#include "control/ng/ng.h"

struct loop;
/* Control only. Freed after the last request was answered, before the protocol and the loop. */
struct ng_listen;

/* Port 0: the system chooses one port for UDP and TCP. ERR_EXISTS, ERR_IO, ERR_NOMEM. */
enum err ng_listen_new(struct ng_listen **out, struct loop *l, const struct addr *bind,
                       struct ng *p, struct why *why) MUST_USE;
void ng_listen_free(struct ng_listen *n); /* takes NULL */
struct addr ng_listen_local(const struct ng_listen *n);

#endif
