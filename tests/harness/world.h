/* SPDX-License-Identifier: MIT */
/* A whole gateway over a network in memory: relay, service, dialogs and ng. A packet that it sends
 * to one of its own ports arrives at that port. */
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
	enum err e; /* result of the last request */
	char why[320];
	char reply[4096];    /* reply to the last ng request */
	unsigned hops, left; /* of the last pump(): packets to own ports; to other hosts */
	struct sim_pkt last_left;
};
extern struct world w;

bool world_begin(bool is_behind_nat);
void world_end(void);
/* Callback of requests: sets w.e and w.why. */
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
/* Returns the address of host number `n` outside the gateway. */
struct addr other_host(unsigned n);
const struct spec_leg *leg_now(const char *id, unsigned leg);
/* Return the address on which a leg of a session receives: the local or the advertised one. */
struct addr local_of(const char *id, unsigned leg, bool is_advertised);
struct addr json_local(unsigned n, unsigned leg, bool is_advertised);
/* Creates session `n` in mode rtp between two other hosts. */
enum err plain(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp);
enum err to_mode(unsigned n, enum relay_mode mode);
/* Runs until no packet moves, or for 300 ms. A packet to one of the gateway's own ports arrives
 * there, as the host or its NAT would return it. */
void pump(void);
/* Sends a packet from `from` to `to`: RTP, or a receiver report if `is_rtcp`. */
void inject(const struct addr *from, const struct addr *to, bool is_rtcp);
/* Sends packets one by one to every leg of n sessions: from its peer, from another host and from an
 * own port. Expects that each packet leaves the gateway at most once. */
void expect_no_more_than_one(unsigned n, enum relay_rtcp rtcp);

#endif
