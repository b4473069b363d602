/* SPDX-License-Identifier: MIT */
/* Settings: one table for the file, the flags, --help and the manual. */
#ifndef CONTROL_CONF_H
#define CONTROL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/session/target.h"
#include "relay/relay.h"

enum { CONF_LISTEN_MAX = 8, CONF_WHERE_MAX = 128 };

/* A setting that may be given several times. */
struct conf_list {
	unsigned n;
	char items[CONF_LISTEN_MAX][CONF_WHERE_MAX];
};

/* Names and addresses are many to many (control/session/interfaces.h). */
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
	struct conf_interfaces interfaces; /* with port_min and port_max filled in */
	uint16_t port_min, port_max;
	unsigned workers; /* 0: one for each processor */
	bool pin_workers;
	struct conf_list cpus; /* control/cpus.h; none: those this process may use */
	struct conf_list control;
	unsigned control_mode;    /* of unix sockets */
	unsigned control_clients; /* of each listener */
	struct conf_list ng, ng_allow, http;
	struct conf_list sdes_offer;                 /* control/sdes_offer.h; none: all suites */
	unsigned other_media;                        /* enum dialog_other */
	unsigned ng_srtp;                            /* 1: recrypt */
	unsigned osrtp;                              /* enum dialog_osrtp: END or PASS */
	struct targets_nets media_deny, media_allow; /* control/session/target.h */
	unsigned engine, io;                         /* conf_engine_name, conf_io_name */
	unsigned log_level;                          /* enum log_level */
	unsigned sessions_max;
	unsigned port_quarantine_ms, setup_timeout_ms, inactivity_ms, rekey_overlap_ms;
	unsigned silent_timeout_s, delete_delay_s;
	unsigned e2ae_rekey; /* enum spec_rekey */
	unsigned rekey_roc;  /* enum relay_rekey_roc */
	unsigned non_rtp;    /* 1: dropped; 0: passes between plain legs */
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

/* A row. The name is that of the flag, without "--", and of the line in the file. */
struct conf_setting {
	const char *name;
	enum conf_type type;
	size_t offset;
	const char *preset; /* as a user writes it; NULL: `preset_text` says what the default is */
	const char *preset_text;
	const char *example; /* a value to show where there is no preset */
	uint64_t min, max;   /* UINT, PORT, OCTAL; WORD: `max` is the last value allowed, 0: all */
	const struct word *words; /* WORD */
	bool reloads;             /* a reload (SIGHUP) applies it; else it needs a restart */
	enum err (*check)(struct str value, struct why *why); /* LIST: each item; may be NULL */
	const char *arg, *help; /* the name of the value; what the setting does */
};

extern const struct conf_setting conf_settings[];
extern const size_t conf_settings_n;

/* What the command line says besides settings. */
struct conf_command {
	const char *file; /* --config; NULL: the standard file if it exists */
	bool check_only;  /* -n */
	bool help, version;
};

#define CONF_STANDARD_FILE "/etc/sluice/sluice.conf"

/*
 * Applies the presets, then the file, then the flags. A repeatable setting in a later place
 * replaces all its values from earlier places. Then checks settings against each other.
 * ERR_INVALID, ERR_RANGE, ERR_NOT_FOUND (unknown name), ERR_IO (no such file), ERR_SYNTAX: `why`
 * names the file and line, or the flag. Changes nothing but `out`, and that on success only.
 */
enum err conf_load(struct conf *out, struct conf_command *command, int argc, char *const *argv,
                   struct why *why) MUST_USE;
/* The presets, then `text` as a file. For tests. */
enum err conf_load_text(struct conf *out, struct str text, struct why *why) MUST_USE;

/* Copies into `now` what a reload may change, and lists in `need_restart` the names of other
 * settings that differ. */
void conf_reload(struct conf *now, const struct conf *next, struct buf *need_restart);

/* The word of a setting. */
const char *conf_engine_name(const struct conf *c);
const char *conf_io_name(const struct conf *c);
/* "/run/sluice/control.sock", or below $XDG_RUNTIME_DIR for an ordinary user. Static. */
const char *conf_standard_control(void);

void conf_print_help(FILE *out);
/* The rows as troff for sluiced.conf(5); a test writes and compares it. */
void conf_print_manual(struct buf *out);
/* cmd/share/sluice.conf: every setting in a comment, with its preset or an example; a test writes
 * and compares it. */
void conf_print_example(struct buf *out);

#endif
