/* SPDX-License-Identifier: MIT */
/* The signalling of a gateway with two interfaces, "v4" and "v6", over the fake relay. */
#ifndef TESTS_HARNESS_GATEWAY_H
#define TESTS_HARNESS_GATEWAY_H

#include "control/dialog/dialog.h"
#include "tests/harness/fake_relay.h"
#include "tests/harness/harness.h"

extern struct relay_interface interfaces[2];
/* Highest port of "v4", whose range starts at 30000; set_up reads it. */
extern uint16_t v4_port_max;
extern struct service *service;
extern struct dialogs *dialogs;

enum err set_up(void) MUST_USE;
void tear_down(void);

#endif
