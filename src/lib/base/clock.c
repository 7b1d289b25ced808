/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks of the running kernel. */
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"

static const long long YEAR_2000_SECONDS = 946684800;

static char clock_boot_id[BOOT_ID_BYTES];
static bool clock_has_rtc;

static int64_t now_us(clockid_t clock) {
	struct timespec now;
	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

/* A chip whose battery is empty is there too, and says 1970. */
static bool rtc_keeps_time(int clocks_fd, const char *name) {
	char path[300];
	int length = snprintf(path, sizeof path, "%s/since_epoch", name);
	if (length < 0 || (size_t)length >= sizeof path)
		return false;
	CLOSED_AT_END int fd = openat(clocks_fd, path, O_RDONLY | O_CLOEXEC);
	char digits[32] = "";
	if (fd < 0 || descriptor_pread_all(fd, digits, sizeof digits - 1, 0) <= 0)
		return false;
	return strtoll(digits, NULL, 10) >= YEAR_2000_SECONDS;
}

int clock_open(void) {
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t length = read(fd, clock_boot_id, BOOT_ID_BYTES - 1);
	int error = length < 0 ? -errno : 0;
	(void)close(fd);
	if (error != 0)
		return error;
	if (length != BOOT_ID_BYTES - 1)
		return -EIO;

	DIR *clocks = opendir("/sys/class/rtc");
	if (clocks != NULL) {
		for (struct dirent *entry = readdir(clocks); entry != NULL; entry = readdir(clocks))
			if (entry->d_name[0] != '.' && rtc_keeps_time(dirfd(clocks), entry->d_name))
				clock_has_rtc = true;
		(void)closedir(clocks);
	}
	return 0;
}

void clock_read(struct clock_reading *ret_reading) {
	struct timex state = {0};
	int status = adjtimex(&state);
	*ret_reading = (struct clock_reading){
	    .wall_us = now_us(CLOCK_REALTIME),
	    .boot_us = now_us(CLOCK_BOOTTIME),
	    .synced = status >= 0 && status != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
	    .has_rtc = clock_has_rtc,
	    .max_error_us = state.maxerror,
	};
	memcpy(ret_reading->boot_id, clock_boot_id, BOOT_ID_BYTES);
}

int64_t clock_wall_us(void) {
	return now_us(CLOCK_REALTIME);
}

int64_t clock_boot_us(void) {
	return now_us(CLOCK_BOOTTIME);
}

int64_t clock_elapsed_us(void) {
	return now_us(CLOCK_MONOTONIC);
}
