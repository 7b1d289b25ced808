/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining opens. */
#include "observation_joined.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyed_hash.h"

struct joined {
	joined_write write;
	void *context;
	struct joined_row rows[JOINED_ROWS_MAX];
	uint64_t keys[JOINED_ROWS_MAX]; /* of the rows, side by side: looked through at each open */
	size_t count;
	struct joined_loss loss;
	struct hash_key key;
};

struct joined *joined_new(joined_write write, void *context) {
	struct joined *joined = calloc(1, sizeof *joined);
	if (joined == NULL)
		return NULL;
	joined->write = write;
	joined->context = context;
	hash_key_make(&joined->key);
	return joined;
}

static void row_release(struct joined_row *row) {
	(void)actor_release(row->actor);
	free(row->root);
	free(row->camera);
	free(row->path);
	free(row->inodes);
	*row = (struct joined_row){0};
}

struct joined *joined_free(struct joined *joined) {
	if (joined == NULL)
		return NULL;
	for (size_t i = 0; i < joined->count; i++)
		row_release(&joined->rows[i]);
	free(joined);
	return NULL;
}

/* A recorder that serves somebody over the network acts for that one: that is no traffic of its own. */
static bool is_own_traffic(const struct joined_open *open) {
	const struct record_accessor *record = &open->actor->record;
	return record->part == ACCESSOR_RECORDER && open->what != ACCESS_DENIED &&
	       (record->protocol.length == 0 || record->remote_address.length == 0);
}

static uint64_t key_of(const struct joined *joined, const struct joined_open *open) {
	uint8_t bytes[2048];
	struct byte_writer writer;
	const struct record_accessor *record = &open->actor->record;
	byte_writer_init(&writer, bytes, sizeof bytes);
	byte_put_text(&writer, text_of(open->root));
	byte_put_text(&writer, open->camera);
	byte_put_u8(&writer, open->what);
	if (is_own_traffic(open)) {
		byte_put_u32(&writer, record->real_user);
		byte_put_u32(&writer, record->effective_user);
		byte_put_u32(&writer, record->filesystem_user);
		byte_put_u32(&writer, record->login_user);
	} else {
		byte_put_u8(&writer, 1);
		byte_put_u64(&writer, open->actor->identity);
	}
	return keyed_hash(&joined->key, bytes, writer.used);
}

/* ---- files told apart by their inodes ---- */

