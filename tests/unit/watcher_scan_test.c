/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watcher runs in a child process on a scratch folder; the test plays keeper with a model of the
 * index, changes the folder, and compares the model with the disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "daemon/watcher/watcher.h"
#include "settings/settings.h"

enum { QUIET_MS = 400, PATH_ROOM = 6000 };

struct known {
	char *path; /* the key: folder, '/', name; of folders just the path */
	size_t folder_length;
	struct record_entry entry;
	int64_t mtime_ns, ctime_ns;
	unsigned listed; /* number of the listing that had it */
	bool pending;
};

struct keeper {
	int channel;
	pid_t child;
	char top[128];
	void *entries; /* tsearch trees of struct known */
	void *folders;
	unsigned listing;
	char open_folder[PATH_ROOM]; /* the one whose listing is under way */
	unsigned told[6];            /* CHANGES by event */
	unsigned gone_folders;
	unsigned failed_folders;
	int last_error;
	unsigned scans;
	struct record_scan_end scan;
	struct record_watch_coverage coverage;
	struct record_root_found root;
	char uuid[UUID_BYTES_MAX];
	char filesystem[UUID_BYTES_MAX];
	int opened_fd;
	struct record_answer answer;
	struct message message;
	struct message_writer out;
};

static struct keeper *keeper;

