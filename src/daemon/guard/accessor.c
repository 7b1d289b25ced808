/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of accessors. One process may have several, one for each user that it works as; which one it is now is
 * found by what the kernel says of it at this open. An accessor is never changed into another one: what is told
 * under a number stays true of it.
 */
#include "accessor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accessor_arguments.h"
#include "accessor_parents.h"
#include "accessor_private.h"
#include "accessor_process.h"
#include "accessor_remote.h"
#include "accessor_rules.h"
#include "accessor_text.h"
#include "base/clock.h"
#include "base/descriptor.h"

/* ---- places in the cache ---- */

static struct accessor **bucket_of(struct accessors *accessors, pid_t pid) {
	return &accessors->buckets[(uint32_t)pid % BUCKETS];
}

static void make_latest(struct accessors *accessors, struct accessor *accessor) {
	accessor->later->earlier = accessor->earlier;
	accessor->earlier->later = accessor->later;
	accessor->earlier = accessors->order.earlier;
	accessor->later = &accessors->order;
	accessor->earlier->later = accessor;
	accessors->order.earlier = accessor;
}

/* It is not found any more; what was read of it stays for those that still hold it. */
static void forget(struct accessors *accessors, struct accessor *accessor) {
	for (struct accessor **at = bucket_of(accessors, accessor->process.pid); *at != NULL; at = &(*at)->next)
		if (*at == accessor) {
			*at = accessor->next;
			break;
		}
	accessor->next = NULL;
	process_close(&accessor->process);
}

/* Closing takes its time too: it is done after an answer, for the next ones that are new. */
static void prepare_room(struct accessors *accessors) {
	struct accessor *accessor = accessors->order.later;
	if (accessors->used < ACCESSORS_KEPT)
		return;
	for (size_t i = 0; i < ROOM_PREPARED && accessor->process.folder >= 0; i++, accessor = accessor->later)
		forget(accessors, accessor);
}

static uint32_t next_number(struct accessors *accessors) {
	if (++accessors->number == 0)
		accessors->number = 1;
	return accessors->number;
}

/* A place: one that was never used, or that of the one seen longest ago. */
static struct accessor *take_place(struct accessors *accessors) {
	struct accessor *accessor;
	if (accessors->used < ACCESSORS_KEPT) {
		accessor = &accessors->kept[accessors->used++];
	} else {
		accessor = accessors->order.later;
		forget(accessors, accessor);
		accessor->later->earlier = accessor->earlier;
		accessor->earlier->later = accessor->later;
	}
	/* The long texts need not be cleared. */
	memset(accessor, 0, offsetof(struct accessor, arguments));
	accessor->earlier = accessor->later = accessor;
	return accessor;
}

static struct accessor *make_room(struct accessors *accessors, pid_t pid) {
	struct accessor *accessor = take_place(accessors);
	accessor->process = PROCESS_NULL;
	accessor->process.pid = pid;
	accessor->clients[0].number = next_number(accessors);
	accessor->login_user = accessor->session = UINT32_MAX;
	accessor->ids = (struct process_ids){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0};
	make_latest(accessors, accessor);
	return accessor;
}

struct accessors *accessors_new(const struct settings *settings, pid_t supervisor) {
	struct accessors *accessors = calloc(1, sizeof *accessors);
	if (accessors == NULL)
		return NULL;
	accessors->arguments.channel = accessors->source.proc = -1;
	/* First: what is written before is shared with the reader, and costs a copy when it is written again. */
	int error = arguments_open(&accessors->arguments);
	accessors->settings = settings;
	accessors->supervisor = supervisor;
	accessors->order.earlier = accessors->order.later = &accessors->order;
	parents_init(&accessors->parents, &accessors->source);
	if (error == 0)
		error = process_source_open(&accessors->source);
	ssize_t length = readlink("/proc/self/exe", accessors->own_folder, sizeof accessors->own_folder - 1);
	accessors->own_folder[length > 0 ? length : 0] = '\0';
	accessors->own_folder[text_base(accessors->own_folder) - accessors->own_folder] = '\0';
	accessors->remotes = error == 0 ? remotes_new() : NULL;
	if (accessors->remotes == NULL)
		return accessors_free(accessors);
	return accessors;
}

struct accessors *accessors_free(struct accessors *accessors) {
	if (accessors == NULL)
		return NULL;
	for (size_t i = 0; i < accessors->used; i++)
		process_close(&accessors->kept[i].process);
	parents_release(&accessors->parents);
	accessors->remotes = remotes_free(accessors->remotes);
	arguments_close(&accessors->arguments);
	process_source_close(&accessors->source);
	free(accessors);
	return NULL;
}

