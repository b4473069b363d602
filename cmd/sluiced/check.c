/* SPDX-License-Identifier: MIT */
/* Compares addresses, processors and folders of the settings with those of this machine. */
#include "cmd/sluiced/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "control/cpus.h"

/* Binds a socket to the address, without its port, and closes it. Returns errno; 0: the host has
 * the address. */
static int try_address(const struct addr *a)
{
	struct addr at = addr_with_port(a, 0);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 || bind(fd, (struct sockaddr *)&name, len) ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

static enum err check_address(const char *setting, const struct addr *a, struct why *why)
{
	char text[ADDR_TEXT_MAX];
	int error = try_address(a);

	if (!error)
		return ERR_OK;
	if (error == EADDRNOTAVAIL)
		return why_fail(why, ERR_NOT_FOUND,
		                "%s: this host does not have the address %s; name one that `ip "
		                "address` shows",
		                setting, addr_print_ip(a, text));
	return why_fail(why, ERR_NOT_FOUND, "%s: cannot use the address %s: %s", setting,
	                addr_print_ip(a, text), strerror(error));
}

static enum err check_interfaces(const struct conf *c, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < c->interfaces.n && !e; i++) {
		e = check_address(c->interfaces.items[i].name, &c->interfaces.items[i].bind, why);
		if (e)
			why_prefix(why, "interface");
	}
	return e;
}

static enum err check_listeners(const char *setting, const struct conf_list *list, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < list->n && !e; i++) {
		struct addr a;

		if (addr_parse(str_of(list->items[i]), &a) == ERR_OK)
			e = check_address(setting, &a, why);
	}
	return e;
}

/* The daemon makes the last folder of a socket's path, but not the folders above it. */
static enum err check_socket_folder(const char *path, struct why *why)
{
	char folder[256];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", path);
	for (unsigned i = 0; i < 2; i++) {
		char *slash = strrchr(folder, '/');

		if (!slash || slash == folder)
			return ERR_OK;
		*slash = '\0';
		if (stat(folder, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				return ERR_OK;
			return why_fail(why, ERR_RANGE, "control: %s is not a folder", folder);
		}
	}
	return why_fail(why, ERR_RANGE, "control: the folder %s does not exist; create it", folder);
}

static enum err check_cpus(const struct conf *c, struct why *why)
{
	int cpus[RELAY_WORKERS_MAX];
	unsigned n = 0;
	enum err e = cpus_find(&c->cpus, c->workers, cpus, &n, why);

	if (!e && c->pin_workers && c->workers > n)
		e = why_fail(why, ERR_RANGE,
		             "pin-workers: %u workers need as many processors, but this process "
		             "may use %u",
		             c->workers, n);
	return e;
}

enum err check_machine(const struct conf *c, struct why *why)
{
	enum err e = check_cpus(c, why);

	if (!e)
		e = check_interfaces(c, why);
	if (!e)
		e = check_listeners("ng", &c->ng, why);
	if (!e)
		e = check_listeners("http", &c->http, why);
	for (unsigned i = 0; i < c->control.n && !e; i++)
		if (c->control.items[i][0] == '/')
			e = check_socket_folder(c->control.items[i], why);
	return e;
}
