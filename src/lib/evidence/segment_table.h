/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments as several sources tell of them: seal, delete and missing entries of the log, and the
 * index. One segment is camera, start and name; what the sources say of it is folded into one record.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* All cameras together; more, and the span must be shorter or fewer cameras be asked for. */
enum { SEGMENT_TABLE_MAX = 8 * 1000 * 1000, SEGMENT_TABLE_CAMERAS_MAX = 65536 };

enum segment_source { SOURCE_SEAL = 1, SOURCE_DELETE = 2, SOURCE_MISSING = 4, SOURCE_INDEX = 8 };

struct segment_record {
	int64_t start_us;
	uint32_t name;        /* in the table's pool; 0: camera and start give it */
	uint32_t length_ms;   /* 0 where no source knows it */
	uint64_t bytes;       /* see bytes_shared */
	uint64_t fingerprint; /* first eight bytes of the SHA-256; 0 where it was not taken */
	uint64_t sequence;    /* of the entry that tells the fate; of a seal while there is no fate */
	int64_t seen_us;      /* when the log told of it first; 0: never */
	int64_t due_us;       /* 0: not known */
	int64_t gone_us;      /* of the fate */
	uint8_t sources;      /* enum segment_source, added up */
	uint8_t fate;         /* SOURCE_DELETE or SOURCE_MISSING, the latest; 0: none */
	uint8_t reason;       /* index: enum kept_reason */
	bool held;            /* index */
	bool bytes_shared;    /* bytes are its part of an entry's sum */
	uint8_t who;          /* missing: number of a text that the caller keeps */
	uint8_t column, why;  /* the verdict, by the caller */
};

struct segment_camera {
	char *name; /* "root/camera" */
	struct segment_record *records;
	size_t count, room;
};

struct segment_table {
	struct segment_camera *cameras; /* in order of their first appearance */
	size_t camera_count, camera_room, last;
	char *pool; /* names, ended by a zero byte; the first byte is "" */
	size_t pool_used, pool_room;
	size_t records; /* before folding */
};

void segment_table_init(struct segment_table *table);
void segment_table_release(struct segment_table *table);
/* The camera's number, made where it is new; -ENOMEM, -E2BIG. */
MUST_USE int64_t segment_table_camera(struct segment_table *table, const char *name);
/* Adds what one source says; the name is copied. 0, -ENOMEM or -E2BIG. */
MUST_USE int segment_table_add(
    struct segment_table *table, size_t camera, const struct segment_record *record, struct text name);
/* Folds the records of each camera: sorted by start and name, one for each segment. Idempotent. */
void segment_table_fold(struct segment_table *table);
const char *segment_table_name(const struct segment_table *table, const struct segment_record *record);
