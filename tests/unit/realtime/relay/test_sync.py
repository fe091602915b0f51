"""Sound and pictures of one moment belong together for the viewer, whoever speaks."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.rewrite import TIMESTAMP_MASK
from realtime.relay.sync import NTP_SECOND, Mark, SenderClock
from realtime.relay.uptrack import UpTrack
from tests.unit.realtime.relay.test_feed import KEY, Line, chosen

RATES = {"audio": 48_000, "video": 90_000}


class Watching:
    """A viewer of both, who remembers the newest report of each."""

    def __init__(self) -> None:
        self.lines = {kind: Line(kind) for kind in RATES}
        for kind, line in self.lines.items():
            line.feed.rate = RATES[kind]
        self.tracks = {kind: line.viewer() for kind, line in self.lines.items()}
        self.told: dict[str, tuple[int, int]] = {}

    def tell(self, kind: str, mark: Mark, now: float) -> None:
        report = self.tracks[kind].report(mark, now)
        assert report is not None
        at = int.from_bytes(report[8:16], "big"), int.from_bytes(report[16:20], "big")
        self.told[kind] = at

    def shown_at(self, kind: str, source_timestamp: int) -> float:
        """When something is due, in seconds of the clock that the reports are of."""
        ntp, timestamp = self.told[kind]
        out = self.lines[kind].feed.continuity.timestamp(source_timestamp)
        ahead = (out - timestamp + TIMESTAMP_MASK // 2) % (TIMESTAMP_MASK + 1) - (
            TIMESTAMP_MASK // 2
        )
        return ntp / NTP_SECOND + ahead / RATES[kind]


class Speaker:
    """Films and speaks by a clock of their own, `early` before ours."""

    def __init__(self, watching: Watching, early: float, bases: dict[str, int], ssrc: int) -> None:
        self.watching, self.early, self.bases, self.ssrc = watching, early, bases, ssrc
        self.clock = SenderClock()
        for kind, line in watching.lines.items():
            line.feed.new_source()
            line.track = UpTrack(chosen(kind), line.feed)

    def stamp(self, kind: str, now: float) -> int:
        return (self.bases[kind] + int(now * RATES[kind])) & TIMESTAMP_MASK

    def film(self, start: float, count: int, delay: dict[str, float]) -> None:
        for at in range(count):
            now = start + at / 50
            for kind, line in self.watching.lines.items():
                payload = KEY if kind == "video" else b"sound"
                line.receive(at, self.stamp(kind, now), payload, now + delay[kind], self.ssrc)

    def report(self, kind: str, now: float, delay: float) -> Mark:
        ntp = int((now + self.early) * NTP_SECOND)
        mark = Mark(ntp=self.clock.on_ours(ntp, now + delay), timestamp=self.stamp(kind, now))
        self.watching.tell(kind, mark, now + delay)
        return mark


CLOCKS = st.integers(0, 2_000_000_000)
BASES = st.fixed_dictionaries({kind: st.integers(0, TIMESTAMP_MASK) for kind in RATES})
DELAYS = st.fixed_dictionaries({kind: st.floats(0.0, 0.2) for kind in RATES})


@given(CLOCKS, CLOCKS, BASES, BASES, DELAYS, DELAYS)
def test_lips_stay_in_sync_when_another_speaker_with_another_clock_takes_over(  # noqa: PLR0917
    first: int,
    second: int,
    begins: dict[str, int],
    goes_on: dict[str, int],
    delay: dict[str, float],
    later: dict[str, float],
) -> None:
    watching = Watching()
    shown: list[float] = []
    for start, early, bases, delays in (
        (10.0, first, begins, delay),
        (20.0, second, goes_on, later),
    ):
        speaker = Speaker(watching, early, bases, int(start))
        speaker.film(start, 10, delays)
        for kind in RATES:
            speaker.report(kind, start + 0.2, delays[kind])
        due = {kind: watching.shown_at(kind, speaker.stamp(kind, start + 0.5)) for kind in RATES}
        assert abs(due["audio"] - due["video"]) < 0.002
        shown.append(due["video"])
    assert abs(shown[1] - shown[0] - 10.0) <= 0.201, "one clock, though there were two"


def test_who_comes_later_is_told_the_same_line() -> None:
    watching = Watching()
    speaker = Speaker(watching, 77.0, {"audio": TIMESTAMP_MASK - 1000, "video": 5}, 7)
    speaker.film(1.0, 10, {"audio": 0.0, "video": 0.0})
    mark = speaker.report("audio", 1.2, 0.05)
    due = watching.shown_at("audio", speaker.stamp("audio", 1.1))
    watching.tell("audio", mark.at(4.75, RATES["audio"]), 4.75)
    assert abs(watching.shown_at("audio", speaker.stamp("audio", 1.1)) - due) < 0.0001
    assert watching.told["audio"][0] == int(4.75 * NTP_SECOND)