/* ---- whose traffic it is ---- */

/* Once for each, before the answer: a moment later it may be gone. */
static bool is_foreign(const struct accessors *accessors, struct accessor *accessor) {
	if (accessor->mount_namespace == 0 && accessor->process.folder >= 0)
		accessor->mount_namespace = process_read_namespace(&accessor->process, "ns/mnt");
	return accessor->mount_namespace != accessors->source.mount_namespace;
}

static bool is_own(const struct accessors *accessors, struct accessor *accessor) {
	if (accessor->process.pid == getpid() || accessor->process.pid == accessors->supervisor)
		return true;
	size_t folder = strlen(accessors->own_folder);
	return (pid_t)accessor->ids.parent == accessors->supervisor && folder > 0 &&
	       strncmp(accessor->executable, accessors->own_folder, folder) == 0 &&
	       strchr(accessor->executable + folder, '/') == NULL && !is_foreign(accessors, accessor);
}

static struct text unit_of(const struct accessor *accessor) {
	return (struct text){accessor->cgroup + accessor->unit_offset, accessor->unit_length};
}

static void judge(const struct accessors *accessors, struct accessor *accessor) {
	const struct settings *settings = accessors->settings;
	const bool foreign = is_foreign(accessors, accessor);
	const struct rule_subject subject = {
	    .executable = accessor->executable,
	    .program = accessor->program,
	    .foreign_namespace = foreign,
	    .user = accessor->ids.filesystem_user,
	    .unit = unit_of(accessor),
	};
	accessor->own = is_own(accessors, accessor);
	accessor->recorder_of = rules_recorder_of(settings, &subject);
	accessor->allowed = rules_fit(settings->guard.allow, settings->guard.allow_count, &subject);
}

void accessors_configure(struct accessors *accessors, const struct settings *settings) {
	accessors->settings = settings;
	for (size_t i = 0; i < accessors->used; i++)
		judge(accessors, &accessors->kept[i]);
}

enum accessor_part accessor_part(const struct accessors *accessors, const struct accessor *accessor, size_t root) {
	if (accessor->own)
		return ACCESSOR_OWN;
	if (root < accessors->settings->root_count && (accessor->recorder_of >> root & 1) != 0)
		return ACCESSOR_RECORDER;
	return accessor->allowed ? ACCESSOR_ALLOWED : ACCESSOR_OTHER;
}

uint32_t accessor_number(const struct accessor *accessor) {
	return accessor->clients[accessor->client].number;
}

pid_t accessor_pid(const struct accessor *accessor) {
	return accessor->process.pid;
}

bool accessor_is_reliable(const struct accessor *accessor) {
	return accessor->reliable;
}

/* ---- one that is new ---- */

static void add_ancestor(struct accessor *accessor, const struct parent *parent) {
	struct ancestor *ancestor = &accessor->ancestors[accessor->ancestor_count++];
	*ancestor = (struct ancestor){
	    .pid = (uint32_t)parent->process.pid,
	    .real_user = parent->real_user,
	    .start_us = parent->start_us,
	    .executable_offset = accessor->names_used,
	};
	memcpy(ancestor->command, parent->command, sizeof ancestor->command);
	size_t length = strlen(parent->executable), room = sizeof accessor->names - accessor->names_used;
	ancestor->executable_length = (uint16_t)(length < room ? length : 0);
	memcpy(accessor->names + accessor->names_used, parent->executable, ancestor->executable_length);
	accessor->names_used = (uint16_t)(accessor->names_used + ancestor->executable_length);
	if (accessor->serving_ancestor == 0 && parent->server != NULL)
		accessor->serving_ancestor = accessor->ancestor_count;
}

static void read_ancestors(struct accessors *accessors, struct accessor *accessor) {
	pid_t pid = (pid_t)accessor->ids.parent;
	int64_t age_us = 0;
	/* Above the one that serves is only what started it. */
	while (pid > 0 && accessor->ancestor_count < ANCESTORS_MAX && accessor->serving_ancestor == 0) {
		const struct parent *parent = parent_look(&accessors->parents, pid, age_us);
		if (parent == NULL)
			return;
		add_ancestor(accessor, parent);
		pid = parent->parent;
		age_us = PARENT_AGE_US;
	}
}

/* The first thread may have ended while others go on: it has no program any more, they have. */
static void read_executable(struct accessor *accessor) {
	ssize_t length = process_read_executable(&accessor->process, accessor->executable, EXECUTABLE_BYTES);
	if (length < 0 && !accessor->stat.kernel) {
		process_follow_thread(&accessor->process);
		length = process_read_executable(&accessor->process, accessor->executable, EXECUTABLE_BYTES);
	}
	accessor->has_program = length >= 0 && process_read_program(&accessor->process, &accessor->program);
}

