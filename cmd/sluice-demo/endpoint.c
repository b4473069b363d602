/* SPDX-License-Identifier: MIT */
/* One end of the demo call. */
#include "cmd/sluice-demo/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/party/party.h"

enum {
	RTP_HEADER = 12,
	PAYLOAD_TYPE_PCMU = 0,
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	PORT_TRIES = 50,
	WINDOW_PKTS = 128,
};

struct endpoint {
	const char *name;
	const struct audio *plays;
	const struct endpoint *peer;
	struct party_engine engine;
	struct party *send, *receive; /* SRTP in each direction; NULL: plain RTP */
	bool rtcp_mux;
	int fd_rtp, fd_rtcp; /* the same descriptor with rtcp_mux */
	struct addr local, to_rtp, to_rtcp;

	uint32_t ssrc, first_timestamp;
	uint16_t first_seq;
	uint64_t frames_sent;

	struct endpoint_counts counts;
	uint64_t highest; /* highest frame number received from the peer, counted from 0 */
	uint64_t last_transit;
	double jitter;           /* interarrival jitter in timestamp units */
	uint32_t last_sr_middle; /* LSR: middle 32 bits of the NTP time in the peer's last report */
	uint64_t last_sr_ns;
};

static enum err open_socket(int *out, const struct addr *local)
{
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(local, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ERR_IO;
	if (bind(fd, (struct sockaddr *)&sa, len)) {
		close(fd);
		return ERR_IO;
	}
	*out = fd;
	return ERR_OK;
}

static struct addr bound_address(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr a = {0};

	if (getsockname(fd, (struct sockaddr *)&sa, &len) ||
	    addr_from_sockaddr((struct sockaddr *)&sa, &a))
		a.version = 0;
	return a;
}

/* Opens one port with rtcp-mux. Otherwise opens an even port for RTP, and the odd port above it for
 * RTCP (RFC 3550 11). */
static enum err open_ports(struct endpoint *e, const struct addr *local)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct addr next;

		if (open_socket(&e->fd_rtp, local))
			return ERR_IO;
		e->local = bound_address(e->fd_rtp);
		next = addr_with_port(&e->local, (uint16_t)(e->local.port + 1));
		if (e->rtcp_mux) {
			e->fd_rtcp = e->fd_rtp;
			return ERR_OK;
		}
		if (e->local.port % 2 == 0 && !open_socket(&e->fd_rtcp, &next))
			return ERR_OK;
		close(e->fd_rtp);
		e->fd_rtp = -1;
	}
	return ERR_IO;
}

static enum err open_parties(struct endpoint *e, const struct endpoint_config *config,
                             struct why *why)
{
	/* initializes libsrtp, and runs its self-test */
	enum err err = engine_libsrtp.probe(why);

	if (!err)
		err = party_engine_open(&e->engine, &engine_libsrtp, WINDOW_PKTS, why);
	if (!err && config->send)
		err = party_new(&e->send, &e->engine, config->send, ENGINE_SEND, why);
	if (!err && config->receive)
		err = party_new(&e->receive, &e->engine, config->receive, ENGINE_RECEIVE, why);
	return err;
}

static enum err choose_numbers(struct endpoint *e)
{
	uint8_t r[10];
	enum err err = prim_random(r, sizeof(r));

	if (err)
		return err;
	e->ssrc = be32_get(r);
	e->first_timestamp = be32_get(r + 4);
	/* start in the lower half of the sequence numbers (RFC 4568 6.4) */
	e->first_seq = be16_get(r + 8) & 0x7fff;
	return ERR_OK;
}

enum err endpoint_open(struct endpoint **out, const struct endpoint_config *config, struct why *why)
{
	struct endpoint *e = mem_alloc(sizeof(*e));
	enum err err;

	if (!e)
		return why_fail(why, ERR_NOMEM, "no memory for an endpoint");
	e->name = config->name;
	e->plays = config->plays;
	e->rtcp_mux = config->rtcp_mux;
	e->fd_rtp = e->fd_rtcp = -1;
	err = open_ports(e, &config->local);
	if (err)
		why_fail(why, err, "%s: cannot open its ports: %s", e->name, strerror(errno));
	if (!err)
		err = choose_numbers(e);
	if (!err && (config->send || config->receive))
		err = open_parties(e, config, why);
	if (err) {
		endpoint_close(e);
		return err;
	}
	*out = e;
	return ERR_OK;
}

