"""The certificate as a reader meets it: its pages, its words, its code, its file."""

import time
import unicodedata
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pypdfium2 as pdfium
import pytest
import segno

from server.credit.certificate import Certificate, Signer, TooLong, Unprintable, render
from server.credit.wording import accreditation_statement, designation_statement
from server.people.rules import Profession

MARGIN = 56
SEAL = 78
LONGEST_NAME = 120
DASH = "\N{EN DASH}"
HYPHEN_AT_LINE_END = "\ufffe"  # how the extractor gives it back

PLAIN = Certificate(
    number="CF26-7Q4M-0193",
    verify_url="https://cardioforum.example/verify/0f8b6f7e5d8c4b0e9a3c2d1e0f9a8b7c",
    name="Dr Marta Ruiz Olmedo",
    degree="MD",
    profession=Profession.PHYSICIAN,
    provider="CardioForum Education Institute",
    activity="CardioForum 2026: Heart Failure Across the Spectrum",
    dates=f"12{DASH}14 March 2026",
    units=Decimal("6.25"),
    designated=Decimal("18.50"),
    accreditation=accreditation_statement("The CardioForum Education Institute"),
    designation=designation_statement("The CardioForum Education Institute", Decimal("18.5")),
    issued=date(2026, 3, 16),
    signers=(
        Signer(name="Prof. Amara Okafor", role="Course director"),
        Signer(name="Erik Lindqvist, MD", role="Chair, education committee"),
    ),
)


def words(pdf: bytes) -> str:
    """All text of the only page, on one line; anything beyond the margins is an overflow."""
    with pdfium.PdfDocument(pdf) as document:
        assert len(document) == 1
        page = document[0]
        text = page.get_textpage()
        width, height = page.get_size()
        for index in range(text.count_chars()):
            left, bottom, right, top = text.get_charbox(index)
            assert left == right or (left >= MARGIN - 2 and right <= width - MARGIN + 2)
            assert bottom == top or (bottom >= 20 and top <= height - 20)
        return " ".join(text.get_text_range().replace(HYPHEN_AT_LINE_END, "-").split())


def test_it_says_what_was_claimed_by_whom_for_what() -> None:
    printed = words(render(PLAIN))

    assert "Certificate of credit" in printed
    assert "Dr Marta Ruiz Olmedo, MD" in printed
    assert (
        "participated in the live internet activity CardioForum 2026: Heart Failure Across the "
        f"Spectrum, held {PLAIN.dates}, and is awarded 6.25 AMA PRA Category 1 Credits™"
    ) in printed
    assert "Certificate no. CF26-7Q4M-0193 Issued 16 March 2026" in printed
    assert f"{PLAIN.accreditation} {PLAIN.designation}" in printed
    assert "Verify at cardioforum.example/ verify/0f8b6f7e5d8c4b0e9a3c2d1e0f9a8b7c" in printed
    for signer in PLAIN.signers:
        assert f"{signer.name} {signer.role}" in printed


def test_a_nurse_gets_hours_of_participation() -> None:
    nurse = replace(PLAIN, profession=Profession.NURSE, degree="RN")

    printed = words(render(nurse))

    assert "Certificate of participation" in printed
    assert f"held {PLAIN.dates}, for 6.25 hours of participation" in printed
    assert (
        "This activity was designated for a maximum of 18.5 AMA PRA Category 1 Credits™." in printed
    )
    assert "awarded" not in printed
    assert "Certificate of credit" not in printed


def test_the_same_values_give_the_same_bytes() -> None:
    assert render(PLAIN) == render(replace(PLAIN))
    assert render(PLAIN) != render(replace(PLAIN, number="CF26-7Q4M-0194"))


def test_the_file_is_tagged_for_readers_and_archives() -> None:
    pdf = render(PLAIN)

    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    with pdfium.PdfDocument(pdf) as document:
        assert document.is_tagged()
        title = document.get_metadata_value("Title")
    assert title == f"Certificate of credit {DASH} Dr Marta Ruiz Olmedo, MD {DASH} {PLAIN.activity}"


def test_the_code_leads_to_the_verify_page() -> None:
    pdf = render(PLAIN)

    assert PLAIN.verify_url.encode() in pdf
    assert printed_code(pdf) == [
        [module == 1 for module in row] for row in segno.make(PLAIN.verify_url, error="m").matrix
    ]


