/* SPDX-License-Identifier: MIT */
/* The back end for every machine: one UDP socket per port, all in one epoll set per worker. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <linux/sock_diag.h>
#include <unistd.h>

#include "base/mem.h"
#include "relay/io/io.h"
#include "relay/packet/pool.h"

enum {
	/* maximum number of packets in one receive syscall, if a port may have more than one
	 * waiting */
	BURST = 32,
	/* receive buffer of each socket: room for several hundred small packets */
	RECEIVE_BYTES = 1 << 20,
	GSO_BYTES = 65000, /* maximum octets of one send with UDP segmentation (GSO) */
};

struct sock {
	struct io io;
	int epoll_fd;
	uint32_t round;
	bool has_gso;
	struct pool *pool;
	struct io_counters counters;
	/* Scratch memory of gather and send. Hardened builds would zero it on every call if it were
	 * on the stack. */
	struct epoll_event ready[PKT_BATCH];
	struct pkt *run[PKT_BATCH];
	struct mmsghdr msgs[PKT_BATCH];
	struct iovec iov[PKT_BATCH];
	struct sockaddr_storage names[PKT_BATCH];
	struct {
		_Alignas(struct cmsghdr) char octets[CMSG_SPACE(sizeof(uint32_t))];
	} control[PKT_BATCH];
};

_Static_assert((int)BURST <= (int)PKT_BATCH, "the scratch holds a burst");

static enum err sock_probe(const struct relay_interface *interface, struct why *why)
{
	(void)interface, (void)why;
	return ERR_OK;
}

/* --- open and close --------------------------------------------------------- */

static enum err sock_open(struct io **out, const struct io_config *config, struct why *why)
{
	struct sock *s = mem_alloc(sizeof(*s));

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->io.ops = &io_sock;
	s->pool = config->pool;
	s->has_gso = true;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0) {
		enum err e =
			why_fail(why, ERR_IO, "cannot create an epoll set: %s", strerror(errno));

		mem_free(s);
		return e;
	}
	*out = &s->io;
	return ERR_OK;
}

static void sock_close(struct io *io)
{
	struct sock *s = (struct sock *)io;

	close(s->epoll_fd);
	mem_free(s);
}

static int sock_wait_fd(struct io *io, unsigned i)
{
	return i == 0 ? ((struct sock *)io)->epoll_fd : -1;
}

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* DSCP is the upper six bits of the octet, ECN the lower two. */
static void set_dscp(struct io_port *port)
{
	bool v6 = port->interface->bind.version == 6;

	/* Failure is ignored: the relay works without marking. */
	(void)!set_int(port->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS,
	               port->dscp << 2);
	port->sock.dscp = port->dscp;
}

static void set_options(const struct io_port *port)
{
	bool v6 = port->interface->bind.version == 6;

	(void)!set_int(port->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	/* The kernel reports the drop count with each packet, once it is not zero. */
	(void)!set_int(port->fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (v6)
		(void)!set_int(port->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	/* Never fragment, and ignore the path MTU of ICMP messages, which anybody can forge. */
	(void)!set_int(port->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
	               v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
	               v6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE);
}

static enum err bind_port(struct sock *s, struct io_port *port)
{
	struct addr local = addr_with_port(&port->interface->bind, port->number);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = port};
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(&local, &sa);

	set_options(port);
	if (bind(port->fd, (struct sockaddr *)&sa, len) < 0)
		return errno == EADDRINUSE ? ERR_EXISTS : ERR_IO;
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, port->fd, &ev) < 0 ? ERR_IO : ERR_OK;
}

static enum err sock_open_port(struct io *io, struct io_port *port, struct why *why)
{
	struct sock *s = (struct sock *)io;
	int family = port->interface->bind.version == 6 ? AF_INET6 : AF_INET;
	enum err e = ERR_IO;

	port->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd >= 0)
		e = bind_port(s, port);
	if (e) {
		e = why_fail(why, e, "interface '%s' port %u: %s", port->interface->name,
		             port->number, strerror(errno));
		if (port->fd >= 0)
			close(port->fd);
		port->fd = -1;
		return e;
	}
	port->io = io;
	port->is_open = true;
	port->sock.round = s->round - 2;
	port->sock.drops = 0;
	set_dscp(port);
	return ERR_OK;
}

/* Counts the drops since the kernel's last report. The kernel's counter has 32 bits and wraps. */
static void note_drops(struct sock *s, struct io_port *port, uint32_t drops)
{
	counter_add(&s->counters.kernel_drops, (uint32_t)(drops - port->sock.drops));
	port->sock.drops = drops;
}

static void sock_close_port(struct io *io, struct io_port *port)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	/* Counts the drops after the last received packet. */
	if (!getsockopt(port->fd, SOL_SOCKET, SO_MEMINFO, info, &len) && len == sizeof(info))
		note_drops((struct sock *)io, port, info[SK_MEMINFO_DROPS]);
	/* Closing also removes the socket from the epoll set, because no other descriptor refers to
	 * it. */
	close(port->fd);
	port->fd = -1;
	port->is_open = false;
}

