/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outbox against a real state.db and a real log, with a publisher that says what the test wants. */
#include "daemon/keeper/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sodium.h>

#include "audit/cosignature.h"
#include "audit/entry.h"
#include "audit/note.h"
#include "audit/witness_key.h"
#include "audit/writer.h"
#include "daemon/keeper/answer.h"
#include "daemon/keeper/children.h"
#include "daemon/keeper/control.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/outbox_private.h"
#include "daemon/keeper/record.h"
#include "daemon/keeper/state.h"
#include "daemon/keeper/timekeeping.h"
#include "ipc/channel.h"
#include "ipc/message.h"
#include "retention/log.h"
#include "unit/audit_log.h"

struct world {
	char folder[64];
	int fd;
	struct keeper keeper;
	struct settings settings;
	char *receivers[4];
	struct witness_settings witness;
	struct audit_writer *writer;
	struct channel *publisher; /* not NULL: it runs */
	unsigned asked_for;
	unsigned entries[AUDIT_ACTION_COUNT];
	/* What was sent and is not answered. */
	struct {
		uint64_t id;
		char address[128];
		char *body;
	} sent[64];
	size_t sent_count;
	int64_t ahead_us; /* of the kernel's clocks */
};
static struct world world;

/* ---- a clock that the test moves ---- */

static int64_t clock_us(clockid_t clock) {
	struct timespec now;
	(void)clock_gettime(clock, &now);
	return now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000 + world.ahead_us;
}
int64_t clock_wall_us(void) {
	return clock_us(CLOCK_REALTIME);
}
int64_t clock_boot_us(void) {
	return clock_us(CLOCK_BOOTTIME);
}
int64_t clock_elapsed_us(void) {
	return clock_us(CLOCK_MONOTONIC);
}
void clock_read(struct clock_reading *ret_reading) {
	*ret_reading = (struct clock_reading){.wall_us = clock_wall_us(), .boot_us = clock_boot_us()};
}

/* ---- in place of keeper's other parts ---- */