static int by_path(const void *a, const void *b) {
	return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

static struct known *known_find(void *const *tree, const char *path) {
	struct known key = {.path = (char *)path};
	struct known **node = tfind(&key, tree, by_path);
	return node == NULL ? NULL : *node;
}

static struct known *known_put(void **tree, const char *path) {
	struct known *known = known_find(tree, path);
	if (known != NULL)
		return known;
	known = calloc(1, sizeof *known);
	known->path = strdup(path);
	(void)tsearch(known, tree, by_path);
	return known;
}

static void known_free(void *known) {
	free(((struct known *)known)->path);
	free(known);
}

static void known_remove(void **tree, struct known *known) {
	if (known == NULL)
		return;
	(void)tdelete(known, tree, by_path);
	known_free(known);
}

static const char *join(char *to, const char *folder, const char *name) {
	int length = snprintf(to, PATH_ROOM, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", name);
	assert_in_range(length, 0, PATH_ROOM - 1);
	return to;
}

static void text_to(char *to, struct text text) {
	assert_true(text_copy(to, PATH_ROOM, text));
}

/* ---- what the model does with messages ---- */

struct sweep {
	const char *folder;
	unsigned listing;
	bool all;
	struct known *found[4096];
	size_t count;
};

static void sweep_one(const void *node, VISIT visit, void *closure) {
	struct sweep *sweep = closure;
	struct known *known = *(struct known *const *)node;
	size_t length = strlen(sweep->folder);
	if ((visit != leaf && visit != postorder) || known->folder_length != length ||
	    memcmp(known->path, sweep->folder, length) != 0)
		return;
	if ((sweep->all || known->listed != sweep->listing) && sweep->count < ARRAY_LENGTH(sweep->found))
		sweep->found[sweep->count++] = known;
}

static void folder_sweep(const char *folder, bool all) {
	struct sweep sweep = {.folder = folder, .listing = keeper->listing, .all = all};
	do {
		sweep.count = 0;
		twalk_r(keeper->entries, sweep_one, &sweep);
		for (size_t i = 0; i < sweep.count; i++)
			known_remove(&keeper->entries, sweep.found[i]);
	} while (sweep.count == ARRAY_LENGTH(sweep.found));
}

static void entries_take(bool listing) {
	struct record_folder record;
	struct record_entry entry;
	char folder[PATH_ROOM], name[PATH_ROOM], path[PATH_ROOM];
	assert_true(record_folder_get(&keeper->message.reader, &record));
	text_to(folder, record.path);
	if (listing && strcmp(folder, keeper->open_folder) != 0)
		(void)snprintf(keeper->open_folder, sizeof keeper->open_folder, "%s", folder);
	while (message_next_entry(&keeper->message, &entry)) {
		text_to(name, entry.name);
		join(path, folder, name);
		if (!listing)
			keeper->told[entry.what]++;
		if (entry.what == ENTRY_GONE) {
			known_remove(&keeper->entries, known_find(&keeper->entries, path));
			continue;
		}
		assert_true(!listing || entry.what == ENTRY_LISTED);
		struct known *known = known_put(&keeper->entries, path);
		known->folder_length = strlen(folder);
		known->entry = entry;
		known->listed = keeper->listing;
	}
}

static void folder_end_take(void) {
	struct record_folder_end end;
	char folder[PATH_ROOM];
	assert_true(record_folder_end_get(&keeper->message.reader, &end));
	text_to(folder, end.path);
	if (end.gone) {
		keeper->gone_folders++;
		folder_sweep(folder, true);
		known_remove(&keeper->folders, known_find(&keeper->folders, folder));
		known_remove(&keeper->entries, known_find(&keeper->entries, folder));
		return;
	}
	struct known *known = known_put(&keeper->folders, folder);
	known->mtime_ns = end.mtime_ns;
	known->ctime_ns = end.ctime_ns;
	if (end.error == 0) {
		folder_sweep(folder, false);
	} else {
		keeper->failed_folders++;
		keeper->last_error = (int)end.error;
	}
	keeper->listing++;
}

static void message_take(void) {
	struct byte_reader *reader = &keeper->message.reader;
	switch (keeper->message.type) {
	case MESSAGE_LISTING:
	case MESSAGE_CHANGES:
		entries_take(keeper->message.type == MESSAGE_LISTING);
		break;
	case MESSAGE_FOLDER_END:
		folder_end_take();
		break;
	case MESSAGE_SCAN_END:
		assert_true(record_scan_end_get(reader, &keeper->scan));
		keeper->scans++;
		break;
	case MESSAGE_WATCH_COVERAGE:
		assert_true(record_watch_coverage_get(reader, &keeper->coverage));
		break;
	case MESSAGE_ROOT_FOUND:
		assert_true(record_root_found_get(reader, &keeper->root));
		assert_true(text_copy(keeper->uuid, sizeof keeper->uuid, keeper->root.uuid));
		assert_true(text_copy(keeper->filesystem, sizeof keeper->filesystem, keeper->root.filesystem));
		break;
	case MESSAGE_OPENED:
		assert_true(record_answer_get(reader, &keeper->answer));
		descriptor_close(&keeper->opened_fd);
		keeper->opened_fd = message_take_descriptor(&keeper->message, 0);
		break;
	default:
		fail_msg("unexpected %s", message_name(keeper->message.type));
	}
	message_close_descriptors(&keeper->message);
}

/* Takes one message; false when none came within wait_ms. */
static bool keeper_take(int wait_ms) {
	struct pollfd wait = {.fd = keeper->channel, .events = POLLIN};
	if (poll(&wait, 1, wait_ms) <= 0)
		return false;
	assert_int_equal(message_receive(keeper->channel, &keeper->message), 1);
	message_take();
	return true;
}

static void settle(void) {
	while (keeper_take(QUIET_MS))
		;
}

/* ---- asking ---- */

static void ask(enum message_type type) {
	message_begin(&keeper->out, type);
	record_root_put(&keeper->out.writer, &(struct record_root){.root = 0});
	assert_int_equal(message_send_wait(keeper->channel, &keeper->out, NULL, 0), 0);
}

static void ask_file(enum message_type type, const char *folder, const char *name) {
	message_begin(&keeper->out, type);
	record_open_put(
	    &keeper->out.writer, &(struct record_open){.request = 7, .folder = text_of(folder), .name = text_of(name)});
	assert_int_equal(message_send_wait(keeper->channel, &keeper->out, NULL, 0), 0);
}

static void know_one(const void *node, VISIT visit, void *closure UNUSED) {
	const struct known *known = *(struct known *const *)node;
	if (visit != leaf && visit != postorder)
		return;
	if (!message_has_room(&keeper->out)) {
		assert_int_equal(message_send_wait(keeper->channel, &keeper->out, NULL, 0), 0);
		message_begin(&keeper->out, MESSAGE_FOLDERS_KNOWN);
		record_root_put(&keeper->out.writer, &(struct record_root){.root = 0});
	}
	message_add_known_folder(
	    &keeper->out, &(struct record_known_folder){
	                      .path = text_of(known->path), .mtime_ns = known->mtime_ns, .ctime_ns = known->ctime_ns});
}

static void scan(void) {
	message_begin(&keeper->out, MESSAGE_FOLDERS_KNOWN);
	record_root_put(&keeper->out.writer, &(struct record_root){.root = 0});
	twalk_r(keeper->folders, know_one, NULL);
	assert_int_equal(message_send_wait(keeper->channel, &keeper->out, NULL, 0), 0);
	unsigned before = keeper->scans;
	ask(MESSAGE_SCAN);
	while (keeper->scans == before)
		assert_true(keeper_take(20000));
}

/* How this child differs from the shipped program. */
struct variant {
	bool slots;
	unsigned watches; /* its own limit, in a user namespace; 0 for the machine's */
	bool hasty;       /* what is done each minute is done each second */
};

static int limit_watches(unsigned limit) {
	char text[16];
	int length = snprintf(text, sizeof text, "%u", limit);
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	CLOSED_AT_END int fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : descriptor_write_all(fd, text, (size_t)length);
}

static int serve_hastily(struct watcher *watcher) {
	int going = watcher_begin(watcher) == 0 ? 1 : 0;
	while (going > 0) {
		int64_t soon_us = clock_boot_us() + US_PER_SECOND;
		if (watcher->minute_due_us > soon_us)
			watcher->minute_due_us = soon_us;
		if (watcher->coverage_due_us > soon_us)
			watcher->coverage_due_us = soon_us;
		going = watcher_turn(watcher, -1);
	}
	return going;
}

enum { CANNOT_LIMIT = 77 };

static int child_run(int channel, const struct variant *variant) {
	if (variant->watches > 0 && limit_watches(variant->watches) != 0)
		return CANNOT_LIMIT;
	log_open("watcher", LOG_LEVEL_ERROR);
	char name[] = "test";
	struct layout layout = {.slots = variant->slots};
	struct root_settings root = {.name = name, .path = keeper->top, .layout = &layout};
	struct settings settings = {.roots = &root, .root_count = 1};
	struct watcher *watcher = calloc(1, sizeof *watcher);
	uint16_t index = 0;
	int error = watcher == NULL ? -ENOMEM : watcher_init(watcher, channel, &settings, &index, 1);
	if (error == 0)
		error = variant->hasty ? serve_hastily(watcher) : watcher_run(watcher);
	if (watcher != NULL)
		watcher_release(watcher);
	free(watcher);
	return error == 0 ? 0 : 1;
}

/* False if this machine does not let an ordinary process have its own limit. */
static bool variant_start(const struct variant *variant) {
	int ends[2];
	assert_int_equal(message_pair(ends), 0);
	keeper->channel = ends[0];
	keeper->child = fork();
	assert_true(keeper->child >= 0);
	if (keeper->child == 0) {
		(void)close(ends[0]);
		/* The child's copy of the test's own memory is not its to free. */
		_exit(child_run(ends[1], variant));
	}
	(void)close(ends[1]);
	int status = 0;
	struct pollfd wait = {.fd = keeper->channel, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	if (message_receive(keeper->channel, &keeper->message) != 1) {
		assert_int_equal(waitpid(keeper->child, &status, 0), keeper->child);
		assert_int_equal(WEXITSTATUS(status), CANNOT_LIMIT);
		return false;
	}
	message_take();
	assert_int_equal(keeper->root.error, 0);
	return true;
}

static void watcher_start(bool slots) {
	assert_true(variant_start(&(struct variant){.slots = slots}));
}

static void watcher_stop(void) {
	descriptor_close(&keeper->channel);
	int status = -1;
	assert_int_equal(waitpid(keeper->child, &status, 0), keeper->child);
	assert_int_equal(status, 0);
}

/* ---- the disk ---- */

static void path_of(char *path, const char *relative) {
	join(path, keeper->top, relative);
}

static void make_folder(const char *relative) {
	char path[PATH_ROOM];
	path_of(path, relative);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_file(const char *relative, const char *content) {
	char path[PATH_ROOM];
	path_of(path, relative);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(descriptor_write_all(fd, content, strlen(content)), 0);
	assert_int_equal(close(fd), 0);
}

static void move(const char *from, const char *to) {
	char old[PATH_ROOM], new[PATH_ROOM];
	path_of(old, from);
	path_of(new, to);
	assert_int_equal(rename(old, new), 0);
}

static void remove_tree(const char *path) {
	DIR *folder = opendir(path);
	if (folder == NULL) {
		(void)unlink(path);
		return;
	}
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		char below[PATH_ROOM];
		join(below, path, entry->d_name);
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_tree(below);
		else
			(void)unlink(below);
	}
	(void)closedir(folder);
	(void)rmdir(path);
}

/* So that their mtimes count as settled. */
static void age_folders(const char *path) {
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		char below[PATH_ROOM];
		join(below, path, entry->d_name);
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			age_folders(below);
	}
	(void)closedir(folder);
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

struct tally {
	size_t count;
};

static void tally_one(const void *node UNUSED, VISIT visit, void *closure) {
	if (visit == leaf || visit == postorder)
		((struct tally *)closure)->count++;
}

static size_t tree_count(void *tree) {
	struct tally tally = {0};
	twalk_r(tree, tally_one, &tally);
	return tally.count;
}

/* Counts what is on the disk below `relative` and compares each name with the model. */
static size_t disk_compare(const char *relative) {
	char path[PATH_ROOM];
	path_of(path, relative);
	DIR *folder = opendir(path);
	assert_non_null(folder);
	size_t count = 0;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		char below[PATH_ROOM];
		struct stat facts;
		join(below, relative, entry->d_name);
		assert_int_equal(fstatat(dirfd(folder), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW), 0);
		if (S_ISDIR(facts.st_mode)) {
			if (known_find(&keeper->folders, below) == NULL)
				fail_msg("folder '%s' was never listed", below);
			count += disk_compare(below);
			continue;
		}
		struct known *known = known_find(&keeper->entries, below);
		if (known == NULL)
			fail_msg("'%s' is not known", below);
		assert_int_equal(known->entry.inode, facts.st_ino);
		assert_int_equal(known->entry.bytes, facts.st_size);
		count++;
	}
	(void)closedir(folder);
	return count;
}

static void count_file(const void *node, VISIT visit, void *closure) {
	const struct known *known = *(struct known *const *)node;
	char path[PATH_ROOM];
	if ((visit != leaf && visit != postorder) || known->entry.type == ENTRY_FOLDER)
		return;
	((struct tally *)closure)->count++;
	path_of(path, known->path);
	if (access(path, F_OK) != 0 && errno == ENOENT && known->entry.type != ENTRY_LINK)
		print_message("'%s' is known but not there\n", known->path);
}

/* The model has all that is on the disk, and nothing else. */
static void assert_same(void) {
	struct tally tally = {0};
	size_t on_disk = disk_compare("");
	twalk_r(keeper->entries, count_file, &tally);
	assert_int_equal(tally.count, on_disk);
}

static const struct known *entry(const char *path) {
	const struct known *known = known_find(&keeper->entries, path);
	if (known == NULL)
		fail_msg("'%s' is not known", path);
	return known;
}

/* ---- fixtures ---- */

static int setup(void **state UNUSED) {
	keeper = calloc(1, sizeof *keeper);
	keeper->opened_fd = -1;
	keeper->channel = -1;
	const char *scratch = getenv("TMPDIR"); /* so that the same can be run on another filesystem */
	(void)snprintf(
	    keeper->top, sizeof keeper->top, "%.90s/watcher_scan_test.XXXXXX", scratch == NULL ? "/tmp" : scratch);
	return mkdtemp(keeper->top) == NULL ? -1 : 0;
}

static int teardown(void **state UNUSED) {
	descriptor_close(&keeper->opened_fd);
	descriptor_close(&keeper->channel);
	remove_tree(keeper->top);
	tdestroy(keeper->entries, known_free);
	tdestroy(keeper->folders, known_free);
	free(keeper);
	return 0;
}

/* ---- tests ---- */

static void scan_tells_every_kind_of_entry(void **state UNUSED) {
	make_folder("cam");
	make_folder("cam/2026");
	make_file("cam/2026/a.mp4", "hello");
	make_file("cam/2026/line\nbreak.mp4", "x");
	make_file("cam/2026/\xff\xfe.mp4", "xy");
	char path[PATH_ROOM], other[PATH_ROOM];
	path_of(path, "cam/loop");
	assert_int_equal(symlink("..", path), 0);
	path_of(path, "cam/fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	path_of(path, "cam/2026/a.mp4");
	path_of(other, "cam/second.mp4");
	assert_int_equal(link(path, other), 0);

	watcher_start(false);
	assert_true(keeper->root.bytes_total > 0);
	assert_true(keeper->uuid[0] != '\0' && keeper->filesystem[0] != '\0');
	scan();
	assert_same();
	assert_int_equal(entry("cam")->entry.type, ENTRY_FOLDER);
	assert_int_equal(entry("cam/loop")->entry.type, ENTRY_LINK);
	assert_int_equal(entry("cam/fifo")->entry.type, ENTRY_OTHER);
	assert_int_equal(entry("cam/second.mp4")->entry.links, 2);
	assert_int_equal(entry("cam/2026/a.mp4")->entry.type, ENTRY_FILE);
	assert_int_equal(keeper->scan.folders_read, 3);
	assert_int_equal(keeper->scan.entries, 8);
	watcher_stop();
}

static void unchanged_folders_are_not_read_again(void **state UNUSED) {
	for (int i = 0; i < 300; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "day%02d", i);
		make_folder(name);
		(void)snprintf(name, sizeof name, "day%02d/file", i);
		make_file(name, "1");
	}
	age_folders(keeper->top);
	/* ctime cannot be set back: wait until it is old enough to be trusted. */
	struct timespec pause = {.tv_sec = 2, .tv_nsec = 200000000};
	(void)nanosleep(&pause, NULL);
	watcher_start(false);
	scan();
	assert_int_equal(keeper->scan.folders_read, 301);
	watcher_stop();

	make_file("day07/new", "2");
	char path[PATH_ROOM];
	path_of(path, "day09/file");
	assert_int_equal(unlink(path), 0);
	path_of(path, "day11");
	remove_tree(path);
	make_folder("fresh");
	make_file("fresh/one", "3");
	watcher_start(false);
	scan();
	assert_same();
	/* The root, two changed ones and the new one; one is gone. */
	assert_int_equal(keeper->scan.folders_read, 4);
	assert_int_equal(keeper->gone_folders, 1);
	/* Just written: to be read again, since a later change may bear the same time. */
	assert_int_equal(known_find(&keeper->folders, "fresh")->mtime_ns, 0);
	/* Those that need not be read are watched too, soon after. */
	for (int i = 0; i < 20 && keeper->coverage.watched < 301; i++)
		settle();
	assert_int_equal(keeper->coverage.watched, 301);
	for (int i = 0; i < 300; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "day%02d/later", i);
		if (i != 11)
			make_file(name, "4");
	}
	settle();
	assert_same();
	watcher_stop();
}

static void events_are_told(void **state UNUSED) {
	make_folder("cam");
	watcher_start(false);
	scan();
	char path[PATH_ROOM], other[PATH_ROOM];
	path_of(path, "cam/open.mp4");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	settle();
	assert_int_equal(keeper->told[ENTRY_APPEARED], 1);
	assert_int_equal(descriptor_write_all(fd, "12345", 5), 0);
	settle();
	assert_int_equal(keeper->told[ENTRY_CHANGED], 0);
	(void)close(fd);
	settle();
	assert_int_equal(keeper->told[ENTRY_CLOSED], 1);
	assert_int_equal(entry("cam/open.mp4")->entry.bytes, 5);

	path_of(other, "cam/linked.mp4");
	assert_int_equal(link(path, other), 0);
	settle();
	assert_int_equal(keeper->told[ENTRY_ARRIVED], 1);
	move("cam/linked.mp4", "cam/renamed.mp4");
	settle();
	assert_int_equal(keeper->told[ENTRY_ARRIVED], 2);
	assert_int_equal(keeper->told[ENTRY_GONE], 1);
	assert_int_equal(unlink(path), 0);
	settle();
	assert_int_equal(keeper->told[ENTRY_GONE], 2);
	make_file("cam/renamed.mp4", "again"); /* reopened and truncated */
	settle();
	assert_int_equal(entry("cam/renamed.mp4")->entry.bytes, 5);
	assert_same();
	watcher_stop();
}

static void slots_being_written_are_told_once_a_second(void **state UNUSED) {
	make_folder("ring");
	make_file("ring/out001.ts", "old footage");
	watcher_start(true);
	scan();
	char path[PATH_ROOM];
	path_of(path, "ring/out001.ts");
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	int64_t end_us = clock_elapsed_us() + 2500000;
	while (clock_elapsed_us() < end_us) {
		assert_int_equal(descriptor_write_all(fd, "x", 1), 0);
		(void)keeper_take(20);
	}
	assert_in_range(keeper->told[ENTRY_CHANGED], 1, 4);
	(void)close(fd);
	settle();
	assert_int_equal(keeper->told[ENTRY_CLOSED], 1);
	assert_same();
	watcher_stop();
}

/* Folders that appear with files already in them, as fast as the machine makes them. */
static void nothing_is_lost_when_trees_appear(void **state UNUSED) {
	watcher_start(false);
	scan();
	for (int i = 0; i < 150; i++) {
		char path[64];
		(void)snprintf(path, sizeof path, "d%03d", i);
		make_folder(path);
		(void)snprintf(path, sizeof path, "d%03d/a", i);
		make_folder(path);
		(void)snprintf(path, sizeof path, "d%03d/a/b", i);
		make_folder(path);
		(void)snprintf(path, sizeof path, "d%03d/a/b/file", i);
		make_file(path, "content");
		(void)snprintf(path, sizeof path, "d%03d/late", i);
		make_file(path, "x");
		if (i % 16 == 0)
			(void)keeper_take(0);
	}
	settle();
	assert_int_equal(tree_count(keeper->folders), 451);
	assert_same();
	watcher_stop();
}

static void folders_come_go_and_move(void **state UNUSED) {
	make_folder("a");
	make_folder("a/b");
	make_file("a/b/one", "1");
	watcher_start(false);
	scan();
	move("a", "moved");
	make_file("moved/b/two", "22");
	settle();
	assert_same();
	assert_null(known_find(&keeper->folders, "a/b"));
	make_file("moved/b/three", "333"); /* watched under its new name */
	settle();
	assert_same();

	char outside[160], path[PATH_ROOM];
	(void)snprintf(outside, sizeof outside, "%s.outside", keeper->top);
	path_of(path, "moved");
	assert_int_equal(rename(path, outside), 0);
	settle();
	assert_int_equal(tree_count(keeper->folders), 1);
	(void)snprintf(path, sizeof path, "%s/b/four", outside);
	assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), 0);
	settle(); /* not ours any more: the model would hold it */
	assert_same();
	path_of(path, "back");
	assert_int_equal(rename(outside, path), 0);
	settle();
	assert_same();

	for (int i = 0; i < 60; i++) {
		make_folder("flicker");
		make_file("flicker/x", "x");
		move("flicker", i % 2 == 0 ? "even" : "odd");
		path_of(path, i % 2 == 0 ? "even" : "odd");
		if (i < 58)
			remove_tree(path);
		if (i % 7 == 0)
			settle();
	}
	settle();
	assert_same();
	assert_int_equal(tree_count(keeper->folders), 5);
	watcher_stop();
}