void endpoint_close(struct endpoint *e)
{
	if (!e)
		return;
	party_free(e->send);
	party_free(e->receive);
	party_engine_close(&e->engine);
	if (e->fd_rtcp >= 0 && e->fd_rtcp != e->fd_rtp)
		close(e->fd_rtcp);
	if (e->fd_rtp >= 0)
		close(e->fd_rtp);
	mem_free(e);
}

struct addr endpoint_local(const struct endpoint *e)
{
	return e->local;
}

void endpoint_connect(struct endpoint *e, const struct addr *rtp, const struct addr *rtcp,
                      const struct endpoint *peer)
{
	e->to_rtp = *rtp;
	e->to_rtcp = *rtcp;
	e->peer = peer;
}

unsigned endpoint_fds(const struct endpoint *e, int fds[2])
{
	fds[0] = e->fd_rtp;
	fds[1] = e->fd_rtcp;
	return e->rtcp_mux ? 1 : 2;
}

static void transmit(struct endpoint *e, struct pkt *p)
{
	const struct addr *to = p->kind == PKT_RTP ? &e->to_rtp : &e->to_rtcp;
	int fd = p->kind == PKT_RTP ? e->fd_rtp : e->fd_rtcp;
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(to, &sa);

	if (!e->send || party_protect(e->send, p) == VERDICT_NONE)
		(void)sendto(fd, p->data, p->len, 0, (struct sockaddr *)&sa, len);
}

void endpoint_send_frame(struct endpoint *e)
{
	uint8_t room[PKT_ROOM];
	uint64_t n = e->frames_sent++;
	struct wr w = wr_make(room, sizeof(room));
	struct pkt p = {
		.data = room, .kind = PKT_RTP, .header_len = RTP_HEADER, .index = e->first_seq + n};

	wr_u8(&w, 0x80);
	wr_u8(&w, PAYLOAD_TYPE_PCMU | (n == 0 ? 0x80 : 0));
	wr_u16(&w, (uint16_t)(e->first_seq + n));
	wr_u32(&w, (uint32_t)(e->first_timestamp + n * AUDIO_FRAME_BYTES));
	wr_u32(&w, e->ssrc);
	wr_octets(&w, audio_frame(e->plays, n), AUDIO_FRAME_BYTES);
	p.len = (uint16_t)wr_len(&w);
	p.tailroom = (uint16_t)(sizeof(room) - p.len);
	e->counts.sent++;
	transmit(e, &p);
}

static void write_report_block(struct endpoint *e, struct wr *w, uint64_t now_ns)
{
	uint64_t delay = e->last_sr_ns ? (now_ns - e->last_sr_ns) * 65536 / NS_PER_S : 0;

	wr_u32(w, e->peer->ssrc);
	wr_u8(w, 0);
	wr_u24(w, (uint32_t)e->counts.lost);
	wr_u32(w, (uint32_t)(e->peer->first_seq + e->highest));
	wr_u32(w, (uint32_t)e->jitter);
	wr_u32(w, e->last_sr_middle);
	wr_u32(w, (uint32_t)delay);
}

void endpoint_send_report(struct endpoint *e, uint64_t now_ns)
{
	uint8_t room[PKT_ROOM];
	struct wr w = wr_make(room, sizeof(room));
	struct pkt p = {.data = room, .kind = PKT_RTCP, .header_len = 8};
	bool has_block = e->counts.received > 0;
	size_t name_len = strlen(e->name), sdes_len;

	wr_u8(&w, 0x80 | has_block);
	wr_u8(&w, RTCP_SR);
	wr_u16(&w, has_block ? 12 : 6);
	wr_u32(&w, e->ssrc);
	/* a monotonic time is enough to measure the round trip */
	wr_u64(&w, clk_wall_to_ntp(now_ns));
	wr_u32(&w, (uint32_t)(e->first_timestamp + e->frames_sent * AUDIO_FRAME_BYTES));
	wr_u32(&w, (uint32_t)e->frames_sent);
	wr_u32(&w, (uint32_t)(e->frames_sent * AUDIO_FRAME_BYTES));
	if (has_block)
		write_report_block(e, &w, now_ns);
	sdes_len = (4 + 2 + name_len + 1 + 3) / 4 * 4;
	wr_u8(&w, 0x81);
	wr_u8(&w, RTCP_SDES);
	wr_u16(&w, (uint16_t)(sdes_len / 4));
	wr_u32(&w, e->ssrc);
	wr_u8(&w, 1); /* the item is a CNAME */
	wr_u8(&w, (uint8_t)name_len);
	wr_octets(&w, e->name, name_len);
	for (size_t at = 4 + 2 + name_len; at < sdes_len; at++)
		wr_u8(&w, 0);
	p.len = (uint16_t)wr_len(&w);
	p.tailroom = (uint16_t)(sizeof(room) - p.len);
	transmit(e, &p);
}

