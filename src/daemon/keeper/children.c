/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels to the other processes. The supervisor starts them and hands over the ends; groups are keeper's own numbers.
 */
#include "children.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "control.h"
#include "deletion.h"
#include "expiry.h"
#include "ingest.h"
#include "keeper.h"
#include "media.h"
#include "observation.h"
#include "outbox.h"
#include "record.h"
#include "roots.h"

enum { RETRY_SECONDS = 2, REFUSED_RETRY_SECONDS = 60, AT_ONCE_MS = 50, GROUP_ROOTS_MAX = 64 };

/* One process that is wanted, running or not. */
struct child {
	struct child *next;
	struct keeper *keeper;
	enum process process;
	uint32_t key;
	bool wanted;
	bool asked; /* the supervisor knows */
	uint16_t roots[GROUP_ROOTS_MAX];
	size_t root_count;
	struct channel *channel;
	struct event *retry;
	bool refused; /* the last time */
};

struct children {
	struct keeper *keeper;
	struct child *list;
};

static struct child *child_find(const struct children *children, enum process process, uint32_t key) {
	for (struct child *child = children->list; child != NULL; child = child->next)
		if (child->process == process && child->key == key)
			return child;
	return NULL;
}

static void child_ask(struct child *child) {
	if (!child->wanted || child->asked || child->channel != NULL || child->keeper->stopping)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_CHILD_WANTED);
	record_child_put(&out.writer, &(struct record_child){.process = (uint8_t)child->process, .key = child->key});
	for (size_t i = 0; i < child->root_count && message_has_room(&out); i++)
		message_add_root(&out, &(struct record_root){.root = child->roots[i]});
	child->asked = true;
	channel_send(child->keeper->supervisor, &out, NULL, 0);
}

static void retry(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	child_ask(context);
}

static struct child *child_get(struct children *children, enum process process, uint32_t key) {
	struct child *child = child_find(children, process, key);
	if (child != NULL)
		return child;
	child = calloc(1, sizeof *child);
	if (child == NULL)
		return NULL;
	*child = (struct child){.next = children->list, .keeper = children->keeper, .process = process, .key = key};
	child->retry = evtimer_new(children->keeper->base, retry, child);
	if (child->retry == NULL) {
		free(child);
		return NULL;
	}
	children->list = child;
	return child;
}

static void child_retry(struct child *child) {
	struct timeval delay = {.tv_sec = RETRY_SECONDS};
	if (child->process == PROCESS_GUARD && child->refused)
		delay.tv_sec = REFUSED_RETRY_SECONDS;
	/* While there is no guard nobody sees who opens footage. The supervisor delays one that ends again and again. */
	else if (child->process == PROCESS_GUARD)
		delay = (struct timeval){.tv_usec = AT_ONCE_MS * 1000};
	if (child->wanted)
		(void)event_add(child->retry, &delay);
}

/* Tells whom it concerns; `crashed`: it ended by a signal, so what it was reading may be to blame. */
static void child_told(struct child *child, bool crashed) {
	switch (child->process) {
	case PROCESS_WATCHER:
	case PROCESS_REAPER:
		roots_child(child->keeper, child->key, child->process, child->channel);
		break;
	case PROCESS_PROBER:
	case PROCESS_HASHER:
		media_child(child->keeper, child->process, child->channel != NULL, crashed);
		break;
	case PROCESS_GUARD:
		observation_child(child->keeper, child->channel);
		break;
	case PROCESS_PUBLISHER:
		outbox_child(child->keeper, child->channel);
		break;
	default:
		break;
	}
}

static void child_send(struct child *child, enum message_type type) {
	struct message_writer out;
	message_begin(&out, type);
	record_child_put(&out.writer, &(struct record_child){.process = (uint8_t)child->process, .key = child->key});
	channel_send(child->keeper->supervisor, &out, NULL, 0);
}

/* ---- what children say ---- */

