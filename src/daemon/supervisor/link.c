/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "children.h"
#include "configuration.h"
#include "ipc/channel.h"
#include "ipc/message.h"
#include "supervisor.h"

/* ---- from keeper ---- */

static void say_status(const struct supervisor *supervisor, struct text text) {
	/* A newline would begin another word to the service manager. */
	if (text.length > 0 && memchr(text.data, '\n', text.length) == NULL && !supervisor->ending)
		notify_send(&supervisor->notify, "STATUS=%.*s", (int)text.length, text.data);
}

static bool take_ready(struct supervisor *supervisor, struct message *message) {
	struct record_notice notice;
	if (!record_notice_get(&message->reader, &notice))
		return false;
	supervisor->keeper_alive_us = clock_elapsed_us();
	say_status(supervisor, notice.text);
	if (!supervisor->ending)
		notify_send(&supervisor->notify, "READY=1");
	if (!supervisor->ready)
		log_info("ready");
	supervisor->ready = true;
	return true;
}

static bool take_alive(struct supervisor *supervisor, struct message *message) {
	struct record_notice notice;
	if (!record_notice_get(&message->reader, &notice))
		return false;
	supervisor->keeper_alive_us = clock_elapsed_us();
	say_status(supervisor, notice.text);
	return true;
}

static bool take_fatal(struct supervisor *supervisor, struct message *message) {
	struct record_notice notice;
	if (!record_notice_get(&message->reader, &notice))
		return false;
	log_error("keeper cannot go on, everything stops: %.*s", (int)notice.text.length, notice.text.data);
	supervisor_stop(supervisor, 1);
	return true;
}

static bool take_wanted(struct supervisor *supervisor, struct message *message) {
	struct record_child child;
	if (!record_child_get(&message->reader, &child))
		return false;
	uint16_t roots[CHILD_ROOTS_MAX];
	size_t count = 0;
	struct record_root root;
	while (message_next_root(message, &root)) {
		if (count == CHILD_ROOTS_MAX) {
			link_tell_refused(supervisor, child.process, child.key, "too many roots for one program");
			return true;
		}
		roots[count++] = root.root;
	}
	children_want(supervisor, &(struct child_wish){
	                              .process = (enum process)child.process,
	                              .key = child.key,
	                              .roots = roots,
	                              .root_count = count,
	                          });
	return true;
}

static bool take_released(struct supervisor *supervisor, struct message *message) {
	struct record_child child;
	if (!record_child_get(&message->reader, &child))
		return false;
	children_tell(supervisor, (enum process)child.process, child.key, CHILD_EVENT_RELEASED);
	return true;
}

static bool take_kill(struct supervisor *supervisor, struct message *message) {
	struct record_child child;
	if (!record_child_get(&message->reader, &child))
		return false;
	children_tell(supervisor, (enum process)child.process, child.key, CHILD_EVENT_KILL);
	return true;
}

static bool take_reload(struct supervisor *supervisor, struct message *message) {
	(void)message;
	configuration_reload(supervisor);
	return true;
}

/* All that keeper may say. Each returns false for a message that breaks the protocol. */
static const struct {
	enum message_type type;
	bool (*take)(struct supervisor *supervisor, struct message *message);
} takers[] = {
    {MESSAGE_READY, take_ready},
    {MESSAGE_ALIVE, take_alive},
    {MESSAGE_FATAL, take_fatal},
    {MESSAGE_CHILD_WANTED, take_wanted},
    {MESSAGE_CHILD_RELEASED, take_released},
    {MESSAGE_CHILD_KILL, take_kill},
    {MESSAGE_RELOAD, take_reload},
};

static void on_end(struct channel *channel, int error, void *context) {
	(void)channel;
	struct supervisor *supervisor = context;
	if (error != 0)
		log_error_errno(error, "the channel to keeper broke, keeper is started again");
	link_close(supervisor);
	children_keeper_unlinked(supervisor);
}

static void on_message(struct channel *channel, struct message *message, void *context) {
	struct supervisor *supervisor = context;
	for (size_t i = 0; i < ARRAY_LENGTH(takers); i++) {
		if (takers[i].type != message->type)
			continue;
		if (!takers[i].take(supervisor, message))
			on_end(channel, -EPROTO, context);
		return;
	}
	log_error("keeper sent %s, which it may not", message_name(message->type));
	on_end(channel, -EPROTO, context);
}

