#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""When footage is due, reckoned apart from the daemon: python's calendar and zones.

dues.py ZONE DAYS MONTHS INTERVAL_SECONDS LOCAL_START[/fold]...   prints one line each: start, due (epoch seconds), rule

The shorter of DAYS days and MONTHS months on the calendar; DAYS never fewer than that many times 24 hours
(never early); what the months bound is due one interval before.
"""
import calendar
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

zone = ZoneInfo(sys.argv[1])
days, months, interval = (int(argument) for argument in sys.argv[2:5])


def epoch(local, fold=0):
    return int(local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc).timestamp())


def later(local):
    """Of a time that happened twice the later; one that was skipped moves on by the gap."""
    return max(epoch(local, 0), epoch(local, 1))


def add_months(local, count):
    month = local.month - 1 + count
    year, month = local.year + month // 12, month % 12 + 1
    return local.replace(year=year, month=month, day=min(local.day, calendar.monthrange(year, month)[1]))


for argument in sys.argv[5:]:
    text, _, fold = argument.partition("/")
    fold = int(fold or 0)
    local = datetime.strptime(text, "%Y-%m-%d_%H-%M-%S")
    start = epoch(local, fold)
    retention = max(later(local + timedelta(days=days)), start + days * 86400)
    limit = later(add_months(local, months)) - interval
    legal = retention > limit + interval
    print(start, limit if legal else retention, "legal" if legal else "retention")
