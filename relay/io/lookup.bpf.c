/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* sk_lookup: one socket receives for every port of our ranges. Packets that XDP passes to the
 * kernel reach this socket, and not another program's. */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "relay/io/steer.h"

enum { FAMILY_IP4 = 2, FAMILY_IP6 = 10 };

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lookup_catch_all SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES);
	__type(key, struct steer_address);
	__type(value, struct steer_ports);
} lookup_addresses SEC(".maps");

SEC("sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	struct steer_address key = {};
	struct steer_ports *ports;
	struct bpf_sock *sock;
	__u32 first = 0, port = ctx->local_port;

	if (ctx->protocol != IPPROTO_UDP)
		return SK_PASS;
	if (ctx->family == FAMILY_IP4) {
		__u32 ip = ctx->local_ip4;

		key.version = 4;
		__builtin_memcpy(key.ip, &ip, 4);
	} else if (ctx->family == FAMILY_IP6) {
		__u32 ip[4] = {ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2],
		               ctx->local_ip6[3]};

		key.version = 6;
		__builtin_memcpy(key.ip, ip, 16);
	}
	ports = bpf_map_lookup_elem(&lookup_addresses, &key);
	if (!ports || port < ports->min || port > ports->max)
		return SK_PASS;
	sock = bpf_map_lookup_elem(&lookup_catch_all, &first);
	if (!sock)
		return SK_PASS;
	bpf_sk_assign(ctx, sock, 0);
	bpf_sk_release(sock);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
