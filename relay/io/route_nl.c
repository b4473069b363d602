/* SPDX-License-Identifier: MIT */
/* Asks the kernel and reads its notifications over rtnetlink. */
#include "relay/io/route_nl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/mem.h"

enum {
	BUFFER_BYTES = 32768, /* an answer about a link includes all its statistics */
	/* the kernel answers at once unless another process holds the rtnetlink lock */
	ANSWER_MS = 500,
	NEWS_BYTES = 1 << 20, /* socket buffer for notifications */
};

struct route_nl {
	struct mnl_socket *ask, *hear;
	uint32_t seq;
	uint8_t buffer[BUFFER_BYTES]; /* the question being sent, then its answer */
	uint8_t news[BUFFER_BYTES];   /* notifications; [news_at, news_end) is unread */
	size_t news_at, news_end;
};

/* --- attributes ------------------------------------------------------------- */

struct attributes {
	const struct nlattr *of[64];
};

static int collect(const struct nlattr *a, void *arg)
{
	struct attributes *all = arg;
	uint16_t type = mnl_attr_get_type(a);

	if (type < ARRAY_LEN(all->of))
		all->of[type] = a;
	return MNL_CB_OK;
}

static void attributes_of(const struct nlmsghdr *m, size_t header, struct attributes *out)
{
	memset(out, 0, sizeof(*out));
	if (mnl_nlmsg_get_payload_len(m) >= MNL_ALIGN(header))
		mnl_attr_parse(m, (unsigned)header, collect, out);
}

static void attributes_in(const struct nlattr *nest, struct attributes *out)
{
	memset(out, 0, sizeof(*out));
	if (nest)
		mnl_attr_parse_nested(nest, collect, out);
}

static uint32_t get_u32(const struct attributes *a, unsigned type)
{
	const struct nlattr *x = a->of[type];

	return x && mnl_attr_get_payload_len(x) >= 4 ? mnl_attr_get_u32(x) : 0;
}

static bool get_mac(const struct attributes *a, unsigned type, uint8_t out[6])
{
	const struct nlattr *x = a->of[type];

	if (!x || mnl_attr_get_payload_len(x) != 6)
		return false;
	memcpy(out, mnl_attr_get_payload(x), 6);
	return true;
}

static bool addr_from_octets(const void *p, size_t n, struct addr *out)
{
	if (n != 4 && n != 16)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->ip, p, n);
	out->version = n == 4 ? 4 : 6;
	return true;
}

static bool get_addr(const struct attributes *a, unsigned type, struct addr *out)
{
	const struct nlattr *x = a->of[type];

	return x && addr_from_octets(mnl_attr_get_payload(x), mnl_attr_get_payload_len(x), out);
}

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct addr *a)
{
	mnl_attr_put(m, type, a->version == 4 ? 4 : 16, a->ip);
}

static uint8_t family_of(const struct addr *a)
{
	return a->version == 4 ? AF_INET : AF_INET6;
}

/* --- messages to values ----------------------------------------------------- */

static bool parse_route(const struct nlmsghdr *m, struct route_answer *out)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(m);
	struct attributes a, metrics;
	struct route_answer r = {0};
	const struct nlattr *via;

	if (m->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(m) < sizeof(*rt))
		return false;
	attributes_of(m, sizeof(*rt), &a);
	r.kind = rt->rtm_type == RTN_UNICAST ? ROUTE_UNICAST
	         : rt->rtm_type == RTN_UNREACHABLE || rt->rtm_type == RTN_BLACKHOLE ||
	                         rt->rtm_type == RTN_PROHIBIT
	                 ? ROUTE_ABSENT
	                 : ROUTE_OWN;
	r.ifindex = get_u32(&a, RTA_OIF);
	r.needs_kernel = a.of[RTA_ENCAP] != NULL;
	via = a.of[RTA_VIA];
	if (!get_addr(&a, RTA_GATEWAY, &r.gateway) && via &&
	    mnl_attr_get_payload_len(via) > sizeof(struct rtvia)) {
		const struct rtvia *v = mnl_attr_get_payload(via);

		addr_from_octets(v->rtvia_addr, mnl_attr_get_payload_len(via) - sizeof(*v),
		                 &r.gateway);
	}
	if (r.gateway.version == 6 && r.gateway.ip[0] == 0xfe && (r.gateway.ip[1] & 0xc0) == 0x80)
		r.gateway.scope = r.ifindex;
	attributes_in(a.of[RTA_METRICS], &metrics);
	r.mtu = (uint16_t)(get_u32(&metrics, RTAX_MTU) > UINT16_MAX ? UINT16_MAX
	                                                            : get_u32(&metrics, RTAX_MTU));
	*out = r;
	return true;
}

