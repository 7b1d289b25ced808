/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings on their way to the processes: encoded into a memfd that is sealed against every change,
 * read back by each with the same care as a message from a stranger.
 */
#include "settings/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "settings/names.h"
#include "settings/settings.h"

static const char magic[8] = "retset01";

enum {
	TRANSFER_BYTES_LEAST = 64 << 10,
	TRANSFER_BYTES_MOST = 16 << 20,
	STRING_BYTES_MAX = 8192,
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

void transfer_put_string(struct byte_writer *writer, const char *string) {
	size_t length = string == NULL ? 0 : strlen(string);
	if (length > STRING_BYTES_MAX)
		writer->failed = true;
	byte_put_u8(writer, string != NULL);
	if (string != NULL && !writer->failed)
		byte_put_text(writer, (struct text){string, length});
}

char *transfer_get_string(struct byte_reader *reader, bool needed) {
	if (!transfer_get_bool(reader)) {
		reader->failed |= needed;
		return NULL;
	}
	struct text text = byte_get_text(reader, STRING_BYTES_MAX);
	char *string = reader->failed ? NULL : malloc(text.length + 1);
	if (string == NULL || !text_copy(string, text.length + 1, text)) {
		reader->failed = true;
		free(string);
		return NULL;
	}
	return string;
}

void transfer_put_duration(struct byte_writer *writer, const struct duration *duration) {
	byte_put_u32(writer, (uint32_t)duration->years);
	byte_put_u32(writer, (uint32_t)duration->months);
	byte_put_u32(writer, (uint32_t)duration->days);
	byte_put_i64(writer, duration->seconds);
}

void transfer_get_duration(struct byte_reader *reader, struct duration *ret_duration) {
	*ret_duration = (struct duration){
	    .years = (int32_t)transfer_get_count(reader, INT32_MAX),
	    .months = (int32_t)transfer_get_count(reader, INT32_MAX),
	    .days = (int32_t)transfer_get_count(reader, INT32_MAX),
	    .seconds = byte_get_i64(reader),
	};
	reader->failed |= ret_duration->seconds < 0;
}

bool transfer_get_bool(struct byte_reader *reader) {
	return transfer_get_enum(reader, 2) == 1;
}

unsigned transfer_get_enum(struct byte_reader *reader, size_t count) {
	uint8_t value = byte_get_u8(reader);
	if (value < count)
		return value;
	reader->failed = true;
	return 0;
}

uint32_t transfer_get_count(struct byte_reader *reader, uint32_t most) {
	uint32_t value = byte_get_u32(reader);
	if (value <= most)
		return value;
	reader->failed = true;
	return 0;
}

static void put_root(struct byte_writer *writer, const struct root_settings *root) {
	transfer_put_string(writer, root->name);
	transfer_put_string(writer, root->path);
	layout_put(writer, root->layout);
	transfer_put_string(writer, root->timezone);
	byte_put_u8(writer, (uint8_t)root->mode);
	byte_put_u8(writer, (uint8_t)root->foreign);
	transfer_put_string(writer, root->vault);
	byte_put_u8(writer, root->allow_system_volume);
	accessors_put(writer, root->recorders, root->recorder_count);
	byte_put_u32(writer, root->line);
}

static void get_root(struct byte_reader *reader, struct root_settings *root) {
	root->name = transfer_get_string(reader, true);
	root->path = transfer_get_string(reader, true);
	root->layout = layout_get(reader);
	root->timezone = transfer_get_string(reader, true);
	root->mode = transfer_get_enum(reader, mode_names.count);
	root->foreign = transfer_get_enum(reader, foreign_names.count);
	root->vault = transfer_get_string(reader, false);
	root->allow_system_volume = transfer_get_bool(reader);
	accessors_get(reader, &root->recorders, &root->recorder_count);
	root->line = byte_get_u32(reader);
	if ((root->path != NULL && root->path[0] != '/') || (root->vault != NULL && root->vault[0] != '/') ||
	    (root->layout != NULL && root->layout->refused != NULL))
		reader->failed = true;
}

static void put_optional(struct byte_writer *writer, bool has, const struct duration *duration) {
	byte_put_u8(writer, has);
	transfer_put_duration(writer, duration);
}

static bool get_optional(struct byte_reader *reader, struct duration *ret_duration) {
	bool has = transfer_get_bool(reader);
	transfer_get_duration(reader, ret_duration);
	return has;
}

static void put_camera(struct byte_writer *writer, const struct camera_settings *camera) {
	transfer_put_string(writer, camera->camera);
	put_optional(writer, camera->has_retention, &camera->retention);
	put_optional(writer, camera->has_legal_maximum, &camera->legal_maximum);
	transfer_put_string(writer, camera->retention_basis);
	byte_put_u8(writer, camera->sound);
	transfer_put_string(writer, camera->sound_basis);
}

static void get_camera(struct byte_reader *reader, struct camera_settings *camera) {
	camera->camera = transfer_get_string(reader, true);
	camera->has_retention = get_optional(reader, &camera->retention);
	camera->has_legal_maximum = get_optional(reader, &camera->legal_maximum);
	camera->retention_basis = transfer_get_string(reader, false);
	camera->sound = transfer_get_bool(reader);
	camera->sound_basis = transfer_get_string(reader, false);
}

static void put_rules(struct byte_writer *writer, const struct settings *settings) {
	put_optional(writer, settings->has_retention, &settings->retention);
	put_optional(writer, settings->has_legal_maximum, &settings->legal_maximum);
	transfer_put_duration(writer, &settings->holds.pre_roll);
	transfer_put_duration(writer, &settings->holds.post_roll);
	transfer_put_duration(writer, &settings->holds.review);
	transfer_put_duration(writer, &settings->holds.future);
	transfer_put_duration(writer, &settings->holds.release_delay);
	byte_put_u8(writer, settings->holds.two_person);
	transfer_put_string(writer, settings->holds.case_pattern);
	byte_put_u32(writer, settings->holds.vault_reserve_percent);
	byte_put_u8(writer, (uint8_t)settings->clock.require);
	transfer_put_duration(writer, &settings->clock.max_jump);
	byte_put_u32(writer, settings->brake.days);
	byte_put_u32(writer, settings->brake.minimum);
	transfer_put_duration(writer, &settings->expiry_interval);
	byte_put_u8(writer, (uint8_t)settings->guard.mode);
	accessors_put(writer, settings->guard.allow, settings->guard.allow_count);
	byte_put_u8(writer, (uint8_t)settings->fingerprint);
	byte_put_u8(writer, (uint8_t)settings->probe);
	transfer_put_duration(writer, &settings->log.keep);
	transfer_put_duration(writer, &settings->log.checkpoint);
	transfer_put_duration(writer, &settings->log.rotate);
	byte_put_u8(writer, settings->log.syslog);
	publish_put(writer, settings);
}

static void get_rules(struct byte_reader *reader, struct settings *settings) {
	settings->has_retention = get_optional(reader, &settings->retention);
	settings->has_legal_maximum = get_optional(reader, &settings->legal_maximum);
	transfer_get_duration(reader, &settings->holds.pre_roll);
	transfer_get_duration(reader, &settings->holds.post_roll);
	transfer_get_duration(reader, &settings->holds.review);
	transfer_get_duration(reader, &settings->holds.future);
	transfer_get_duration(reader, &settings->holds.release_delay);
	settings->holds.two_person = transfer_get_bool(reader);
	settings->holds.case_pattern = transfer_get_string(reader, true);
	settings->holds.vault_reserve_percent = transfer_get_count(reader, 90);
	settings->clock.require = transfer_get_enum(reader, clock_level_names.count);
	transfer_get_duration(reader, &settings->clock.max_jump);
	settings->brake.days = transfer_get_count(reader, UINT32_MAX);
	settings->brake.minimum = transfer_get_count(reader, UINT32_MAX);
	transfer_get_duration(reader, &settings->expiry_interval);
	settings->guard.mode = transfer_get_enum(reader, guard_names.count);
	accessors_get(reader, &settings->guard.allow, &settings->guard.allow_count);
	settings->fingerprint = transfer_get_enum(reader, fingerprint_names.count);
	settings->probe = transfer_get_enum(reader, probe_names.count);
	transfer_get_duration(reader, &settings->log.keep);
	transfer_get_duration(reader, &settings->log.checkpoint);
	transfer_get_duration(reader, &settings->log.rotate);
	settings->log.syslog = transfer_get_bool(reader);
	publish_get(reader, settings);
	/* A configuration can never ask for deletion on a clock that is contradicted, or for footage kept no time at all.
	 */
	if (settings->clock.require == CLOCK_UNTRUSTED ||
	    (settings->has_retention && duration_is_zero(&settings->retention)) ||
	    (settings->has_legal_maximum && duration_is_zero(&settings->legal_maximum)) ||
	    duration_is_zero(&settings->log.rotate))
		reader->failed = true;
}

static void settings_put(struct byte_writer *writer, const struct settings *settings) {
	byte_put_raw(writer, magic, sizeof(magic));
	transfer_put_string(writer, settings->source);
	transfer_put_string(writer, settings->state_dir);
	transfer_put_string(writer, settings->run_dir);
	transfer_put_string(writer, settings->layouts_dir);
	byte_put_u32(writer, (uint32_t)settings->root_count);
	for (size_t i = 0; i < settings->root_count; i++)
		put_root(writer, &settings->roots[i]);
	byte_put_u32(writer, (uint32_t)settings->camera_count);
	for (size_t i = 0; i < settings->camera_count; i++)
		put_camera(writer, &settings->cameras[i]);
	put_rules(writer, settings);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		transfer_put_string(writer, settings->role_groups[i]);
		byte_put_u32(writer, settings->role_gids[i]);
	}
}

