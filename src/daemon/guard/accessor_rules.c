/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the configuration. */
#include "accessor_rules.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

_Static_assert(ROOTS_MAX <= 64, "a bit for each root");

/* In another mount namespace the path may lead elsewhere than it does here: then it must be the same file. */
static bool executable_fits(const char *path, const struct rule_subject *subject) {
	if (strcmp(path, subject->executable) != 0)
		return false;
	if (!subject->foreign_namespace)
		return true;
	struct statx here;
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &here) == 0 &&
	       here.stx_ino == subject->program.inode &&
	       makedev(here.stx_dev_major, here.stx_dev_minor) == subject->program.device;
}

static bool rule_fits(const struct accessor_settings *rule, const struct rule_subject *subject) {
	if (rule->executable == NULL && rule->user == NULL && rule->unit == NULL)
		return false;
	if (rule->user != NULL && (rule->user_id == (uid_t)-1 || rule->user_id != subject->user))
		return false;
	if (rule->unit != NULL && !text_equal(text_of(rule->unit), subject->unit))
		return false;
	return rule->executable == NULL || executable_fits(rule->executable, subject);
}

bool rules_fit(const struct accessor_settings *rules, size_t count, const struct rule_subject *subject) {
	for (size_t i = 0; i < count; i++)
		if (rule_fits(&rules[i], subject))
			return true;
	return false;
}

uint64_t rules_recorder_of(const struct settings *settings, const struct rule_subject *subject) {
	uint64_t roots = 0;
	for (size_t i = 0; i < settings->root_count; i++)
		if (rules_fit(settings->roots[i].recorders, settings->roots[i].recorder_count, subject))
			roots |= UINT64_C(1) << i;
	return roots;
}
