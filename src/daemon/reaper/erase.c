/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An unlink costs some 10 to 20 µs; what surrounds it is kept small: one statx by name, one open, one
 * lease to learn whether anyone else has the file open, one fstat for the links that are left, and one
 * look at the channel.
 */
#include "erase.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "facts.h"
#include "folder.h"

static struct batch_result failed(int error) {
	return (struct batch_result){.outcome = ERASE_FAILED, .error = (uint32_t)(error < 0 ? -error : error)};
}

static struct batch_result outcome(enum erase_outcome what) {
	return (struct batch_result){.outcome = (uint8_t)what};
}

bool erase_identity_holds(const struct facts *facts, const struct batch_item *item, const struct root *root) {
	bool births_known = facts->birth_ns != 0 && item->birth_ns != 0;
	return facts->is_file && facts->device == root->device && facts->inode == item->inode &&
	       facts->bytes == item->bytes && facts->mtime_ns == item->mtime_ns &&
	       (!births_known || facts->birth_ns == item->birth_ns);
}

/*
 * After the unlink: who still has the bytes. A write lease is granted only where no other descriptor
 * is open on the file; it ends with the descriptor, at once. SIGIO, which would tell that someone
 * wants the file by another of its names, is ignored by main().
 */
static void look_behind(int fd, const struct facts *before, struct batch_result *result) {
	struct stat status;
	result->links_left = before->links - 1;
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0)
		result->links_left = (uint32_t)status.st_nlink;
	result->open_elsewhere = fcntl(fd, F_SETLEASE, F_WRLCK) < 0 && errno == EAGAIN;
}

static struct batch_result unlink_item(
    const struct root *root, const struct batch *batch, const struct batch_item *item, int folder_fd) {
	const char *name = batch_text(batch, item->name);
	struct facts facts;
	int error = facts_of_name(folder_fd, name, &facts);
	if (error == -ENOENT)
		return outcome(ERASE_GONE);
	if (error < 0)
		return failed(error);
	if (!erase_identity_holds(&facts, item, root))
		return outcome(ERASE_DIFFERS);
	/* Only for look_behind(): where it may not be read, it may still be removed. */
	CLOSED_AT_END int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (unlinkat(folder_fd, name, 0) < 0)
		return errno == ENOENT ? outcome(ERASE_GONE) : failed(errno);
	struct batch_result result = outcome(ERASE_DONE);
	look_behind(fd, &facts, &result);
	return result;
}

static struct batch_result erase_item(
    struct root *root, const struct batch *batch, const struct batch_item *item, struct folder_set *folders) {
	if (!item->sound)
		return failed(EINVAL);
	int folder_fd = folder_set_get(folders, batch_text(batch, item->folder));
	if (folder_fd == -ENOENT)
		return outcome(ERASE_GONE);
	if (folder_fd < 0)
		return failed(folder_fd);
	bool quarantine = item->way == ERASE_QUARANTINE;
	struct batch_result result =
	    quarantine ? quarantine_erase(root, batch, item, folder_fd) : unlink_item(root, batch, item, folder_fd);
	if (result.outcome == ERASE_DONE || (quarantine && result.outcome != ERASE_GONE && result.outcome != ERASE_DIFFERS))
		folder_set_touch(folders);
	return result;
}

/* Groups by number: one of whose files could not be removed. */
struct group_marks {
	uint8_t bits[(UINT16_MAX + 1) / 8];
};

static bool group_failed(const struct group_marks *marks, uint16_t group) {
	return (marks->bits[group / 8] >> (group % 8) & 1) != 0;
}

static void group_note(struct group_marks *marks, uint16_t group, const struct batch_result *result) {
	/* What is gone already stands in nobody's way. */
	if (result->outcome != ERASE_DONE && result->outcome != ERASE_GONE)
		marks->bits[group / 8] |= (uint8_t)(1 << (group % 8));
}

static void skip_from(struct batch *batch, size_t first) {
	for (size_t i = first; i < batch->count; i++)
		batch->results[i] = outcome(ERASE_SKIPPED);
}

static enum erase_flow run_items(
    struct root *root, struct batch *batch, struct folder_set *folders, const struct erase_listener *listener) {
	struct group_marks marks;
	memset(&marks, 0, sizeof marks);
	for (size_t i = 0; i < batch->count; i++) {
		enum erase_flow flow = listener->listen(listener->context);
		if (flow != ERASE_GO_ON) {
			skip_from(batch, i);
			return flow;
		}
		const struct batch_item *item = &batch->items[i];
		if (group_failed(&marks, item->group))
			batch->results[i] = outcome(ERASE_SKIPPED);
		else
			batch->results[i] = erase_item(root, batch, item, folders);
		group_note(&marks, item->group, &batch->results[i]);
	}
	return ERASE_GO_ON;
}

int erase_run(struct root *root, struct batch *batch, const struct erase_listener *listener) {
	int error = root_open(root);
	if (error < 0) {
		for (size_t i = 0; i < batch->count; i++)
			batch->results[i] = failed(error);
		return 0;
	}
	struct folder_set folders;
	folder_set_init(&folders, root);
	enum erase_flow flow = run_items(root, batch, &folders, listener);
	error = folder_set_sync(&folders);
	folder_set_release(&folders);
	if (root->quarantine_fd >= 0 && fsync(root->quarantine_fd) < 0 && error == 0)
		error = -errno;
	return flow == ERASE_END ? -EPIPE : error;
}
