/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From libconfig's file to a checked struct settings. */
#include "settings/parse.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_SECONDS = 86400 };

static const char *const top_keys[] = {"state_dir", "run_dir", "layouts_dir", "policy", "roots", "cameras", "holds",
    "clock", "brake", "expiry", "guard", "fingerprint", "probe", "log", "publish", "roles"};

static void set_defaults(struct config_source *source, struct settings *settings) {
	config_set_text(source, &settings->state_dir, "/var/lib/retention");
	config_set_text(source, &settings->run_dir, "/run/retention");
	settings->holds.pre_roll = (struct duration){.seconds = 60};
	settings->holds.post_roll = (struct duration){.seconds = 240};
	settings->holds.review = (struct duration){.days = 90};
	settings->holds.future = (struct duration){.days = 7};
	settings->holds.release_delay = (struct duration){.days = 1};
	settings->holds.two_person = true;
	settings->holds.vault_reserve_percent = 5;
	config_set_text(source, &settings->holds.case_pattern, "");
	settings->clock.require = CLOCK_RTC;
	settings->clock.max_jump = (struct duration){.days = 1};
	settings->brake.days = 3;
	settings->brake.minimum = 2000;
	settings->expiry_interval = (struct duration){.seconds = 600};
	settings->guard.mode = GUARD_ATTRIBUTE;
	settings->fingerprint = FINGERPRINT_SEAL;
	settings->probe = PROBE_AT_ONCE_HEADER;
	settings->log.keep = (struct duration){.years = 3};
	settings->log.checkpoint = (struct duration){.seconds = 600};
	settings->log.rotate = (struct duration){.days = 1};
	settings->log.syslog = true;
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		char group[32];
		(void)snprintf(group, sizeof(group), "retention-%s", role_name((enum role)i));
		config_set_text(source, &settings->role_groups[i], group);
		settings->role_gids[i] = (gid_t)-1;
	}
}

/* A duration without years and months, from `least_seconds` to `most_seconds`. */
static void read_fixed(struct config_source *source, const config_setting_t *in, const char *key,
    const int64_t range_seconds[2], struct duration *value) {
	char least[64], most[64];
	int64_t us;
	struct duration read = *value;
	if (!config_read_duration(source, in, key, &read))
		return;
	if (duration_fixed_us(&read, &us) && us >= range_seconds[0] * 1000000 && us <= range_seconds[1] * 1000000) {
		*value = read;
		return;
	}
	duration_format(&(struct duration){.seconds = range_seconds[0]}, least, sizeof(least));
	duration_format(&(struct duration){.days = (int32_t)(range_seconds[1] / DAY_SECONDS)}, most, sizeof(most));
	config_refuse(source, config_setting_get_member(in, key),
	    "'%s' is out of range; write days, hours, minutes or seconds from %s to %s", key, least, most);
}

/* A duration that may have months, but is not nothing. */
static void read_some(
    struct config_source *source, const config_setting_t *in, const char *key, struct duration *value) {
	struct duration read = *value;
	if (!config_read_duration(source, in, key, &read))
		return;
	if (duration_is_zero(&read))
		config_refuse(
		    source, config_setting_get_member(in, key), "'%s' is nothing; write a duration such as P90D", key);
	else
		*value = read;
}

static void read_case_pattern(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	char reason[128];
	regex_t regex;
	config_read_text(source, in, "case_pattern", &settings->holds.case_pattern);
	if (settings->holds.case_pattern == NULL || settings->holds.case_pattern[0] == '\0')
		return;
	const config_setting_t *at = config_setting_get_member(in, "case_pattern");
	if (strlen(settings->holds.case_pattern) > 200) {
		config_refuse(source, at, "'case_pattern' is longer than 200 bytes; write a shorter one");
		return;
	}
	int error = regcomp(&regex, settings->holds.case_pattern, REG_EXTENDED | REG_NOSUB);
	if (error == 0) {
		regfree(&regex);
		return;
	}
	(void)regerror(error, &regex, reason, sizeof(reason));
	config_refuse(source, at,
	    "'case_pattern' is no extended regular expression (%s); write one such as \"^[0-9]{4}-[0-9]+$\"", reason);
}

/* "5%" */
static void read_reserve(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	char *text = NULL;
	config_read_text(source, in, "vault_reserve", &text);
	if (text == NULL)
		return;
	size_t digits = strspn(text, "0123456789");
	unsigned long percent = digits > 0 && digits < 4 ? strtoul(text, NULL, 10) : 100;
	if (strcmp(text + digits, "%") == 0 && percent <= 90)
		settings->holds.vault_reserve_percent = (uint32_t)percent;
	else
		config_refuse(source, config_setting_get_member(in, "vault_reserve"),
		    "'vault_reserve' is not a share from 0%% to 90%%; write vault_reserve = \"5%%\";");
	free(text);
}

static void read_holds(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	static const char *const keys[] = {
	    "pre_roll", "post_roll", "review", "future", "two_person", "release_delay", "case_pattern", "vault_reserve"};
	static const int64_t roll[2] = {0, DAY_SECONDS}, days[2] = {0, INT64_C(366) * DAY_SECONDS};
	const config_setting_t *in = config_group(source, top, "holds");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_fixed(source, in, "pre_roll", roll, &settings->holds.pre_roll);
	read_fixed(source, in, "post_roll", roll, &settings->holds.post_roll);
	read_some(source, in, "review", &settings->holds.review);
	read_fixed(source, in, "future", days, &settings->holds.future);
	read_fixed(source, in, "release_delay", days, &settings->holds.release_delay);
	config_read_bool(source, in, "two_person", &settings->holds.two_person);
	read_case_pattern(source, in, settings);
	read_reserve(source, in, settings);
}

