/* SPDX-License-Identifier: MIT */
/* Listens on one HOST:PORT of the setting `ng`, UDP and TCP, for peers that may send requests. */
#ifndef CONTROL_NG_NG_LISTEN_H
#define CONTROL_NG_NG_LISTEN_H

#include "base/addr.h"
#include "base/err.h"
#include "control/ng/tcp.h"

struct loop;
/* Control thread only. Free it after the last request is answered, before the ng and the loop. */
struct ng_listen;

/* config->bind.port 0: the system chooses one port for UDP and TCP. ERR_EXISTS: another process has
 * the port; ERR_IO, ERR_NOMEM. */
enum err ng_listen_new(struct ng_listen **out, struct loop *l, const struct ng_tcp_config *config,
                       struct why *why) MUST_USE;
void ng_listen_free(struct ng_listen *n); /* takes NULL */
/* The local address, with the port that the system chose. */
struct addr ng_listen_local(const struct ng_listen *n);

#endif