/* --- receive ---------------------------------------------------------------- */

static bool take_pkt(struct sock *s, struct io_port *port, struct pkt **out)
{
	struct pkt *p = pool_take(s->pool);

	if (!p)
		return false;
	p->frame = pool_take_buffer(s->pool);
	if (!p->frame) {
		pool_give(s->pool, p);
		return false;
	}
	p->data = (uint8_t *)p->frame + PKT_HEADROOM;
	p->io = &s->io;
	p->port = port;
	*out = p;
	return true;
}

static void give_pkt(struct sock *s, struct pkt *p)
{
	pool_give_buffer(s->pool, p->frame);
	pool_give(s->pool, p);
}

static void read_drops(struct sock *s, struct io_port *port, const struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	uint32_t drops;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
		return;
	memcpy(&drops, CMSG_DATA(c), sizeof(drops));
	note_drops(s, port, drops);
}

/* Fills a descriptor from one received message. */
static void fill(struct sock *s, struct pkt *p, const struct mmsghdr *m)
{
	bool cut = m->msg_hdr.msg_flags & MSG_TRUNC;

	p->len = (uint16_t)m->msg_len;
	p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - p->len);
	p->verdict = cut ? VERDICT_TOO_BIG : VERDICT_NONE;
	/* This cannot fail: the socket is IPv4 or IPv6. */
	(void)!addr_from_sockaddr(m->msg_hdr.msg_name, &p->from);
	if (m->msg_hdr.msg_controllen)
		read_drops(s, p->port, &m->msg_hdr);
	counter_inc(&s->counters.rx_pkts);
	counter_add(&s->counters.rx_bytes, p->len);
}

/* Receives one packet if the port had none in the previous round: a stream of 20 ms packets has one
 * waiting. Otherwise more may wait, and one syscall receives several. */
static unsigned receive(struct sock *s, struct io_port *port, struct pkt **batch, unsigned room)
{
	struct mmsghdr *msgs = s->msgs;
	unsigned want = s->round - port->sock.round > 1 ? 1 : room < BURST ? room : BURST;
	unsigned n = 0;
	int got;

	port->sock.round = s->round;
	for (; n < want && take_pkt(s, port, &batch[n]); n++) {
		s->iov[n] = (struct iovec){.iov_base = batch[n]->data, .iov_len = PKT_PAYLOAD_MAX};
		msgs[n] = (struct mmsghdr){
			.msg_hdr =
				{
					.msg_name = &s->names[n],
					.msg_namelen = sizeof(s->names[n]),
					.msg_iov = &s->iov[n],
					.msg_iovlen = 1,
					.msg_control = s->control[n].octets,
					.msg_controllen = sizeof(s->control[n].octets),
				},
		};
	}
	if (n == 0)
		return 0;
	counter_inc(&s->counters.rx_calls);
	if (n == 1) {
		ssize_t len = recvmsg(port->fd, &msgs[0].msg_hdr, 0);

		got = len >= 0;
		msgs[0].msg_len = len >= 0 ? (unsigned)len : 0;
	} else {
		got = recvmmsg(port->fd, msgs, n, MSG_DONTWAIT, NULL);
	}
	for (unsigned i = 0; i < n; i++) {
		if ((int)i < got)
			fill(s, batch[i], &msgs[i]);
		else
			give_pkt(s, batch[i]);
	}
	return got > 0 ? (unsigned)got : 0;
}

static unsigned sock_gather(struct io *io, struct pkt **batch, unsigned room)
{
	struct sock *s = (struct sock *)io;
	unsigned n = 0;
	int n_ready;

	s->round++;
	/* The kernel moves a ready socket to the end of its list, so no port starves the others. */
	counter_inc(&s->counters.rx_calls);
	n_ready = epoll_wait(s->epoll_fd, s->ready, (int)(room < PKT_BATCH ? room : PKT_BATCH), 0);
	for (int i = 0; i < n_ready; i++)
		__builtin_prefetch(s->ready[i].data.ptr);
	for (int i = 0; i < n_ready && n < room; i++) {
		/* Leaves room for one packet of each ready port that follows. */
		unsigned others = (unsigned)(n_ready - 1 - i),
			 share = room - n > others ? room - n - others : 1;

		n += receive(s, s->ready[i].data.ptr, batch + n, share);
	}
	return n;
}

/* --- send ------------------------------------------------------------------- */

static enum verdict send_verdict(int error)
{
	switch (error) {
	case 0:
		return VERDICT_FORWARDED;
	case EMSGSIZE:
		return VERDICT_MTU;
	case ENETUNREACH:
	case EHOSTUNREACH:
		return VERDICT_NO_ROUTE;
	}
	return VERDICT_SEND_FAILED;
}

