/* SPDX-License-Identifier: MIT */
/* The words of control messages for the enum values in struct relay_leg_spec. */
#include "relay/relay.h"

const struct word relay_rtcp_words[] = {
	{"mux", RELAY_RTCP_MUX}, {"pair", RELAY_RTCP_PAIR}, {"none", RELAY_RTCP_NONE}, {0}};

const struct word relay_latch_words[] = {
	{"signalled", RELAY_LATCH_SIGNALLED}, {"first", RELAY_LATCH_FIRST},
	{"follow", RELAY_LATCH_FOLLOW},       {"asymmetric", RELAY_LATCH_ASYMMETRIC},
	{"heuristic", RELAY_LATCH_HEURISTIC}, {0}};

const struct word relay_teach_words[] = {
	{"stun", RELAY_TEACH_STUN}, {"dtls", RELAY_TEACH_DTLS}, {"any", RELAY_TEACH_ANY}, {0}};

const struct word relay_rekey_roc_words[] = {
	{"either", RELAY_ROC_EITHER}, {"keep", RELAY_ROC_KEEP}, {"zero", RELAY_ROC_ZERO}, {0}};
