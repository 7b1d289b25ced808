/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tampering with a log of three epochs, a file of each kind at a time and root's larger tricks: each is found
 * by the verifier, which names it, and by the writer at its start where it looks there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/note.h"
#include "audit/tile.h"
#include "audit_log.h"

/*
 * Entries 0 to 699 are of epoch 0, 700 hands over; 701 to 1099 are of epoch 1, and 1100 hands over; 1700 in all. The
 * template is made once, and copied for each case. `seeds` are the keys that a thief took in time.
 */
static struct scratch template;
static char *kept[3]; /* a checkpoint of each epoch: 500, 1000 and 1599 entries */
static uint8_t seeds[3][32];
static char keys_all[2048];
static char key_first[512];
static char origin[256];

static const char *copy_from;
static const char *copy_to;

static int copy_one(const char *path, const struct stat *facts, int type, struct FTW *where) {
	(void)where;
	char to[512];
	(void)snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from));
	if (type == FTW_D)
		return mkdir(to, 0700) < 0 && errno != EEXIST ? -1 : 0;
	char *bytes = NULL;
	size_t length = 0;
	if (descriptor_read_file(AT_FDCWD, path, 1 << 24, &bytes, &length) < 0)
		return -1;
	CLOSED_AT_END int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, facts->st_mode & 0777);
	int error = fd < 0 ? -1 : descriptor_write_all(fd, bytes, length);
	free(bytes);
	return error;
}

static void folder_copy(const char *from, const char *to) {
	copy_from = from;
	copy_to = to;
	assert_int_equal(nftw(from, copy_one, 16, FTW_PHYS), 0);
}

static void text_write(const char *path, const char *text, size_t length) {
	CLOSED_AT_END int fd = openat(scratch.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(descriptor_write_all(fd, text, length), 0);
}

static void seed_keep(const struct scratch *from, int epoch) {
	char path[64];
	char *seed = NULL;
	size_t length = 0;
	(void)snprintf(path, sizeof path, "keys/epoch-%d.seed", epoch);
	assert_int_equal(descriptor_read_file(from->fd, path, 64, &seed, &length), 0);
	assert_int_equal(length, 32);
	memcpy(seeds[epoch], seed, 32);
	free(seed);
}

static int template_make(void **state) {
	(void)state;
	template = scratch_make();
	struct audit_writer *writer = writer_open_as(&template, AUDIT_STARTED_NEW);
	(void)snprintf(key_first, sizeof key_first, "%s", audit_writer_vkey(writer));
	(void)snprintf(origin, sizeof origin, "%s", audit_writer_origin(writer));
	static const size_t before[3] = {500, 299, 498};
	static const size_t after[3] = {200, 100, 100};
	for (int epoch = 0; epoch < 3; epoch++) {
		append_entries(writer, before[epoch]);
		assert_int_equal(audit_writer_publish(writer), 0);
		kept[epoch] = strdup(audit_writer_checkpoint(writer));
		append_entries(writer, after[epoch]);
		seed_keep(&template, epoch);
		if (epoch < 2)
			rotate(writer);
	}
	assert_int_equal(audit_writer_size(writer), 1700 - 1);
	append_entries(writer, 1);
	assert_null(audit_writer_close(writer));
	char *list = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(template.fd, "log.vkeys", sizeof keys_all - 1, &list, &length), 0);
	(void)snprintf(keys_all, sizeof keys_all, "%s", list);
	free(list);
	return 0;
}

static int template_remove(void **state) {
	(void)state;
	scratch_remove(&template);
	for (int i = 0; i < 3; i++)
		free(kept[i]);
	return 0;
}

static int setup(void **state) {
	(void)state;
	scratch = scratch_make();
	folder_copy(template.path, scratch.path);
	return 0;
}

/* ---- what is asserted ---- */

static void assert_says(const char *said, const char *expected) {
	if (strstr(said, expected) == NULL)
		print_message("'%s' does not say '%s'\n", said, expected);
	assert_non_null(strstr(said, expected));
}

