/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "requests.h"

#include <errno.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "guard.h"
#include "level.h"

static int roots_take(struct guard *guard, struct message *message) {
	struct record_guard_root root;
	while (message_next_guard_root(message, &root)) {
		if (root.root >= guard->settings->root_count)
			return -EPROTO;
		if (root.watched != 0)
			root_watch(guard, root.root);
		else
			root_unwatch(guard, root.root);
	}
	return 0;
}

static int rule_take(struct guard *guard, struct message *message) {
	struct record_guard_rule rule;
	if (!record_guard_rule_get(&message->reader, &rule))
		return -EPROTO;
	guard->refuse_all = rule.refuse_all != 0;
	return 0;
}

/* Whether the roots kept their numbers. */
static bool roots_are_same(const struct settings *a, const struct settings *b) {
	if (a->root_count != b->root_count)
		return false;
	for (size_t i = 0; i < a->root_count; i++)
		if (strcmp(a->roots[i].name, b->roots[i].name) != 0 || strcmp(a->roots[i].path, b->roots[i].path) != 0)
			return false;
	return true;
}

/* Roots that keep their numbers keep their marks. Where a number changed, all begin anew with keeper's next
 * GUARD_ROOTS, and their coverage says since when. */
static int settings_take(struct guard *guard, struct message *message) {
	CLOSED_AT_END int fd = message_take_descriptor(message, 0);
	struct settings *settings = NULL;
	int error = fd < 0 ? -EPROTO : settings_unseal(fd, &settings);
	if (error != 0)
		return error;
	bool same = roots_are_same(guard->settings, settings);
	for (size_t i = 0; i < guard->settings->root_count; i++) {
		if (!same)
			root_unwatch(guard, i);
		else if (guard->roots[i].watched)
			guard->roots[i].path = text_of(settings->roots[i].path);
	}
	struct settings *before = guard->settings;
	guard->settings = settings;
	accessors_configure(guard->accessors, settings);
	(void)settings_free(before);
	/* Who is a recorder may have changed: each accessor is told again. */
	memset(guard->told, 0, sizeof guard->told);
	level_forget_told(guard);
	level_tell(guard);
	return 0;
}

static int message_take(struct guard *guard, struct message *message) {
	switch (message->type) {
	case MESSAGE_GUARD_ROOTS:
		return roots_take(guard, message);
	case MESSAGE_GUARD_RULE:
		return rule_take(guard, message);
	case MESSAGE_SETTINGS:
		return settings_take(guard, message);
	default:
		return -EPROTO;
	}
}

int requests_turn(struct guard *guard, int channel) {
	for (;;) {
		int received = message_receive(channel, &guard->message);
		if (received == -EAGAIN)
			return 0;
		if (received <= 0)
			return received == 0 ? -EPIPE : received;
		int error = message_take(guard, &guard->message);
		message_close_descriptors(&guard->message);
		if (error != 0)
			return error;
	}
}
