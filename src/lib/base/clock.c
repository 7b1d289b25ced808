/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static char clock_boot_id[BOOT_ID_BYTES];
static bool clock_has_rtc;

static int64_t now_us(clockid_t clock) {
	struct timespec now;
	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
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

	/* hctosys is 1 on the clock that set the system's time at boot, and absent where there is none. */
	DIR *clocks = opendir("/sys/class/rtc");
	if (clocks != NULL) {
		for (struct dirent *entry = readdir(clocks); entry != NULL; entry = readdir(clocks))
			if (entry->d_name[0] != '.')
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
