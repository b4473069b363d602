/* SPDX-License-Identifier: MIT */
/* Reads and renames the SSRCs of compound RTCP. */
#include "relay/packet/rtcp.h"

#include "base/bytes.h"
#include "base/err.h"

enum {
	RTCP_SR = 200,
	RTCP_RR,
	RTCP_SDES,
	RTCP_BYE,
	RTCP_APP,
	RTCP_RTPFB,
	RTCP_PSFB,
	RTCP_XR,
	RTCP_TYPE_MIN = 192,
	RTCP_TYPE_MAX = 223,
	REPORT_BLOCK_LEN = 24,
	SENDER_INFO_LEN = 20,
};

/* One packet of a compound RTCP packet. Its fixed header is inside the buffer. */
struct packet {
	uint8_t count; /* number of reports or chunks, or the format of the feedback */
	uint8_t type;
	uint8_t *body; /* starts after the first four octets */
	size_t n;      /* octets of the body, without padding */
};

static uint32_t kept(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ssrc;
}

/* A function of struct rtcp_names with its argument. */
struct renamer {
	uint32_t (*name)(void *arg, uint32_t ssrc);
	void *arg;
};

static struct renamer sources(const struct rtcp_names *names)
{
	return (struct renamer){.name = names->source, .arg = names->arg};
}

static struct renamer targets(const struct rtcp_names *names)
{
	return (struct renamer){.name = names->target, .arg = names->arg};
}

/* Renames the SSRC at `p`; writes only if the SSRC changes. */
static void rename_at(uint8_t *p, struct renamer r)
{
	uint32_t was = be32_get(p), is = r.name(r.arg, was);

	if (is != was)
		be32_put(p, is);
}

/* Renames the SSRC at the start of each entry of `each` octets, for at most `most` entries that are
 * complete within `n` octets. */
static void rename_each(uint8_t *p, size_t n, size_t each, size_t most, struct renamer r)
{
	for (size_t i = 0; i < most && (i + 1) * each <= n; i++)
		rename_at(p + i * each, r);
}

static void reports(const struct packet *k, size_t skip, const struct rtcp_names *names)
{
	if (k->n > skip)
		rename_each(k->body + skip, k->n - skip, REPORT_BLOCK_LEN, k->count,
		            targets(names));
}

static void sr(const struct packet *k, const struct rtcp_names *names)
{
	rename_each(k->body, k->n, 4, 1, sources(names));
	reports(k, 4 + SENDER_INFO_LEN, names);
}

static void rr(const struct packet *k, const struct rtcp_names *names)
{
	rename_each(k->body, k->n, 4, 1, sources(names));
	reports(k, 4, names);
}

/* Chunks: SSRC, items of type, length and text, a zero octet, padding to a multiple of four
 * (RFC 3550 6.5). */
static void sdes(const struct packet *k, const struct rtcp_names *names)
{
	size_t at = 0;

	for (unsigned chunk = 0; chunk < k->count && at + 4 <= k->n; chunk++) {
		rename_at(k->body + at, sources(names));
		at += 4;
		while (at < k->n && k->body[at] != 0) {
			if (at + 2 > k->n)
				return;
			at += 2 + (size_t)k->body[at + 1];
		}
		at = (at + 4) & ~(size_t)3;
	}
}

static void bye(const struct packet *k, const struct rtcp_names *names)
{
	rename_each(k->body, k->n, 4, k->count, sources(names));
}

static void app(const struct packet *k, const struct rtcp_names *names)
{
	rename_each(k->body, k->n, 4, 1, sources(names));
}

/* SSRC of the sender, then SSRC of the media source; zero there means no source (RFC 4585 6.1, RFC
 * 5104 4.2.1.2). */
static void feedback(const struct packet *k, const struct rtcp_names *names)
{
	rename_each(k->body, k->n, 4, 1, sources(names));
	if (k->n >= 8 && be32_get(k->body + 4) != 0)
		rename_at(k->body + 4, targets(names));
}

static void rtpfb(const struct packet *k, const struct rtcp_names *names)
{
	feedback(k, names);
	/* The entries of TMMBR and TMMBN are an SSRC and a bit rate (RFC 5104 4.2.1, 4.2.2). */
	if ((k->count == 3 || k->count == 4) && k->n > 8)
		rename_each(k->body + 8, k->n - 8, 8, k->n, targets(names));
}

/* The entries of an H.271 back channel: SSRC, sequence number, type, length, and the message padded
 * to a multiple of four (RFC 5104 4.3.4). */
static void vbcm(uint8_t *p, size_t n, const struct rtcp_names *names)
{
	size_t at = 0;

	while (at + 8 <= n) {
		rename_at(p + at, targets(names));
		at += 8 + (((size_t)be16_get(p + at + 6) + 3) & ~(size_t)3);
	}
}

