/* SPDX-License-Identifier: MIT */
/* Devices, programs and sockets that all workers share. */
#include "relay/io/xdp_share.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "lookup.skel.h"
#include "relay/io/steer.h"
#include "relay/io/xdp_umem.h"
#include "steer.skel.h"

enum {
	STRAYED_OCTETS_MAX = 64 << 20, /* maximum octets of all rings together */
	/* large enough for all packets that a device queue holds */
	STRAYED_SLOTS_MAX = XDP_RING,
	STRAYED_SLOTS_MIN = 8,
	/* buffer of the catch-all socket, which receives fragments, and packets from other devices,
	 * of all calls */
	CATCH_ALL_BYTES = 4 << 20,
};

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Writes the error of a failed syscall. For missing privileges it names the capabilities. */
static enum err refused(struct why *why, const char *what, int error)
{
	if (error == EPERM || error == EACCES)
		return why_fail(why, ERR_DENIED,
		                "%s: needs the capabilities NET_ADMIN, NET_RAW and BPF", what);
	return why_fail(why, ERR_IO, "%s: %s", what, strerror(error));
}

/* --- devices ---------------------------------------------------------------- */

/* Number of receive queues that the driver uses now. */
static uint32_t count_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	uint32_t n = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return n;
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (!ioctl(fd, SIOCETHTOOL, &request))
		n = channels.combined_count + channels.rx_count;
	close(fd);
	return n < 1 ? 1 : n > STEER_QUEUES ? STEER_QUEUES : n;
}

/* The index of the device that has the interface's address; 0: none. The configured name of an
 * interface is only used in signalling. */
static uint32_t device_with(const struct addr *ip)
{
	struct ifaddrs *all, *a;
	struct addr has;
	uint32_t ifindex = 0;

	if (getifaddrs(&all))
		return 0;
	for (a = all; a && !ifindex; a = a->ifa_next)
		if (a->ifa_addr && !addr_from_sockaddr(a->ifa_addr, &has) &&
		    has.version == ip->version && memcmp(has.ip, ip->ip, sizeof(has.ip)) == 0)
			ifindex = if_nametoindex(a->ifa_name);
	freeifaddrs(all);
	return ifindex;
}

/* Finds the device that carries an interface, and the VLAN id of its packets on that device. */
static enum err resolve(const struct relay_interface *interface, struct route_link *link,
                        struct why *why)
{
	struct route_nl *nl;
	uint32_t ifindex = device_with(&interface->bind);
	char text[ADDR_TEXT_MAX], name[IF_NAMESIZE];
	uint16_t vlan;
	enum err e;

	if (!ifindex || !if_indextoname(ifindex, name))
		return why_fail(why, ERR_NOT_FOUND, "no network device has the address %s",
		                addr_print_ip(&interface->bind, text));
	e = route_nl_open(&nl, why);
	if (e)
		return e;
	e = route_nl_source.ask_link(nl, ifindex, link);
	if (!e && link->vlan) {
		vlan = link->vlan;
		e = route_nl_source.ask_link(nl, link->parent, link);
		link->vlan = vlan;
	}
	route_nl_close(nl);
	if (e)
		return why_fail(why, e, "%s: cannot read the state of the device from the kernel",
		                name);
	if (link->is_loopback)
		return why_fail(why, ERR_UNSUPPORTED,
		                "%s is loopback; xdp needs an Ethernet device", name);
	if (!link->is_ethernet)
		return why_fail(why, ERR_UNSUPPORTED,
		                "%s is not Ethernet; xdp needs an Ethernet device", name);
	if (!link->is_up)
		return why_fail(why, ERR_WRONG_STATE,
		                "%s is down; bring the link up before the start", name);
	return ERR_OK;
}

static enum err load_steer(struct steer **out, struct why *why)
{
	struct steer *steer;

	libbpf_set_print(be_quiet);
	steer = steer__open();
	if (!steer)
		return refused(why, "opening the XDP program", errno);
	steer->rodata->steer_frame_max = XDP_FRAME_MAX;
	if (steer__load(steer)) {
		int error = errno;

		steer__destroy(steer);
		return refused(why, "loading the XDP program", error);
	}
	*out = steer;
	return ERR_OK;
}

/* Attaches the program with a BPF link, which the kernel removes when the process ends. Returns the
 * link's descriptor; below 0: failed, see errno. */
