/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the clock may be believed: judged every few seconds and before each expiry pass, durable in state.db, entries
 * for each change. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/attributes.h"
#include "domain/clock_trust.h"

struct keeper;
struct timekeeping;

MUST_USE int timekeeping_open(struct keeper *keeper, struct timekeeping **ret_timekeeping);
struct timekeeping *timekeeping_close(struct timekeeping *timekeeping);

/* Judges now and returns the verdict (valid until the next call). */
const struct clock_verdict *timekeeping_judge(struct keeper *keeper);
const struct clock_verdict *timekeeping_verdict(const struct keeper *keeper);
const struct clock_state *timekeeping_state(const struct keeper *keeper);
/* The wall clock as last judged (at most a second ago) and carried on by the boot clock, if it is trusted, else 0. */
int64_t timekeeping_trusted_us(struct keeper *keeper);
/* A person confirms: durable, with its entry (actor: borrowed). 0 or a negative errno. */
MUST_USE int timekeeping_confirm(struct keeper *keeper, const struct audit_actor *actor);
