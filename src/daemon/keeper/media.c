/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One segment at a time: watcher opens it, then prober and hasher read it side by side. What one of
 * them cannot do in time, or dies of, makes the segment unreadable and never stops the queue.
 */
#include "media.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "children.h"
#include "deletion.h"
#include "ingest.h"
#include "ipc/channel.h"
#include "keeper.h"
#include "roots.h"

enum {
	QUEUE_MAX = 4096,
	BACKLOG_MAX = 32,
	OPEN_SECONDS = 10,
	ANSWER_SECONDS = 10,
	HASH_BYTES_A_SECOND = 4 << 20, /* what the slowest disk gives; a fingerprint may take as long as reading does */
	BACKLOG_SECONDS = 5,           /* nothing to do: how soon to look for more */
	START_SECONDS = 30,            /* a prober that does not come; then the segment waits for the backlog */
};

enum part { PART_NONE, PART_WANTED, PART_ASKED, PART_DONE };

struct queue {
	struct segment_key keys[QUEUE_MAX];
	size_t first, count;
};

struct media {
	struct keeper *keeper;
	struct queue queues[MEDIA_HELD + 1];
	struct event *deadline;
	struct event *next;
	/* the work in hand */
	bool busy;
	struct segment_key key;
	enum media_priority priority;
	uint32_t request;
	int fd; /* -1: not opened yet */
	uint64_t bytes;
	uint8_t kind;
	char suffix[17];
	enum part probe, hash;
};

static void begin_next(struct media *media);

/* ---- the queue ---- */

static bool queue_has(const struct queue *queue, const struct segment_key *key) {
	/* The newest few are where doubles come from: a segment that is sealed and altered in one go. */
	for (size_t i = queue->count > 8 ? queue->count - 8 : 0; i < queue->count; i++)
		if (segment_key_equal(&queue->keys[(queue->first + i) % QUEUE_MAX], key))
			return true;
	return false;
}

/* False where there is no room. */
static bool queue_push(struct queue *queue, const struct segment_key *key) {
	if (queue_has(queue, key))
		return true;
	if (queue->count == QUEUE_MAX)
		return false;
	queue->keys[(queue->first + queue->count++) % QUEUE_MAX] = *key;
	return true;
}

static bool take(struct media *media, struct segment_key *ret_key, enum media_priority *ret_priority) {
	for (int priority = MEDIA_HELD; priority >= MEDIA_BACKLOG; priority--) {
		struct queue *queue = &media->queues[priority];
		if (queue->count == 0)
			continue;
		*ret_key = queue->keys[queue->first];
		*ret_priority = (enum media_priority)priority;
		queue->first = (queue->first + 1) % QUEUE_MAX;
		queue->count--;
		return true;
	}
	return false;
}

static void schedule(struct event *event, int64_t wait_us) {
	struct timeval delay = {.tv_sec = wait_us / US_PER_SECOND, .tv_usec = wait_us % US_PER_SECOND};
	(void)event_add(event, &delay);
}

/* Nobody else needs the disk: nothing is being scanned or erased. */
static bool is_quiet(struct keeper *keeper) {
	for (size_t i = 0; i < roots_count(keeper); i++) {
		const struct root *root = roots_get(keeper, i);
		if (root->state == ROOT_STARTING || root->state == ROOT_SCANNING ||
		    (root->state == ROOT_ONLINE && !deletion_has_room(keeper, root)))
			return false;
	}
	return true;
}

static int push_backlog(const struct segment_row *row, void *context) {
	struct media *media = context;
	if (row->state != SEGMENT_DELETING)
		(void)queue_push(&media->queues[MEDIA_BACKLOG], &row->key);
	return 0;
}

static void fill_backlog(struct media *media) {
	if (media->keeper->settings->probe == PROBE_AT_ONCE_NONE || !is_quiet(media->keeper))
		return;
	int error = index_unprobed(media->keeper->index, BACKLOG_MAX, push_backlog, media);
	if (error != 0)
		log_warning_errno(error, "cannot look for segments that were not probed");
}

/* ---- one segment ---- */

static void finish(struct media *media) {
	media->busy = false;
	(void)event_del(media->deadline);
	if (media->fd >= 0)
		(void)close(media->fd);
	media->fd = -1;
	schedule(media->next, 0);
}

static void finish_if_done(struct media *media) {
	bool probing = media->probe == PART_WANTED || media->probe == PART_ASKED;
	bool hashing = media->hash == PART_WANTED || media->hash == PART_ASKED;
	if (media->busy && !probing && !hashing)
		finish(media);
}

static void probe_failed(struct media *media, uint8_t result) {
	if (media->probe != PART_WANTED && media->probe != PART_ASKED)
		return;
	media->probe = PART_DONE;
	ingest_facts(media->keeper, &media->key, &(struct record_facts){.result = result});
}

