/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A deletion intent read back is the batch that was written; damaged bytes are refused. */
#include "base/clock.h"
#include "daemon/keeper/deletion_batch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct batch *example(size_t segments, unsigned seed) {
	struct batch *batch = batch_new("frigate", segments);
	assert_non_null(batch);
	srand(seed);
	uint32_t camera = UINT32_MAX;
	uint32_t folder = UINT32_MAX;
	for (size_t i = 0; i < segments; i++) {
		char text[64];
		(void)snprintf(text, sizeof text, "frigate/cam%zu", i * 4 / segments);
		camera = batch_text(batch, text_of(text), camera);
		(void)snprintf(text, sizeof text, "2026-10-%02zu/%02zu/cam", i / 24 % 28 + 1, i % 24);
		folder = batch_text(batch, text_of(text), folder);
		struct batch_segment *segment = &batch->segments[batch->segment_count++];
		int64_t start_us = INT64_C(1790000000000000) + (int64_t)i * 10000000 - (rand() % 3 == 0 ? 77 : 0);
		*segment = (struct batch_segment){
		    .key = {.start_us = start_us, .ordinal = (uint32_t)(rand() % 2)},
		    .camera = camera,
		    .end_us = start_us + rand() % 20000000,
		    .due_us = start_us + INT64_C(30) * 86400 * 1000000,
		    .bytes = (uint64_t)rand() * 1000,
		    .rule = (uint8_t)(rand() % 2),
		    .by_path = rand() % 2 == 0,
		    .first_file = (uint32_t)batch->file_count,
		};
		size_t files = 1 + (size_t)(rand() % 3);
		for (size_t j = 0; j < files; j++) {
			(void)snprintf(text, sizeof text, "%02zu.%02zu\n\xff.%zu", i % 60, i / 60 % 60, i * 10 + j);
			struct file_identity file = {
			    .inode = ((uint64_t)rand() << 32) | (uint64_t)rand(),
			    .bytes = (uint64_t)rand(),
			    .mtime_ns = start_us * 1000 + rand(),
			    .birth_ns = rand() % 4 == 0 ? 0 : start_us * 1000 - rand(),
			};
			assert_int_equal(batch_add_file(batch, folder, batch_text(batch, text_of(text), UINT32_MAX), &file), 0);
		}
		segment->file_count = (uint32_t)files;
	}
	return batch;
}

static void assert_same(struct batch *a, struct batch *b) {
	assert_int_equal(a->segment_count, b->segment_count);
	assert_int_equal(a->file_count, b->file_count);
	for (size_t i = 0; i < a->segment_count; i++) {
		const struct batch_segment *x = &a->segments[i];
		const struct batch_segment *y = &b->segments[i];
		assert_string_equal(a->pool + x->camera, b->pool + y->camera);
		assert_true(x->key.start_us == y->key.start_us && x->key.ordinal == y->key.ordinal && x->end_us == y->end_us);
		assert_true(x->due_us == y->due_us && x->bytes == y->bytes && x->rule == y->rule && x->by_path == y->by_path);
		assert_true(x->first_file == y->first_file && x->file_count == y->file_count);
	}
	for (size_t i = 0; i < a->file_count; i++) {
		const struct batch_file *x = &a->files[i];
		const struct batch_file *y = &b->files[i];
		assert_string_equal(a->pool + x->folder, b->pool + y->folder);
		assert_string_equal(a->pool + x->name, b->pool + y->name);
		assert_memory_equal(&x->file, &y->file, sizeof x->file);
	}
}

static void test_round_trip(void **context) {
	(void)context;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct batch *batch = example(seed * 37, seed);
		uint8_t *bytes = NULL;
		size_t length = 0;
		struct batch *read = NULL;
		assert_int_equal(batch_encode(batch, &bytes, &length), 0);
		assert_int_equal(batch_decode("frigate", bytes, length, &read), 0);
		assert_same(batch, read);
		/* Found by place, and only those that are in it. */
		const struct batch_file *file = &batch->files[batch->file_count / 2];
		assert_non_null(batch_find(read, text_of(batch->pool + file->folder), text_of(batch->pool + file->name)));
		assert_null(batch_find(read, text_of("elsewhere"), text_of(batch->pool + file->name)));
		free(bytes);
		batch_free(read);
		batch_free(batch);
	}
}

static void test_cut_or_changed_bytes_never_crash(void **context) {
	(void)context;
	struct batch *batch = example(50, 3);
	uint8_t *bytes = NULL;
	size_t length = 0;
	assert_int_equal(batch_encode(batch, &bytes, &length), 0);
	for (size_t cut = 0; cut < length; cut++) {
		struct batch *read = NULL;
		assert_true(batch_decode("frigate", bytes, cut, &read) < 0);
		assert_null(read);
	}
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= 0x55;
		struct batch *read = NULL;
		if (batch_decode("frigate", bytes, length, &read) == 0)
			batch_free(read);
		bytes[i] ^= 0x55;
	}
	free(bytes);
	batch_free(batch);
}

static void test_an_ordinary_intent_is_small(void **context) {
	(void)context;
	struct batch *batch = batch_new("frigate", 1000);
	uint32_t camera = batch_text(batch, text_of("frigate/gate"), UINT32_MAX);
	uint32_t folder = UINT32_MAX;
	for (size_t i = 0; i < 1000; i++) {
		char text[64];
		(void)snprintf(text, sizeof text, "2026-10-11/%02zu/gate", i / 360);
		folder = batch_text(batch, text_of(text), folder);
		int64_t start_us = INT64_C(1790000000000000) + (int64_t)i * 10000000;
		batch->segments[batch->segment_count++] = (struct batch_segment){.key = {.start_us = start_us},
		    .camera = camera,
		    .end_us = start_us + 10000000,
		    .due_us = start_us + 30 * US_PER_DAY,
		    .bytes = 2500000,
		    .first_file = (uint32_t)i,
		    .file_count = 1};
		(void)snprintf(text, sizeof text, "%02zu.%02zu.mp4", i / 6 % 60, i % 6 * 10);
		struct file_identity file = {.inode = 1000000 + i,
		    .bytes = 2500000,
		    .mtime_ns = (start_us + 10000000) * 1000,
		    .birth_ns = start_us * 1000};
		assert_int_equal(batch_add_file(batch, folder, batch_text(batch, text_of(text), UINT32_MAX), &file), 0);
	}
	uint8_t *bytes = NULL;
	size_t length = 0;
	assert_int_equal(batch_encode(batch, &bytes, &length), 0);
	assert_true(length < 60 * 1000);
	free(bytes);
	batch_free(batch);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_cut_or_changed_bytes_never_crash),
	    cmocka_unit_test(test_an_ordinary_intent_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
