/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of reading a configuration. Each refuses what is wrong and reads on. Private to this folder. */
#pragma once

#include "settings/config_source.h"
#include "settings/settings.h"

/* parse_policy.c: `policy` and `cameras` (after the roots, whose names they use). */
void policy_read(struct config_source *source, struct settings *settings);
void cameras_read(struct config_source *source, struct settings *settings);

/* parse_roots.c: `roots`, and that no path lies inside one that it must not. */
void roots_read(struct config_source *source, struct settings *settings);
void roots_check_paths(struct config_source *source, const struct settings *settings);

/* parse_access.c: `guard` (after the roots, which must name their recorder in block mode), and `recorder` of a root. */
void guard_read(struct config_source *source, struct settings *settings);
void recorders_read(struct config_source *source, const config_setting_t *in, struct root_settings *root);

/* parse_publish.c: `publish`. */
void publish_read(struct config_source *source, struct settings *settings);

/* paths.c */

/* Whether a path is absolute, without "//", "." and "..": NULL, or what is wrong with it. Cuts slashes off its end. */
const char *path_fault(char *path);
/* True if `inner` is `outer` or lies below it, by their names. */
bool path_is_within(const char *inner, const char *outer);
/* True if the path exists and is reached over a symbolic link; `real` then has where it leads, to be freed. */
bool path_is_linked(const char *path, char **ret_real);

/* Refuses `path` (or NULL: nothing to refuse), the value of that key, unless it is absolute, plain and no symbolic
 * link. */
void path_check(struct config_source *source, const config_setting_t *in, const char *key, char *path);

/* The name of the system's time zone, to be freed: /etc/localtime, /etc/timezone, else UTC. NULL without memory. */
char *system_timezone(void);
