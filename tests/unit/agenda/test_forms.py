"""An organiser's form: what was typed stays, and what is wrong is said beside its field."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from server.agenda import forms
from server.agenda.forms import FacultyRow, Typed
from server.agenda.rules import FacultyMember, FacultyRole, Session
from server.errors import Invalid
from server.ids import new_id

ZONE = "Europe/Paris"
GOOD = {
    "title": "Iron deficiency",
    "starts_at": "2026-03-12T09:00",
    "ends_at": "2026-03-12T09:45",
    "minutes": "45",
}


def typed(**values: str) -> Typed:
    return forms.typed({**GOOD, **values}, forms.SESSION_FIELDS)


def test_a_whole_form_becomes_a_session() -> None:
    form = typed(abstract="Hello **there**", hall="Hall A")
    draft = forms.draft(form, ZONE, None)
    assert not form.errors
    assert draft.starts_at == datetime(2026, 3, 12, 8, tzinfo=UTC)
    assert draft.designated_ms == 45 * 60_000
    assert "<strong>there</strong>" in draft.abstract


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", " "),
        ("title", "x" * 301),
        ("starts_at", ""),
        ("starts_at", "2026-03-29T02:30"),  # clocks skip it
        ("ends_at", "2026-03-12T08:00"),
        ("minutes", "soon"),
        ("minutes", "-5"),
        ("minutes", "NaN"),
        ("minutes", "1441"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_everything_is_kept(field: str, text: str) -> None:
    form = typed(**{field: text})
    forms.draft(form, ZONE, None)
    assert set(form.errors) == {field}
    assert form.values[field] == text.strip()
    assert form.values["minutes"] == (text if field == "minutes" else "45")


def test_a_time_left_alone_stays_the_second_of_two_equal_hours() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in winter time
    session = Session(
        conference_id=UUID(int=1),
        id=new_id(),
        title="Night shift",
        starts_at=second,
        ends_at=datetime(2026, 10, 25, 3, tzinfo=UTC),
    )
    form = forms.shown(session, ZONE, {})
    assert form.values["starts_at"] == "2026-10-25T02:30"
    assert forms.draft(form, ZONE, session).starts_at == second


def test_rows_move_come_and_go() -> None:
    rows = [FacultyRow(name="a"), FacultyRow(name="b")]
    names = {
        act: [row.name for row in forms.rearranged(rows, act)]
        for act in ("add", "up-1", "down-0", "remove-0", "up-0", "down-9", "remove-x", "save")
    }
    assert names == {
        "add": ["a", "b", ""],
        "up-1": ["b", "a"],
        "down-0": ["b", "a"],
        "remove-0": ["b"],
        "up-0": ["a", "b"],
        "down-9": ["a", "b"],
        "remove-x": ["a", "b"],
        "save": ["a", "b"],
    }


def test_a_row_that_stays_keeps_its_id_and_blank_rows_are_nobody() -> None:
    old = FacultyMember(id=new_id(), name="Ada", role=FacultyRole.PANEL)
    session = Session(
        conference_id=UUID(int=1),
        id=new_id(),
        title="x",
        starts_at=datetime(2026, 3, 12, 8, tzinfo=UTC),
        ends_at=datetime(2026, 3, 12, 9, tzinfo=UTC),
        faculty=(old,),
    )
    form = Typed(
        values={}, faculty=[FacultyRow(id=str(old.id), name="Ada L", role="panel"), FacultyRow()]
    )
    (named,) = forms.faculty(form, session)
    assert (named.member.id, named.member.name, named.member.role) == (old.id, "Ada L", "panel")


def test_a_row_without_a_name_and_a_wrong_address_are_told_apart() -> None:
    form = Typed(values={}, faculty=[FacultyRow(degree="MD"), FacultyRow(name="B", mail="b@")])
    forms.faculty(form, None)
    assert set(form.errors) == {"faculty-0-name", "faculty-1-mail"}


@pytest.mark.parametrize(
    ("text", "kept"), [("", ""), ("12.25", "12.25"), ("12,5", "12.5"), ("10", "10")]
)
def test_a_maximum_comes_in_quarters(text: str, kept: str) -> None:
    form = forms.typed({"designated_max": text}, forms.CONFERENCE_FIELDS)
    assert forms.statements(form)["designated_max"] == kept


@pytest.mark.parametrize("text", ["0", "-1", "12.3", "much", "Infinity", "1001"])
def test_any_other_maximum_is_refused(text: str) -> None:
    form = forms.typed({"designated_max": text}, forms.CONFERENCE_FIELDS)
    forms.statements(form)
    assert "designated_max" in form.errors


def test_minutes_are_shown_as_they_were_typed() -> None:
    assert forms.minutes(forms.designated("22.5")) == "22.5"
    with pytest.raises(Invalid):
        forms.designated("x")
