/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the supervisor share. It starts, introduces, watches, restarts and stops the
 * other programs, and reads the configuration for them. It decides nothing about footage.
 *
 *   main.c           order of start, loop, order of stop
 *   configuration.c  reading the settings, at start and again
 *   children.c       carries out what child_table.c decides about each child; spawn.c starts a program
 *   watchdog.c       guard must not stand still while others wait for it
 *   link.c           the channel to keeper: who may say what
 *   notify.c folders.c identity.c places.c options.c   the surroundings
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "children.h"
#include "folders.h"
#include "identity.h"
#include "notify.h"
#include "options.h"
#include "places.h"

struct channel;
struct event_base;
struct settings;

struct supervisor {
	struct event_base *base;
	struct options options;
	struct places places;
	struct identity identity;
	struct folders folders;
	struct notify notify;
	struct settings *settings;
	int settings_fd; /* sealed, for the children */
	struct children children;
	struct channel *keeper;  /* NULL while there is none */
	int64_t keeper_alive_us; /* when it last said so, by clock_elapsed_us() */
	bool ready;
	bool ending;
	int exit_status;
};

/* Stops everything in good order; the loop ends when the last child has. Further calls only raise the status. */
void supervisor_stop(struct supervisor *supervisor, int exit_status);
