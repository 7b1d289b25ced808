/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reaper: only what was named goes, in order, and what is said of it is true. On a folder of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/reaper/batch.h"
#include "daemon/reaper/erase.h"
#include "daemon/reaper/facts.h"
#include "daemon/reaper/folder.h"
#include "daemon/reaper/remove.h"
#include "daemon/reaper/root.h"
#include "tree.h"

enum { ITEMS_MAX = 200 };

struct fixture {
	char base[PATH_MAX];
	char path[PATH_MAX]; /* the root */
	char vault[PATH_MAX];
	int fd; /* of the root, the test's own */
	struct root_settings settings;
	struct layout layout;
	struct root root;
	struct batch batch;
	char folders[ITEMS_MAX][PATH_MAX];
	char names[ITEMS_MAX][NAME_MAX + 1];
	struct record_erase_item items[ITEMS_MAX];
	size_t count;
	size_t stop_before; /* the listener stops before this item; ITEMS_MAX: never */
	enum erase_flow stop_how;
	size_t listened;
};

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	const char *folder = getenv("TMPDIR");
	(void)snprintf(f->base, sizeof f->base, "%s/reaper-test-XXXXXX", folder == NULL ? "/tmp" : folder);
	assert_non_null(mkdtemp(f->base));
	assert_true(snprintf(f->path, sizeof f->path, "%s/root", f->base) < PATH_MAX);
	assert_true(snprintf(f->vault, sizeof f->vault, "%s/vault", f->base) < PATH_MAX);
	assert_int_equal(mkdir(f->path, 0755), 0);
	assert_int_equal(mkdir(f->vault, 0755), 0);
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	f->settings.name = f->path;
	f->settings.path = f->path;
	f->settings.vault = f->vault;
	f->settings.layout = &f->layout;
	f->layout.slots = true;
	f->root = ROOT_NULL;
	f->root.settings = &f->settings;
	f->stop_before = ITEMS_MAX;
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	root_close(&f->root);
	batch_clear(&f->batch);
	(void)close(f->fd);
	(void)tree_remove(f->base);
	free(f);
	return 0;
}

static void make_file(struct fixture *f, const char *path, const char *content) {
	int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
}

