/* SPDX-License-Identifier: MIT */
/* What a packet back end is: it receives and sends batches on ports of local addresses. */
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

/* One per worker and back end; serves every interface given to it. Worker only, but for open,
 * settled and close. */
struct io;
/* What the ios of one back end have in common over all workers (xdp: programs, the catch-all
 * socket, rings for strayed packets). */
struct io_shared;
/* The worker's buffers and descriptors (relay/packet/pool.h): descriptors come from here whatever
 * the io. */
struct pool;

/* One UDP port of one interface. Lives inside a leg; the io keeps a pointer while the port is open.
 */
struct io_port {
	const struct relay_interface *interface;
	uint16_t number;  /* host order */
	bool is_rtcp;     /* the RTCP port of a pair */
	uint8_t family;   /* 4 or 6 */
	uint8_t dscp;     /* of packets that leave here, 0 to 63 */
	bool is_open;     /* io */
	int fd;           /* io sock: the socket; -1 otherwise */
	struct io *io;    /* which back end serves it; set by open_port */
	void *owner;      /* the path's: the leg */
	void *io_private; /* the io's own */
	struct {
		uint32_t round; /* gather that last found something here */
		uint8_t dscp;   /* as the socket has it */
		uint32_t drops; /* of the socket, as the kernel last told */
	} sock;                 /* io sock */
};

struct io_config {
	const struct relay_interface
		*interfaces; /* those this back end serves; live as long as the io */
	unsigned n_interfaces;
	unsigned worker, workers; /* which of how many */
	struct io_shared *shared; /* what `share` made; NULL where a back end has no `share` */
	struct pool *pool;
	unsigned busy_poll_us;
	bool check_buffers; /* keep books of who has which buffer and end the process at the first
	                       wrong move: tests */
	void *test_arg;     /* of a test's back end */
};

/* Statistics every back end keeps; read from any thread. */
struct io_counters {
	struct counter rx_pkts, rx_bytes, rx_calls, tx_pkts, tx_bytes,
		tx_calls;                      /* calls: system calls made */
	struct counter dropped[VERDICT_COUNT]; /* dropped before a port was found, by verdict */
	struct counter kernel_drops; /* packets for us that the kernel dropped, for a socket's
	                                buffer or a ring was full */
};

/*
 * gather: fills `batch` with at most `room` packets that wait, over all ports, a port's packets in
 * order of arrival; sets data, len, tailroom, port, from, io, frame, verdict NONE (or TOO_BIG for
 * one cut short). Never blocks. Fairness: no port starves the others. send: transmits every packet
 * with verdict NONE from `out` to `to`, in order within a port; sets FORWARDED or why not.
 * `out->io` is this io, but the buffer may be another io's (then it is copied). It sets `frame` to
 * NULL when it took the buffer for good. release: takes back the buffers of packets of this io
 * whose `frame` is not NULL, whatever their verdict.
 */
struct io_ops {
	const char *name;
	bool is_free_to_ask; /* gather makes no system call where nothing waits, but now and then */
	/* Can it serve this interface here? Says why not; `auto` then falls back to sock for that
	 * interface. */
	enum err (*probe)(const struct relay_interface *interface, struct why *why);
	/*
	 * What the workers' ios have in common: made once, before the first open, from a config
	 * whose `worker`, `pool` and `shared` mean nothing; ended once, after the last close. Both
	 * NULL where there is nothing to share. Any worker's packets may be for a port of another
	 * worker: the io brings them there by itself.
	 */
	enum err (*share)(struct io_shared **out, const struct io_config *config, struct why *why);
	void (*unshare)(struct io_shared *shared);
	enum err (*open)(struct io **out, const struct io_config *config, struct why *why);
	void (*close)(struct io *io);
	/* The `i`-th of the descriptors one of which polls readable while gather would find
	 * something, for the worker's loop; -1: no more. */
	int (*wait_fd)(struct io *io, unsigned i);
	/* ERR_EXISTS when somebody else holds the port; ERR_IO. A failed call leaves the port
	 * closed. */
	enum err (*open_port)(struct io *io, struct io_port *port, struct why *why);
	/* Packets that wait on the port are dropped. */
	void (*close_port)(struct io *io, struct io_port *port);
	unsigned (*gather)(struct io *io, struct pkt **batch, unsigned room);
	void (*send)(struct io *io, struct pkt **batch, unsigned n);
	void (*release)(struct io *io, struct pkt **batch, unsigned n);
	/*
	 * Drops privileges that only share and open needed; called once for each io, when every io
	 * of every worker is open, by the thread that will make the worker threads and before it
	 * makes them: what a thread gives up is given up in those it starts afterwards. May be
	 * NULL.
	 */
	void (*settled)(struct io *io);
	/* Control thread: what the kernel counts may be asked of it here. */
	const struct io_counters *(*counters)(const struct io *io);
};

/* Every io begins with this, so that the worker can call through it. */
struct io {
	const struct io_ops *ops;
};

extern const struct io_ops io_sock;
extern const struct io_ops io_xdp;
extern const struct io_ops io_sim; /* tests only: never listed */

/* For one interface: `name` "auto" or an io's own. `why` says why a better one was not taken. */
enum err io_choose(const struct io_ops **out, struct str name,
                   const struct relay_interface *interface, struct why *why) MUST_USE;

#endif
