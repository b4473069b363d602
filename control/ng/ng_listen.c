/* SPDX-License-Identifier: MIT */
/* Listens for ng requests on one address and port, over UDP and TCP. */
#include "control/ng/ng_listen.h"

#include "base/mem.h"
#include "control/net/udp.h"

struct ng_listen {
	struct ng *proto;
	struct udp *udp;
	struct ng_tcp *tcp;
};

static void send_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	struct ng_listen *n = arg;

	(void)token;
	udp_send(n->udp, to, reply);
}

static void on_datagram(void *arg, const struct addr *from, struct str datagram)
{
	struct ng_listen *n = arg;

	if (!ng_is_media(n->proto, from) && ng_is_allowed(n->proto, from))
		ng_take(n->proto, &(struct ng_origin){.from = *from, .send = send_reply, .arg = n},
		        datagram);
}

enum err ng_listen_new(struct ng_listen **out, struct loop *l, const struct ng_tcp_config *config,
                       struct why *why)
{
	struct ng_listen *n = mem_alloc(sizeof(*n));
	struct ng_tcp_config tcp = *config;
	enum err e;

	if (!n)
		return why_fail(why, ERR_NOMEM, "out of memory");
	n->proto = config->ng;
	e = udp_new(&n->udp, l,
	            &(struct udp_config){.bind = config->bind, .fn = on_datagram, .arg = n}, why);
	if (!e) {
		tcp.bind = udp_local(n->udp);
		e = ng_tcp_new(&n->tcp, l, &tcp, why);
	}
	if (e)
		ng_listen_free(n);
	else
		*out = n;
	return e;
}

void ng_listen_free(struct ng_listen *n)
{
	if (!n)
		return;
	udp_free(n->udp);
	ng_tcp_free(n->tcp);
	mem_free(n);
}

struct addr ng_listen_local(const struct ng_listen *n)
{
	return udp_local(n->udp);
}
