/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a segment began and ended. Each source of a start gives a claim; a claim that the file itself
 * contradicts is refused and the next source is asked.
 */
#include "domain/segment.h"

#include "base/clock.h"

/* 2000-01-01 UTC: no recorder of ours is older, and clocks that were never set stand before it. */
static const int64_t FLOOR_US = INT64_C(946684800) * US_PER_SECOND;
/* The end of 9999: what is later is no time at all. */
static const int64_t CEILING_US = INT64_C(253402300799) * US_PER_SECOND;
static const int64_t TOLERANCE_US = 2 * US_PER_SECOND;
/* Recorders cut at an hour at the latest; used only where nothing better is known. */
static const int64_t USUAL_LENGTH_US = 3600 * US_PER_SECOND;

/* What the path says, on the wall clock. The same twice, unless a local hour was repeated or it is a day. */
struct path_claim {
	enum { PATH_SAYS_NOTHING, PATH_SAYS_INSTANT, PATH_SAYS_TWO, PATH_SAYS_DAY } kind;
	int64_t earlier_us;
	int64_t later_us;
};

static bool is_known(int64_t file_time_us) {
	return file_time_us >= FLOOR_US;
}

static int64_t lower(int64_t a, int64_t b) {
	return a < b ? a : b;
}

static int64_t higher(int64_t a, int64_t b) {
	return a > b ? a : b;
}

static int64_t distance(int64_t a, int64_t b) {
	return a > b ? a - b : b - a;
}

/* 0 where mtime is unknown, or so far ahead that it cannot be believed. */
static int64_t believed_mtime(const struct start_evidence *evidence) {
	bool ahead = is_known(evidence->now_us) && evidence->mtime_us > evidence->now_us + TOLERANCE_US;
	return is_known(evidence->mtime_us) && !ahead ? evidence->mtime_us : 0;
}

/* Footage cannot have begun after any of these. */
static int64_t bound_of(const struct start_evidence *evidence) {
	const int64_t times[] = {evidence->mtime_us, evidence->birth_us, evidence->first_sight_us, evidence->now_us};
	int64_t bound = CEILING_US;
	for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
		if (is_known(times[i]))
			bound = lower(bound, times[i]);
	return bound;
}

static int64_t utc_of(const struct local_time *local, int32_t offset_seconds) {
	int64_t days = calendar_days(local->year, local->month, local->day);
	int64_t seconds = days * 86400 + local->hour * 3600 + local->minute * 60 + local->second - offset_seconds;
	return seconds * US_PER_SECOND + local->microsecond;
}

static struct path_claim claim_of_path(const struct start_evidence *evidence) {
	const struct pattern_match *path = &evidence->path;
	if (path->is_epoch)
		return (struct path_claim){PATH_SAYS_INSTANT, path->epoch_us, path->epoch_us};
	if (!path->has_date)
		return (struct path_claim){PATH_SAYS_NOTHING, 0, 0};

	struct local_time local = path->local;
	if (!path->has_time)
		local.hour = local.minute = local.second = local.microsecond = 0;
	bool utc = path->has_offset || evidence->clock == LAYOUT_CLOCK_UTC || evidence->zone == NULL;
	struct path_claim claim = {PATH_SAYS_INSTANT, 0, 0};
	if (utc) {
		claim.earlier_us = claim.later_us = utc_of(&local, path->has_offset ? path->offset_seconds : 0);
	} else {
		enum zone_match match;
		if (!zone_from_local(evidence->zone, &local, &claim.earlier_us, &claim.later_us, &match))
			return (struct path_claim){PATH_SAYS_NOTHING, 0, 0};
		if (match == ZONE_MATCH_TWICE)
			claim.kind = PATH_SAYS_TWO;
	}
	if (path->has_time)
		return claim;

	struct local_time next = {0};
	calendar_date(calendar_days(local.year, local.month, local.day) + 1, &next.year, &next.month, &next.day);
	int64_t end = claim.earlier_us + US_PER_DAY;
	if (!utc) {
		int64_t ignored;
		enum zone_match match;
		if (!zone_from_local(evidence->zone, &next, &ignored, &end, &match))
			end = claim.earlier_us + US_PER_DAY;
	}
	return (struct path_claim){PATH_SAYS_DAY, claim.earlier_us, end - 1};
}

/* Whether `start_us` leaves a usual length of recording before mtime. */
static bool is_plausible(int64_t start_us, int64_t mtime_us) {
	return start_us <= mtime_us + TOLERANCE_US && mtime_us - start_us <= USUAL_LENGTH_US + TOLERANCE_US;
}

