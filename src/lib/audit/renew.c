/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The birth of a log, and what happens to one that does not hold: it is set aside whole, with its
 * state and its write-ahead file, its key is wiped so that no second truth can be signed, and a new
 * log begins under a new origin and a new key. A crash on the way leaves a part behind (log-state
 * goes last) that makes the next start set aside the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "audit/writer_state.h"
#include "base/bytes.h"
#include "base/descriptor.h"

enum { SEED_BYTES = 32, BROKEN_MAX = 9999 };

static const char seed_path[] = "keys/epoch-0.seed";

/* "hostname/retention/<8 hex>"; what a key name may not hold is replaced. */
static void origin_make(char origin[NOTE_NAME_BYTES]) {
	char host[65] = "";
	char suffix[9];
	uint8_t random[4];
	if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
		(void)snprintf(host, sizeof host, "recorder");
	for (char *at = host; *at != '\0'; at++) {
		bool kept = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
		            *at == '.' || *at == '-';
		if (!kept)
			*at = '-';
	}
	randombytes_buf(random, sizeof random);
	(void)sodium_bin2hex(suffix, sizeof suffix, random, sizeof random);
	(void)snprintf(origin, NOTE_NAME_BYTES, "%s/retention/%s", host, suffix);
}

/* A file is left alone when it says the right thing already. */
static int put_if_changed(struct store *store, const char *path, const char *text) {
	char *old = NULL;
	size_t length = 0;
	int error = descriptor_read_file(store->state_fd, path, VKEY_BYTES * 2, &old, &length);
	bool same = error == 0 && length == strlen(text) && memcmp(old, text, length) == 0;
	free(old);
	return same ? 0 : store_put(store, path, text, strlen(text), 0644);
}

int log_vkeys_write(struct audit_writer *writer) {
	char text[VKEY_BYTES + 1];
	(void)snprintf(text, sizeof text, "%s\n", writer->vkey);
	int error = put_if_changed(&writer->store, "log.vkeys", text);
	/* A client may have been handed the log's folder and nothing else. */
	return error < 0 ? error : put_if_changed(&writer->store, "log/vkeys", text);
}

static int key_make(struct audit_writer *writer) {
	uint8_t seed[SEED_BYTES];
	randombytes_buf(seed, sizeof seed);
	int error = store_make_folder(&writer->store, "keys", 0700);
	if (error == 0)
		error = store_put(&writer->store, seed_path, seed, sizeof seed, 0600);
	note_signer_from_seed(writer->origin, seed, &writer->signer);
	note_verifier_format(&writer->signer.verifier, writer->vkey);
	sodium_memzero(seed, sizeof seed);
	return error;
}

int log_make(struct audit_writer *writer, const char *origin, const char *renewed) {
	struct note_verifier probe = {0};
	char text[VKEY_BYTES];
	if (origin == NULL)
		origin_make(writer->origin);
	else if (!text_copy(writer->origin, sizeof writer->origin, text_of(origin)))
		return -EINVAL;
	int error = key_make(writer);
	if (error < 0)
		return error;
	/* A name that a verifier would refuse must not become an origin. */
	(void)snprintf(text, sizeof text, "%s", writer->vkey);
	if (!note_verifier_parse(text, strlen(text), &probe))
		return -EINVAL;
	error = store_make_folder(&writer->store, "log", 0755);
	if (error == 0)
		error = log_vkeys_write(writer);
	if (error == 0)
		error = store_sync(&writer->store);
	if (error < 0)
		return error;
	struct log_state state = {0};
	memcpy(state.origin, writer->origin, sizeof state.origin);
	(void)snprintf(state.renewed, sizeof state.renewed, "%s", renewed);
	merkle_root(&(struct merkle_tree){0}, &state.root);
	error = log_state_write(&writer->store, &state);
	return error < 0 ? error : store_sync(&writer->store);
}

static int move_if_there(struct store *store, const char *name, const char *folder) {
	char to[STORE_PATH_BYTES];
	(void)snprintf(to, sizeof to, "%s/%s", folder, name);
	return renameat(store->state_fd, name, store->state_fd, to) < 0 && errno != ENOENT ? -errno : 0;
}

static int key_wipe(struct store *store) {
	static const uint8_t zeros[SEED_BYTES];
	CLOSED_AT_END int fd = openat(store->state_fd, seed_path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	/* Flash may keep the old block all the same; retention-log(5) says so. */
	int error = descriptor_pwrite_all(fd, zeros, sizeof zeros, 0);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error == 0 && unlinkat(store->state_fd, seed_path, 0) < 0)
		error = -errno;
	return error < 0 ? error : store_mark(store, "keys");
}

int log_set_aside(struct store *store, unsigned *ret_number) {
	char folder[32];
	struct stat facts;
	unsigned number = 1;
	do
		(void)snprintf(folder, sizeof folder, "log.broken-%u", number);
	while (fstatat(store->state_fd, folder, &facts, AT_SYMLINK_NOFOLLOW) == 0 && number++ < BROKEN_MAX);
	if (number > BROKEN_MAX)
		return -EEXIST;
	int error = 0;
	if (renameat(store->state_fd, "log", store->state_fd, folder) < 0)
		error = errno == ENOENT ? store_make_folder(store, folder, 0755) : -errno;
	if (error == 0)
		error = move_if_there(store, "log-pending", folder);
	if (error == 0)
		error = move_if_there(store, "log.vkeys", folder);
	if (error == 0)
		error = key_wipe(store);
	if (error == 0)
		error = move_if_there(store, "log-state", folder);
	if (error == 0)
		error = store_mark(store, "");
	if (error == 0)
		error = store_mark(store, folder);
	if (error == 0)
		error = store_sync(store);
	if (error == 0)
		*ret_number = number;
	return error;
}