static int attach(struct steer *steer, uint32_t ifindex, uint32_t mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);

	return bpf_link_create(bpf_program__fd(steer->progs.steer), (int)ifindex, BPF_XDP,
	                       &options);
}

static enum err attach_device(struct xdp_device *d, struct why *why)
{
	char what[64];
	enum err e = load_steer(&d->steer, why);

	if (e)
		return e;
	/* Attaches in driver mode if possible, otherwise in generic mode. */
	d->attached = attach(d->steer, d->ifindex, XDP_FLAGS_DRV_MODE);
	d->is_native = d->attached >= 0;
	if (d->attached < 0)
		d->attached = attach(d->steer, d->ifindex, XDP_FLAGS_SKB_MODE);
	if (d->attached >= 0)
		return ERR_OK;
	if (errno == EBUSY || errno == EEXIST)
		return why_fail(why, ERR_BUSY, "another XDP program is already attached to %s",
		                d->name);
	snprintf(what, sizeof(what), "attaching to %s", d->name);
	return refused(why, what, errno);
}

static void detach_device(struct xdp_device *d)
{
	if (d->attached >= 0)
		close(d->attached);
	if (d->steer)
		steer__destroy(d->steer);
}

/* Finds the entry of the device, or creates it for the first interface on the device. */
static enum err find_device(struct io_shared *s, const struct route_link *link,
                            struct xdp_device **out, struct why *why)
{
	struct xdp_device *d;

	for (unsigned i = 0; i < s->n_devices; i++) {
		if (s->devices[i].ifindex == link->ifindex) {
			*out = &s->devices[i];
			return ERR_OK;
		}
	}
	if (s->n_devices == XDP_DEVICES_MAX)
		return why_fail(why, ERR_LIMIT,
		                "the interfaces are on more than %d network devices; use fewer",
		                XDP_DEVICES_MAX);
	d = &s->devices[s->n_devices];
	d->attached = -1;
	d->ifindex = link->ifindex;
	if (!if_indextoname(link->ifindex, d->name))
		return why_fail(why, ERR_NOT_FOUND, "network device %u no longer exists",
		                link->ifindex);
	d->queues = count_queues(d->name);
	s->n_devices++;
	*out = d;
	return attach_device(d, why);
}

/* --- addresses and the catch-all socket ------------------------------------- */

/* If two interfaces share an address, the map gets the union of their port ranges, and the worker
 * finds the right interface. */
static enum err add_address(int map, const struct relay_interface *interface, uint16_t vlan,
                            struct why *why)
{
	struct steer_address key = {.vlan = vlan, .version = interface->bind.version};
	struct steer_ports ports, had;

	memcpy(key.ip, interface->bind.ip, sizeof(key.ip));
	ports = (struct steer_ports){.min = interface->port_min, .max = interface->port_max};
	if (!bpf_map_lookup_elem(map, &key, &had)) {
		ports.min = had.min < ports.min ? had.min : ports.min;
		ports.max = had.max > ports.max ? had.max : ports.max;
	}
	if (bpf_map_update_elem(map, &key, &ports, BPF_ANY))
		return refused(why, "writing the map of local addresses", errno);
	return ERR_OK;
}

/* Opens a dual-stack socket, or an IPv4 socket if the machine has no IPv6. It must be bound to be
 * allowed in the map. Packets for the port that the kernel gives it are outside every range and are
 * dropped. */
static int open_catch_all(void)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
	struct sockaddr_in any4 = {.sin_family = AF_INET};
	int one = 1, zero = 0, bytes = CATCH_ALL_BYTES;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&any6, sizeof(any6))) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && bind(fd, (struct sockaddr *)&any4, sizeof(any4))) {
			close(fd);
			return -1;
		}
	}
	setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

static enum err load_lookup(struct io_shared *s, struct why *why)
{
	uint32_t first = 0;
	uint64_t socket_fd;
	int netns;

