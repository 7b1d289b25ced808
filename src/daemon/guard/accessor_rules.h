/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose traffic it is: programs as the configuration names them, and our own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accessor_process.h"
#include "base/attributes.h"
#include "base/bytes.h"
#include "settings/settings.h"

/* What rules are held against. */
struct rule_subject {
	const char *executable; /* "" for none */
	struct process_program program;
	bool foreign_namespace; /* then a path says nothing: anybody may mount anything there */
	uint32_t user;          /* the one that decides permission */
	struct text unit;
};

/* True if one of them fits: all that it names is so. */
MUST_USE bool rules_fit(const struct accessor_settings *rules, size_t count, const struct rule_subject *subject);
/* The roots, one bit each, whose recorder this is. */
MUST_USE uint64_t rules_recorder_of(const struct settings *settings, const struct rule_subject *subject);
