/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* XDP: redirects UDP packets for our addresses and ports to the AF_XDP socket of the receive queue,
 * and passes all others to the kernel. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "relay/io/steer.h"

enum {
	TAGS_MAX = 2,
	VLAN_ID_MASK = 0x0fff,
	FRAGMENT_MASK = 0x3fff, /* flag "more fragments" and fragment offset */
};

struct tag {
	__be16 control, type;
};

/* The kernel gets longer frames: they would leave too little tailroom in a UMEM frame. */
const volatile __u32 steer_frame_max = 1600;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} steer_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES);
	__type(key, struct steer_address);
	__type(value, struct steer_ports);
} steer_addresses SEC(".maps");

/* read_ip4 and read_ip6 fill the address of the key and return the UDP header, or NULL if the
 * packet is not plain UDP. */
static __always_inline struct udphdr *read_ip4(void *at, void *end, struct steer_address *key)
{
	struct iphdr *ip = at;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(FRAGMENT_MASK)))
		return 0;
	key->version = 4;
	__builtin_memcpy(key->ip, &ip->daddr, 4);
	return (void *)(ip + 1);
}

static __always_inline struct udphdr *read_ip6(void *at, void *end, struct steer_address *key)
{
	struct ipv6hdr *ip = at;

	if ((void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return 0;
	key->version = 6;
	__builtin_memcpy(key->ip, &ip->daddr, 16);
	return (void *)(ip + 1);
}

SEC("xdp")
int steer(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *ether = at;
	struct steer_address key = {};
	struct steer_ports *ports;
	struct udphdr *udp;
	__be16 type;
	__u16 port;

	if ((void *)(ether + 1) > end || end - at > steer_frame_max || (ether->h_dest[0] & 1))
		return XDP_PASS;
	type = ether->h_proto;
	at = ether + 1;
	for (int i = 0; i < TAGS_MAX; i++) {
		struct tag *tag = at;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return XDP_PASS;
		/* A priority tag (id 0) is ignored. Two tags with ids are a nested
		 * VLAN, which is never ours. */
		if (bpf_ntohs(tag->control) & VLAN_ID_MASK) {
			if (key.vlan)
				return XDP_PASS;
			key.vlan = bpf_ntohs(tag->control) & VLAN_ID_MASK;
		}
		type = tag->type;
		at = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP))
		udp = read_ip4(at, end, &key);
	else if (type == bpf_htons(ETH_P_IPV6))
		udp = read_ip6(at, end, &key);
	else
		return XDP_PASS;
	if (!udp || (void *)(udp + 1) > end)
		return XDP_PASS;
	ports = bpf_map_lookup_elem(&steer_addresses, &key);
	port = bpf_ntohs(udp->dest);
	if (!ports || port < ports->min || port > ports->max)
		return XDP_PASS;
	/* If the queue has no AF_XDP socket of ours, the packet goes to the catch-all socket
	 * through the kernel. */
	return bpf_redirect_map(&steer_sockets, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
