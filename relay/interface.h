/* SPDX-License-Identifier: MIT */
/* A local address of the gateway; control, workers and back ends share this struct. */
#ifndef RELAY_INTERFACE_H
#define RELAY_INTERFACE_H

#include <stdint.h>

#include "base/addr.h"

/* As in --interface NAME/ADDR[!ADVERTISED]. */
struct relay_interface {
	/* the name that signalling uses; the network device is the one that has `bind` */
	char name[32];
	struct addr bind; /* port 0 */
	/* the address that signalling gives to peers; equals `bind` when "!ADVERTISED" is absent */
	struct addr advertised;
	uint16_t port_min, port_max;
};

#endif