static bool exists(struct fixture *f, const char *path) {
	return faccessat(f->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Names a file in the batch with what it is now; the test may change the item afterwards. */
static struct record_erase_item *name_item(struct fixture *f, const char *folder, const char *name) {
	assert_true(f->count < ITEMS_MAX);
	size_t at = f->count++;
	(void)snprintf(f->folders[at], PATH_MAX, "%s", folder);
	(void)snprintf(f->names[at], sizeof f->names[at], "%s", name);
	char path[2 * PATH_MAX];
	(void)snprintf(path, sizeof path, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", name);
	struct facts facts;
	if (facts_of_name(f->fd, path, &facts) < 0)
		facts = (struct facts){0};
	f->items[at] = (struct record_erase_item){
	    .item = (uint16_t)at,
	    .group = (uint16_t)(1000 + at),
	    .way = ERASE_UNLINK,
	    .folder = text_of(f->folders[at]),
	    .name = text_of(f->names[at]),
	    .inode = facts.inode,
	    .bytes = facts.bytes,
	    .mtime_ns = facts.mtime_ns,
	    .birth_ns = facts.birth_ns,
	};
	return &f->items[at];
}

static enum erase_flow listen_in_test(void *context) {
	struct fixture *f = context;
	return f->listened++ == f->stop_before ? f->stop_how : ERASE_GO_ON;
}

/* Sends the items through the real encoder, in two parts, and works the batch off. */
static int run(struct fixture *f) {
	static struct message_writer out;
	static struct message message;
	for (int part = 0; part < 2; part++) {
		size_t from = part == 0 ? 0 : f->count / 2;
		size_t to = part == 0 ? f->count / 2 : f->count;
		struct record_erase head = {.batch = 7, .root = 0, .last = part == 1};
		message_begin(&out, MESSAGE_ERASE);
		record_erase_put(&out.writer, &head);
		for (size_t i = from; i < to; i++)
			message_add_erase_item(&out, &f->items[i]);
		out.bytes[2] = (uint8_t)out.items;
		out.bytes[3] = (uint8_t)(out.items >> 8);
		assert_true(message_check(out.bytes, out.writer.used, 0, &message));
		assert_true(record_erase_get(&message.reader, &head));
		assert_int_equal(batch_append(&f->batch, &head, &message), 0);
	}
	struct erase_listener listener = {.listen = listen_in_test, .context = f};
	return erase_run(&f->root, &f->batch, &listener);
}

static void assert_outcome(struct fixture *f, size_t item, enum erase_outcome expected) {
	if (f->batch.results[item].outcome != expected)
		print_error(
		    "item %zu: outcome %u, error %u\n", item, f->batch.results[item].outcome, f->batch.results[item].error);
	assert_int_equal(f->batch.results[item].outcome, expected);
}

static void removes_exactly_what_is_named(void **state) {
	struct fixture *f = *state;
	assert_int_equal(mkdirat(f->fd, "cam", 0755), 0);
	make_file(f, "cam/a.mp4", "a");
	make_file(f, "cam/b.mp4", "b");
	make_file(f, "top.mp4", "top");
	make_file(f, "cam/line\nbreak\xff.mp4", "odd");
	name_item(f, "cam", "a.mp4");
	name_item(f, "", "top.mp4");
	name_item(f, "cam", "line\nbreak\xff.mp4");
	name_item(f, "cam", "absent.mp4");
	name_item(f, "no-such-folder", "x.mp4");
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DONE);
	assert_outcome(f, 1, ERASE_DONE);
	assert_outcome(f, 2, ERASE_DONE);
	assert_outcome(f, 3, ERASE_GONE);
	assert_outcome(f, 4, ERASE_GONE);
	assert_false(exists(f, "cam/a.mp4"));
	assert_false(exists(f, "top.mp4"));
	assert_true(exists(f, "cam/b.mp4"));
	assert_int_equal(f->batch.results[0].links_left, 0);
	assert_false(f->batch.results[0].open_elsewhere);
}

static void same_folder_carries_over(void **state) {
	struct fixture *f = *state;
	assert_int_equal(mkdirat(f->fd, "cam", 0755), 0);
	make_file(f, "cam/a.mp4", "a");
	make_file(f, "cam/b.mp4", "b");
	name_item(f, "cam", "a.mp4");
	struct record_erase_item *second = name_item(f, "cam", "b.mp4");
	second->same_folder = 1;
	second->folder = TEXT_NULL;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 1, ERASE_DONE);
	assert_false(exists(f, "cam/b.mp4"));
}

static void first_item_must_bring_its_folder(void **state) {
	(void)state;
	static struct message_writer out;
	static struct message message;
	struct record_erase head = {.batch = 1, .last = 1};
	struct record_erase_item item = {.same_folder = 1, .name = text_of("a.mp4")};
	message_begin(&out, MESSAGE_ERASE);
	record_erase_put(&out.writer, &head);
	message_add_erase_item(&out, &item);
	out.bytes[2] = 1;
	assert_true(message_check(out.bytes, out.writer.used, 0, &message));
	assert_true(record_erase_get(&message.reader, &head));
	struct batch batch = {0};
	assert_int_equal(batch_append(&batch, &head, &message), -EPROTO);
	batch_clear(&batch);
}

static void each_difference_keeps_the_file(void **state) {
	struct fixture *f = *state;
	for (int i = 0; i < 4; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d.mp4", i);
		make_file(f, name, "footage");
		(void)name_item(f, "", name);
	}
	f->items[0].inode++;
	f->items[1].bytes++;
	f->items[2].mtime_ns++;
	bool has_birth = f->items[3].birth_ns != 0;
	f->items[3].birth_ns++;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DIFFERS);
	assert_outcome(f, 1, ERASE_DIFFERS);
	assert_outcome(f, 2, ERASE_DIFFERS);
	if (has_birth)
		assert_outcome(f, 3, ERASE_DIFFERS);
	assert_true(exists(f, "0.mp4") && exists(f, "1.mp4") && exists(f, "2.mp4"));
}

static void unknown_birth_is_no_difference(void **state) {
	struct fixture *f = *state;
	make_file(f, "a.mp4", "a");
	name_item(f, "", "a.mp4")->birth_ns = 0;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DONE);
}

static void links_and_other_kinds_stay(void **state) {
	struct fixture *f = *state;
	make_file(f, "target.mp4", "target");
	assert_int_equal(symlinkat("target.mp4", f->fd, "link.mp4"), 0);
	assert_int_equal(mkfifoat(f->fd, "fifo.mp4", 0644), 0);
	assert_int_equal(mkdirat(f->fd, "folder.mp4", 0755), 0);
	name_item(f, "", "link.mp4");
	name_item(f, "", "fifo.mp4");
	name_item(f, "", "folder.mp4");
	/* Even with the target's facts, a symbolic link is not the file. */
	name_item(f, "", "target.mp4")->name = text_of("link.mp4");
	assert_int_equal(run(f), 0);
	for (size_t i = 0; i < 4; i++)
		assert_outcome(f, i, ERASE_DIFFERS);
	assert_true(exists(f, "link.mp4") && exists(f, "fifo.mp4") && exists(f, "folder.mp4") && exists(f, "target.mp4"));
}

