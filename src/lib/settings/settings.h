/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration as a checked struct. parse.c makes it from libconfig's file and refuses what is
 * wrong with file, line, what is wrong and what to write; transfer.c carries it to the processes.
 * A struct settings is never changed after it is made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/duration.h"
#include "settings/layout.h"

/* Limits. */
enum { ROOTS_MAX = 64, CAMERAS_MAX = 4096, SETTINGS_BYTES_MAX = 1 << 20 };
enum { ACCESSORS_MAX = 64, RECEIVERS_MAX = 8, WITNESSES_MAX = 8 };

enum root_mode { ROOT_OBSERVE, ROOT_ENFORCE };
enum foreign_policy { FOREIGN_KEEP, FOREIGN_EXPIRE };
enum clock_level { CLOCK_UNTRUSTED, CLOCK_UNVERIFIED, CLOCK_RTC, CLOCK_HOLDOVER, CLOCK_SYNCED };
enum guard_mode { GUARD_OFF, GUARD_ATTRIBUTE, GUARD_BLOCK };
enum fingerprint_time { FINGERPRINT_NEVER, FINGERPRINT_HOLD, FINGERPRINT_SEAL };
enum role { ROLE_GUARDROOM, ROLE_OFFICER, ROLE_PRIVACY, ROLE_AUDITOR, ROLE_ADMIN, ROLE_COUNT };

/* A program as the configuration names it: all that is set must fit. At least one is. */
struct accessor_settings {
	char *executable; /* absolute path, or NULL */
	char *user;       /* name as written, or NULL */
	uid_t user_id;    /* resolved by the supervisor; (uid_t)-1 where there is no such user: then it fits nobody */
	char *unit;       /* systemd unit or scope, "frigate.service"; or NULL */
};

/* Frees a list of them. */
void accessors_release(struct accessor_settings *list, size_t count);

struct root_settings {
	char *name;
	char *path; /* absolute, no symlink, no slash at the end */
	struct layout *layout;
	char *timezone; /* resolved: the root's, else the layout's; never NULL */
	enum root_mode mode;
	enum foreign_policy foreign;
	char *vault; /* absolute, or NULL */
	bool allow_system_volume;
	struct accessor_settings *recorders; /* `recorder`: who writes here; never refused, its traffic is summed up */
	size_t recorder_count;
	uint32_t line; /* where it stands in the file, for messages */
};

struct camera_settings {
	char *camera; /* "gate" or "frigate/gate" */
	bool has_retention;
	struct duration retention;
	bool has_legal_maximum;
	struct duration legal_maximum;
	char *retention_basis; /* or NULL */
	bool sound;            /* false: the camera records none; default true */
	char *sound_basis;     /* or NULL */
};

struct settings {
	char *source; /* the file it came from */
	char *state_dir;
	char *run_dir;
	char *layouts_dir;
	bool has_retention; /* unset means keep */
	struct duration retention;
	bool has_legal_maximum;
	struct duration legal_maximum;
	struct root_settings *roots;
	size_t root_count;
	struct camera_settings *cameras;
	size_t camera_count;
	struct {
		struct duration pre_roll, post_roll, review, future, release_delay;
		bool two_person;
		char *case_pattern; /* extended regular expression; "" accepts any */
		uint32_t vault_reserve_percent;
	} holds;
	struct {
		enum clock_level require;
		struct duration max_jump;
	} clock;
	struct {
		uint32_t days;
		uint32_t minimum;
	} brake;
	struct duration expiry_interval;
	struct {
		enum guard_mode mode;
		struct accessor_settings *allow; /* in block mode, beside recorders and our own programs */
		size_t allow_count;
	} guard;
	enum fingerprint_time fingerprint;
	enum {
		PROBE_AT_ONCE_NONE,
		PROBE_AT_ONCE_HEADER,
		PROBE_AT_ONCE_STREAMS,
		PROBE_AT_ONCE_DECODE
	} probe; /* key `probe`: what new segments get at once; default header */
	struct {
		struct duration keep, checkpoint;
		struct duration rotate; /* how long one key signs; P1D */
		bool syslog;            /* each entry to the system's own log */
	} log;
	struct {
		char **receivers; /* `syslog`: "udp://192.0.2.1:514", "tcp://[2001:db8::1]:601", "tls://log.example:6514" */
		size_t receiver_count;
		struct witness_settings {
			char *url; /* the prefix before /add-checkpoint: http:// or https:// */
			char *key; /* its verifier key, "name+hash+base64" (cosignature/v1) */
		} * witnesses;
		size_t witness_count;
		char *origin; /* `log_origin`: the log's name for witnesses; NULL: the box makes its own */
	} publish;
	char *role_groups[ROLE_COUNT]; /* group names */
	gid_t role_gids[ROLE_COUNT];   /* resolved by the supervisor; (gid_t)-1 where there is no such group */
};

/*
 * Reads and checks the file and the layouts it names (layouts_dir: an absolute path; the file's own
 * `layouts_dir` key, else `default_layouts_dir`). 0, or -EINVAL (or another negative errno) with one
 * line for each thing wrong in `message`.
 */
MUST_USE int settings_load(
    const char *path, const char *default_layouts_dir, struct settings **ret_settings, char *message, size_t room);
struct settings *settings_free(struct settings *settings);

/* The folder of the layouts that belongs to the running program: PATH_MAX bytes (layouts_place.c). */
void settings_layouts_place(char *ret_path);

/*
 * Whether a root lies on the disk of "/" without allow_system_volume: 0, or -EINVAL with one line for
 * each in `message`. A path that does not exist is fine: its disk may come later.
 */
MUST_USE int settings_check_volumes(const struct settings *settings, char *message, size_t room);

/* A sealed memfd that holds the settings; the caller closes it. Negative errno on failure. */
MUST_USE int settings_seal(const struct settings *settings);
/* Reads them back; checks every field again. 0 or a negative errno. `fd` stays the caller's. */
MUST_USE int settings_unseal(int fd, struct settings **ret_settings);

/* The rule for one camera: its own or the policy's; what the shorter is decides domain/retention.h. */
struct retention_rule {
	bool has_retention;
	struct duration retention;
	bool has_legal_maximum;
	struct duration legal_maximum;
	const char *source; /* "policy" or "cameras" */
	const char *basis;  /* retention_basis or NULL */
};
void settings_rule_for(
    const struct settings *settings, const char *root, const char *camera, struct retention_rule *ret_rule);

const char *root_mode_name(enum root_mode mode);      /* "enforce" */
const char *clock_level_name(enum clock_level level); /* "rtc" */
const char *role_name(enum role role);                /* "officer" */
const char *guard_mode_name(enum guard_mode mode);    /* "attribute" */

/* Whether anything is to leave the box: publisher runs. */
bool settings_publishes(const struct settings *settings);

/* ---- recognising a layout (recognise.c): retentionctl doctor --scan ---- */

struct recognition {
	char *layout;      /* name */
	uint64_t matching; /* of the names that were looked at */
	uint64_t foreign;
	char **cameras; /* found, sorted */
	size_t camera_count;
	char **examples; /* names that did not match, a few */
	size_t example_count;
};

/* Looks at up to `most` names below `path` and sorts the layouts of the folder by how well they fit, best first. 0 or a
 * negative errno. */
MUST_USE int recognise(
    const char *path, const char *layouts_dir, size_t most, struct recognition **ret_list, size_t *ret_count);
void recognition_free(struct recognition *list, size_t count);
