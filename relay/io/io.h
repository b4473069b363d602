/* SPDX-License-Identifier: MIT */
/* A packet back end receives and sends batches of packets on ports of local addresses. */
#ifndef RELAY_IO_IO_H
#define RELAY_IO_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/err.h"
#include "base/str.h"
#include "relay/interface.h"
#include "relay/packet/pkt.h"
#include "relay/verdict.h"

/* One back end of one worker; it serves all interfaces assigned to that back end. Worker only,
 * except open, settled, counters and close. */
struct io;
/* What the workers share in one back end (xdp: BPF programs, the catch-all socket, the
 * rings between workers). */
struct io_shared;
/* The worker's packet descriptors and buffers (relay/packet/pool.h). Every io takes
 * descriptors from it. */
struct pool;

/* A UDP port of an interface, allocated by control for a leg. The io keeps a pointer to it while it
 * is open. */
struct io_port {
	const struct relay_interface *interface;
	uint16_t number;  /* port number, host order */
	bool is_rtcp;     /* the RTCP port of a pair */
	uint8_t family;   /* 4 or 6 */
	uint8_t dscp;     /* DSCP of outgoing packets, 0 to 63 */
	bool is_open;     /* true while the port is open; set by the io */
	int fd;           /* io sock: the socket; -1 otherwise */
	struct io *io;    /* the back end that serves the port; set by open_port */
	void *owner;      /* the leg; used by the path */
	void *io_private; /* private data of the io */
	struct {
		uint32_t round; /* number of the last gather that found a packet here */
		uint8_t dscp;   /* the DSCP that the socket has now */
		uint32_t drops; /* the socket's drop count, as last reported by the kernel */
	} sock;                 /* used by io sock */
};

struct io_config {
	/* the interfaces that this back end serves; must live as long as the io */
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	unsigned worker, workers; /* number of this worker, and how many there are */
	struct io_shared *shared; /* the result of `share`; NULL if the back end has no `share` */
	struct pool *pool;
	unsigned busy_poll_us;
	/* for tests: track the owner of every buffer and abort at the first error */
	bool check_buffers;
	void *test_arg; /* argument of a test's back end */
};

/* Statistics of every back end. Any thread may read them. */
struct io_counters {
	/* rx_calls, tx_calls: receive and send syscalls */
	struct counter rx_pkts, rx_bytes, rx_calls, tx_pkts, tx_bytes, tx_calls;
	/* packets that the back end itself dropped, by verdict */
	struct counter dropped[VERDICT_COUNT];
	/* packets for our ports that the kernel dropped because a socket buffer or a
	 * ring was full */
	struct counter kernel_drops;
};

/*
 * The operations of a back end.
 *
 * gather: fills `batch` with up to `room` received packets of all ports; packets of one port keep
 * their order of arrival. Sets data, len, tailroom, port, from, io, frame, and the verdict NONE
 * (TOO_BIG if the packet was truncated). Never blocks. A busy port does not starve the others.
 *
 * send: transmits every packet with verdict NONE from `out` to `to`; packets of one port keep their
 * order. Sets the verdict FORWARDED, or why it was not sent. `out->io` is this io; a buffer of
 * another io is copied. Sets `frame` to NULL if the buffer now belongs to the back end.
 *
 * release: takes back the buffers of this io's packets whose `frame` is not NULL, with any verdict.
 */
struct io_ops {
	const char *name;
	bool is_free_to_ask; /* the worker calls gather once more before it waits for packets */
	/* Tests whether the back end can serve this interface. A failure says why; `auto` then
	 * tries the next back end. */
	enum err (*probe)(const struct relay_interface *interface, struct why *why);
	/* Creates what the workers share: called once, before the first open; `worker`, `pool` and
	 * `shared` of the config are not set. unshare is called once, after the last close. Both
	 * are NULL if nothing is shared. A worker may receive a packet for another worker's port;
	 * the back end then passes it to that worker. */
	enum err (*share)(struct io_shared **out, const struct io_config *config, struct why *why);
	void (*unshare)(struct io_shared *shared);
	enum err (*open)(struct io **out, const struct io_config *config, struct why *why);
	void (*close)(struct io *io);
	/* Descriptors for the worker's event loop: at least one of them polls readable while gather
	 * would find a packet. `i` counts from 0; returns -1 after the last. */
	int (*wait_fd)(struct io *io, unsigned i);
	/* Opens a port. ERR_EXISTS: another socket has it. ERR_IO. After a failure the port is
	 * closed. */
	enum err (*open_port)(struct io *io, struct io_port *port, struct why *why);
	/* Closes the port and drops the packets that wait on it. */
	void (*close_port)(struct io *io, struct io_port *port);
	unsigned (*gather)(struct io *io, struct pkt **batch, unsigned room);
	void (*send)(struct io *io, struct pkt **batch, unsigned n);
	void (*release)(struct io *io, struct pkt **batch, unsigned n);
	/* Drops the privileges that only share and open need. Called once for each io, after every
	 * io of every worker is open, by the thread that then starts the worker threads: they
	 * inherit the reduced privileges. May be NULL. */
	void (*settled)(struct io *io);
	/* Returns the counters. It may ask the kernel for them. Control thread. */
	const struct io_counters *(*counters)(const struct io *io);
};

/* The struct of every back end starts with this struct; the worker calls the functions through
 * `ops`. */
struct io {
	const struct io_ops *ops;
};

extern const struct io_ops io_sock;
extern const struct io_ops io_xdp;
extern const struct io_ops io_sim; /* for tests only: io_choose never returns it */

/* Chooses a back end for one interface by name; "auto" takes the best one that works, and `why`
 * tells why better ones were not taken. */
enum err io_choose(const struct io_ops **out, struct str name,
                   const struct relay_interface *interface, struct why *why) MUST_USE;

#endif