static void coverage_told(struct child *child, const struct record_watch_coverage *coverage) {
	bool overflowed = false;
	for (size_t i = 0; i < roots_count(child->keeper); i++) {
		struct root *root = roots_get(child->keeper, i);
		if (root->group != child->key)
			continue;
		/* A new watcher counts from nothing. */
		overflowed = overflowed || coverage->overflows > root->coverage.overflows;
		root->coverage = *coverage;
	}
	if (overflowed)
		(void)record_append(child->keeper, AUDIT_GAP, AUDIT_SUCCESS,
		    "the kernel's queue of changes overflowed; everything was compared again", NULL, NULL, NULL);
}

static void from_watcher(struct child *child, struct message *message) {
	struct keeper *keeper = child->keeper;
	struct record_root_found found;
	struct record_folder_end folder;
	struct record_scan_end scan;
	struct record_answer answer;
	struct record_watch_coverage coverage;
	switch (message->type) {
	case MESSAGE_ROOT_FOUND:
		if (record_root_found_get(&message->reader, &found))
			roots_found(keeper, &found);
		break;
	case MESSAGE_LISTING:
		ingest_listing(keeper, message);
		break;
	case MESSAGE_FOLDER_END:
		if (record_folder_end_get(&message->reader, &folder))
			ingest_folder_end(keeper, &folder);
		break;
	case MESSAGE_CHANGES:
		ingest_changes(keeper, message);
		break;
	case MESSAGE_SCAN_END:
		if (record_scan_end_get(&message->reader, &scan))
			ingest_scan_end(keeper, &scan);
		break;
	case MESSAGE_OPENED:
		if (record_answer_get(&message->reader, &answer))
			media_opened(keeper, &answer, message_take_descriptor(message, 0));
		break;
	case MESSAGE_WATCH_COVERAGE:
		if (record_watch_coverage_get(&message->reader, &coverage))
			coverage_told(child, &coverage);
		break;
	default:
		log_warning("watcher sent a %s, which it may not; ignoring it", message_name(message->type));
	}
}

static void from_reaper(struct keeper *keeper, struct message *message) {
	if (message->type == MESSAGE_ERASED)
		deletion_erased(keeper, message);
	else if (message->type == MESSAGE_FOLDERS_REMOVED)
		deletion_folders_removed(keeper, message);
	else
		log_warning("reaper sent a %s, which it may not; ignoring it", message_name(message->type));
}

static void from_reader(struct keeper *keeper, enum process process, struct message *message) {
	struct record_hashed hashed;
	if (process == PROCESS_PROBER && message->type == MESSAGE_FACTS)
		media_facts(keeper, message);
	else if (process == PROCESS_HASHER && message->type == MESSAGE_HASHED &&
	         record_hashed_get(&message->reader, &hashed))
		media_hashed(keeper, &hashed);
	else
		log_warning("a reader of media sent a %s, which it may not; ignoring it", message_name(message->type));
}

static void on_child_message(struct channel *channel, struct message *message, void *context) {
	(void)channel;
	struct child *child = context;
	if (child->process == PROCESS_WATCHER)
		from_watcher(child, message);
	else if (child->process == PROCESS_REAPER)
		from_reaper(child->keeper, message);
	else if (child->process == PROCESS_GUARD)
		observation_message(child->keeper, message);
	else if (child->process == PROCESS_PUBLISHER)
		outbox_message(child->keeper, message);
	else
		from_reader(child->keeper, child->process, message);
}

/* The supervisor's CHILD_DOWN, which follows, says why. */
static void on_child_end(struct channel *channel, int error, void *context) {
	struct child *child = context;
	(void)channel_free(channel);
	child->channel = NULL;
	if (error == -EPROTO || error == -ENOBUFS)
		log_warning_errno(error, "lost a child that broke the rules of its channel");
	child_told(child, false);
}

static const struct channel_handler child_handler = {.on_message = on_child_message, .on_end = on_child_end};

/* ---- what the supervisor says ---- */

