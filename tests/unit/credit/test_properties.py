"""What must hold of every world: the properties of the credit rules, and what is none of them.

All of it through JSON and back, as an auditor would. Sessions claimed whole (by UAN) are left out
where the choice between overlapping sessions makes a property meaningless; each place says so.
P11 and P16 are about rows and stand in `tests/integration/test_claiming.py`.
"""

import json
from copy import deepcopy
from decimal import Decimal
from itertools import combinations, pairwise
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from server.credit.facts import read_facts
from server.credit.systems import SYSTEMS
from server.credit.written import inputs_digest, write_facts
from tests.unit.credit.worlds import (
    MINUTE,
    SECONDS,
    TIMED,
    Beats,
    World,
    at,
    attendance,
    beats,
    explained,
    hour,
    result,
    session,
    stable,
    stretches,
    world,
    worlds,
)

randoms = st.integers(0, 2**32).map(Random)


def timed(facts: World) -> World:
    """Without the system whose sessions are claimed whole."""
    return facts | {"systems": TIMED}


def eligible(facts: World) -> int:
    found: int = result(facts)["eligible_ms"]
    return found


def units(told: dict[str, Any]) -> dict[str, Decimal]:
    return {each["id"]: Decimal(each["units"]) for each in told["systems"]}


def nowhere_less(before: World, after: World) -> bool:
    less, more = explained(before), explained(after)
    assert less["systems"][0]["eligible_ms"] <= more["systems"][0]["eligible_ms"]
    return all(units(less)[name] <= units(more)[name] for name in units(less))


def without_digest(facts: World) -> dict[str, Any]:
    return explained(facts) | {"inputs_digest": None}