static const struct channel_handler handler = {.on_message = on_message, .on_end = on_end};

int link_open(struct supervisor *supervisor, int fd) {
	supervisor->keeper = channel_new(supervisor->base, fd, &handler, supervisor);
	return supervisor->keeper == NULL ? -ENOMEM : 0;
}

void link_close(struct supervisor *supervisor) {
	supervisor->keeper = channel_free(supervisor->keeper);
}

/* ---- to keeper ---- */

/* Cut to what a message carries, not within a UTF-8 character. */
static struct text text_cut(const char *string) {
	struct text text = text_of(string);
	if (text.length <= TEXT_BYTES_MAX)
		return text;
	text.length = TEXT_BYTES_MAX;
	while (text.length > 0 && ((unsigned char)text.data[text.length] & 0xc0) == 0x80)
		text.length--;
	return text;
}

void link_tell_up(struct supervisor *supervisor, const struct child *child) {
	if (supervisor->keeper == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_CHILD_UP);
	record_child_put(&out.writer, &(struct record_child){.process = (uint8_t)child->process, .key = child->key});
	channel_send(supervisor->keeper, &out, &child->keeper_end, 1);
}

static void tell_down(struct supervisor *supervisor, const struct record_child_down *record) {
	if (supervisor->keeper == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_CHILD_DOWN);
	record_child_down_put(&out.writer, record);
	channel_send(supervisor->keeper, &out, NULL, 0);
}

void link_tell_down(struct supervisor *supervisor, const struct child *child, const char *reason) {
	tell_down(supervisor, &(struct record_child_down){
	                          .process = (uint8_t)child->process,
	                          .key = child->key,
	                          .status = (uint32_t)child->status,
	                          .alive_us = child->alive_us,
	                          .reason = text_cut(reason),
	                      });
}

void link_tell_refused(struct supervisor *supervisor, unsigned process, uint32_t key, const char *reason) {
	/* That an ordinary user has no guard was said at the start. */
	if (process != PROCESS_GUARD || supervisor->identity.drop)
		log_warning("keeper's wish for %s %u is refused: %s", process_name(process), key, reason);
	tell_down(supervisor,
	    &(struct record_child_down){.process = (uint8_t)process, .key = key, .refused = 1, .reason = text_cut(reason)});
}

void link_tell_settings(struct supervisor *supervisor) {
	if (supervisor->keeper == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_SETTINGS);
	channel_send(supervisor->keeper, &out, &supervisor->settings_fd, 1);
}

void link_tell_reload(struct supervisor *supervisor, bool accepted, const char *reason) {
	if (supervisor->keeper == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_RELOAD_RESULT);
	record_reload_result_put(
	    &out.writer, &(struct record_reload_result){.accepted = accepted, .reason = text_cut(reason)});
	channel_send(supervisor->keeper, &out, NULL, 0);
}

void link_tell_stop(struct supervisor *supervisor) {
	if (supervisor->keeper == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_STOP);
	channel_send(supervisor->keeper, &out, NULL, 0);
}

int link_write_start(const struct supervisor *supervisor, const struct child *child, int fd) {
	uid_t user;
	gid_t group;
	identity_of(&supervisor->identity, child->process, &user, &group);
	struct message_writer out;
	message_begin(&out, MESSAGE_START);
	record_start_put(&out.writer, &(struct record_start){
	                                  .version = MESSAGE_VERSION,
	                                  .user = user,
	                                  .group = group,
	                                  .drop = supervisor->identity.drop,
	                                  .verbose = supervisor->options.verbose,
	                              });
	for (size_t i = 0; i < child->root_count; i++)
		message_add_root(&out, &(struct record_root){.root = child->roots[i]});
	int second = child->process == PROCESS_KEEPER ? supervisor->folders.control_socket : child->watchdog.pulse_fd;
	const int passed[] = {supervisor->settings_fd, second};
	return message_send(fd, &out, passed, second >= 0 ? 2 : 1);
}
