"""Dates, times and durations as programme tools write them, and their meaning in a zone.

Every function raises ValueError with a sentence for the organiser; places are the caller's.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

LONGEST_SESSION = timedelta(days=14)
"""An exhibition may run all through a congress; a year is a slip of the pen."""

FIRST_YEAR = 1970
LAST_YEAR = 2199
"""Beyond them arithmetic with zones ends in an overflow."""

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?")
PARTS = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}))?")
DAYS_AND_CLOCK = re.compile(r"(\d{1,2}) days?,? (\d{1,2}):(\d{2})(?::\d{2})?")
ISO_DURATION = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")


@cache
def zone_names() -> frozenset[str]:
    """The IANA list, read from the disk once."""
    return frozenset(available_timezones())


def read_zone(name: str) -> ZoneInfo:
    if name not in zone_names():
        raise ValueError("is no time zone of the IANA list, such as Europe/Paris")
    return ZoneInfo(name)


def read_date(text: str) -> date:
    """A day, also out of a date with time."""
    return read_moment(text).date() if len(text) > len("2026-11-14") else _read_day(text)


def read_moment(text: str) -> datetime:
    """A date with time, aware when the text has an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no date with time, such as 2026-11-14T09:00:00+01:00") from None
    _check_year(moment)
    return moment


def read_clock(text: str) -> time:
    found = CLOCK.fullmatch(text)
    if not found:
        raise ValueError("is no time of day, such as 09:00")
    return time(int(found[1]), int(found[2]), int(found[3] or 0))


def read_duration(text: str) -> timedelta:
    """`H:MM`, `HH:MM`, `HH:MM:SS`, `D:HH:MM`, `1 day, H:MM` or ISO 8601.

    Of three parts the first is days where it has one digit (pretalx writes days unpadded) and
    hours where it has two (FOSDEM writes `00:25:00`).
    """
    if parts := PARTS.fullmatch(text):
        first, second, third = int(parts[1]), int(parts[2]), parts[3]
        if third is None:
            duration = timedelta(hours=first, minutes=second)
        elif len(parts[1]) == 1:
            duration = timedelta(days=first, hours=second, minutes=int(third))
        else:
            duration = timedelta(hours=first, minutes=second, seconds=int(third))
    elif worded := DAYS_AND_CLOCK.fullmatch(text):
        duration = timedelta(days=int(worded[1]), hours=int(worded[2]), minutes=int(worded[3]))
    elif (iso := ISO_DURATION.fullmatch(text)) and any(iso.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    else:
        raise ValueError("is no duration, such as 00:45")
    if not timedelta() < duration <= LONGEST_SESSION:
        raise ValueError(f"is no duration between a second and {LONGEST_SESSION.days} days")
    return duration


def begins_next_day(clock: time, day_change: time) -> bool:
    """Whether a session of a day begins after its midnight: before the programme's day change."""
    return clock < day_change


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment a wall clock in `zone` shows `local`; of a repeated hour, the first."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def oddity(local: datetime, zone: ZoneInfo) -> str:
    """What the change to or from summer time makes of a wall clock's time, or nothing."""
    moment = local.replace(tzinfo=zone)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        return "does not exist that day: clocks go forward over it"
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        return "comes twice that day: clocks go back; the first is taken"
    return ""


def zone_of_offsets(offsets: set[timedelta]) -> str:
    """A zone for a file that names none but gives every time its offset."""
    if len(offsets) == 1:
        hours, rest = divmod(next(iter(offsets)), timedelta(hours=1))
        if not rest and hours:
            return f"Etc/GMT{-hours:+d}"
    return "UTC"


def _read_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no date, such as 2026-11-14") from None
    _check_year(day)
    return day


def _check_year(day: date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"is not between {FIRST_YEAR} and {LAST_YEAR}")