static void take_rtp(struct endpoint *e, const struct pkt *p, uint64_t now_ns)
{
	const struct endpoint *peer = e->peer;
	uint16_t seq = be16_get(p->data + 2);
	uint32_t timestamp = be32_get(p->data + 4);
	/* Extends the sequence number to the frame number that is nearest to the highest so far. */
	uint64_t n = e->highest +
	             (uint64_t)(int64_t)(int16_t)(uint16_t)(seq - peer->first_seq - e->highest);
	uint64_t transit = now_ns * 8000 / NS_PER_S - n * AUDIO_FRAME_BYTES;

	e->counts.received++;
	if (be32_get(p->data + 8) != peer->ssrc ||
	    timestamp != (uint32_t)(peer->first_timestamp + n * AUDIO_FRAME_BYTES) ||
	    p->len != RTP_HEADER + AUDIO_FRAME_BYTES ||
	    memcmp(p->data + RTP_HEADER, audio_frame(peer->plays, n), AUDIO_FRAME_BYTES) != 0) {
		e->counts.wrong++;
		return;
	}
	if (n > e->highest)
		e->highest = n;
	e->counts.lost =
		e->highest + 1 > e->counts.received ? e->highest + 1 - e->counts.received : 0;
	if (e->last_transit) {
		int64_t d = (int64_t)(transit - e->last_transit);

		e->jitter += ((double)(d < 0 ? -d : d) - e->jitter) / 16;
	}
	e->last_transit = transit;
}

/* Computes the round trip (RFC 3550 6.4.1): now - send time of our report (LSR) - delay at the peer
 * (DLSR). */
static void take_block(struct endpoint *e, struct rd *r, uint64_t now_ns)
{
	uint32_t lsr, dlsr, now = (uint32_t)(clk_wall_to_ntp(now_ns) >> 16);

	rd_skip(r, 16);
	lsr = rd_u32(r);
	dlsr = rd_u32(r);
	if (rd_ok(r) && lsr)
		e->counts.round_trip_ms = (double)(now - lsr - dlsr) * 1000 / 65536;
}

static void take_rtcp(struct endpoint *e, const struct pkt *p, uint64_t now_ns)
{
	struct rd r = rd_make(p->data, p->len);
	unsigned blocks = rd_u8(&r) & 31, type = rd_u8(&r);

	rd_skip(&r, 2);
	if (rd_u32(&r) != e->peer->ssrc) {
		e->counts.wrong++;
		return;
	}
	e->counts.rtcp_received++;
	if (type == RTCP_SR) {
		e->last_sr_middle = (uint32_t)(rd_u64(&r) >> 16);
		e->last_sr_ns = now_ns;
		rd_skip(&r, 12);
	}
	if (blocks && (type == RTCP_SR || type == RTCP_RR))
		take_block(e, &r, now_ns);
}

static void take(struct endpoint *e, uint8_t *data, size_t n, uint64_t now_ns)
{
	struct pkt p;

	if (n < RTP_HEADER || !party_packet(&p, data, n, PKT_ROOM) ||
	    (e->receive && party_unprotect(e->receive, &p) != VERDICT_NONE)) {
		e->counts.refused++;
		return;
	}
	if (p.kind == PKT_RTCP)
		take_rtcp(e, &p, now_ns);
	else
		take_rtp(e, &p, now_ns);
}

void endpoint_receive(struct endpoint *e, uint64_t now_ns)
{
	int fds[2];
	unsigned n_fds = endpoint_fds(e, fds);

	for (unsigned i = 0; i < n_fds; i++) {
		uint8_t room[PKT_ROOM];
		ssize_t n;

		while ((n = recv(fds[i], room, sizeof(room), 0)) >= 0)
			take(e, room, (size_t)n, now_ns);
	}
}

struct endpoint_counts endpoint_get_counts(const struct endpoint *e)
{
	struct endpoint_counts c = e->counts;

	c.jitter_ms = e->jitter / 8;
	return c;
}