int record_append(struct keeper *keeper, enum audit_action action, enum audit_outcome outcome, const char *reason,
    const struct audit_actor *actor, json_t *details, uint64_t *ret_sequence) {
	struct audit_stamp stamp = {.sequence = audit_writer_size(world.writer), .level = CLOCK_RTC};
	size_t length = 0;
	uint64_t index = 0;
	clock_read(&stamp.clock);
	char *entry = audit_entry_format(&stamp, action, outcome, reason, actor, details, &length);
	json_decref(details);
	assert_non_null(entry);
	assert_int_equal(audit_writer_append(world.writer, entry, length, &index), 0);
	world.entries[action]++;
	if (ret_sequence != NULL)
		*ret_sequence = index;
	if (audit_action_is_alarm(action))
		outbox_alarm(keeper, entry, length, action);
	free(entry);
	return 0;
}
int record_durable(struct keeper *keeper) {
	(void)keeper;
	return audit_writer_sync(world.writer);
}
int record_publish(struct keeper *keeper) {
	int error = audit_writer_publish(world.writer);
	outbox_checkpoint(keeper);
	return error;
}
void record_publish_soon(struct keeper *keeper) {
	(void)keeper;
}
struct audit_writer *record_writer(struct keeper *keeper) {
	(void)keeper;
	return world.writer;
}
bool record_is(const json_t *entry, enum audit_action action) {
	const char *found = json_string_value(json_object_get(json_object_get(entry, "event"), "action"));
	return found != NULL && strcmp(found, audit_action_name(action)) == 0;
}
int record_each(struct keeper *keeper, uint64_t from, int (*each)(const json_t *entry, void *context), void *context) {
	struct retention_log *log = NULL;
	struct retention_checkpoint checkpoint;
	assert_int_equal(record_publish(keeper), 0);
	assert_int_equal(retention_log_open(audit_writer_folder(world.writer), NULL, &log), 0);
	assert_int_equal(retention_log_checkpoint(log, &checkpoint), 0);
	for (uint64_t i = from; i < checkpoint.size; i++) {
		const char *bytes;
		size_t length;
		assert_int_equal(retention_log_entry(log, i, &bytes, &length), 0);
		json_t *entry = json_loadb(bytes, length, 0, NULL);
		assert_int_equal(each(entry, context), 0);
		json_decref(entry);
	}
	retention_log_close(log);
	return 0;
}
const struct clock_verdict *timekeeping_verdict(const struct keeper *keeper) {
	static const struct clock_verdict verdict = {.level = CLOCK_RTC};
	(void)keeper;
	return &verdict;
}
struct channel *children_publisher(struct keeper *keeper) {
	(void)keeper;
	world.asked_for++;
	return world.publisher;
}
void children_kill(struct keeper *keeper, enum process process) {
	(void)keeper;
	(void)process;
}
void channel_send(struct channel *channel, struct message_writer *out, const int *descriptors, size_t count) {
	(void)descriptors;
	(void)count;
	assert_ptr_equal(channel, world.publisher);
	assert_int_equal(out->type, MESSAGE_DELIVER);
	static struct message message;
	assert_int_equal(message_finish(out, 0), 0);
	assert_true(message_check(out->bytes, out->writer.used, 0, &message));
	struct record_deliver deliver;
	assert_true(record_deliver_get(&message.reader, &deliver));
	assert_true(world.sent_count < ARRAY_LENGTH(world.sent));
	world.sent[world.sent_count].id = deliver.id;
	assert_true(text_copy(world.sent[world.sent_count].address, 128, deliver.address));
	world.sent[world.sent_count++].body = strndup(deliver.body.data, deliver.body.length);
}
void request_reply(struct request *request, json_t *result) {
	*(char **)request = json_dumps(result, JSON_COMPACT);
	json_decref(result);
}
void request_fail(struct request *request, enum control_error code, const char *reason, const char *format, ...) {
	char text[1024];
	va_list arguments;
	(void)code;
	(void)reason;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	*(char **)request = strdup(text);
}
json_t *answer_new(void) {
	return json_object();
}
void answer_text(json_t *object, const char *key, const char *text) {
	json_object_set_new(object, key, text != NULL ? json_string(text) : json_null());
}
void answer_integer(json_t *object, const char *key, uint64_t value) {
	json_object_set_new(object, key, json_integer((json_int_t)value));
}
void answer_time(struct keeper *keeper, json_t *object, const char *key, int64_t wall_us, const struct zone *zone) {
	(void)keeper;
	(void)zone;
	json_object_set_new(object, key, json_integer(wall_us));
}
void answer_moment(struct keeper *keeper, int64_t wall_us, const struct zone *zone, char *text, size_t room) {
	(void)keeper;
	(void)wall_us;
	(void)zone;
	(void)snprintf(text, room, "then");
}
void answer_say(json_t *list, const char *format, ...) {
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	json_array_append_new(list, json_string(text));
}

/* ---- helpers ---- */

static char tcp[] = "tcp://192.0.2.1:601", udp[] = "udp://192.0.2.2:514", url[] = "http://192.0.2.3/w";
static char witness_key[] = "witness.example.test/w1+e07bb2cd+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

static void receive_at(char *first, char *second) {
	world.receivers[0] = first;
	world.receivers[1] = second;
	world.settings.publish.receivers = world.receivers;
	world.settings.publish.receiver_count = second != NULL ? 2 : first != NULL ? 1 : 0;
}
static void with_witness(void) {
	world.witness = (struct witness_settings){.url = url, .key = witness_key};
	world.settings.publish.witnesses = &world.witness;
	world.settings.publish.witness_count = 1;
}

static void turn(void) {
	/* Timers of 200 ms and of "now"; never those of a retry. */
	struct timeval end = {.tv_usec = 260000};
	(void)event_base_loopexit(world.keeper.base, &end);
	(void)event_base_dispatch(world.keeper.base);
}

static void open_all(void) {
	char message[256];
	struct audit_start_report report;
	assert_int_equal(audit_writer_open(world.fd, "example.test/log", 0, &world.writer, &report), 0);
	assert_int_equal(state_open(world.folder, &world.keeper.state, message, sizeof message), 0);
	assert_int_equal(outbox_open(&world.keeper, &world.keeper.outbox), 0);
}

