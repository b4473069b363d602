/* SPDX-License-Identifier: MIT */
/* SRTP of one terminal, with libsrtp2 behind the engine interface. */
#include "cmd/sluice-ue/media.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/engine/engine.h"

enum {
	RTP_HEADER = 12,
	FRAME_BYTES = 160,
	FRAME_MS = 20,
	RTCP_SR = 200,
	REPORT_MS = 500,
	WINDOW = 128,
	PORT_TRIES = 50
};

/* One key in one direction, and the one stream under it. */
struct flow {
	struct engine_key *key;
	struct engine_stream *stream;
	bool begun;
};

struct ue_media {
	const struct engine_ops *ops;
	struct engine *engine;
	int fd;
	struct addr local, remote;
	struct flow send, receive;
	struct flow before; /* the receive key until the last change */
	struct flow next;   /* what is sent with from media_use_send on */
	bool is_ready, is_secure, sending;
	uint32_t ssrc, next_ssrc, peer_ssrc;
	uint64_t index, highest; /* of the next frame to send; of the peer's latest */
	bool has_highest;
	uint32_t timestamp;
	uint64_t next_ns, next_report_ns;
	struct media_counts counts;
};

static enum err bind_even(struct ue_media *m, const struct addr *local, struct why *why)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct sockaddr_storage sa;
		socklen_t n = addr_to_sockaddr(local, &sa), room = sizeof(sa);

		m->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&sa, n) ||
		    getsockname(m->fd, (struct sockaddr *)&sa, &room) ||
		    addr_from_sockaddr((struct sockaddr *)&sa, &m->local))
			break;
		if (m->local.port % 2 == 0)
			return ERR_OK;
		close(m->fd);
		m->fd = -1;
	}
	return why_fail(why, ERR_IO, "no port for media: %s", strerror(errno));
}

enum err media_open(struct ue_media **out, const struct addr *local, struct why *why)
{
	struct ue_media *m = mem_alloc(sizeof(*m));
	uint8_t r[6];
	enum err e;

	if (!m)
		return why_fail(why, ERR_NOMEM, "out of memory");
	m->fd = -1;
	m->ops = &engine_libsrtp;
	e = bind_even(m, local, why);
	if (!e && prim_random(r, sizeof(r)))
		e = why_fail(why, ERR_CRYPTO, "no random octets");
	if (!e)
		e = m->ops->probe(why); /* its self-test; it also wakes the library */
	if (!e)
		e = m->ops->open(&m->engine, why);
	if (e) {
		media_close(m);
		return e;
	}
	m->index = be16_get(r) & 0x7fff; /* the first half of the space: no wrap before the peer
	                                    knows us (RFC 4568 6.4) */
	m->timestamp = be32_get(r + 2);
	*out = m;
	return ERR_OK;
}

static void drop_flow(struct ue_media *m, struct flow *f)
{
	if (f->begun)
		m->ops->stream_fini(f->stream);
	if (f->key)
		m->ops->key_free(f->key);
	mem_free(f->stream);
	*f = (struct flow){0};
}

void media_close(struct ue_media *m)
{
	if (!m)
		return;
	drop_flow(m, &m->send);
	drop_flow(m, &m->receive);
	drop_flow(m, &m->before);
	drop_flow(m, &m->next);
	if (m->engine)
		m->ops->close(m->engine);
	if (m->fd >= 0)
		close(m->fd);
	mem_free(m);
}

struct addr media_local(const struct ue_media *m)
{
	return m->local;
}

int media_fd(const struct ue_media *m)
{
	return m->fd;
}

static enum err make_flow(struct ue_media *m, struct flow *f, const struct keyctx *key,
                          enum engine_direction direction, struct why *why)
{
	f->stream = mem_aligned(64, m->ops->stream_bytes);
	if (!f->stream)
		return why_fail(why, ERR_NOMEM, "out of memory");
	return m->ops->key_new(&f->key, key, direction, WINDOW, why);
}

/* The stream of an SSRC under the flow's key, with the ROC where the packets are. */
static enum err begin(struct ue_media *m, struct flow *f, uint32_t ssrc, uint64_t index)
{
	struct engine_stream_state start = {.roc = (uint32_t)(index >> 16)};
	enum err e = m->ops->stream_init(f->stream, f->key, ssrc, &start);

	f->begun = !e;
	return e;
}

