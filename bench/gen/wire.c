/* SPDX-License-Identifier: MIT */
/* Sends and receives the packets of one side: with a UDP socket here, with a tap in wire_tap.c. */
#include "bench/gen/wire.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/gen/wire_state.h"

enum { WAITS_MAX = 200 }; /* waits for one batch, 1 ms each */

static enum err open_socket(struct wire *w, const struct netns_place *place, enum bench_side side,
                            struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&place->ours[side], &ss);
	int bytes = WIRE_SOCKET_BYTES, on = 1;
	enum err e = netns_socket(&w->fd, place->netns[side], ss.ss_family,
	                          SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, why);

	if (e != ERR_OK)
		return e;
	if (setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(w->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(w->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(w->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(w->fd, (struct sockaddr *)&ss, len) != 0 ||
	    getsockname(w->fd, (struct sockaddr *)&ss, &len) != 0)
		return why_fail(why, ERR_IO, "cannot bind the UDP socket of the %s side: %s",
		                call_side_name(side), strerror(errno));
	return addr_from_sockaddr((struct sockaddr *)&ss, &w->local);
}

enum err wire_open(struct wire **out, const struct netns_place *place, enum bench_side side,
                   struct why *why)
{
	struct wire *w = mem_alloc(sizeof(*w));
	enum err e;

	if (!w)
		return ERR_NOMEM;
	w->fd = w->tap.in = w->tap.out = -1;
	e = open_socket(w, place, side, why);
	if (e == ERR_OK && *place->device[side])
		e = wire_tap_open(w, place, side, why);
	if (e != ERR_OK)
		wire_close(w);
	else
		*out = w;
	return e;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	wire_tap_close(&w->tap);
	if (w->fd >= 0)
		close(w->fd);
	mem_free(w);
}

struct addr wire_local(const struct wire *w)
{
	return w->local;
}

/* --- sending ---------------------------------------------------------------- */

static void address(struct wire *w, struct pkt *const *batch, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		w->iov[i] = (struct iovec){.iov_base = batch[i]->data, .iov_len = batch[i]->len};
		w->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &w->name[i],
			.msg_namelen = addr_to_sockaddr(&batch[i]->to, &w->name[i]),
			.msg_iov = &w->iov[i],
			.msg_iovlen = 1,
		};
	}
}

unsigned wire_send(struct wire *w, struct pkt *const *batch, unsigned n)
{
	struct pollfd pfd = {.fd = wire_has_tap(w) ? w->tap.out : w->fd, .events = POLLOUT};
	unsigned done = 0, waits = 0;

	CHECK(n <= WIRE_BATCH);
	if (wire_has_tap(w))
		wire_tap_frame(w, batch, n);
	else
		address(w, batch, n);
	while (done < n) {
		int got = sendmmsg(pfd.fd, w->msg + done, n - done, MSG_DONTWAIT);

		if (got > 0) {
			done += (unsigned)got;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			/* After too many waits, give up one packet: it counts as lost. */
			done += ++waits > WAITS_MAX;
			(void)poll(&pfd, 1, 1);
		} else if (errno != EINTR) {
			done++; /* refused, as after an ICMP error: the packet counts as lost */
		}
	}
	return waits;
}

/* --- receiving -------------------------------------------------------------- */

/* Returns the kernel's receive timestamp of a packet, so that delays of the sink do not count; the
 * present time if there is none. */
static uint64_t stamp_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	}
	return clk_wall_ns();
}

unsigned wire_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n)
{
	int got;

	if (wire_has_tap(w))
		return wire_tap_take(w, out, stamps_ns, n);
	n = n < WIRE_BATCH ? n : WIRE_BATCH;
	for (unsigned i = 0; i < n; i++) {
		w->iov[i] =
			(struct iovec){.iov_base = w->room[i], .iov_len = PKT_ROOM - PKT_TAILROOM};
		w->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &w->name[i],
			.msg_namelen = sizeof(w->name[i]),
			.msg_iov = &w->iov[i],
			.msg_iovlen = 1,
			.msg_control = w->control[i],
			.msg_controllen = sizeof(w->control[i]),
		};
	}
	got = recvmmsg(w->fd, w->msg, n, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		out[i] = (struct pkt){
			.data = w->room[i],
			.len = (uint16_t)w->msg[i].msg_len,
			.tailroom = (uint16_t)(PKT_ROOM - w->msg[i].msg_len),
		};
		if (addr_from_sockaddr((const struct sockaddr *)&w->name[i], &out[i].from) !=
		    ERR_OK)
			out[i].from = (struct addr){.version = 0};
		stamps_ns[i] = stamp_of(&w->msg[i].msg_hdr);
	}
	return got > 0 ? (unsigned)got : 0;
}

uint64_t wire_drops(struct wire *w)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (wire_has_tap(w))
		return wire_tap_drops(&w->tap);
	return getsockopt(w->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS]
	                                                                  : 0;
}
