/* SPDX-License-Identifier: MIT */
/* Settings of sluiced: one table defines the file, the flags, --help and the manual page. */
#ifndef CONTROL_CONF_H
#define CONTROL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/net/admit.h"
#include "control/session/target.h"
#include "relay/relay.h"

enum { CONF_LISTEN_MAX = 8, CONF_WHERE_MAX = 128 };

/* A setting that may be given several times. */
struct conf_list {
	unsigned n;
	char items[CONF_LISTEN_MAX][CONF_WHERE_MAX];
};

/* A name may have several addresses, an address several names (control/session/interfaces.h). */
struct conf_interfaces {
	unsigned n;
	struct relay_interface items[RELAY_INTERFACES_MAX];
};

/* Adds one [NAME/]ADDR[!ADVERTISED], or several separated by ";". NAME is "default" when absent.
 * ERR_INVALID, ERR_LIMIT, ERR_EXISTS. */
enum err conf_put_interfaces(struct conf_interfaces *list, struct str text,
                             struct why *why) MUST_USE;

/* Values of every setting, after conf_load. */
struct conf {
	struct conf_interfaces interfaces; /* each item has port_min and port_max set */
	uint16_t port_min, port_max;
	unsigned workers; /* number of worker threads; 0: one for each processor of `cpus` */
	bool pin_workers;
	struct conf_list cpus; /* see control/cpus.h; empty: every processor this process may use */
	struct conf_list control;
	unsigned control_mode; /* permission bits of control sockets (Unix sockets) */
	/* maximum number of connections to each listener of control, ng (TCP) and http */
	unsigned control_clients, ng_clients, http_clients;
	unsigned clients_per_peer; /* struct admit_limits, peer_max */
	unsigned client_idle_s, client_request_s;
	struct conf_list ng, ng_allow, http;
	struct conf_list sdes_offer;                 /* control/sdes_offer.h; empty: all suites */
	unsigned other_media;                        /* enum dialog_other */
	unsigned ng_srtp;                            /* SRTP on both sides: 0: pass; 1: recrypt */
	unsigned osrtp;                              /* enum dialog_osrtp: END or PASS */
	struct targets_nets media_deny, media_allow; /* see control/session/target.h */
	unsigned engine, io; /* conf_engine_name, conf_io_name give the word */
	unsigned log_level, log_format, log_priority; /* base/log.h: enum log_level, ... */
	unsigned sessions_max;
	unsigned port_quarantine_ms, setup_timeout_ms, inactivity_ms, rekey_overlap_ms;
	unsigned silent_timeout_s, delete_delay_s;
	unsigned e2ae_rekey; /* enum spec_rekey */
	unsigned rekey_roc;  /* enum relay_rekey_roc */
	unsigned non_rtp;    /* packets that are not RTP or RTCP: 0: pass (plain legs); 1: drop */
	unsigned dscp;
	unsigned ssrcs_per_leg, replay_window, replay_window_video, receive_lifetime, send_window,
		pkts_per_worker, auth_fail_rate, keys_remembered;
	unsigned gather_delay_us, busy_poll_us;
	bool require_locked_memory, core_dumps;
};

enum conf_type {
	CONF_UINT,
	CONF_PORT,
	CONF_BOOL,
	CONF_WORD,
	CONF_OCTAL,
	CONF_LIST,
	CONF_INTERFACES,
	CONF_NETS
};

/* A setting. `name` is its flag without "--", and its name in the file. */
struct conf_setting {
	const char *name;
	enum conf_type type;
	size_t offset;
	const char *preset;      /* default value as a user writes it; NULL: see `preset_text` */
	const char *preset_text; /* the default in words, if `preset` is NULL */
	const char *example;     /* value shown in the example file if `preset` is NULL */
	uint64_t min, max; /* UINT, PORT: range. OCTAL, WORD: highest value; WORD 0: no limit */
	const struct word *words; /* the words of a WORD setting */
	bool reloads;             /* true: a reload (SIGHUP) applies it; false: only a restart */
	/* checks one item of a LIST; may be NULL */
	enum err (*check)(struct str value, struct why *why);
	/* compares two values of a LIST by what they mean; NULL: compares their texts */
	bool (*is_eq)(const struct conf_list *a, const struct conf_list *b);
	const char *arg, *help; /* placeholder of the value in --help; what the setting does */
};

extern const struct conf_setting conf_settings[];
extern const size_t conf_settings_n;

/* Options of the command line that are not settings. */
struct conf_command {
	const char *file; /* --config; NULL: CONF_STANDARD_FILE if it exists */
	bool check_only;  /* -n: check the settings and exit */
	bool help, version;
};

#define CONF_STANDARD_FILE "/etc/sluice/sluice.conf"

/*
 * Applies the defaults, then the file, then the flags. A flag of a repeatable setting replaces all
 * values that the file gives it. Then checks settings against each other. ERR_INVALID, ERR_RANGE,
 * ERR_NOT_FOUND (unknown name), ERR_IO (no such file), ERR_SYNTAX: `why` names the file and line,
 * or the flag. Writes `out` and `command` on success only. With --help or --version `out` is zero.
 */
enum err conf_load(struct conf *out, struct conf_command *command, int argc, char *const *argv,
                   struct why *why) MUST_USE;
/* Applies the defaults, then `text` as if it were the file. For tests. */
enum err conf_load_text(struct conf *out, struct str text, struct why *why) MUST_USE;

/* Copies from `next` into `now` the settings that a reload may change. Appends to `need_restart`
 * the names of the other settings that differ. */
void conf_reload(struct conf *now, const struct conf *next, struct buf *need_restart);

/* The limits of a listener with at most `conns_max` connections. */
struct admit_limits conf_limits(const struct conf *c, unsigned conns_max);

/* The values of the settings `engine` and `io` as words. */
const char *conf_engine_name(const struct conf *c);
const char *conf_io_name(const struct conf *c);
/* The default control socket: "/run/sluice/control.sock", or a path below $XDG_RUNTIME_DIR for a
 * user other than root. The text is in a static buffer. */
const char *conf_standard_control(void);

void conf_print_help(FILE *out);
/* Writes the settings as troff for sluiced.conf(5). The unit test conf_files compares the page. */
void conf_print_manual(struct buf *out);
/* Writes cmd/share/sluice.conf: every setting in a comment, with its default or an example. The
 * unit test conf_files compares the file. */
void conf_print_example(struct buf *out);

#endif
