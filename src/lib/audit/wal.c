/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/writer.h"
#include "base/bytes.h"
#include "base/descriptor.h"

static const char wal_name[] = "log-pending";
static const char wal_new_name[] = "log-pending.new";

/* More than the writer ever keeps, so that a damaged length cannot make us read without end. */
static const uint64_t wal_bytes_max = UINT64_C(256) * 1024 * 1024;

/* CRC-32C (RFC 3720, B.4), four bits at a time. */
static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t length) {
	static const uint32_t table[16] = {
	    0x00000000,
	    0x105ec76f,
	    0x20bd8ede,
	    0x30e349b1,
	    0x417b1dbc,
	    0x5125dad3,
	    0x61c69362,
	    0x7198540d,
	    0x82f63b78,
	    0x92a8fc17,
	    0xa24bb5a6,
	    0xb21572c9,
	    0xc38d26c4,
	    0xd3d3e1ab,
	    0xe330a81a,
	    0xf36e6f75,
	};
	crc = ~crc;
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

void wal_record_write(uint8_t *to, uint64_t index, const uint8_t *entry, size_t length) {
	struct byte_writer out;
	byte_writer_init(&out, to, WAL_HEADER_BYTES);
	byte_put_u32(&out, (uint32_t)length);
	byte_put_u32(&out, 0);
	byte_put_u64(&out, index);
	memcpy(to + WAL_HEADER_BYTES, entry, length);
	uint32_t crc = crc32c(0, to + 8, 8 + length);
	byte_writer_init(&out, to + 4, 4);
	byte_put_u32(&out, crc);
}

struct record {
	uint64_t index;
	const uint8_t *entry;
	size_t length;
};

static bool record_read(const uint8_t *bytes, size_t left, struct record *ret_record) {
	if (left < WAL_HEADER_BYTES)
		return false;
	struct byte_reader in;
	byte_reader_init(&in, bytes, WAL_HEADER_BYTES);
	size_t length = byte_get_u32(&in);
	uint32_t crc = byte_get_u32(&in);
	*ret_record = (struct record){byte_get_u64(&in), bytes + WAL_HEADER_BYTES, length};
	return length > 0 && length <= AUDIT_ENTRY_BYTES_MAX && length <= left - WAL_HEADER_BYTES &&
	       crc32c(0, bytes + 8, 8 + length) == crc;
}

static bool all_zero(const uint8_t *bytes, size_t length) {
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Counts good records at any place that come after the one expected: a sign that something between was lost. */
static uint64_t count_stranded(const uint8_t *bytes, size_t length, uint64_t expected) {
	uint64_t count = 0;
	for (size_t at = 0; at + WAL_HEADER_BYTES < length;) {
		struct record record;
		struct byte_reader in;
		byte_reader_init(&in, bytes + at + 8, 8);
		uint64_t index = byte_get_u64(&in);
		if (index >= expected && index - expected < UINT32_MAX && record_read(bytes + at, length - at, &record)) {
			count++;
			at += wal_record_bytes(record.length);
		} else {
			at++;
		}
	}
	return count;
}

static int replay_bytes(
    struct wal *wal, const uint8_t *bytes, size_t length, const struct wal_replay *replay, struct wal_report *report) {
	size_t at = 0;
	struct record record;
	while (record_read(bytes + at, length - at, &record) &&
	       (report->records == 0 || record.index == report->first + report->records)) {
		if (report->records == 0)
			report->first = record.index;
		int error = replay->each(record.index, record.entry, record.length, replay->context);
		if (error < 0)
			return error;
		report->records++;
		at += wal_record_bytes(record.length);
	}
	size_t mark = length - at < WAL_HEADER_BYTES ? length - at : WAL_HEADER_BYTES;
	report->torn = !all_zero(bytes + at, mark);
	uint64_t next = report->first + report->records;
	report->stranded = count_stranded(bytes + at, length - at, next > replay->published ? next : replay->published);
	wal->offset = at;
	return 0;
}

/* Writes zeros over [from, to), which need not be allocated yet. */
static int write_zeros(int fd, uint64_t from, uint64_t to) {
	static const uint8_t zeros[64 * 1024];
	while (from < to) {
		size_t step = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		int error = descriptor_pwrite_all(fd, zeros, step, (off_t)from);
		if (error < 0)
			return error;
		from += step;
	}
	return 0;
}

/* Makes the file long enough, with zeros on the disk. */
static int extend(struct store *store, int fd, uint64_t *bytes, uint64_t needed) {
	if (needed <= *bytes)
		return 0;
	uint64_t target = (needed + WAL_CHUNK_BYTES - 1) / WAL_CHUNK_BYTES * WAL_CHUNK_BYTES;
	int error = write_zeros(fd, *bytes, target);
	while (error == -ENOSPC && store_reserve_release(store) == 0)
		error = write_zeros(fd, *bytes, target);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error < 0)
		return error;
	*bytes = target;
	return 0;
}

int wal_open(struct store *store, const struct wal_replay *replay, struct wal *ret_wal, struct wal_report *ret_report) {
	struct wal wal = WAL_NULL;
	*ret_report = (struct wal_report){0};
	wal.fd = openat(store->state_fd, wal_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (wal.fd < 0 && errno == ENOENT) {
		ret_report->was_missing = true;
		wal.fd = openat(store->state_fd, wal_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	struct stat facts;
	if (wal.fd < 0 || fstat(wal.fd, &facts) < 0)
		goto failed;
	if ((uint64_t)facts.st_size > wal_bytes_max) {
		errno = EFBIG;
		goto failed;
	}
	size_t length = (size_t)facts.st_size;
	uint8_t *bytes = malloc(length + 1);
	if (bytes == NULL)
		goto failed;
	ssize_t got = descriptor_pread_all(wal.fd, bytes, length, 0);
	int error = got < 0 ? (int)got : replay_bytes(&wal, bytes, (size_t)got, replay, ret_report);
	free(bytes);
	wal.bytes = length;
	if (error == 0 && length < WAL_CHUNK_BYTES)
		error = extend(store, wal.fd, &wal.bytes, WAL_CHUNK_BYTES);
	if (error == 0 && ret_report->was_missing)
		error = store_mark(store, "");
	if (error < 0) {
		wal_close(&wal);
		return error;
	}
	*ret_wal = wal;
	return 0;
failed:
	error = errno == 0 ? -ENOMEM : -errno;
	wal_close(&wal);
	return error;
}

void wal_close(struct wal *wal) {
	descriptor_close(&wal->fd);
	*wal = WAL_NULL;
}

static int group_write(struct store *store, struct wal *wal, uint8_t *records, size_t length) {
	memset(records + length, 0, WAL_HEADER_BYTES);
	int error = extend(store, wal->fd, &wal->bytes, wal->offset + length + WAL_HEADER_BYTES);
	if (error == 0)
		error = descriptor_pwrite_all(wal->fd, records, length + WAL_HEADER_BYTES, (off_t)wal->offset);
	if (error == 0 && fdatasync(wal->fd) < 0)
		error = -errno;
	if (error == 0)
		wal->offset += length;
	return error;
}

int wal_write(struct store *store, struct wal *wal, uint8_t *records, size_t length) {
	return wal->fd < 0 ? -EBADF : group_write(store, wal, records, length);
}

int wal_remake(struct store *store, struct wal *wal, uint8_t *records, size_t length) {
	struct wal fresh = WAL_NULL;
	fresh.fd = openat(store->state_fd, wal_new_name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fresh.fd < 0)
		return -errno;
	int error = extend(store, fresh.fd, &fresh.bytes, WAL_CHUNK_BYTES);
	if (error == 0)
		error = group_write(store, &fresh, records, length);
	if (error == 0 && renameat(store->state_fd, wal_new_name, store->state_fd, wal_name) < 0)
		error = -errno;
	if (error < 0) {
		(void)unlinkat(store->state_fd, wal_new_name, 0);
		wal_close(&fresh);
		return error;
	}
	wal_close(wal);
	*wal = fresh;
	error = store_mark(store, "");
	return error < 0 ? error : store_sync(store);
}

void wal_restart(struct wal *wal) {
	wal->offset = 0;
	/* A burst should not occupy the disk for ever; what stays is zero-written already. */
	if (wal->bytes > 4 * (uint64_t)WAL_CHUNK_BYTES && ftruncate(wal->fd, WAL_CHUNK_BYTES) == 0)
		wal->bytes = WAL_CHUNK_BYTES;
}

int wal_clear_rest(struct wal *wal) {
	int error = write_zeros(wal->fd, wal->offset, wal->bytes);
	return error < 0 ? error : fdatasync(wal->fd) < 0 ? -errno : 0;
}

int wal_keep_copy(struct store *store, const struct wal *wal, const char *name) {
	uint8_t *bytes = malloc(wal->bytes + 1);
	if (bytes == NULL)
		return -ENOMEM;
	ssize_t got = descriptor_pread_all(wal->fd, bytes, wal->bytes, 0);
	int error = got < 0 ? (int)got : store_put(store, name, bytes, (size_t)got, 0600);
	free(bytes);
	return error;
}
