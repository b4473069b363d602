/* SPDX-License-Identifier: MIT */
/* Sends and receives the media of one terminal, with libsrtp2 behind the engine interface. */
#include "cmd/sluice-ue/media.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/party/party.h"

enum {
	RTP_HEADER = 12,
	FRAME_BYTES = 160,
	FRAME_MS = 20,
	RTCP_SR = 200,
	REPORT_MS = 500,
	WINDOW_PKTS = 128,
	PORT_TRIES = 50
};

struct terminal_media {
	struct party_engine engine;
	int fd;
	struct addr local, remote;
	struct party *send, *receive; /* SRTP in each direction; NULL: plain RTP, or no key yet */
	struct party *before;         /* has the previous receive key */
	struct party *next;           /* replaces `send` at media_use_send */
	bool is_ready, is_secure, sending;
	uint32_t ssrc, next_ssrc, peer_ssrc;
	/* packet index of the next frame to send; highest index received */
	uint64_t index, highest;
	bool has_highest;
	uint32_t timestamp;
	uint64_t next_ns, next_report_ns;
	struct media_counts counts;
};

static enum err bind_even(struct terminal_media *m, const struct addr *local, struct why *why)
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
	return why_fail(why, ERR_IO, "cannot open a port for media: %s", strerror(errno));
}

enum err media_open(struct terminal_media **out, const struct addr *local, struct why *why)
{
	struct terminal_media *m = mem_alloc(sizeof(*m));
	uint8_t r[6];
	enum err e;

	if (!m)
		return why_fail(why, ERR_NOMEM, "out of memory");
	m->fd = -1;
	e = bind_even(m, local, why);
	if (!e && prim_random(r, sizeof(r)))
		e = why_fail(why, ERR_CRYPTO, "the random generator failed");
	if (!e)
		/* initializes libsrtp, and runs its self-test */
		e = engine_libsrtp.probe(why);
	if (!e)
		e = party_engine_open(&m->engine, &engine_libsrtp, WINDOW_PKTS, why);
	if (e) {
		media_close(m);
		return e;
	}
	/* Start in the lower half of the sequence numbers, so that they do not wrap before the peer
	 * has received a packet (RFC 4568 6.4). */
	m->index = be16_get(r) & 0x7fff;
	m->timestamp = be32_get(r + 2);
	*out = m;
	return ERR_OK;
}

static void replace(struct party **at, struct party *by)
{
	party_free(*at);
	*at = by;
}

void media_close(struct terminal_media *m)
{
	if (!m)
		return;
	party_free(m->send);
	party_free(m->receive);
	party_free(m->before);
	party_free(m->next);
	party_engine_close(&m->engine);
	if (m->fd >= 0)
		close(m->fd);
	mem_free(m);
}

struct addr media_local(const struct terminal_media *m)
{
	return m->local;
}

int media_fd(const struct terminal_media *m)
{
	return m->fd;
}

enum err media_set_keys(struct terminal_media *m, const struct media_keys *keys, struct why *why)
{
	bool is_secure = keys->send && keys->receive;
	struct party *out = NULL, *in = NULL;
	enum err e = ERR_OK;

	if (is_secure)
		e = party_new(&out, &m->engine, keys->send, ENGINE_SEND, why);
	if (is_secure && !e)
		e = party_new(&in, &m->engine, keys->receive, ENGINE_RECEIVE, why);
	if (e) {
		party_free(out);
		return e;
	}
	replace(&m->before, m->receive);
	m->receive = in;
	replace(&m->next, out);
	m->next_ssrc = keys->ssrc;
	m->peer_ssrc = keys->peer_ssrc;
	m->is_secure = is_secure;
	m->counts.rekeys += m->is_ready;
	m->is_ready = true;
	return ERR_OK;
}

void media_use_send(struct terminal_media *m)
{
	if (m->next_ssrc) {
		m->ssrc = m->next_ssrc;
		m->next_ssrc = 0;
	}
	/* The ROC continues under the new key (RFC 3711 3.3.1). */
	if (!m->next || party_begin(m->next, m->ssrc, (uint32_t)(m->index >> 16)))
		return;
	replace(&m->send, m->next);
	m->next = NULL;
}

void media_set_remote(struct terminal_media *m, const struct addr *remote)
{
	m->remote = *remote;
}

void media_set_sending(struct terminal_media *m, bool on)
{
	m->sending = on;
	m->next_ns = 0;
}

/* Makes pseudo-random audio from SSRC, sequence number and timestamp, so that the receiver can
 * compute the same octets and compare them. */
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

static bool transmit(struct terminal_media *m, struct pkt *p)
{
	struct sockaddr_storage sa;
	uint32_t n = addr_to_sockaddr(&m->remote, &sa);

	/* A call that agreed on SRTP never sends plain RTP. */
	if (m->is_secure && (!m->send || party_protect(m->send, p) != VERDICT_NONE))
		return false;
	return sendto(m->fd, p->data, p->len, 0, (struct sockaddr *)&sa, n) == p->len;
}

static void send_frame(struct terminal_media *m)
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
	/* The index must not be used again, even if the packet can't be sent. */
	m->index++;
	m->timestamp += FRAME_BYTES;
	m->counts.sent++;
	(void)transmit(m, &p);
}

void media_report(struct terminal_media *m)
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

/* Decrypts a packet with one key. If the packet is not authentic, its octets are undefined
 * afterwards. */
static bool unprotect(struct terminal_media *m, struct party *by, struct pkt *p)
{
	uint32_t ssrc = party_ssrc(p);

	if (!by || (m->peer_ssrc && ssrc != m->peer_ssrc))
		return false;
	by->roc = (uint32_t)(m->highest >> 16);
	if (party_unprotect(by, p) != VERDICT_NONE)
		return false;
	m->peer_ssrc = ssrc;
	return true;
}

/* Decrypts a packet with the current receive key, or else with the previous one: packets sent
 * before a key change may still arrive. */
static bool open_packet(struct terminal_media *m, struct pkt *p)
{
	uint8_t kept[PKT_ROOM];
	struct pkt again = *p;

	if (!m->is_secure)
		return true;
	memcpy(kept, p->data, p->len);
	if (unprotect(m, m->receive, p))
		return true;
	memcpy(p->data, kept, again.len);
	*p = again;
	if (!unprotect(m, m->before, p))
		return false;
	m->counts.old_key += p->kind == PKT_RTP;
	return true;
}

static void take_rtp(struct terminal_media *m, const struct pkt *p)
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

/* Counts lost frames: everything that the peer sent before this report should have arrived. If
 * packets were reordered, the next report corrects the count. */
static void take_report(struct terminal_media *m, uint32_t sent)
{
	m->counts.told = sent;
	m->counts.lost = sent > m->counts.received ? sent - m->counts.received : 0;
}

static void take(struct terminal_media *m, uint8_t *data, size_t n)
{
	struct pkt p;

	if (!m->is_ready) {
		m->counts.early++;
		return;
	}
	if (n < RTP_HEADER || !party_packet(&p, data, n, PKT_ROOM) || !open_packet(m, &p)) {
		m->counts.refused++;
		return;
	}
	if (p.kind == PKT_RTP)
		take_rtp(m, &p);
	else if (data[1] == RTCP_SR && p.len >= 28)
		take_report(m, be32_get(data + 20));
}

void media_turn(struct terminal_media *m, uint64_t now_ns)
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

struct media_counts media_get_counts(const struct terminal_media *m)
{
	return m->counts;
}