static void lost_events_are_followed_by_a_comparison(void **state UNUSED) {
	make_folder("cam");
	make_folder("old");
	make_file("old/file", "1");
	watcher_start(false);
	scan();
	/* The watcher stands still while more happens than any queue holds. */
	assert_int_equal(kill(keeper->child, SIGSTOP), 0);
	char path[PATH_ROOM];
	path_of(path, "old");
	remove_tree(path);
	path_of(path, "cam");
	int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	for (int i = 0; i < 9000; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "f%05d", i);
		int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		(void)close(fd);
		if (i % 3 == 0)
			assert_int_equal(unlinkat(folder_fd, name, 0), 0);
	}
	(void)close(folder_fd);
	make_folder("after");
	make_file("after/file", "2");
	unsigned scans = keeper->scans;
	assert_int_equal(kill(keeper->child, SIGCONT), 0);
	settle();
	assert_same();
	if (keeper->coverage.overflows > 0) /* the machine's queue was shorter than that */
		assert_true(keeper->scans > scans);
	else
		print_message("the kernel's queue held all events: no overflow here\n");
	watcher_stop();
}

/* Waits for at most `seconds` until the entry is known. */
static bool known_within(const char *path, int seconds) {
	int64_t end_us = clock_elapsed_us() + seconds * US_PER_SECOND;
	while (known_find(&keeper->entries, path) == NULL && clock_elapsed_us() < end_us)
		(void)keeper_take(50);
	return known_find(&keeper->entries, path) != NULL;
}