/* By the folder's own keys, by the first, and by all of them kept elsewhere. */
static void assert_found(const char *expected) {
	const char *lists[] = {NULL, key_first, keys_all};
	for (size_t i = 0; i < 3; i++) {
		char error[512];
		int result = verify_with(&scratch, "log", lists[i], error);
		assert_int_equal(result, -EBADMSG);
		assert_says(error, expected);
	}
}

static void assert_start(enum audit_start how, const char *expected) {
	struct audit_start_report report;
	assert_null(audit_writer_close(writer_open_report(&scratch, &report)));
	if (report.how != how)
		print_message("start %d: %s\n", (int)report.how, report.reason);
	assert_int_equal(report.how, how);
	assert_says(report.reason, expected);
}

/* A checkpoint that was kept elsewhere does not hold against the log as it is. */
static void assert_kept_fails(const char *keys, const char *note, const char *expected) {
	CLOSED_AT_END int fd = openat(scratch.fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct retention_log *log = NULL;
	assert_int_equal(retention_log_open(fd, keys, &log), 0);
	int result = retention_log_check_checkpoint(log, note, strlen(note), NULL);
	assert_int_equal(result, -EBADMSG);
	assert_says(retention_log_error(log), expected);
	retention_log_close(log);
}

/* A checkpoint of `size` as the tiles give it, signed by the stolen key of an epoch. */
static void forge(uint64_t size, int epoch, char note[2048]) {
	struct note_signer signer;
	struct merkle_hash root;
	size_t length = 0;
	struct tile_source source = {.size = 1700};
	CLOSED_AT_END int fd = openat(scratch.fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	source.log_fd = fd;
	assert_int_equal(tile_source_root(&source, size, &root), 0);
	note_signer_from_seed(origin, seeds[epoch], &signer);
	assert_true(checkpoint_sign(origin, size, &root, &signer, 1, note, 2048, &length));
}

/* ---- files ---- */

static void test_untouched(void **state) {
	(void)state;
	const char *lists[] = {NULL, key_first, keys_all};
	char error[512];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(verify_with(&scratch, "log", lists[i], error), 0);
	assert_start(AUDIT_CONTINUED, "");
}

static void test_bundle(void **state) {
	(void)state;
	file_change(&scratch, "log/tile/entries/001", 5000, 1);
	assert_found("is not what tile/0/001 says");
	/* The start reads the last bundle only. */
	file_change(&scratch, "log/tile/entries/006.p/164", 200, 1);
	assert_start(AUDIT_BROKEN_RENEWED, "is not the one in the tiles");
}

static void test_tiles(void **state) {
	(void)state;
	static const struct {
		const char *path;
		const char *said, *start;
	} rows[] = {
	    {"log/tile/0/002", "is not what tile/0/002 says", "tile/0/002 does not give its hash"},
	    {"log/tile/0/006.p/164", "is not what tile/0/006.p/164 says", "the tiles do not give the root"},
	    {"log/tile/1/000.p/6", "is not that of the tile below it", "the tiles do not give the root"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		file_change(&scratch, rows[i].path, 40, 0x80);
		char error[512];
		assert_int_equal(verify_with(&scratch, "log", NULL, error), -EBADMSG);
		/* A tile that a hand-over is proved with is missed there. */
		if (strstr(error, "epochs/") == NULL)
			assert_says(error, rows[i].said);
		assert_start(AUDIT_BROKEN_RENEWED, rows[i].start);
		scratch_remove(&scratch);
		(void)setup(NULL);
	}
}

/* Tiles of a level that only a log of over 65,536 entries has. */
static void test_high_tiles(void **state) {
	(void)state;
	scratch_remove(&scratch);
	scratch = scratch_make();
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_STARTED_NEW);
	append_entries(writer, 66000);
	assert_null(audit_writer_close(writer));
	char error[512];
	file_change(&scratch, "log/tile/1/000", 4000, 1);
	assert_int_equal(verify_with(&scratch, "log", NULL, error), -EBADMSG);
	assert_says(error, "hash 125 of tile/1/000 is not that of the tile below it");
	file_change(&scratch, "log/tile/1/000", 4000, 1);
	file_change(&scratch, "log/tile/2/000.p/1", 4, 1);
	assert_int_equal(verify_with(&scratch, "log", NULL, error), -EBADMSG);
	assert_says(error, "hash 0 of tile/2/000.p/1 is not that of the tile below it");
	assert_start(AUDIT_BROKEN_RENEWED, "the tiles do not give the root");
}

static void test_checkpoint(void **state) {
	(void)state;
	char *note = scratch_text("log/checkpoint");
	size_t root = (size_t)(strstr(note, "\n1700\n") - note) + 10;
	/* Still base64, but of another root. */
	note[root] = note[root] == 'A' ? 'B' : 'A';
	text_write("log/checkpoint", note, strlen(note));
	assert_found("checkpoint has a wrong signature");
	/* Without its signature. */
	size_t body = (size_t)(strstr(note, "\n\n") - note) + 2;
	text_write("log/checkpoint", note, body);
	assert_found("checkpoint is not a signed note");
	text_write("log/checkpoint", note, body - 1);
	assert_found("checkpoint is not a signed note");
	assert_start(AUDIT_BROKEN_RENEWED, "not signed by this log's key");
	free(note);
}

static void test_checkpoint_missing(void **state) {
	(void)state;
	assert_int_equal(unlinkat(scratch.fd, "log/checkpoint", 0), 0);
	assert_found("checkpoint is missing");
}

static void test_bundle_missing(void **state) {
	(void)state;
	assert_int_equal(unlinkat(scratch.fd, "log/tile/entries/003", 0), 0);
	assert_found("tile/entries/003 is missing");
}

/* An entry that only claims to be one does not excuse what is missing. */
static void test_false_pruning(void **state) {
	(void)state;
	assert_int_equal(unlinkat(scratch.fd, "log/tile/entries/003", 0), 0);
	static const char forged[] =
	    "retention-pruned 1\nindex 1200\nentry {\"event\":{\"action\":\"log-pruned\"},\"pruned\":{\"below\":1024,"
	    "\"root\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}}\n";
	text_write("log/pruned", forged, sizeof forged - 1);
	assert_found("pruned carries an entry 1200 that is not in the log");
	assert_start(AUDIT_BROKEN_RENEWED, "log/pruned carries an entry that is not in the log");
}

static void test_pruned_too_much(void **state) {
	(void)state;
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	prune(writer, 700);
	assert_null(audit_writer_close(writer));
	char error[512];
	assert_int_equal(verify_with(&scratch, "log", key_first, error), 0);
	/* The bundle that is only partly below stays. */
	assert_int_equal(unlinkat(scratch.fd, "log/tile/entries/002", 0), 0);
	assert_found("tile/entries/002 is missing");
}

static void test_truncated(void **state) {
	(void)state;
	CLOSED_AT_END int fd = openat(scratch.fd, "log/tile/entries/002", O_WRONLY);
	assert_int_equal(ftruncate(fd, 900), 0);
	assert_found("tile/entries/002 does not hold exactly 256 entries");
}

static void test_exchanged_entries(void **state) {
	(void)state;
	char first[256];
	char second[256];
	char *bundle = NULL;
	size_t length = 0;
	assert_int_equal(descriptor_read_file(scratch.fd, "log/tile/entries/001", 1 << 20, &bundle, &length), 0);
	size_t length_first = entry_text(300, first);
	size_t length_second = entry_text(301, second);
	uint8_t *at = memmem(bundle, length, first, length_first);
	assert_non_null(at);
	at -= 2;
	*at++ = 0;
	*at++ = (uint8_t)length_second;
	memcpy(at, second, length_second);
	at += length_second;
	*at++ = 0;
	*at++ = (uint8_t)length_first;
	memcpy(at, first, length_first);
	text_write("log/tile/entries/001", bundle, length);
	free(bundle);
	assert_found("entry 300 is not what tile/0/001 says");
}

/* ---- keys ---- */

static void test_hand_over(void **state) {
	(void)state;
	char *file = scratch_text("log/epochs/1");
	size_t nonce = (size_t)(strstr(file, "00010203") - file);
	file_change(&scratch, "log/epochs/1", (off_t)nonce, 1);
	assert_found("epochs/1: entry 700 is not that of the log");
	/* Only one of the signatures. */
	char *dash = strstr(strstr(file, "\n\n") + 2, "\n\n") + 2;
	char *second = strstr(dash + 1, "\xe2\x80\x94");
	text_write("log/epochs/1", file, (size_t)(second - file));
	assert_found("epochs/1 is not signed by the key that takes over");
	char one[4096];
	int length = snprintf(one, sizeof one, "%.*s%s", (int)(dash - file), file, second);
	text_write("log/epochs/1", one, (size_t)length);
	assert_found("epochs/1 is not signed by the key that hands over");
	/* A signature that is wrong. */
	text_write("log/epochs/1", file, strlen(file));
	file_change(&scratch, "log/epochs/1", (off_t)(second - file) + 80, 1);
	assert_found("epochs/1");
	free(file);
}

static void test_newest_hand_over_at_start(void **state) {
	(void)state;
	char *file = scratch_text("log/epochs/2");
	file_change(&scratch, "log/epochs/2", (off_t)(strstr(file, "00010203") - file), 1);
	free(file);
	assert_found("epochs/2: entry 1100 is not that of the log");
	assert_start(AUDIT_BROKEN_RENEWED, "log/epochs/2 is not of the tree");
}

static void test_hand_over_missing(void **state) {
	(void)state;
	assert_int_equal(unlinkat(scratch.fd, "log/epochs/1", 0), 0);
	assert_found("epochs/1 is missing");
	assert_start(AUDIT_BROKEN_RENEWED, "log/epochs/1 is missing");
}

/* The newest hand-over gone, with everything else as it was: its key may sign nothing. */
static void test_newest_hand_over_missing(void **state) {
	(void)state;
	char error[512];
	assert_int_equal(unlinkat(scratch.fd, "log/epochs/2", 0), 0);
	assert_found("checkpoint");
	/* And struck off the list. */
	char *list = scratch_text("log/vkeys");
	char *third = strchr(strchr(list, '\n') + 1, '\n') + 1;
	text_write("log/vkeys", list, (size_t)(third - list));
	free(list);
	assert_int_equal(verify_with(&scratch, "log", NULL, error), -EBADMSG);
	assert_start(AUDIT_BROKEN_RENEWED, "log/epochs/2 is missing");
}

/* All of them, and only the key in force left on the list: the entries that hand over have no file. */
static void test_all_hand_overs_missing(void **state) {
	(void)state;
	char error[512];
	assert_int_equal(unlinkat(scratch.fd, "log/epochs/1", 0), 0);
	assert_int_equal(unlinkat(scratch.fd, "log/epochs/2", 0), 0);
	char *list = scratch_text("log/vkeys");
	const char *third = strchr(strchr(list, '\n') + 1, '\n') + 1;
	text_write("log/vkeys", third, strlen(third));
	assert_int_equal(verify_with(&scratch, "log", NULL, error), -EBADMSG);
	assert_says(error, "entry 700 hands the key over, but no file in epochs tells of it");
	assert_int_equal(verify_with(&scratch, "log", keys_all, error), -EBADMSG);
	assert_says(error, "signed by the key of a later epoch");
	free(list);
}

static void test_epochs_exchanged(void **state) {
	(void)state;
	assert_int_equal(renameat(scratch.fd, "log/epochs/1", scratch.fd, "log/epochs/x"), 0);
	assert_int_equal(renameat(scratch.fd, "log/epochs/2", scratch.fd, "log/epochs/1"), 0);
	assert_int_equal(renameat(scratch.fd, "log/epochs/x", scratch.fd, "log/epochs/2"), 0);
	assert_found("is no hand-over to that epoch");
	assert_start(AUDIT_BROKEN_RENEWED, "log/epochs/2 is no hand-over to that epoch");
}

static void test_key_list(void **state) {
	(void)state;
	char *list = scratch_text("log/vkeys");
	size_t first = strcspn(list, "\n") + 1;
	size_t second = strcspn(list + first, "\n") + 1;
	char changed[4096];
	/* Two lines exchanged. */
	int length = snprintf(
	    changed, sizeof changed, "%.*s%.*s%s", (int)second, list + first, (int)first, list, list + first + second);
	text_write("log/vkeys", changed, (size_t)length);
	assert_found("line 1 of vkeys is not the key of its epoch");
	/* One more, one less, one that is none. */
	length = snprintf(changed, sizeof changed, "%s%.*s", list, (int)first, list);
	text_write("log/vkeys", changed, (size_t)length);
	assert_found("vkeys holds 4 keys, but the log has had 3");
	text_write("log/vkeys", list, first + second);
	assert_found("vkeys holds 2 keys, but the log has had 3");
	text_write("log/vkeys", list, strlen(list));
	file_change(&scratch, "log/vkeys", (off_t)first + 30, 1);
	char error[512];
	assert_int_equal(verify_with(&scratch, "log", key_first, error), -EBADMSG);
	assert_says(error, "vkeys holds a line that is no key");
	/* The hand-overs know them: the list is made again, and an entry says so. */
	assert_start(AUDIT_RECOVERED, "did not hold the keys of all epochs");
	char *again = scratch_text("log/vkeys");
	assert_string_equal(again, list);
	free(again);
	free(list);
}

static void test_given_keys_out_of_order(void **state) {
	(void)state;
	char error[512];
	char turned[2048];
	size_t first = strcspn(keys_all, "\n") + 1;
	(void)snprintf(turned, sizeof turned, "%s%.*s", keys_all + first, (int)first, keys_all);
	assert_int_equal(verify_with(&scratch, "log", turned, error), -EBADMSG);
	assert_says(error, "not in the order of the log's epochs");
}

static void test_unknown_key(void **state) {
	(void)state;
	char error[512];
	assert_int_equal(
	    verify_with(&scratch, "log", "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", error),
	    -EBADMSG);
	assert_says(error, "not signed by any key that is trusted here");
}

/* A key is valid only for its own range, whoever holds it. */
static void test_later_key_for_an_earlier_size(void **state) {
	(void)state;
	char note[2048];
	forge(500, 2, note);
	assert_kept_fails(key_first, note, "only the key of epoch 0 may sign, but is signed by that of epoch 2");
	forge(900, 2, note);
	assert_kept_fails(NULL, note, "only the key of epoch 1 may sign, but is signed by that of epoch 2");
	forge(500, 1, note);
	assert_kept_fails(NULL, note, "only the key of epoch 0 may sign, but is signed by that of epoch 1");
	text_write("log/checkpoint", note, strlen(note));
	assert_found("only the key of epoch 0 may sign, but is signed by that of epoch 1");
}

static void test_earlier_key_after_its_hand_over(void **state) {
	(void)state;
	char note[2048];
	forge(1700, 0, note);
	assert_kept_fails(NULL, note, "only the key of epoch 2 may sign, but is signed by that of epoch 0");
	forge(701, 0, note);
	assert_kept_fails(NULL, note, "only the key of epoch 1 may sign, but is signed by that of epoch 0");
	forge(1700, 1, note);
	text_write("log/checkpoint", note, strlen(note));
	assert_found("only the key of epoch 2 may sign, but is signed by that of epoch 1");
	assert_start(AUDIT_BROKEN_RENEWED, "not signed by this log's key");
}

/* The right key, and one of another epoch besides it. */
static void test_both_keys_outside_a_hand_over(void **state) {
	(void)state;
	char note[2048];
	char other[2048];
	forge(900, 1, note);
	forge(900, 0, other);
	(void)strncat(note, strstr(other, "\xe2\x80\x94"), sizeof note - strlen(note) - 1);
	assert_kept_fails(NULL, note, "signed by the key of another epoch, too");
	forge(900, 1, note);
	forge(900, 2, other);
	(void)strncat(note, strstr(other, "\xe2\x80\x94"), sizeof note - strlen(note) - 1);
	assert_kept_fails(NULL, note, "signed by the key of another epoch, too");
}

/* ---- the whole ---- */

/* The log put back to what it was, hand-overs left where they are. */
static void test_older_checkpoint(void **state) {
	(void)state;
	text_write("log/checkpoint", kept[1], strlen(kept[1]));
	assert_found("checkpoint is of epoch 1, but epochs/2 is there: the log was put back to an older state");
}

/* An older copy of everything: it holds, and shows only against what was kept since. */
static void test_replayed_state(void **state) {
	(void)state;
	struct scratch older = scratch_make();
	folder_copy(scratch.path, older.path);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	append_entries(writer, 50);
	rotate(writer);
	char *newer = strdup(audit_writer_checkpoint(writer));
	assert_null(audit_writer_close(writer));

	/* The log alone: the state remembers what was signed, and the key has gone. */
	struct scratch mixed = scratch_make();
	folder_copy(scratch.path, mixed.path);
	char path[128];
	(void)snprintf(path, sizeof path, "%s/log", mixed.path);
	assert_int_equal(tree_remove(path), 0);
	char from[128];
	(void)snprintf(from, sizeof from, "%s/log", older.path);
	folder_copy(from, path);
	scratch_remove(&scratch);
	scratch = mixed;
	assert_start(AUDIT_BROKEN_RENEWED, "");
	scratch_remove(&scratch);

	/* All of it. */
	scratch = older;
	char error[512];
	assert_int_equal(verify_with(&scratch, "log", keys_all, error), 0);
	assert_kept_fails(
	    keys_all, newer, "has 1751 entries, the log only 1700: it was cut, or put back to an older state");
	free(newer);
}

/* The same within an epoch. */
static void test_cut_back(void **state) {
	(void)state;
	struct scratch older = scratch_make();
	folder_copy(scratch.path, older.path);
	struct audit_writer *writer = writer_open_as(&scratch, AUDIT_CONTINUED);
	append_entries(writer, 50);
	assert_int_equal(audit_writer_publish(writer), 0);
	char *newer = strdup(audit_writer_checkpoint(writer));
	assert_null(audit_writer_close(writer));
	scratch_remove(&scratch);
	scratch = older;
	assert_kept_fails(key_first, newer, "has 1750 entries, the log only 1700: it was cut");
	free(newer);
}

/*
 * Root rewrites everything with every key that is on the box: another log with the same name, an entry changed long
 * ago, signed by the key in force. Without hand-overs before it, only a checkpoint that was kept shows it.
 */
static void test_rewritten(void **state) {
	(void)state;
	struct scratch rewritten = scratch_make();
	struct audit_start_report report;
	struct audit_writer *writer = NULL;
	assert_int_equal(audit_writer_open(rewritten.fd, origin, 0, &writer, &report), 0);
	append_entries(writer, 400);
	uint64_t index = 0;
	assert_int_equal(audit_writer_append(writer, "{\"schema\":1}", 12, &index), 0);
	append_entries(writer, 1299);
	assert_null(audit_writer_close(writer));
	scratch_remove(&scratch);
	scratch = rewritten;
	char note[2048];
	char key[512];
	char error[512];
	for (int epoch = 0; epoch < 3; epoch += 2) {
		struct note_signer signer;
		note_signer_from_seed(origin, seeds[epoch], &signer);
		note_verifier_format(&signer.verifier, key);
		forge(1700, epoch, note);
		text_write("log/checkpoint", note, strlen(note));
		(void)strncat(key, "\n", sizeof key - strlen(key) - 1);
		text_write("log/vkeys", key, strlen(key));
		text_write("log.vkeys", key, strlen(key));
		/* It agrees with itself. */
		assert_int_equal(verify_with(&scratch, "log", NULL, error), 0);
		if (epoch == 0) {
			/* A thief of the first key: whoever kept a checkpoint sees it. */
			assert_int_equal(verify_with(&scratch, "log", key_first, error), 0);
			assert_kept_fails(key_first, kept[0], "the log was rewritten");
		} else {
			/* Of the key in force only: whoever kept the first key sees it, with or without a checkpoint. */
			assert_int_equal(verify_with(&scratch, "log", key_first, error), -EBADMSG);
			assert_kept_fails(NULL, kept[0], "not signed by any key that is trusted here");
			assert_kept_fails(NULL, kept[2], "the log was rewritten");
		}
	}
}

/* The same with the old hand-overs left in place: they are of another tree. */
static void test_rewritten_below_hand_overs(void **state) {
	(void)state;
	struct scratch original = scratch;
	scratch = scratch_make();
	struct audit_start_report report;
	struct audit_writer *writer = NULL;
	assert_int_equal(audit_writer_open(scratch.fd, origin, 0, &writer, &report), 0);
	append_entries(writer, 1700);
	assert_null(audit_writer_close(writer));
	char from[128];
	char to[128];
	(void)snprintf(from, sizeof from, "%s/log/epochs", original.path);
	(void)snprintf(to, sizeof to, "%s/log/epochs", scratch.path);
	folder_copy(from, to);
	text_write("log/vkeys", keys_all, strlen(keys_all));
	char note[2048];
	forge(1700, 2, note);
	text_write("log/checkpoint", note, strlen(note));
	scratch_remove(&original);
	assert_found("epochs/");
}

#define ON_A_COPY(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
int main(void) {
	const struct CMUnitTest tests[] = {
	    ON_A_COPY(test_untouched),
	    ON_A_COPY(test_bundle),
	    ON_A_COPY(test_tiles),
	    ON_A_COPY(test_high_tiles),
	    ON_A_COPY(test_checkpoint),
	    ON_A_COPY(test_checkpoint_missing),
	    ON_A_COPY(test_bundle_missing),
	    ON_A_COPY(test_false_pruning),
	    ON_A_COPY(test_pruned_too_much),
	    ON_A_COPY(test_truncated),
	    ON_A_COPY(test_exchanged_entries),
	    ON_A_COPY(test_hand_over),
	    ON_A_COPY(test_newest_hand_over_at_start),
	    ON_A_COPY(test_hand_over_missing),
	    ON_A_COPY(test_newest_hand_over_missing),
	    ON_A_COPY(test_all_hand_overs_missing),
	    ON_A_COPY(test_epochs_exchanged),
	    ON_A_COPY(test_key_list),
	    ON_A_COPY(test_given_keys_out_of_order),
	    ON_A_COPY(test_unknown_key),
	    ON_A_COPY(test_later_key_for_an_earlier_size),
	    ON_A_COPY(test_earlier_key_after_its_hand_over),
	    ON_A_COPY(test_both_keys_outside_a_hand_over),
	    ON_A_COPY(test_older_checkpoint),
	    ON_A_COPY(test_replayed_state),
	    ON_A_COPY(test_cut_back),
	    ON_A_COPY(test_rewritten),
	    ON_A_COPY(test_rewritten_below_hand_overs),
	};
	return cmocka_run_group_tests(tests, template_make, template_remove);
}