static void child_up(struct children *children, struct message *message) {
	struct record_child record;
	int fd = message_take_descriptor(message, 0);
	if (fd < 0 || !record_child_get(&message->reader, &record)) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	struct child *child = child_find(children, (enum process)record.process, record.key);
	if (child == NULL || !child->wanted || child->channel != NULL) {
		(void)close(fd); /* which ends it */
		return;
	}
	child->asked = false;
	child->refused = false;
	child->channel = channel_new(children->keeper->base, fd, &child_handler, child);
	if (child->channel == NULL) {
		(void)close(fd);
		child_retry(child);
		return;
	}
	child_told(child, false);
}

static void child_lost_entry(struct keeper *keeper, const struct record_child_down *down) {
	json_t *details = json_pack("{s:s, s:i}", "child", process_name(down->process),
	    WIFSIGNALED(down->status) ? "signal" : "exit_code",
	    WIFSIGNALED(down->status) ? WTERMSIG((int)down->status) : WEXITSTATUS((int)down->status));
	(void)record_append(keeper, AUDIT_CHILD_LOST, AUDIT_FAILURE, NULL, NULL, details, NULL);
}

static void child_down(struct children *children, struct message *message) {
	struct record_child_down down;
	if (!record_child_down_get(&message->reader, &down))
		return;
	struct child *child = child_find(children, (enum process)down.process, down.key);
	if (child == NULL)
		return;
	child->asked = false;
	bool refused_again = child->refused && down.refused;
	child->refused = down.refused != 0;
	bool crashed = !down.refused && WIFSIGNALED(down.status);
	bool clean = !down.refused && WIFEXITED(down.status) && WEXITSTATUS(down.status) == 0;
	if (child->channel != NULL)
		child->channel = channel_free(child->channel);
	/* Of guard the supervisor has said it, and status does. */
	if (down.refused && !refused_again && child->process != PROCESS_GUARD)
		log_warning("the supervisor does not start a child: %.*s", (int)down.reason.length, down.reason.data);
	else if (!down.refused && !clean && !children->keeper->stopping)
		child_lost_entry(children->keeper, &down);
	child_told(child, crashed);
	if (child->process == PROCESS_GUARD && down.refused)
		observation_refused(children->keeper, down.reason);
	else if (child->process == PROCESS_GUARD)
		observation_lost(children->keeper, down.alive_us);
	child_retry(child);
}

static void settings_come(struct keeper *keeper, struct message *message) {
	int fd = message_take_descriptor(message, 0);
	struct settings *settings = NULL;
	int error = fd < 0 ? -EPROTO : settings_unseal(fd, &settings);
	if (fd >= 0)
		(void)close(fd);
	if (error != 0) {
		log_error_errno(error, "cannot read the new settings; keeping the old ones");
		return;
	}
	keeper_configure(keeper, settings);
}

static void reload_result(struct keeper *keeper, struct message *message) {
	struct record_reload_result result;
	char reason[TEXT_BYTES_MAX + 1];
	if (!record_reload_result_get(&message->reader, &result) || !text_copy(reason, sizeof reason, result.reason))
		return;
	if (result.accepted == 0)
		(void)record_append(keeper, AUDIT_CONFIGURATION_REFUSED, AUDIT_FAILURE, reason, NULL, NULL, NULL);
	control_reload_result(keeper, result.accepted != 0, reason);
}

static void on_supervisor_message(struct channel *channel, struct message *message, void *context) {
	(void)channel;
	struct keeper *keeper = context;
	switch (message->type) {
	case MESSAGE_CHILD_UP:
		child_up(keeper->children, message);
		break;
	case MESSAGE_CHILD_DOWN:
		child_down(keeper->children, message);
		break;
	case MESSAGE_SETTINGS:
		settings_come(keeper, message);
		break;
	case MESSAGE_RELOAD_RESULT:
		reload_result(keeper, message);
		break;
	case MESSAGE_STOP:
		keeper_stop(keeper);
		break;
	default:
		log_warning("the supervisor sent a %s, which keeper does not take; ignoring it", message_name(message->type));
	}
}

