/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pruning. The entry that says so is under a published checkpoint, then log/pruned is durable, and only
 * then does a bundle go; tiles never do, so that every proof can still be made. Each step can be done
 * again: what a crash left there is removed by the next call.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/entry_file.h"
#include "audit/writer_state.h"
#include "base/bytes.h"

/* Missing bundles that one call passes over. */
enum { MISSING_MAX = 4096 };

int audit_writer_root(struct audit_writer *writer, uint64_t size, struct merkle_hash *ret_root) {
	if (size > writer->published)
		return -EINVAL;
	struct tile_source *source = calloc(1, sizeof *source);
	if (source == NULL)
		return -ENOMEM;
	source->log_fd = writer->log_fd;
	source->size = writer->published;
	int error = tile_source_root(source, size, ret_root);
	free(source);
	return error;
}

int audit_writer_root_text(struct audit_writer *writer, uint64_t size, char *ret_text, size_t room) {
	struct merkle_hash root;
	if (room < sodium_base64_ENCODED_LEN(MERKLE_HASH_BYTES, sodium_base64_VARIANT_ORIGINAL))
		return -EMSGSIZE;
	int error = audit_writer_root(writer, size, &root);
	if (error == 0)
		(void)sodium_bin2base64(ret_text, room, root.bytes, sizeof root.bytes, sodium_base64_VARIANT_ORIGINAL);
	return error;
}

static int pruned_put(struct audit_writer *writer, uint64_t index, struct text entry) {
	size_t length = 0;
	char *text = pruned_format(index, entry, &length);
	if (text == NULL)
		return -ENOMEM;
	int error = store_put(&writer->store, "log/pruned", text, length, 0644);
	free(text);
	return error < 0 ? error : store_sync(&writer->store);
}

int audit_writer_prune_begin(struct audit_writer *writer, uint64_t index) {
	char *entry = NULL;
	size_t length = 0;
	uint64_t below = 0;
	struct merkle_hash claimed;
	struct merkle_hash root;
	if (index >= writer->published)
		return -EINVAL;
	int error = writer_entry(writer, index, &entry, &length);
	if (error < 0)
		return error;
	struct text text = {entry, length};
	if (!pruned_parse(text, &below, &claimed) || below > index || below < writer->pruned_below)
		error = -EINVAL;
	if (error == 0)
		error = audit_writer_root(writer, below, &root);
	if (error == 0 && memcmp(root.bytes, claimed.bytes, sizeof root.bytes) != 0)
		error = -EINVAL;
	if (error == 0)
		error = pruned_put(writer, index, text);
	free(entry);
	if (error == 0)
		writer->pruned_below = below;
	return error;
}

uint64_t audit_writer_pruned_below(const struct audit_writer *writer) {
	return writer->pruned_below;
}

static bool bundle_kept(const struct bundle *bundle, const struct audit_prune *prune) {
	bool keeps = false;
	for (unsigned i = 0; !keeps && i < bundle->width; i++) {
		size_t length = 0;
		const uint8_t *entry = bundle_entry(bundle, i, &length);
		keeps = prune->keeps(((const char *)entry), length, prune->context);
	}
	return keeps;
}

static int bundle_remove(struct audit_writer *writer, uint64_t number) {
	char path[STORE_PATH_BYTES] = "log/";
	tile_path(TILE_ENTRIES, number, TILE_WIDTH, path + 4);
	if (unlinkat(writer->store.state_fd, path, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	*strrchr(path, '/') = '\0';
	return store_mark(&writer->store, path);
}

int audit_writer_prune(struct audit_writer *writer, struct audit_prune *prune) {
	struct bundle bundle = {0};
	uint64_t end = writer->pruned_below / TILE_WIDTH;
	uint64_t number = prune->from / TILE_WIDTH;
	uint64_t looked = 0;
	uint64_t missing = 0;
	int error = 0;
	for (; error == 0 && number < end && looked < prune->bundles && missing < MISSING_MAX; number++) {
		error = bundle_load(writer->log_fd, number, TILE_WIDTH, &bundle);
		if (error == -ENOENT) {
			missing++;
			error = 0;
			continue;
		}
		looked++;
		/* One that cannot be understood stays, for people to look at. */
		if (error == -EBADMSG || (error == 0 && bundle_kept(&bundle, prune))) {
			prune->kept++;
			error = 0;
		} else if (error == 0) {
			error = bundle_remove(writer, number);
			prune->removed += error == 0 ? 1 : 0;
		}
	}
	bundle_release(&bundle);
	int synced = store_sync(&writer->store);
	if (error < 0 || synced < 0)
		return error < 0 ? error : synced;
	prune->from = number * TILE_WIDTH;
	return number < end ? 1 : 0;
}
