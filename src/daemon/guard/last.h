/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever ends guard, its groups are closed first, and with that the kernel lets all waiters go on: a
 * core dump, for one, may open footage or take its time.
 */
#pragma once

/* The descriptor is closed by the handlers of all signals that end the program. -1: there is none any more. */
void last_watch(int fd);
