/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer: a configuration file, and the sealed form of it. What is refused must say why; what is
 * accepted must survive the way to the processes. Run from the project's folder.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the text that it was collecting when it meets a syntax error. */
const char *__lsan_default_suppressions(void) {
	return "leak:libconfig";
}

static int memory_file(const uint8_t *data, size_t size, bool sealed) {
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		abort();
	return fd;
}

static void fuzz_sealed(const uint8_t *data, size_t size) {
	struct settings *settings = NULL;
	int fd = memory_file(data, size, true);
	if (settings_unseal(fd, &settings) == 0)
		settings_free(settings);
	(void)close(fd);
}

static void fuzz_text(const uint8_t *data, size_t size, const char *layouts) {
	static char message[8192];
	char path[64];
	struct settings *settings = NULL, *copy = NULL;
	int fd = memory_file(data, size, false);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int result = settings_load(path, layouts, &settings, message, sizeof(message));
	(void)close(fd);
	if (result < 0 && message[0] == '\0')
		abort();
	if (result < 0)
		return;
	fd = settings_seal(settings);
	if (fd < 0 || settings_unseal(fd, &copy) < 0 || copy->root_count != settings->root_count ||
	    copy->camera_count != settings->camera_count)
		abort();
	(void)close(fd);
	settings_free(copy);
	settings_free(settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static char layouts[PATH_MAX];
	if (layouts[0] == '\0' && realpath("config/layouts", layouts) == NULL)
		abort();
	/* Including other files would test the machine, not the reader. */
	if (size > 0 && memmem(data, size, "@include", 8) == NULL)
		fuzz_text(data, size, layouts);
	fuzz_sealed(data, size);
	return 0;
}
