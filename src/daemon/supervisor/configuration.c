/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "configuration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "link.h"
#include "settings/settings.h"
#include "supervisor.h"

enum { REASON_BYTES = 8192 };

static void say_lines(char *text) {
	for (char *rest = text, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
		if (line[0] != '\0')
			log_error("%s", line);
}

/* Reads and seals. On failure `reason` holds a line for each thing wrong. */
static int configuration_read(
    const struct supervisor *supervisor, struct settings **ret_settings, int *ret_fd, char reason[REASON_BYTES]) {
	reason[0] = '\0';
	struct settings *settings = NULL;
	int error = settings_load(supervisor->options.config, supervisor->places.layouts, &settings, reason, REASON_BYTES);
	if (error != 0) {
		if (reason[0] == '\0')
			(void)snprintf(reason, REASON_BYTES, "cannot read '%s': error %d", supervisor->options.config, -error);
		return error;
	}
	identity_resolve(settings);
	int fd = settings_seal(settings);
	if (fd < 0) {
		(void)snprintf(reason, REASON_BYTES, "cannot pass the settings on: error %d", -fd);
		settings = settings_free(settings);
		return fd;
	}
	*ret_settings = settings;
	*ret_fd = fd;
	return 0;
}

int configuration_open(struct supervisor *supervisor) {
	char reason[REASON_BYTES];
	int error = configuration_read(supervisor, &supervisor->settings, &supervisor->settings_fd, reason);
	if (error != 0)
		say_lines(reason);
	return error;
}

int configuration_check_first_start(const struct supervisor *supervisor) {
	const struct settings *settings = supervisor->settings;
	struct stat system_volume;
	if (folders_have_state(settings) || stat("/", &system_volume) < 0)
		return 0;
	int error = 0;
	for (size_t i = 0; i < settings->root_count; i++) {
		const struct root_settings *root = &settings->roots[i];
		struct stat facts;
		/* One that is not there yet is offline, and judged when it comes. */
		if (root->allow_system_volume || stat(root->path, &facts) < 0 || facts.st_dev != system_volume.st_dev)
			continue;
		log_error("%s: root '%s': '%s' lies on the system disk: mount the recordings there first, or write "
		          "'allow_system_volume = true;' in this root if that is meant",
		    settings->source, root->name, root->path);
		error = -EINVAL;
	}
	return error;
}

static bool folders_differ(const struct settings *a, const struct settings *b) {
	return strcmp(a->state_dir, b->state_dir) != 0 || strcmp(a->run_dir, b->run_dir) != 0;
}

static void reload_refuse(struct supervisor *supervisor, char *reason) {
	link_tell_reload(supervisor, false, reason);
	say_lines(reason);
	log_warning("the new configuration is refused, the old one stays");
}

static void reload_read(struct supervisor *supervisor) {
	char reason[REASON_BYTES];
	struct settings *settings;
	int fd;
	if (configuration_read(supervisor, &settings, &fd, reason) != 0) {
		reload_refuse(supervisor, reason);
		return;
	}
	if (folders_differ(settings, supervisor->settings)) {
		(void)snprintf(reason, sizeof reason,
		    "%s: state_dir and run_dir cannot change while the daemon runs: restart it", settings->source);
		settings = settings_free(settings);
		descriptor_close(&fd);
		reload_refuse(supervisor, reason);
		return;
	}
	if (settings_publishes(settings) && identity_find_publisher(&supervisor->options, &supervisor->identity) != 0) {
		(void)snprintf(reason, sizeof reason,
		    "%s: there is no user '%s' that could publish: create it with systemd-sysusers, or start with "
		    "--publish-user",
		    settings->source, supervisor->options.publish_user);
		settings = settings_free(settings);
		descriptor_close(&fd);
		reload_refuse(supervisor, reason);
		return;
	}
	supervisor->settings = settings_free(supervisor->settings);
	descriptor_close(&supervisor->settings_fd);
	supervisor->settings = settings;
	supervisor->settings_fd = fd;
	link_tell_settings(supervisor);
	link_tell_reload(supervisor, true, "");
	log_info("configuration '%s' read again", supervisor->options.config);
}

void configuration_reload(struct supervisor *supervisor) {
	if (supervisor->ending)
		return;
	notify_send(&supervisor->notify, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_elapsed_us());
	reload_read(supervisor);
	if (supervisor->ready)
		notify_send(&supervisor->notify, "READY=1");
}
