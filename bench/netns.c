/* SPDX-License-Identifier: MIT */
/* Sockets and programs inside another network namespace. */
#include "bench/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_here(const char *netns)
{
	return !netns || !*netns;
}

static enum err open_netns(int *out, const char *netns, struct why *why)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), strchr(netns, '/') ? "%s" : "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_fail(why, ERR_NOT_FOUND, "network namespace %s: %s", path, strerror(errno));
	*out = fd;
	return ERR_OK;
}

enum err netns_enter(const char *netns, struct why *why)
{
	int fd = -1, bad;
	enum err e;

	if (is_here(netns))
		return ERR_OK;
	e = open_netns(&fd, netns, why);
	if (e != ERR_OK)
		return e;
	bad = setns(fd, CLONE_NEWNET);
	close(fd);
	return bad ? why_fail(why, ERR_DENIED, "network namespace %s: %s; this needs root", netns, strerror(errno)) : ERR_OK;
}

enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why)
{
	int home = -1, fd = -1, bad;
	enum err e = ERR_OK;

	if (!is_here(netns)) {
		home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (home < 0)
			return why_fail(why, ERR_IO, "/proc/thread-self/ns/net: %s", strerror(errno));
		e = netns_enter(netns, why);
	}
	if (e == ERR_OK && (fd = socket(family, type, 0)) < 0)
		e = why_fail(why, ERR_IO, "socket: %s", strerror(errno));
	if (home >= 0) {
		bad = setns(home, CLONE_NEWNET);
		CHECK(e != ERR_OK || bad == 0);
		close(home);
	}
	if (e == ERR_OK)
		*out = fd;
	return e;
}

static enum err read_side(struct place *p, enum side side, const char *variable, struct why *why)
{
	static char copies[SIDES][256];
	const char *text = getenv(variable);
	struct str rest, netns, ours, theirs;

	if (!text)
		return ERR_NOT_FOUND;
	rest = str_of(text);
	netns = str_word(&rest);
	ours = str_word(&rest);
	theirs = str_word(&rest);
	if (str_copy(netns, copies[side], sizeof(copies[side])) != ERR_OK || addr_parse_ip(ours, &p->ours[side]) != ERR_OK ||
	    addr_parse_ip(theirs, &p->theirs[side]) != ERR_OK)
		return why_fail(why, ERR_SYNTAX, "%s: '%s' is not \"NETNS OUR-ADDRESS THEIR-ADDRESS\"", variable, text);
	p->netns[side] = copies[side];
	return ERR_OK;
}

enum err place_init(struct place *p, struct why *why)
{
	struct place new = {.name = "netns", .target_netns = getenv("SLUICE_NET_GATEWAY")};
	enum err e = read_side(&new, SIDE_ACCESS, "SLUICE_NET_ACCESS", why);

	if (e == ERR_OK)
		e = read_side(&new, SIDE_CORE, "SLUICE_NET_CORE", why);
	if (e == ERR_NOT_FOUND) {
		struct addr one = {0}, two = {0}; /* a relay's interfaces need an address each */

		e = addr_parse_ip(STR("127.0.0.1"), &one);
		if (e == ERR_OK)
			e = addr_parse_ip(STR("127.0.0.2"), &two);
		new = (struct place){.name = "loopback", .ours = {one, two}, .theirs = {one, two}};
	}
	if (e == ERR_OK)
		*p = new;
	return e;
}