static void sent(struct sock *s, struct pkt *p, int error)
{
	p->verdict = (uint8_t)send_verdict(error);
	if (error)
		return;
	counter_inc(&s->counters.tx_pkts);
	counter_add(&s->counters.tx_bytes, p->len);
}

static void send_one(struct sock *s, struct pkt *p)
{
	struct sockaddr_storage to;
	uint32_t len = addr_to_sockaddr(&p->to, &to);

	counter_inc(&s->counters.tx_calls);
	sent(s, p,
	     sendto(p->out->fd, p->data, p->len, 0, (struct sockaddr *)&to, len) < 0 ? errno : 0);
}

/* True if all packets go to one address and have one length; only the last may be shorter. Then the
 * kernel can cut one buffer into these packets. */
static bool is_train(struct pkt **run, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		bool fits = i + 1 < n ? run[i]->len == run[0]->len : run[i]->len <= run[0]->len;

		if (!fits || run[i]->len == 0 || !addr_eq(&run[i]->to, &run[0]->to))
			return false;
		bytes += run[i]->len;
	}
	return n > 1 && bytes <= GSO_BYTES;
}

static bool send_train(struct sock *s, struct pkt **run, unsigned n)
{
	struct iovec *iov = s->iov;
	struct sockaddr_storage to;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct msghdr m = {
		.msg_name = &to,
		.msg_namelen = addr_to_sockaddr(&run[0]->to, &to),
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	for (unsigned i = 0; i < n; i++)
		iov[i] = (struct iovec){.iov_base = run[i]->data, .iov_len = run[i]->len};
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	memcpy(CMSG_DATA(c), &run[0]->len, sizeof(uint16_t));
	counter_inc(&s->counters.tx_calls);
	if (sendmsg(run[0]->out->fd, &m, 0) < 0) {
		/* These errors mean that the kernel or the device cannot do GSO. After any error
		 * the caller sends the packets without GSO, so each gets its own verdict. */
		if (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOPROTOOPT)
			s->has_gso = false;
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		sent(s, run[i], 0);
	return true;
}

static void send_many(struct sock *s, struct pkt **run, unsigned n)
{
	struct mmsghdr *msgs = s->msgs;
	struct iovec *iov = s->iov;
	struct sockaddr_storage *to = s->names;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){.iov_base = run[i]->data, .iov_len = run[i]->len};
		msgs[i] = (struct mmsghdr){
			.msg_hdr = {.msg_name = &to[i],
		                    .msg_namelen = addr_to_sockaddr(&run[i]->to, &to[i]),
		                    .msg_iov = &iov[i],
		                    .msg_iovlen = 1},
		};
	}
	while (done < n) {
		int k = sendmmsg(run[0]->out->fd, msgs + done, n - done, 0);

		counter_inc(&s->counters.tx_calls);
		/* Sending the first remaining packet failed: that packet gets its verdict, and the
		 * loop continues with the next one. */
		if (k <= 0) {
			sent(s, run[done++], k < 0 ? errno : EIO);
			continue;
		}
		for (int i = 0; i < k; i++)
			sent(s, run[done++], 0);
	}
}

static void send_run(struct sock *s, struct pkt **run, unsigned n)
{
	if (run[0]->out->dscp != run[0]->out->sock.dscp)
		set_dscp(run[0]->out);
	if (n == 1)
		send_one(s, run[0]);
	else if (!s->has_gso || !is_train(run, n) || !send_train(s, run, n))
		send_many(s, run, n);
}

static void sock_send(struct io *io, struct pkt **batch, unsigned n)
{
	struct sock *s = (struct sock *)io;

	/* Collects the packets that leave from one port, in order, and sends them together. */
	for (unsigned i = 0; i < n; i++) {
		struct pkt **run = s->run;
		unsigned n_run = 1;

		run[0] = batch[i];
		if (batch[i]->verdict != VERDICT_NONE)
			continue;
		for (unsigned k = i + 1; k < n; k++)
			if (batch[k]->verdict == VERDICT_NONE && batch[k]->out == batch[i]->out)
				run[n_run++] = batch[k];
		send_run(s, run, n_run);
	}
}

static void sock_release(struct io *io, struct pkt **batch, unsigned n)
{
	struct sock *s = (struct sock *)io;

	for (unsigned i = 0; i < n; i++) {
		pool_give_buffer(s->pool, batch[i]->frame);
		batch[i]->frame = NULL;
	}
}

static const struct io_counters *sock_counters(const struct io *io)
{
	return &((const struct sock *)io)->counters;
}

const struct io_ops io_sock = {
	.name = "sock",
	.is_free_to_ask = true,
	.probe = sock_probe,
	.open = sock_open,
	.close = sock_close,
	.wait_fd = sock_wait_fd,
	.open_port = sock_open_port,
	.close_port = sock_close_port,
	.gather = sock_gather,
	.send = sock_send,
	.release = sock_release,
	.counters = sock_counters,
};
