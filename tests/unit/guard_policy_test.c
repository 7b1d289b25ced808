/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guard's pure decisions: who may open, what is below a root, folders by the key of their mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/guard/below.h"
#include "daemon/guard/folders.h"
#include "daemon/guard/policy.h"

static void who_may(void **state) {
	(void)state;
	for (unsigned part = ACCESSOR_OTHER; part <= ACCESSOR_OWN; part++) {
		assert_true(policy_allows(GUARD_ATTRIBUTE, false, (enum accessor_part)part));
		assert_true(policy_allows(GUARD_ATTRIBUTE, true, (enum accessor_part)part));
	}
	assert_false(policy_allows(GUARD_BLOCK, false, ACCESSOR_OTHER));
	assert_true(policy_allows(GUARD_BLOCK, false, ACCESSOR_ALLOWED));
	assert_false(policy_allows(GUARD_BLOCK, true, ACCESSOR_ALLOWED));
	for (int refuse_all = 0; refuse_all < 2; refuse_all++) {
		assert_true(policy_allows(GUARD_BLOCK, refuse_all != 0, ACCESSOR_RECORDER));
		assert_true(policy_allows(GUARD_BLOCK, refuse_all != 0, ACCESSOR_OWN));
	}
}

static void below(const char *root, const char *path, const char *expected) {
	struct text found = {.data = "untouched", .length = 9};
	bool is_below = path_below(text_of(root), text_of(path), &found);
	assert_int_equal(is_below, expected != NULL);
	if (expected != NULL)
		assert_true(text_equal(found, text_of(expected)));
}

static void what_is_below(void **state) {
	(void)state;
	below("/mnt/a", "/mnt/a/gate/x.mp4", "gate/x.mp4");
	below("/mnt/a", "/mnt/a", "");
	below("/mnt/a", "/mnt/ab/x.mp4", NULL);
	below("/mnt/a", "/mnt", NULL);
	below("/mnt/a", "", NULL);
	below("/mnt/a", "/mnt/A/x", NULL);
	below("/", "/x.mp4", "x.mp4");
	assert_true(text_equal(path_without_deleted(text_of("/a/x.mp4 (deleted)")), text_of("/a/x.mp4")));
	assert_true(text_equal(path_without_deleted(text_of("/a/x.mp4")), text_of("/a/x.mp4")));
	assert_true(text_equal(path_without_deleted(text_of(" (deleted)")), text_of(" (deleted)")));
}

static void folders_by_key(void **state) {
	(void)state;
	struct folders *folders = NULL;
	for (int i = 0; i < 1000; i++) {
		struct folder_key key = folder_key_of_watch(i);
		char path[32];
		(void)snprintf(path, sizeof path, "cam/%d", i);
		assert_int_equal(folders_put(&folders, &key, (uint16_t)(i % 3), path), 0);
	}
	struct folder_key key = folder_key_of_watch(77);
	assert_string_equal(folders_find(folders, &key)->path, "cam/77");
	assert_int_equal(folders_put(&folders, &key, 2, "moved"), 0);
	assert_string_equal(folders_find(folders, &key)->path, "moved");
	assert_int_equal(folders_find(folders, &key)->root, 2);
	folders_remove(folders, &key);
	assert_null(folders_find(folders, &key));
	key = folder_key_of_watch(78);
	assert_string_equal(folders_find(folders, &key)->path, "cam/78");
	assert_null(folders_free(folders));
}

/* An event's handle is the one that the folder itself gives. */
static void handles(void **state) {
	(void)state;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	union {
		struct file_handle handle;
		unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle;
	int mount;
	handle.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", &handle.handle, &mount, AT_EMPTY_PATH) < 0) {
		(void)close(fd);
		skip();
	}
	size_t length = sizeof(struct file_handle) + handle.handle.handle_bytes;
	struct folder_key by_descriptor, by_event;
	assert_int_equal(folder_key_of(fd, &by_descriptor), 0);
	assert_int_equal(folder_key_of_handle(handle.bytes, length, &by_event), 0);
	assert_int_equal(by_descriptor.length, by_event.length);
	assert_memory_equal(by_descriptor.bytes, by_event.bytes, by_event.length);
	assert_true(folder_key_of_handle(handle.bytes, length - 1, &by_event) < 0);
	assert_true(folder_key_of_handle(handle.bytes, 3, &by_event) < 0);
	(void)close(fd);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_may),
	    cmocka_unit_test(what_is_below),
	    cmocka_unit_test(folders_by_key),
	    cmocka_unit_test(handles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