static bool parse_link(const struct nlmsghdr *m, struct route_link *out)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
	struct attributes a, kind, data, xdp;
	struct route_link l = {0};

	if (m->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(m) < sizeof(*info))
		return false;
	attributes_of(m, sizeof(*info), &a);
	attributes_in(a.of[IFLA_LINKINFO], &kind);
	attributes_in(kind.of[IFLA_INFO_DATA], &data);
	attributes_in(a.of[IFLA_XDP], &xdp);
	l.ifindex = (uint32_t)info->ifi_index;
	l.is_up = info->ifi_flags & IFF_UP;
	l.is_loopback = info->ifi_flags & IFF_LOOPBACK;
	l.is_ethernet = info->ifi_type == ARPHRD_ETHER && get_mac(&a, IFLA_ADDRESS, l.mac);
	l.mtu = (uint16_t)(get_u32(&a, IFLA_MTU) > UINT16_MAX ? UINT16_MAX : get_u32(&a, IFLA_MTU));
	l.xdp_prog = get_u32(&xdp, IFLA_XDP_PROG_ID);
	if (kind.of[IFLA_INFO_KIND] && data.of[IFLA_VLAN_ID] &&
	    !strncmp(mnl_attr_get_str(kind.of[IFLA_INFO_KIND]), "vlan",
	             mnl_attr_get_payload_len(kind.of[IFLA_INFO_KIND]))) {
		l.vlan = mnl_attr_get_u16(data.of[IFLA_VLAN_ID]);
		l.parent = get_u32(&a, IFLA_LINK);
	}
	*out = l;
	return true;
}

static enum route_neighbour_state state_of(uint16_t nud, bool has_mac)
{
	if (nud & NUD_FAILED)
		return ROUTE_FAILED;
	if (!has_mac)
		return ROUTE_UNRESOLVED;
	if (nud & (NUD_PERMANENT | NUD_NOARP))
		return ROUTE_PERMANENT;
	return nud & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE) ? ROUTE_RESOLVED
	                                                                 : ROUTE_UNRESOLVED;
}

static bool parse_neighbour(const struct nlmsghdr *m, struct route_neighbour *out)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(m);
	struct attributes a;
	struct route_neighbour n = {0};

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*nd) ||
	    (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6))
		return false;
	attributes_of(m, sizeof(*nd), &a);
	if (!get_addr(&a, NDA_DST, &n.ip))
		return false;
	n.ifindex = (uint32_t)nd->ndm_ifindex;
	n.state = state_of(nd->ndm_state, get_mac(&a, NDA_LLADDR, n.mac));
	if (m->nlmsg_type == RTM_DELNEIGH)
		n.state = ROUTE_UNRESOLVED;
	*out = n;
	return true;
}

/* --- questions -------------------------------------------------------------- */

/* Sends the question in the buffer. Returns the answer, or NULL and the error in *e. */
static const struct nlmsghdr *ask(struct route_nl *nl, struct nlmsghdr *m, enum err *e)
{
	ssize_t n;

	*e = ERR_IO;
	m->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->ask, m, m->nlmsg_len) < 0)
		return NULL;
	while ((n = mnl_socket_recvfrom(nl->ask, nl->buffer, sizeof(nl->buffer))) > 0) {
		const struct nlmsghdr *got = (const void *)nl->buffer;
		int left = (int)n;

		if (!mnl_nlmsg_ok(got, left) || got->nlmsg_seq != nl->seq)
			continue; /* a late answer to an earlier question */
		if (got->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *fault = mnl_nlmsg_get_payload(got);

			if (mnl_nlmsg_get_payload_len(got) >= sizeof(fault->error) &&
			    (fault->error == -ENOENT || fault->error == -ENODEV ||
			     fault->error == -ESRCH))
				*e = ERR_NOT_FOUND;
			return NULL;
		}
		return got;
	}
	return NULL;
}

