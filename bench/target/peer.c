/* SPDX-License-Identifier: MIT */
/* The relay under test: its target file and its process. */
#include "bench/target/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clk.h"
#include "bench/target/target.h"

enum { WORDS_MAX = 64, READY_MS = 10000, END_MS = 5000 };

struct names {
	char access[ADDR_TEXT_MAX], core[ADDR_TEXT_MAX], bin[256], port[8], cpus[8];
	const char *tmp;
};

/* Returns a UDP port that is free on 127.0.0.1; 0: none. */
static uint16_t free_port(const char *netns)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr any, got = {0};
	int fd = -1;

	if (addr_parse_ip(STR("127.0.0.1"), &any) != ERR_OK ||
	    netns_socket(&fd, netns, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, NULL) != ERR_OK)
		return 0;
	if (bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&any, &ss)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr((struct sockaddr *)&ss, &got) != ERR_OK)
		got.port = 0;
	close(fd);
	return got.port;
}

static void find_names(struct names *n, const struct peer *p, const struct netns_place *place)
{
	ssize_t len = readlink("/proc/self/exe", n->bin, sizeof(n->bin) - 1);
	char *slash;

	n->bin[len > 0 ? len : 0] = 0;
	slash = strrchr(n->bin, '/');
	if (slash)
		*slash = 0;
	addr_print_ip(&place->theirs[SIDE_ACCESS], n->access);
	addr_print_ip(&place->theirs[SIDE_CORE], n->core);
	snprintf(n->port, sizeof(n->port), "%u", free_port(place->target_netns));
	snprintf(n->cpus, sizeof(n->cpus), "%u", place_target_cpus(place));
	n->tmp = p->tmp;
}

/* Copies `text` to `out` and replaces the words in braces. ERR_INVALID: a word is unknown. */
static enum err expand(const char *text, const struct names *n, struct buf *out, struct why *why)
{
	const struct {
		const char *word, *value;
	} known[] = {{"{access}", n->access}, {"{core}", n->core}, {"{bin}", n->bin},
	             {"{port}", n->port},     {"{tmp}", n->tmp},   {"{cpus}", n->cpus}};

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_LEN(known) &&
		       strncmp(text, known[i].word, strlen(known[i].word)) != 0)
			i++;
		if (i < ARRAY_LEN(known)) {
			buf_text(out, known[i].value);
			text += strlen(known[i].word);
		} else if (*text == '{') {
			return why_fail(why, ERR_INVALID,
			                "'%s': unknown word in braces; allowed are {access} {core} "
			                "{bin} {cpus} {port} {tmp}",
			                text);
		} else {
			buf_char(out, *text++);
		}
	}
	return out->bad ? ERR_NOMEM : ERR_OK;
}

static enum err expand_into(const json_t *v, const struct names *n, char *out, size_t room,
                            struct why *why)
{
	struct buf text = {0};
	enum err e = ERR_OK;

	if (!json_is_string(v))
		return ERR_OK;
	e = expand(json_string_value(v), n, &text, why);
	if (e == ERR_OK && str_copy(buf_as_str(&text), out, room) != ERR_OK)
		e = why_fail(why, ERR_TOO_BIG,
		             "a value of the target file is too long, at most %zu octets: %s",
		             room - 1, text.p);
	buf_free(&text);
	return e;
}

/* Runs in the child process: sets namespace, CPUs and log file, and executes the target. The kernel
 * kills the child when sluice-bench ends. */
