/* SPDX-License-Identifier: MIT */
/* Transport addresses. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void unmap(struct addr *a)
{
	if (a->version != 6 || memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	memmove(a->ip, a->ip + 12, 4);
	memset(a->ip + 4, 0, 12);
	a->version = 4;
	a->scope = 0;
}

static enum err parse_scope(struct str zone, uint32_t *out)
{
	char name[IF_NAMESIZE];
	uint64_t number;

	if (!str_to_u64(zone, UINT32_MAX, &number) && number) {
		*out = (uint32_t)number;
		return ERR_OK;
	}
	if (str_copy(zone, name, sizeof(name)) || !name[0])
		return ERR_SYNTAX;
	*out = if_nametoindex(name);
	return *out ? ERR_OK : ERR_NOT_FOUND;
}

enum err addr_parse_ip(struct str text, struct addr *out)
{
	struct addr a = {0};
	struct str zone;
	char buf[INET6_ADDRSTRLEN];

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = str_make(text.p + 1, text.n - 2);
	text = str_cut(text, '%', &zone);
	if (str_copy(text, buf, sizeof(buf)) || strlen(buf) != text.n)
		return ERR_SYNTAX;
	if (inet_pton(AF_INET, buf, a.ip) == 1)
		a.version = 4;
	else if (inet_pton(AF_INET6, buf, a.ip) == 1)
		a.version = 6;
	else
		return ERR_SYNTAX;
	if (zone.n && (a.version == 4 || parse_scope(zone, &a.scope)))
		return ERR_SYNTAX;
	unmap(&a);
	*out = a;
	return ERR_OK;
}

enum err addr_parse(struct str text, struct addr *out)
{
	struct addr a;
	uint64_t port;
	size_t colon = text.n;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || str_to_u64(str_skip(text, colon), 65535, &port))
		return ERR_SYNTAX;
	text = str_make(text.p, colon - 1);
	/* An IPv6 address must be in brackets: otherwise its last group could be taken for the
	 * port. */
	if (str_find(text, ':') < text.n && text.p[0] != '[')
		return ERR_SYNTAX;
	if (addr_parse_ip(text, &a))
		return ERR_SYNTAX;
	a.port = (uint16_t)port;
	*out = a;
	return ERR_OK;
}

/* Writes dotted decimal without a NUL; returns the number of characters. It does not call snprintf,
 * which is slow: every reply of a call contains several addresses. */
static size_t put_ipv4(char *out, const uint8_t ip[4])
{
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			out[n++] = '.';
		n += str_put_u64(out + n, ip[i]);
	}
	return n;
}

/* Writes the address with its scope and a NUL; returns the number of characters without the NUL. */
static size_t put_ip(char *out, size_t room, const struct addr *a)
{
	size_t n;

	if (a->version == 4) {
		n = put_ipv4(out, a->ip);
	} else if (a->version == 0 || !inet_ntop(AF_INET6, a->ip, out, (socklen_t)room)) {
		memcpy(out, "none", 5);
		return 4;
	} else {
		n = strlen(out);
	}
	if (a->scope) {
		out[n++] = '%';
		n += str_put_u64(out + n, a->scope);
	}
	out[n] = '\0';
	return n;
}

const char *addr_print_ip(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	(void)put_ip(out, ADDR_TEXT_MAX, a);
	return out;
}

const char *addr_print(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	size_t n = a->version == 6;

	if (n)
		out[0] = '[';
	n += put_ip(out + n, ADDR_TEXT_MAX - n, a);
	if (a->version == 0)
		return out;
	if (a->version == 6)
		out[n++] = ']';
	out[n++] = ':';
	n += str_put_u64(out + n, a->port);
	out[n] = '\0';
	return out;
}

bool addr_is_none(const struct addr *a)
{
	return a->version == 0;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->version != 0 && memcmp(a->ip, zero, 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->version == 4 ? a->ip[0] == 127 : a->version == 6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	return a->version == 4 ? (a->ip[0] & 0xf0) == 0xe0 : a->version == 6 && a->ip[0] == 0xff;
}

bool addr_is_link_local(const struct addr *a)
{
	return a->version == 4 ? a->ip[0] == 169 && a->ip[1] == 254
	                       : a->version == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_is_same_host(const struct addr *a, const struct addr *b)
{
	return a->version == b->version && a->version != 0 && memcmp(a->ip, b->ip, 16) == 0;
}

enum err addr_net_parse(struct str text, struct addr_net *out)
{
	struct str bits;
	struct str ip = str_cut(text, '/', &bits);
	struct addr_net n = {.bits = 0};
	uint64_t count;

	if (addr_parse_ip(ip, &n.net))
		return ERR_SYNTAX;
	count = n.net.version == 6 ? 128 : 32;
	if (ip.n < text.n && str_to_u64(bits, count, &count))
		return ERR_SYNTAX;
	n.bits = (uint8_t)count;
	*out = n;
	return ERR_OK;
}

bool addr_net_has(const struct addr_net *n, const struct addr *a)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (n->net.version != a->version || memcmp(n->net.ip, a->ip, whole) != 0)
		return false;
	return !rest || (n->net.ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}

struct addr addr_with_port(const struct addr *a, uint16_t port)
{
	struct addr b = *a;

	b.port = port;
	return b;
}

uint32_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (a->version == 4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip, 4);
		return sizeof(*in4);
	}
	if (a->version == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		in6->sin6_scope_id = a->scope;
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	return 0;
}

enum err addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	struct addr a = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)sa;

		a.version = 4;
		a.port = ntohs(in4->sin_port);
		memcpy(a.ip, &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		a.version = 6;
		a.port = ntohs(in6->sin6_port);
		a.scope = in6->sin6_scope_id;
		memcpy(a.ip, &in6->sin6_addr, 16);
		unmap(&a);
	} else {
		return ERR_UNSUPPORTED;
	}
	*out = a;
	return ERR_OK;
}
