/* SPDX-License-Identifier: MIT */
/* Reads and writes addresses, ports and directions of m-lines. */
#include "keyctx/sdp/media.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIELD_MAX = 512 };

/* --- direction -------------------------------------------------------------- */

static const struct {
	const char *name;
	enum sdp_direction reverse;
} directions[] = {
	[SDP_SENDRECV] = {"sendrecv", SDP_SENDRECV},
	[SDP_SENDONLY] = {"sendonly", SDP_RECVONLY},
	[SDP_RECVONLY] = {"recvonly", SDP_SENDONLY},
	[SDP_INACTIVE] = {"inactive", SDP_INACTIVE},
};

const char *sdp_direction_name(enum sdp_direction d)
{
	return directions[d].name;
}

enum sdp_direction sdp_direction_reverse(enum sdp_direction d)
{
	return directions[d].reverse;
}

static bool find_direction(const struct sdp *s, int section, enum sdp_direction *out)
{
	for (const struct sdp_line *l = sdp_next_type(s, section, NULL, 'a'); l;
	     l = sdp_next_type(s, section, l, 'a'))
		for (unsigned i = 0; i < ARRAY_LEN(directions); i++)
			if (str_eq_nocase(str_trim(l->value), str_of(directions[i].name))) {
				*out = (enum sdp_direction)i;
				return true;
			}
	return false;
}

enum sdp_direction sdp_direction_read(const struct sdp *s, unsigned media)
{
	enum sdp_direction d = SDP_SENDRECV;

	if (!find_direction(s, (int)media, &d))
		(void)find_direction(s, SDP_SESSION, &d);
	return d;
}

enum err sdp_direction_write(struct sdp *s, unsigned media, enum sdp_direction d)
{
	for (unsigned i = 0; i < ARRAY_LEN(directions); i++)
		(void)sdp_attr_remove(s, (int)media, directions[i].name);
	return sdp_attr_add(s, (int)media, directions[d].name, (struct str){0});
}

/* --- read lines ------------------------------------------------------------- */

/* Parses "IN IP4 192.0.2.1" of c= and a=rtcp. Takes the address family from the address itself, not
 * from "IP4". Ignores text after the address. */
static enum err parse_address(struct str text, struct addr *out, struct why *why)
{
	struct str net = str_word(&text), family = str_word(&text), host = str_word(&text), suffix;
	struct addr a;

	if (!str_eq_nocase(net, STR("IN")) || !family.n || !host.n)
		return why_fail(why, ERR_SYNTAX,
		                "c= must be \"IN IP4 ADDRESS\" or \"IN IP6 ADDRESS\"");
	host = str_cut(host, '/', &suffix);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_make(host.p + 1, host.n - 2);
	if (addr_parse_ip(host, &a))
		return why_fail(why, ERR_UNSUPPORTED,
		                "\"%.*s\" is not an IP address; host names are not supported",
		                (int)(host.n < 64 ? host.n : 64), host.p);
	if (addr_is_multicast(&a))
		return why_fail(
			why, ERR_UNSUPPORTED,
			"%.*s is a multicast address; media is sent to unicast addresses only",
			(int)(host.n < 64 ? host.n : 64), host.p);
	*out = a;
	return ERR_OK;
}

static enum err read_connection(const struct sdp *s, unsigned media, struct addr *out,
                                struct why *why)
{
	int section = (int)media;
	struct sdp_line *l = sdp_next_type(s, section, NULL, 'c'), *other;

	if (!l) {
		section = SDP_SESSION;
		l = sdp_next_type(s, section, NULL, 'c');
	}
	if (!l)
		return why_fail(
			why, ERR_SYNTAX,
			"no c= line, neither in the m-line nor at session level: the address "
			"is unknown");
	for (other = sdp_next_type(s, section, l, 'c'); other;
	     other = sdp_next_type(s, section, other, 'c'))
		if (!str_eq(str_trim(other->value), str_trim(l->value)))
			return why_fail(
				why, ERR_UNSUPPORTED,
				"several c= lines with different addresses; one is allowed");
	return parse_address(l->value, out, why);
}

/* Reads "a=rtcp:port [IN IP4 address]" (RFC 3605 2.1). Ignores an unreadable port or address, and
 * an address whose family differs from that of RTP. */
