"""Which languages there are, when a line may begin, and how it grows, ends and is corrected."""

from uuid import UUID

import pytest

from realtime import limits
from server.agenda.rules import NotLive, Phase
from server.captions import rules
from server.captions.rules import Line
from server.errors import Invalid


def a_line(text: str = "So for patients", *, final: bool = False, ended_ms: int = 1_000) -> Line:
    return Line(
        id=UUID(int=1), session_id=UUID(int=2), language="en", text=text, final=final,
        said_ms=1_000, ended_ms=ended_ms, revision=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("en", "en"), ("DE", "de"), ("pt-br", "pt-BR"), ("pt_BR", "pt-BR"), ("zh-hant", "zh-Hant"),
        ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("sl-Rozaj-BISKE", "sl-rozaj-biske"),
        ("de-CH-1901", "de-CH-1901"), (" fr ", "fr"), ("gsw", "gsw"),
    ],
)  # fmt: skip
def test_tags_are_written_as_usual(written: str, tag: str) -> None:
    assert rules.language(written) == tag
    assert rules.language(tag) == tag


@pytest.mark.parametrize(
    "written",
    ["", "e", "english", "en-", "en/../x", "en us", "dé", "x-klingon", "en" + "-abcdefgh" * 9],
)
def test_what_is_no_tag_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.language(written)
    assert refused.value.where == "language"


@pytest.mark.parametrize(
    ("written", "tag"), [("", "en"), ("Deutsch", "de"), ("fr-CA", "fr-CA"), ("whatever", "en")]
)
def test_a_sessions_language_is_what_an_organiser_wrote(written: str, tag: str) -> None:
    assert rules.usual(written) == tag


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", None),
        ("en", ("en", "English")),
        ("deutsch", ("de", "Deutsch")),
        ("pt_br", ("pt-BR", "Português (BR)")),
        ("French and Dutch", ("", "French and Dutch")),
    ],
)
def test_a_sessions_language_is_shown_by_its_name(text: str, shown: tuple[str, str] | None) -> None:
    assert rules.written(text) == shown


def test_languages_are_called_as_their_speakers_do() -> None:
    assert [rules.name(tag) for tag in ("de", "pt-BR", "gsw")] == [
        "Deutsch", "Português (BR)", "gsw",
    ]  # fmt: skip
    assert all(rules.language(tag) == tag for tag in rules.LANGUAGES)


@pytest.mark.parametrize("phase", Phase)
def test_a_line_begins_while_the_session_is_live(phase: Phase) -> None:
    if phase in {Phase.LIVE, Phase.PAUSED}:
        rules.say("Good morning", "en", phase, (), 0)
    else:
        with pytest.raises(NotLive):
            rules.say("Good morning", "en", phase, (), 0)


@pytest.mark.parametrize(
    ("text", "languages", "lines", "where"),
    [
        ("", (), 0, "text"),
        ("x" * (limits.MAX_CAPTION_CHARS + 1), (), 0, "text"),
        ("x", [f"a{chr(97 + n)}" for n in range(limits.MAX_CAPTION_LANGUAGES)], 8, "language"),
        ("x", ("en",), limits.MAX_CAPTION_LINES, ""),
    ],
)
def test_bounds_of_a_new_line(text: str, languages: list[str], lines: int, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.say(text, "en", Phase.LIVE, languages, lines)
    assert refused.value.where == where


def test_at_the_bounds_there_is_room() -> None:
    full = ["en", *(f"a{chr(97 + n)}" for n in range(limits.MAX_CAPTION_LANGUAGES - 1))]
    most = limits.MAX_CAPTION_LINES - 1
    rules.say("x" * limits.MAX_CAPTION_CHARS, "en", Phase.LIVE, full, most)


def test_a_line_grows_until_it_is_final() -> None:
    grown = rules.change(a_line(), 0, "So for patients above", final=False, now_ms=1_500)
    assert grown is not None
    assert (grown.text, grown.final, grown.ended_ms, grown.revision) == (
        "So for patients above", False, 1_500, 4,
    )  # fmt: skip
    whole = rules.change(grown, 0, "So for patients above 40.", final=True, now_ms=1_900)
    assert whole is not None
    assert (whole.final, whole.said_ms, whole.ended_ms) == (True, 1_000, 1_900)


def test_what_is_so_already_changes_nothing() -> None:
    assert rules.change(a_line(), 0, "So for patients", final=False, now_ms=9_000) is None


def test_a_correction_moves_no_time_and_a_final_line_stays_final() -> None:
    line = a_line(final=True)
    after = rules.change(line, 3, "So, for patients", final=False, now_ms=9_000)
    assert after is not None
    assert (after.text, after.final, after.ended_ms) == ("So, for patients", True, 1_000)


def test_another_line_ends_the_one_before_whose_writer_may_finish_it() -> None:
    after = rules.change(a_line(), 99, "So for patients above", final=False, now_ms=9_000)
    assert after is not None
    assert (after.final, after.ended_ms) == (True, 1_000)


def test_a_correction_comes_too_late_once_the_line_is_not_among_the_last() -> None:
    line, last = a_line(final=True), limits.CAPTIONS_CORRECTED
    assert rules.change(line, last - 1, "Other", final=True, now_ms=2_000) is not None
    with pytest.raises(rules.TooLate):
        rules.change(line, last, "Other", final=True, now_ms=2_000)


def test_without_a_text_a_line_is_out_and_may_come_back() -> None:
    out = rules.change(a_line(), 0, "", final=False, now_ms=1_100)
    assert out is not None
    assert (out.text, out.final) == ("", True)
    back = rules.change(out, 0, "So", final=True, now_ms=1_200)
    assert back is not None
    assert back.text == "So"


def test_a_change_is_no_longer_than_a_line() -> None:
    with pytest.raises(Invalid):
        rules.change(a_line(), 0, "x" * 301, final=False, now_ms=1_100)
