/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The birth of a log, and what happens to one that does not hold: it is set aside whole, with its
 * state and its write-ahead file, its keys are wiped so that no second truth can be signed, and a new
 * log begins under a new origin and with new keys. A crash on the way leaves a part behind (log-state
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

enum { BROKEN_MAX = 9999 };

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

int log_make(struct audit_writer *writer, const char *origin, const char *renewed) {
	struct note_verifier probe = {0};
	char text[VKEY_BYTES];
	char why[REASON_BYTES];
	if (origin == NULL)
		origin_make(writer->origin);
	else if (!text_copy(writer->origin, sizeof writer->origin, text_of(origin)))
		return -EINVAL;
	/* Keys that lie about without a log were of none, or of one that is gone. */
	int error = seeds_wipe(&writer->store, UINT64_MAX);
	writer->epoch = 0;
	writer->has_next = writer->is_handing_over = false;
	if (error == 0)
		error = seed_make(writer, 0, &writer->signer);
	if (error == 0)
		error = witness_key_make(writer);
	if (error < 0)
		return error;
	note_verifier_format(&writer->signer.verifier, writer->vkey);
	/* A name that a verifier would refuse must not become an origin. */
	(void)snprintf(text, sizeof text, "%s", writer->vkey);
	if (!note_verifier_parse(text, strlen(text), &probe))
		return -EINVAL;
	error = store_make_folder(&writer->store, "log", 0755);
	if (error == 0)
		error = log_vkeys_write(writer, NULL, why, sizeof why);
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
		error = seeds_wipe(store, UINT64_MAX);
	if (error == 0)
		error = witness_key_wipe(store);
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
