/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The channel to keeper. Keeper asks, the supervisor judges each question again: a keeper that is
 * wrong or was taken over gets no child that the configuration does not name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct child;
struct supervisor;

/* Takes over our end of a new keeper's channel. 0 or a negative errno (then `fd` is the caller's). */
MUST_USE int link_open(struct supervisor *supervisor, int fd);
void link_close(struct supervisor *supervisor);

/* Each does nothing while there is no keeper. */
void link_tell_up(struct supervisor *supervisor, const struct child *child);
void link_tell_down(struct supervisor *supervisor, const struct child *child, const char *reason);
void link_tell_refused(struct supervisor *supervisor, unsigned process, uint32_t key, const char *reason);
void link_tell_settings(struct supervisor *supervisor);
void link_tell_reload(struct supervisor *supervisor, bool accepted, const char *reason);
void link_tell_stop(struct supervisor *supervisor);

/* Writes START into a child's channel before the child has its end. 0 or a negative errno. */
MUST_USE int link_write_start(const struct supervisor *supervisor, const struct child *child, int fd);
