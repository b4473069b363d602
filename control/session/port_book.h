/* SPDX-License-Identifier: MIT */
/* Knows which leg owns each local media port, and the addresses that SDP names for an interface. */
#ifndef CONTROL_SESSION_PORT_BOOK_H
#define CONTROL_SESSION_PORT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "control/session/target.h"
#include "relay/relay.h"

struct registry_session;

/* Names a leg: its session, the index of its media, the index of the leg. */
struct leg_name {
	const struct registry_session *session;
	uint8_t media, leg;
};

/* The table of all port pairs of all interfaces; exists once per process. Control thread only. */
struct port_book;

enum { PORT_BOOK_SAID_MAX = 64, PORT_BOOK_FINDS_MAX = RELAY_INTERFACES_MAX };
/* How long a port counts as ours after it was closed: its datagrams may still be on the way. */
#define PORT_BOOK_AFTER_NS NS_PER_S

/* `interfaces` must live as long as the book. ERR_NOMEM. */
enum err port_book_new(struct port_book **out, const struct relay_interface *interfaces,
                       unsigned n) MUST_USE;
void port_book_free(struct port_book *b); /* `b` may be NULL */

/* Records the leg that owns `port`, which is even, and the odd port above it. */
void port_book_take(struct port_book *b, unsigned interface, uint16_t port,
                    const struct leg_name *leg);
/* Records that no leg owns the pair any more. `now_ns` 0: the ports were never used. */
void port_book_give(struct port_book *b, unsigned interface, uint16_t port, uint64_t now_ns);

/* Records an address that SDP names instead of the interface's (media-address). Keeps the last
 * PORT_BOOK_SAID_MAX addresses. True: the address was not known before. */
bool port_book_say(struct port_book *b, unsigned interface, const struct addr *a);

/* The recorded addresses of port_book_say; *n: their number. */
const struct target_alias *port_book_said(const struct port_book *b, unsigned *n);

/* Finds the legs that receive packets sent to this address; returns their number. It is above 1 if
 * interfaces share an advertised address. */
unsigned port_book_find(const struct port_book *b, const struct addr *a,
                        struct leg_name out[PORT_BOOK_FINDS_MAX]);
/* Is `a` a media address and port of ours that is open, or was closed less than 1 s ago? */
bool port_book_holds(const struct port_book *b, const struct addr *a, uint64_t now_ns);
/* Replaces an advertised address by the address of its interface, so that packets do not go through
 * a NAT. Returns other addresses unchanged. */
struct addr port_book_inside(const struct port_book *b, const struct addr *a);

#endif
