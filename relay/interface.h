/* SPDX-License-Identifier: MIT */
/* A local address of the gateway, as control, workers and back ends know it. */
#ifndef RELAY_INTERFACE_H
#define RELAY_INTERFACE_H

#include <stdint.h>

#include "base/addr.h"

/* As in --interface NAME/ADDR[!ADVERTISED]. */
struct relay_interface {
	char name[32];    /* what signalling calls it; the device is the one that has the address */
	struct addr bind; /* port 0 */
	struct addr advertised; /* what signalling tells peers; equals bind without "!" */
	uint16_t port_min, port_max;
};

#endif
