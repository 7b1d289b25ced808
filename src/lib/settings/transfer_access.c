/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that the configuration names, and where the log is published to, on the way to the processes. */
#include <stdlib.h>

#include "settings/settings.h"
#include "settings/transfer.h"

void accessors_put(struct byte_writer *writer, const struct accessor_settings *list, size_t count) {
	byte_put_u32(writer, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		transfer_put_string(writer, list[i].executable);
		transfer_put_string(writer, list[i].user);
		byte_put_u32(writer, list[i].user_id);
		transfer_put_string(writer, list[i].unit);
	}
}

void accessors_get(struct byte_reader *reader, struct accessor_settings **ret_list, size_t *ret_count) {
	uint32_t count = transfer_get_count(reader, ACCESSORS_MAX);
	struct accessor_settings *list = calloc(count + 1, sizeof(*list));
	reader->failed |= list == NULL;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		list[i].executable = transfer_get_string(reader, false);
		list[i].user = transfer_get_string(reader, false);
		list[i].user_id = byte_get_u32(reader);
		list[i].unit = transfer_get_string(reader, false);
		/* One without any of them would fit everybody. */
		if ((list[i].executable == NULL && list[i].user == NULL && list[i].unit == NULL) ||
		    (list[i].executable != NULL && list[i].executable[0] != '/'))
			reader->failed = true;
	}
	*ret_list = list;
	*ret_count = list == NULL ? 0 : count;
}

void publish_put(struct byte_writer *writer, const struct settings *settings) {
	byte_put_u32(writer, (uint32_t)settings->publish.receiver_count);
	for (size_t i = 0; i < settings->publish.receiver_count; i++)
		transfer_put_string(writer, settings->publish.receivers[i]);
	byte_put_u32(writer, (uint32_t)settings->publish.witness_count);
	for (size_t i = 0; i < settings->publish.witness_count; i++) {
		transfer_put_string(writer, settings->publish.witnesses[i].url);
		transfer_put_string(writer, settings->publish.witnesses[i].key);
	}
	transfer_put_string(writer, settings->publish.origin);
}

void publish_get(struct byte_reader *reader, struct settings *settings) {
	uint32_t receivers = transfer_get_count(reader, RECEIVERS_MAX);
	settings->publish.receivers = calloc(receivers + 1, sizeof(*settings->publish.receivers));
	reader->failed |= settings->publish.receivers == NULL;
	for (uint32_t i = 0; i < receivers && !reader->failed; i++) {
		settings->publish.receiver_count = i + 1;
		settings->publish.receivers[i] = transfer_get_string(reader, true);
	}
	uint32_t witnesses = transfer_get_count(reader, WITNESSES_MAX);
	settings->publish.witnesses = calloc(witnesses + 1, sizeof(*settings->publish.witnesses));
	reader->failed |= settings->publish.witnesses == NULL;
	for (uint32_t i = 0; i < witnesses && !reader->failed; i++) {
		settings->publish.witness_count = i + 1;
		settings->publish.witnesses[i].url = transfer_get_string(reader, true);
		settings->publish.witnesses[i].key = transfer_get_string(reader, true);
	}
	settings->publish.origin = transfer_get_string(reader, false);
}
