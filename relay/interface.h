/* SPDX-License-Identifier: MIT */
/* A local address of the gateway; control, workers and back ends share this struct. */
#ifndef RELAY_INTERFACE_H
#define RELAY_INTERFACE_H

#include <stdint.h>

#include "base/addr.h"

/* One local address, as given by --interface NAME/ADDR[!ADVERTISED]. */
struct relay_interface {
	/* the name that signalling uses; not a device name: the device is the one that has the
	 * address `bind` */
	char name[32];
	struct addr bind; /* the address that sockets are bound to; its port is 0 */
	/* the address that signalling gives to peers; equals `bind` when "!ADVERTISED" is absent */
	struct addr advertised;
	uint16_t port_min, port_max;
};

#endif
