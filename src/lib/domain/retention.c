/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Due times, reasons for keeping, the brake. */
#include "domain/retention.h"

#include "base/clock.h"

/* How far starts may lie apart in one order and their due times in the other: 28 to 31 January + P1M, and a change of
 * clocks. */
static const int64_t DISORDER_US = 4 * US_PER_DAY;
/* Between two quarters of an hour, where zones change their clocks, due times are in order. */
static const int64_t QUARTER_US = 15 * 60 * US_PER_SECOND;

static int64_t add_saturated(int64_t a, int64_t b) {
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Never early: by the calendar and by the hour. */
static int64_t retention_end(int64_t start_us, const struct duration *retention, const struct zone *zone) {
	int64_t end = duration_add(start_us, retention, zone);
	int64_t fixed;
	if (duration_fixed_us(retention, &fixed) && add_saturated(start_us, fixed) > end)
		end = add_saturated(start_us, fixed);
	return end;
}

struct due retention_due(
    int64_t start_us, const struct retention_rule *rule, const struct zone *zone, int64_t expiry_interval_us) {
	if (!rule->has_retention)
		return (struct due){INT64_MAX, DUE_NEVER};
	struct due due = {retention_end(start_us, &rule->retention, zone), DUE_BY_RETENTION};
	if (!rule->has_legal_maximum)
		return due;
	int64_t limit = duration_add(start_us, &rule->legal_maximum, zone);
	if (due.due_us <= limit)
		return due;
	int64_t early = limit - expiry_interval_us;
	return (struct due){early < start_us ? start_us : early, DUE_BY_LEGAL_MAXIMUM};
}

struct question {
	int64_t now_us;
	const struct retention_rule *rule;
	const struct zone *zone;
	int64_t expiry_interval_us;
};

static bool is_due(const struct question *question, int64_t start_us) {
	struct due due = retention_due(start_us, question->rule, question->zone, question->expiry_interval_us);
	return due.due_us <= question->now_us;
}

/* The last due start before one that is not; `due` is due, `not_due` is not. */
static int64_t bisect(const struct question *question, int64_t due, int64_t not_due) {
	while (not_due - due > 1) {
		int64_t middle = due + (not_due - due) / 2;
		if (is_due(question, middle))
			due = middle;
		else
			not_due = middle;
	}
	return due;
}

static int64_t round_up(int64_t value, int64_t to) {
	int64_t rest = value % to;
	return rest == 0 ? value : value - rest + (rest < 0 ? 0 : to);
}

int64_t retention_due_before(
    int64_t now_us, const struct retention_rule *rule, const struct zone *zone, int64_t expiry_interval_us) {
	if (!rule->has_retention)
		return INT64_MIN;
	struct question question = {now_us, rule, zone, expiry_interval_us};
	/* Nothing is due before its start, and everything is after its longest. */
	int64_t longest_us = duration_longest_seconds(&rule->retention) * US_PER_SECOND;
	int64_t due = now_us - longest_us - DISORDER_US;
	if (!is_due(&question, due))
		return INT64_MIN;
	int64_t found = bisect(&question, due, now_us + 1);

	/* Later starts that are due nevertheless lie within the disorder; the latest of them is wanted. */
	int64_t reach = DISORDER_US + (expiry_interval_us < DISORDER_US ? expiry_interval_us : DISORDER_US);
	for (int64_t end = round_up(found + reach, QUARTER_US); end > found; end -= QUARTER_US) {
		int64_t start = end - QUARTER_US > found ? end - QUARTER_US : found + 1;
		if (is_due(&question, end - 1))
			return end - 1;
		if (is_due(&question, start))
			return bisect(&question, start, end - 1);
	}
	return found;
}

static const struct {
	const char *name;
	const char *sentence;
} kept_reasons[KEPT_REASON_COUNT] = {
    [KEPT_NOT_DUE] = {"not_due", "its time has not come"},
    [KEPT_HELD] = {"held", "a hold covers it"},
    [KEPT_RESTRICTED] = {"restricted", "a block (art. 18) covers it"},
    [KEPT_OPEN] = {"open", "it is still being written"},
    [KEPT_OBSERVING] = {"observing", "its root only observes: nothing is deleted there"},
    [KEPT_NO_RULE] = {"no_rule", "no retention is set for its camera: it is kept"},
    [KEPT_OFFLINE] = {"offline", "its volume is offline"},
    [KEPT_CLOCK] = {"clock", "the clock is not trusted: nothing is deleted"},
    [KEPT_BRAKE] = {"brake", "deletion paused: unusual amount"},
    [KEPT_PAUSED] = {"paused", "deletion waits until the root is scanned and the index is complete"},
    [KEPT_LOG] = {"log", "the audit log cannot be written: nothing is deleted"},
    [KEPT_FAILED] = {"failed", "the deletion failed and is tried again"},
    [KEPT_PENDING] = {"pending", "the next pass deletes it"},
    [KEPT_FOREIGN] = {"foreign", "its name is not recognised: it is never deleted"},
    [KEPT_NO_START] = {"no_start", "nothing says when it was recorded: it is kept"},
};

const char *kept_reason_name(enum kept_reason reason) {
	return (unsigned)reason < KEPT_REASON_COUNT ? kept_reasons[reason].name : "unknown";
}

const char *kept_reason_sentence(enum kept_reason reason) {
	return (unsigned)reason < KEPT_REASON_COUNT ? kept_reasons[reason].sentence : "the reason is not known";
}

bool brake_allows(const struct brake_count *count, uint32_t days, uint32_t minimum, uint64_t more_segments,
    int64_t more_recording_us) {
	if (days == 0 || count->released)
		return true;
	if (count->engaged)
		return false;
	uint64_t segments;
	bool many = __builtin_add_overflow(count->segments, more_segments, &segments) || segments > minimum;
	int64_t limit_us;
	bool wide = !__builtin_mul_overflow(US_PER_DAY, days, &limit_us) &&
	            add_saturated(count->recording_us, more_recording_us) > limit_us;
	return !(many && wide);
}