static void folders_are_not_followed_out(void **state) {
	struct fixture *f = *state;
	char outside[2 * PATH_MAX];
	(void)snprintf(outside, sizeof outside, "%s/outside", f->base);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(symlinkat(outside, f->fd, "cam"), 0);
	make_file(f, "../outside/a.mp4", "a");
	struct facts facts;
	assert_int_equal(facts_of_name(f->fd, "../outside/a.mp4", &facts), 0);
	const char *ways[] = {"cam", "../outside", "x/../../outside", outside};
	for (size_t i = 0; i < ARRAY_LENGTH(ways); i++)
		(void)name_item(f, ways[i], "a.mp4");
	for (size_t i = 0; i < f->count; i++) {
		f->items[i].inode = facts.inode;
		f->items[i].bytes = facts.bytes;
		f->items[i].mtime_ns = facts.mtime_ns;
		f->items[i].birth_ns = facts.birth_ns;
	}
	assert_int_equal(run(f), 0);
	for (size_t i = 0; i < f->count; i++)
		assert_int_not_equal(f->batch.results[i].outcome, ERASE_DONE);
	assert_true(exists(f, "../outside/a.mp4"));
}

static void names_with_a_way_are_refused(void **state) {
	struct fixture *f = *state;
	assert_int_equal(mkdirat(f->fd, "cam", 0755), 0);
	make_file(f, "cam/a.mp4", "a");
	name_item(f, "", "cam/a.mp4");
	name_item(f, "cam", "..");
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_FAILED);
	assert_int_equal(f->batch.results[0].error, EINVAL);
	assert_outcome(f, 1, ERASE_FAILED);
	assert_true(exists(f, "cam/a.mp4"));
}

static void other_links_are_told(void **state) {
	struct fixture *f = *state;
	make_file(f, "a.mp4", "a");
	assert_int_equal(linkat(f->fd, "a.mp4", f->fd, "kept.mp4", 0), 0);
	name_item(f, "", "a.mp4");
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DONE);
	assert_int_equal(f->batch.results[0].links_left, 1);
	assert_true(exists(f, "kept.mp4"));
}

static void open_elsewhere_is_told(void **state) {
	struct fixture *f = *state;
	make_file(f, "read.mp4", "read");
	make_file(f, "idle.mp4", "idle");
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t reader = fork();
	if (reader == 0) {
		bool opened = openat(f->fd, "read.mp4", O_RDONLY) >= 0;
		_exit(opened && write(ready[1], "x", 1) == 1 && pause() ? 0 : 1);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	name_item(f, "", "read.mp4");
	name_item(f, "", "idle.mp4");
	assert_int_equal(run(f), 0);
	assert_int_equal(kill(reader, SIGKILL), 0);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	(void)close(ready[0]);
	(void)close(ready[1]);
	assert_outcome(f, 0, ERASE_DONE);
	assert_true(f->batch.results[0].open_elsewhere);
	assert_outcome(f, 1, ERASE_DONE);
	assert_false(f->batch.results[1].open_elsewhere);
}

static void group_stays_from_its_failure_on(void **state) {
	struct fixture *f = *state;
	const char *names[] = {"1.jpg", "1.json", "1.mp4", "2.mp4", "3.json", "3.mp4"};
	const uint16_t groups[] = {1, 1, 1, 2, 3, 3};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		make_file(f, names[i], names[i]);
		name_item(f, "", names[i])->group = groups[i];
	}
	f->items[1].bytes++;                               /* differs: the video must outlive it */
	assert_int_equal(unlinkat(f->fd, "3.json", 0), 0); /* gone already: no reason to keep the video */
	assert_int_equal(run(f), 0);
	const enum erase_outcome expected[] = {
	    ERASE_DONE, ERASE_DIFFERS, ERASE_SKIPPED, ERASE_DONE, ERASE_GONE, ERASE_DONE};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		assert_outcome(f, i, expected[i]);
	assert_true(exists(f, "1.mp4") && exists(f, "1.json"));
}

