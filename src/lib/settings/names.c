/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings/names.h"

#include <string.h>

#include "base/distance.h"
#include "settings/settings.h"

#define TABLE(name, ...)                                    \
	static const char *const name##_list[] = {__VA_ARGS__}; \
	const struct name_table name = {name##_list, ARRAY_LENGTH(name##_list)}

TABLE(kind_names, [SEGMENT_VIDEO] = "video", [SEGMENT_STILL] = "still", [SEGMENT_SOUND] = "sound");
TABLE(finish_names, [FINISH_CLOSE] = "close", [FINISH_RENAME] = "rename", [FINISH_LINK] = "link",
    [FINISH_SIDECAR] = "sidecar", [FINISH_IDLE] = "idle");
TABLE(layout_clock_names, [LAYOUT_CLOCK_NONE] = "none", [LAYOUT_CLOCK_UTC] = "utc", [LAYOUT_CLOCK_LOCAL] = "local",
    [LAYOUT_CLOCK_EPOCH] = "epoch");
/* In the order of enum preserve's bits. */
TABLE(preserve_names, "reflink", "link", "copy");
TABLE(mode_names, [ROOT_OBSERVE] = "observe", [ROOT_ENFORCE] = "enforce");
TABLE(foreign_names, [FOREIGN_KEEP] = "keep", [FOREIGN_EXPIRE] = "expire");
TABLE(clock_level_names, [CLOCK_UNTRUSTED] = "untrusted", [CLOCK_UNVERIFIED] = "unverified", [CLOCK_RTC] = "rtc",
    [CLOCK_HOLDOVER] = "holdover", [CLOCK_SYNCED] = "synced");
TABLE(guard_names, [GUARD_OFF] = "off", [GUARD_ATTRIBUTE] = "attribute", [GUARD_BLOCK] = "block");
TABLE(fingerprint_names, [FINGERPRINT_NEVER] = "never", [FINGERPRINT_HOLD] = "hold", [FINGERPRINT_SEAL] = "seal");
TABLE(probe_names, [PROBE_AT_ONCE_NONE] = "none", [PROBE_AT_ONCE_HEADER] = "header",
    [PROBE_AT_ONCE_STREAMS] = "streams", [PROBE_AT_ONCE_DECODE] = "decode");
TABLE(role_names, [ROLE_GUARDROOM] = "guardroom", [ROLE_OFFICER] = "officer", [ROLE_PRIVACY] = "privacy",
    [ROLE_AUDITOR] = "auditor", [ROLE_ADMIN] = "admin");

bool name_find(const struct name_table *table, const char *name, size_t *ret_index) {
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->names[i], name) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

const char *name_nearest(const char *const *names, size_t count, const char *written) {
	const char *nearest = NULL;
	size_t written_length = strlen(written);
	size_t least = written_length / 2 < 4 ? written_length / 2 + 1 : 4;
	for (size_t i = 0; i < count; i++) {
		size_t steps = word_distance(written, names[i]);
		if (steps < least) {
			least = steps;
			nearest = names[i];
		}
	}
	return nearest;
}

static const char *name_at(const struct name_table *table, size_t index) {
	return index < table->count ? table->names[index] : "unknown";
}

const char *root_mode_name(enum root_mode mode) {
	return name_at(&mode_names, (size_t)mode);
}

const char *clock_level_name(enum clock_level level) {
	return name_at(&clock_level_names, (size_t)level);
}

const char *guard_mode_name(enum guard_mode mode) {
	return name_at(&guard_names, (size_t)mode);
}

const char *role_name(enum role role) {
	return name_at(&role_names, (size_t)role);
}
