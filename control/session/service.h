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

/* Exists once per process. Control thread only. */
struct service;
struct targets;
struct targets_nets;

/* Settings for requests about calls. Zero selects the default of each. */
struct call_settings {
	uint8_t other_media; /* enum dialog_other */
	bool recrypts;       /* ng: terminate SRTP that both sides have, instead of passing it */
	uint8_t osrtp;       /* enum dialog_osrtp, END or PASS */
	/* ng: the suites to offer, best first; n_offer 0: all, in the order of sdes_offer_read */
	uint8_t n_offer;
	enum suite_id offer[SUITE_COUNT];
	uint32_t delete_delay_ms; /* ng: how long a call continues after its delete */
	/* a call that is on hold or has no answer ends this long after its last packet; 0: 1 h */
	uint32_t silent_timeout_ms;
};

struct service_config {
	struct relay *relay;
	uint32_t sessions_max;
	uint32_t port_quarantine_ms;
	/* settings media-deny and media-allow; NULL: none; must live as long as the service */
	const struct targets_nets *media_deny, *media_allow;
	/* the relay's interfaces, which must live as long as the service; defaults of specs */
	struct spec_context context;
	struct call_settings calls;
	uint64_t (*now_ns)(void); /* the clock; NULL: clk_mono_ns */
};

enum err service_new(struct service **out, const struct service_config *config,
                     struct why *why) MUST_USE;
/* From now on every new request fails with ERR_CLOSED. Waiting requests fail at once; a request
 * that the relay carries out fails when the relay stops. */
void service_close(struct service *sv);
/* Call it after service_close and relay_stop. `sv` may be NULL. */
void service_free(struct service *sv);
/* SIGHUP: takes over the settings that can change at run time; relay and interfaces stay. */
void service_reconfigure(struct service *sv, const struct service_config *config);

struct registry *service_registry(struct service *sv);
const struct spec_context *service_context(const struct service *sv);
const struct service_config *service_get_config(const struct service *sv);
struct relay *service_relay(struct service *sv);
/* The id of this process in SDP: a random number chosen at start. */
const char *service_instance(const struct service *sv);
/* The judge of media targets and the owners of local ports (control/session/targets.h). */
struct targets *service_targets(const struct service *sv);
uint64_t service_now_ns(const struct service *sv);
/* For relay_set_asker, with the service as `arg`: asks the judge of targets whether a leg may learn
 * a source. */
void service_on_ask(void *service, const struct relay_event *ask);
/* Sends the workers the list of sources to ask about. Call it after the start, a change of settings
 * or a new address in SDP. ERR_NOMEM: the workers keep the old list. */
enum err service_publish_targets(struct service *sv) MUST_USE;
/* Records that SDP names `a` instead of the address of `interface`. ERR_NOMEM. */
enum err service_say(struct service *sv, unsigned interface, const struct addr *a) MUST_USE;
void service_count_refused_target(struct service *sv);
void service_count_media_as_request(struct service *sv);

/* The limit that made a request fail; another gateway may serve it. */
enum service_limit {
	SERVICE_LIMIT_NONE,     /* the failure has another cause */
	SERVICE_LIMIT_SESSIONS, /* the setting sessions-max */
	SERVICE_LIMIT_PORTS,    /* no local port pair is free */
	SERVICE_LIMIT_DRAINING, /* new sessions are refused, or the gateway is shutting down */
	SERVICE_LIMIT_COUNT
};

/*
 * The result of a request. It is valid during the callback, and so is the session, even after a
 * delete. The callback is called once for each request, from inside the request or later from
 * relay_poll. ERR_OK means that the worker has carried out the request.
 */
struct service_result {
	enum err e;
	enum service_limit limit; /* the limit that caused the failure */
	const struct why *why;
	struct registry_session *session;        /* NULL on failure */
	bool changed;                            /* false: the request had no effect */
	const struct relay_session_stats *stats; /* delete: final; get: current; else NULL */
};
typedef void service_done_fn(void *arg, const struct service_result *result);

/*
 * create: makes a session with this id and content. If the session exists with the same content,
 * create succeeds with `changed` false; with other content: ERR_EXISTS. update: applies the patch;
 * a patch without effect succeeds with `changed` false. A new key on an e2ae access leg that did
 * not move is ERR_REKEY unless e2ae_rekey accepts it. Requests of one session are carried out in
 * order, each on the result of the previous one; at most SERVICE_WAITING_MAX wait (ERR_BUSY). The
 * service chooses local ports, and tries others if another process holds them. It takes ownership
 * of the patch, also on failure.
 */
enum { SERVICE_WAITING_MAX = 128 };
void service_create_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_update_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg);
void service_delete(struct service *sv, struct str id, service_done_fn *done, void *arg);
/* Returns the session and its current statistics in the result. */
void service_get(struct service *sv, struct str id, service_done_fn *done, void *arg);

/* Does the relay refuse this key for the session? See relay_session_refuses_key. */
bool service_refuses_key(const struct registry_session *s, const struct keyctx *k, bool is_send);

/* The leg's address for signalling: the advertised address with its RTP port, in service_local_rtcp
 * with its RTCP port. No address if the leg does not exist or has no RTCP port. */
struct addr service_local(const struct service *sv, const struct spec_leg *leg);
/* The leg's address of the other family, on which it still receives after its peer changed family.
 * No address if the peer never changed family. */
struct addr service_local_other(const struct service *sv, const struct spec_leg *leg);
struct addr service_local_rtcp(const struct service *sv, const struct spec_leg *leg);

/* While draining, create fails with ERR_LIMIT ("draining"); other requests work. */
void service_set_draining(struct service *sv, bool on);
bool service_is_draining(const struct service *sv);

/*
 * `on`: the session's delete waits for a delay; false: the delete was cancelled. An ending session
 * does not count against sessions_max. If more than sessions_max sessions are ending, the reclaimer
 * deletes one.
 */
void service_set_ending(struct service *sv, struct registry_session *s, bool on);
/*
 * A reclaimer deletes the session that has been ending for longest (service_delete). The service
 * calls it when no port is free or too many sessions are ending. False: it could delete none. A
 * request that found no port waits for the delete and gets those ports without quarantine. Without
 * a reclaimer (NULL) such a request fails.
 */
typedef bool service_reclaim_fn(void *arg);
void service_set_reclaimer(struct service *sv, service_reclaim_fn *fn, void *arg);

struct service_counts {
	uint64_t created, deleted, refused, updates, port_retries, reclaimed;
	uint64_t lines_passed, lines_refused; /* m-lines that bypass the gateway, refused m-lines */
	uint64_t targets_refused;   /* requests and sources refused by the judge of media targets */
	uint64_t media_as_requests; /* datagrams from our own media ports that ng dropped */
	uint32_t sessions, ending, sessions_max; /* `sessions` does not include `ending` */
};
void service_get_counts(const struct service *sv, struct service_counts *out);
/* Counts m-lines that are not relayed; returns the new total of lines_passed and lines_refused. */
uint64_t service_note_lines(struct service *sv, unsigned passed, unsigned refused);
void service_port_usage(struct service *sv, unsigned interface, struct ports_usage *out);

#endif