	s->catch_all = open_catch_all();
	if (s->catch_all < 0)
		return refused(why, "opening the catch-all socket", errno);
	s->lookup = lookup__open_and_load();
	if (!s->lookup)
		return refused(why, "loading the sk_lookup program", errno);
	for (unsigned i = 0; i < s->n_interfaces; i++) {
		enum err e = add_address(bpf_map__fd(s->lookup->maps.lookup_addresses),
		                         &s->interfaces[i], 0, why);

		if (e)
			return e;
	}
	socket_fd = (uint64_t)s->catch_all;
	if (bpf_map_update_elem(bpf_map__fd(s->lookup->maps.lookup_catch_all), &first, &socket_fd,
	                        BPF_ANY))
		return refused(why, "putting the catch-all socket into its map", errno);
	netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return refused(why, "opening the network namespace", errno);
	s->lookup_attached = bpf_link_create(bpf_program__fd(s->lookup->progs.lookup), netns,
	                                     BPF_SK_LOOKUP, NULL);
	close(netns);
	return s->lookup_attached >= 0 ? ERR_OK
	                               : refused(why, "attaching the sk_lookup program", errno);
}

/* Opens the sockets for packets that already have an IP header; the kernel does routing
 * and neighbour discovery. */
static enum err open_raw(struct io_shared *s, struct why *why)
{
	int one = 1;

	s->raw[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (s->raw[0] < 0)
		return refused(why, "opening a raw socket", errno);
	/* IPPROTO_RAW implies that the header is included, for both IP versions. Without IPv6 the
	 * second socket is missing. */
	s->raw[1] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (s->raw[1] >= 0)
		setsockopt(s->raw[1], IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one));
	return ERR_OK;
}

/* --- between workers -------------------------------------------------------- */

/* Marks ports on which another program already has a socket: with the catch-all socket in place,
 * that program would no longer receive anything. */
static void note_foreign(struct io_shared *s, const char *table)
{
	char line[512];
	unsigned port;
	FILE *f = fopen(table, "re");

	while (f && fgets(line, sizeof(line), f)) {
		/* a line is "  12: 0100007F:1F90 ...": number, address, port in hexadecimal */
		if (sscanf(line, " %*u: %*32[0-9A-Fa-f]:%4x", &port) != 1)
			continue;
		for (unsigned i = 0; i < s->n_interfaces; i++)
			if (port >= s->owners[i].port_min && port <= s->owners[i].port_max)
				counter_set(&s->owners[i].worker[port - s->owners[i].port_min],
				            XDP_FOREIGN);
	}
	if (f)
		fclose(f);
}

static enum err make_owners(struct io_shared *s, struct why *why)
{
	for (unsigned i = 0; i < s->n_interfaces; i++) {
		struct xdp_owners *o = &s->owners[i];

		o->port_min = s->interfaces[i].port_min;
		o->port_max = s->interfaces[i].port_max;
		o->worker =
			mem_array((size_t)(o->port_max - o->port_min) + 1, sizeof(o->worker[0]));
		if (!o->worker)
			return why_fail(why, ERR_NOMEM, "out of memory");
	}
	note_foreign(s, "/proc/self/net/udp");
	note_foreign(s, "/proc/self/net/udp6");
	return ERR_OK;
}

static enum err make_rings(struct io_shared *s, struct why *why)
{
	unsigned pairs = s->workers * s->workers;
	size_t slots = STRAYED_OCTETS_MAX / sizeof(struct xdp_strayed) / pairs;

