"""Reads attendance reports of other meeting tools: CSV in, values or located problems out. Pure.

A report may begin with a block about the meeting, is then one line a participant or one line a
stay, and comes in many dialects: byte order marks, tabs for commas, columns in any order. What a
line is worth, and whose it is, is decided elsewhere; a figure here is the least it can stand for.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from server import clock
from server.agenda.importers.fields import MAX_BYTES
from server.agenda.importers.problems import (
    Problems,
    Reading,
    TooManyProblems,
    quote,
    refusal,
)

MAX_LINES = 20_000
"""Ten times the largest hall, each person coming back ten times in the hour."""

LONGEST_NAME = 300
MINUTE_MS = 60_000

NAMES = ("name (original name)", "user name (original name)", "full name", "participant name",
         "user name", "participant", "name")  # fmt: skip
MAILS = ("user email", "email", "e-mail", "email address", "participant email", "mail")
MINUTES = ("total duration (minutes)", "duration (minutes)", "time in session (minutes)",
           "duration (min)", "minutes")  # fmt: skip
LENGTHS = ("in-meeting duration", "duration", "meeting duration")
JOINS = ("join time", "first join", "join time (timezone)", "joined")
LEAVES = ("leave time", "last leave", "leave time (timezone)", "left")
STARTS = ("start time", "meeting start time", "actual start time")
ENDS = ("end time", "meeting end time")
TOPICS = ("topic", "meeting title", "meeting name")
NUMBERS = ("meeting id", "id", "webinar id")
ATTENDED = ("attended",)

FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M",
           "%m/%d/%y %I:%M:%S %p", "%m/%d/%y %I:%M %p", "%m/%d/%y %H:%M:%S", "%m/%d/%y %H:%M",
           "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%b %d %Y %I:%M:%S %p",
           "%b %d %Y %H:%M:%S")  # fmt: skip
DAY_FIRST = tuple(each.replace("%m/%d", "%d/%m") for each in FORMATS if each.startswith("%m/%d"))

NAME = re.compile(r"(?P<name>.*?)\s*\((?P<original>[^()]*)\)", re.DOTALL)
LENGTH = re.compile(r"(?:(\d{1,3})\s*h\w*)?\s*(?:(\d{1,4})\s*m\w*)?\s*(?:(\d{1,5})\s*s\w*)?")
CLOCK = re.compile(r"(\d{1,3}):(\d{2}):(\d{2})")
SLASHED = re.compile(r"\b(\d{1,2})/(\d{1,2})/\d{2,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a report. `least_ms` is the least time it can stand for.

    With both times it lies between them, and fills them when it is as long; without, somewhere in
    the meeting.
    """

    number: int
    name: str
    original: str = ""
    mail: str = ""
    least_ms: int
    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.original})" if self.original else self.name or self.mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report; the meeting's own times, where it tells them."""

    topic: str = ""
    starts_ms: int | None = None
    ends_ms: int | None = None
    lines: tuple[Line, ...] = ()


Row = tuple[int, list[str]]


def read_attendance(raw: bytes, zone: str) -> Reading[Report]:
    """All lines of a report, or none. Times without an offset are in `zone`."""
    if len(raw) > MAX_BYTES:
        return refusal("$", "is too large")
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        return refusal(
            "$", f"is no {encoding.removesuffix('-sig').upper()} text at byte {error.start}"
        )
    text = text.replace("\u202f", " ").replace("\u00a0", " ").replace("\0", "")
    problems = Problems()
    try:
        report = _Reader(text, ZoneInfo(zone), problems).report()
    except TooManyProblems:
        report = None
    except csv.Error as error:
        return refusal("$", f"is no table: {error}")
    return problems.reading(report)