static void read_rtcp(const struct sdp *s, unsigned media, struct sdp_transport *t)
{
	struct str value, port;
	struct addr host;
	struct why why;
	uint64_t number;

	t->rtcp = addr_with_port(&t->rtp, t->rtcp_mux ? t->rtp.port : (uint16_t)(t->rtp.port + 1));
	if (!sdp_next_attr(s, (int)media, NULL, "rtcp", &value))
		return;
	port = str_word(&value);
	if (str_to_u64(port, 65535, &number) || number == 0)
		return;
	if (str_trim(value).n && !parse_address(value, &host, &why) &&
	    host.version == t->rtp.version)
		t->rtcp = host;
	t->rtcp.port = (uint16_t)number;
	t->has_rtcp_attr = true;
}

enum err sdp_transport_read(const struct sdp *s, unsigned media, struct sdp_transport *out,
                            struct why *why)
{
	const struct sdp_media *m = &s->media[media];
	struct sdp_transport t = {.direction = sdp_direction_read(s, media)};
	enum err e;

	e = m->fault ? why_fail(why, ERR_SYNTAX, "%s", m->fault)
	             : read_connection(s, media, &t.rtp, why);
	if (e)
		goto out;
	t.rtp.port = m->port;
	t.is_held_by_address = addr_is_any(&t.rtp);
	t.rtcp_mux_only = sdp_has_attr(s, (int)media, "rtcp-mux-only");
	t.rtcp_mux = t.rtcp_mux_only || sdp_has_attr(s, (int)media, "rtcp-mux");
	read_rtcp(s, media, &t);
	if (!t.rtcp.port)
		e = why_fail(
			why, ERR_RANGE,
			"RTP port 65535 leaves no port for RTCP; use a lower port or a=rtcp-mux");
out:
	if (!e)
		*out = t;
	return e;
}

/* --- write lines ------------------------------------------------------------ */

static struct str print_address(const struct addr *a, bool any, char *out, size_t room)
{
	char ip[ADDR_TEXT_MAX];
	int n = snprintf(out, room, "IN IP%u %s", a->version == 6 ? 6 : 4,
	                 any ? (a->version == 6 ? "::" : "0.0.0.0") : addr_print_ip(a, ip));

	return str_make(out, (size_t)n);
}

static enum err write_connection(struct sdp *s, int section, struct str value)
{
	struct sdp_line *l = sdp_next_type(s, section, NULL, 'c');
	struct sdp_line *after;

	for (struct sdp_line *other; l && (other = sdp_next_type(s, section, l, 'c'));)
		sdp_line_remove(other);
	if (l)
		return sdp_line_set(s, l, value);
	/* RFC 8866 5: c= comes after m= and i=. */
	after = sdp_next(s, section, NULL);
	if (sdp_next(s, section, after) && sdp_next(s, section, after)->type == 'i')
		after = sdp_next(s, section, after);
	return sdp_line_add(s, section, after, 'c', value);
}

/* Writes a=rtcp. Replaces an existing line in place, so that the order of lines does not change. */
static enum err write_rtcp(struct sdp *s, int section, const struct sdp_place *place)
{
	struct sdp_line *l = sdp_next_attr(s, section, NULL, "rtcp", NULL), *more;
	char text[ADDR_TEXT_MAX + 32], address[ADDR_TEXT_MAX + 16];
	int n;

	if (addr_is_none(&place->rtcp) || place->rtcp_mux) {
		(void)sdp_attr_remove(s, section, "rtcp");
		return ERR_OK;
	}
	/* Further a=rtcp lines would still name the peer's own address. */
	while (l && (more = sdp_next_attr(s, section, l, "rtcp", NULL)))
		sdp_line_remove(more);
	n = snprintf(text, sizeof(text), "rtcp:%u", place->rtcp.port);
	if (place->full_rtcp || !addr_ip_eq(&place->rtcp, &place->rtp)) {
		struct str at = print_address(&place->rtcp, false, address, sizeof(address));

		n = snprintf(text, sizeof(text), "rtcp:%u %.*s", place->rtcp.port, STR_ARG(at));
	}
	return l ? sdp_line_set(s, l, str_make(text, (size_t)n))
	         : sdp_line_add(s, section, NULL, 'a', str_make(text, (size_t)n));
}

static enum err write_mux(struct sdp *s, int section, bool mux)
{
	if (mux &&
	    (sdp_has_attr(s, section, "rtcp-mux") || sdp_has_attr(s, section, "rtcp-mux-only")))
		return ERR_OK;
	if (mux)
		return sdp_attr_add(s, section, "rtcp-mux", (struct str){0});
	(void)sdp_attr_remove(s, section, "rtcp-mux");
	(void)sdp_attr_remove(s, section, "rtcp-mux-only");
	return ERR_OK;
}

