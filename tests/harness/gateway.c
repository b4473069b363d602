/* SPDX-License-Identifier: MIT */
/* Starts and stops the signalling of a gateway. */
#include "tests/harness/gateway.h"

struct relay_interface interfaces[2];
uint16_t v4_port_max = 30999;
struct service *service;
struct dialogs *dialogs;

enum err set_up(void)
{
	struct service_config c = {.sessions_max = 10,
	                           .relay = &fake_relay,
	                           .context = {.interfaces = interfaces, .n_interfaces = 2}};
	struct why why = {""};
	enum err e;

	interfaces[0] = (struct relay_interface){
		.name = "v4",
		.bind = {.version = 4, .ip = {203, 0, 113, 1}},
		.advertised = {.version = 4, .ip = {203, 0, 113, 1}},
		.port_min = 30000,
		.port_max = v4_port_max,
	};
	interfaces[1] = (struct relay_interface){
		.name = "v6",
		.bind = {.version = 6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}},
		.advertised = {.version = 6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}},
		.port_min = 40000,
		.port_max = 40999,
	};
	fake_relay_reset();
	e = service_new(&service, &c, &why);
	if (e)
		return e;
	e = dialogs_new(&dialogs, service);
	if (e)
		service_free(service);
	return e;
}

void tear_down(void)
{
	relay_poll(&fake_relay);
	dialogs_free(dialogs);
	service_free(service);
	fake_relay_reset();
}
