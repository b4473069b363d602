/* SPDX-License-Identifier: MIT */
/* Transport addresses (an IP address and a port) as values: parse, print and compare them. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

struct sockaddr;
struct sockaddr_storage;

/* An IPv4 address uses the first four octets of `ip`; the other octets are zero. An IPv4-mapped
 * IPv6 address is stored as IPv4. */
struct addr {
	uint8_t ip[16];
	uint32_t scope;  /* interface index of a link-local IPv6 address, otherwise 0 */
	uint16_t port;   /* host order */
	uint8_t version; /* 4, 6, or 0 for "no address" */
};

enum { ADDR_TEXT_MAX = 80 }; /* room for "[" IPv6 "%" scope "]:" port and a NUL */

/* Parses an address with a port: "192.0.2.1:5004" or "[2001:db8::1]:5004". Host names are refused,
 * never resolved. */
enum err addr_parse(struct str text, struct addr *out) MUST_USE;
/* Parses an address without a port: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]". The port is set
 * to 0. */
enum err addr_parse_ip(struct str text, struct addr *out) MUST_USE;

/* Both functions write at most ADDR_TEXT_MAX octets, including the NUL, and return `out`. They
 * write "none" if `a` holds no address. */
const char *addr_print(const struct addr *a, char out[ADDR_TEXT_MAX]);
const char *addr_print_ip(const struct addr *a, char out[ADDR_TEXT_MAX]);

static inline bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->version == b->version && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_ip_eq(a, b);
}

bool addr_is_none(const struct addr *a);
/* True for 0.0.0.0 and ::, which old SDP offers use to signal hold (RFC 3264 8.4). */
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
/* True for 169.254/16 (RFC 3927) and fe80::/10 (RFC 4291 2.5.6). */
bool addr_is_link_local(const struct addr *a);
/* Compares the IP addresses only; ignores port and scope. */
bool addr_is_same_host(const struct addr *a, const struct addr *b);
struct addr addr_with_port(const struct addr *a, uint16_t port);

/* A network: all addresses whose first `bits` bits equal those of `net`. */
struct addr_net {
	struct addr net;
	uint8_t bits;
};

/* Parses a network such as "192.0.2.0/24" or "2001:db8::/32", or a single address such as
 * "192.0.2.1". Returns ERR_SYNTAX for anything else. */
enum err addr_net_parse(struct str text, struct addr_net *out) MUST_USE;
bool addr_net_has(const struct addr_net *n, const struct addr *a);

/* Returns the length of the address, for bind, connect and sendto; 0 if `a` holds no address. */
uint32_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* Returns ERR_UNSUPPORTED if the address family is neither IPv4 nor IPv6. */
enum err addr_from_sockaddr(const struct sockaddr *sa, struct addr *out) MUST_USE;

#endif