static void close_all(void) {
	world.keeper.outbox = outbox_close(world.keeper.outbox);
	world.keeper.state = state_close(world.keeper.state);
	world.writer = audit_writer_close(world.writer);
	for (size_t i = 0; i < world.sent_count; i++)
		free(world.sent[i].body);
	world.sent_count = 0;
}

static void alarms(unsigned count) {
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(record_append(&world.keeper, AUDIT_MISSING, AUDIT_SUCCESS, NULL, NULL, NULL, NULL), 0);
}

static void answer_one(size_t place, struct record_delivered delivered) {
	static struct message_writer out;
	static struct message message;
	delivered.id = world.sent[place].id;
	message_begin(&out, MESSAGE_DELIVERED);
	record_delivered_put(&out.writer, &delivered);
	assert_int_equal(message_finish(&out, 0), 0);
	assert_true(message_check(out.bytes, out.writer.used, 0, &message));
	outbox_message(&world.keeper, &message);
}

/* All that was sent is answered alike. */
static void answer_all(struct record_delivered delivered) {
	size_t count = world.sent_count;
	for (size_t i = 0; i < count; i++)
		answer_one(i, delivered);
	for (size_t i = 0; i < count; i++)
		free(world.sent[i].body);
	memmove(world.sent, world.sent + count, (world.sent_count - count) * sizeof world.sent[0]);
	world.sent_count -= count;
}

static uint64_t sequence_of(const char *body) {
	const char *found = strstr(body, "sequence=\"");
	return found == NULL ? UINT64_MAX : strtoull(found + 10, NULL, 10);
}

static struct outbox_view view_of(const char *address) {
	for (size_t i = 0; i < outbox_count(&world.keeper); i++)
		if (strcmp(outbox_view(&world.keeper, i).address, address) == 0)
			return outbox_view(&world.keeper, i);
	return (struct outbox_view){.address = NULL};
}

