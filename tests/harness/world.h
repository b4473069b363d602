/* SPDX-License-Identifier: MIT */
/* A whole gateway over the network in memory: relay, service, dialogs and ng, sessions of
 * strangers, and packets that come in again where they were sent to a port of the gateway. */
#ifndef TESTS_HARNESS_WORLD_H
#define TESTS_HARNESS_WORLD_H

#include "control/ng/ng.h"
#include "control/session/service.h"
#include "control/session/targets.h"
#include "tests/harness/call.h"

struct world {
	struct stage g;
	struct service *sv;
	struct dialogs *dialogs;
	struct ng *ng;
	unsigned cookies;
	enum err e; /* of the last request */
	char why[320];
	char reply[4096];    /* of the last ng request */
	unsigned hops, left; /* of the last pump: packets to ports of ours; packets to others */
	struct sim_pkt last_left;
};
extern struct world w;

bool world_begin(bool is_behind_nat);
void world_end(void);
/* Fills w.e and w.why. */
void on_result(void *arg, const struct service_result *r);
struct spec_session *patch_of(unsigned n);
struct spec_leg *leg_of(struct spec_session *p, unsigned leg);
void set_mode(struct spec_session *p, enum relay_mode mode);
void set_leg(struct spec_session *p, unsigned leg, const struct addr *remote,
             enum relay_latch latch, enum relay_rtcp rtcp);
void set_key(struct spec_session *p, unsigned leg, bool is_send, const struct keyctx *key);
enum err create(struct spec_session *p);
enum err update(struct spec_session *p);
enum err point(unsigned session, unsigned leg, const struct addr *remote);
struct addr stranger(unsigned n);
const struct spec_leg *leg_now(const char *id, unsigned leg);
/* Where a leg of session n hears its peer: on its interface, or as signalling is told of it. */
struct addr local_of(const char *id, unsigned leg, bool is_advertised);
struct addr json_local(unsigned n, unsigned leg, bool is_advertised);
/* A plain session between two strangers. */
enum err plain(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp);
enum err to_mode(unsigned n, enum relay_mode mode);
/* Packets travel until none moves, or the bound is met; those to ports of ours come in again, as a
 * host or its NAT would turn them. */
void pump(void);
void throw_in(const struct addr *from, const struct addr *to, bool is_rtcp);
/* One packet at a time into every leg of n sessions, from its peer, from strangers and from ports
 * of ours: each may come out once at most. */
void expect_no_more_than_one(unsigned n, enum relay_rtcp rtcp);

#endif