static struct nlmsghdr *question(struct route_nl *nl, uint16_t type)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(nl->buffer);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST;
	return m;
}

static enum err ask_route(void *arg, const struct addr *from, const struct addr *to,
                          struct route_answer *out)
{
	struct route_nl *nl = arg;
	struct nlmsghdr *m = question(nl, RTM_GETROUTE);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
	uint8_t bits = to->version == 4 ? 32 : 128;
	enum err e;

	rt->rtm_family = family_of(to);
	rt->rtm_dst_len = bits;
	put_addr(m, RTA_DST, to);
	if (!addr_is_any(from)) {
		rt->rtm_src_len = bits;
		put_addr(m, RTA_SRC, from);
	}
	if (to->scope)
		mnl_attr_put_u32(m, RTA_OIF, to->scope);
	m = (struct nlmsghdr *)(uintptr_t)ask(nl, m, &e);
	if (m)
		return parse_route(m, out) ? ERR_OK : ERR_IO;
	/* Every error, for example ENETUNREACH, is read as "no route". */
	*out = (struct route_answer){.kind = ROUTE_ABSENT};
	return ERR_OK;
}

static enum err ask_link(void *arg, uint32_t ifindex, struct route_link *out)
{
	struct route_nl *nl = arg;
	struct nlmsghdr *m = question(nl, RTM_GETLINK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));
	const struct nlmsghdr *got;
	enum err e;

	info->ifi_index = (int)ifindex;
	got = ask(nl, m, &e);
	if (!got)
		return e;
	return parse_link(got, out) ? ERR_OK : ERR_IO;
}

static enum err ask_neighbour(void *arg, uint32_t ifindex, const struct addr *ip,
                              struct route_neighbour *out)
{
	struct route_nl *nl = arg;
	struct nlmsghdr *m = question(nl, RTM_GETNEIGH);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(m, sizeof(*nd));
	const struct nlmsghdr *got;
	enum err e;

	nd->ndm_family = family_of(ip);
	nd->ndm_ifindex = (int)ifindex;
	put_addr(m, NDA_DST, ip);
	got = ask(nl, m, &e);
	if (!got)
		return e;
	return got->nlmsg_type == RTM_NEWNEIGH && parse_neighbour(got, out) ? ERR_OK
	                                                                    : ERR_NOT_FOUND;
}

static bool parse_address(const struct nlmsghdr *m, struct route_address *out)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	struct attributes a;

	memset(out, 0, sizeof(*out));
	if (m->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(m) < sizeof(*info))
		return false;
	attributes_of(m, sizeof(*info), &a);
	/* For a point-to-point address IFA_ADDRESS is the peer's address, IFA_LOCAL ours. */
	if (!get_addr(&a, IFA_LOCAL, &out->ip) && !get_addr(&a, IFA_ADDRESS, &out->ip))
		return false;
	out->ifindex = info->ifa_index;
	if (out->ip.version == 4 && info->ifa_prefixlen < 31) {
		out->broadcast = out->ip;
		be32_put(out->broadcast.ip,
		         be32_get(out->ip.ip) | (uint32_t)(0xffffffffull >> info->ifa_prefixlen));
	}
	(void)get_addr(&a, IFA_BROADCAST, &out->broadcast);
	return true;
}

static enum err ask_addresses(void *arg, void (*fn)(void *fn_arg, const struct route_address *a),
                              void *fn_arg)
{
	struct route_nl *nl = arg;
	struct nlmsghdr *q = question(nl, RTM_GETADDR);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(q, sizeof(*info));
	ssize_t n;

	info->ifa_family = AF_UNSPEC;
	q->nlmsg_flags |= NLM_F_DUMP;
	q->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->ask, q, q->nlmsg_len) < 0)
		return ERR_IO;
	while ((n = mnl_socket_recvfrom(nl->ask, nl->buffer, sizeof(nl->buffer))) > 0) {
		const struct nlmsghdr *m = (const void *)nl->buffer;
		int left = (int)n;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			struct route_address a;

			if (m->nlmsg_seq != nl->seq)
				continue;
			if (m->nlmsg_type == NLMSG_DONE)
				return ERR_OK;
			if (m->nlmsg_type == NLMSG_ERROR)
				return ERR_IO;
			if (parse_address(m, &a))
				fn(fn_arg, &a);
		}
	}
	return ERR_IO;
}

