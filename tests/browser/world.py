"""A conference as an operator founds it from the console, and people who enter it by their links.

Everything goes through the real command line and the real pages, except for the minutes that
`credited` puts on record.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from server import clock
from server.agenda import store as agenda
from server.attendance import store as attendance
from server.db import Rows
from server.people import store as people
from tests.integration.live_day import in_rows
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.waiting import eventually

PROGRAMME = Path(__file__).parent / "files" / "programme.json"
ZONE = ZoneInfo("Europe/Paris")
SLUG = "spring"
PATIENCE_MS = 30_000
SECONDS_A_COMMAND = 120

Come = Callable[..., Page]
"""`come(MARTA, "/path")`: that person's browser, entered by a link, on that page."""

CONSOLE = """
import json, sys
from server import cli
for line in sys.stdin:
    sys.argv[1:] = json.loads(line)
    try:
        cli.main()
    except SystemExit as end:
        print(f"status {end.code}", flush=True)
"""
"""Many commands in one process: each is the whole command line, its libraries are read once."""


WATCHED = """
  window.connections = [];
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...given) { super(...given); window.connections.push(this); }
  };
"""
"""The page keeps its connections to itself; the browser's own figures are what is asserted."""

DECODED = """async () => {
  let decoded = 0;
  for (const connection of window.connections) {
    for (const each of (await connection.getStats()).values()) {
      if (each.type === "inbound-rtp" && each.kind === "video") decoded += each.framesDecoded ?? 0;
    }
  }
  return decoded;
}"""
"""Pictures of all connections of a page that starts with `WATCHED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as they write themselves into their profile; without a role, a stranger yet."""

    name: str
    role: str
    degree: str = "MD"
    profession: str = "physician"

    @property
    def mail(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@example.org"


MARTA = Person(name="Marta Ruiz", role="learner")
JONAS = Person(name="Jonas Weber", role="learner", degree="RN", profession="nurse")
ERIK = Person(name="Erik Lindqvist", role="moderator")
LENA = Person(name="Lena Haddad", role="moderator")
NUNO = Person(name="Nuno Silva", role="officer", profession="other", degree="")
INES = Person(name="Ines Moreau", role="organiser", profession="other", degree="")
AMARA = Person(name="Amara Okafor", role="faculty")
OLGA = Person(name="Olga Brandt", role="learner")
PIERRE = Person(name="Pierre Dubois", role="")
EVERYBODY = (MARTA, JONAS, ERIK, LENA, NUNO, INES, AMARA, OLGA)


@dataclass
class World:
    """The running server, its sessions by title, and who has entered already."""

    server: Rounds
    console: "Console"
    sessions: dict[str, str] = field(default_factory=dict)
    entered: dict[str, Any] = field(default_factory=dict)
    designated: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.server.url

    def session(self, begins: str) -> str:
        """A session's path, by the beginning of its title."""
        found = next(title for title in self.sessions if title.startswith(begins))
        return f"/sessions/{self.sessions[found]}"

    def enter(self, page: Page, person: Person) -> None:
        """By a link from the console, as a person does it: Enter, and the profile once."""
        (link,) = self.console.say(["link", person.mail])
        page.goto(link)
        button = page.get_by_role("button", name="Enter")
        expect(button).to_be_visible(timeout=PATIENCE_MS)
        button.focus()
        page.keyboard.press("Enter")
        name = page.get_by_role("textbox", name="Name", exact=True)
        if person.mail in self.entered:
            return
        expect(name).to_be_visible(timeout=PATIENCE_MS)
        name.fill(person.name)
        page.get_by_label("Degree").fill(person.degree)
        page.get_by_label("Profession").select_option(person.profession)
        page.get_by_role("button", name="Save").click()
        expect(name).to_be_hidden(timeout=PATIENCE_MS)

    def mailed(self, address: str) -> str:
        """The newest link that the server's console shows for this address."""
        heading = f"mail to {address}"
        eventually(lambda: heading in self.server.log_text(), 30, heading)
        letter = self.server.log_text().rpartition(heading)[2]
        found = re.search(r"https?://\S+/enter/\S+", letter)
        assert found is not None, letter
        return found.group()

    def remember(self, context: BrowserContext, person: Person) -> None:
        self.entered[person.mail] = context.storage_state()


class Console:
    """An operator's console on one data folder."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", CONSOLE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def say(self, words: Sequence[str], status: str = "0") -> list[str]:
        """One command; what it printed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stuck = threading.Timer(SECONDS_A_COMMAND, self._process.kill)
        stuck.start()
        try:
            stdin.write(json.dumps(list(words)) + "\n")
            stdin.flush()
            printed: list[str] = []
            for line in stdout:
                if line.startswith("status "):
                    assert line.split()[1] == status, (words, printed)
                    return printed
                printed.append(line.rstrip("\n"))
        finally:
            stuck.cancel()
        raise AssertionError(f"the console ended in: {words}")

    def close(self) -> None:
        self._process.communicate(timeout=SECONDS_A_COMMAND)


def programme_around(now: datetime, folder: Path) -> Path:
    """The programme's file with its one day moved to today: its sessions begin in five minutes."""
    written = json.loads(PROGRAMME.read_text())
    conference = written["schedule"]["conference"]
    begins = (now + timedelta(minutes=5)).astimezone(ZONE).replace(second=0, microsecond=0)
    today = begins.date().isoformat()
    (day,) = conference["days"]
    conference["start"] = conference["end"] = day["date"] = today
    day["day_start"] = begins.replace(hour=0, minute=0).isoformat()
    day["day_end"] = (begins + timedelta(hours=23)).isoformat()
    for talks in day["rooms"].values():
        for talk in talks:
            talk["date"], talk["start"] = begins.isoformat(), f"{begins:%H:%M}"
    moved = folder / "programme.json"
    moved.write_text(json.dumps(written))
    return moved


def set_up(console: Console, url: str, folder: Path) -> dict[str, str]:
    """`conference create`, `import`, `grant`: five lines of the README, once for each person."""
    now = datetime.now(ZONE)
    today, tomorrow = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    dates = ["--from", today, "--to", tomorrow]
    console.say(
        ["conference", "create", SLUG, "--title", "Spring Rounds", "--zone", "Europe/Paris", *dates]
    )
    programme = programme_around(now, folder)
    console.say(["import", str(programme), "--conference", SLUG])
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as visitor:
        shown = visitor.get(f"/conferences/{SLUG}").raise_for_status().text
    pattern = r'href="/sessions/([0-9a-f-]{36})" title="([^"]+)"'
    sessions = {title: number for number, title in re.findall(pattern, shown)}
    for person in EVERYBODY:
        grant = ["grant", person.mail, person.role, "--conference", SLUG]
        if person.role != "faculty":
            console.say(grant)
            continue
        for number in sessions.values():
            console.say([*grant, "--session", number])
    return sessions


@contextmanager
def a_world(folder: Path) -> Generator[World]:
    with running_rounds(folder) as server:
        console = Console(server.environment, folder)
        try:
            yield World(server, console, set_up(console, server.url, folder))
        finally:
            console.close()


def frames(page: Page) -> int:
    """How many pictures this page's connections have decoded, as the browser counts them."""
    return int(page.evaluate(DECODED))


def grows(page: Page, by: int = 20, within: float = 60) -> None:
    """Pictures keep coming."""
    before = frames(page)
    eventually(lambda: frames(page) >= before + by, within, f"{by} more pictures")


def on_air(studio: Page) -> None:
    """From a studio that has just been opened to live, over the countdown."""
    go = studio.get_by_role("button", name="Go on air")
    expect(go).to_be_enabled(timeout=PATIENCE_MS)
    go.click()
    expect(studio.get_by_role("heading", name="You are live")).to_be_visible(timeout=PATIENCE_MS)


def disclosed(officer: Page, session: str, text: str) -> None:
    """The officer enters what learners read before the first picture."""
    officer.goto(f"{session}/disclosure")
    officer.get_by_label("What learners read before the first picture").fill(text)
    officer.get_by_role("button", name="Put in force").click()
    expect(officer).to_have_url(re.compile("/office/credit"))
    expect(officer.get_by_text(text).first).to_be_visible()


def designated(organiser: Page, session: str, minutes: int) -> None:
    """The organiser says how many educational minutes a session has."""
    organiser.goto(f"{session}/edit")
    organiser.get_by_label("Designated minutes").fill(str(minutes))
    organiser.get_by_label("Designated minutes").press("Enter")
    expect(organiser.get_by_text("Open pages follow at once.")).to_be_visible()


def credited(world: World, organiser: Page, person: Person, *, minutes: int) -> None:
    """This person watched for so long, earlier today: the one thing here that is put into rows.

    Minutes cannot be hurried, so the evidence of them is written as the server would have, into
    its own tables: a stretch on air, and a span of beats in front of the playing picture.
    """
    session = world.session("Imaging")
    if session not in world.designated:
        designated(organiser, session, 45)
        world.designated.add(session)
        in_rows(world.server.data, _was_live, UUID(session.rpartition("/")[2]))
    in_rows(
        world.server.data, _watched, UUID(session.rpartition("/")[2]), person.mail, minutes * MINUTE
    )


MINUTE = 60_000
AGO = 60 * MINUTE


async def _was_live(db: Rows, session_id: UUID) -> None:
    place = await agenda.place_of_session(db, session_id)
    assert place is not None
    began = clock.now_ms() - AGO
    db.add(
        agenda.LiveInterval(
            conference_id=place.conference_id,
            session_id=session_id,
            from_ms=began,
            to_ms=began + 45 * MINUTE,
        )
    )


async def _watched(db: Rows, session_id: UUID, mail: str, length: int) -> None:
    place = await agenda.place_of_session(db, session_id)
    person = await people.person_by_mail(db, mail)
    assert place is not None
    assert person is not None
    (live,) = (await agenda.live_intervals(db, place.conference_id, [session_id]))[session_id]
    db.add(
        attendance.Span(
            conference_id=place.conference_id,
            person_id=person.id,
            space_id=session_id,
            connection=uuid4(),
            device="laptop",
            visible=True,
            playing=True,
            first_ms=live[0],
            last_ms=live[0] + length,
            beats=length // 15_000,
            max_gap_ms=15_000,
            left=True,
        )
    )
