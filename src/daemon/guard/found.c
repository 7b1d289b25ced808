/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "found.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "guard.h"
#include "tell.h"

enum { FOUND_STEP_US = 300, LIST_BYTES = 4096 };

/* getdents64(2): fdopendir() would allocate for each process. */
struct proc_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static ssize_t list_read(int folder, char *names, size_t room) {
	return syscall(SYS_getdents64, folder, names, room);
}

/* A number, or 0 for any other name. */
static pid_t number_of(const char *name) {
	char *end;
	if (name[0] < '1' || name[0] > '9')
		return 0;
	long number = strtol(name, &end, 10);
	return *end == '\0' && number <= INT32_MAX ? (pid_t)number : 0;
}

/* What is looked at: a process, by a descriptor that never leads to another one, and who it is, once that is asked. */
struct candidate {
	pid_t pid;
	int descriptors;
	struct accessor *accessor;
	bool news;
};

static void candidate_identify(struct guard *guard, struct candidate *candidate) {
	if (candidate->accessor != NULL)
		return;
	int pidfd = (int)syscall(SYS_pidfd_open, candidate->pid, 0);
	candidate->accessor = openers_look(&guard->openers, guard->accessors, candidate->pid, pidfd);
	candidate->news = accessor_complete(guard->accessors, candidate->accessor);
}

static bool is_wanted(const struct guard *guard, const struct place *place) {
	return place->root >= 0 && !place->uncertain && !guard->roots[place->root].found;
}

static void descriptor_look(struct guard *guard, struct candidate *candidate, const char *name) {
	struct stat facts;
	if (fstatat(candidate->descriptors, name, &facts, 0) < 0 || !S_ISREG(facts.st_mode) ||
	    roots_find(guard, facts.st_dev) == NULL)
		return;
	CLOSED_AT_END int fd = openat(candidate->descriptors, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	place_of(guard, fd, &guard->place);
	if (!is_wanted(guard, &guard->place))
		return;
	candidate_identify(guard, candidate);
	/* Who was asked last is the one that has it only while it still has it. */
	if (fstatat(candidate->descriptors, name, &facts, 0) < 0 || facts.st_ino != guard->place.inode ||
	    accessor_part(guard->accessors, candidate->accessor, (size_t)guard->place.root) == ACCESSOR_OWN)
		return;
	tell_access(guard, candidate->accessor, &guard->place,
	    &(struct access_seen){.what = ACCESS_FOUND_OPEN, .told_before = !candidate->news, .at_us = clock_wall_us()});
	candidate->news = false;
}

static void process_look(struct guard *guard, const char *name) {
	_Alignas(8) char list[LIST_BYTES];
	struct candidate candidate = {.pid = number_of(name), .descriptors = -1};
	if (candidate.pid == 0 || candidate.pid == guard->own)
		return;
	CLOSED_AT_END int folder = openat(guard->found.proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLOSED_AT_END int descriptors = folder < 0 ? -1 : openat(folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptors < 0)
		return;
	candidate.descriptors = descriptors;
	for (ssize_t length = list_read(descriptors, list, sizeof list); length > 0;
	     length = list_read(descriptors, list, sizeof list))
		for (ssize_t at = 0; at < length;) {
			const struct proc_entry *entry = (const void *)(list + at);
			at += entry->length;
			if (entry->name[0] != '.')
				descriptor_look(guard, &candidate, entry->name);
		}
}

static bool look_begin(struct guard *guard) {
	guard->found.wanted = false;
	guard->found.at = guard->found.length = 0;
	bool any = false;
	for (size_t i = 0; i < guard->settings->root_count; i++)
		any = any || (guard->roots[i].watched && guard->roots[i].since_us != 0 && !guard->roots[i].found);
	if (any && guard->level >= GUARD_LEVEL_NOTIFICATION)
		guard->found.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return guard->found.proc >= 0;
}

/* Roots that were marked after the look began are looked for again. */
static void look_end(struct guard *guard) {
	descriptor_close(&guard->found.proc);
	if (guard->found.wanted)
		return;
	for (size_t i = 0; i < guard->settings->root_count; i++)
		guard->roots[i].found = guard->roots[i].found || guard->roots[i].since_us != 0;
}

bool found_step(struct guard *guard) {
	struct found *found = &guard->found;
	/* Once all marks are there. */
	if (found->proc < 0 && (!found->wanted || guard->walk.count > 0 || !look_begin(guard)))
		return false;
	int64_t until_us = clock_elapsed_us() + FOUND_STEP_US;
	while (clock_elapsed_us() < until_us) {
		if (found->at == found->length) {
			ssize_t length = list_read(found->proc, found->names, sizeof found->names);
			if (length <= 0) {
				look_end(guard);
				return found->wanted;
			}
			found->at = 0;
			found->length = (size_t)length;
		}
		const struct proc_entry *entry = (const void *)(found->names + found->at);
		found->at += entry->length;
		process_look(guard, entry->name);
	}
	return true;
}

void found_release(struct guard *guard) {
	descriptor_close(&guard->found.proc);
}