static int read_ids(struct accessors *accessors, struct accessor *accessor, struct process_ids *ret_ids) {
	return accessor->server != NULL && accessor->server->switches
	           ? process_read_ids_of_thread(&accessors->source, &accessor->process, ret_ids)
	           : process_read_ids(&accessors->source, &accessor->process, ret_ids);
}

/* Clients of a server, by its own sockets. */
static void read_clients(struct accessors *accessors, struct accessor *accessor) {
	bool many = accessor->server == NULL || accessor->server->many;
	struct client *now = &accessor->clients[accessor->client];
	struct remote remote = now->remote;
	if (!remote_look(accessors->remotes, &accessors->source, &accessor->process, many, &remote)) {
		now->remote = remote;
		return;
	}
	for (size_t i = 0; i < CLIENTS_KEPT; i++) {
		struct client *client = &accessor->clients[i];
		if (client->number == 0 || strcmp(client->remote.address, remote.address) != 0 ||
		    (client->remote.count > 1) != (remote.count > 1))
			continue;
		client->remote.sockets = remote.sockets;
		accessor->client = (uint8_t)i;
		return;
	}
	/* The first place is taken over as long as nobody was told of it. */
	if (now->told || accessor->completed) {
		accessor->client = (uint8_t)((accessor->client + 1) % CLIENTS_KEPT);
		now = &accessor->clients[accessor->client];
		*now = (struct client){.number = next_number(accessors)};
	}
	now->remote = remote;
}

/* All that is gone when the process goes on. */
static bool read_all(struct accessors *accessors, struct accessor *accessor) {
	struct process_handle *process = &accessor->process;
	if (process_read_stat(process, &accessor->stat) != 0)
		return false;
	read_executable(accessor);
	accessor->server = server_program_of(accessor->executable, "", 0);
	if (read_ids(accessors, accessor, &accessor->ids) != 0)
		return false;
	size_t offset, length;
	process_read_cgroup(process, accessor->cgroup, &offset, &length);
	accessor->unit_offset = (uint16_t)offset;
	accessor->unit_length = (uint16_t)length;
	accessor->login_user = process_read_number(process, "loginuid");
	if (accessor->login_user != UINT32_MAX)
		accessor->session = process_read_number(process, "sessionid");
	accessor->start_us = process_start_us(&accessors->source, accessor->stat.start_ticks);
	read_ancestors(accessors, accessor);
	/* A short connection may be over as soon as the answer is there. */
	if (server_program_is_possible(accessor->executable))
		read_clients(accessors, accessor);
	return process_alive(&accessors->source, process) && (accessor->has_program || accessor->stat.kernel);
}

static struct accessor *look_anew(struct accessors *accessors, pid_t pid, int pidfd) {
	struct accessor *accessor = make_room(accessors, pid);
	bool gone = pidfd == ACCESSOR_PIDFD_GONE || pid <= 0;
	accessor->executable[0] = accessor->groups[0] = accessor->cgroup[0] = '\0';
	if (gone || process_open(&accessors->source, pid, pidfd, &accessor->process) != 0) {
		accessor->process.pid = pid;
		gone = true;
	}
	accessor->reliable = !gone && read_all(accessors, accessor);
	judge(accessors, accessor);
	if (accessor->reliable) {
		struct accessor **bucket = bucket_of(accessors, pid);
		accessor->next = *bucket;
		*bucket = accessor;
	}
	return accessor;
}

/* ---- one that is known ---- */

struct present {
	struct process_ids ids;
	struct process_program program;
	bool has_program;
	char command[COMMAND_BYTES];
};

static bool is_present(const struct accessor *accessor, const struct present *present) {
	return accessor->ids.real_user == present->ids.real_user &&
	       accessor->ids.effective_user == present->ids.effective_user &&
	       accessor->ids.filesystem_user == present->ids.filesystem_user && accessor->ids.group == present->ids.group &&
	       accessor->has_program == present->has_program && accessor->program.device == present->program.device &&
	       accessor->program.inode == present->program.inode &&
	       (accessor->stat.kernel || strcmp(accessor->stat.command, present->command) == 0);
}