static void get_lists(struct byte_reader *reader, struct settings *settings) {
	uint32_t roots = transfer_get_count(reader, ROOTS_MAX);
	settings->roots = calloc(roots + 1, sizeof(*settings->roots));
	reader->failed |= settings->roots == NULL;
	for (uint32_t i = 0; i < roots && !reader->failed; i++) {
		settings->root_count = i + 1;
		get_root(reader, &settings->roots[i]);
	}
	uint32_t cameras = transfer_get_count(reader, CAMERAS_MAX);
	settings->cameras = calloc(cameras + 1, sizeof(*settings->cameras));
	reader->failed |= settings->cameras == NULL;
	for (uint32_t i = 0; i < cameras && !reader->failed; i++) {
		settings->camera_count = i + 1;
		get_camera(reader, &settings->cameras[i]);
	}
}

static struct settings *settings_get(struct byte_reader *reader) {
	char found[sizeof(magic)] = {0};
	struct settings *settings = calloc(1, sizeof(*settings));
	if (settings == NULL)
		return NULL;
	byte_get_raw(reader, found, sizeof(found));
	reader->failed |= memcmp(found, magic, sizeof(magic)) != 0;
	settings->source = transfer_get_string(reader, true);
	settings->state_dir = transfer_get_string(reader, true);
	settings->run_dir = transfer_get_string(reader, true);
	settings->layouts_dir = transfer_get_string(reader, true);
	if (!reader->failed)
		get_lists(reader, settings);
	get_rules(reader, settings);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		settings->role_groups[i] = transfer_get_string(reader, true);
		settings->role_gids[i] = byte_get_u32(reader);
	}
	return byte_reader_done(reader) ? settings : settings_free(settings);
}

