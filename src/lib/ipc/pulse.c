/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

int pulse_make(void) {
	int fd = memfd_create("retention-pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, PULSE_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int error = -errno;
		(void)close(fd);
		return error;
	}
	return fd;
}

struct pulse *pulse_map(int fd) {
	void *page = mmap(NULL, PULSE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return page == MAP_FAILED ? NULL : page;
}

void pulse_unmap(struct pulse *pulse) {
	if (pulse != NULL)
		(void)munmap(pulse, PULSE_BYTES);
}