enum err media_set_keys(struct ue_media *m, const struct keyctx *send, uint32_t ssrc,
                        const struct keyctx *receive, uint32_t peer_ssrc, struct why *why)
{
	struct flow out = {0}, in = {0};
	enum err e = ERR_OK;

	if (send && receive) {
		e = make_flow(m, &out, send, ENGINE_SEND, why);
		if (!e)
			e = make_flow(m, &in, receive, ENGINE_RECEIVE, why);
	}
	if (e) {
		drop_flow(m, &out);
		drop_flow(m, &in);
		return e;
	}
	drop_flow(m, &m->before);
	drop_flow(m, &m->next);
	m->before = m->receive;
	m->receive = in;
	m->next = out;
	m->next_ssrc = ssrc;
	m->peer_ssrc = peer_ssrc;
	m->is_secure = send && receive;
	m->counts.rekeys += m->is_ready;
	m->is_ready = true;
	return ERR_OK;
}

void media_use_send(struct ue_media *m)
{
	if (m->next_ssrc) {
		m->ssrc = m->next_ssrc;
		m->next_ssrc = 0;
	}
	if (!m->next.key || begin(m, &m->next, m->ssrc, m->index))
		return;
	drop_flow(m, &m->send);
	m->send = m->next;
	m->next = (struct flow){0};
}

void media_set_remote(struct ue_media *m, const struct addr *remote)
{
	m->remote = *remote;
}

void media_set_sending(struct ue_media *m, bool on)
{
	m->sending = on;
	m->next_ns = 0;
}

uint64_t media_next_ns(const struct ue_media *m)
{
	return m->sending ? m->next_ns : UINT64_MAX;
}

/* Audio that its receiver can make again from what the header says: noise from SSRC, sequence
 * number and timestamp. */
static void make_frame(uint8_t out[FRAME_BYTES], uint32_t ssrc, uint16_t seq, uint32_t timestamp)
{
	uint64_t x = (uint64_t)ssrc << 32 ^ (uint64_t)seq << 16 ^ timestamp;

	for (unsigned i = 0; i < FRAME_BYTES; i += 8) {
		uint64_t z = x += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		be32_put(out + i, (uint32_t)(z >> 32));
		be32_put(out + i + 4, (uint32_t)z);
	}
}

static bool transmit(struct ue_media *m, struct pkt *p)
{
	struct sockaddr_storage sa;
	uint32_t n = addr_to_sockaddr(&m->remote, &sa);
	struct pkt *batch[1] = {p};

	/* Never in clear what was agreed otherwise. */
	if (m->is_secure && !m->send.key)
		return false;
	if (m->is_secure) {
		p->key = m->send.key;
		p->crypto = m->send.stream;
		m->ops->protect(m->engine, batch, 1);
	}
	return p->verdict == VERDICT_NONE &&
	       sendto(m->fd, p->data, p->len, 0, (struct sockaddr *)&sa, n) == p->len;
}

static void send_frame(struct ue_media *m)
{
	uint8_t room[PKT_ROOM];
	struct wr w = wr_make(room, sizeof(room));
	struct pkt p = {.data = room, .kind = PKT_RTP, .header_len = RTP_HEADER, .index = m->index};

	wr_u16(&w, 0x8000);
	wr_u16(&w, (uint16_t)m->index);
	wr_u32(&w, m->timestamp);
	wr_u32(&w, m->ssrc);
	make_frame(room + RTP_HEADER, m->ssrc, (uint16_t)m->index, m->timestamp);
	p.len = RTP_HEADER + FRAME_BYTES;
	p.tailroom = (uint16_t)(sizeof(room) - p.len);
	/* The index is used up whether or not the network takes the packet. */
	m->index++;
	m->timestamp += FRAME_BYTES;
	m->counts.sent++;
	(void)transmit(m, &p);
}

void media_report(struct ue_media *m)
{
	uint8_t room[PKT_ROOM];
	struct wr w = wr_make(room, sizeof(room));
	struct pkt p = {.data = room, .kind = PKT_RTCP, .header_len = 8};

	if (!m->remote.version || !m->is_ready)
		return;
	wr_u8(&w, 0x80);
	wr_u8(&w, RTCP_SR);
	wr_u16(&w, 6);
	wr_u32(&w, m->ssrc);
	wr_u64(&w, clk_wall_to_ntp(clk_wall_ns()));
	wr_u32(&w, m->timestamp);
	wr_u32(&w, (uint32_t)m->counts.sent);
	wr_u32(&w, (uint32_t)(m->counts.sent * FRAME_BYTES));
	p.len = (uint16_t)wr_len(&w);
	p.tailroom = (uint16_t)(sizeof(room) - p.len);
	(void)transmit(m, &p);
}