static int make_world(void **state) {
	(void)state;
	memset(&world, 0, sizeof world);
	(void)snprintf(world.folder, sizeof world.folder, "/tmp/outbox-test-XXXXXX");
	if (mkdtemp(world.folder) == NULL)
		return -1;
	world.fd = open(world.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	world.keeper.base = event_base_new();
	world.keeper.settings = &world.settings;
	world.publisher = (struct channel *)&world;
	return 0;
}
static int remove_world(void **state) {
	(void)state;
	close_all();
	event_base_free(world.keeper.base);
	(void)close(world.fd);
	return tree_remove(world.folder);
}

static const struct record_delivered taken = {.result = DELIVERY_DONE};
static const struct record_delivered refused = {.result = DELIVERY_FAILED, .reason = {"nobody there", 12}};

/* ---- receivers ---- */

static void test_alarms_go_in_order_and_once(void **state) {
	(void)state;
	receive_at(tcp, NULL);
	open_all();
	alarms(20);
	turn();
	assert_int_equal(world.sent_count, OUTBOX_BATCH_MAX - 1);
	for (size_t i = 0; i < world.sent_count; i++)
		assert_int_equal(sequence_of(world.sent[i].body), i);
	answer_all(taken);
	turn();
	assert_int_equal(world.sent_count, 5);
	assert_int_equal(sequence_of(world.sent[0].body), 15);
	answer_all(taken);
	turn();
	assert_int_equal(world.sent_count, 0);
	assert_int_equal(view_of(tcp).waiting, 0);
	assert_true(view_of(tcp).success_us > 0);
}

static void test_what_failed_goes_again_from_there(void **state) {
	(void)state;
	receive_at(tcp, NULL);
	open_all();
	alarms(3);
	turn();
	assert_int_equal(world.sent_count, 3);
	answer_one(0, taken);
	answer_one(1, refused);
	answer_one(2, taken); /* after one that failed it does not count: order comes first */
	assert_int_equal(view_of(tcp).waiting, 2);
	assert_int_equal(view_of(tcp).failures, 1);
	assert_string_equal(view_of(tcp).error, "nobody there");
	turn();
	assert_int_equal(world.sent_count, 3); /* not before the back-off */
	/* What is not delivered survives. */
	close_all();
	open_all();
	turn();
	assert_int_equal(world.sent_count, 2 + (audit_writer_published(world.writer) > 0 ? 1 : 0));
	assert_int_equal(sequence_of(world.sent[0].body), 1);
}

static void test_alarms_of_a_crash_are_found_in_the_log(void **state) {
	(void)state;
	receive_at(tcp, NULL);
	open_all();
	alarms(2);
	turn();
	answer_all(taken);
	/* Durable in the log, and keeper ends before they get to state.db. */
	struct outbox *outbox = world.keeper.outbox;
	world.keeper.outbox = NULL;
	alarms(3);
	assert_int_equal(audit_writer_sync(world.writer), 0);
	world.keeper.outbox = outbox;
	close_all();
	open_all();
	assert_int_equal(view_of(tcp).waiting, 3 + 1);
	turn();
	assert_int_equal(sequence_of(world.sent[0].body), 2);
	assert_int_equal(sequence_of(world.sent[2].body), 4);
	/* They are not found twice. */
	close_all();
	open_all();
	assert_int_equal(view_of(tcp).waiting, 3 + 1);
}

static void test_the_oldest_of_too_many_go_and_are_counted(void **state) {
	(void)state;
	receive_at(tcp, udp);
	world.publisher = NULL;
	open_all();
	alarms(OUTBOX_ALARMS_MAX);
	turn();
	assert_int_equal(view_of(tcp).lost, 0);
	alarms(7);
	turn();
	assert_int_equal(view_of(tcp).waiting, OUTBOX_ALARMS_MAX);
	assert_int_equal(view_of(tcp).lost, 7);
	assert_int_equal(view_of(udp).lost, 7);
	assert_int_equal(world.entries[AUDIT_DELIVERY_LOST], 2);
	assert_true(world.asked_for > 0);
	world.publisher = (struct channel *)&world;
	outbox_child(&world.keeper, world.publisher);
	turn();
	assert_int_equal(sequence_of(world.sent[0].body), 7);
	/* The publisher goes before it has answered: nothing is lost. */
	outbox_child(&world.keeper, NULL);
	assert_int_equal(view_of(tcp).waiting, OUTBOX_ALARMS_MAX);
}

static void test_only_the_newest_checkpoint_waits(void **state) {
	(void)state;
	receive_at(tcp, NULL);
	world.publisher = NULL;
	open_all();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(record_append(&world.keeper, AUDIT_SEAL, AUDIT_SUCCESS, NULL, NULL, NULL, NULL), 0);
		assert_int_equal(record_publish(&world.keeper), 0);
	}
	turn();
	assert_int_equal(view_of(tcp).waiting, 1);
	world.publisher = (struct channel *)&world;
	outbox_child(&world.keeper, world.publisher);
	turn();
	assert_int_equal(world.sent_count, 1);
	assert_non_null(strstr(world.sent[0].body, " checkpoint ["));
	assert_non_null(strstr(world.sent[0].body, " size=\"5\""));
	answer_all(taken);
	assert_int_equal(view_of(tcp).waiting, 0);
	assert_int_equal(view_of(tcp).size, 5);
}

static void test_a_receiver_that_is_taken_out_gets_the_last_word(void **state) {
	(void)state;
	receive_at(tcp, udp);
	open_all();
	receive_at(udp, NULL);
	outbox_configure(&world.keeper);
	json_t *details = json_pack("{s:[s]}", "weakened", "publish target removed");
	assert_int_equal(record_append(&world.keeper, AUDIT_CONFIGURATION, AUDIT_SUCCESS, NULL, NULL, details, NULL), 0);
	alarms(1);
	turn();
	size_t to_old = 0;
	for (size_t i = 0; i < world.sent_count; i++)
		to_old += strcmp(world.sent[i].address, tcp) == 0 ? 1 : 0;
	assert_int_equal(to_old, 1);
	assert_int_equal(world.sent_count, 3);
	assert_true(view_of(tcp).leaving);
	answer_all(taken);
	assert_null(view_of(tcp).address);
	assert_int_equal(outbox_count(&world.keeper), 1);
	/* A configuration that weakens nothing is no alarm. */
	assert_int_equal(record_append(&world.keeper, AUDIT_CONFIGURATION, AUDIT_SUCCESS, NULL, NULL, NULL, NULL), 0);
	turn();
	assert_int_equal(world.sent_count, 0);
}

