/* SPDX-License-Identifier: MIT */
/* Every operation on sessions, for JSON-RPC, ng and offer/answer. */
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

/* One for the process. Control thread only. */
struct service;
struct targets;
struct targets_nets;

/* Settings for requests about calls. All zero: their defaults. */
struct call_settings {
	uint8_t other_media; /* enum dialog_other */
	bool recrypts;       /* ng: SRTP on both sides ends here instead of passing */
	uint8_t osrtp;       /* enum dialog_osrtp, END or PASS */
	/* ng: the suites to offer, best first; n_offer 0: all, in the order of sdes_offer_read */
	uint8_t n_offer;
	enum suite_id offer[SUITE_COUNT];
	uint32_t delete_delay_ms; /* ng: how long a call continues after its delete */
	/* a call that all sides hold, or nobody answered, ends this long after the last packet; 0:
	 * after an hour */
	uint32_t silent_timeout_ms;
};

struct service_config {
	struct relay *relay;
	uint32_t sessions_max;
	uint32_t port_quarantine_ms;
	/* settings of these names, NULL: none; borrowed for the life of the service */
	const struct targets_nets *media_deny, *media_allow;
	/* the relay's interfaces, borrowed for the life of the service, and defaults of specs */
	struct spec_context context;
	struct call_settings calls;
	uint64_t (*now_ns)(void); /* NULL: clk_mono_ns */
};

enum err service_new(struct service **out, const struct service_config *config,
                     struct why *why) MUST_USE;
/* From now on every request fails with ERR_CLOSED: a waiting one at once, one at the relay when the
 * relay stops. */
void service_close(struct service *sv);
/* Call after service_close and relay_stop. Takes NULL. */
void service_free(struct service *sv);
/* SIGHUP: takes over the settings that can change at run time; relay and interfaces stay. */
void service_reconfigure(struct service *sv, const struct service_config *config);

struct registry *service_registry(struct service *sv);
const struct spec_context *service_context(const struct service *sv);
const struct service_config *service_get_config(const struct service *sv);
struct relay *service_relay(struct service *sv);
/* The id of this process in SDP: random, chosen at start. */
const char *service_instance(const struct service *sv);
/* The judge of media targets and the owners of local ports (control/session/targets.h). */
struct targets *service_targets(const struct service *sv);
uint64_t service_now_ns(const struct service *sv);
/* For relay_set_asker, with the service as `arg`: asks the judge of targets whether a leg may learn
 * a source. */
void service_on_ask(void *service, const struct relay_event *ask);
/* Sends the workers the list of sources to ask about. Call after a start, a change of settings, a
 * new address in SDP. ERR_NOMEM: they keep the old list. */
enum err service_publish_targets(struct service *sv) MUST_USE;
/* Records that SDP names `a` instead of that interface's address. ERR_NOMEM. */
enum err service_say(struct service *sv, unsigned interface, const struct addr *a) MUST_USE;
void service_count_refused_target(struct service *sv);
void service_count_media_as_request(struct service *sv);

/* The limit that made a request fail; another gateway may serve it. */
enum service_limit {
	SERVICE_LIMIT_NONE,     /* the failure has another cause */
	SERVICE_LIMIT_SESSIONS, /* sessions-max */
	SERVICE_LIMIT_PORTS,
	SERVICE_LIMIT_DRAINING, /* new sessions are refused, or the gateway is shutting down */
	SERVICE_LIMIT_COUNT
};

/*
 * The result of a request, valid during the callback; so is the session after a delete. The
 * callback is called once for each request, from inside the request or later from relay_poll.
 * ERR_OK means that the worker has carried it out.
 */
struct service_result {
	enum err e;
	enum service_limit limit; /* on failure */
	const struct why *why;
	struct registry_session *session;        /* NULL on failure */
	bool changed;                            /* false: the request had no effect */
	const struct relay_session_stats *stats; /* delete: final; get: current; else NULL */
};
typedef void service_done_fn(void *arg, const struct service_result *result);

/*
 * create: makes a session with this id and content. If it exists with the same content, it succeeds
 * with `changed` false; with other content: ERR_EXISTS. update: applies the patch; one without
 * effect succeeds with `changed` false. A new key on an e2ae access leg that did not move is
 * ERR_REKEY unless e2ae_rekey accepts it. Requests of one session are carried out in order, each on
 * the result of the previous one; at most SERVICE_WAITING_MAX wait (ERR_BUSY). The service chooses
 * local ports, and other ones when another process holds them. It takes the patch, also on failure.
 */
enum { SERVICE_WAITING_MAX = 128 };
void service_create_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_update_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_delete(struct service *sv, struct str id, service_done_fn *done, void *arg);
/* The session and its current statistics. */
void service_get(struct service *sv, struct str id, service_done_fn *done, void *arg);

/* relay_session_refuses_key of that session. */
bool service_refuses_key(const struct registry_session *s, const struct keyctx *k, bool is_send);

/* The address for signalling: the advertised address with the leg's RTP port, or (_rtcp) its RTCP
 * port. None if the leg does not exist or has no RTCP port. */
struct addr service_local(const struct service *sv, const struct spec_leg *leg);
/* The leg's address of the other family, on which it receives too since its peer changed family;
 * none: it has none. */
struct addr service_local_other(const struct service *sv, const struct spec_leg *leg);
struct addr service_local_rtcp(const struct service *sv, const struct spec_leg *leg);

/* While draining, create fails with ERR_LIMIT ("draining"); other requests work. */
void service_set_draining(struct service *sv, bool on);
bool service_is_draining(const struct service *sv);

/*
 * `on`: the session's delete waits for a delay; false: the delete was cancelled. An ending session
 * does not count against sessions_max. If more than sessions_max are ending, the oldest is deleted.
 */
void service_set_ending(struct service *sv, struct registry_session *s, bool on);
/*
 * Called when no port is free: deletes the session that has been ending for longest
 * (service_delete). False: there is none. The request that found no port waits for the delete and
 * gets its ports without quarantine. NULL: such a request fails.
 */
typedef bool service_reclaim_fn(void *arg);
void service_set_reclaimer(struct service *sv, service_reclaim_fn *fn, void *arg);

struct service_counts {
	uint64_t created, deleted, refused, updates, port_retries, reclaimed;
	uint64_t lines_passed, lines_refused; /* m-lines: passed on, refused alone */
	uint64_t targets_refused;   /* requests and learnt sources, by the judge of media targets */
	uint64_t media_as_requests; /* datagrams from our own media ports to ng: dropped */
	uint32_t sessions, ending, sessions_max; /* `sessions` does not include `ending` */
};
void service_get_counts(const struct service *sv, struct service_counts *out);
/* Counts m-lines that are not relayed; returns the new total of lines_passed and lines_refused. */
uint64_t service_note_lines(struct service *sv, unsigned passed, unsigned refused);
void service_port_usage(struct service *sv, unsigned interface, struct ports_usage *out);

#endif
