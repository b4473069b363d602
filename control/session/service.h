/* SPDX-License-Identifier: MIT */
/* Every operation on sessions, typed: what JSON-RPC, ng and offer/answer stand on. */
#ifndef CONTROL_SESSION_SERVICE_H
#define CONTROL_SESSION_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "control/session/ports.h"
#include "control/session/registry.h"
#include "control/session/spec.h"
#include "relay/relay.h"

/* Control only. One for the process. */
struct service;
struct targets;
struct targets_nets;

/* What settings say for requests about calls. Zeroed: the defaults of the settings. */
struct call_settings {
	uint8_t other_media; /* enum dialog_other */
	bool recrypts;       /* ng: SRTP on both sides ends here instead of passing */
	uint8_t osrtp;       /* enum dialog_osrtp, END or PASS */
	uint8_t n_offer;     /* ng: suites that are offered, best first; 0: all, in the order of
	                        sdes_offer_read */
	enum suite_id offer[SUITE_COUNT];
	uint32_t delete_delay_ms;   /* ng: how long a call continues after its delete */
	uint32_t silent_timeout_ms; /* a call on hold by all sides, or not answered, ends after this
	                               long without packets; 0: an hour */
};

struct service_config {
	struct relay *relay;
	uint32_t sessions_max;
	uint32_t port_quarantine_ms;
	const struct targets_nets *media_deny,
		*media_allow; /* settings of these names; live as long as the service; NULL: none */
	struct spec_context context; /* the relay's interfaces, which live as long as the service,
	                                and what specs get that do not say */
	struct call_settings calls;
	uint64_t (*now_ns)(void); /* NULL: clk_mono_ns */
};

enum err service_new(struct service **out, const struct service_config *config,
                     struct why *why) MUST_USE;
/* Every request fails with ERR_CLOSED from now on: waiting ones at once, those at the relay when it
 * stops. */
void service_close(struct service *sv);
/* After service_close and relay_stop. Takes NULL. */
void service_free(struct service *sv);
/* SIGHUP: what can change while it runs; relay and interfaces stay. */
void service_reconfigure(struct service *sv, const struct service_config *config);

struct registry *service_registry(struct service *sv);
const struct spec_context *service_context(const struct service *sv);
const struct service_config *service_get_config(const struct service *sv);
struct relay *service_relay(struct service *sv);
/* The id of this process in SDP: random, chosen at start. */
const char *service_instance(const struct service *sv);
/* Where media may go, and whose local ports are (control/session/targets.h). */
struct targets *service_targets(const struct service *sv);
uint64_t service_now_ns(const struct service *sv);
/* For relay_set_asker, with the service as `arg`: a source that a leg may learn only when the judge
 * of targets permits it. */
void service_on_ask(void *service, const struct relay_event *ask);
/* Tells workers anew what to ask about: after a start, a change of settings, a new address in SDP.
 * ERR_NOMEM: they know what they knew. */
enum err service_publish_targets(struct service *sv) MUST_USE;
/* Some SDP names `a` instead of that interface's own address. ERR_NOMEM. */
enum err service_say(struct service *sv, unsigned interface, const struct addr *a) MUST_USE;
void service_count_refused_target(struct service *sv);
void service_count_media_as_request(struct service *sv);

/* What the gateway has too little of for a session or a leg; another gateway may serve it. */
enum service_limit {
	SERVICE_LIMIT_NONE,     /* the failure has another cause */
	SERVICE_LIMIT_SESSIONS, /* sessions-max */
	SERVICE_LIMIT_PORTS,
	SERVICE_LIMIT_DRAINING, /* new sessions are refused, or the gateway is shutting down */
	SERVICE_LIMIT_COUNT
};

/*
 * What became of an operation. `session` is NULL on failure and after delete's own call returned;
 * everything lives for the call. Called once for every request, from inside the request or later
 * from relay_poll. "ok" means that the worker has done it.
 */
struct service_result {
	enum err e;
	enum service_limit limit; /* on failure: what there is not enough of */
	const struct why *why;
	struct registry_session *session;
	bool changed;                            /* false: it was so already */
	const struct relay_session_stats *stats; /* delete: final; get: present; else NULL */
};
typedef void service_done_fn(void *arg, const struct service_result *result);

/*
 * create: a session of that id and content. The same content again: success, `changed` false; other
 * content: ERR_EXISTS. update: the session with the patch over it; a patch without effect is a
 * success that touches nothing. A new key on an e2ae access leg that did not move is ERR_REKEY
 * unless e2ae_rekey accepts it. Requests of one session are carried out in the order of asking,
 * each on the result of the one before; at most SERVICE_WAITING_MAX wait (ERR_BUSY). Local ports
 * are chosen here, and chosen again when somebody else holds one. The patch is taken in every case.
 */
enum { SERVICE_WAITING_MAX = 128 };
void service_create_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_update_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_delete(struct service *sv, struct str id, service_done_fn *done, void *arg);
/* The session and its present statistics. */
void service_get(struct service *sv, struct str id, service_done_fn *done, void *arg);

/* relay_session_refuses_key, of that session. */
bool service_refuses_key(const struct registry_session *s, const struct keyctx *k, bool is_send);

/* The address that signalling is told for a leg: advertised address, RTP or RTCP port. None for a
 * leg that does not exist or has no RTCP port. */
struct addr service_local(const struct service *sv, const struct spec_leg *leg);
/* Its address of the other family, where it is heard as well since its peer changed family; none:
 * it has none. */
struct addr service_local_other(const struct service *sv, const struct spec_leg *leg);
struct addr service_local_rtcp(const struct service *sv, const struct spec_leg *leg);

/* No new sessions: create answers ERR_LIMIT ("draining"); the rest goes on. */
void service_set_draining(struct service *sv, bool on);
bool service_is_draining(const struct service *sv);

/*
 * `on`: the session's delete waits for a delay; false: the delete was taken back. An ending session
 * does not count against sessions_max. There may be sessions_max ending ones beside; beyond that
 * the oldest of them is reclaimed.
 */
void service_set_ending(struct service *sv, struct registry_session *s, bool on);
/*
 * Called when ports run short: deletes the session that has been ending for longest
 * (service_delete). False: there is none. The operation that found no port waits for that, and its
 * ports are given out again without a rest. NULL: such a request fails.
 */
typedef bool service_reclaim_fn(void *arg);
void service_set_reclaimer(struct service *sv, service_reclaim_fn *fn, void *arg);

struct service_counts {
	uint64_t created, deleted, refused, updates, port_retries, reclaimed;
	uint64_t lines_passed, lines_refused; /* m-lines of descriptions that passed by, and that
	                                         were refused alone */
	uint64_t targets_refused;   /* requests and learnt sources, by the judge of media targets */
	uint64_t media_as_requests; /* datagrams that media ports of ours sent to ng: dropped */
	uint32_t sessions, ending,
		sessions_max; /* those that are ending are not among `sessions` */
};
void service_get_counts(const struct service *sv, struct service_counts *out);
/* Counts m-lines that are not relayed; the sum of all. */
uint64_t service_note_lines(struct service *sv, unsigned passed, unsigned refused);
void service_port_usage(struct service *sv, unsigned interface, struct ports_usage *out);

#endif
