/* SPDX-License-Identifier: MIT */
/* A network in memory and virtual time, for tests: endpoints around the gateway. */
#ifndef RELAY_IO_SIM_H
#define RELAY_IO_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "relay/io/io.h"

/* Used by one thread. Set it as relay_config.io_test_arg with io_sim, and step the relay by
 * hand. */
struct sim;

enum { SIM_PKT_MAX = 2048 };

struct sim_pkt {
	struct addr from, to;
	uint16_t len;
	uint8_t data[SIM_PKT_MAX];
};

enum err sim_new(struct sim **out) MUST_USE;
void sim_free(struct sim *s);
void sim_set_time(struct sim *s, uint64_t now_ns);
uint64_t sim_time(const struct sim *s);

/* Sends a packet from an endpoint to a port of the gateway. ERR_NOMEM. */
enum err sim_send(struct sim *s, const struct addr *from, const struct addr *to, const void *data,
                  size_t n) MUST_USE;
/* Takes the next packet that has arrived for endpoint `to`; `to` NULL: for any endpoint. False:
 * there is none. */
bool sim_receive(struct sim *s, const struct addr *to, struct sim_pkt *out);

/* Number of open ports, for tests that look for leaks. */
unsigned sim_open_ports(const struct sim *s);

#endif