static _Noreturn void become(char **argv, const char *log, const struct netns_place *place)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
	    null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (netns_enter(place->target_netns, NULL) != ERR_OK || !place_pin(place->target_cpus) ||
	    fd < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static enum err start(struct peer *p, const json_t *words, const struct names *n,
                      const struct netns_place *place, struct why *why)
{
	char *argv[WORDS_MAX + 1] = {NULL};
	struct buf text[WORDS_MAX] = {0};
	enum err e =
		json_array_size(words) <= WORDS_MAX
			? ERR_OK
			: why_fail(why, ERR_TOO_BIG, "\"start\" has more than %d words", WORDS_MAX);
	pid_t pid;

	for (size_t i = 0; i < json_array_size(words) && e == ERR_OK; i++) {
		const char *word = json_string_value(json_array_get(words, i));

		e = word ? expand(word, n, &text[i], why)
		         : why_fail(why, ERR_INVALID, "every word of \"start\" must be a string");
		argv[i] = text[i].p;
	}
	if (e == ERR_OK) {
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			become(argv, p->log, place);
		p->pid = pid;
		p->is_child = pid > 0;
		e = pid > 0 ? ERR_OK
		            : why_fail(why, ERR_IO, "cannot start a process for the target: %s",
		                       strerror(errno));
	}
	for (size_t i = 0; i < WORDS_MAX; i++)
		buf_free(&text[i]);
	return e;
}

/* True if the target's control address accepts a connection or, with ng, answers a ping. */
static bool answers(const struct peer *p, const char *netns)
{
	static const char ping[] = "0 d7:command4:pinge";
	const char *place = strchr(p->control, ':') + 1;
	struct sockaddr_storage ss;
	struct pollfd pfd = {.events = POLLIN};
	struct target *t = NULL;
	struct addr a;
	bool ok = false;
	char reply[64];

	if (strncmp(p->control, "ng:", 3) != 0) {
		ok = target_open(&t, p->control, netns, NULL) == ERR_OK;
		target_close(t);
		return ok;
	}
	if (addr_parse(str_of(place), &a) != ERR_OK ||
	    netns_socket(&pfd.fd, netns, a.version == 6 ? AF_INET6 : AF_INET,
	                 SOCK_DGRAM | SOCK_CLOEXEC, NULL) != ERR_OK)
		return false;
	if (connect(pfd.fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) == 0 &&
	    send(pfd.fd, ping, sizeof(ping) - 1, 0) > 0)
		ok = poll(&pfd, 1, 200) > 0 && recv(pfd.fd, reply, sizeof(reply), 0) > 0;
	close(pfd.fd);
	return ok;
}

static enum err wait_ready(struct peer *p, const char *netns, struct why *why)
{
	uint64_t until = clk_mono_ns() + READY_MS * NS_PER_MS;
	int status;

	if (!strchr(p->control, ':'))
		return why_fail(
			why, ERR_INVALID,
			"\"control\" is '%s'; must be jsonrpc:..., jsonrpc-sdp:... or ng:...",
			p->control);
	while (clk_mono_ns() < until) {
		if (answers(p, netns))
			return ERR_OK;
		if (p->is_child && waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->is_child = false;
			return why_fail(why, ERR_CLOSED, "%s exited at start (status %d); see %s",
			                p->name, status, p->log);
		}
		usleep(50000);
	}
	return why_fail(why, ERR_TIMEOUT, "%s does not answer at %s; see %s", p->name, p->control,
	                p->log);
}

static enum err load(json_t **out, const char *path, struct why *why)
{
	json_error_t bad;
	json_t *doc = json_load_file(path, 0, &bad);

	if (!doc && bad.line < 0) /* the file cannot be opened */
		return why_fail(
			why, ERR_NOT_FOUND,
			"--target: '%s' is not jsonrpc:..., jsonrpc-sdp:..., ng:... or a file: %s",
			path, bad.text);
	if (!doc)
		return why_fail(why, ERR_SYNTAX, "--target: %s, line %d: %s", path, bad.line,
		                bad.text);
	*out = doc;
	return ERR_OK;
}

static enum err read_file(struct peer *p, struct why *why)
{
	static const char *const sides[] = {"access", "core"};
	const struct netns_place *place = p->place;
	json_t *doc = NULL, *interfaces;
	struct names names;
	enum err e = load(&doc, p->file, why);

	if (e != ERR_OK)
		return e;
	find_names(&names, p, place);
	interfaces = json_object_get(doc, "interfaces");
	e = expand_into(json_object_get(doc, "control"), &names, p->control, sizeof(p->control),
	                why);
	for (int side = 0; side < SIDES && e == ERR_OK; side++)
		e = expand_into(json_object_get(interfaces, sides[side]), &names,
		                p->interface[side], sizeof(p->interface[side]), why);
	if (p->pid == 0)
		p->pid = (pid_t)json_integer_value(json_object_get(doc, "pid"));
	if (e == ERR_OK && json_is_array(json_object_get(doc, "start")))
		e = start(p, json_object_get(doc, "start"), &names, place, why);
	json_decref(doc);
	if (e != ERR_OK)
		why_prefix(why, "%s", p->file);
	return e == ERR_OK ? wait_ready(p, place->target_netns, why) : e;
}

enum err peer_open(struct peer *out, const char *target, pid_t pid, const struct netns_place *place,
                   struct why *why)
{
	struct peer p = {.pid = pid, .place = place};
	bool is_file = strncmp(target, "ng:", 3) && strncmp(target, "jsonrpc:", 8) &&
	               strncmp(target, "jsonrpc-sdp:", 12);
	json_t *doc = NULL;
	enum err e = str_copy(str_of(target), is_file ? p.file : p.control, sizeof(p.file));

	if (e != ERR_OK)
		return why_fail(why, ERR_TOO_BIG,
		                "--target: '%s' is too long; at most %zu octets are allowed",
		                target, sizeof(p.file) - 1);
	if (is_file) {
		e = load(&doc, p.file, why);
		snprintf(p.name, sizeof(p.name), "%s",
		         json_is_string(json_object_get(doc, "name"))
		                 ? json_string_value(json_object_get(doc, "name"))
		                 : target);
		json_decref(doc);
	} else {
		snprintf(p.name, sizeof(p.name), "%.*s", (int)strcspn(target, ":"), target);
	}
	if (e == ERR_OK)
		*out = p;
	return e;
}

enum err peer_start(struct peer *p, struct why *why)
{
	enum err e = ERR_OK;

	if (!*p->file || *p->tmp)
		return ERR_OK;
	snprintf(p->tmp, sizeof(p->tmp), "/tmp/sluice-bench-XXXXXX");
	if (!mkdtemp(p->tmp)) {
		e = why_fail(why, ERR_IO, "cannot create the folder %s: %s", p->tmp,
		             strerror(errno));
		p->tmp[0] = 0;
		return e;
	}
	snprintf(p->log, sizeof(p->log), "%s/log", p->tmp);
	e = read_file(p, why);
	if (e != ERR_OK)
		peer_end(p);
	return e;
}

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	(void)rmdir(path);
}

enum err peer_check(struct peer *p, struct why *why)
{
	int status;

	if (!p->is_child || waitpid(p->pid, &status, WNOHANG) != p->pid)
		return ERR_OK;
	p->is_child = false;
	p->pid = 0;
	return why_fail(why, ERR_CLOSED, "the target exited during the run (%s %d); see %s",
	                WIFSIGNALED(status) ? "signal" : "exit status",
	                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), p->log);
}

void peer_end(struct peer *p)
{
	int status, waited_ms = 0;
	bool was_child = p->is_child;

	if (p->is_child) {
		kill(p->pid, SIGTERM);
		while (waitpid(p->pid, &status, WNOHANG) == 0) {
			if (waited_ms++ == END_MS)
				kill(p->pid, SIGKILL);
			usleep(1000);
		}
		p->is_child = false;
		p->pid = 0;
	}
	/* Keep the folder of a target that exited by itself: the error message names its log. */
	if (*p->tmp && (was_child || access(p->log, F_OK) != 0))
		remove_folder(p->tmp);
	p->tmp[0] = 0;
}
