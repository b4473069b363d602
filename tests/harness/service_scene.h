/* SPDX-License-Identifier: MIT */
/* A service over the fake relay, its JSON requests, and their results. */
#ifndef TESTS_HARNESS_SERVICE_SCENE_H
#define TESTS_HARNESS_SERVICE_SCENE_H

#include "control/doc/json.h"
#include "control/session/service.h"
#include "tests/harness/fake_relay.h"
#include "tests/harness/harness.h"

extern struct relay_interface service_interfaces[2]; /* "default" and "core" */
extern uint64_t service_scene_ns;                    /* the service's clock, ns */

/* The results so far. */
struct answers {
	unsigned n;
	struct {
		enum err e;
		bool changed;
		struct addr a, b;
		char why[320];
		bool has_stats;
	} last[256];
};

uint64_t service_scene_now(void);
struct service *service_start(uint16_t port_min, uint16_t port_max, enum spec_rekey rekey);
void service_end(struct service *sv);
void on_answer(void *arg, const struct service_result *r);
struct spec_session *patch_of_json(struct service *sv, const char *json);
void ask_create(struct service *sv, const char *json, struct answers *out);
void ask_update(struct service *sv, const char *json, struct answers *out);

#define KEY1    "\"d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\""
#define KEY2    "\"WnD7c1ksDGs+dIefCEo8omPg4uO8DYIinNGL5yxQ\""
#define SUITE80 "\"suite\":\"AES_CM_128_HMAC_SHA1_80\""
#define E2AE(id, key)                                                                              \
	"{\"id\":\"" id "\",\"media\":[{\"id\":\"0\",\"mode\":\"e2ae\",\"legs\":{"                 \
	"\"a\":{\"remote\":\"127.0.0.1:49170\",\"rtcp\":\"mux\",\"receive\":{\"keying\":{" SUITE80 \
	",\"inline\":" key "}},\"send\":{\"keying\":{" SUITE80 ",\"inline\":" KEY2 "}}},"          \
	"\"b\":{\"remote\":\"127.0.0.1:31000\",\"rtcp\":\"pair\"}}}]}"
#define RTP(id)                                                                   \
	"{\"id\":\"" id "\",\"media\":[{\"id\":\"0\",\"mode\":\"rtp\",\"legs\":{" \
	"\"a\":{\"remote\":\"127.0.0.1:49170\"},\"b\":{\"remote\":\"127.0.0.1:31000\"}}}]}"

#endif
