/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of the writer: one an epoch, each signing the next one's take-over and then wiped.
 *
 * The steps of a hand-over, each durable before the next: the next seed; the entry key-rotated
 * (write-ahead file); bundles and tiles; log-state with the line hand-over; the checkpoint with both
 * signatures; log/epochs/<n>; log/vkeys and log.vkeys; the old seed overwritten, then removed. A crash
 * before log-state leaves an entry in the write-ahead file that names a seed that is there, or a seed
 * that no entry names (wiped). A crash after it leaves the line in log-state and the old seed: signing is
 * deterministic, so all of it is done again with the same bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/entry_file.h"
#include "audit/writer_state.h"
#include "base/descriptor.h"

enum { VKEYS_BYTES_MAX = EPOCHS_MAX * VKEY_BYTES };

void seed_path(uint64_t epoch, char ret_path[SEED_PATH_BYTES]) {
	(void)snprintf(ret_path, SEED_PATH_BYTES, "keys/epoch-%" PRIu64 ".seed", epoch);
}

int seed_file_make(struct store *store, const char *path, uint8_t ret_seed[SEED_BYTES]) {
	randombytes_buf(ret_seed, SEED_BYTES);
	int error = store_make_folder(store, "keys", 0700);
	if (error == 0)
		error = store_put(store, path, ret_seed, SEED_BYTES, 0600);
	return error == 0 ? store_sync(store) : error;
}

int seed_file_read(const struct store *store, const char *path, uint8_t ret_seed[SEED_BYTES]) {
	char *seed = NULL;
	size_t length = 0;
	int error = descriptor_read_file(store->state_fd, path, 2 * SEED_BYTES, &seed, &length);
	if (error < 0)
		return error == -EFBIG || error == -EINVAL ? -EBADMSG : error;
	bool good = length == SEED_BYTES && !sodium_is_zero((const uint8_t *)seed, length);
	if (good)
		memcpy(ret_seed, seed, SEED_BYTES);
	sodium_memzero(seed, length);
	free(seed);
	return good ? 0 : -EBADMSG;
}

int seed_make(struct audit_writer *writer, uint64_t epoch, struct note_signer *ret_signer) {
	uint8_t seed[SEED_BYTES];
	char path[SEED_PATH_BYTES];
	seed_path(epoch, path);
	int error = seed_file_make(&writer->store, path, seed);
	if (error == 0)
		note_signer_from_seed(writer->origin, seed, ret_signer);
	sodium_memzero(seed, sizeof seed);
	return error;
}

int seed_load(struct audit_writer *writer, uint64_t epoch, struct note_signer *ret_signer) {
	uint8_t seed[SEED_BYTES];
	char path[SEED_PATH_BYTES];
	seed_path(epoch, path);
	int error = seed_file_read(&writer->store, path, seed);
	if (error == 0)
		note_signer_from_seed(writer->origin, seed, ret_signer);
	sodium_memzero(seed, sizeof seed);
	return error;
}

int seed_file_wipe(struct store *store, const char *path) {
	static const uint8_t zeros[SEED_BYTES];
	CLOSED_AT_END int fd = openat(store->state_fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	/* Flash may keep the old block all the same; retention-log(5) says so. */
	int error = descriptor_pwrite_all(fd, zeros, sizeof zeros, 0);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error == 0 && unlinkat(store->state_fd, path, 0) < 0)
		error = -errno;
	return error < 0 ? error : store_mark(store, "keys");
}

int seed_wipe(struct store *store, uint64_t epoch) {
	char path[SEED_PATH_BYTES];
	seed_path(epoch, path);
	return seed_file_wipe(store, path);
}

/* Calls seed_file_wipe() for each seed but `kept`; `only_look`: stops at the first, with 1. */
static int seeds_each(struct store *store, const char *kept, bool only_look) {
	int fd = openat(store->state_fd, "keys", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		descriptor_close(&fd);
		return -ENOMEM;
	}
	int result = 0;
	for (const struct dirent *entry = readdir(folder); result == 0 && entry != NULL; entry = readdir(folder)) {
		char path[SEED_PATH_BYTES];
		int length = snprintf(path, sizeof path, "keys/%s", entry->d_name);
		if (strncmp(entry->d_name, "epoch-", 6) != 0 || (size_t)length >= sizeof path || strcmp(path, kept) == 0)
			continue;
		result = only_look ? 1 : seed_file_wipe(store, path);
	}
	(void)closedir(folder);
	return result;
}

int seeds_wipe(struct store *store, uint64_t keep) {
	char kept[SEED_PATH_BYTES] = "";
	if (keep != UINT64_MAX)
		seed_path(keep, kept);
	return seeds_each(store, kept, false);
}

bool seeds_exist(const struct store *store) {
	/* Only looked at. */
	return seeds_each((struct store *)(uintptr_t)store, "", true) == 1;
}

/* ---- the list of keys ---- */

