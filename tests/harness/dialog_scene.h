/* SPDX-License-Identifier: MIT */
/* A call between alice and bob by SDP: its requests and replies, and the requests to the relay. */
#ifndef TESTS_HARNESS_DIALOG_SCENE_H
#define TESTS_HARNESS_DIALOG_SCENE_H

#include "tests/harness/gateway.h"

#define K1   "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define K2   "HJs3JxPWelhNSJtTrJf9GCtOo8uHex7mSSnMkUdK"
#define K3   "+JHuCdKP7RRTiPm8RN2DMtTA8O+kB8xyLU7xZzOa"
#define A80  "AES_CM_128_HMAC_SHA1_80"
#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

/* The reply to the last request. */
struct dialog_got {
	unsigned replies;
	enum err e;
	int sip_status;
	char why[320], warning[512], sdp[4096];
	unsigned n_media;
	struct dialog_media_report media[SDP_MEDIA_MAX];
};
extern struct dialog_got got;
extern struct dialog_options options; /* options of the following requests */

#define SAVP(port, key) "m=audio " port " RTP/SAVP 0\r\na=crypto:7 " A80 " inline:" key "\r\n"
#define AVP(port)       "m=audio " port " RTP/AVP 0\r\n"
#define UE              HEAD "c=IN IP4 198.51.100.1\r\nt=0 0\r\n"
#define CORE            HEAD "c=IN IP4 192.0.2.77\r\nt=0 0\r\n"

/* The reply callback of all requests; fills `got`. */
void on_reply(void *arg, const struct dialog_reply *r);
/* Each function sends a request and returns after its reply. */
enum err ask(enum dialog_op op, const char *from, const char *to, const char *sdp);
enum err offer(const char *from, const char *to, const char *sdp);
enum err answer(const char *from, const char *to, const char *sdp);
const struct relay_leg_spec *leg(unsigned media, unsigned l);
bool says(const char *line);
bool is_key(const struct keyctx *k, const char *inline_key);
/* Returns the key of the nth a=crypto line (from 0) in the reply. */
const char *key_said(unsigned nth);
enum err call_from_ue(void);
void begin(void);
enum err ask_branch(enum dialog_op op, const char *branch, const char *to, const char *sdp);

#endif