enum err sdp_place_write(struct sdp *s, unsigned media, const struct sdp_place *place,
                         enum sdp_profile profile)
{
	struct str proto = profile == SDP_PROFILE_OTHER ? s->media[media].proto
	                                                : str_of(sdp_profile_name(profile));
	char text[ADDR_TEXT_MAX + 16];
	enum err e;

	e = sdp_media_set(s, media, place->rtp.port, proto);
	if (!e)
		e = write_connection(
			s, (int)media,
			print_address(&place->rtp, place->held_by_address, text, sizeof(text)));
	if (!e)
		e = write_rtcp(s, (int)media, place);
	if (!e)
		e = write_mux(s, (int)media, place->rtcp_mux);
	return e;
}

enum err sdp_session_connection_write(struct sdp *s, const struct addr *addr, uint32_t ours)
{
	struct sdp_line *l = sdp_next_type(s, SDP_SESSION, NULL, 'c');
	char text[ADDR_TEXT_MAX + 16];
	enum err e = ERR_OK;

	if (!l)
		return ERR_OK;
	for (unsigned i = 0; i < s->n_media && !e; i++)
		if (!(ours >> i & 1) && s->media[i].port && !sdp_next_type(s, (int)i, NULL, 'c'))
			e = write_connection(s, (int)i, l->value);
	return e ? e
	         : write_connection(s, SDP_SESSION, print_address(addr, false, text, sizeof(text)));
}

/* The fields of o=<username> <sess-id> <sess-version> <nettype> <addrtype> <address>. */
struct origin {
	struct sdp_line *line;
	struct str field[6];
};

/* Cuts the last word off `*text` and returns it. */
static struct str last_word(struct str *text)
{
	size_t at;

	*text = str_trim(*text);
	at = text->n;
	while (at && text->p[at - 1] != ' ' && text->p[at - 1] != '\t')
		at--;
	struct str word = str_skip(*text, at);

	text->n = at;
	return word;
}

/* Reads the fields of o= from the last to the first: some user names contain blanks, and some lines
 * have no user name. */
static enum err read_origin(const struct sdp *s, struct origin *out)
{
	struct origin o = {.line = sdp_next_type(s, SDP_SESSION, NULL, 'o')};
	struct str rest;

	if (!o.line)
		return ERR_NOT_FOUND;
	rest = o.line->value;
	for (unsigned i = ARRAY_LEN(o.field) - 1; i > 0; i--) {
		o.field[i] = last_word(&rest);
		if (!o.field[i].n || o.field[i].n > FIELD_MAX)
			return ERR_SYNTAX;
	}
	o.field[0] = str_trim(rest);
	if (o.field[0].n > FIELD_MAX)
		return ERR_SYNTAX;
	if (!o.field[0].n)
		o.field[0] = STR("-");
	*out = o;
	return ERR_OK;
}

static enum err write_origin(struct sdp *s, const struct origin *o)
{
	char text[6 * (FIELD_MAX + 1)];
	int n = 0;

	for (unsigned i = 0; i < ARRAY_LEN(o->field); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%.*s", i ? " " : "",
		              STR_ARG(o->field[i]));
	return sdp_line_set(s, o->line, str_make(text, (size_t)n));
}

/* Rewrites an unreadable o= line. Session id and version become a hash of the old text, so that
 * they change when the text changes. */
static enum err write_fresh_origin(struct sdp *s, struct origin *o)
{
	struct sdp_line *l = sdp_next_type(s, SDP_SESSION, NULL, 'o');
	/* Constants of the 64-bit hash FNV-1a. */
	static const uint64_t basis = 14695981039346656037u, prime = 1099511628211u;
	uint64_t number = basis;
	char text[24];

	for (size_t i = 0; i < l->value.n; i++)
		number = (number ^ (uint8_t)l->value.p[i]) * prime;
	snprintf(text, sizeof(text), "%" PRIu64, number >> 2);
	o->line = l;
	o->field[0] = STR("-");
	o->field[1] = o->field[2] = str_of(text);
	o->field[3] = STR("IN");
	return write_origin(s, o);
}

enum err sdp_origin_write(struct sdp *s, const struct addr *addr)
{
	char ip[ADDR_TEXT_MAX];
	struct origin o = {0};
	enum err e = read_origin(s, &o);