/* Settles which pass of a repeated hour is meant. Returns true if the later; ret_settled: it is certain. */
static bool fold_is_later(const struct start_evidence *evidence, const struct path_claim *claim, bool *ret_settled) {
	/* Neither birth nor first sight: in the second pass recorders overwrite the first pass's file in place. */
	int64_t mtime = believed_mtime(evidence);
	int64_t bound = lower(mtime == 0 ? CEILING_US : mtime, is_known(evidence->now_us) ? evidence->now_us : CEILING_US);
	*ret_settled = true;
	if (claim->later_us > bound + TOLERANCE_US)
		return false;
	if (mtime == 0) {
		*ret_settled = false;
		return true;
	}
	if (evidence->duration_us > 0) {
		int64_t recorded = mtime - lower(evidence->duration_us, 2 * US_PER_DAY);
		int64_t half = (claim->later_us - claim->earlier_us) / 2;
		if (distance(recorded, claim->earlier_us) < half)
			return false;
		if (distance(recorded, claim->later_us) < half)
			return true;
	} else if (is_plausible(claim->later_us, mtime) != is_plausible(claim->earlier_us, mtime)) {
		return is_plausible(claim->later_us, mtime);
	}
	*ret_settled = false;
	return true;
}

/* A birth more than a day before the last write is that of a file whose name or content was given anew. */
static bool is_reused(const struct start_evidence *evidence) {
	int64_t mtime = believed_mtime(evidence);
	return mtime != 0 && is_known(evidence->birth_us) && mtime - evidence->birth_us > US_PER_DAY;
}

/* mtime less duration, bounded; 0 if mtime is not known. */
static int64_t start_by_mtime(const struct start_evidence *evidence) {
	int64_t mtime = believed_mtime(evidence);
	if (mtime == 0)
		return 0;
	struct start_evidence bounds = *evidence;
	if (is_reused(evidence))
		bounds.birth_us = 0;
	int64_t length = evidence->duration_us > 0 ? lower(evidence->duration_us, US_PER_DAY) : 0;
	return higher(lower(mtime - length, bound_of(&bounds)), FLOOR_US);
}

/* How early footage may have begun whose start is known by mtime alone. */
static int64_t earliest_by_mtime(const struct start_evidence *evidence, int64_t start_us) {
	int64_t earliest = start_us;
	if (is_reused(evidence))
		earliest = lower(earliest, evidence->birth_us);
	if (evidence->duration_us <= 0) {
		earliest -= USUAL_LENGTH_US;
		/* A birth shortly before mtime is when the writing began; a copy's birth is later. */
		if (is_known(evidence->birth_us) && evidence->mtime_us - evidence->birth_us <= US_PER_DAY)
			earliest = lower(earliest, evidence->birth_us);
	} else if (evidence->duration_us > US_PER_DAY) {
		earliest = evidence->mtime_us - lower(evidence->duration_us, evidence->mtime_us);
	}
	return higher(earliest, FLOOR_US);
}

/* Path and container more than a day apart: the later counts for deletion, both for holds. */
static void weigh_container(struct segment_start *start, int64_t container_us) {
	if (container_us == 0)
		return;
	if (container_us > start->start_us + US_PER_DAY) {
		start->time_suspect = true;
		start->start_us = container_us;
	} else if (container_us < start->earliest_us - US_PER_DAY) {
		start->time_suspect = true;
		start->earliest_us = container_us;
	}
}

/* A day's beginning and end are what is known; container and mtime say more where they fall into it. */
static void settle_day(const struct start_evidence *evidence, const struct path_claim *day, int64_t container_us,
    int64_t bound_us, struct segment_start *start) {
	int64_t by_mtime = start_by_mtime(evidence);
	if (container_us >= day->earlier_us && container_us <= day->later_us) {
		*start = (struct segment_start){container_us, container_us, START_FROM_CONTAINER, false, false, false, false};
	} else if (by_mtime >= day->earlier_us && by_mtime <= day->later_us) {
		int64_t earliest = higher(earliest_by_mtime(evidence, by_mtime), day->earlier_us);
		*start = (struct segment_start){by_mtime, earliest, START_FROM_MTIME, false, false, false, false};
	} else {
		start->start_us = higher(lower(day->later_us, bound_us), day->earlier_us);
		start->earliest_us = day->earlier_us;
	}
	weigh_container(start, container_us);
}