/* A REMB message: "REMB", number of SSRCs, bit rate, SSRCs. It is application layer feedback, not
 * defined in any RFC. */
static void remb(uint8_t *p, size_t n, const struct rtcp_names *names)
{
	static const uint8_t mark[4] = {'R', 'E', 'M', 'B'};

	if (n >= 8 && memcmp(p, mark, sizeof(mark)) == 0)
		rename_each(p + 8, n - 8, 4, p[4], targets(names));
}

static void psfb(const struct packet *k, const struct rtcp_names *names)
{
	uint8_t *entries = k->body + 8;
	size_t n = k->n > 8 ? k->n - 8 : 0;

	feedback(k, names);
	switch (k->count) {
	case 4:
	case 5:
	case 6: /* FIR, TSTR, TSTN */
		rename_each(entries, n, 8, n, targets(names));
		break;
	case 7:
		vbcm(entries, n, names);
		break;
	case 15:
		remb(entries, n, names);
		break;
	}
}

/* Report blocks: type, type-specific octet, length in words (RFC 3611 4). */
static void xr(const struct packet *k, const struct rtcp_names *names)
{
	size_t at = 4, len;

	rename_each(k->body, k->n, 4, 1, sources(names));
	for (; at + 4 <= k->n; at += len) {
		uint8_t *block = k->body + at;

		len = 4 + (size_t)be16_get(block + 2) * 4;
		if (at + len > k->n)
			return;
		switch (block[0]) {
		case 1:
		case 2:
		case 3:
		case 6:
		case 7: /* loss, duplicates, receipt times, statistics summary, VoIP metrics */
			rename_each(block + 4, len - 4, 4, 1, targets(names));
			break;
		case 5: /* DLRR */
			rename_each(block + 4, len - 4, 12, len, targets(names));
			break;
		}
	}
}

typedef void packet_fn(const struct packet *k, const struct rtcp_names *names);

static packet_fn *const renamers[] = {
	[RTCP_SR - RTCP_SR] = sr,     [RTCP_RR - RTCP_SR] = rr,   [RTCP_SDES - RTCP_SR] = sdes,
	[RTCP_BYE - RTCP_SR] = bye,   [RTCP_APP - RTCP_SR] = app, [RTCP_RTPFB - RTCP_SR] = rtpfb,
	[RTCP_PSFB - RTCP_SR] = psfb, [RTCP_XR - RTCP_SR] = xr,
};

/* Parses the packet at `p`. Returns its length in octets with padding; 0 if it is not complete
 * within `n` octets. An impossible padding (RFC 3550 6.4.1) is read as no padding. */
static size_t next_packet(const uint8_t *p, size_t n, struct packet *k)
{
	size_t len, padding = 0;

	if (n < 4 || p[0] >> 6 != 2)
		return 0;
	len = 4 + (size_t)be16_get(p + 2) * 4;
	if (len > n)
		return 0;
	if (p[0] & 0x20 && len == n && p[len - 1] % 4 == 0 && p[len - 1] <= len - 4)
		padding = p[len - 1];
	*k = (struct packet){
		.count = p[0] & 0x1f,
		.type = p[1],
		.body = (uint8_t *)(uintptr_t)p + 4,
		.n = len - 4 - padding,
	};
	return len;
}

bool rtcp_has_sender(const uint8_t *p, size_t n)
{
	/* A packet that is only one word long has no room for the sender's SSRC. */
	return n >= 8 && p[0] >> 6 == 2 && be16_get(p + 2) != 0;
}

static bool is_type(uint8_t type)
{
	return type >= RTCP_TYPE_MIN && type <= RTCP_TYPE_MAX;
}

bool rtcp_fills(const uint8_t *p, size_t n)
{
	struct packet k;

	if (!rtcp_has_sender(p, n))
		return false;
	for (size_t at = 0, len; at < n; at += len) {
		len = next_packet(p + at, n - at, &k);
		if (len == 0 || !is_type(k.type))
			return false;
	}
	return true;
}

bool srtcp_may_fill(const uint8_t *p, size_t n)
{
	enum { INDEX_LEN = 4, TAG_MIN = 4 };

	return rtcp_has_sender(p, n) && is_type(p[1]) &&
	       4 + (size_t)be16_get(p + 2) * 4 + INDEX_LEN + TAG_MIN <= n;
}

void rtcp_rename(uint8_t *p, size_t n, const struct rtcp_names *wanted)
{
	struct rtcp_names names = *wanted;
	struct packet k;

	if (!names.source)
		names.source = kept;
	if (!names.target)
		names.target = kept;
	for (size_t at = 0, len; at < n; at += len) {
		len = next_packet(p + at, n - at, &k);
		if (len == 0)
			return;
		if (k.type >= RTCP_SR && (size_t)(k.type - RTCP_SR) < ARRAY_LEN(renamers))
			renamers[k.type - RTCP_SR](&k, &names);
	}
}