def instants(pairs: list[list[int]]) -> set[int]:
    """In seconds: every edge of a random session lies on one."""
    return {second for start, end in pairs for second in range(start // 1000, end // 1000)}


@given(worlds(), st.data())
@stable
def test_p1_more_presence_is_never_less_credit(facts: World, data: st.DataObject) -> None:
    names = tuple(one["id"] for one in facts["sessions"])
    more = [beat | {"leave": False} for beat in data.draw(attendance(names))]
    assert nowhere_less(timed(facts), timed(facts | {"evidence": facts["evidence"] + more}))


@given(worlds(), randoms)
@stable
def test_p2_order_does_not_matter(facts: World, random: Random) -> None:
    shuffled = deepcopy(facts)
    for key in ("sessions", "evidence", "booth"):
        random.shuffle(shuffled[key])
    for one in shuffled["sessions"]:
        random.shuffle(one["live"])
        random.shuffle(one["checks"])
    assert without_digest(shuffled) == without_digest(facts)


@given(worlds())
@stable
def test_p3_twice_is_once(facts: World) -> None:
    twice = facts | {"evidence": facts["evidence"] * 2}
    assert without_digest(twice) == without_digest(facts)


@given(worlds(), randoms)
@stable
def test_p4_cutting_up_time_changes_nothing(facts: World, random: Random) -> None:
    cut = deepcopy(facts)
    lists = [cut["booth"], *(one[key] for one in cut["sessions"] for key in ("live", "excluded"))]
    for pairs in lists:
        for start, end in list(pairs):
            middle = random.randint(start, end)
            pairs[:] = [*pairs, [start, middle], [middle, end], [middle, middle]]
    assert without_digest(cut) == without_digest(facts)


@given(worlds())
@stable
def test_p5_credit_is_bounded_by_what_there_was(facts: World) -> None:
    told = explained(facts)
    found = told["systems"][0]["eligible_ms"]
    anywhere: set[int] = set()
    for one in facts["sessions"]:
        anywhere |= instants(one["live"]) - instants(one["excluded"])
    assert found <= 1000 * len(anywhere)
    assert found <= sum(one["designated_ms"] for one in facts["sessions"])
    assert found <= sum(one["present_ms"] for one in told["sessions"])
    for each in told["systems"]:
        most = facts["designated_max"].get(each["id"])
        assert most is None or Decimal(each["units"]) <= Decimal(most)
    for one in told["sessions"]:
        assert one["qualified_ms"] <= min(one["educational_ms"], one["present_ms"])


@given(worlds(), st.integers(-(10**13), 10**13))
@stable
def test_p6_only_differences_of_time_matter(facts: World, shift: int) -> None:
    moved = deepcopy(facts)
    for beat in moved["evidence"]:
        beat["at"] += shift
    for one in moved["sessions"]:
        for check in one["checks"]:
            check["at"] += shift
    for pairs in [
        moved["booth"],
        *(one[key] for one in moved["sessions"] for key in ("live", "excluded")),
    ]:
        pairs[:] = [[start + shift, end + shift] for start, end in pairs]
    told = without_digest(moved)
    for segment in told["segments"]:
        segment["from"] -= shift
        segment["to"] -= shift
    assert told == without_digest(facts)


@given(worlds())
@stable
def test_p7_rounding_is_off_by_half_a_step_at_most(facts: World) -> None:
    for each in explained(timed(facts))["systems"]:
        quantum = each["rounding"]["quantum_ms"]
        exact = SYSTEMS[each["id"]].step * each["eligible_ms"] / quantum
        off = exact - Decimal(each["units"])
        step = SYSTEMS[each["id"]].step
        assert Decimal(each["units"]) % step == 0
        assert each["rounding"]["remainder_ms"] == each["eligible_ms"] % quantum
        if each["caps"]:
            assert off > -step
        elif each["rounding"]["mode"] == "half_up":
            assert -step / 2 <= off < step / 2
        else:
            assert 0 <= off < step


@given(st.lists(st.integers(0, 10**8), min_size=2, max_size=2).map(sorted))
@stable
def test_p7_rounding_keeps_the_order(times: list[int]) -> None:
    shorter, longer = (
        world([session("A", (0, time), minutes=10**5)], beats(0, time, every=10**6), lease_ms=10**6)
        for time in times
    )
    assert nowhere_less(shorter, longer)


@given(worlds(), st.data())
@stable
def test_p8_parallel_time_counts_once(facts: World, data: st.DataObject) -> None:
    for one in facts["sessions"]:
        one["designated_ms"] = 10**9  # so that no session's own limit binds
    counted = [each for each in explained(facts)["segments"] if each["kind"] == "counted"]
    assume(counted)
    inside = data.draw(st.sampled_from(counted))
    extra = session("Z", (inside["from"], inside["to"]), minutes=600, day="2026-11-14")
    seen = beats(inside["from"], inside["to"], "Z", "another")
    more = facts | {"sessions": [*facts["sessions"], extra], "evidence": facts["evidence"] + seen}
    assert eligible(more) == eligible(facts)


@given(worlds(), stretches())
@stable
def test_p9_time_in_a_booth_never_adds_credit(facts: World, more: list[list[int]]) -> None:
    assert nowhere_less(timed(facts | {"booth": facts["booth"] + more}), timed(facts))


@given(worlds(), stretches(), st.data())
@stable
def test_p10_excluding_more_never_adds_credit(
    facts: World, more: list[list[int]], data: st.DataObject
) -> None:
    """Without a minimum percentage, and where any minutes count rather than the first ones."""
    facts = timed(facts) | {"overlap": "cap"}
    for one in facts["sessions"]:
        one["min_percent"] = "0"
    fewer = deepcopy(facts)
    data.draw(st.sampled_from(fewer["sessions"]))["excluded"] += more
    assert nowhere_less(fewer, facts)


@given(worlds())
@stable
def test_p12_the_facts_alone_decide(facts: World) -> None:
    reordered = {key: facts[key] for key in reversed(facts)}
    assert explained(reordered) == explained(facts) == explained(facts)


@given(worlds(), SECONDS, st.data())
@stable
def test_p13_what_comes_after_a_leave_is_no_evidence(
    facts: World, second: int, data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(facts["evidence"]))
    gone = [*facts["evidence"], one | {"at": second * 1000, "leave": True}]
    back = [one | {"at": second * 1000 + wait} for wait in (1, 30_000, 60_000, 90_000)]
    after = without_digest(facts | {"evidence": gone + back})
    assert after == without_digest(facts | {"evidence": gone})


@given(worlds())
@stable
def test_p14_a_millisecond_more_is_a_millisecond_at_most(facts: World) -> None:
    """Without minimums, one beat a millisecond after another adds no more than that."""
    for one in facts["sessions"]:
        one["min_percent"] = one["min_minutes"] = "0"
    facts["evidence"] = [beat | {"leave": False} for beat in facts["evidence"]]
    latest = max(facts["evidence"], key=lambda beat: beat["at"])
    longer = facts | {"evidence": [*facts["evidence"], latest | {"at": latest["at"] + 1}]}
    assert 0 <= eligible(longer) - eligible(facts) <= 1


@given(worlds())
@stable
def test_p15_the_strips_add_up(facts: World) -> None:
    told = explained(facts)
    counted = [each for each in told["segments"] if each["kind"] == "counted"]
    found = told["systems"][0]["eligible_ms"]
    assert sum(each["to"] - each["from"] for each in counted) == found
    ordered = sorted((each["from"], each["to"]) for each in counted)
    assert all(before[1] <= after[0] for before, after in pairwise(ordered))
    by_name = {one["id"]: one for one in facts["sessions"]}
    for name, one in by_name.items():
        strip = [each for each in told["segments"] if each["session"] == name]
        live = [pair for pair in one["live"] if pair[0] < pair[1]]
        assert strip[0]["from"] == min(start for start, _ in live)
        assert strip[-1]["to"] == max(end for _, end in live)
        for before, after in pairwise(strip):
            assert before["to"] == after["from"]
            assert (before["kind"], before["reason"]) != (after["kind"], after["reason"])
        assert (
            sum(each["to"] - each["from"] for each in strip if each["kind"] == "counted")
            <= one["designated_ms"]
        )


@given(worlds(), st.sampled_from(["disclosure_shown", "post_test", "attestation"]))
@stable
def test_p17_nothing_is_awarded_while_a_gate_is_shut(facts: World, gate: str) -> None:
    shut = explained(facts | {"missing": [gate, "consent_report"]})
    free = explained(facts | {"missing": []})
    assert units(shut) == units(free)
    assert all(Decimal(each["award"]) == 0 for each in shut["systems"])
    assert all(each["award"] == each["units"] for each in free["systems"])
    assert all(each["missing"] == sorted(["consent_report", gate]) for each in shut["systems"])


@given(worlds())
@stable
def test_p18_what_is_written_reads_back_to_the_same_credit(facts: World) -> None:
    read = read_facts(json.dumps(facts).encode())
    text = write_facts(read)
    assert write_facts(read_facts(text)) == text
    told = explained(json.loads(text))
    assert told | {"inputs_digest": None} == without_digest(facts)
    assert told["inputs_digest"] == inputs_digest(read)


@given(worlds())
@stable
def test_the_time_is_the_minimum_cut(facts: World) -> None:
    """Second by second and set by set, sharing nothing with the engine but its verdicts."""
    for beat in facts["evidence"]:
        beat["at"] = beat["at"] // 1000 * 1000
    told = explained(facts)
    passed = {one["id"] for one in told["sessions"] if one["passed"]}
    held = {name: qualified_seconds(facts, name) for name in passed}
    for one in told["sessions"]:
        if one["reason"] != "faculty":
            assert one["qualified_ms"] == 1000 * len(qualified_seconds(facts, one["id"]))
    limit = {one["id"]: one["designated_ms"] for one in facts["sessions"]}
    cuts = [
        sum(limit[name] for name in chosen)
        + 1000 * len(set().union(*(held[name] for name in passed - set(chosen))))
        for size in range(len(passed) + 1)
        for chosen in combinations(sorted(passed), size)
    ]
    assert told["systems"][0]["eligible_ms"] == min(cuts)


def qualified_seconds(facts: World, name: str) -> set[int]:
    """The written rule for one session, second by second."""
    (one,) = (one for one in facts["sessions"] if one["id"] == name)
    educational = sorted(instants(one["live"]) - instants(one["excluded"]))
    if facts["overlap"] == "clip":
        educational = educational[: one["designated_ms"] // 1000]
    found = set(educational) & present_seconds(facts, name)
    if facts["exclude_booth"]:
        found -= instants(facts["booth"])
    answered: dict[int, bool] = {}
    for check in one["checks"]:
        answered[check["at"]] = answered.get(check["at"], False) or check["answered"]
    since = min(start for start, end in one["live"] if start < end)
    end = max(end for start, end in one["live"] if start < end)
    for n, asked in enumerate(sorted(answered), 1):
        until = end if n == len(answered) else asked
        if not answered[asked]:
            found -= instants([[since, until]])
        since = max(since, asked)
    return found


def present_seconds(facts: World, name: str) -> set[int]:
    of_session = [beat for beat in facts["evidence"] if beat["session"] == name]
    leaves: dict[str, int] = {}
    for beat in of_session:
        if beat.get("leave"):
            earlier = leaves.get(beat["connection"], beat["at"])
            leaves[beat["connection"]] = min(earlier, beat["at"])
    groups: dict[str, Beats] = {}
    for beat in of_session:
        connection = beat["connection"]
        counting = facts["counts"] == "any" or beat[facts["counts"]]
        if counting and beat["at"] <= leaves.get(connection, beat["at"]):
            groups.setdefault(connection if connection in leaves else "", []).append(beat)
    return {
        second
        for group in groups.values()
        for one, following in pairwise(sorted(beat["at"] for beat in group))
        if following - one <= facts["lease_ms"]
        for second in range(one // 1000, following // 1000)
    }


# What is not a property, and is not promised.


def test_a_longer_session_may_be_worth_less() -> None:
    """A minimum percentage rises with the session."""
    attended = beats(at("09:00"), at("09:40"))
    longer = [session("A", (at("09:00"), at("09:51")), min_percent="80")]
    shorter = [session("A", (at("09:00"), at("09:50")), min_percent="80")]
    assert result(world(shorter, attended))["units"] == "0.75"
    assert result(world(longer, attended))["units"] == "0.00"


def test_rounded_credits_do_not_add_up() -> None:
    times = [(f"S{n}", at("09:00") + n * 8 * MINUTE) for n in range(4)]
    talks = [session(name, (start, start + 8 * MINUTE), minutes=8) for name, start in times]
    seen = [beats(start, start + 8 * MINUTE, name) for name, start in times]
    singly = [world([talk], own) for talk, own in zip(talks, seen, strict=True)]
    assert sum(Decimal(result(one)["units"]) for one in singly) == 1
    assert result(world(talks, [beat for own in seen for beat in own]))["units"] == "0.50"


def test_excluding_more_may_add_credit_where_only_the_first_minutes_count() -> None:
    """The first minutes are then later ones."""
    attended = beats(at("09:30"), at("10:00"))
    facts = world(
        [
            hour(),
        ],
        attended,
        overlap="clip",
    )
    facts["sessions"][0]["designated_ms"] = 30 * MINUTE
    assert result(facts)["units"] == "0.00"
    facts["sessions"][0]["excluded"] = [[at("09:00"), at("09:30")]]
    assert result(facts)["units"] == "0.50"


def test_more_presence_may_cost_a_session_claimed_whole() -> None:
    """Time spent on one UAN is spent, so a second one needs time of its own."""
    later = session("B", (at("09:30"), at("10:30")), minutes=60, min_percent="50")
    first = session("A", (at("09:00"), at("10:00")), minutes=60, min_percent="50")
    half = beats(at("09:00"), at("09:30"), "A") + beats(at("09:30"), at("10:00"), "B", "other")
    more = half + beats(at("09:30"), at("10:00"), "A")
    assert result(world([first, later], half), "acpe-uan")["units"] == "2.00"
    assert result(world([first, later], more), "acpe-uan")["units"] == "1.00"