/* --- notifications ---------------------------------------------------------- */

/* Reads more notifications; false if there are none. *lost: the kernel dropped some. */
static bool refill(struct route_nl *nl, bool *lost)
{
	ssize_t n = recv(mnl_socket_get_fd(nl->hear), nl->news, sizeof(nl->news), MSG_DONTWAIT);

	*lost = n < 0 && errno == ENOBUFS;
	nl->news_at = 0;
	nl->news_end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static bool news_of(const struct nlmsghdr *m, struct route_news *out)
{
	memset(out, 0, sizeof(*out));
	switch (m->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		out->kind = ROUTE_NEWS_NEIGHBOUR;
		return parse_neighbour(m, &out->neighbour);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		out->kind = ROUTE_NEWS_LINK;
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		out->kind = ROUTE_NEWS_ADDRESSES;
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		out->kind = ROUTE_NEWS_ROUTES;
		return true;
	default:
		return false;
	}
}

static bool next_news(void *arg, struct route_news *out)
{
	struct route_nl *nl = arg;
	bool lost;

	for (;;) {
		const struct nlmsghdr *m = (const void *)(nl->news + nl->news_at);
		int left = (int)(nl->news_end - nl->news_at);

		if (!mnl_nlmsg_ok(m, left)) {
			if (refill(nl, &lost))
				continue;
			*out = (struct route_news){.kind = ROUTE_NEWS_LOST};
			return lost;
		}
		nl->news_at += MNL_ALIGN(m->nlmsg_len) < (size_t)left ? MNL_ALIGN(m->nlmsg_len)
		                                                      : (size_t)left;
		if (news_of(m, out))
			return true;
	}
}

const struct route_source route_nl_source = {
	.ask_route = ask_route,
	.ask_link = ask_link,
	.ask_neighbour = ask_neighbour,
	.ask_addresses = ask_addresses,
	.next_news = next_news,
};

/* --- life ------------------------------------------------------------------- */

static enum err open_sockets(struct route_nl *nl, struct why *why)
{
	static const int groups[] = {RTNLGRP_LINK,        RTNLGRP_NEIGH,      RTNLGRP_IPV4_ROUTE,
	                             RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,
	                             RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	struct timeval patience = {.tv_usec = ANSWER_MS * 1000};
	int bytes = NEWS_BYTES;

	nl->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	nl->hear = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!nl->ask || !nl->hear || mnl_socket_bind(nl->ask, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_bind(nl->hear, 0, MNL_SOCKET_AUTOPID))
		return why_fail(why, ERR_IO, "cannot open an rtnetlink socket: %s",
		                strerror(errno));
	setsockopt(mnl_socket_get_fd(nl->ask), SOL_SOCKET, SO_RCVTIMEO, &patience,
	           sizeof(patience));
	setsockopt(mnl_socket_get_fd(nl->hear), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(nl->hear, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return why_fail(why, ERR_IO,
			                "cannot subscribe to rtnetlink notifications: %s",
			                strerror(errno));
	}
	return ERR_OK;
}

enum err route_nl_open(struct route_nl **out, struct why *why)
{
	struct route_nl *nl = mem_alloc(sizeof(*nl));
	enum err e;

	if (!nl)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = open_sockets(nl, why);
	if (e) {
		route_nl_close(nl);
		return e;
	}
	*out = nl;
	return ERR_OK;
}

void route_nl_close(struct route_nl *nl)
{
	if (!nl)
		return;
	if (nl->ask)
		mnl_socket_close(nl->ask);
	if (nl->hear)
		mnl_socket_close(nl->hear);
	mem_free(nl);
}

int route_nl_wait_fd(const struct route_nl *nl)
{
	return mnl_socket_get_fd(nl->hear);
}