static void read_clock(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	static const char *const keys[] = {"require", "max_jump"};
	static const int64_t jump[2] = {60, INT64_C(366) * DAY_SECONDS};
	const config_setting_t *in = config_group(source, top, "clock");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	settings->clock.require = config_read_choice(source, in, "require", &clock_level_names, settings->clock.require);
	if (settings->clock.require == CLOCK_UNTRUSTED)
		config_refuse(source, config_setting_get_member(in, "require"),
		    "nothing is deleted on an untrusted clock; write synced, holdover, rtc or unverified");
	read_fixed(source, in, "max_jump", jump, &settings->clock.max_jump);
}

static void read_brake(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	static const char *const keys[] = {"days", "minimum"};
	static const uint32_t days[2] = {1, 366}, minimum[2] = {0, 100000000};
	const config_setting_t *in = config_group(source, top, "brake");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	config_read_integer(source, in, "days", days, &settings->brake.days);
	config_read_integer(source, in, "minimum", minimum, &settings->brake.minimum);
}

static void read_expiry(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	static const char *const keys[] = {"interval"};
	static const int64_t interval[2] = {1, DAY_SECONDS};
	const config_setting_t *in = config_group(source, top, "expiry");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_fixed(source, in, "interval", interval, &settings->expiry_interval);
}

/* How long one key signs: shorter would be a key for each checkpoint, longer one key for the life of the box. */
static void read_rotate(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	struct duration read = settings->log.rotate;
	if (!config_read_duration(source, in, "rotate", &read))
		return;
	int64_t longest = duration_longest_seconds(&read);
	if (longest >= 60 && longest <= INT64_C(366) * DAY_SECONDS)
		settings->log.rotate = read;
	else
		config_refuse(source, config_setting_get_member(in, "rotate"),
		    "'rotate' is out of range; write a duration from PT1M to P1Y, such as rotate = \"P1D\";");
}

static void read_log(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	static const char *const keys[] = {"keep", "checkpoint", "rotate", "syslog"};
	static const int64_t checkpoint[2] = {1, DAY_SECONDS};
	const config_setting_t *in = config_group(source, top, "log");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_some(source, in, "keep", &settings->log.keep);
	read_fixed(source, in, "checkpoint", checkpoint, &settings->log.checkpoint);
	read_rotate(source, in, settings);
	config_read_bool(source, in, "syslog", &settings->log.syslog);
}

static void read_roles(struct config_source *source, const config_setting_t *top, struct settings *settings) {
	const config_setting_t *in = config_group(source, top, "roles");
	if (in == NULL)
		return;
	config_check_keys(source, in, role_names.names, role_names.count);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		const char *role = role_names.names[i];
		config_read_text(source, in, role, &settings->role_groups[i]);
		const char *group = settings->role_groups[i];
		size_t length = group == NULL ? 0 : strlen(group);
		if (length == 0 || length > 32 || strcspn(group, " \t:,/") != length)
			config_refuse(source, config_setting_get_member(in, role),
			    "'%s' is not the name of a group; write %s = \"retention-%s\";", role, role, role);
	}
}

/* A folder of our own. */
static void read_folder(struct config_source *source, const config_setting_t *top, const char *key, char **value) {
	config_read_text(source, top, key, value);
	const char *fault = *value == NULL ? NULL : path_fault(*value);
	if (fault != NULL)
		config_refuse(source, config_setting_get_member(top, key), "'%s' %s", key, fault);
}

static void read_all(struct config_source *source, const char *default_layouts_dir, struct settings *settings) {
	const config_setting_t *top = config_root_setting(&source->config);
	set_defaults(source, settings);
	config_set_text(source, &settings->source, source->path);
	config_set_text(source, &settings->layouts_dir, default_layouts_dir);
	config_check_keys(source, top, top_keys, ARRAY_LENGTH(top_keys));
	read_folder(source, top, "state_dir", &settings->state_dir);
	read_folder(source, top, "run_dir", &settings->run_dir);
	read_folder(source, top, "layouts_dir", &settings->layouts_dir);
	if (source->no_memory)
		return;
	policy_read(source, settings);
	roots_read(source, settings);
	cameras_read(source, settings);
	read_holds(source, top, settings);
	read_clock(source, top, settings);
	read_brake(source, top, settings);
	read_expiry(source, top, settings);
	guard_read(source, settings);
	settings->fingerprint = config_read_choice(source, top, "fingerprint", &fingerprint_names, settings->fingerprint);
	settings->probe = config_read_choice(source, top, "probe", &probe_names, settings->probe);
	read_log(source, top, settings);
	publish_read(source, settings);
	read_roles(source, top, settings);
	roots_check_paths(source, settings);
}

int settings_load(
    const char *path, const char *default_layouts_dir, struct settings **ret_settings, char *message, size_t room) {
	struct config_source source;
	int result = config_source_open(&source, path, message, room);
	if (result < 0)
		return result;
	struct settings *settings = calloc(1, sizeof(*settings));
	if (settings == NULL)
		source.no_memory = true;
	else
		read_all(&source, default_layouts_dir, settings);
	result = config_source_finish(&source);
	if (result < 0)
		settings_free(settings);
	else
		*ret_settings = settings;
	return result;
}
