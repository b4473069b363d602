/* SPDX-License-Identifier: MIT */
/* Opens sockets and runs programs inside another network namespace. */
#include "bench/target/netns.h"

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
		return why_fail(why, ERR_NOT_FOUND, "network namespace %s: %s", path,
		                strerror(errno));
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
	return bad ? why_fail(why, ERR_DENIED, "network namespace %s: %s; this needs root", netns,
	                      strerror(errno))
	           : ERR_OK;
}

enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why)
{
	int home = -1, fd = -1, bad;
	enum err e = ERR_OK;

	if (!is_here(netns)) {
		home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (home < 0)
			return why_fail(why, ERR_IO, "cannot open /proc/thread-self/ns/net: %s",
			                strerror(errno));
		e = netns_enter(netns, why);
	}
	if (e == ERR_OK && (fd = socket(family, type, 0)) < 0)
		e = why_fail(why, ERR_IO, "cannot create a socket: %s", strerror(errno));
	if (home >= 0) {
		bad = setns(home, CLONE_NEWNET);
		CHECK(e != ERR_OK || bad == 0);
		close(home);
	}
	if (e == ERR_OK)
		*out = fd;
	return e;
}

/* Parses a hardware address such as "02:00:5e:00:53:01". */
static enum err read_mac(struct str text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		struct str one = str_cut(text, ':', &text);
		char octet[3] = "", *end = octet;

		if (one.n == 2)
			memcpy(octet, one.p, 2);
		mac[i] = (uint8_t)strtoul(octet, &end, 16);
		if (end != octet + 2)
			return ERR_SYNTAX;
	}
	return text.n ? ERR_SYNTAX : ERR_OK;
}

static enum err read_words(struct netns_place *p, enum bench_side side, char *copy, size_t room,
                           struct str rest)
{
	struct str netns = str_word(&rest), ours = str_word(&rest), theirs = str_word(&rest),
		   device = str_word(&rest), mac = str_word(&rest);
	enum err e = str_copy(netns, copy, room);

	if (e == ERR_OK)
		e = addr_parse_ip(ours, &p->ours[side]);
	if (e == ERR_OK)
		e = addr_parse_ip(theirs, &p->theirs[side]);
	if (e != ERR_OK || device.n == 0)
		return e;
	e = str_copy(device, p->device[side], sizeof(p->device[side]));
	return e == ERR_OK ? read_mac(mac, p->mac[side]) : e;
}

static enum err read_side(struct netns_place *p, enum bench_side side, const char *variable,
                          struct why *why)
{
	/* One copy for each side is enough: a baseline has the same namespaces. */
	static char copies[SIDES][256];
	const char *text = getenv(variable);

	if (!text)
		return ERR_NOT_FOUND;
	if (read_words(p, side, copies[side], sizeof(copies[side]), str_of(text)) != ERR_OK)
		return why_fail(why, ERR_SYNTAX,
		                "%s: '%s' is not \"NETNS OUR-ADDRESS THEIR-ADDRESS [DEVICE MAC]\"",
		                variable, text);
	p->netns[side] = copies[side];
	return ERR_OK;
}

/* Parses a list of CPUs such as "0,2-3". False: the list is empty or malformed. */
static bool read_cpus(const char *text, cpu_set_t *set)
{
	struct str rest = str_of(text);

	CPU_ZERO(set);
	while (rest.n) {
		struct str last, first = str_cut(str_cut(rest, ',', &rest), '-', &last);
		uint64_t a, b;

		if (str_to_u64(first, CPU_SETSIZE - 1, &a) != ERR_OK ||
		    str_to_u64(last.n ? last : first, CPU_SETSIZE - 1, &b) != ERR_OK || b < a)
			return false;
		for (; a <= b; a++)
			CPU_SET(a, set);
	}
	return CPU_COUNT(set) > 0;
}

bool place_pin(const char *cpus)
{
	cpu_set_t set;

	return !cpus || (read_cpus(cpus, &set) && sched_setaffinity(0, sizeof(set), &set) == 0);
}

unsigned place_target_cpus(const struct netns_place *p)
{
	cpu_set_t set;

	return p->target_cpus && read_cpus(p->target_cpus, &set)
	               ? (unsigned)CPU_COUNT(&set)
	               : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static enum err read_pins(struct netns_place *p, struct why *why)
{
	static char copy[128];
	const char *text = getenv("SLUICE_NET_CPUS");
	char *slash;
	cpu_set_t set;

	if (!text)
		return ERR_OK;
	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;
	if (!slash || !read_cpus(copy, &set) || !place_pin(slash))
		return why_fail(why, ERR_SYNTAX,
		                "SLUICE_NET_CPUS: '%s' is not \"TARGET/GENERATOR\", two lists of "
		                "this machine's CPUs, such as 1/0 or 4-7/0-3",
		                text);
	p->target_cpus = copy;
	p->cpus = slash;
	return ERR_OK;
}

void place_put(const struct netns_place *p, json_t *settings)
{
	char cpus[128] = "any";

	if (p->cpus)
		snprintf(cpus, sizeof(cpus), "%s/%s", p->target_cpus, p->cpus);
	json_object_set_new(settings, "place", json_string(p->name));
	json_object_set_new(settings, "cpus", json_string(cpus));
	json_object_set_new(settings, "idle", json_string(p->is_awake ? "awake" : "halts"));
	json_object_set_new(settings, "wire",
	                    json_string(*p->device[SIDE_ACCESS] ? "tap" : "socket"));
}

enum err place_init(struct netns_place *p, struct why *why)
{
	struct netns_place new = {.name = "netns", .target_netns = getenv("SLUICE_NET_GATEWAY")};
	enum err e = read_side(&new, SIDE_ACCESS, "SLUICE_NET_ACCESS", why);

	if (e == ERR_OK)
		e = read_side(&new, SIDE_CORE, "SLUICE_NET_CORE", why);
	if (e == ERR_NOT_FOUND) {
		/* Two addresses, because each interface of a relay needs its own address. */
		struct addr one = {0}, two = {0};

		e = addr_parse_ip(STR("127.0.0.1"), &one);
		if (e == ERR_OK)
			e = addr_parse_ip(STR("127.0.0.2"), &two);
		new = (struct netns_place){
			.name = "loopback",
			.ours = {one, two},
			.theirs = {one, two},
		};
	}
	if (e == ERR_OK)
		e = read_pins(&new, why);
	new.is_awake = getenv("SLUICE_NET_AWAKE") != NULL;
	if (e == ERR_OK)
		*p = new;
	return e;
}

enum err place_init_direct(struct netns_place *p, const struct netns_place *through,
                           struct why *why)
{
	struct netns_place new = *through;
	enum err e = read_side(&new, SIDE_ACCESS, "SLUICE_NET_DIRECT_ACCESS", why);

	if (e == ERR_OK)
		e = read_side(&new, SIDE_CORE, "SLUICE_NET_DIRECT_CORE", why);
	if (e == ERR_NOT_FOUND && through->netns[SIDE_ACCESS])
		return why_fail(why, ERR_NOT_FOUND,
		                "SLUICE_NET_DIRECT_ACCESS and _CORE are not set: run this command "
		                "with bench/net, or give --no-baseline");
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		*p = new;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
