/* SPDX-License-Identifier: MIT */
/* One SIP call of one terminal (RFC 3261): carries offers and answers, and keeps media flowing. */
#ifndef CMD_SLUICE_UE_SIP_CALL_H
#define CMD_SLUICE_UE_SIP_CALL_H

#include "cmd/sluice-ue/sip_links.h"
#include "cmd/sluice-ue/terminal.h"

/* State of a SIP dialog (RFC 3261 12.1). */
struct sip_dialog {
	char remote_tag[128];
	char target[256];  /* the peer's Contact */
	char routes[1024]; /* complete Route header lines, in order */
};

/*
 * The caller:
 *   IDLE -- INVITE sent --> CALLING -- 2xx --> UP -- BYE --> ENDED
 *   CALLING -- refused --> ENDED
 * The called terminal:
 *   IDLE -- INVITE answered with 2xx --> RINGING -- ACK --> UP -- BYE --> ENDED
 *   RINGING -- no ACK in time --> ENDED
 *   IDLE -- INVITE refused --> REFUSED -- ACK --> ENDED (RFC 3261 17.2.1)
 */
enum sip_state { SIP_IDLE, SIP_CALLING, SIP_RINGING, SIP_REFUSED, SIP_UP, SIP_ENDED };

struct sip_call {
	struct terminal *terminal; /* borrowed */
	struct sip_links links;
	/* index of the connection to the proxy, or of the one on which the call arrived */
	unsigned link;
	enum sip_state state;
	char call_id[256], local_tag[20];
	char local_uri[256], remote_uri[256];
	struct sip_dialog dialog;
	uint32_t cseq;
	uint64_t peer_cseq;
	/* number of further 2xx from other terminals; each such call is ended at once */
	unsigned forks;
	/* Our last request; it is pending until `is_done`. */
	struct {
		char branch[24];
		const char *method;
		bool is_done;
		unsigned status;
		char reason[128];
		struct buf body;
	} asked;
	/* Our 2xx that waits for its ACK (RFC 3261 13.3.1.4); for a refused INVITE only `end_ns` is
	 * used. */
	struct {
		struct buf text;
		unsigned link;
		uint64_t next_ns, end_ns, step_ns;
	} answered;
	struct why trouble; /* why this terminal refused the peer's offer */
};

enum err sip_call_open(struct sip_call *c, struct terminal *t, struct str local,
                       struct why *why) MUST_USE;
void sip_call_close(struct sip_call *c);

/* Calls through `proxy`. ERR_DENIED: the call was refused; `why` has the SIP status. */
enum err sip_call_invite(struct sip_call *c, struct str proxy, struct why *why) MUST_USE;
/* Sends a re-INVITE with the same keys or with new keys. */
enum err sip_call_update(struct sip_call *c, enum ue_update kind, bool hold,
                         struct why *why) MUST_USE;
enum err sip_call_bye(struct sip_call *c, struct why *why) MUST_USE;
/* Handles waiting SIP messages and media packets; waits at most a few milliseconds for more. */
void sip_call_turn(struct sip_call *c);

#endif
