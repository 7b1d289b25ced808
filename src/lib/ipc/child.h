/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every program that the supervisor starts has in common: its channel is descriptor 3, the first
 * message there is START, and START says as whom it runs. For programs that wait with poll(2); keeper
 * uses ipc/channel.h once it has started.
 */
#pragma once

#include "base/attributes.h"
#include "ipc/message.h"
#include "sandbox/sandbox.h"

enum { CHILD_CHANNEL = 3 };

/*
 * Opens the log lines of `process` and receives START, for at most `time_ms` milliseconds (-1: until it
 * comes). 1 when it came: its descriptors are still in `message`, its list can be read. 0 when the
 * supervisor is gone or silent, -EPROTO for any other first message, or another negative errno.
 */
MUST_USE int child_start(enum process process, int time_ms, struct message *message, struct record_start *ret_start);

/* The same, and says so where it fails: for programs that end then. 1 to go on, else their exit status is whether it is
 * negative. */
MUST_USE int child_begin(enum process process, int time_ms, struct message *message, struct record_start *ret_start);

/* The request to the sandbox that START makes, without paths. */
struct sandbox_request child_sandbox(enum process process, const struct record_start *start);

/*
 * Hands each message to `answer` until the channel ends or none comes for `idle_ms` milliseconds: then 0.
 * A negative errno of `answer` ends it too; -EPIPE, nobody listens any more, is an end like the others.
 */
MUST_USE int child_serve(
    int idle_ms, struct message *message, int (*answer)(struct message *message, void *context), void *context);
