"""A certificate as PDF: values in, bytes out, the same bytes for the same values.

Knows neither the claim behind it nor where it is kept. The page is `web/credit/certificate.typ`;
the file is tagged, for readers (PDF/UA-1) and archives (PDF/A-3a). It costs some 20 ms of CPU, so
call it off the event loop.
"""

import io
import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import segno
import typst

from server.credit.wording import LIVE_INTERNET, award_line
from server.errors import Refused
from server.people.rules import Profession

if TYPE_CHECKING:
    from typst import PDFStandard  # its type stub alone has it

WEB = Path(__file__).parent.parent.parent / "web" / "credit"
STANDARDS: Final["list[PDFStandard]"] = ["ua-1", "a-3a"]
INK = "#15211f"
NO_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed')

JOINERS = "\u200c\u200d"
"""Zero width, yet letters of Persian and Indic names take their shape from them."""

UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a glyph: typst drops them without a word, and bidi controls lie."""


class Unprintable(Refused):
    """Some letter has no glyph here: better no certificate than one with a gap in a name."""

    code = "certificate.unprintable"


class TooLong(Refused):
    """The words do not fit on one page in any size that can be read."""

    code = "certificate.too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Everything printed. `units` is what was claimed, `designated` the activity's maximum."""

    number: str
    verify_url: str
    name: str
    degree: str = ""
    profession: Profession
    provider: str
    activity: str
    dates: str
    place: str = LIVE_INTERNET
    units: Decimal
    designated: Decimal
    accreditation: str
    designation: str
    issued: date
    signers: tuple[Signer, ...] = ()
    checkpoint: str = ""
    paper: Literal["a4", "us-letter"] = "a4"


def render(certificate: Certificate) -> bytes:
    """One page. Refuses what it cannot print whole."""
    values = _values(certificate) | {"qr": _qr(certificate.verify_url)}
    try:
        return _compile(values, certificate.issued, bundled=True)
    except Unprintable:
        return _compile(values, certificate.issued, bundled=False)


def _values(certificate: Certificate) -> dict[str, object]:
    award = award_line(
        certificate.profession,
        certificate.degree,
        certificate.units,
        designated=certificate.designated,
    )
    address = urlsplit(certificate.verify_url)
    day = certificate.issued
    words = {
        **asdict(award),
        "number": certificate.number,
        "verify_url": certificate.verify_url,
        "verify_host": f"{address.netloc}/",
        "verify_path": address.path.removeprefix("/"),
        "name": ", ".join(filter(None, (certificate.name, certificate.degree))),
        "provider": certificate.provider,
        "place": certificate.place,
        "activity": certificate.activity,
        "dates": certificate.dates,
        "accreditation": certificate.accreditation,
        "designation": certificate.designation,
        "issued_text": f"{day.day} {day:%B %Y}",
        "checkpoint": certificate.checkpoint,
        "paper": certificate.paper,
    }
    return {key: _printable(text) for key, text in words.items()} | {
        "issued": [day.year, day.month, day.day],
        "signers": [
            {"name": _printable(signer.name), "role": _printable(signer.role)}
            for signer in certificate.signers
        ],
    }


def _printable(text: str) -> str:
    """One line of composed letters, each of which leaves a mark on paper."""
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    for letter in line:
        if unicodedata.category(letter) in UNPRINTABLE and letter not in JOINERS:
            raise Unprintable(f"U+{ord(letter):04X} in {line!a} cannot be printed")
    return line


def _qr(address: str) -> str:
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        picture, kind="svg", border=0, dark=INK, xmldecl=False, svgclass=None, lineclass=None
    )
    return picture.getvalue().decode()


def _compile(values: dict[str, object], issued: date, *, bundled: bool) -> bytes:
    try:
        return typst.compile(
            _template(),
            font_paths=_fonts(bundled=bundled),
            format="pdf",
            sys_inputs={"data": json.dumps(values)},
            pdf_standards=STANDARDS,
            timestamp=datetime.combine(issued, time(), UTC),
        )
    except typst.TypstError as error:
        if TooLong.code in error.message:
            raise TooLong("the certificate does not fit on one page") from error
        # PDF/A forbids a box in place of a letter, so the compiler itself finds what no font has.
        if missing := NO_GLYPH.findall(error.diagnostic):
            raise Unprintable(f"no font here has {''.join(dict.fromkeys(missing))}") from error
        raise


@cache
def _template() -> bytes:
    return (WEB / "certificate.typ").read_bytes()


@cache
def _fonts(*, bundled: bool) -> typst.Fonts:
    """Ours give the same bytes everywhere; the machine's are asked only for scripts we lack."""
    return typst.Fonts(
        include_system_fonts=not bundled,
        include_embedded_fonts=False,
        font_paths=[WEB / "fonts"],
    )
