/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders below another: found with openat2(2) and without it, and nothing outside is. */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/descriptor.h"
#include "tree.h"

typedef int open_function(int folder_fd, const char *path, int access);

static open_function *const OPENERS[] = {beneath_open_folder, beneath_open_folder_by_component};

static char top[] = "/tmp/beneath_test.XXXXXX";
static int root = -1;

static int set_up(void **state) {
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	CLOSED_AT_END int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *const folders[] = {"outside", "root", "root/a", "root/a/b", "root/..c"};
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++)
		if (mkdirat(fd, folders[i], 0755) < 0)
			return -1;
	if (symlinkat("../outside", fd, "root/out") < 0 || symlinkat("a", fd, "root/link") < 0)
		return -1;
	root = openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = openat(root, "a/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return root < 0 || file < 0 || close(file) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
	(void)state;
	descriptor_close(&root);
	return tree_remove(top);
}

static void below_is_opened(void **state) {
	(void)state;
	const char *const paths[] = {"", "a", "a/b", "..c"};
	const int access[] = {O_RDONLY, O_PATH};
	for (size_t i = 0; i < ARRAY_LENGTH(OPENERS) * ARRAY_LENGTH(paths) * ARRAY_LENGTH(access); i++) {
		const char *path = paths[i / 2 % ARRAY_LENGTH(paths)];
		CLOSED_AT_END int fd = OPENERS[i / 2 / ARRAY_LENGTH(paths)](root, path, access[i % 2]);
		assert_true(fd >= 0);
		struct stat found, meant;
		assert_int_equal(fstat(fd, &found), 0);
		assert_int_equal(fstatat(root, path[0] == '\0' ? "." : path, &meant, 0), 0);
		assert_int_equal(found.st_ino, meant.st_ino);
		assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, access[i % 2] & O_PATH);
		assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	}
}

static void nothing_else_is(void **state) {
	(void)state;
	char outside[64];
	(void)snprintf(outside, sizeof outside, "%s/outside", top);
	const struct {
		const char *path;
		int error; /* 0: any */
	} cases[] = {{"a/c", -ENOENT}, {"a/file", -ENOTDIR}, {"out", 0}, {"link", 0}, {"link/b", 0}, {"..", -EINVAL},
	    {"../outside", -EINVAL}, {"a/../../outside", -EINVAL}, {"a/..", -EINVAL}, {".", -EINVAL}, {"a/", -EINVAL},
	    {"a//b", -EINVAL}, {"/", -EINVAL}, {outside, -EINVAL}};
	for (size_t i = 0; i < ARRAY_LENGTH(OPENERS); i++)
		for (size_t j = 0; j < ARRAY_LENGTH(cases); j++) {
			int fd = OPENERS[i](root, cases[j].path, O_PATH);
			assert_true(fd < 0);
			if (cases[j].error != 0)
				assert_int_equal(fd, cases[j].error);
		}
}

static void no_mount_is_entered(void **state) {
	(void)state;
	int above = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(above >= 0);
	for (size_t i = 0; i < ARRAY_LENGTH(OPENERS); i++)
		assert_int_equal(OPENERS[i](above, "proc", O_PATH), -EXDEV);
	(void)close(above);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(below_is_opened),
	    cmocka_unit_test(nothing_else_is),
	    cmocka_unit_test(no_mount_is_entered),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