static void stop_between_keeps_the_rest(void **state) {
	struct fixture *f = *state;
	for (int i = 0; i < 5; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d.mp4", i);
		make_file(f, name, "footage");
		(void)name_item(f, "", name);
	}
	f->stop_before = 2;
	f->stop_how = ERASE_STOP_HERE;
	assert_int_equal(run(f), 0);
	for (size_t i = 0; i < 5; i++)
		assert_outcome(f, i, i < 2 ? ERASE_DONE : ERASE_SKIPPED);
	assert_true(exists(f, "2.mp4") && exists(f, "3.mp4") && exists(f, "4.mp4"));
}

static void end_of_keeper_keeps_the_rest(void **state) {
	struct fixture *f = *state;
	make_file(f, "a.mp4", "a");
	name_item(f, "", "a.mp4");
	f->stop_before = 0;
	f->stop_how = ERASE_END;
	assert_int_equal(run(f), -EPIPE);
	assert_true(exists(f, "a.mp4"));
}

static void error_is_told_and_stops_nothing_else(void **state) {
	struct fixture *f = *state;
	assert_int_equal(mkdirat(f->fd, "cam", 0755), 0);
	make_file(f, "cam/a.mp4", "a");
	make_file(f, "b.mp4", "b");
	name_item(f, "cam", "a.mp4");
	name_item(f, "", "b.mp4");
	/* A path that is too long fails for root too, on every filesystem. */
	char deep[PATH_MAX];
	memset(deep, 'd', NAME_MAX + 1);
	deep[NAME_MAX + 1] = '\0';
	name_item(f, deep, "c.mp4");
	bool root = geteuid() == 0;
	assert_int_equal(fchmodat(f->fd, "cam", 0555, 0), 0);
	assert_int_equal(run(f), 0);
	assert_int_equal(fchmodat(f->fd, "cam", 0755, 0), 0);
	assert_outcome(f, 0, root ? ERASE_DONE : ERASE_FAILED);
	assert_int_equal(f->batch.results[0].error, root ? 0 : EACCES);
	assert_outcome(f, 1, ERASE_DONE);
	assert_outcome(f, 2, ERASE_FAILED);
	assert_int_equal(f->batch.results[2].error, ENAMETOOLONG);
}

static void many_folders(void **state) {
	struct fixture *f = *state;
	for (int i = 0; i < FOLDERS_OPEN_MAX + 10; i++) {
		char folder[16];
		char path[32];
		(void)snprintf(folder, sizeof folder, "f%d", i);
		(void)snprintf(path, sizeof path, "f%d/a.mp4", i);
		assert_int_equal(mkdirat(f->fd, folder, 0755), 0);
		make_file(f, path, "a");
		(void)name_item(f, folder, "a.mp4");
	}
	/* One of a folder that made room meanwhile. */
	make_file(f, "f0/b.mp4", "b");
	name_item(f, "f0", "b.mp4");
	assert_int_equal(run(f), 0);
	for (size_t i = 0; i < f->count; i++)
		assert_outcome(f, i, ERASE_DONE);
}

static void another_root_under_the_path_is_refused(void **state) {
	struct fixture *f = *state;
	make_file(f, "a.mp4", "a");
	name_item(f, "", "a.mp4");
	assert_int_equal(root_open(&f->root), 0);
	root_close(&f->root);
	char aside[2 * PATH_MAX];
	(void)snprintf(aside, sizeof aside, "%s/aside", f->base);
	assert_int_equal(rename(f->path, aside), 0);
	assert_int_equal(mkdir(f->path, 0755), 0);
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_FAILED);
	assert_int_equal(f->batch.results[0].error, ESTALE);
	assert_true(exists(f, "a.mp4"));
	assert_int_equal(f->root.fd, -1);
}

static int quarantined(struct fixture *f) {
	assert_int_equal(root_open_quarantine(&f->root), 0);
	return (int)root_count_quarantined(&f->root);
}

static void slot_goes_by_quarantine(void **state) {
	struct fixture *f = *state;
	assert_int_equal(root_prepare(&f->settings, 0, 0), 0);
	make_file(f, "out001.ts", "old");
	name_item(f, "", "out001.ts")->way = ERASE_QUARANTINE;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DONE);
	assert_false(exists(f, "out001.ts"));
	assert_int_equal(quarantined(f), 0);
}

