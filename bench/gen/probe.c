/* SPDX-License-Identifier: MIT */
/* Writes and reads the payload of measured packets. */
#include "bench/gen/probe.h"

#include <string.h>

#include "base/bytes.h"

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ x >> 29;
}

/* Returns a checksum of all octets except 16 to 19, its own place; it depends on their order. */
static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t a = 0x9e3779b97f4a7c15ull ^ n, word;
	size_t at = PROBE_LEN;

	memcpy(&word, p, 8);
	a = mix(a ^ word);
	memcpy(&word, p + 8, 8);
	a = mix(a ^ word);
	for (; at + 8 <= n; at += 8) {
		memcpy(&word, p + at, 8);
		a = mix(a ^ word);
	}
	for (; at < n; at++)
		a = mix(a ^ p[at]);
	return (uint32_t)(a ^ a >> 32);
}

void probe_write(const struct probe *p, uint8_t *out, size_t n)
{
	uint64_t late = p->late_ns / PROBE_LATE_UNIT_NS,
		 fill = mix((uint64_t)p->flow << 32 | p->counter);
	size_t at = PROBE_LEN;

	be32_put(out, p->flow);
	be32_put(out + 4, p->counter);
	be16_put(out + 8, (uint16_t)(p->sent_ns >> 32));
	be32_put(out + 10, (uint32_t)p->sent_ns);
	be16_put(out + 14, (uint16_t)(late > UINT16_MAX ? UINT16_MAX : late));
	for (; at + 8 <= n; at += 8, fill = mix(fill + 1))
		memcpy(out + at, &fill, 8);
	memcpy(out + at, &fill, n - at);
	be32_put(out + 16, sum_of(out, n));
}

bool probe_read(struct probe *p, const uint8_t *in, size_t n)
{
	if (n < PROBE_LEN || be32_get(in + 16) != sum_of(in, n))
		return false;
	p->flow = be32_get(in);
	p->counter = be32_get(in + 4);
	p->sent_ns = (uint64_t)be16_get(in + 8) << 32 | be32_get(in + 10);
	p->late_ns = (uint64_t)be16_get(in + 14) * PROBE_LATE_UNIT_NS;
	return true;
}
