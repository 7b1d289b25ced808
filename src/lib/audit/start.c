/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a log: is what is on the disk what was signed last? Checked at each start:
 *   - the right edge (the partial tile of each level) gives the root in log-state;
 *   - the last full tile of each level gives its hash in the level above, and so does every tile
 *     below the topmost level;
 *   - the entries of the last bundle give their hashes in the level-0 tile;
 *   - the checkpoint is signed by our key, is no larger than log-state, and its root is that of its size;
 *   - the write-ahead file goes on where the tiles end;
 *   - the newest hand-over is signed by both keys, its entry is in the tiles, and each one names the key before it;
 *   - what log/pruned says is an entry of the log.
 * Not checked, because it would read 32 bytes for every entry ever written: the older tiles and
 * bundles. retention_log_verify() does that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/entry_file.h"
#include "audit/writer_state.h"
#include "base/bytes.h"
#include "base/descriptor.h"

/* Full tiles that one publish can leave behind with partial files, for a crash right after it. */
enum { TILES_PER_PUBLISH = 17 };

/* Notes what does not hold. */
PRINTF_LIKE(2, 3) static int broken(struct audit_start_report *report, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(report->reason, sizeof report->reason, format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

/* A file that is missing, short or cannot be read speaks against the log; want of memory or rights does not. */
static int file_error(struct audit_start_report *report, const char *path, int error) {
	switch (error) {
	case -ENOENT:
		return broken(report, "%s is missing", path);
	case -EBADMSG:
		return broken(report, "%s does not have the length that it must have", path);
	case -EIO:
	case -ELOOP:
	case -ENOTDIR:
	case -EISDIR:
		return broken(report, "%s cannot be read: %s", path, strerror(-error));
	default:
		return error;
	}
}

/* The key of the epoch that signed last, and the one it hands over to, if it was about to. */
static int keys_load(struct audit_writer *writer, const struct log_state *state, struct audit_start_report *report) {
	char path[SEED_PATH_BYTES];
	writer->epoch = state->epoch;
	seed_path(state->epoch, path);
	int error = seed_load(writer, state->epoch, &writer->signer);
	if (error < 0)
		return error == -EBADMSG ? broken(report, "%s is no key", path) : file_error(report, path, error);
	if (!state->is_hand_over) {
		/* One that no entry names yet is wiped after the replay. */
		writer->has_next = seed_load(writer, state->epoch + 1, &writer->next_signer) == 0;
	} else {
		struct note_signer old;
		error = seed_load(writer, state->epoch - 1, &old);
		if (error == 0) {
			/* Cut off before the old key was wiped: all of it is done again. */
			writer->next_signer = writer->signer;
			writer->signer = old;
			writer->epoch--;
			writer->has_next = writer->is_handing_over = true;
			writer->hand_over_index = state->hand_over_index;
			sodium_memzero(&old, sizeof old);
		}
	}
	note_verifier_format(&writer->signer.verifier, writer->vkey);
	return 0;
}

/*
 * The old key is overwritten after its hand-over is public: one that is not the key the hand-over names is a key half
 * wiped, and the new one has taken over.
 */
static void old_key_settle(struct audit_writer *writer) {
	struct hand_over hand_over;
	if (!writer->is_handing_over || hand_over_load(writer->log_fd, writer->epoch + 1, &hand_over) < 0)
		return;
	size_t length = sizeof hand_over.key.public_key;
	if (memcmp(hand_over.key.public_key, writer->next_signer.verifier.public_key, length) == 0 &&
	    memcmp(hand_over.previous.public_key, writer->signer.verifier.public_key, length) != 0) {
		writer->signer = writer->next_signer;
		writer->epoch++;
		writer->has_next = writer->is_handing_over = false;
		note_verifier_format(&writer->signer.verifier, writer->vkey);
	}
	hand_over_release(&hand_over);
}

static bool same(const struct merkle_hash *a, const struct merkle_hash *b) {
	return memcmp(a->bytes, b->bytes, MERKLE_HASH_BYTES) == 0;
}

/* Tiles [from, to) of a level against their hashes in the level above. */
static int check_tiles(
    struct audit_writer *writer, unsigned level, uint64_t from, uint64_t to, struct audit_start_report *report) {
	struct merkle_hash above[TILE_WIDTH];
	struct merkle_hash hashes[TILE_WIDTH];
	char path[TILE_PATH_BYTES];
	for (uint64_t index = from; index < to; index++) {
		uint64_t parent = index / TILE_WIDTH;
		if (index == from || index % TILE_WIDTH == 0) {
			unsigned width = tile_width(level + 1, parent, writer->signed_size);
			tile_path(level + 1, parent, width, path);
			int error = tile_load(writer->log_fd, level + 1, parent, width, above);
			if (error < 0)
				return file_error(report, path, error);
		}
		tile_path(level, index, TILE_WIDTH, path);
		int error = tile_load(writer->log_fd, level, index, TILE_WIDTH, hashes);
		if (error < 0)
			return file_error(report, path, error);
		tile_fold(hashes, TILE_WIDTH, &hashes[0]);
		if (!same(&hashes[0], &above[index % TILE_WIDTH]))
			return broken(report, "%s does not give its hash in the level above", path);
	}
	return 0;
}

static int check_levels(struct audit_writer *writer, struct audit_start_report *report) {
	for (unsigned level = 0; level + 1 < TILE_LEVELS; level++) {
		uint64_t tiles = tile_count(level + 1, writer->signed_size);
		if (tiles == 0)
			break;
		bool is_below_top = tiles < TILE_WIDTH;
		int error = check_tiles(writer, level, is_below_top ? 0 : tiles - 1, tiles, report);
		if (error < 0)
			return error;
	}
	return 0;
}

static int check_edge(struct audit_writer *writer, struct audit_start_report *report) {
	char path[TILE_PATH_BYTES] = "";
	int error = tile_edge_load(writer->log_fd, writer->signed_size, writer->edge, path);
	if (error < 0)
		return file_error(report, path, error);
	struct merkle_hash root;
	tile_edge_root(writer->edge, &root);
	if (!same(&root, &writer->signed_root))
		return broken(report, "the tiles do not give the root that was signed");
	return check_levels(writer, report);
}

/* The last bundle against its tile; the entries of one that is not full stay in memory, to be written again with more.
 */
static int check_last_bundle(struct audit_writer *writer, struct audit_start_report *report) {
	uint64_t size = writer->signed_size;
	writer->tail.base = size - size % TILE_WIDTH;
	if (size == 0)
		return 0;
	uint64_t index = (size - 1) / TILE_WIDTH;
	unsigned width = tile_width(0, index, size);
	struct merkle_hash hashes[TILE_WIDTH];
	struct bundle bundle = {0};
	char path[TILE_PATH_BYTES];
	tile_path(0, index, width, path);
	int error = tile_load(writer->log_fd, 0, index, width, hashes);
	if (error == 0) {
		tile_path(TILE_ENTRIES, index, width, path);
		error = bundle_load(writer->log_fd, index, width, &bundle);
	}
	if (error < 0)
		error = file_error(report, path, error);
	for (unsigned i = 0; error == 0 && i < width; i++) {
		size_t length = 0;
		const uint8_t *entry = bundle_entry(&bundle, i, &length);
		struct merkle_hash leaf;
		merkle_leaf(entry, length, &leaf);
		if (!same(&leaf, &hashes[i]))
			error = broken(report, "entry %" PRIu64 " in %s is not the one in the tiles", index * TILE_WIDTH + i, path);
		else if (width < TILE_WIDTH)
			error = tail_append(&writer->tail, entry, length);
	}
	bundle_release(&bundle);
	return error;
}

/* ret_current: the checkpoint is of the last signed size. A crash between log-state and checkpoint leaves an older one,
 * or none yet. */
static int check_checkpoint(struct audit_writer *writer, struct audit_start_report *report, bool *ret_current) {
	char *note = NULL;
	size_t length = 0;
	*ret_current = false;
	int error = descriptor_read_file(writer->log_fd, "checkpoint", CHECKPOINT_BYTES - 1, &note, &length);
	if (error == -ENOENT) {
		if (writer->signed_size > 0)
			(void)snprintf(report->reason, sizeof report->reason,
			    "log/checkpoint was missing: the last signed root is signed again");
		return 0;
	}
	if (error < 0)
		return file_error(report, "log/checkpoint", error == -EFBIG || error == -EINVAL ? -EBADMSG : error);
	const struct note_verifier keys[] = {writer->signer.verifier, writer->next_signer.verifier};
	struct checkpoint_body body = {0};
	uint64_t signed_by = 0;
	enum note_result result =
	    checkpoint_signed_by(note, length, keys, writer->is_handing_over ? 2 : 1, &body, &signed_by);
	if (result == NOTE_OK)
		memcpy(writer->checkpoint, note, length + 1);
	free(note);
	uint64_t size = body.size;
	struct merkle_hash root = body.root;
	if (result != NOTE_OK || strcmp(body.origin, writer->origin) != 0)
		return broken(report, "log/checkpoint is not signed by this log's key");
	if (size > writer->signed_size)
		return broken(
		    report, "log/checkpoint has %" PRIu64 " entries, log-state only %" PRIu64, size, writer->signed_size);
	char path[TILE_PATH_BYTES] = "";
	struct merkle_hash expected;
	error = tile_edge_load(writer->log_fd, size, writer->next, path);
	if (error < 0)
		return file_error(report, path, error);
	tile_edge_root(writer->next, &expected);
	if (!same(&root, &expected))
		return broken(report, "log/checkpoint has another root than the tiles give for %" PRIu64 " entries", size);
	*ret_current = size == writer->signed_size;
	return 0;
}

static int replay_entry(uint64_t index, const uint8_t *entry, size_t length, void *context) {
	struct audit_writer *writer = context;
	if (index < writer->size)
		return 0; /* published before the crash */
	if (index > writer->size)
		return -EBADMSG;
	struct text text = {(const char *)entry, length};
	struct key_rotated rotated;
	if (entry_has_action(text, "key-rotated") && key_rotated_parse(text, &rotated)) {
		/* Cut off between this entry and its checkpoint. */
		if (!writer->has_next || writer->is_handing_over ||
		    memcmp(rotated.key.public_key, writer->next_signer.verifier.public_key, sizeof rotated.key.public_key) != 0)
			return -ENOKEY;
		writer->is_handing_over = true;
		writer->hand_over_index = index;
	}
	int error = tail_append(&writer->tail, entry, length);
	if (error == 0)
		writer->size++;
	return error;
}

/* Records that can be read but not replayed are kept for people: never silently dropped. */
static int keep_stranded(struct audit_writer *writer, uint64_t stranded, struct audit_start_report *report) {
	char name[40];
	struct stat facts;
	unsigned number = 1;
	do
		(void)snprintf(name, sizeof name, "log-pending.damaged-%u", number);
	while (fstatat(writer->store.state_fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && number++ < 9999);
	(void)snprintf(report->reason, sizeof report->reason,
	    "the write-ahead file is damaged at entry %" PRIu64 ": %" PRIu64
	    " later entries can be read but have lost their place; they are kept in %s",
	    writer->size, stranded, name);
	return wal_keep_copy(&writer->store, &writer->wal, name);
}

static int replay_pending(struct audit_writer *writer, struct audit_start_report *report) {
	struct wal_report found;
	struct wal_replay replay = {writer->signed_size, replay_entry, writer};
	writer->size = writer->signed_size;
	int error = wal_open(&writer->store, &replay, &writer->wal, &found);
	if (error == -EBADMSG)
		return broken(report,
		    "the write-ahead file begins after entry %" PRIu64
		    ", where the tiles end: the log was put back to an older state",
		    writer->signed_size);
	if (error == -ENOKEY)
		return broken(report, "entry %" PRIu64 " hands over to a key that is not in keys/", writer->size);
	if (error < 0)
		return error;
	writer->durable = writer->size;
	report->replayed = writer->size - writer->signed_size;
	report->torn = found.torn;
	if (found.was_missing && writer->signed_size > 0)
		(void)snprintf(report->reason, sizeof report->reason,
		    "log-pending was missing: entries that were not published yet are lost, if there were any");
	if (found.stranded > 0) {
		report->torn = true;
		error = keep_stranded(writer, found.stranded, report);
	}
	if (error == 0 && report->torn)
		error = wal_clear_rest(&writer->wal);
	return error;
}

/* Partial files around the edge that a publish wrote, or meant to remove, when it was cut off. */
static void clean_after_crash(struct audit_writer *writer) {
	for (unsigned level = 0; level <= TILE_ENTRIES; level++) {
		bool is_lowest = level == 0 || level == TILE_ENTRIES;
		uint64_t reach = is_lowest ? TILES_PER_PUBLISH : 1;
		uint64_t edge = tile_count(is_lowest ? 0 : level, writer->published) / TILE_WIDTH;
		for (uint64_t index = edge > reach ? edge - reach : 0; index <= edge + reach; index++) {
			unsigned width = tile_width(level, index, writer->published);
			writer_clean_partials(writer, level, index, width == TILE_WIDTH ? 0 : width);
		}
	}
}

/* What is there of a log. */
struct presence {
	bool folder, state, key, pending, set_aside;
};

static bool exists(const struct store *store, const char *path) {
	struct stat facts;
	return fstatat(store->state_fd, path, &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct presence look(const struct store *store) {
	return (struct presence){exists(store, "log"), exists(store, "log-state"), seeds_exist(store),
	    exists(store, "log-pending"), exists(store, "log.broken-1")};
}

static int folder_open(struct audit_writer *writer) {
	descriptor_close(&writer->log_fd);
	writer->log_fd = openat(writer->store.state_fd, "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return writer->log_fd < 0 ? -errno : 0;
}

static int log_check(struct audit_writer *writer, const struct presence *there, struct audit_start_report *report,
    struct log_state *state) {
	if (!there->folder)
		return broken(report, "log/ is missing although %s is there",
		    there->state ? "log-state"
		    : there->key ? "its key"
		                 : "log-pending");
	if (!there->state)
		return broken(report, "log-state is missing although log/ is there");
	int error = log_state_read(&writer->store, state);
	if (error < 0)
		return error == -EBADMSG ? broken(report, "log-state cannot be understood") : error;
	memcpy(writer->origin, state->origin, sizeof writer->origin);
	writer->signed_size = state->size;
	writer->signed_root = state->root;
	error = keys_load(writer, state, report);
	if (error == 0)
		error = folder_open(writer);
	if (error == 0)
		old_key_settle(writer);
	if (error == 0)
		error = check_edge(writer, report);
	if (error == 0)
		error = hand_over_verify(writer, report->reason, sizeof report->reason);
	if (error == 0)
		error = pruned_verify(writer, report->reason, sizeof report->reason);
	return error == -ENOTDIR || error == -ELOOP ? broken(report, "log is not a folder") : error;
}

/* A hand-over that is done again must be that of the entry. */
static int check_rotation(struct audit_writer *writer, struct audit_start_report *report) {
	char *entry = NULL;
	size_t length = 0;
	struct key_rotated rotated;
	if (!writer->is_handing_over)
		return 0;
	int error = writer_entry(writer, writer->hand_over_index, &entry, &length);
	if (error < 0)
		return error == -ENOMEM ? error : broken(report, "the entry that hands the key over cannot be read");
	bool good =
	    key_rotated_parse((struct text){entry, length}, &rotated) && rotated.epoch == writer->epoch + 1 &&
	    memcmp(rotated.key.public_key, writer->next_signer.verifier.public_key, sizeof rotated.key.public_key) == 0 &&
	    memcmp(rotated.previous.public_key, writer->signer.verifier.public_key, sizeof rotated.key.public_key) == 0;
	free(entry);
	return good ? 0
	            : broken(report, "entry %" PRIu64 " does not hand over between the keys in keys/",
	                  writer->hand_over_index);
}

/* What was about to be signed, and the keys. `current`: the checkpoint is there. */
static int log_finish(struct audit_writer *writer, bool current, struct audit_start_report *report) {
	bool again = writer->is_handing_over && writer->hand_over_index < writer->signed_size;
	bool changed = false;
	char why[REASON_BYTES];
	int error = again ? 0 : log_vkeys_write(writer, &changed, why, sizeof why);
	if (error == -EBADMSG)
		return broken(report, "%s", why);
	if (changed && report->reason[0] == '\0')
		(void)snprintf(report->reason, sizeof report->reason,
		    "log.vkeys or log/vkeys did not hold the keys of all epochs: it was written again");
	if (error == 0 && (!current || again))
		error = writer_sign(writer, writer->signed_size, &writer->signed_root);
	/* Whatever else lies in keys/ never signed anything, or was about to be wiped. */
	if (error == 0 && !writer->is_handing_over) {
		writer->has_next = false;
		error = seeds_wipe(&writer->store, writer->epoch);
	}
	return error < 0 ? error : store_sync(&writer->store);
}

/* It says nothing about the log, which goes on without the old one. */
static int witness_key_settle(struct audit_writer *writer, struct audit_start_report *report) {
	bool made = false;
	int error = witness_key_open(writer, &made);
	if (error == 0 && made && report->reason[0] == '\0')
		(void)snprintf(report->reason, sizeof report->reason,
		    "keys/witness.seed was missing or damaged: a new key was made, which witnesses must be given");
	return error;
}

static int log_continue(struct audit_writer *writer, const struct presence *there, struct audit_start_report *report) {
	struct log_state state = {0};
	bool current = false;
	int error = log_check(writer, there, report, &state);
	if (error == 0)
		error = check_last_bundle(writer, report);
	if (error == 0)
		error = check_checkpoint(writer, report, &current);
	if (error == 0)
		error = check_rotation(writer, report);
	if (error == 0)
		error = replay_pending(writer, report);
	if (error == 0)
		error = log_finish(writer, current, report);
	if (error == 0)
		error = witness_key_settle(writer, report);
	if (error < 0)
		return error;
	writer->published = writer->signed_size;
	clean_after_crash(writer);
	report->how = report->replayed > 0 || report->torn || report->reason[0] != '\0' ? AUDIT_RECOVERED : AUDIT_CONTINUED;
	if (writer->size == 0 && state.renewed[0] != '\0') {
		/* The renewed log was cut off before its first entry could say so. */
		report->how = AUDIT_BROKEN_RENEWED;
		memcpy(report->reason, state.renewed, sizeof report->reason);
	}
	return 0;
}

static int log_begin(struct audit_writer *writer, const char *origin, const char *renewed) {
	struct wal_report found;
	int error = log_make(writer, origin, renewed);
	if (error == 0)
		error = folder_open(writer);
	if (error < 0)
		return error;
	*writer->edge = (struct tile_edge){0};
	writer->signed_size = writer->size = writer->durable = writer->published = writer->pruned_below = 0;
	merkle_root(&(struct merkle_tree){0}, &writer->signed_root);
	struct wal_replay replay = {0, replay_entry, writer};
	error = wal_open(&writer->store, &replay, &writer->wal, &found);
	if (error == 0)
		error = writer_sign(writer, 0, &writer->signed_root);
	return error;
}

/* What the old log said last, for the first entry of the new one. */
static void reason_complete(const struct audit_writer *writer, unsigned number, char reason[REASON_BYTES]) {
	char what[REASON_BYTES];
	char root[13] = "";
	memcpy(what, reason, sizeof what);
	(void)sodium_bin2hex(root, sizeof root, writer->signed_root.bytes, 6);
	if (writer->origin[0] == '\0')
		(void)snprintf(reason, REASON_BYTES, "%.170s; set aside in log.broken-%u", what, number);
	else
		(void)snprintf(reason, REASON_BYTES,
		    "%.110s; set aside in log.broken-%u; it was %.64s, %" PRIu64 " entries, root %s...", what, number,
		    writer->origin, writer->signed_size, root);
}

static int log_renew(struct audit_writer *writer, const char *origin, struct audit_start_report *report) {
	unsigned number = 0;
	descriptor_close(&writer->log_fd);
	wal_close(&writer->wal);
	tail_release(&writer->tail);
	int error = log_set_aside(&writer->store, &number);
	if (error < 0)
		return error;
	reason_complete(writer, number, report->reason);
	report->how = AUDIT_BROKEN_RENEWED;
	report->replayed = 0;
	report->torn = false;
	/* The old origin must not be used again: witnesses keep its history by its name. */
	char renewed_origin[NOTE_NAME_BYTES];
	uint8_t random[4];
	char suffix[9];
	randombytes_buf(random, sizeof random);
	(void)sodium_bin2hex(suffix, sizeof suffix, random, sizeof random);
	if (origin != NULL)
		(void)snprintf(renewed_origin, sizeof renewed_origin, "%.240s/%s", origin, suffix);
	return log_begin(writer, origin == NULL ? NULL : renewed_origin, report->reason);
}

static int log_open(struct audit_writer *writer, const char *origin, struct audit_start_report *report) {
	struct presence there = look(&writer->store);
	if (there.folder || there.state || there.key || there.pending) {
		int error = log_continue(writer, &there, report);
		return error == -EBADMSG ? log_renew(writer, origin, report) : error;
	}
	report->how = AUDIT_STARTED_NEW;
	if (there.set_aside) {
		report->how = AUDIT_BROKEN_RENEWED;
		(void)snprintf(report->reason, sizeof report->reason,
		    "an earlier log was set aside, and no other was begun: see log.broken-*");
	}
	return log_begin(writer, origin, report->reason);
}

int audit_writer_open(int state_fd, const char *origin, uint64_t reserve_bytes, struct audit_writer **ret_writer,
    struct audit_start_report *ret_report) {
	if (sodium_init() < 0)
		return -ENOSYS;
	struct audit_writer *writer = calloc(1, sizeof *writer);
	if (writer == NULL)
		return -ENOMEM;
	writer->log_fd = -1;
	writer->wal = WAL_NULL;
	writer->edge = calloc(1, sizeof *writer->edge);
	writer->next = calloc(1, sizeof *writer->next);
	writer->store.reserve_bytes = reserve_bytes;
	writer->store.state_fd = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct audit_start_report report = {0};
	int error = writer->store.state_fd < 0 ? -errno : writer->edge == NULL || writer->next == NULL ? -ENOMEM : 0;
	if (error == 0) {
		store_reserve_fill(&writer->store);
		error = log_open(writer, origin, &report);
	}
	if (error < 0) {
		(void)writer_free(writer);
		return error;
	}
	writer->writable = true;
	report.size = writer->size;
	*ret_report = report;
	*ret_writer = writer;
	return 0;
}
