/* SPDX-License-Identifier: MIT */
/*
 * Uses packet sockets instead of the kernel's IP stack, and so builds and parses frames itself.
 * Received frames are in a ring shared with the kernel, which timestamps them. bench/net drops UDP
 * behind the tap.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "bench/gen/wire_state.h"

/*
 * A block holds frames one after another. The kernel writes frames in the CPU time of the sender.
 * Blocks keep that cheap: the kernel writes memory in order, and reads the status word, which is in
 * the cache of the sink's CPU, once a block instead of once a frame.
 */
enum {
	SNAP = 2048,
	BLOCK = 32 << 10,
	BLOCKS = 64,      /* about 6,000 packets of speech: 40 ms at 150,000 packets/s */
	RETIRE_MS = 4,    /* longest time before the kernel closes a block that is not full */
	UDP_CHECKSUM = 6, /* offset of the checksum in the UDP header */
};

static enum err fail(struct why *why, enum bench_side side, const char *what)
{
	return why_fail(why, errno == EPERM ? ERR_DENIED : ERR_IO,
	                "cannot set up the packet socket of the %s side (%s): %s",
	                call_side_name(side), what, strerror(errno));
}

/* Accepts only UDP to the endpoint's port, over IPv4 without options or IPv6 without extensions. */
static int attach_filter(int fd, uint16_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36),
		BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 56),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SNAP),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int bind_to(int fd, int ifindex, uint16_t protocol)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_protocol = htons(protocol)};

	return bind(fd, (struct sockaddr *)&to, sizeof(to));
}

/* Opens the receive ring. ETH_P_ALL, because a socket of one protocol would get packets only after
 * the filter of bench/net, which drops them. */
static enum err open_in(struct wire *w, int ifindex, enum bench_side side, struct why *why)
{
	struct tpacket_req3 ring = {.tp_block_size = BLOCK,
	                            .tp_block_nr = BLOCKS,
	                            .tp_frame_size = SNAP,
	                            .tp_frame_nr = BLOCKS * (BLOCK / SNAP),
	                            .tp_retire_blk_tov = RETIRE_MS};
	int version = TPACKET_V3, on = 1, fd = w->tap.in;
	void *at;

	if (attach_filter(fd, w->local.port) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) != 0)
		return fail(why, side, "receive ring");
	at = mmap(NULL, (size_t)BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
	          fd, 0);
	if (at == MAP_FAILED)
		return fail(why, side, "receive ring");
	w->tap.ring = at;
	return bind_to(fd, ifindex, ETH_P_ALL) == 0 ? ERR_OK : fail(why, side, "bind");
}

static enum err open_out(struct wire *w, int ifindex, enum bench_side side, struct why *why)
{
	int bytes = WIRE_SOCKET_BYTES, on = 1, fd = w->tap.out;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0 ||
	    bind_to(fd, ifindex, 0) != 0)
		return fail(why, side, "sending socket");
	return ERR_OK;
}

enum err wire_tap_open(struct wire *w, const struct netns_place *place, enum bench_side side,
                       struct why *why)
{
	struct ifreq device = {.ifr_ifindex = 0};
	int ifindex;
	enum err e = netns_socket(&w->tap.in, place->netns[side], AF_PACKET,
	                          SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, why);

	if (e == ERR_OK)
		e = netns_socket(&w->tap.out, place->netns[side], AF_PACKET,
		                 SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, why);
	if (e != ERR_OK)
		return e;
	memcpy(device.ifr_name, place->device[side], sizeof(device.ifr_name));
	if (ioctl(w->tap.in, SIOCGIFINDEX, &device) != 0)
		return fail(why, side, place->device[side]);
	ifindex = device.ifr_ifindex;
	if (ioctl(w->tap.in, SIOCGIFHWADDR, &device) != 0)
		return fail(why, side, place->device[side]);
	frame_link_make(&w->tap.link, place->mac[side], (const uint8_t *)device.ifr_hwaddr.sa_data,
	                0, w->local.version);
	e = open_in(w, ifindex, side, why);
	return e == ERR_OK ? open_out(w, ifindex, side, why) : e;
}

void wire_tap_close(struct wire_tap *t)
{
	if (t->ring)
		munmap(t->ring, (size_t)BLOCKS * BLOCK);
	if (t->in >= 0)
		close(t->in);
	if (t->out >= 0)
		close(t->out);
}

void wire_tap_frame(struct wire *w, struct pkt *const *batch, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch[i];
		uint8_t *at = frame_build(p->data, p->len, &w->tap.link,
		                          &(struct frame_ends){.from = &w->local, .to = &p->to});

		/* Zero means no checksum (RFC 768). So the relay's kernel does not verify
		 * checksums, which network cards do in hardware. */
		if (p->to.version == 4)
			be16_put(p->data - FRAME_UDP + UDP_CHECKSUM, 0);
		w->iov[i] =
			(struct iovec){.iov_base = at, .iov_len = (size_t)(p->data - at) + p->len};
		w->msg[i].msg_hdr = (struct msghdr){.msg_iov = &w->iov[i], .msg_iovlen = 1};
	}
}

static struct tpacket_hdr_v1 *block_at(const struct wire_tap *t)
{
	return &((struct tpacket_block_desc *)(t->ring + (size_t)t->block * BLOCK))->hdr.bh1;
}

/* Opens the next block. False: the kernel has not closed it yet. */
static bool open_block(struct wire_tap *t)
{
	struct tpacket_hdr_v1 *b = block_at(t);

	if (!(__atomic_load_n(&b->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	t->next = (uint8_t *)block_at(t) - offsetof(struct tpacket_block_desc, hdr) +
	          b->offset_to_first_pkt;
	t->left = b->num_pkts;
	return true;
}

static void give_block(struct wire_tap *t)
{
	__atomic_store_n(&block_at(t)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	t->block = (t->block + 1) % BLOCKS;
	t->next = NULL;
}

/* Copies the packet to `room`, because it may grow and would overwrite the next frame. */
static bool read_frame(const struct tpacket3_hdr *h, uint8_t *room, struct pkt *p,
                       uint64_t *stamp_ns)
{
	uint8_t *octets = (uint8_t *)h + h->tp_mac;
	struct frame f;

	if (h->tp_snaplen < h->tp_len || frame_parse(octets, h->tp_snaplen, &f) != ERR_OK ||
	    f.len > PKT_PAYLOAD_MAX)
		return false;
	memcpy(room + PKT_HEADROOM, octets + f.at, f.len);
	*p = (struct pkt){.data = room + PKT_HEADROOM, .len = f.len, .from = f.from};
	p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - f.len);
	*stamp_ns = (uint64_t)h->tp_sec * NS_PER_S + h->tp_nsec;
	return true;
}

unsigned wire_tap_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n)
{
	struct wire_tap *t = &w->tap;
	unsigned got = 0;

	n = n < WIRE_BATCH ? n : WIRE_BATCH;
	while (got < n && (t->next || open_block(t))) {
		const struct tpacket3_hdr *h = (const void *)t->next;

		if (!t->left) {
			give_block(t);
			continue;
		}
		got += read_frame(h, w->room[got], &out[got], &stamps_ns[got]);
		t->next += h->tp_next_offset;
		t->left--;
	}
	return got;
}

uint64_t wire_tap_drops(struct wire_tap *t)
{
	struct tpacket_stats_v3 stats = {0};
	socklen_t len = sizeof(stats);

	/* Reading the kernel's count resets it. */
	if (getsockopt(t->in, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		t->drops += stats.tp_drops;
	return t->drops;
}