def printed_code(pdf: bytes) -> list[list[bool]]:
    """Reads the modules off the picture at the right margin, as a camera would."""
    scale = 4
    modules = len(segno.make(PLAIN.verify_url, error="m").matrix)
    with pdfium.PdfDocument(pdf) as document:
        page = document[0]
        bitmap = page.render(scale=scale, grayscale=True)
        right = (page.get_width() - MARGIN) * scale
    pixels, stride = bytes(bitmap.buffer), bitmap.stride
    size = SEAL * scale / modules
    left = right - SEAL * scale
    finder = int(left + size / 2)
    column = [
        pixels[y * stride + finder] < 128 for y in range(bitmap.height * 3 // 5, bitmap.height)
    ]
    top = bitmap.height * 3 // 5 + column.index(True)
    return [
        [
            pixels[int(top + (row + 0.5) * size) * stride + int(left + (column + 0.5) * size)] < 128
            for column in range(modules)
        ]
        for row in range(modules)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz Øster-Ångström Nguyễn",
        "Şebnem Çağlayan-Kölcü",
        "Guðrún Þórðardóttir",
        "Иван Щербаков",
        "Ελένη Παπαδοπούλου",
        "Sinéad O'Brien",
        "Ada #strong[Lovelace] $x$ *bold* \\ <b>",
    ],
)
def test_names_are_printed_letter_by_letter(name: str) -> None:
    signed = replace(PLAIN, name=name, signers=(Signer(name=name, role="Course director"),))

    printed = words(render(signed))

    assert f"{name}, MD" in printed
    assert f"{name} Course director" in printed


def test_an_arabic_name_is_shaped_and_can_be_copied_out() -> None:
    assert "محمد عبد الله" in words(render(replace(PLAIN, name="محمد عبد الله", degree="")))


def test_a_decomposed_name_is_composed_first() -> None:
    decomposed = unicodedata.normalize("NFD", "Nguyễn Thị Ánh")

    assert "Nguyễn Thị Ánh, MD" in words(render(replace(PLAIN, name=decomposed)))


@pytest.mark.parametrize("name", ["王小明", "김민준", "さくら", "אברהם"])
def test_other_scripts_are_printed_whole_or_refused(name: str) -> None:
    try:
        pdf = render(replace(PLAIN, name=name))
    except Unprintable as refusal:
        assert any(letter in str(refusal) for letter in name)  # noqa: PT017 - both are right
    else:
        printed = words(pdf)
        assert all(letter in printed for letter in name)


@pytest.mark.parametrize("letter", ["\u202e", "\ue000", "\u0000", "\U0010ffff", "\u0378"])
@pytest.mark.parametrize("field", ["name", "activity", "checkpoint"])
def test_what_has_no_glyph_is_refused_by_its_number(field: str, letter: str) -> None:
    with pytest.raises(Unprintable, match=f"U\\+{ord(letter):04X}"):
        render(replace(PLAIN, **{field: f"A{letter}B"}))  # type: ignore[arg-type]


def test_line_breaks_in_what_was_typed_are_spaces() -> None:
    typed = replace(PLAIN, designation="Heart House designates\r\n this  activity.")

    assert "Heart House designates this activity." in words(render(typed))


def crowded(**changes: object) -> Certificate:
    signers = tuple(
        Signer(name=f"Prof. Amara Okafor-Lindqvist van der Berg {n}", role="Course director " * 3)
        for n in range(4)
    )
    full = replace(
        PLAIN,
        profession=Profession.PHARMACIST,
        signers=signers,
        place="live internet activity broadcast from the great hall of the institute",
        checkpoint="Ledger checkpoint 2026-03-15: 7f3a 91c0 55de 02ab",
    )
    return replace(full, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("paper", ["a4", "us-letter"])
@pytest.mark.parametrize(
    "activity",
    [
        "A very long title, about everything that a heart may do " * 9,
        "Pneumonoultramicroscopicsilicovolcanoconiosis-Hippopotomonstrosesquippedaliophobia " * 3,
        "Electroencephalographically" * 4,
    ],
)
def test_a_crowded_certificate_keeps_every_word_on_one_page(activity: str, paper: str) -> None:
    name = ("Wolfgang-Amadeus Theophilus " * 9)[:LONGEST_NAME].strip()
    full = crowded(name=name, activity=activity, paper=paper)

    printed = words(render(full)).replace(" ", "")

    sentence = f"in the {full.place} {activity.strip()}, held {full.dates}, for"
    for part in (name, sentence, full.accreditation, full.designation, full.checkpoint):
        assert part.replace(" ", "") in printed
    for signer in full.signers:
        assert f"{signer.name}{signer.role}".replace(" ", "") in printed


@pytest.mark.parametrize("activity", ["A heart " * 900, "A" * 400])
def test_what_fits_in_no_readable_size_is_refused(activity: str) -> None:
    with pytest.raises(TooLong):
        render(crowded(activity=activity))


def test_the_checkpoint_is_printed_when_there_is_one() -> None:
    assert "checkpoint" not in words(render(PLAIN))
    assert "checkpoint 7f3a 91c0" in words(
        render(replace(PLAIN, checkpoint="checkpoint 7f3a 91c0"))
    )


def test_it_is_made_in_an_instant() -> None:
    render(PLAIN)
    rounds = 20
    start = time.perf_counter()
    for number in range(rounds):
        render(replace(PLAIN, number=f"CF26-7Q4M-{number:04}"))
    each = (time.perf_counter() - start) / rounds
    print(f"{each * 1000:.1f} ms a certificate")  # noqa: T201 - the figure is what one runs this for
    assert each < 1