/* A recorder that has the slot open and writes it anew keeps its inode: only the writer shows it. */
static void slot_that_is_written_goes_back(void **state) {
	struct fixture *f = *state;
	make_file(f, "out001.ts", "old");
	name_item(f, "", "out001.ts")->way = ERASE_QUARANTINE;
	int writer = openat(f->fd, "out001.ts", O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(run(f), 0);
	assert_int_equal(write(writer, "new", 3), 3);
	assert_int_equal(close(writer), 0);
	assert_outcome(f, 0, ERASE_PUT_BACK);
	assert_true(exists(f, "out001.ts"));
	assert_int_equal(quarantined(f), 0);
}

static void slot_that_differs_is_not_moved(void **state) {
	struct fixture *f = *state;
	make_file(f, "out001.ts", "old");
	name_item(f, "", "out001.ts")->way = ERASE_QUARANTINE;
	f->items[0].mtime_ns++;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DIFFERS);
	assert_true(exists(f, "out001.ts"));
}

static void slot_whose_name_is_taken_is_never_lost(void **state) {
	struct fixture *f = *state;
	assert_int_equal(root_prepare(&f->settings, 0, 0), 0);
	make_file(f, "../vault/quarantine/7-0", "moved");
	make_file(f, "out001.ts", "new under the old name");
	name_item(f, "", "out001.ts")->bytes = 0;
	assert_int_equal(run(f), 0);
	assert_int_equal(root_open_quarantine(&f->root), 0);
	struct batch_result result = quarantine_put_back(&f->root, &f->batch, &f->batch.items[0], f->fd, "7-0");
	assert_int_equal(result.outcome, ERASE_FAILED);
	assert_int_equal(result.error, EEXIST);
	assert_true(exists(f, "out001.ts"));
	assert_int_equal(quarantined(f), 1);
}

static void leftovers_in_quarantine_stay(void **state) {
	struct fixture *f = *state;
	assert_int_equal(root_prepare(&f->settings, 0, 0), 0);
	make_file(f, "../vault/quarantine/7-0", "an earlier run's");
	make_file(f, "out001.ts", "old");
	name_item(f, "", "out001.ts")->way = ERASE_QUARANTINE;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_DONE);
	assert_int_equal(quarantined(f), 1);
}

static void without_a_vault_slots_stay(void **state) {
	struct fixture *f = *state;
	f->settings.vault = NULL;
	make_file(f, "out001.ts", "old");
	name_item(f, "", "out001.ts")->way = ERASE_QUARANTINE;
	assert_int_equal(run(f), 0);
	assert_outcome(f, 0, ERASE_FAILED);
	assert_int_equal(f->batch.results[0].error, ENOTSUP);
	assert_true(exists(f, "out001.ts"));
}

static bool remove_path(struct fixture *f, const char *path, int64_t mtime_ns) {
	return folder_remove(&f->root, &(struct record_known_folder){.path = text_of(path), .mtime_ns = mtime_ns});
}

static void only_empty_unchanged_folders_go(void **state) {
	struct fixture *f = *state;
	assert_int_equal(root_open(&f->root), 0);
	assert_int_equal(mkdirat(f->fd, "a", 0755), 0);
	assert_int_equal(mkdirat(f->fd, "a/b", 0755), 0);
	assert_int_equal(mkdirat(f->fd, "full", 0755), 0);
	make_file(f, "full/x.mp4", "x");
	make_file(f, "file", "x");
	struct facts facts;
	assert_int_equal(facts_of_name(f->fd, "a/b", &facts), 0);
	assert_false(remove_path(f, "a/b", facts.mtime_ns + 1));
	assert_true(remove_path(f, "a/b", facts.mtime_ns));
	assert_true(remove_path(f, "a", 0));
	assert_false(remove_path(f, "full", 0));
	assert_false(remove_path(f, "file", 0));
	assert_false(remove_path(f, "", 0));
	assert_false(remove_path(f, ".", 0));
	assert_false(remove_path(f, "../vault", 0));
	assert_true(exists(f, "full/x.mp4") && exists(f, "../vault"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(removes_exactly_what_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(same_folder_carries_over, set_up, tear_down),
	    cmocka_unit_test(first_item_must_bring_its_folder),
	    cmocka_unit_test_setup_teardown(each_difference_keeps_the_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown_birth_is_no_difference, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(links_and_other_kinds_stay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(folders_are_not_followed_out, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_with_a_way_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_links_are_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(open_elsewhere_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(group_stays_from_its_failure_on, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(stop_between_keeps_the_rest, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(end_of_keeper_keeps_the_rest, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(error_is_told_and_stops_nothing_else, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_folders, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_root_under_the_path_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(slot_goes_by_quarantine, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(slot_that_is_written_goes_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(slot_that_differs_is_not_moved, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(slot_whose_name_is_taken_is_never_lost, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(leftovers_in_quarantine_stay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_a_vault_slots_stay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(only_empty_unchanged_folders_go, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