static void on_supervisor_end(struct channel *channel, int error, void *context) {
	(void)channel;
	struct keeper *keeper = context;
	if (error != 0)
		log_error_errno(error, "lost the supervisor; stopping");
	keeper_stop(keeper);
}

static const struct channel_handler supervisor_handler = {
    .on_message = on_supervisor_message, .on_end = on_supervisor_end};

/* ---- the interface ---- */

int children_open(struct keeper *keeper, int supervisor_fd, struct children **ret_children) {
	struct children *children = calloc(1, sizeof *children);
	if (children == NULL)
		return -ENOMEM;
	children->keeper = keeper;
	keeper->supervisor = channel_new(keeper->base, supervisor_fd, &supervisor_handler, keeper);
	if (keeper->supervisor == NULL) {
		free(children);
		return -ENOMEM;
	}
	*ret_children = children;
	return 0;
}

struct children *children_close(struct children *children) {
	if (children == NULL)
		return NULL;
	while (children->list != NULL) {
		struct child *child = children->list;
		children->list = child->next;
		(void)channel_free(child->channel);
		event_free(child->retry);
		free(child);
	}
	free(children);
	return NULL;
}

void children_want_group(struct keeper *keeper, uint32_t group, const uint16_t *roots, size_t count) {
	static const enum process processes[] = {PROCESS_WATCHER, PROCESS_REAPER};
	for (size_t i = 0; i < ARRAY_LENGTH(processes); i++) {
		struct child *child = child_get(keeper->children, processes[i], group);
		if (child == NULL) {
			log_error("no memory for the children of a volume; its roots stay offline");
			return;
		}
		child->root_count = count < GROUP_ROOTS_MAX ? count : GROUP_ROOTS_MAX;
		for (size_t j = 0; j < child->root_count; j++)
			child->roots[j] = roots[j];
		child->wanted = true;
		child_ask(child);
	}
}

void children_release_group(struct keeper *keeper, uint32_t group) {
	static const enum process processes[] = {PROCESS_WATCHER, PROCESS_REAPER};
	for (size_t i = 0; i < ARRAY_LENGTH(processes); i++) {
		struct child *child = child_find(keeper->children, processes[i], group);
		if (child == NULL)
			continue;
		bool running = child->channel != NULL || child->asked;
		child->wanted = false;
		(void)event_del(child->retry);
		child->channel = channel_free(child->channel);
		if (running)
			child_send(child, MESSAGE_CHILD_RELEASED);
		child->asked = false;
	}
}

static struct channel *reader(struct keeper *keeper, enum process process) {
	struct child *child = child_get(keeper->children, process, 0);
	if (child == NULL)
		return NULL;
	child->wanted = true;
	child_ask(child);
	/* It ends by itself when idle; it is asked for again when there is something to read. */
	child->wanted = child->channel == NULL;
	return child->channel;
}

struct channel *children_prober(struct keeper *keeper) {
	return reader(keeper, PROCESS_PROBER);
}

struct channel *children_hasher(struct keeper *keeper) {
	return reader(keeper, PROCESS_HASHER);
}

struct channel *children_publisher(struct keeper *keeper) {
	return reader(keeper, PROCESS_PUBLISHER);
}

void children_want_guard(struct keeper *keeper, bool wanted) {
	struct child *child = child_get(keeper->children, PROCESS_GUARD, 0);
	if (child == NULL) {
		log_error("no memory for guard; nobody sees who opens footage");
		return;
	}
	child->wanted = wanted;
	if (wanted) {
		child_ask(child);
		return;
	}
	bool running = child->channel != NULL || child->asked;
	(void)event_del(child->retry);
	child->channel = channel_free(child->channel);
	if (running)
		child_send(child, MESSAGE_CHILD_RELEASED);
	child->asked = false;
}

void children_kill(struct keeper *keeper, enum process process) {
	struct child *child = child_find(keeper->children, process, 0);
	if (child != NULL)
		child_send(child, MESSAGE_CHILD_KILL);
}