class _Reader:
    """One pass over the rows: the meeting's block, then the participants' up to an empty row."""

    def __init__(self, text: str, zone: ZoneInfo, problems: Problems) -> None:
        self._text, self._zone, self._problems = text, zone, problems
        self._formats = (*DAY_FIRST, *FORMATS) if _day_first(text) else (*FORMATS, *DAY_FIRST)

    def report(self) -> Report | None:
        meeting: dict[str, tuple[str, str]] = {}
        rows = _rows(self._text)
        for row in rows:
            columns = _columns(row[1])
            if _first(columns, NAMES) is not None and _first(columns, (*MINUTES, *LENGTHS, *JOINS)):
                lines = self._lines(row[1], columns, rows)
                return self._report(meeting, lines)
            _note_meeting(meeting, row, columns, rows)
        self._problems.error("$", "has no row that names the columns of participants")
        return None

    def _report(self, meeting: Mapping[str, tuple[str, str]], lines: list[Line]) -> Report | None:
        if not lines and not self._problems.errors:
            self._problems.error("$", "lists nobody")
            return None
        starts, ends = meeting.get("starts"), meeting.get("ends")
        starts_ms = self._time(*starts) if starts and starts[1] else None
        ends_ms = self._time(*ends) if ends and ends[1] else None
        if starts_ms is not None and ends_ms is not None and ends_ms < starts_ms and ends:
            self._problems.error(ends[0], "the meeting ends before it starts")
        return Report(
            topic=meeting.get("topic", ("", ""))[1],
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            lines=tuple(lines),
        )

    def _lines(
        self, header: Sequence[str], columns: Mapping[str, int], rows: Iterator[Row]
    ) -> list[Line]:
        lines: list[Line] = []
        for number, cells in rows:
            if not any(cells):
                break
            if len(lines) == MAX_LINES:
                self._problems.error(f"line {number}", f"more than {MAX_LINES} lines")
                break
            line = self._line(number, cells, header, columns)
            if line is not None:
                lines.append(line)
        return lines

    def _line(
        self, number: int, cells: Sequence[str], header: Sequence[str], columns: Mapping[str, int]
    ) -> Line | None:
        def cell(names: Sequence[str]) -> tuple[str, str]:
            """Where a value stands and what it is; empty when the report has no such column."""
            at = _first(columns, names)
            if at is None:
                return f"line {number}", ""
            return f"line {number}, {header[at]}", cells[at] if at < len(cells) else ""

        if cell(ATTENDED)[1].casefold() == "no":
            return None
        name, original = _names(cell(NAMES)[1])
        mail = cell(MAILS)[1].casefold()
        if not name and not mail:
            self._problems.error(f"line {number}", "names nobody")
        if len(name) + len(original) + len(mail) > LONGEST_NAME:
            self._problems.error(f"line {number}", f"a name of more than {LONGEST_NAME} characters")
        times = self._stay(cell(JOINS), cell(LEAVES))
        length = self._length(cell(MINUTES), cell(LENGTHS), whole=bool(times))
        if length is None and times is None:
            return None
        from_ms, to_ms = times or (None, None)
        whole_ms = to_ms - from_ms if from_ms is not None and to_ms is not None else None
        least_ms = (
            length if whole_ms is None else min(whole_ms, whole_ms if length is None else length)
        )
        assert least_ms is not None, "one of the two was there"
        return Line(
            number=number, name=name, original=original, mail=mail if "@" in mail else "",
            least_ms=least_ms, from_ms=from_ms, to_ms=to_ms,
        )  # fmt: skip

    def _stay(self, joined: tuple[str, str], left: tuple[str, str]) -> tuple[int, int] | None:
        if not joined[1] or not left[1]:
            return None
        from_ms, to_ms = self._time(*joined), self._time(*left)
        if from_ms is None or to_ms is None:
            return None
        if to_ms < from_ms:
            self._problems.error(left[0], "left before joining")
            return None
        return from_ms, to_ms

    def _length(
        self, minutes: tuple[str, str], written: tuple[str, str], *, whole: bool
    ) -> int | None:
        """The least milliseconds a figure can stand for; None where nothing definite is told.

        Whole minutes are rounded up by those who report them: 53 is more than 52 and no more is
        sure. Beside a join and a leave they add nothing.
        """
        where, text = minutes
        if text:
            if not text.isascii() or not text.isdigit() or len(text) > 5:  # noqa: PLR2004
                self._problems.error(where, f"{quote(text)} is no number of minutes")
                return None
            return None if whole else max(0, int(text) - 1) * MINUTE_MS
        where, text = written
        found = (CLOCK.fullmatch(text) or LENGTH.fullmatch(text)) if text else None
        if found is not None:
            hours, mins, seconds = (int(part or 0) for part in found.groups())
            return ((hours * 60 + mins) * 60 + seconds) * 1000
        if text or not whole:
            message = f"{quote(text)} is no length of time" if text else "tells no length of time"
            self._problems.error(where, message)
        return None

    def _time(self, where: str, text: str) -> int | None:
        plain = " ".join(text.replace(",", " ").split())
        at = _iso(text)
        for written in () if at else self._formats:
            try:
                at = datetime.strptime(plain, written)  # noqa: DTZ007 - its zone comes below
            except ValueError:
                continue
            break
        if at is None:
            self._problems.error(where, f"{quote(text)} is no time this reader knows")
            return None
        return clock.milliseconds(at if at.tzinfo else at.replace(tzinfo=self._zone))


def _rows(text: str) -> Iterator[Row]:
    """Every row with its number in the file, its cells stripped."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for row in reader:
        yield reader.line_num, [cell.strip() for cell in row]


def _columns(cells: Sequence[str]) -> dict[str, int]:
    return {cell.casefold(): at for at, cell in reversed(list(enumerate(cells))) if cell}


def _first(columns: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((columns[name] for name in names if name in columns), None)


def _note_meeting(
    meeting: dict[str, tuple[str, str]], row: Row, columns: Mapping[str, int], rows: Iterator[Row]
) -> None:
    """A header whose next row holds the values, or a pair of a name and its value."""
    wanted = {"topic": TOPICS, "starts": STARTS, "ends": ENDS}
    number, cells = row
    found = {key: _first(columns, names) for key, names in wanted.items()}
    known = {key: at for key, at in found.items() if at is not None}
    if len(known) > 1 or _first(columns, NUMBERS) is not None:
        number, values = next(rows, (number + 1, []))
        for key, at in known.items():
            meeting[key] = (f"line {number}, {cells[at]}", values[at] if at < len(values) else "")
    elif len(cells) > 1 and known and next(iter(known.values())) == 0:
        meeting[next(iter(known))] = (f"line {number}, {cells[0]}", cells[1])


def _names(written: str) -> tuple[str, str]:
    """`Paul McCartney (Wings)`: how somebody was shown, and what the account is called."""
    found = NAME.fullmatch(written)
    if found is None or not found["name"]:
        return written, ""
    return found["name"], found["original"].strip()


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _day_first(text: str) -> bool:
    """Whether some date of the file can only be read with its day before its month."""
    return any(int(one) > 12 >= int(other) for one, other in SLASHED.findall(text))  # noqa: PLR2004
