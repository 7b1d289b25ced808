/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/entry_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "audit/base64.h"
#include "audit/writer.h"
#include "base/descriptor.h"

static const char hand_over_head[] = "retention-hand-over 1";
static const char pruned_head[] = "retention-pruned 1";

enum { FILE_BYTES_MAX = AUDIT_ENTRY_BYTES_MAX + NOTE_BYTES_MAX + 256 };

void epoch_path(uint64_t epoch, char ret_path[EPOCH_PATH_BYTES]) {
	(void)snprintf(ret_path, EPOCH_PATH_BYTES, "epochs/%" PRIu64, epoch);
}

/* ---- reading the lines ---- */

/* What follows `key` on the next line. */
static bool line_take(struct text *rest, const char *key, struct text *ret_value) {
	size_t length = strlen(key);
	const char *end = rest->length == 0 ? NULL : memchr(rest->data, '\n', rest->length);
	if (end == NULL || (size_t)(end - rest->data) < length || memcmp(rest->data, key, length) != 0)
		return false;
	*ret_value = (struct text){rest->data + length, (size_t)(end - rest->data) - length};
	*rest = (struct text){end + 1, rest->length - (size_t)(end + 1 - rest->data)};
	return true;
}

static bool number_read(struct text digits, uint64_t *ret_number) {
	uint64_t number = 0;
	if (digits.length == 0 || digits.length > 20 || (digits.data[0] == '0' && digits.length > 1))
		return false;
	for (size_t i = 0; i < digits.length; i++)
		if (digits.data[i] < '0' || digits.data[i] > '9' || __builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number))
			return false;
	*ret_number = number;
	return true;
}

/* The lines that both kinds have; `rest` keeps what follows. */
static bool head_take(struct text *rest, const char *head, uint64_t *ret_index, struct text *ret_entry) {
	struct text value;
	return line_take(rest, head, &value) && value.length == 0 && line_take(rest, "index ", &value) &&
	       number_read(value, ret_index) && line_take(rest, "entry ", ret_entry) && ret_entry->length > 0;
}

static int file_read(int log_fd, const char *path, char **ret_file, struct text *ret_text) {
	size_t length = 0;
	int error = descriptor_read_file(log_fd, path, FILE_BYTES_MAX, ret_file, &length);
	if (error < 0)
		return error == -EFBIG || error == -EINVAL || error == -EISDIR || error == -ELOOP || error == -ENOTDIR
		           ? -EBADMSG
		           : error;
	*ret_text = (struct text){*ret_file, length};
	return 0;
}

/* ---- entries ---- */

bool entry_has_action(struct text entry, const char *action) {
	/* Keys stand in a fixed order (entry.c): the action within the first 120 bytes. Text inside a string has its
	 * quotation marks escaped, so that it cannot look like this. */
	char wanted[64];
	int length = snprintf(wanted, sizeof wanted, "\"action\":\"%s\"", action);
	return length > 0 && (size_t)length < sizeof wanted &&
	       memmem(entry.data, entry.length < 160 ? entry.length : 160, wanted, (size_t)length) != NULL;
}