static void hash_failed(struct media *media) {
	if (media->hash != PART_WANTED && media->hash != PART_ASKED)
		return;
	media->hash = PART_DONE;
	ingest_not_hashed(media->keeper, &media->key);
}

static void fail_part(struct media *media, enum process process) {
	if (process == PROCESS_PROBER)
		probe_failed(media, PROBE_UNREADABLE);
	else
		hash_failed(media);
}

static bool open_segment(struct media *media) {
	struct keeper *keeper = media->keeper;
	struct segment_row row;
	struct folder_row folder;
	struct camera_row camera;
	if (index_get(keeper->index, &media->key, &row) != 0 || row.state == SEGMENT_DELETING ||
	    row.state == SEGMENT_OPEN || index_folder_get(keeper->index, row.folder, &folder) != 0 ||
	    index_camera_get(keeper->index, row.key.camera, &camera) != 0)
		return false;
	bool fresh = media->priority != MEDIA_BACKLOG;
	bool unhashed = keeper->settings->fingerprint == FINGERPRINT_SEAL && fresh && !row.has_sha256;
	struct root *root = roots_by_id(keeper, camera.root);
	if (root == NULL || root->watcher == NULL || root->state == ROOT_OFFLINE) {
		/* Its disk is not there: its seal entry does not wait for it. */
		if (unhashed)
			ingest_not_hashed(keeper, &media->key);
		return false;
	}
	media->kind = (uint8_t)row.kind;
	media->bytes = row.file.bytes;
	const char *dot = strrchr(row.name, '.');
	if (dot == NULL || !text_copy(media->suffix, sizeof media->suffix, text_of(dot + 1)))
		media->suffix[0] = '\0';
	media->probe = keeper->settings->probe != PROBE_AT_ONCE_NONE ? PART_WANTED : PART_NONE;
	media->hash = unhashed ? PART_WANTED : PART_NONE;
	struct message_writer out;
	message_begin(&out, MESSAGE_OPEN);
	record_open_put(&out.writer, &(struct record_open){.request = media->request,
	                                 .root = root->number,
	                                 .folder = text_of(folder.path),
	                                 .name = text_of(row.name)});
	channel_send(root->watcher, &out, NULL, 0);
	return true;
}

static void begin_next(struct media *media) {
	if (media->busy || media->keeper->stopping)
		return;
	for (int tries = 0; tries < BACKLOG_MAX; tries++) {
		if (!take(media, &media->key, &media->priority)) {
			fill_backlog(media);
			if (!take(media, &media->key, &media->priority)) {
				schedule(media->next, BACKLOG_SECONDS * US_PER_SECOND);
				return;
			}
		}
		media->request++;
		if (open_segment(media)) {
			media->busy = true;
			schedule(media->deadline, OPEN_SECONDS * US_PER_SECOND);
			return;
		}
	}
	schedule(media->next, 0);
}

static void send_probe(struct media *media) {
	struct channel *prober = media->probe == PART_WANTED ? children_prober(media->keeper) : NULL;
	if (prober == NULL)
		return;
	static const uint8_t grades[] = {
	    [PROBE_AT_ONCE_NONE] = PROBE_HEADER,
	    [PROBE_AT_ONCE_HEADER] = PROBE_HEADER,
	    [PROBE_AT_ONCE_STREAMS] = PROBE_STREAMS,
	    [PROBE_AT_ONCE_DECODE] = PROBE_DECODE,
	};
	struct message_writer out;
	message_begin(&out, MESSAGE_PROBE);
	record_probe_put(&out.writer, &(struct record_probe){.request = media->request,
	                                  .grade = grades[media->keeper->settings->probe],
	                                  .kind = media->kind,
	                                  .idle = media->priority == MEDIA_BACKLOG,
	                                  .suffix = text_of(media->suffix)});
	media->probe = PART_ASKED;
	channel_send(prober, &out, &media->fd, 1);
}

static void send_hash(struct media *media) {
	struct channel *hasher = media->hash == PART_WANTED ? children_hasher(media->keeper) : NULL;
	if (hasher == NULL)
		return;
	struct message_writer out;
	message_begin(&out, MESSAGE_HASH);
	record_hash_put(
	    &out.writer, &(struct record_hash){.request = media->request, .idle = media->priority == MEDIA_BACKLOG});
	media->hash = PART_ASKED;
	channel_send(hasher, &out, &media->fd, 1);
}

static void send_parts(struct media *media) {
	if (!media->busy || media->fd < 0)
		return;
	send_probe(media);
	send_hash(media);
	bool waits = media->probe == PART_WANTED || media->hash == PART_WANTED;
	int64_t seconds = waits ? START_SECONDS : ANSWER_SECONDS;
	if (media->hash == PART_ASKED)
		seconds += (int64_t)(media->bytes / HASH_BYTES_A_SECOND);
	schedule(media->deadline, seconds * US_PER_SECOND);
}