	if (s->workers < 2)
		return ERR_OK;
	slots = slots > STRAYED_SLOTS_MAX   ? STRAYED_SLOTS_MAX
	        : slots < STRAYED_SLOTS_MIN ? STRAYED_SLOTS_MIN
	                                    : slots;
	s->strayed = mem_aligned(64, pairs * sizeof(s->strayed[0]));
	s->wake = mem_array(s->workers, sizeof(s->wake[0]));
	if (!s->strayed || !s->wake)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (unsigned i = 0; i < s->workers; i++)
		s->wake[i] = -1;
	for (unsigned i = 0; i < s->workers; i++) {
		s->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->wake[i] < 0)
			return why_fail(why, ERR_IO, "cannot create an eventfd: %s",
			                strerror(errno));
	}
	for (unsigned i = 0; i < pairs; i++)
		if (i / s->workers != i % s->workers &&
		    ring_init(&s->strayed[i], (uint32_t)slots, sizeof(struct xdp_strayed)))
			return why_fail(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

static void free_rings(struct io_shared *s)
{
	for (unsigned i = 0; s->strayed && i < s->workers * s->workers; i++)
		ring_fini(&s->strayed[i]);
	for (unsigned i = 0; s->wake && i < s->workers; i++)
		if (s->wake[i] >= 0)
			close(s->wake[i]);
	mem_free(s->strayed);
	mem_free(s->wake);
}

/* --- life ------------------------------------------------------------------- */

static struct io_shared *shared_new(const struct io_config *config)
{
	struct io_shared *s = mem_alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->workers = config->workers;
	s->interfaces = config->interfaces;
	s->n_interfaces = config->n_interfaces;
	s->catch_all = s->lookup_attached = s->raw[0] = s->raw[1] = -1;
	return s;
}

enum err xdp_share(struct io_shared **out, const struct io_config *config, struct why *why)
{
	struct io_shared *s = shared_new(config);
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = config->n_interfaces > XDP_INTERFACES_MAX
	            ? why_fail(why, ERR_LIMIT, "more than %d interfaces; use fewer",
	                       XDP_INTERFACES_MAX)
	            : make_owners(s, why);
	/* Opens the catch-all socket before it attaches devices, so that no packet is lost in
	 * between. */
	if (!e)
		e = make_rings(s, why);
	if (!e)
		e = open_raw(s, why);
	if (!e)
		e = load_lookup(s, why);
	for (unsigned i = 0; !e && i < s->n_interfaces; i++) {
		struct route_link link;
		struct xdp_device *device = NULL;

		e = resolve(&s->interfaces[i], &link, why);
		if (!e)
			e = find_device(s, &link, &device, why);
		if (!e)
			e = add_address(bpf_map__fd(device->steer->maps.steer_addresses),
			                &s->interfaces[i], link.vlan, why);
	}
	if (e) {
		xdp_unshare(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void xdp_unshare(struct io_shared *s)
{
	const int fds[] = {s ? s->lookup_attached : -1, s ? s->catch_all : -1, s ? s->raw[0] : -1,
	                   s ? s->raw[1] : -1};

	if (!s)
		return;
	for (unsigned i = 0; i < s->n_devices; i++)
		detach_device(&s->devices[i]);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (s->lookup)
		lookup__destroy(s->lookup);
	free_rings(s);
	for (unsigned i = 0; i < ARRAY_LEN(s->owners); i++)
		mem_free(s->owners[i].worker);
	mem_free(s);
}

enum err xdp_share_steer(struct io_shared *s, unsigned device, uint32_t queue_id, int socket_fd,
                         struct why *why)
{
	int map = bpf_map__fd(s->devices[device].steer->maps.steer_sockets);
	uint32_t value = (uint32_t)socket_fd;

	if (bpf_map_update_elem(map, &queue_id, &value, BPF_ANY))
		return refused(why, "putting a socket into the map of AF_XDP sockets", errno);
	return ERR_OK;
}

/* --- probe, capabilities ---------------------------------------------------- */

enum err xdp_probe(const struct relay_interface *interface, struct why *why)
{
	struct io_config config = {.interfaces = interface, .n_interfaces = 1, .workers = 1};
	struct io_shared *s = shared_new(&config);
	struct xdp_device *d;
	struct route_link link;
	enum err e;
	int fd;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	d = &s->devices[0];
	e = resolve(interface, &link, why);
	if (!e && link.xdp_prog)
		e = why_fail(why, ERR_BUSY, "another XDP program is already attached to %s",
		             if_indextoname(link.ifindex, d->name));
	if (!e)
		e = open_raw(s, why);
	if (!e)
		e = load_lookup(s, why);
	if (!e)
		e = load_steer(&d->steer, why);
	if (!e) {
		s->n_devices = 1;
		d->attached = attach(d->steer, link.ifindex, XDP_FLAGS_SKB_MODE);
		if (d->attached < 0)
			e = refused(why, "attaching an XDP program", errno);
		fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
		if (!e && fd < 0)
			e = refused(why, "opening an AF_XDP socket", errno);
		if (fd >= 0)
			close(fd);
	}
	xdp_unshare(s);
	return e;
}

void xdp_drop_capabilities(void)
{
	static const unsigned given_up[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON,
	                                    CAP_SYS_ADMIN};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	if (syscall(SYS_capget, &header, data))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(given_up); i++) {
		uint32_t bit = 1u << (given_up[i] % 32);

		/* Drops them from the bounding set, too, if permitted: otherwise a program started
		 * as root would get them back. */
		prctl(PR_CAPBSET_DROP, given_up[i], 0, 0, 0);
		data[given_up[i] / 32].effective &= ~bit;
		data[given_up[i] / 32].permitted &= ~bit;
		data[given_up[i] / 32].inheritable &= ~bit;
	}
	syscall(SYS_capset, &header, data);
}