/* With one flow's key; what is not authentic leaves the octets in `data` as they may be. */
static bool unprotect(struct ue_media *m, struct flow *f, struct pkt *p, uint32_t ssrc)
{
	struct pkt *batch[1] = {p};

	if (!f->key || (m->peer_ssrc && ssrc != m->peer_ssrc))
		return false;
	if (!f->begun && begin(m, f, ssrc, m->highest))
		return false;
	p->verdict = VERDICT_NONE;
	p->key = f->key;
	p->crypto = f->stream;
	m->ops->unprotect(m->engine, batch, 1);
	if (p->verdict == VERDICT_NONE)
		m->peer_ssrc = ssrc;
	return p->verdict == VERDICT_NONE;
}

/* The key in force, else the one before it: packets on their way at a change. */
static bool open_packet(struct ue_media *m, struct pkt *p, uint32_t ssrc)
{
	uint8_t kept[PKT_ROOM];
	struct pkt again = *p;

	if (!m->is_secure)
		return true;
	memcpy(kept, p->data, p->len);
	if (unprotect(m, &m->receive, p, ssrc))
		return true;
	memcpy(p->data, kept, again.len);
	*p = again;
	if (!unprotect(m, &m->before, p, ssrc))
		return false;
	m->counts.old_key += p->kind == PKT_RTP;
	return true;
}

static void take_rtp(struct ue_media *m, const struct pkt *p)
{
	uint8_t want[FRAME_BYTES];

	m->counts.received++;
	if (!m->has_highest || p->index > m->highest)
		m->highest = p->index;
	m->has_highest = true;
	make_frame(want, be32_get(p->data + 8), be16_get(p->data + 2), be32_get(p->data + 4));
	m->counts.verified += p->len == RTP_HEADER + FRAME_BYTES &&
	                      !memcmp(p->data + RTP_HEADER, want, FRAME_BYTES);
}

/* What the peer had sent then should be here: the way keeps the order, or else the next report puts
 * it right. */
static void take_report(struct ue_media *m, uint32_t sent)
{
	m->counts.told = sent;
	m->counts.lost = sent > m->counts.received ? sent - m->counts.received : 0;
}

static void take(struct ue_media *m, uint8_t *data, size_t n)
{
	bool is_rtcp = n >= 2 && data[1] >= 192 && data[1] <= 223; /* RFC 5761 4 */
	struct pkt p = {.data = data,
	                .len = (uint16_t)n,
	                .tailroom = (uint16_t)(PKT_ROOM - n),
	                .kind = is_rtcp ? PKT_RTCP : PKT_RTP,
	                .header_len = is_rtcp ? 8 : RTP_HEADER};

	if (!m->is_ready) {
		m->counts.early++;
		return;
	}
	if (n < RTP_HEADER || n > PKT_ROOM || (data[0] & 0xc0) != 0x80 ||
	    !open_packet(m, &p, be32_get(data + (is_rtcp ? 4 : 8)))) {
		m->counts.refused++;
		return;
	}
	if (!is_rtcp)
		take_rtp(m, &p);
	else if (data[1] == RTCP_SR && p.len >= 28)
		take_report(m, be32_get(data + 20));
}

void media_turn(struct ue_media *m, uint64_t now_ns)
{
	uint8_t room[PKT_ROOM];
	ssize_t n;

	while ((n = recv(m->fd, room, sizeof(room), 0)) >= 0)
		take(m, room, (size_t)n);
	if (now_ns >= m->next_report_ns) {
		m->next_report_ns = now_ns + REPORT_MS * NS_PER_MS;
		media_report(m);
	}
	if (!m->sending || !m->remote.version)
		return;
	if (!m->next_ns)
		m->next_ns = now_ns;
	while (m->next_ns <= now_ns) {
		send_frame(m);
		m->next_ns += FRAME_MS * NS_PER_MS;
	}
}

struct media_counts media_get_counts(const struct ue_media *m)
{
	return m->counts;
}