void media_opened(struct keeper *keeper, const struct record_answer *answer, int fd) {
	struct media *media = keeper->media;
	if (!media->busy || answer->request != media->request || media->fd >= 0) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (fd < 0) {
		/* Gone: its watcher says so by another message. Anything else: it cannot be read. */
		if (answer->error != ENOENT) {
			probe_failed(media, PROBE_UNREADABLE);
			hash_failed(media);
		}
		finish(media);
		return;
	}
	media->fd = fd;
	send_parts(media);
}

void media_facts(struct keeper *keeper, struct message *message) {
	struct media *media = keeper->media;
	struct record_facts facts;
	if (!record_facts_get(&message->reader, &facts) || !media->busy || facts.request != media->request ||
	    media->probe != PART_ASKED)
		return;
	media->probe = PART_DONE;
	ingest_facts(keeper, &media->key, &facts);
	finish_if_done(media);
}

void media_hashed(struct keeper *keeper, const struct record_hashed *hashed) {
	struct media *media = keeper->media;
	if (!media->busy || hashed->request != media->request || media->hash != PART_ASKED)
		return;
	if (hashed->error != 0) {
		hash_failed(media);
	} else {
		media->hash = PART_DONE;
		ingest_hashed(keeper, &media->key, hashed->sha256);
	}
	finish_if_done(media);
}

void media_child(struct keeper *keeper, enum process process, bool present, bool crashed) {
	struct media *media = keeper->media;
	if (media == NULL || !media->busy)
		return;
	if (present) {
		send_parts(media);
		return;
	}
	enum part *part = process == PROCESS_PROBER ? &media->probe : &media->hash;
	if (*part != PART_ASKED)
		return;
	if (!crashed) {
		/* It ended as it may, just when it was asked; the segment is for the next one. Its channel's end comes before
		 * the supervisor's word. */
		*part = PART_WANTED;
		schedule(media->deadline, START_SECONDS * US_PER_SECOND);
		return;
	}
	fail_part(media, process);
	finish_if_done(media);
}

static void on_deadline(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	struct media *media = context;
	bool probing = media->probe == PART_ASKED, hashing = media->hash == PART_ASKED;
	if (probing) {
		log_warning("a segment could not be read within %d s; it is marked unreadable", ANSWER_SECONDS);
		children_kill(media->keeper, PROCESS_PROBER);
		fail_part(media, PROCESS_PROBER);
	}
	if (hashing) {
		children_kill(media->keeper, PROCESS_HASHER);
		fail_part(media, PROCESS_HASHER);
	}
	/* What never got as far (no descriptor, no prober) stays as it was: the backlog finds it again. */
	if (media->hash == PART_WANTED)
		hash_failed(media);
	finish(media);
}

static void on_next(evutil_socket_t fd, short what, void *context) {
	(void)fd;
	(void)what;
	begin_next(context);
}

bool media_want(struct keeper *keeper, const struct segment_key *key, enum media_priority priority) {
	struct media *media = keeper->media;
	if (media == NULL || !queue_push(&media->queues[priority], key))
		return false;
	if (!media->busy)
		schedule(media->next, 0);
	return true;
}

int media_each_new(
    const struct keeper *keeper, int (*each)(const struct segment_key *key, void *context), void *context) {
	const struct media *media = keeper->media;
	if (media == NULL || keeper->settings->fingerprint != FINGERPRINT_SEAL)
		return 0;
	const struct queue *queue = &media->queues[MEDIA_NEW];
	bool hashing = media->busy && (media->hash == PART_WANTED || media->hash == PART_ASKED);
	int result = hashing ? each(&media->key, context) : 0;
	for (size_t i = 0; result == 0 && i < queue->count; i++)
		result = each(&queue->keys[(queue->first + i) % QUEUE_MAX], context);
	return result;
}

uint64_t media_waiting(const struct keeper *keeper) {
	const struct media *media = keeper->media;
	if (media == NULL)
		return 0;
	return media->queues[MEDIA_HELD].count + media->queues[MEDIA_NEW].count + (media->busy ? 1 : 0);
}

int media_open(struct keeper *keeper, struct media **ret_media) {
	struct media *media = calloc(1, sizeof *media);
	if (media == NULL)
		return -ENOMEM;
	media->keeper = keeper;
	media->fd = -1;
	media->deadline = evtimer_new(keeper->base, on_deadline, media);
	media->next = evtimer_new(keeper->base, on_next, media);
	if (media->deadline == NULL || media->next == NULL) {
		(void)media_close(media);
		return -ENOMEM;
	}
	schedule(media->next, BACKLOG_SECONDS * US_PER_SECOND);
	*ret_media = media;
	return 0;
}

struct media *media_close(struct media *media) {
	if (media == NULL)
		return NULL;
	if (media->fd >= 0)
		(void)close(media->fd);
	if (media->deadline != NULL)
		event_free(media->deadline);
	if (media->next != NULL)
		event_free(media->next);
	free(media);
	return NULL;
}