static bool inode_place(uint64_t *inodes, size_t room, uint64_t inode) {
	size_t at = (size_t)((inode * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (room - 1);
	for (; inodes[at] != 0; at = (at + 1) & (room - 1))
		if (inodes[at] == inode)
			return false;
	inodes[at] = inode;
	return true;
}

static bool inodes_grow(struct joined_row *row) {
	size_t room = row->inodes_room == 0 ? 16 : row->inodes_room * 2;
	uint64_t *grown = calloc(room, sizeof *grown);
	if (grown == NULL)
		return false;
	for (size_t i = 0; i < row->inodes_room; i++)
		if (row->inodes[i] != 0)
			(void)inode_place(grown, room, row->inodes[i]);
	free(row->inodes);
	row->inodes = grown;
	row->inodes_room = room;
	return true;
}

/* True for a file that the entry does not count yet. */
static bool file_is_new(struct joined_row *row, uint64_t inode) {
	if (inode == 0)
		return true;
	if (row->files >= JOINED_FILES_MAX || (row->files * 2 >= row->inodes_room && !inodes_grow(row))) {
		row->files_at_least = true;
		return false;
	}
	return inode_place(row->inodes, row->inodes_room, inode);
}

/* ---- a row ---- */

static void holds_add(struct joined_row *row, const char *holds) {
	while (holds != NULL && *holds != '\0') {
		size_t length = strcspn(holds, ", ");
		char id[64];
		(void)snprintf(id, sizeof id, "%.*s", (int)(length < 63 ? length : 63), holds);
		size_t used = strlen(row->holds);
		bool known = id[0] == '\0' || strstr(row->holds, id) != NULL;
		if (!known && used + strlen(id) + 3 <= sizeof row->holds)
			(void)snprintf(row->holds + used, sizeof row->holds - used, "%s%s", used > 0 ? "," : "", id);
		holds += length;
		holds += strspn(holds, ", ");
	}
}

static char *copy_of(struct text text) {
	char *copy = malloc(text.length + 1);
	if (copy == NULL)
		return NULL;
	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return copy;
}

/* The first open of an entry says which file; without memory the entry has none. */
static void row_begin(struct joined_row *row, const struct joined_open *open) {
	free(row->path);
	row->path = copy_of(open->path);
	row->path_length = row->path == NULL ? 0 : open->path.length;
	row->inode = open->inode;
	row->size = open->bytes;
	row->first_us = open->first_us;
	row->last_us = open->last_us;
	row->level = open->level;
	row->footage = open->footage;
}

static void row_count(struct joined_row *row, const struct joined_open *open) {
	const struct record_accessor *first = &row->actor->record, *other = &open->actor->record;
	if (row->count == 0)
		row_begin(row, open);
	row->count += open->count;
	if (file_is_new(row, open->inode)) {
		row->files++;
		row->bytes += open->bytes;
	}
	row->first_us = open->first_us < row->first_us ? open->first_us : row->first_us;
	row->last_us = open->last_us > row->last_us ? open->last_us : row->last_us;
	row->level = open->level < row->level ? open->level : row->level;
	if (open->footage.to_us != 0) {
		bool none = row->footage.to_us == 0;
		row->footage.from_us =
		    none || open->footage.from_us < row->footage.from_us ? open->footage.from_us : row->footage.from_us;
		row->footage.to_us = open->footage.to_us > row->footage.to_us ? open->footage.to_us : row->footage.to_us;
	}
	row->ports_differ = row->ports_differ || first->remote_port != other->remote_port;
	row->held = row->held || open->held;
	if (open->held)
		holds_add(row, open->holds);
}

/* What the entry said is said. */
static void row_clear(struct joined_row *row) {
	row->count = row->bytes = row->files = 0;
	row->files_at_least = row->held = row->ports_differ = false;
	row->holds[0] = '\0';
	row->joined = true;
	free(row->inodes);
	row->inodes = NULL;
	row->inodes_room = 0;
}

static bool row_write(const struct joined *joined, struct joined_row *row) {
	if (row->count == 0)
		return true;
	if (joined->write(row, joined->context) != 0)
		return false;
	row_clear(row);
	return true;
}

static void row_remove(struct joined *joined, size_t number) {
	row_release(&joined->rows[number]);
	joined->count--;
	joined->rows[number] = joined->rows[joined->count];
	joined->keys[number] = joined->keys[joined->count];
	joined->rows[joined->count] = (struct joined_row){0};
}

static void lose(struct joined *joined, uint64_t count, int64_t first_us, int64_t last_us) {
	if (joined->loss.count == 0)
		joined->loss = (struct joined_loss){.from_us = first_us, .to_us = last_us};
	joined->loss.count += count;
	joined->loss.from_us = first_us < joined->loss.from_us ? first_us : joined->loss.from_us;
	joined->loss.to_us = last_us > joined->loss.to_us ? last_us : joined->loss.to_us;
}

static void row_evict(struct joined *joined) {
	size_t oldest = 0;
	for (size_t i = 1; i < joined->count; i++)
		if (joined->rows[i].seen_us < joined->rows[oldest].seen_us)
			oldest = i;
	struct joined_row *row = &joined->rows[oldest];
	if (!row_write(joined, row))
		lose(joined, row->count, row->first_us, row->last_us);
	row_remove(joined, oldest);
}

static struct joined_row *row_new(struct joined *joined, const struct joined_open *open, uint64_t key, int64_t now_us) {
	char *root = strdup(open->root), *camera = copy_of(open->camera);
	if (root == NULL || camera == NULL) {
		free(root);
		free(camera);
		return NULL;
	}
	if (joined->count == JOINED_ROWS_MAX)
		row_evict(joined);
	struct joined_row *row = &joined->rows[joined->count];
	joined->keys[joined->count++] = key;
	*row = (struct joined_row){.key = key,
	    .actor = actor_hold(open->actor),
	    .root = root,
	    .camera = camera,
	    .camera_length = open->camera.length,
	    .what = open->what,
	    .foreign = open->foreign,
	    .own_traffic = is_own_traffic(open),
	    .began_us = now_us};
	/* Recorders' entries come together, at full hours of the boot clock: one write for all cameras. */
	row->due_us = row->own_traffic ? (now_us / JOINED_HOUR_US + 1) * JOINED_HOUR_US : now_us + JOINED_MINUTE_US;
	return row;
}

static bool is_quiet(const struct joined_row *row, int64_t now_us) {
	return !row->own_traffic && now_us - row->seen_us >= JOINED_MINUTE_US;
}

void joined_add(struct joined *joined, const struct joined_open *open, int64_t now_us) {
	uint64_t key = key_of(joined, open);
	size_t number = 0;
	while (number < joined->count && joined->keys[number] != key)
		number++;
	/* What was over before is over, whenever the timer comes. */
	if (number < joined->count && is_quiet(&joined->rows[number], now_us) && row_write(joined, &joined->rows[number])) {
		row_remove(joined, number);
		number = joined->count;
	}
	bool first = number == joined->count;
	struct joined_row *row = first ? row_new(joined, open, key, now_us) : &joined->rows[number];
	if (row == NULL) {
		lose(joined, open->count, open->first_us, open->last_us);
		return;
	}
	row->seen_us = now_us;
	row_count(row, open);
	if (first && !row->own_traffic)
		(void)row_write(joined, row);
}

void joined_tick(struct joined *joined, int64_t now_us) {
	for (size_t i = joined->count; i-- > 0;) {
		struct joined_row *row = &joined->rows[i];
		bool quiet = is_quiet(row, now_us);
		if (!quiet && now_us < row->due_us)
			continue;
		bool idle = row->count == 0;
		if (!row_write(joined, row)) {
			row->due_us = now_us + JOINED_MINUTE_US; /* the log cannot be written: again later */
			row->seen_us = now_us;
			continue;
		}
		if (quiet || (idle && row->own_traffic))
			row_remove(joined, i);
		else
			row->due_us = row->own_traffic ? (now_us / JOINED_HOUR_US + 1) * JOINED_HOUR_US : now_us + JOINED_HOUR_US;
	}
}

void joined_settle(struct joined *joined) {
	for (size_t i = 0; i < joined->count; i++)
		(void)row_write(joined, &joined->rows[i]);
}

void joined_flush(struct joined *joined) {
	while (joined->count > 0) {
		struct joined_row *row = &joined->rows[joined->count - 1];
		if (!row_write(joined, row))
			lose(joined, row->count, row->first_us, row->last_us);
		row_remove(joined, joined->count - 1);
	}
}

int64_t joined_next(const struct joined *joined) {
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < joined->count; i++) {
		const struct joined_row *row = &joined->rows[i];
		int64_t quiet_us = row->own_traffic ? INT64_MAX : row->seen_us + JOINED_MINUTE_US;
		int64_t row_us = row->due_us < quiet_us ? row->due_us : quiet_us;
		next = row_us < next ? row_us : next;
	}
	return next;
}

int64_t joined_waiting_since(const struct joined *joined, bool own_traffic) {
	int64_t since = 0;
	for (size_t i = 0; i < joined->count; i++) {
		const struct joined_row *row = &joined->rows[i];
		if (row->count > 0 && row->own_traffic == own_traffic && (since == 0 || row->first_us < since))
			since = row->first_us;
	}
	return since;
}

bool joined_loss_take(struct joined *joined, struct joined_loss *ret_loss) {
	if (joined->loss.count == 0)
		return false;
	*ret_loss = joined->loss;
	joined->loss = (struct joined_loss){0};
	return true;
}