/* ---- a witness ---- */

static void publish_entries(unsigned count) {
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(record_append(&world.keeper, AUDIT_SEAL, AUDIT_SUCCESS, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(record_publish(&world.keeper), 0);
}

/* What a witness answers to the request that was sent last. */
static struct record_delivered cosigned(char line[256]) {
	uint8_t seed[32], public_key[32], secret[64], payload[76] = {0xe0, 0x7b, 0xb2, 0xcd, 0, 0, 0, 0, 0, 0, 0, 7};
	for (uint8_t i = 0; i < 32; i++)
		seed[i] = (uint8_t)(0x20 + i);
	(void)crypto_sign_seed_keypair(public_key, secret, seed);
	const char *note = strstr(world.sent[world.sent_count - 1].body, "\n\n") + 2;
	size_t length = (size_t)(strstr(note, "\n\n") + 1 - note);
	char text[1024], base64[128];
	int used = snprintf(text, sizeof text, "cosignature/v1\ntime 7\n%.*s", (int)length, note);
	(void)crypto_sign_detached(payload + 12, NULL, (const uint8_t *)text, (unsigned)used, secret);
	(void)sodium_bin2base64(base64, sizeof base64, payload, sizeof payload, sodium_base64_VARIANT_ORIGINAL);
	(void)snprintf(line, 256, "\xe2\x80\x94 witness.example.test/w1 %s\n", base64);
	return (struct record_delivered){.result = DELIVERY_DONE, .status = 200, .body = text_of(line)};
}

static struct record_delivered has_size(const char *size) {
	return (struct record_delivered){
	    .result = DELIVERY_DONE, .status = 409, .content_type = text_of("text/x.tlog.size"), .body = text_of(size)};
}

static void test_a_witness_is_asked_from_what_it_has(void **state) {
	(void)state;
	char line[256], *answer = NULL;
	with_witness();
	open_all();
	publish_entries(3);
	turn();
	assert_int_equal(world.sent_count, 1);
	assert_memory_equal(world.sent[0].body, "old 0\n\nexample.test/log\n3\n", 25);
	answer_all(cosigned(line));
	assert_int_equal(view_of(url).size, 3);
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
	assert_non_null(strstr(audit_writer_checkpoint(world.writer), line));
	/* Growth; the entry about the witness is one more. No second entry. */
	publish_entries(4);
	assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
	assert_false(outbox_test(&world.keeper, url, (struct request *)&answer));
	turn();
	assert_memory_equal(world.sent[0].body, "old 3\n", 6);
	answer_all(cosigned(line));
	assert_int_equal(view_of(url).size, 8);
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
	assert_non_null(strstr(answer, "\"size\":8"));
	assert_non_null(strstr(answer, audit_writer_witness_vkey(world.writer)));
	free(answer);
	/* Nothing new: a sign of life has no proof. */
	assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
	turn();
	assert_memory_equal(world.sent[0].body, "old 8\n\nexample.test/log\n8\n", 25);
	answer_all(cosigned(line));
	free(answer);
	/* It forgot: asked again from where it is. */
	assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
	turn();
	answer_all(has_size("2\n"));
	turn();
	assert_memory_equal(world.sent[0].body, "old 2\n", 6);
	assert_null(strstr(world.sent[0].body, "old 2\n\n"));
	answer_all(cosigned(line));
	assert_int_equal(world.entries[AUDIT_WITNESS_CONFLICT], 0);
	free(answer);
}

/* What was sent last, as a witness opens it that was given the one key at the beginning. */
static void assert_known_by(const char *vkey) {
	struct note_verifier key;
	struct checkpoint_body body;
	uint64_t signed_by = 0;
	assert_true(note_verifier_parse(vkey, strlen(vkey), &key));
	const char *note = strstr(world.sent[world.sent_count - 1].body, "\n\n") + 2;
	assert_int_equal(checkpoint_signed_by(note, strlen(note), &key, 1, &body, &signed_by), NOTE_OK);
	/* The log's own files do not have that line. */
	static const char *const files[] = {"log/checkpoint", "log/checkpoint.witnessed"};
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		char *text = NULL;
		size_t length = 0;
		int error = descriptor_read_file(world.fd, files[i], 65536, &text, &length);
		assert_true(error == 0 || (i == 1 && error == -ENOENT));
		if (error == 0)
			assert_int_equal(checkpoint_signed_by(text, length, &key, 1, &body, &signed_by), NOTE_NO_KNOWN_KEY);
		free(text);
	}
}

static void test_keys_change_and_the_witness_goes_on(void **state) {
	(void)state;
	char line[256], kept[512];
	with_witness();
	open_all();
	(void)snprintf(kept, sizeof kept, "%s", audit_writer_witness_vkey(world.writer));
	publish_entries(2);
	for (int epoch = 0; epoch < 3; epoch++) {
		/* The one checkpoint of the hand-over, and the first that the new key signs alone. */
		for (int each = 0; each < 2; each++) {
			turn();
			assert_int_equal(world.sent_count, 1);
			assert_known_by(kept);
			/* A newer one is published before it answers, every second time. */
			if (each == 1)
				publish_entries(1);
			answer_all(cosigned(line));
			world.ahead_us += OUTBOX_CHECKPOINT_GAP_S * US_PER_SECOND;
			if (each == 0)
				publish_entries(1);
		}
		rotate(world.writer);
		outbox_checkpoint(&world.keeper);
	}
	assert_int_equal(audit_writer_epoch(world.writer), 3);
	assert_int_equal(view_of(url).failures, 0);
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
}

/* Time passes, and the outbox looks. */
static void pass(int64_t seconds) {
	world.ahead_us += seconds * US_PER_SECOND;
	outbox_pump_soon(world.keeper.outbox);
	turn();
}

static void test_a_sign_of_life_each_hour_and_an_entry_after_an_hour_without(void **state) {
	(void)state;
	char line[256];
	with_witness();
	open_all();
	publish_entries(3);
	turn();
	answer_all(cosigned(line));
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
	for (int hour = 0; hour < 2; hour++) {
		pass(OUTBOX_HEARTBEAT_S - 60);
		assert_int_equal(world.sent_count, 0);
		pass(61);
		assert_int_equal(world.sent_count, 1);
		assert_memory_equal(world.sent[0].body, "old 3\n\nexample.test/log\n3\n", 25);
		answer_all(cosigned(line));
	}
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
	/* Nothing but refusals, which come further apart each time. */
	int64_t waited = 0;
	pass(OUTBOX_HEARTBEAT_S + 1);
	int64_t since_us = clock_elapsed_us();
	while (waited < 2 * OUTBOX_LATE_S) {
		assert_int_equal(world.sent_count, 1);
		answer_all(refused);
		bool is_late = clock_elapsed_us() - since_us > OUTBOX_LATE_S * US_PER_SECOND;
		assert_int_equal(world.entries[AUDIT_WITNESSED], is_late ? 2 : 1);
		assert_true(view_of(url).late == is_late);
		int64_t backoff = world.keeper.outbox->targets[0]->backoff_s;
		assert_true(backoff <= OUTBOX_BACKOFF_LAST_S);
		pass(backoff + 1);
		waited += backoff + 1;
	}
	/* Keeper starts again: it is known still. */
	close_all();
	open_all();
	assert_int_equal(world.entries[AUDIT_WITNESSED], 2);
	pass(1);
	answer_all(refused);
	assert_true(view_of(url).late);
	assert_int_equal(world.entries[AUDIT_WITNESSED], 2);
	/* It is back, and the next hour begins. */
	pass(OUTBOX_BACKOFF_FIRST_S + 1);
	answer_all(cosigned(line));
	assert_int_equal(world.entries[AUDIT_WITNESSED], 3);
	assert_false(view_of(url).late);
	pass(OUTBOX_HEARTBEAT_S - 60);
	assert_int_equal(world.sent_count, 0);
}

static void test_a_witness_that_knows_more_is_an_alarm(void **state) {
	(void)state;
	char line[256];
	with_witness();
	open_all();
	publish_entries(3);
	turn();
	answer_all(has_size("9\n"));
	assert_true(view_of(url).conflict);
	assert_int_equal(world.entries[AUDIT_WITNESS_CONFLICT], 1);
	/* It stays one, and is told once; also past its size, where the proof does not fit. */
	char *answer = NULL;
	publish_entries(9);
	assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
	turn();
	answer_all(has_size("9\n"));
	turn();
	assert_memory_equal(world.sent[0].body, "old 9\n", 6);
	answer_all((struct record_delivered){.result = DELIVERY_DONE, .status = 422});
	assert_true(view_of(url).conflict);
	assert_int_equal(world.entries[AUDIT_WITNESS_CONFLICT], 1);
	assert_non_null(strstr(answer, "rewritten"));
	free(answer);
	json_t *list = json_array();
	outbox_attention(&world.keeper, list);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	/* Nothing but its signature ends it. */
	answer = NULL;
	assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
	turn();
	answer_all(cosigned(line));
	assert_false(view_of(url).conflict);
	assert_int_equal(world.entries[AUDIT_WITNESSED], 1);
	free(answer);
}

static void test_answers_that_are_none(void **state) {
	(void)state;
	char line[256];
	static const struct {
		uint16_t status;
		const char *type, *body, *says;
	} rows[] = {
	    {200, "", "", "without a good signature"},
	    {200, "", "\xe2\x80\x94 witness.example.test/w1 4HuyzQ==\n", "without a good signature"},
	    {403, "", "", "key for witnesses"},
	    {403, "", "", "`retentionctl witness list` shows it (403)"},
	    {404, "", "", "`retentionctl witness list` shows; or the url is wrong (404)"},
	    {409, "text/plain", "1\n", "not which"},
	    {409, "text/x.tlog.size", "1x\n", "not which"},
	    {409, "text/x.tlog.size", "99999999999999999999999\n", "not which"},
	    {500, "", "", "HTTP status 500"},
	};
	with_witness();
	open_all();
	publish_entries(2);
	turn();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *answer = NULL;
		answer_all((struct record_delivered){.result = DELIVERY_DONE,
		    .status = rows[i].status,
		    .content_type = text_of(rows[i].type),
		    .body = text_of(rows[i].body)});
		assert_non_null(strstr(view_of(url).error, rows[i].says));
		assert_int_equal(view_of(url).failures, i + 1);
		assert_true(outbox_test(&world.keeper, url, (struct request *)&answer));
		turn();
		assert_int_equal(world.sent_count, 1);
		world.keeper.outbox->targets[0]->test = NULL;
	}
	/* The signature of another text. */
	struct record_delivered other = cosigned(line);
	line[40] = line[40] == 'A' ? 'B' : 'A';
	answer_all(other);
	assert_int_equal(view_of(url).size, 0);
	assert_int_equal(world.entries[AUDIT_WITNESSED] + world.entries[AUDIT_WITNESS_CONFLICT], 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_alarms_go_in_order_and_once, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_what_failed_goes_again_from_there, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_alarms_of_a_crash_are_found_in_the_log, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_the_oldest_of_too_many_go_and_are_counted, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_only_the_newest_checkpoint_waits, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_a_receiver_that_is_taken_out_gets_the_last_word, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_a_witness_is_asked_from_what_it_has, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_keys_change_and_the_witness_goes_on, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(
	        test_a_sign_of_life_each_hour_and_an_entry_after_an_hour_without, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_a_witness_that_knows_more_is_an_alarm, make_world, remove_world),
	    cmocka_unit_test_setup_teardown(test_answers_that_are_none, make_world, remove_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
