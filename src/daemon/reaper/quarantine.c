/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that a recorder opens again and truncates: between a check by name and an unlink the same
 * inode may become new footage. So the file is first renamed out of the recorder's reach, then judged
 * once more, as a file that nobody writes; if it is not what was meant, it goes back. Never lost: where
 * its name was taken meanwhile it stays in quarantine and keeper is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "erase.h"
#include "facts.h"

enum { QUARANTINE_NAME_BYTES = 48, QUARANTINE_NAMES_TRIED = 64 };

static struct batch_result failed(int error) {
	return (struct batch_result){.outcome = ERASE_FAILED, .error = (uint32_t)(error < 0 ? -error : error)};
}

/* Moves the file under a name that is free there; one of an earlier run may hold the plain one. 0 or a negative errno.
 */
static int move_in(const struct root *root, const struct batch *batch, const struct batch_item *item, int folder_fd,
    char name[QUARANTINE_NAME_BYTES]) {
	for (int i = 0; i < QUARANTINE_NAMES_TRIED; i++) {
		(void)snprintf(name, QUARANTINE_NAME_BYTES, "%u-%u%s%.0d", batch->number, item->item, i > 0 ? "." : "", i);
		if (renameat2(folder_fd, batch_text(batch, item->name), root->quarantine_fd, name, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EBUSY;
}

/* True if the moved file is what was asked for, and nobody has it open for writing. */
static bool is_settled(
    const struct root *root, const struct batch_item *item, const char *name, struct facts *ret_facts) {
	CLOSED_AT_END int handle = openat(root->quarantine_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (handle < 0 || facts_of_descriptor(handle, ret_facts) < 0 || !erase_identity_holds(ret_facts, item, root))
		return false;
	/* A read lease is refused while a writer has the file open. Where there are no leases, the facts must do. */
	CLOSED_AT_END int fd = openat(root->quarantine_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN)
		return false;
	return facts_of_descriptor(handle, ret_facts) == 0 && erase_identity_holds(ret_facts, item, root);
}

struct batch_result quarantine_put_back(const struct root *root, const struct batch *batch,
    const struct batch_item *item, int folder_fd, const char *name) {
	const char *original = batch_text(batch, item->name);
	if (renameat2(root->quarantine_fd, name, folder_fd, original, RENAME_NOREPLACE) == 0)
		return (struct batch_result){.outcome = ERASE_PUT_BACK};
	int error = errno;
	log_error_errno(error, "'%s' turned out to be other footage and cannot go back, kept as '%s/quarantine/%s'",
	    original, root->settings->vault, name);
	return failed(error);
}

static struct batch_result unlink_settled(const struct root *root, const char *name, const struct facts *facts) {
	CLOSED_AT_END int fd = openat(root->quarantine_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (unlinkat(root->quarantine_fd, name, 0) < 0)
		return failed(errno);
	struct batch_result result = {.outcome = ERASE_DONE, .links_left = facts->links - 1};
	result.open_elsewhere = fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) < 0 && errno == EAGAIN;
	return result;
}

struct batch_result quarantine_erase(
    struct root *root, const struct batch *batch, const struct batch_item *item, int folder_fd) {
	int error = root_open_quarantine(root);
	if (error < 0)
		return failed(error);
	struct facts facts;
	error = facts_of_name(folder_fd, batch_text(batch, item->name), &facts);
	if (error == -ENOENT)
		return (struct batch_result){.outcome = ERASE_GONE};
	if (error < 0)
		return failed(error);
	if (!erase_identity_holds(&facts, item, root))
		return (struct batch_result){.outcome = ERASE_DIFFERS};
	char name[QUARANTINE_NAME_BYTES];
	error = move_in(root, batch, item, folder_fd, name);
	if (error == -ENOENT)
		return (struct batch_result){.outcome = ERASE_GONE};
	if (error < 0)
		return failed(error);
	if (!is_settled(root, item, name, &facts))
		return quarantine_put_back(root, batch, item, folder_fd, name);
	struct batch_result result = unlink_settled(root, name, &facts);
	if (result.outcome == ERASE_DONE)
		return result;
	struct batch_result back = quarantine_put_back(root, batch, item, folder_fd, name);
	return back.outcome == ERASE_PUT_BACK ? result : back;
}