static json_t *entry_parse(struct text entry, const char *action) {
	json_t *json = json_loadb(entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
	const char *found = json_string_value(json_object_get(json_object_get(json, "event"), "action"));
	if (found != NULL && strcmp(found, action) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static bool number_get(const json_t *object, const char *key, uint64_t *ret_number) {
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret_number = (uint64_t)json_integer_value(value);
	return true;
}

static bool key_get(const json_t *object, const char *key, struct note_verifier *ret_key) {
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) && note_verifier_parse(json_string_value(value), json_string_length(value), ret_key);
}

bool key_rotated_parse(struct text entry, struct key_rotated *ret_rotated) {
	json_t *json = entry_parse(entry, "key-rotated");
	const json_t *key = json_object_get(json, "key");
	bool good = number_get(key, "epoch", &ret_rotated->epoch) && key_get(key, "vkey", &ret_rotated->key) &&
	            key_get(key, "previous", &ret_rotated->previous) &&
	            number_get(key, "first_size", &ret_rotated->first_size);
	json_decref(json);
	return good;
}

bool pruned_parse(struct text entry, uint64_t *ret_below, struct merkle_hash *ret_root) {
	json_t *json = entry_parse(entry, "log-pruned");
	const json_t *pruned = json_object_get(json, "pruned");
	const json_t *root = json_object_get(pruned, "root");
	size_t length = 0;
	bool good = number_get(pruned, "below", ret_below) && json_is_string(root) &&
	            base64_read((struct text){json_string_value(root), json_string_length(root)}, BASE64_PADDED,
	                ret_root->bytes, MERKLE_HASH_BYTES, &length) &&
	            length == MERKLE_HASH_BYTES;
	json_decref(json);
	return good;
}

/* ---- hand-overs ---- */

static bool hand_over_parse(struct text rest, struct hand_over *hand_over) {
	struct key_rotated rotated;
	struct text empty;
	if (!head_take(&rest, hand_over_head, &hand_over->index, &hand_over->entry) || !line_take(&rest, "", &empty) ||
	    empty.length != 0 || !key_rotated_parse(hand_over->entry, &rotated) || rotated.epoch != hand_over->epoch ||
	    !checkpoint_parse(rest.data, rest.length, &hand_over->body))
		return false;
	hand_over->note = rest;
	hand_over->first_size = rotated.first_size;
	hand_over->key = rotated.key;
	hand_over->previous = rotated.previous;
	return true;
}

int hand_over_load(int log_fd, uint64_t epoch, struct hand_over *ret_hand_over) {
	struct hand_over hand_over = {.epoch = epoch};
	struct text text;
	char path[EPOCH_PATH_BYTES];
	epoch_path(epoch, path);
	int error = file_read(log_fd, path, &hand_over.file, &text);
	if (error == 0 && !hand_over_parse(text, &hand_over))
		error = -EBADMSG;
	if (error < 0) {
		hand_over_release(&hand_over);
		return error;
	}
	*ret_hand_over = hand_over;
	return 0;
}

void hand_over_release(struct hand_over *hand_over) {
	free(hand_over->file);
	*hand_over = (struct hand_over){0};
}

char *hand_over_format(uint64_t index, struct text entry, const char *note, size_t *ret_length) {
	char *text = NULL;
	int length = asprintf(
	    &text, "%s\nindex %" PRIu64 "\nentry %.*s\n\n%s", hand_over_head, index, (int)entry.length, entry.data, note);
	if (length < 0)
		return NULL;
	*ret_length = (size_t)length;
	return text;
}

const char *hand_over_fault(const struct hand_over *hand_over) {
	const struct note_verifier keys[] = {hand_over->previous, hand_over->key};
	struct checkpoint_body body;
	uint64_t signed_by = 0;
	if (memcmp(keys[0].public_key, keys[1].public_key, sizeof keys[0].public_key) == 0)
		return "hands a key over to itself";
	if (strcmp(keys[0].name, hand_over->body.origin) != 0 || strcmp(keys[1].name, hand_over->body.origin) != 0)
		return "has keys of another log";
	if (hand_over->first_size != hand_over->index + 1 || hand_over->body.size < hand_over->first_size)
		return "has a checkpoint without its entry";
	switch (checkpoint_signed_by(hand_over->note.data, hand_over->note.length, keys, 2, &body, &signed_by)) {
	case NOTE_OK:
		break;
	case NOTE_BAD_SIGNATURE:
		return "has a wrong signature";
	case NOTE_MALFORMED:
	case NOTE_NO_KNOWN_KEY:
		return "is not signed by its keys";
	}
	if ((signed_by & 1) == 0)
		return "is not signed by the key that hands over";
	return (signed_by & 2) == 0 ? "is not signed by the key that takes over" : NULL;
}

int epochs_newest(int log_fd, uint64_t *ret_epoch) {
	uint64_t newest = 0;
	int fd = openat(log_fd, "epochs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*ret_epoch = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	DIR *folder = fdopendir(fd);
	if (folder == NULL) {
		descriptor_close(&fd);
		return -ENOMEM;
	}
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		uint64_t number = 0;
		if (number_read(text_of(entry->d_name), &number) && number < EPOCHS_MAX && number > newest)
			newest = number;
	}
	(void)closedir(folder);
	*ret_epoch = newest;
	return 0;
}

/* ---- pruning ---- */

int pruned_load(int log_fd, struct pruned *ret_pruned) {
	struct pruned pruned = {0};
	struct text rest;
	int error = file_read(log_fd, "pruned", &pruned.file, &rest);
	if (error == 0 && (!head_take(&rest, pruned_head, &pruned.index, &pruned.entry) || rest.length != 0 ||
	                      !pruned_parse(pruned.entry, &pruned.below, &pruned.root) || pruned.below > pruned.index))
		error = -EBADMSG;
	if (error < 0) {
		pruned_release(&pruned);
		return error;
	}
	*ret_pruned = pruned;
	return 0;
}

void pruned_release(struct pruned *pruned) {
	free(pruned->file);
	*pruned = (struct pruned){0};
}

char *pruned_format(uint64_t index, struct text entry, size_t *ret_length) {
	char *text = NULL;
	int length =
	    asprintf(&text, "%s\nindex %" PRIu64 "\nentry %.*s\n", pruned_head, index, (int)entry.length, entry.data);
	if (length < 0)
		return NULL;
	*ret_length = (size_t)length;
	return text;
}