/* Encodes into a buffer that grows until all fits; -EMSGSIZE over the limit. */
static int encode(const struct settings *settings, uint8_t **ret_bytes, size_t *ret_length) {
	for (size_t room = TRANSFER_BYTES_LEAST; room <= TRANSFER_BYTES_MOST; room *= 2) {
		struct byte_writer writer;
		uint8_t *bytes = malloc(room);
		if (bytes == NULL)
			return -ENOMEM;
		byte_writer_init(&writer, bytes, room);
		settings_put(&writer, settings);
		if (!writer.failed) {
			*ret_bytes = bytes;
			*ret_length = writer.used;
			return 0;
		}
		free(bytes);
	}
	return -EMSGSIZE;
}

int settings_seal(const struct settings *settings) {
	uint8_t *bytes = NULL;
	size_t length = 0;
	int result = encode(settings, &bytes, &length);
	if (result < 0)
		return result;
	int fd = memfd_create("retention-settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	result = fd < 0 ? -errno : descriptor_write_all(fd, bytes, length);
	free(bytes);
	if (result == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		result = -errno;
	if (result == 0)
		return fd;
	descriptor_close(&fd);
	return result;
}

int settings_unseal(int fd, struct settings **ret_settings) {
	struct stat facts;
	struct byte_reader reader;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || fstat(fd, &facts) < 0)
		return -errno;
	if ((seals & SEALS) != SEALS)
		return -EPERM;
	if (facts.st_size <= 0 || facts.st_size > TRANSFER_BYTES_MOST)
		return -EBADMSG;
	size_t length = (size_t)facts.st_size;
	uint8_t *bytes = malloc(length);
	if (bytes == NULL)
		return -ENOMEM;
	ssize_t got = descriptor_pread_all(fd, bytes, length, 0);
	if (got != (ssize_t)length) {
		free(bytes);
		return got < 0 ? (int)got : -EBADMSG;
	}
	byte_reader_init(&reader, bytes, length);
	struct settings *settings = settings_get(&reader);
	free(bytes);
	if (settings == NULL)
		return -EBADMSG;
	*ret_settings = settings;
	return 0;
}