PRINTF_LIKE(3, 4) static int say(char *why, size_t room, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(why, room, format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

static int hand_over_need(
    const struct audit_writer *writer, uint64_t epoch, struct hand_over *ret_hand_over, char *why, size_t room) {
	int error = hand_over_load(writer->log_fd, epoch, ret_hand_over);
	if (error == -ENOENT)
		return say(why, room, "log/epochs/%" PRIu64 " is missing", epoch);
	return error == -EBADMSG ? say(why, room, "log/epochs/%" PRIu64 " is no hand-over to that epoch", epoch) : error;
}

struct key_list {
	char *text;
	size_t length, room;
	struct note_verifier last;
};

static int list_add(struct key_list *list, const struct note_verifier *key) {
	if (list->room - list->length < VKEY_BYTES + 1) {
		size_t room = 2 * list->room + 2 * (size_t)VKEY_BYTES;
		char *larger = realloc(list->text, room);
		if (larger == NULL)
			return -ENOMEM;
		list->text = larger;
		list->room = room;
	}
	note_verifier_format(key, list->text + list->length);
	list->length += strlen(list->text + list->length);
	list->text[list->length++] = '\n';
	list->text[list->length] = '\0';
	list->last = *key;
	return 0;
}

static bool same_key(const struct note_verifier *a, const struct note_verifier *b) {
	return memcmp(a->public_key, b->public_key, sizeof a->public_key) == 0;
}

/* The keys of epoch 0 to the writer's, as each hand-over names two of them. */
static int list_make(const struct audit_writer *writer, struct key_list *list, char *why, size_t room) {
	int error = 0;
	for (uint64_t epoch = 1; error == 0 && epoch <= writer->epoch; epoch++) {
		struct hand_over hand_over;
		error = hand_over_need(writer, epoch, &hand_over, why, room);
		if (error < 0)
			break;
		if (epoch == 1)
			error = list_add(list, &hand_over.previous);
		else if (!same_key(&list->last, &hand_over.previous))
			error = say(
			    why, room, "log/epochs/%" PRIu64 " takes over from another key than that of the epoch before", epoch);
		if (error == 0)
			error = list_add(list, &hand_over.key);
		hand_over_release(&hand_over);
	}
	if (error == 0 && writer->epoch == 0)
		error = list_add(list, &writer->signer.verifier);
	if (error == 0 && !same_key(&list->last, &writer->signer.verifier))
		error = say(why, room, "log/epochs/%" PRIu64 " names another key than the one in keys/", writer->epoch);
	return error;
}

/* A file is left alone when it says the right thing already. */
static int put_if_changed(struct store *store, const char *path, const struct key_list *list, bool *changed) {
	char *old = NULL;
	size_t length = 0;
	int error = descriptor_read_file(store->state_fd, path, VKEYS_BYTES_MAX, &old, &length);
	bool same = error == 0 && length == list->length && memcmp(old, list->text, length) == 0;
	free(old);
	if (same)
		return 0;
	*changed |= error != -ENOENT;
	return store_put(store, path, list->text, list->length, 0644);
}

int log_vkeys_write(struct audit_writer *writer, bool *ret_changed, char *why, size_t room) {
	struct key_list list = {0};
	bool changed = false;
	int error = list_make(writer, &list, why, room);
	/* A client may have been handed the log's folder and nothing else. */
	if (error == 0)
		error = put_if_changed(&writer->store, "log/vkeys", &list, &changed);
	if (error == 0)
		error = put_if_changed(&writer->store, "log.vkeys", &list, &changed);
	free(list.text);
	if (error == 0 && ret_changed != NULL)
		*ret_changed = changed;
	return error;
}

/* ---- handing over ---- */

static int hand_over_put(struct audit_writer *writer) {
	char path[STORE_PATH_BYTES] = "log/";
	char *entry = NULL;
	size_t length = 0;
	size_t file_length = 0;
	int error = writer_entry(writer, writer->hand_over_index, &entry, &length);
	char *file = error < 0 ? NULL
	                       : hand_over_format(writer->hand_over_index, (struct text){entry, length}, writer->checkpoint,
	                             &file_length);
	free(entry);
	if (file == NULL)
		return error < 0 ? error : -ENOMEM;
	epoch_path(writer->epoch + 1, path + 4);
	error = store_put(&writer->store, path, file, file_length, 0644);
	free(file);
	return error < 0 ? error : store_sync(&writer->store);
}

int hand_over_finish(struct audit_writer *writer) {
	char why[REASON_BYTES];
	int error = hand_over_put(writer);
	if (error < 0)
		return error;
	struct note_signer old = writer->signer;
	writer->signer = writer->next_signer;
	writer->epoch++;
	error = log_vkeys_write(writer, NULL, why, sizeof why);
	if (error == 0)
		error = store_sync(&writer->store);
	if (error == 0)
		error = seed_wipe(&writer->store, writer->epoch - 1);
	if (error == 0)
		error = store_sync(&writer->store);
	if (error < 0) {
		/* All of it again at the next publish. */
		writer->signer = old;
		writer->epoch--;
	} else {
		note_verifier_format(&writer->signer.verifier, writer->vkey);
		sodium_memzero(&writer->next_signer, sizeof writer->next_signer);
		writer->has_next = writer->is_handing_over = false;
	}
	sodium_memzero(&old, sizeof old);
	return error;
}

int audit_writer_next_key(struct audit_writer *writer, char *ret_vkey, size_t room) {
	char vkey[VKEY_BYTES];
	if (writer->is_handing_over)
		return -EBUSY;
	if (writer->epoch + 1 >= EPOCHS_MAX)
		return -E2BIG;
	int error = writer->has_next ? 0 : seed_make(writer, writer->epoch + 1, &writer->next_signer);
	if (error < 0)
		return error;
	writer->has_next = true;
	note_verifier_format(&writer->next_signer.verifier, vkey);
	return text_copy(ret_vkey, room, text_of(vkey)) ? 0 : -EMSGSIZE;
}

int audit_writer_hand_over(struct audit_writer *writer, uint64_t index) {
	if (!writer->has_next || writer->is_handing_over || index < writer->published || index >= writer->size)
		return -EINVAL;
	writer->is_handing_over = true;
	writer->hand_over_index = index;
	return 0;
}

uint64_t audit_writer_epoch(const struct audit_writer *writer) {
	return writer->epoch;
}

/* ---- checking at a start ---- */

static int leaf_verify(
    struct tile_source *source, uint64_t index, struct text entry, uint64_t size, const struct merkle_hash *root) {
	struct merkle_hash leaf;
	struct merkle_hash proof[MERKLE_LEVELS_MAX];
	if (size > source->size)
		return -EBADMSG;
	int count = merkle_inclusion(index, size, tile_source_hash, source, proof);
	if (count < 0)
		return count == -ENOENT || count == -EINVAL ? -EBADMSG : count;
	merkle_leaf(entry.data, entry.length, &leaf);
	return merkle_verify_inclusion(index, size, &leaf, proof, (size_t)count, root) ? 0 : -EBADMSG;
}

static struct tile_source *source_new(const struct audit_writer *writer) {
	struct tile_source *source = calloc(1, sizeof *source);
	if (source != NULL) {
		source->log_fd = writer->log_fd;
		source->size = writer->signed_size;
	}
	return source;
}

static int hand_over_check(struct audit_writer *writer, const struct hand_over *hand_over, char *why, size_t room) {
	const char *fault = hand_over_fault(hand_over);
	if (fault == NULL && strcmp(hand_over->body.origin, writer->origin) != 0)
		fault = "is of another log";
	if (fault == NULL && !same_key(&hand_over->key, &writer->signer.verifier))
		fault = "names another key than the one in keys/";
	if (fault != NULL)
		return say(why, room, "log/epochs/%" PRIu64 " %s", hand_over->epoch, fault);
	struct tile_source *source = source_new(writer);
	int error = source == NULL ? -ENOMEM
	                           : leaf_verify(source, hand_over->index, hand_over->entry, hand_over->body.size,
	                                 &hand_over->body.root);
	free(source);
	return error == -EBADMSG
	           ? say(why, room, "log/epochs/%" PRIu64 " is not of the tree that the tiles give", hand_over->epoch)
	           : error;
}

int hand_over_verify(struct audit_writer *writer, char *why, size_t room) {
	uint64_t newest = 0;
	struct hand_over hand_over;
	int error = epochs_newest(writer->log_fd, &newest);
	if (error < 0)
		return error;
	/* One that is being made again may be there already. */
	if (newest > writer->epoch + (writer->is_handing_over ? 1 : 0))
		return say(why, room, "log/epochs/%" PRIu64 " is there, but log-state knows only epoch %" PRIu64, newest,
		    writer->epoch);
	if (writer->epoch == 0)
		return 0;
	error = hand_over_need(writer, writer->epoch, &hand_over, why, room);
	if (error < 0)
		return error;
	error = hand_over_check(writer, &hand_over, why, room);
	hand_over_release(&hand_over);
	return error;
}

int pruned_verify(struct audit_writer *writer, char *why, size_t room) {
	struct pruned pruned;
	struct merkle_hash root;
	int error = pruned_load(writer->log_fd, &pruned);
	if (error < 0)
		return error == -ENOENT    ? 0
		       : error == -EBADMSG ? say(why, room, "log/pruned does not carry an entry about pruning")
		                           : error;
	struct tile_source *source = source_new(writer);
	error = source == NULL ? -ENOMEM
	                       : leaf_verify(source, pruned.index, pruned.entry, writer->signed_size, &writer->signed_root);
	if (error == 0)
		error = tile_source_root(source, pruned.below, &root);
	if (error == 0 && memcmp(root.bytes, pruned.root.bytes, sizeof root.bytes) != 0)
		error = -EBADMSG;
	if (error == 0)
		writer->pruned_below = pruned.below;
	free(source);
	pruned_release(&pruned);
	return error == -EBADMSG || error == -ENOENT ? say(why, room, "log/pruned carries an entry that is not in the log")
	                                             : error;
}