/* What the process is now. False when it is gone: then its number belongs to another one. */
static bool read_present(struct accessors *accessors, struct accessor *accessor, struct present *ret_present) {
	memset(ret_present, 0, sizeof *ret_present);
	if (read_ids(accessors, accessor, &ret_present->ids) != 0)
		return false;
	ret_present->has_program = process_read_program(&accessor->process, &ret_present->program);
	process_read_command(&accessor->process, ret_present->command);
	return true;
}

static struct accessor *find(struct accessors *accessors, pid_t pid) {
	struct present present;
	bool have_present = false;
	for (struct accessor *accessor = *bucket_of(accessors, pid), *next; accessor != NULL; accessor = next) {
		next = accessor->next;
		if (accessor->process.pid != pid)
			continue;
		if (!have_present && !read_present(accessors, accessor, &present)) {
			forget(accessors, accessor);
			continue;
		}
		have_present = true;
		if (is_present(accessor, &present))
			return accessor;
	}
	return NULL;
}

/* One that serves several, or that nobody knows as a server: its clients come and go. */
static bool clients_change(const struct accessor *accessor) {
	return accessor->server != NULL ? accessor->server->many : accessor->clients[accessor->client].remote.count > 0;
}

struct accessor *accessors_look(struct accessors *accessors, pid_t pid, int pidfd) {
	struct accessor *accessor = pid > 0 && pidfd != ACCESSOR_PIDFD_GONE ? find(accessors, pid) : NULL;
	if (accessor == NULL)
		return look_anew(accessors, pid, pidfd);
	if (pidfd >= 0)
		descriptor_close(&pidfd);
	make_latest(accessors, accessor);
	if (clients_change(accessor))
		read_clients(accessors, accessor);
	return accessor;
}

/* ---- after the answer ---- */

static void ask_arguments(struct accessors *accessors, struct accessor *accessor) {
	accessor->arguments_told = 0;
	accessor->arguments_bytes = 0;
	accessor->question = arguments_ask(&accessors->arguments, &accessor->process);
	if (accessor->question != 0)
		accessors->asked[accessor->question % ARGUMENTS_ASKED] = accessor;
}

static void learn_arguments(struct accessor *accessor, const struct arguments_answer *answer) {
	uint32_t bytes = answer->bytes;
	size_t told = bytes < ARGUMENTS_BYTES ? bytes : ARGUMENTS_BYTES;
	memcpy(accessor->arguments, answer->text, told);
	if (bytes == told && told > 0 && accessor->arguments[told - 1] == '\0')
		bytes = (uint32_t)--told;
	accessor->question = 0;
	accessor->arguments_told = (uint16_t)told;
	accessor->arguments_bytes = bytes;
	if (accessor->server == NULL)
		accessor->server = server_program_of(accessor->executable, accessor->arguments, told);
}

int accessors_descriptor(const struct accessors *accessors) {
	return accessors->arguments.channel;
}

struct accessor *accessors_receive(struct accessors *accessors) {
	struct arguments_answer answer;
	while (arguments_take(&accessors->arguments, &answer)) {
		struct accessor *accessor = accessors->asked[answer.number % ARGUMENTS_ASKED];
		if (accessor == NULL || accessor->question != answer.number)
			continue; /* it had to make room for another one */
		learn_arguments(accessor, &answer);
		return accessor;
	}
	return NULL;
}

bool accessor_awaits(const struct accessors *accessors, const struct accessor *accessor) {
	return accessor->question != 0 && !arguments_are_stuck(&accessors->arguments);
}

/* By the sockets of the nearest parent that serves, as those of sftp-server's sshd. */
static void read_remote_of_ancestor(struct accessors *accessors, struct accessor *accessor) {
	const struct ancestor *ancestor = &accessor->ancestors[accessor->serving_ancestor - 1];
	const struct parent *parent = parent_look(&accessors->parents, (pid_t)ancestor->pid, 0);
	if (parent == NULL || parent->start_us != ancestor->start_us)
		return;
	if (parent->server == NULL)
		return;
	accessor->ancestor_protocol = parent->server->protocol;
	(void)remote_look(accessors->remotes, &accessors->source, &parent->process, parent->server->many,
	    &accessor->clients[accessor->client].remote);
}

static void complete(struct accessors *accessors, struct accessor *accessor) {
	accessor->checked_us = clock_elapsed_us();
	if (accessor->process.folder < 0 || !accessor->reliable)
		return;
	process_read_groups(&accessor->process, accessor->groups);
	accessor->foreign_namespace = is_foreign(accessors, accessor) && accessor->mount_namespace != 0;
	ask_arguments(accessors, accessor);
	if (!server_program_is_possible(accessor->executable) && remote_sockets(&accessor->process, true) != 0)
		read_clients(accessors, accessor);
	if (accessor->server == NULL && accessor->clients[accessor->client].remote.count == 0 &&
	    accessor->serving_ancestor != 0)
		read_remote_of_ancestor(accessors, accessor);
}