	if (e == ERR_NOT_FOUND)
		return e;
	o.field[4] = addr->version == 6 ? STR("IP6") : STR("IP4");
	o.field[5] = str_of(addr_print_ip(addr, ip));
	return e ? write_fresh_origin(s, &o) : write_origin(s, &o);
}

enum err sdp_username_write(struct sdp *s, struct str name)
{
	struct origin o;
	enum err e = read_origin(s, &o);

	if (e)
		return e;
	o.field[0] = name.n ? name : STR("-");
	return write_origin(s, &o);
}

enum err sdp_session_name_write(struct sdp *s, struct str name)
{
	struct sdp_line *l = sdp_next_type(s, SDP_SESSION, NULL, 's');

	return l ? sdp_line_set(s, l, name.n ? name : STR("-")) : ERR_NOT_FOUND;
}

enum err sdp_origin_version(const struct sdp *s, uint64_t *version)
{
	struct origin o;
	enum err e = read_origin(s, &o);

	return e ? e : str_to_u64(o.field[2], UINT64_MAX, version);
}

enum err sdp_origin_version_write(struct sdp *s, uint64_t version)
{
	char text[24];
	struct origin o;
	enum err e = read_origin(s, &o);

	if (e)
		return e;
	o.field[2] = str_make(text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, version));
	return write_origin(s, &o);
}

/* --- ICE, DTLS, groups ------------------------------------------------------ */

static unsigned remove_all(struct sdp *s, int section, const char *const *names, size_t n_names)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_names; i++)
		n += sdp_attr_remove(s, section, names[i]);
	return n;
}

static unsigned sdp_ice_remove(struct sdp *s, int section)
{
	static const char *const names[] = {
		"candidate",    "ice-ufrag",  "ice-pwd",           "ice-options",      "ice-lite",
		"ice-mismatch", "ice-pacing", "end-of-candidates", "remote-candidates"};

	return remove_all(s, section, names, ARRAY_LEN(names));
}

/* The names come from draft-rosenberg-sipping-nat-scenarios (alt), RFC 6947 (altc), RFC 4570
 * (source-filter), RFC 7006 (ccap), and Optimal Media Routing of 3GPP TS 29.079 (the others), which
 * lets media bypass gateways. */
unsigned sdp_ways_remove(struct sdp *s, int section)
{
	static const char *const names[] = {"alt",         "altc",          "source-filter",
	                                    "ccap",        "visited-realm", "secondary-realm",
	                                    "omr-codecs",  "omr-m-att",     "omr-m-bw",
	                                    "omr-m-cksum", "omr-s-att",     "omr-s-bw",
	                                    "omr-s-cksum"};

	return sdp_ice_remove(s, section) + remove_all(s, section, names, ARRAY_LEN(names)) +
	       (section == SDP_SESSION ? sdp_attr_remove(s, section, "rtcp") : 0);
}

unsigned sdp_dtls_remove(struct sdp *s, int section)
{
	static const char *const names[] = {"fingerprint", "setup", "tls-id", "connection"};

	return remove_all(s, section, names, ARRAY_LEN(names));
}

static bool has_word(struct str text, struct str word)
{
	for (struct str w = str_word(&text); w.n; w = str_word(&text))
		if (str_eq(w, word))
			return true;
	return false;
}

static struct sdp_line *next_bundle(const struct sdp *s, const struct sdp_line *after,
                                    struct str *mids)
{
	struct sdp_line *l = sdp_next_attr(s, SDP_SESSION, after, "group", mids);

	while (l && !str_is(str_word(mids), "BUNDLE"))
		l = sdp_next_attr(s, SDP_SESSION, l, "group", mids);
	return l;
}

bool sdp_is_bundled(const struct sdp *s, unsigned media)
{
	struct str mid, mids;

	if (!sdp_next_attr(s, (int)media, NULL, "mid", &mid))
		return false;
	for (struct sdp_line *l = next_bundle(s, NULL, &mids); l; l = next_bundle(s, l, &mids))
		if (has_word(mids, mid))
			return true;
	return false;
}

void sdp_bundle_remove(struct sdp *s)
{
	struct str mids;
	struct sdp_line *l = next_bundle(s, NULL, &mids);

	while (l) {
		sdp_line_remove(l);
		l = next_bundle(s, NULL, &mids);
	}
	for (unsigned i = 0; i < s->n_media; i++)
		(void)sdp_attr_remove(s, (int)i, "bundle-only");
}
