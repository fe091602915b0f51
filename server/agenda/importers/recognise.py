"""Tells what a file is by what stands in it, and reads programmes. Knows no other feature.

The name of a file is a hint only where its content says nothing: people rename what they save.
"""

import re
from enum import StrEnum

from server.agenda.importers.fields import NotJson, parse_json
from server.agenda.importers.frab_xml import read_frab_xml
from server.agenda.importers.problems import Reading, refusal
from server.agenda.importers.programme import ImportedProgramme
from server.agenda.importers.schedule_json import read_schedule_json

BOOTH_KEYS = {"front_matter", "themes", "showcase", "website", "stand", "booth"}
BOOTH_LISTS = ("stands", "booths", "exhibitors")

ATTENDANCE_HEADER = re.compile(
    r"name \(original name\)|^meeting id,|total duration \(minutes\)|"
    r"(join|leave) time.*(leave|join) time|user name \(original name\)|first join",
    re.IGNORECASE | re.MULTILINE,
)
ROOT_ELEMENT = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
HEAD_BYTES = 4096
"""Where a file says what it is."""


class Kind(StrEnum):
    PROGRAMME_JSON = "programme_json"
    PROGRAMME_XML = "programme_xml"
    BOOTHS = "booths"
    ATTENDANCE = "attendance"
    UNKNOWN = "unknown"


def recognise(name: str, raw: bytes) -> Kind:
    """Which importer a file needs. What cannot be parsed goes to the importer that tells why."""
    start = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return _kind_of_xml(name, raw)
    if start in (b"{", b"["):
        return _kind_of_json(raw)
    if ATTENDANCE_HEADER.search(_head(raw)):
        return Kind.ATTENDANCE
    if _ends(name, ".json"):
        return Kind.PROGRAMME_JSON
    return Kind.PROGRAMME_XML if _ends(name, ".xml") else Kind.UNKNOWN


def read_programme(name: str, raw: bytes, zone: str | None = None) -> Reading[ImportedProgramme]:
    """A programme in whichever format; `zone` is the conference's, where the file names none."""
    match recognise(name, raw):
        case Kind.PROGRAMME_JSON:
            return read_schedule_json(raw, zone)
        case Kind.PROGRAMME_XML:
            return read_frab_xml(raw, zone)
        case kind:
            seen = "" if kind is Kind.UNKNOWN else f": it is a file of {kind.value}"
            return refusal("$", f"is no schedule.json and no schedule.xml{seen}")


def _kind_of_xml(name: str, raw: bytes) -> Kind:
    root = ROOT_ELEMENT.search(raw[:HEAD_BYTES])
    if _ends(name, ".xml") or (root and root[1] == b"schedule"):
        return Kind.PROGRAMME_XML
    return Kind.UNKNOWN


def _kind_of_json(raw: bytes) -> Kind:
    try:
        root = parse_json(raw)
    except NotJson:
        # The importer will say the same, with the reason.
        return Kind.PROGRAMME_JSON
    if isinstance(root, dict) and "schedule" in root:
        return Kind.PROGRAMME_JSON
    if _holds_booths(root):
        return Kind.BOOTHS
    return Kind.PROGRAMME_JSON if isinstance(root, dict) and "conference" in root else Kind.UNKNOWN


def _holds_booths(root: object) -> bool:
    if isinstance(root, dict):
        if any(isinstance(root.get(name), list) for name in BOOTH_LISTS):
            return True
        root = list(root.values())
    if not isinstance(root, list):
        return False
    first = next((each for each in root if isinstance(each, dict)), {})
    return bool(BOOTH_KEYS & first.keys())


def _head(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return raw[:HEAD_BYTES].decode(encoding, errors="replace")


def _ends(name: str, ending: str) -> bool:
    return name.lower().endswith(ending)