/*
 * What no look finds cheaply: that the same program was started once more (another script, other arguments), that it
 * serves now.
 */
static void check_again(struct accessors *accessors, struct accessor *accessor) {
	struct process_stat stat;
	accessor->checked_us = clock_elapsed_us();
	if (process_read_stat(&accessor->process, &stat) != 0)
		return;
	if (stat.stack != accessor->stat.stack) {
		accessor->stat = stat;
		memset(accessor->clients, 0, sizeof accessor->clients);
		accessor->client = 0;
		accessor->clients[0].number = next_number(accessors);
		accessor->server = server_program_of(accessor->executable, "", 0);
		accessor->ancestor_protocol = NULL;
		complete(accessors, accessor);
	}
	if (accessor->ancestor_protocol == NULL && !clients_change(accessor))
		read_clients(accessors, accessor);
}

bool accessor_complete(struct accessors *accessors, struct accessor *accessor) {
	if (!accessor->completed) {
		complete(accessors, accessor);
		accessor->completed = true;
	} else if (accessor->process.folder >= 0 && clock_elapsed_us() - accessor->checked_us >= CHECK_INTERVAL_US) {
		check_again(accessors, accessor);
	}
	prepare_room(accessors);
	struct client *client = &accessor->clients[accessor->client];
	bool told = client->told;
	client->told = true;
	return !told;
}

void accessors_forget_told(struct accessors *accessors) {
	for (size_t i = 0; i < accessors->used; i++)
		for (size_t j = 0; j < CLIENTS_KEPT; j++)
			accessors->kept[i].clients[j].told = false;
}

/* ---- telling ---- */

static const char *protocol_of(const struct accessor *accessor) {
	const struct remote *remote = &accessor->clients[accessor->client].remote;
	if (accessor->server != NULL)
		return accessor->server->protocol;
	if (accessor->ancestor_protocol != NULL)
		return accessor->ancestor_protocol;
	return remote->count > 0 ? protocol_of_port(remote->local_port) : "";
}

void accessor_tell(
    const struct accessors *accessors, const struct accessor *accessor, size_t root, struct message_writer *out) {
	char terminal[TERMINAL_BYTES];
	terminal_name(accessor->stat.terminal, terminal);
	const struct client *client = &accessor->clients[accessor->client];
	const struct record_accessor record = {
	    .accessor = client->number,
	    .pid = (uint32_t)accessor->process.pid,
	    .start_us = accessor->start_us,
	    .reliable = accessor->reliable,
	    .part = (uint8_t)accessor_part(accessors, accessor, root),
	    .kernel = accessor->stat.kernel,
	    .real_user = accessor->ids.real_user,
	    .effective_user = accessor->ids.effective_user,
	    .filesystem_user = accessor->ids.filesystem_user,
	    .login_user = accessor->login_user,
	    .group = accessor->ids.group,
	    .groups = text_of(accessor->groups),
	    .session = accessor->session,
	    .executable = text_of(accessor->executable),
	    .executable_device = accessor->program.device,
	    .executable_inode = accessor->program.inode,
	    .command = text_of(accessor->stat.command),
	    .arguments = {accessor->arguments, accessor->arguments_told},
	    .arguments_bytes = accessor->arguments_bytes,
	    .cgroup = text_of(accessor->cgroup),
	    .unit = {unit_of(accessor).data, unit_of(accessor).length < UNIT_TOLD ? unit_of(accessor).length : UNIT_TOLD},
	    .terminal = text_of(terminal),
	    .mount_namespace = accessor->mount_namespace,
	    .foreign_namespace = accessor->foreign_namespace,
	    .protocol = text_of(protocol_of(accessor)),
	    .remote_address = text_of(client->remote.address),
	    .remote_port = client->remote.port,
	    .remotes = client->remote.count,
	};
	message_begin(out, MESSAGE_ACCESSOR);
	record_accessor_put(&out->writer, &record);
	for (size_t i = 0; i < accessor->ancestor_count && message_has_room(out); i++) {
		const struct ancestor *ancestor = &accessor->ancestors[i];
		message_add_ancestor(
		    out, &(struct record_ancestor){
		             .pid = ancestor->pid,
		             .real_user = ancestor->real_user,
		             .start_us = ancestor->start_us,
		             .command = text_of(ancestor->command),
		             .executable = {accessor->names + ancestor->executable_offset, ancestor->executable_length},
		         });
	}
}