/* True if the path gives the start. */
static bool start_from_path(
    const struct start_evidence *evidence, int64_t container_us, int64_t bound_us, struct segment_start *start) {
	struct path_claim claim = claim_of_path(evidence);
	if (claim.kind == PATH_SAYS_NOTHING || claim.later_us < FLOOR_US)
		return false;
	if (claim.earlier_us > bound_us + TOLERANCE_US) {
		start->refused_future = true;
		return false;
	}
	start->source = START_FROM_PATH;
	if (claim.kind == PATH_SAYS_DAY) {
		settle_day(evidence, &claim, container_us, bound_us, start);
		return true;
	}
	start->start_us = start->earliest_us = claim.earlier_us;
	if (claim.kind == PATH_SAYS_TWO) {
		bool settled;
		start->fold = fold_is_later(evidence, &claim, &settled);
		start->fold_unsettled = !settled;
		start->start_us = start->fold ? claim.later_us : claim.earlier_us;
		start->earliest_us = settled ? start->start_us : claim.earlier_us;
	}
	weigh_container(start, container_us);
	return true;
}

/* Without a path: the container, unless it is far from what mtime says; else mtime; else first sight. */
static bool start_from_file(
    const struct start_evidence *evidence, int64_t container_us, int64_t bound_us, struct segment_start *start) {
	int64_t by_mtime = start_by_mtime(evidence);
	bool near = by_mtime == 0 || by_mtime - container_us <= US_PER_DAY;
	if (container_us != 0 && near) {
		start->start_us = start->earliest_us = container_us;
		start->source = START_FROM_CONTAINER;
		return true;
	}
	if (by_mtime != 0) {
		start->start_us = by_mtime;
		start->earliest_us = earliest_by_mtime(evidence, by_mtime);
		start->source = START_FROM_MTIME;
		start->time_suspect = container_us != 0 || evidence->duration_us > US_PER_DAY || is_reused(evidence);
		if (container_us != 0)
			start->earliest_us = lower(start->earliest_us, container_us);
		return true;
	}
	if (!is_known(evidence->first_sight_us))
		return false;
	/* It began before it was seen; how long before, nothing says: any earlier hold keeps it. */
	start->start_us = bound_us;
	start->earliest_us = FLOOR_US;
	start->source = START_FROM_FIRST_SIGHT;
	return true;
}

bool segment_decide_start(const struct start_evidence *evidence, struct segment_start *ret_start) {
	struct segment_start start = {0};
	int64_t bound = bound_of(evidence);
	bool future = evidence->container_start_us > bound + TOLERANCE_US;
	int64_t container = is_known(evidence->container_start_us) && !future ? evidence->container_start_us : 0;
	if (!start_from_path(evidence, container, bound, &start)) {
		start.refused_future |= future;
		if (!start_from_file(evidence, container, bound, &start))
			return false;
	}
	*ret_start = start;
	return true;
}

static int64_t add_length(int64_t start_us, int64_t duration_us) {
	int64_t end;
	return __builtin_add_overflow(start_us, duration_us, &end) ? INT64_MAX : end;
}

/* The longest files that recorders cut are an hour. */
#define LONGEST_BEFORE_NEXT_US (2 * INT64_C(3600) * US_PER_SECOND)

int64_t segment_decide_end(int64_t start_us, int64_t duration_us, int64_t next_start_us, int64_t mtime_us) {
	if (duration_us > 0)
		return add_length(start_us, duration_us);
	/* Further away is a gap in the recording, or the mtime of a copy: no recorder writes one file for so long. */
	if (next_start_us - start_us > LONGEST_BEFORE_NEXT_US)
		next_start_us = 0;
	if (mtime_us - start_us > US_PER_DAY)
		mtime_us = 0;
	return higher(start_us, higher(next_start_us, mtime_us));
}

int64_t segment_latest_end(int64_t start_us, int64_t duration_us, int64_t next_start_us, int64_t mtime_us) {
	int64_t end = segment_decide_end(start_us, duration_us, next_start_us, mtime_us);
	return mtime_us > end && mtime_us - start_us <= US_PER_DAY ? mtime_us : end;
}

const char *segment_state_name(enum segment_state state) {
	switch (state) {
	case SEGMENT_DISCOVERED:
		return "discovered";
	case SEGMENT_OPEN:
		return "open";
	case SEGMENT_SEALED:
		return "sealed";
	case SEGMENT_ALTERED:
		return "altered";
	case SEGMENT_UNREADABLE:
		return "unreadable";
	case SEGMENT_DELETING:
		return "deleting";
	}
	return "unknown";
}

const char *segment_kind_name(enum segment_kind kind) {
	switch (kind) {
	case SEGMENT_VIDEO:
		return "video";
	case SEGMENT_STILL:
		return "still";
	case SEGMENT_SOUND:
		return "sound";
	}
	return "unknown";
}

const char *start_source_name(enum start_source source) {
	switch (source) {
	case START_FROM_PATH:
		return "path";
	case START_FROM_CONTAINER:
		return "container";
	case START_FROM_MTIME:
		return "mtime";
	case START_FROM_FIRST_SIGHT:
		return "first_sight";
	}
	return "unknown";
}
