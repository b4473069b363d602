/* SPDX-License-Identifier: MIT */
/* Admission of connections to a listener: how many exist, how many of one peer, and how long one
 * may stay without a complete message. */
#ifndef CONTROL_NET_ADMIT_H
#define CONTROL_NET_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"

struct event_base;
/* The admission of one listener. Control thread only. */
struct admit;
struct admit_peer;

/* The limits of a listener. */
struct admit_limits {
	unsigned conns_max; /* maximum number of connections */
	unsigned peer_max;  /* maximum number of one peer; 0: three quarters of conns_max, rounded
	                       up */
	unsigned idle_s;    /* ends a connection after this long without a message; 0: never */
	unsigned message_s; /* ends a connection whose message is not complete this long after its
	                       first octet; 0: never */
};

/* What a connection waits for. */
enum admit_phase {
	ADMIT_IDLE,    /* for the first octet of a message */
	ADMIT_MESSAGE, /* for the rest of a message, or for the peer to read an answer */
	ADMIT_BUSY,    /* for this process: has no time limit, and is never closed to make room */
	ADMIT_PHASES
};

/* Why a connection was refused or ended. */
enum admit_reason {
	ADMIT_FULL,      /* refused: the listener has conns_max connections */
	ADMIT_SHARE,     /* refused: the peer has peer_max connections */
	ADMIT_NO_FILES,  /* refused: no descriptor is free */
	ADMIT_NO_MEMORY, /* refused: out of memory */
	ADMIT_SILENT,    /* ended: no message for idle_s */
	ADMIT_SLOW,      /* ended: a message or its answer took longer than message_s */
	ADMIT_UNREAD,    /* ended: the peer does not read its answers */
	ADMIT_EVICTED,   /* ended: to make room for another connection */
	ADMIT_REASONS
};

/* A peer: an IPv4 address, an IPv6 network of 64 bits, or the user of a Unix socket. */
struct admit_who {
	uint8_t octets[16];
	uint8_t kind; /* 4 or 6: IP version; 1: Unix; 0: unknown */
};

/* The admission of a connection, a member of the connection's struct. Zero: not admitted. */
struct admit_conn {
	struct link link; /* in the list of its phase, longest in the phase first */
	struct admit *admit;
	struct admit_peer *peer;
	uint64_t since_ns; /* begin of the phase */
	enum admit_phase phase;
	bool used; /* a message was complete */
};

struct admit_config {
	const char
		*name; /* of the listener in metrics and log lines, such as "control"; borrowed */
	const char *where; /* its address, for log lines; borrowed */
	struct admit_limits limits;
	/* Ends the connection at once: calls admit_leave before it returns. */
	void (*end)(void *arg, struct admit_conn *c);
	void *arg;
};

enum err admit_new(struct admit **out, struct event_base *base,
                   const struct admit_config *config) MUST_USE;
void admit_free(struct admit *a); /* after the last admit_leave; takes NULL */

/* Reads who is at the other end of an accepted socket. */
struct admit_who admit_who_of(int fd);
struct admit_who admit_who_is(const struct addr *peer);

/* Admits a connection in the phase ADMIT_IDLE; may first end an idle or slow connection to make
 * room. False: the caller closes the socket; this is counted and logged. */
bool admit_enter(struct admit *a, struct admit_conn *c, const struct admit_who *who) MUST_USE;
/* Does nothing for a connection that is not admitted. */
void admit_leave(struct admit_conn *c);
/* Sets the phase. With `anew` a message was complete: the time of the phase begins now, even if the
 * phase stays. */
void admit_set(struct admit_conn *c, enum admit_phase phase, bool anew);
/* Counts and logs a refused or ended connection that this module does not know of. */
void admit_tell(struct admit *a, enum admit_reason reason);
/* accept() failed with `error`. True: a connection was closed to free a descriptor, so the caller
 * may accept again at once. False: the caller waits for ADMIT_PAUSE_S. Counts and logs. */
bool admit_accept_failed(struct admit *a, int error) MUST_USE;
enum { ADMIT_PAUSE_S = 1 };

/* Number of connections now; at conns_max the next one is refused unless another can be ended. */
unsigned admit_count(const struct admit *a);
uint64_t admit_counted(const struct admit *a, enum admit_reason reason);
const struct admit_limits *admit_limits_of(const struct admit *a);

/* Appends the metrics of all listeners of this process as Prometheus text; the names begin with
 * `prefix`, such as "sluice_". */
void admit_print(struct buf *out, const char *prefix);

#endif
