/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resource limits (setrlimit(2)). A limit is only ever lowered. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"
#include "sandbox/programs.h"

enum { OUTPUT_BYTES_MAX = 1024 * 1024 };

static int limit_lower(int resource, rlim_t soft, rlim_t hard) {
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	struct rlimit wanted = {
	    .rlim_cur = soft < now.rlim_max ? soft : now.rlim_max,
	    .rlim_max = hard < now.rlim_max ? hard : now.rlim_max,
	};
	return setrlimit((__rlimit_resource_t)resource, &wanted) < 0 ? -errno : 0;
}

/*
 * No file may grow. Only where standard error is itself a file (a trial, a test), it may by a
 * little, so that the program's own log lines are not lost and a hostile program cannot fill the disk.
 */
static int output_limit(void) {
	struct stat facts;
	rlim_t most = 0;
	if (fstat(STDERR_FILENO, &facts) == 0 && S_ISREG(facts.st_mode))
		most = (rlim_t)facts.st_size + OUTPUT_BYTES_MAX;
	/* Over the limit a write fails; the signal would end the program instead. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -errno;
	return limit_lower(RLIMIT_FSIZE, most, most);
}

int limits_apply(const struct program_row *row) {
	for (size_t i = 0; i < row->limit_count; i++) {
		const struct resource_limit *limit = &row->limits[i];
		if (limit->resource == RLIMIT_AS && sandbox_is_sanitized())
			continue;
		int error = limit_lower(limit->resource, limit->soft, limit->hard);
		if (error != 0)
			return error;
	}
	return row->writes_nothing ? output_limit() : 0;
}
