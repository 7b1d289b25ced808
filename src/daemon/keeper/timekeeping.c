/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timekeeping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/log.h"
#include "expiry.h"
#include "keeper.h"
#include "record.h"
#include "state.h"

/* Between two looks nothing is decided without a look of its own; between two stores only the high-water mark lags. */
static const struct timeval look_interval = {.tv_sec = 5};
enum { STORE_INTERVAL_S = 300 };

struct timekeeping {
	struct clock_state state;
	struct clock_verdict verdict;
	bool told; /* a verdict of this run is in the log */
	int64_t stored_boot_us;
	int64_t judged_wall_us; /* the reading that the verdict is about … */
	int64_t judged_boot_us; /* … which goes on with the boot clock, so that a step in between counts for nothing */
	struct event *look_event;
};

static int64_t max_jump_us(const struct keeper *keeper) {
	int64_t us = US_PER_DAY;
	return duration_fixed_us(&keeper->settings->clock.max_jump, &us) ? us : US_PER_DAY;
}

static int store(struct keeper *keeper, int64_t boot_us) {
	int error = state_clock_put(keeper->state, &keeper->timekeeping->state);
	if (error == 0)
		keeper->timekeeping->stored_boot_us = boot_us;
	else
		log_warning_errno(error, "the clock's state cannot be stored; trying again");
	return error;
}

static void tell(struct keeper *keeper, const struct clock_verdict *before) {
	const struct clock_verdict *now = &keeper->timekeeping->verdict;
	if (now->stepped) {
		json_t *details = json_pack("{s:I}", "step_us", (json_int_t)now->step_us);
		(void)record_append(keeper, AUDIT_CLOCK_STEP, AUDIT_SUCCESS, now->reason, NULL, details, NULL);
	}
	if (keeper->timekeeping->told && now->trusted == before->trusted && now->level == before->level)
		return;
	keeper->timekeeping->told = true;
	json_t *details =
	    json_pack("{s:s, s:b}", "clock_level", clock_level_name(now->level), "trusted", (int)now->trusted);
	(void)record_append(keeper, now->trusted ? AUDIT_CLOCK_TRUSTED : AUDIT_CLOCK_FROZEN, AUDIT_SUCCESS, now->reason,
	    NULL, details, NULL);
	if (now->trusted)
		log_notice("the clock is trusted (%s)", clock_level_name(now->level));
	else
		log_warning("the clock is not trusted (%s): %s; nothing is deleted", clock_level_name(now->level), now->reason);
}

const struct clock_verdict *timekeeping_judge(struct keeper *keeper) {
	struct timekeeping *timekeeping = keeper->timekeeping;
	struct clock_reading reading;
	clock_read(&reading);
	struct clock_verdict before = timekeeping->verdict;
	bool frozen = timekeeping->state.frozen;
	clock_judge(
	    &timekeeping->state, &reading, keeper->settings->clock.require, max_jump_us(keeper), &timekeeping->verdict);
	timekeeping->judged_wall_us = reading.wall_us;
	timekeeping->judged_boot_us = reading.boot_us;
	const struct clock_verdict *now = &timekeeping->verdict;
	bool changed = now->stepped || now->trusted != before.trusted || now->level != before.level ||
	               timekeeping->state.frozen != frozen || !timekeeping->told;
	if (now->arm_brake && keeper->expiry != NULL)
		expiry_arm_brake(keeper);
	if (changed || reading.boot_us - timekeeping->stored_boot_us > STORE_INTERVAL_S * US_PER_SECOND)
		(void)store(keeper, reading.boot_us);
	if (changed && keeper->record != NULL)
		tell(keeper, &before);
	if (now->trusted && !before.trusted && keeper->expiry != NULL)
		expiry_soon(keeper);
	return now;
}

static void on_look(evutil_socket_t fd, short events, void *context) {
	(void)fd;
	(void)events;
	(void)timekeeping_judge(context);
}

int timekeeping_open(struct keeper *keeper, struct timekeeping **ret_timekeeping) {
	struct timekeeping *timekeeping = calloc(1, sizeof *timekeeping);
	if (timekeeping == NULL)
		return -ENOMEM;
	int error = state_clock_get(keeper->state, &timekeeping->state);
	if (error == -ENOENT)
		error = 0;
	timekeeping->verdict.level = CLOCK_UNTRUSTED;
	timekeeping->look_event = event_new(keeper->base, -1, EV_PERSIST, on_look, keeper);
	if (error == 0 && (timekeeping->look_event == NULL || event_add(timekeeping->look_event, &look_interval) < 0))
		error = -ENOMEM;
	if (error != 0) {
		(void)timekeeping_close(timekeeping);
		return error;
	}
	keeper->timekeeping = timekeeping;
	*ret_timekeeping = timekeeping;
	(void)timekeeping_judge(keeper);
	return 0;
}

struct timekeeping *timekeeping_close(struct timekeeping *timekeeping) {
	if (timekeeping != NULL) {
		if (timekeeping->look_event != NULL)
			event_free(timekeeping->look_event);
		free(timekeeping);
	}
	return NULL;
}

const struct clock_verdict *timekeeping_verdict(const struct keeper *keeper) {
	return &keeper->timekeeping->verdict;
}

const struct clock_state *timekeeping_state(const struct keeper *keeper) {
	return &keeper->timekeeping->state;
}

int64_t timekeeping_trusted_us(struct keeper *keeper) {
	const struct timekeeping *timekeeping = keeper->timekeeping;
	int64_t passed_us = clock_boot_us() - timekeeping->judged_boot_us;
	if (passed_us > US_PER_SECOND || passed_us < 0) {
		(void)timekeeping_judge(keeper);
		passed_us = 0;
	}
	return timekeeping->verdict.trusted ? timekeeping->judged_wall_us + passed_us : 0;
}

int timekeeping_confirm(struct keeper *keeper, const struct audit_actor *actor) {
	struct clock_reading reading;
	clock_read(&reading);
	struct clock_state before = keeper->timekeeping->state;
	clock_confirm(&keeper->timekeeping->state, &reading);
	int error = store(keeper, reading.boot_us);
	if (error != 0) {
		keeper->timekeeping->state = before;
		return error;
	}
	json_t *details = json_pack("{s:I, s:I, s:I}", "wall_us", (json_int_t)reading.wall_us, "former_high_water_us",
	    (json_int_t)before.high_water_us, "unexplained_us", (json_int_t)before.unexplained_us);
	error = record_append(keeper, AUDIT_CLOCK_CONFIRMED, AUDIT_SUCCESS, NULL, actor, details, NULL);
	(void)timekeeping_judge(keeper);
	return error == 0 ? record_durable(keeper) : error;
}