static void at_the_watch_limit_the_newest_are_watched(void **state UNUSED) {
	enum { FOLDERS = 20, WATCHES = 8 };
	char name[64], path[PATH_ROOM];
	for (int i = 0; i < FOLDERS; i++) {
		(void)snprintf(name, sizeof name, "day%02d", i);
		make_folder(name);
		(void)snprintf(name, sizeof name, "day%02d/file", i);
		make_file(name, "1");
		(void)snprintf(name, sizeof name, "day%02d", i);
		path_of(path, name);
		struct timespec times[2] = {{.tv_sec = 1000000000 + i}, {.tv_sec = 1000000000 + i}};
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	if (!variant_start(&(struct variant){.watches = WATCHES, .hasty = true}))
		skip();
	scan();
	assert_same();
	settle();
	assert_int_equal(keeper->coverage.folders, FOLDERS + 1);
	assert_int_equal(keeper->coverage.watched, WATCHES);
	/* The root and the seven newest. */
	make_file("day19/new", "2");
	make_file("day13/new", "2");
	settle();
	assert_int_equal(keeper->told[ENTRY_CLOSED], 2);
	/* An old one is seen by its times, and gets the watch of one that changed longer ago. */
	make_file("day00/new", "2");
	assert_true(known_within("day00/new", 5));
	assert_int_equal(keeper->told[ENTRY_CLOSED], 2);
	settle();
	make_file("day00/second", "2");
	settle();
	assert_int_equal(keeper->told[ENTRY_CLOSED], 3);
	/* So does a new one. */
	make_folder("fresh");
	make_file("fresh/one", "3");
	assert_true(known_within("fresh/one", 5));
	settle();
	make_file("fresh/two", "3");
	assert_true(known_within("fresh/two", 5));
	path_of(path, "day05");
	remove_tree(path);
	for (int i = 0; i < 12 && keeper->gone_folders == 0; i++)
		settle();
	assert_int_equal(keeper->gone_folders, 1);
	assert_same();
	watcher_stop();
}

static void files_are_opened_for_others(void **state UNUSED) {
	make_folder("cam");
	make_file("cam/a.mp4", "hello");
	char path[PATH_ROOM];
	path_of(path, "cam/fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	path_of(path, "cam/link");
	assert_int_equal(symlink("a.mp4", path), 0);
	path_of(path, "way");
	assert_int_equal(symlink("cam", path), 0);
	watcher_start(false);
	static const struct {
		const char *folder, *name;
		int error;
	} cases[] = {
	    {"cam", "a.mp4", 0},
	    {"cam", "fifo", EINVAL},
	    {"cam", "link", EINVAL},
	    {"cam", "none", ENOENT},
	    {"", "cam", EINVAL},
	    {"cam/..", "cam", EINVAL},
	    {"cam", "..", EINVAL},
	    {"cam", "../cam/a.mp4", EINVAL},
	    {"/cam", "a.mp4", EINVAL},
	    {"way", "a.mp4", ENOTDIR},
	    {"none", "x", ENOENT},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		keeper->answer = (struct record_answer){0};
		ask_file(MESSAGE_OPEN, cases[i].folder, cases[i].name);
		while (keeper->answer.request == 0)
			assert_true(keeper_take(2000));
		assert_int_equal(keeper->answer.error, cases[i].error);
		assert_true((keeper->opened_fd >= 0) == (cases[i].error == 0));
		if (cases[i].error == 0) {
			char content[8] = "";
			assert_int_equal(read(keeper->opened_fd, content, sizeof content), 5);
			assert_true((fcntl(keeper->opened_fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
		}
	}
	ask_file(MESSAGE_LOOK, "cam", "a.mp4");
	settle();
	assert_int_equal(keeper->told[ENTRY_LISTED], 1);
	ask_file(MESSAGE_LOOK, "cam", "none");
	settle();
	assert_int_equal(keeper->told[ENTRY_GONE], 1);
	watcher_stop();
}

static void an_unreadable_folder_loses_nothing(void **state UNUSED) {
	if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
		skip();
	/* mkdtemp's folder is the other user's; work in one of our own. */
	char own[PATH_ROOM];
	(void)snprintf(own, sizeof own, "/tmp/watcher_scan_own.XXXXXX");
	assert_non_null(mkdtemp(own));
	char former[128];
	(void)snprintf(former, sizeof former, "%s", keeper->top);
	(void)snprintf(keeper->top, sizeof keeper->top, "%.60s", own);
	make_folder("cam");
	make_file("cam/kept", "1");
	make_folder("free");
	watcher_start(false);
	scan();
	watcher_stop();
	char path[PATH_ROOM];
	path_of(path, "cam");
	assert_int_equal(chmod(path, 0), 0);
	make_file("free/new", "2");
	watcher_start(false);
	scan();
	assert_int_equal(keeper->failed_folders, 1);
	assert_int_equal(keeper->last_error, EACCES);
	(void)entry("cam/kept");
	(void)entry("free/new");
	assert_int_equal(keeper->gone_folders, 0);
	watcher_stop();
	assert_int_equal(chmod(path, 0755), 0);
	remove_tree(own);
	(void)snprintf(keeper->top, sizeof keeper->top, "%s", former);
	if (getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
		fail();
	/* Having been another user makes a process undumpable, which the leak checker cannot stand. */
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void a_root_that_is_replaced_is_not_called_empty(void **state UNUSED) {
	make_folder("cam");
	make_file("cam/kept", "1");
	watcher_start(false);
	scan();
	char aside[160];
	(void)snprintf(aside, sizeof aside, "%s.aside", keeper->top);
	assert_int_equal(rename(keeper->top, aside), 0);
	assert_int_equal(mkdir(keeper->top, 0755), 0);
	settle();
	assert_true(keeper->root.error != 0);
	assert_int_equal(keeper->gone_folders, 0);
	assert_int_equal(keeper->told[ENTRY_GONE], 0);
	(void)entry("cam/kept");
	/* Asked again, it is found anew: another root, as its inode says. */
	assert_int_equal(rmdir(keeper->top), 0);
	assert_int_equal(rename(aside, keeper->top), 0);
	scan();
	assert_int_equal(keeper->root.error, 0);
	assert_same();
	watcher_stop();
}

static int watch_folder(struct watches *watches, const char *relative) {
	char path[PATH_ROOM], evicted[PATH_BYTES_MAX + 1];
	uint16_t evicted_root;
	path_of(path, relative);
	CLOSED_AT_END int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct watch_request request = {.path = text_of(relative), .folder_fd = fd, .changed_s = 1};
	return watches_add(watches, &request, evicted, sizeof evicted, &evicted_root);
}

/* What watches.c does in the C library's place: without it the library keeps every watch that ever was. */
static void ended_and_renamed_watches_are_forgotten(void **state UNUSED) {
	struct watches watches;
	struct watch_name name;
	char path[PATH_ROOM];
	assert_int_equal(watches_open(&watches), 0);
	make_folder("day");
	assert_int_equal(watch_folder(&watches, "day"), WATCH_ADDED);
	assert_int_equal(watch_folder(&watches, "day"), WATCH_KEPT);
	int wd = watches_find(&watches, 0, text_of("day"))->wd;
	assert_true(watches_name(wd, &name) && text_equal(name.path, text_of("day")));
	path_of(path, "day");
	assert_int_equal(rmdir(path), 0);
	watches_remove(&watches, wd); /* the kernel has ended it already */
	assert_false(watches_name(wd, &name));
	assert_int_equal(watches.count, 0);

	/* The same name again, then the same folder under another name before its rename is known. */
	make_folder("day");
	assert_int_equal(watch_folder(&watches, "day"), WATCH_ADDED);
	assert_true(watches_find(&watches, 0, text_of("day"))->wd != wd);
	move("day", "night");
	assert_int_equal(watch_folder(&watches, "night"), WATCH_ADDED);
	assert_null(watches_find(&watches, 0, text_of("day")));
	/* And another folder under a watched name. */
	move("night", "gone");
	make_folder("night");
	assert_int_equal(watch_folder(&watches, "night"), WATCH_ADDED);
	assert_int_equal(watches.count, 1);
	watches_close(&watches);
}

static void a_folder_with_very_many_files_works(void **state UNUSED) {
	make_folder("flat");
	char path[PATH_ROOM];
	path_of(path, "flat");
	int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	for (int i = 0; i < 20000; i++) {
		char name[64];
		(void)snprintf(name, sizeof name, "segment-with-a-rather-long-name-%06d.mp4", i);
		int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		(void)close(fd);
	}
	(void)close(folder_fd);
	watcher_start(false);
	scan();
	assert_int_equal(keeper->scan.entries, 20001);
	assert_same();
	watcher_stop();
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(scan_tells_every_kind_of_entry, setup, teardown),
	    cmocka_unit_test_setup_teardown(unchanged_folders_are_not_read_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(events_are_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(slots_being_written_are_told_once_a_second, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_is_lost_when_trees_appear, setup, teardown),
	    cmocka_unit_test_setup_teardown(folders_come_go_and_move, setup, teardown),
	    cmocka_unit_test_setup_teardown(lost_events_are_followed_by_a_comparison, setup, teardown),
	    cmocka_unit_test_setup_teardown(at_the_watch_limit_the_newest_are_watched, setup, teardown),
	    cmocka_unit_test_setup_teardown(files_are_opened_for_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_unreadable_folder_loses_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_root_that_is_replaced_is_not_called_empty, setup, teardown),
	    cmocka_unit_test_setup_teardown(ended_and_renamed_watches_are_forgotten, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_folder_with_very_many_files_works, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
