/* SPDX-License-Identifier: MIT */
/* Receives and sends UDP datagrams in the control thread's event loop. */
#include "control/net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/loop.h"

enum {
	DATAGRAMS_AT_ONCE = 16, /* datagrams read by one recvmmsg */
	READS_A_TURN = 8,       /* calls of recvmmsg before other descriptors are served */
	SOCKET_BUFFER_BYTES = 4 << 20,
};
/* Further datagrams wait for the next round when a round took this long. */
#define ROUND_NS (8 * NS_PER_MS)

struct udp {
	int fd;
	struct loop_watch *watch;
	udp_fn *fn;
	void *arg;
	struct mmsghdr msgs[DATAGRAMS_AT_ONCE];
	struct iovec iovs[DATAGRAMS_AT_ONCE];
	struct sockaddr_storage froms[DATAGRAMS_AT_ONCE];
	uint8_t (*octets)[UDP_DATAGRAM_MAX];
};

static void prepare(struct udp *u)
{
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		u->iovs[i] = (struct iovec){.iov_base = u->octets[i], .iov_len = UDP_DATAGRAM_MAX};
		u->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->froms[i],
			.msg_namelen = sizeof(u->froms[i]),
			.msg_iov = &u->iovs[i],
			.msg_iovlen = 1,
		};
	}
}

static int take_some(struct udp *u)
{
	int n;

	prepare(u);
	n = recvmmsg(u->fd, u->msgs, DATAGRAMS_AT_ONCE, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		size_t len = u->msgs[i].msg_len;
		struct addr from;

		if (!addr_from_sockaddr((struct sockaddr *)&u->froms[i], &from))
			u->fn(u->arg, &from, str_make((const char *)u->octets[i], len));
		secret_wipe(u->octets[i], len);
	}
	return n;
}

static void readable(void *arg, bool is_readable, bool is_writable)
{
	struct udp *u = arg;
	uint64_t began_ns = clk_mono_ns();

	(void)is_readable;
	(void)is_writable;
	for (int i = 0; i < READS_A_TURN && clk_mono_ns() - began_ns < ROUND_NS; i++)
		if (take_some(u) < DATAGRAMS_AT_ONCE)
			return;
}

static enum err open_socket(struct udp *u, const struct addr *bind_to, struct why *why)
{
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(bind_to, &sa);
	char text[ADDR_TEXT_MAX];
	int one = 1, room = SOCKET_BUFFER_BYTES;

	u->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return why_fail(why, ERR_IO, "cannot open a UDP socket for %s: %s",
		                addr_print(bind_to, text), strerror(errno));
	if (bind_to->version == 6)
		(void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	/* The receive buffer must hold a burst of requests; the system may grant less. */
	(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(u->fd, (struct sockaddr *)&sa, len))
		return why_fail(why, errno == EADDRINUSE ? ERR_EXISTS : ERR_IO,
		                "cannot listen on udp %s: %s", addr_print(bind_to, text),
		                strerror(errno));
	return ERR_OK;
}

enum err udp_new(struct udp **out, struct loop *l, const struct udp_config *c, struct why *why)
{
	struct udp *u = mem_alloc(sizeof(*u));
	enum err e = ERR_NOMEM;

	if (!u)
		return why_fail(why, e, "out of memory");
	u->fd = -1;
	u->fn = c->fn;
	u->arg = c->arg;
	u->octets = mem_array(DATAGRAMS_AT_ONCE, sizeof(*u->octets));
	if (!u->octets)
		e = why_fail(why, ERR_NOMEM, "out of memory");
	else
		e = open_socket(u, &c->bind, why);
	if (!e && loop_watch_new(&u->watch, l,
	                         &(struct loop_watch_config){
					 .fd = u->fd,
					 .read = true,
					 .fn = readable,
					 .arg = u,
				 }))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (e) {
		udp_free(u);
		return e;
	}
	*out = u;
	return ERR_OK;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	loop_watch_free(u->watch);
	if (u->fd >= 0)
		close(u->fd);
	mem_free(u->octets);
	mem_free(u);
}

struct addr udp_local(const struct udp *u)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr a = {0};

	if (getsockname(u->fd, (struct sockaddr *)&sa, &len) ||
	    addr_from_sockaddr((struct sockaddr *)&sa, &a))
		a = (struct addr){0};
	return a;
}

void udp_send(struct udp *u, const struct addr *to, struct str datagram)
{
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(to, &sa);

	if (len && datagram.n <= UDP_DATAGRAM_MAX)
		(void)sendto(u->fd, datagram.p, datagram.n, MSG_DONTWAIT | MSG_NOSIGNAL,
		             (struct sockaddr *)&sa, len);
}
