"""The chain: what is hashed, and what a walk along it finds."""

import hashlib
from uuid import UUID

import pytest

from server.attendance.chain import (
    MAX_BODY_BYTES,
    Broken,
    Entry,
    Kind,
    Link,
    Stamp,
    TooLarge,
    Walk,
    extend,
    genesis,
)

CONFERENCE = UUID(int=7)
STAMP = Stamp(committed_ms=1_000, boot_id=UUID(int=9), mono_ms=50)


def entry(number: int) -> Entry:
    return Entry(kind=Kind.SPAN, subject=UUID(int=number), body={"beats": number})


def chain(length: int) -> list[Link]:
    entries = [entry(number) for number in range(1, length + 1)]
    return extend(CONFERENCE, 0, genesis(CONFERENCE), entries, STAMP)


def text(link: Link) -> str:
    """A row after the conference's id, as the database writes it."""
    subject = link.entry.subject.hex if link.entry.subject else ""
    return f"{link.n}\nspan\n{subject}\n\n1000\n{STAMP.boot_id.hex}\n50\n{link.body}"


def walk(
    links: list[Link], pinned: dict[int, bytes] | None = None, head: tuple[int, bytes] | None = None
) -> Broken | None:
    """Row by row and many at once: both must find the same, and stand at the same row after."""
    walking, along = Walk(CONFERENCE, pinned or {}), Walk(CONFERENCE, pinned or {})
    many = along.along((link.n, text(link), link.h) for link in links)
    for link in links:
        if found := walking.step(link.n, text(link), link.h):
            assert found == many
            return found
    assert many is None
    assert (walking.n, walking.h, walking.pinned) == (along.n, along.h, along.pinned)
    return walking.end(head or (links[-1].n, links[-1].h))


def test_the_hashes_are_those_of_the_documented_lines() -> None:
    first, second = chain(2)
    h = hashlib.sha256(b"rounds ledger 1\n" + b"0" * 31 + b"7").digest()
    for link in (first, second):
        lines = ["0" * 31 + "7", str(link.n), "span", f"{link.n:032x}", "", "1000",
                 "0" * 31 + "9", "50", f'{{"beats":{link.n}}}']  # fmt: skip
        h = hashlib.sha256(h + "\n".join(lines).encode()).digest()
        assert link.h == h


def test_a_whole_chain_is_good() -> None:
    links = chain(5)
    assert walk(links, {3: links[2].h, 5: links[4].h}) is None


def test_it_goes_on_where_it_ended() -> None:
    links = chain(5)
    rest = extend(CONFERENCE, 3, links[2].h, [entry(4), entry(5)], STAMP)
    assert rest == links[3:]


@pytest.mark.parametrize("kept", [[0, 2, 3], [1, 2, 3], [0, 1, 3, 2]])
def test_a_missing_or_moved_row_is_named(kept: list[int]) -> None:
    links = chain(4)
    found = walk([links[at] for at in kept])
    first = next(at for at, link in enumerate(kept) if link != at) + 1
    assert found is not None
    assert found.n == first
    assert found.why.startswith("missing")


def test_a_changed_body_is_named() -> None:
    links = chain(3)
    links[1] = Link(n=2, entry=links[1].entry, body='{"beats":3}', h=links[1].h)
    assert walk(links) == Broken(
        2, "changed: its hash does not follow from the row before and its text"
    )


def test_a_changed_hash_is_named() -> None:
    links = chain(3)
    links[0] = Link(n=1, entry=links[0].entry, body=links[0].body, h=bytes(32))
    found = walk(links)
    assert found is not None
    assert found.n == 1


def test_a_cut_tail_passes_without_a_checkpoint_and_not_with_one() -> None:
    links = chain(4)
    assert walk(links[:2]) is None, "the chain alone cannot know"
    assert walk(links[:2], {4: links[3].h}) == Broken(
        3, "missing: a checkpoint vouches for rows up to 4"
    )


def test_a_rewritten_tail_passes_without_a_checkpoint_and_not_with_one() -> None:
    links = chain(4)
    forged = [*links[:2], *extend(CONFERENCE, 2, links[1].h, [entry(8), entry(9)], STAMP)]
    assert walk(forged) is None, "the chain alone cannot know"
    assert walk(forged, {4: links[3].h}) == Broken(
        4, "rewritten: a checkpoint holds another hash for it"
    )


def test_a_head_that_says_otherwise_is_found() -> None:
    links = chain(2)
    assert walk(links, head=(3, links[1].h)) is not None
    assert walk(links, head=(2, bytes(32))) is not None


def test_a_walk_says_how_far_checkpoints_vouch() -> None:
    links = chain(4)
    walking = Walk(CONFERENCE, {2: links[1].h})
    for link in links:
        walking.step(link.n, text(link), link.h)
    assert walking.pinned == 2
    assert walking.n == 4


def test_a_body_is_bounded() -> None:
    with pytest.raises(TooLarge):
        extend(
            CONFERENCE, 0, genesis(CONFERENCE),
            [Entry(kind=Kind.POLICY, body={"x": "y" * MAX_BODY_BYTES})], STAMP,
        )  # fmt: skip


def test_a_body_has_no_line_break() -> None:
    written = extend(
        CONFERENCE, 0, genesis(CONFERENCE), [Entry(kind=Kind.POLICY, body={"x": "a\nb"})], STAMP
    )
    assert "\n" not in written[0].body


def test_chains_of_two_conferences_share_no_hash() -> None:
    assert genesis(CONFERENCE) != genesis(UUID(int=8))


def test_a_row_with_a_command_and_without_a_subject_is_written_as_documented() -> None:
    told = Entry(kind=Kind.OUTAGE, body={"at_ms": 5}, command_id=UUID(int=3))
    (link,) = extend(CONFERENCE, 41, bytes(32), [told], STAMP)
    lines = (
        CONFERENCE.hex, "42", "outage", "", UUID(int=3).hex, "1000", UUID(int=9).hex, "50",
        '{"at_ms":5}',
    )  # fmt: skip
    assert link.h == hashlib.sha256(bytes(32) + "\n".join(lines).encode()).digest()


def test_a_body_of_just_the_bound_is_taken_and_one_byte_more_is_named() -> None:
    around = len('{"x":""}')
    fits = Entry(kind=Kind.SPAN, body={"x": "y" * (MAX_BODY_BYTES - around)})
    assert extend(CONFERENCE, 0, bytes(32), [fits], STAMP)
    over = Entry(kind=Kind.SPAN, body={"x": "y" * (MAX_BODY_BYTES - around + 1)})
    with pytest.raises(TooLarge, match=f"^a span row of {MAX_BODY_BYTES + 1} bytes$"):
        extend(CONFERENCE, 0, bytes(32), [over], STAMP)


def test_an_empty_chain_is_good_and_vouched_for_by_nothing() -> None:
    walking = Walk(CONFERENCE, {})
    assert walking.end((0, genesis(CONFERENCE))) is None
    assert walking.pinned == 0


def test_a_head_with_more_rows_names_the_first_that_is_missing() -> None:
    links = chain(2)
    found = walk(links, head=(5, links[-1].h))
    assert found == Broken(3, "missing: the head says 5 rows, there are 2")
