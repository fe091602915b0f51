"""Coming in: by a mailed link, once; profiles, joining, invitations, roles; and the commands.

Against the running product on both databases, with a real mail server. Only what takes days (a
link's age) is set in rows.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from realtime.wire import Close
from server import clock
from server.agenda.store import Conference
from server.db import Rows
from server.people import store as people
from server.people.rules import LINKS_PER_WINDOW, Registration
from server.people.store import Link, Login, Person, RoleGrant
from server.rights import Role
from tests.integration.apps import an_app
from tests.integration.pages import socket_page
from tests.integration.seeds import SLUG, Seat, Seeded, in_rows, seed
from tests.servers.databases import Templates
from tests.servers.rounds import Rounds, environment, rounds, running_rounds
from tests.servers.smtp import Mailbox, running_smtp
from tests.servers.waiting import eventually

pytestmark = pytest.mark.timeout(240)

PATIENCE_SECONDS = 45
LINK = re.compile(r"http://\S+/enter/([\w-]{43})")
HTML = {"Accept": "text/html"}


@dataclass(frozen=True, kw_only=True)
class Site:
    server: Rounds
    database: str
    mailbox: Mailbox
    seeded: Seeded
    env: dict[str, str]

    def browser(self, seat: Seat | None = None) -> httpx.Client:
        """A browser of its own, that follows nothing by itself."""
        made = httpx.Client(
            base_url=self.server.url,
            headers={"Origin": self.server.url, **HTML},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        if seat is not None:
            made.cookies.set("login", seat.login)
        return made

    def rows(self, act: Any, *arguments: Any) -> Any:
        return in_rows(self.database, act, *arguments)

    def ask(self, mail: str, next_path: str = "/") -> httpx.Response:
        with self.browser() as browser:
            return browser.post("/sign-in", data={"mail": mail, "next": next_path})

    def mailed(self, mail: str, next_path: str = "/") -> str:
        """The token of a link that came by mail."""
        before = len(self.mailbox.to(mail))
        assert self.ask(mail, next_path).status_code == 200
        eventually(lambda: len(self.mailbox.to(mail)) > before, PATIENCE_SECONDS, "a letter")
        return token_in(self.mailbox.to(mail)[-1])

    def signed_in(self, mail: str) -> httpx.Client:
        browser = self.browser()
        answer = browser.post("/enter", data={"token": self.mailed(mail)})
        assert answer.status_code == 303
        return browser

    @contextmanager
    def by_invitation(self) -> Generator[None]:
        """No conference here is open to everybody."""
        self.rows(_registration, Registration.INVITATION)
        try:
            yield
        finally:
            self.rows(_registration, Registration.OPEN)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest,
    database_templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    data = tmp_path_factory.mktemp("people")
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_smtp())
        env = {"ROUNDS_MAIL_URL": mailbox.url}
        if request.param == "sqlite":
            url = database_templates.sqlite(data)
        else:
            postgres = request.getfixturevalue("postgres")
            url = database_templates.postgresql(postgres)
            env["ROUNDS_DATABASE_URL"] = url
        seeded = seed(url, learners=6, published=1, opened=1)
        server = stack.enter_context(running_rounds(data, env))
        yield Site(server=server, database=url, mailbox=mailbox, seeded=seeded, env=env)
        assert "Traceback" not in server.log_text()


def token_in(letter: Any) -> str:
    found = LINK.search(letter.get_content())
    assert found, letter.get_content()
    return found[1]


async def _registration(db: Rows, registration: Registration) -> None:
    await db.execute(update(Conference).values(registration=registration))


async def _links(db: Rows, mail: str) -> int:
    wanted = select(func.count()).select_from(Link).join(Person, Person.id == Link.person_id)
    return await db.scalar(wanted.where(Person.mail == mail)) or 0


async def _logins(db: Rows, mail: str) -> int:
    wanted = select(func.count()).select_from(Login).join(Person, Person.id == Login.person_id)
    return await db.scalar(wanted.where(Person.mail == mail)) or 0


async def _person(db: Rows, mail: str) -> Any:
    return await people.person_by_mail(db, mail)


async def _roles(db: Rows, mail: str) -> list[str]:
    wanted = select(RoleGrant.role).join(Person, Person.id == RoleGrant.person_id)
    return sorted(await db.scalars(wanted.where(Person.mail == mail)))


async def _age_links(db: Rows, mail: str) -> None:
    mine = select(Person.id).where(Person.mail == mail).scalar_subquery()
    past = clock.now() - timedelta(seconds=1)
    await db.execute(update(Link).where(Link.person_id == mine).values(expires_at=past))


async def _grant_of(db: Rows, person_id: Any) -> Any:
    return await db.scalar(select(RoleGrant.id).where(RoleGrant.person_id == person_id))


# The link.


def test_a_mailed_link_signs_in_once(site: Site) -> None:
    mail = "new@example.org"
    token = site.mailed(mail, f"/conferences/{SLUG}")
    letter = site.mailbox.to(mail)[-1]
    assert letter["Subject"] == "Your sign-in link"
    with site.browser() as scanner:
        pages = [scanner.get(f"/enter/{token}") for _ in range(50)]
    assert {page.status_code for page in pages} == {200}, "a mail scanner's look uses nothing up"
    assert all("set-cookie" not in page.headers for page in pages)
    assert all(page.headers["referrer-policy"] == "same-origin" for page in pages)

    with site.browser() as browser:
        answer = browser.post("/enter", data={"token": token})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/profile?next=/conferences/{SLUG}", "no name yet"
        cookie = answer.headers["set-cookie"].lower()
        for flag in ("httponly", "samesite=lax", "path=/", "max-age="):
            assert flag in cookie
        assert "domain=" not in cookie
        assert browser.get("/profile").status_code == 200

    with site.browser() as late:
        second = late.post("/enter", data={"token": token})
        assert (second.status_code, "login" in late.cookies) == (410, False)
        assert "no longer works" in second.text
        assert late.get(f"/enter/{token}").status_code == 410


async def test_of_a_hundred_at_once_exactly_one_signs_in(site: Site) -> None:
    mail = "raced@example.org"
    token = await asyncio.to_thread(site.mailed, mail)
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(
        base_url=site.server.url, limits=limits, timeout=120, trust_env=False
    ) as http:
        posts = [http.post("/enter", data={"token": token}) for _ in range(100)]
        answers = await asyncio.gather(*posts)
    assert Counter(answer.status_code for answer in answers) == {303: 1, 410: 99}
    assert site.rows(_logins, mail) == 1


def test_an_expired_link_and_a_wrong_one_are_alike(site: Site) -> None:
    mail = "late@example.org"
    token = site.mailed(mail)
    site.rows(_age_links, mail)
    one_off = token[:-1] + ("A" if token[-1] != "A" else "B")
    with site.browser() as browser:
        answers = [browser.post("/enter", data={"token": each}) for each in (token, one_off, "")]
        answers += [browser.get(f"/enter/{each}") for each in (token, one_off, "x" * 500)]
    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.text for answer in answers}) == 1
    assert site.rows(_logins, mail) == 0


def test_a_new_login_ends_the_one_the_browser_had(site: Site) -> None:
    mail = site.seeded.learners[0].mail
    with closing(site.signed_in(mail)) as browser, site.browser() as thief:
        stolen = browser.cookies["login"]
        thief.cookies.set("login", stolen)
        assert thief.get("/profile").status_code == 200
        again = browser.post("/enter", data={"token": site.mailed(mail)})
        assert again.status_code == 303
        assert browser.cookies["login"] != stolen
        assert browser.get("/profile").status_code == 200
        assert thief.get("/profile").status_code == 303, "the old one is worth nothing"


async def test_signing_out_ends_the_login_and_closes_sockets(site: Site) -> None:
    seat = site.seeded.learners[1]
    origin = site.server.url
    async with socket_page(site.server.port, seat.cookie, origin) as socket:
        with site.browser(seat) as browser:
            left = await asyncio.to_thread(browser.post, "/sign-out")
            assert left.status_code == 303
            assert 'login=""' in left.headers["set-cookie"]
        assert await socket.closed(5) == Close.RIGHTS_CHANGED
    with site.browser(seat) as browser:
        assert browser.get("/profile").status_code == 303
    async with socket_page(site.server.port, seat.cookie, origin, welcome=False) as socket:
        assert await socket.closed() == Close.SIGN_IN


def test_strangers_get_no_link_where_all_is_by_invitation(site: Site) -> None:
    known, stranger = site.seeded.learners[2].mail, "stranger@example.org"
    with site.by_invitation():
        answers = [site.ask(mail) for mail in (known, stranger)]
        site.mailbox.wait_for(known, PATIENCE_SECONDS)
    told = [answer.text.replace(known, "*").replace(stranger, "*") for answer in answers]
    assert told[0] == told[1]
    assert {answer.status_code for answer in answers} == {200}
    assert site.mailbox.to(stranger) == []
    assert site.rows(_person, stranger) is None


def test_an_address_gets_ten_links_in_a_quarter_of_an_hour(site: Site) -> None:
    mail = "eager@example.org"
    answers = [site.ask(mail).status_code for _ in range(LINKS_PER_WINDOW + 2)]
    assert answers == [200] * LINKS_PER_WINDOW + [429] * 2
    assert site.rows(_links, mail) == LINKS_PER_WINDOW
    assert site.ask("patient@example.org").status_code == 200, "nobody else is held up"


@pytest.mark.parametrize("mail", ["", "nobody", "a@b", "a b@c.org", "x@y.org\nBcc: z@y.org"])
def test_what_is_no_address_is_said_beside_what_was_typed(site: Site, mail: str) -> None:
    before = len(site.mailbox.messages)
    answer = site.ask(mail)
    assert answer.status_code == 422
    assert "does not look like an e-mail address" in answer.text
    assert len(site.mailbox.messages) == before


def test_a_mail_server_that_is_away_is_told_and_the_page_stays(site: Site) -> None:
    site.mailbox.stop()
    answer = site.ask(site.seeded.learners[3].mail)
    site.mailbox.start()
    assert answer.status_code == 503
    assert "could not be sent just now" in answer.text
    assert f'value="{site.seeded.learners[3].mail}"' in answer.text


ELSEWHERE = (
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\\/evil.example", "//evil.example/%2f..", "https://evil.example",
    "http://evil.example", "HTTPS://evil.example", "https:evil.example", "https:/evil.example",
    "http:///evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "ftp://evil.example", "evil.example", "www.evil.example",
    "@evil.example", ":80@evil.example", "/\t/evil.example", "/\n/evil.example",
    "/\r\n/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example",
    "/\x00/evil.example", "/\u2028/evil.example", "//evil\u3002example", "/\uff0fevil.example",
    "\u2215\u2215evil.example", "/.\\evil.example", "?next=//evil.example", "#//evil.example",
    ".//evil.example", "mailto:x@evil.example", "/\u00a0/evil.example", "",
)  # fmt: skip


def test_next_never_leaves_the_site(site: Site) -> None:
    mail, seat = site.seeded.learners[4].mail, site.seeded.learners[4]
    tokens = in_rows(site.database, _many_links, seat.id, [each for each in ELSEWHERE if each])
    went: dict[str, str] = {}
    with site.browser(seat) as signed_in:
        for payload in ELSEWHERE:
            answer = signed_in.get("/sign-in", params={"next": payload})
            assert answer.status_code == 303
            went[f"sign-in {payload!r}"] = answer.headers["location"]
            saved = {"name": "Ann", "profession": "nurse", "next": payload}
            answer = signed_in.post("/profile", data=saved)
            assert answer.status_code == 303
            went[f"profile {payload!r}"] = answer.headers["location"]
    for payload, token in tokens.items():
        with site.browser() as browser:
            answer = browser.post("/enter", data={"token": token})
            assert answer.status_code == 303
            went[f"enter {payload!r}"] = answer.headers["location"]
    assert len(ELSEWHERE) >= 40
    assert {how: to for how, to in went.items() if not _stays(to)} == {}
    assert mail


async def _many_links(db: Rows, person_id: Any, payloads: list[str]) -> dict[str, str]:
    """As if each had been asked for; PostgreSQL keeps no zero byte."""
    return {
        payload: await people.new_link(db, person_id, next_path=payload)
        for payload in payloads
        if "\x00" not in payload
    }


def _stays(location: str) -> bool:
    parts = urlsplit(location)
    plain = all(" " < character < "\x7f" for character in location)
    return (
        (parts.scheme, parts.netloc) == ("", "")
        and plain
        and re.match(r"/(?![/\\])", location) is not None
    )


# Profiles and joining.


def test_a_profile_with_a_mistake_keeps_what_was_typed(site: Site) -> None:
    seat = site.seeded.learners[5]
    typed = {"name": "", "degree": "PhD, FESC", "affiliation": "<Porto>", "profession": "nurse"}
    with site.browser(seat) as browser:
        answer = browser.post("/profile", data=typed)
        assert answer.status_code == 422
        assert "Please give a name." in answer.text
        assert 'value="PhD, FESC"' in answer.text
        assert "&lt;Porto&gt;" in answer.text
        assert re.search(r'value="nurse"[^>]*(selected|checked)', answer.text)
        for wrong in ({"name": "x" * 121}, {"degree": "x" * 121}, {"profession": "surgeon"}):
            answer = browser.post("/profile", data=typed | {"name": "Ann"} | wrong)
            assert answer.status_code == 422
        assert site.rows(_person, seat.mail).name == seat.name, "nothing was kept"
        answer = browser.post("/profile", data=typed | {"name": " Ann \n Ruiz ", "next": "/x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/x")
    kept = site.rows(_person, seat.mail)
    assert (kept.name, kept.degree, kept.affiliation) == ("Ann Ruiz", "PhD, FESC", "<Porto>")
    assert kept.profession == "nurse"


def test_joining_is_open_or_by_invitation(site: Site) -> None:
    mail = "joiner@example.org"
    with closing(site.signed_in(mail)) as browser:
        join = f"/conferences/{SLUG}/join"
        with site.by_invitation():
            refused = browser.post(join)
            assert refused.status_code == 403
            assert "by invitation" in refused.text
            assert site.rows(_roles, mail) == []
        for _ in range(2):
            assert browser.post(join).status_code == 303
        assert site.rows(_roles, mail) == ["learner"]
        assert browser.post("/conferences/elsewhere/join").status_code == 404


# The office.

OFFICE = f"/conferences/{SLUG}/office/people"


def test_whoever_follows_a_link_to_a_session_may_join_and_goes_on(site: Site) -> None:
    path = f"/sessions/{site.seeded.session_id}"
    with closing(site.signed_in("follower@example.org")) as browser:
        door = browser.get(path)
        assert door.status_code == 403
        assert f'value="{path}"' in door.text
        joined = browser.post(f"/conferences/{SLUG}/join", data={"next": path})
        assert (joined.status_code, joined.headers["location"]) == (303, path)
        assert browser.get(path).status_code == 200
        elsewhere = browser.post(f"/conferences/{SLUG}/join", data={"next": "//evil.example"})
        assert elsewhere.headers["location"] == "/"
    with closing(site.signed_in("stranger@example.org")) as browser, site.by_invitation():
        assert "/join" not in browser.get(path).text


def test_an_invitation_grants_and_mails(site: Site) -> None:
    mail = "invited@example.org"
    with site.by_invitation(), site.browser(site.seeded.staff[Role.ORGANISER]) as office:
        invited = {"mail": mail.upper(), "name": "Ivo Invited", "role": "moderator"}
        assert office.post(OFFICE, data=invited).status_code == 303
        letter = site.mailbox.wait_for(mail, PATIENCE_SECONDS)
        assert "Invitation: CardioForum" in str(letter["Subject"])
        assert "Ivo Invited" in office.get(OFFICE).text
        with site.browser() as browser:
            answer = browser.post("/enter", data={"token": token_in(letter)})
            assert answer.headers["location"] == f"/conferences/{SLUG}"
            assert browser.get(f"/sessions/{site.seeded.session_id}/desk").status_code == 200
        assert office.post(OFFICE, data=invited).status_code == 303
        assert len(site.mailbox.to(mail)) == 1, "who has the role already gets no second letter"
        for wrong in ({"role": "operator"}, {"role": "exhibitor"}, {"mail": "nobody"}):
            answer = office.post(OFFICE, data=invited | wrong)
            assert answer.status_code == 422
            assert "Ivo Invited" in answer.text
    assert site.rows(_roles, mail) == ["moderator"]


async def test_a_role_taken_back_is_gone_at_once(site: Site) -> None:
    seat = site.seeded.staff[Role.MODERATOR]
    desk = f"/sessions/{site.seeded.session_id}/desk"
    grant = site.rows(_grant_of, seat.id)
    async with socket_page(site.server.port, seat.cookie, site.server.url) as socket:
        with site.browser(site.seeded.staff[Role.ORGANISER]) as office, site.browser(seat) as other:
            assert (await asyncio.to_thread(other.get, desk)).status_code == 200
            taken = await asyncio.to_thread(
                office.post, OFFICE + "/take", data={"grant": str(grant)}
            )
            assert taken.status_code == 303
            assert (await asyncio.to_thread(other.get, desk)).status_code == 403
            again = await asyncio.to_thread(
                office.post, OFFICE + "/take", data={"grant": str(grant)}
            )
            assert again.status_code == 404
        assert await socket.closed(5) == Close.RIGHTS_CHANGED


def test_organisers_cannot_lock_themselves_out(site: Site) -> None:
    seat = site.seeded.staff[Role.ORGANISER]
    grant = site.rows(_grant_of, seat.id)
    with site.browser(seat) as office:
        answer = office.post(OFFICE + "/take", data={"grant": str(grant)})
        assert answer.status_code == 409
        assert office.get(OFFICE).status_code == 200
        for wrong in ("", "x", str(uuid4())):
            assert office.post(OFFICE + "/take", data={"grant": wrong}).status_code == 404
    assert site.rows(_roles, seat.mail) == ["organiser"]


# Links of the demo.


async def _reusable(db: Rows, person_id: Any) -> str:
    return await people.new_link(db, person_id, reusable=True)


def test_a_reusable_link_works_again_from_this_machine(site: Site) -> None:
    token = site.rows(_reusable, site.seeded.learners[0].id)
    for _ in range(3):
        with site.browser() as browser:
            assert browser.get(f"/enter/{token}").status_code == 200
            assert browser.post("/enter", data={"token": token}).status_code == 303


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "127.0.0.1.evil", ""])
async def test_a_reusable_link_is_nothing_from_elsewhere(site: Site, address: str) -> None:
    """The application itself, since no other machine is at hand to ask from."""
    token = await asyncio.to_thread(site.rows, _reusable, site.seeded.learners[0].id)
    async with an_app(site.database, site.server.data, client=(address, 9)) as http:
        forwarded = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        seen = await http.get(f"/enter/{token}", headers=forwarded)
        used = await http.post("/enter", data={"token": token}, headers=forwarded)
        assert (seen.status_code, used.status_code) == (410, 410)
        assert "set-cookie" not in used.headers


# The commands.


def command(site: Site, *words: str) -> tuple[int, str, str]:
    done = rounds(*words, data=site.server.data, env=site.env)
    assert "Traceback" not in done.stderr
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout, done.stderr


CREATE = ("--zone", "Europe/Paris", "--from", "2026-11-25", "--to", "2026-11-27")


def test_the_first_conference_person_role_and_link_come_from_commands(site: Site) -> None:
    made = command(site, "conference", "create", "first", "--title", "First", *CREATE)
    assert (made[0], made[2]) == (0, "")
    assert "/conferences/first" in made[1]
    told = [
        command(site, "grant", "Boss@Example.org", "organiser", "--conference", "first")[:2]
        for _ in range(2)
    ]
    assert told == [
        (0, "boss@example.org is now organiser\n"),
        (0, "boss@example.org was already organiser\n"),
    ]
    status, out, _ = command(site, "link", "boss@example.org")
    found = LINK.search(out)
    assert status == 0
    assert found
    with site.browser() as browser:
        assert browser.post("/enter", data={"token": found[1]}).status_code == 303
        assert browser.get("/conferences/first/office/people").status_code == 200


REFUSED = [
    (("conference", "create", "Bad Slug", "--title", "T", *CREATE), ""),
    (("conference", "create", "zone", "--title", "T", "--zone", "Mars/Base", *CREATE[2:]), "Mars"),
    (("conference", "create", "d", "--title", "T", *CREATE[:3], "soon", *CREATE[4:]), "--from"),
    (("conference", "create", "d", "--title", "T", *CREATE[:5], "2026-01-01"), ""),
    (("conference", "create", SLUG, "--title", "T", *CREATE), SLUG),
    (("grant", "x@example.org", "king", "--conference", SLUG), "king"),
    (("grant", "x@example.org", "learner"), "--conference"),
    (("grant", "x@example.org", "learner", "--conference", "nowhere"), "nowhere"),
    (("grant", "nobody", "learner", "--conference", SLUG), "address"),
    (("grant", "x@example.org", "exhibitor", "--conference", SLUG), "--booth"),
    (("grant", "x@example.org", "exhibitor", "--conference", SLUG, "--booth", "1"), "--booth"),
    (("grant", "x@example.org", "exhibitor", "--conference", SLUG, "--booth", str(uuid4())), ""),
    (("grant", "x@example.org", "faculty", "--conference", SLUG), "--session"),
    (("grant", "x@example.org", "faculty", "--conference", SLUG, "--session", str(uuid4())), ""),
    (("link", "unknown@example.org"), "unknown@example.org"),
    (("link", "nobody"), "address"),
]
MISUSED = [
    ("conference", "create"), ("conference", "create", "x"), ("conference", "found", "x"),
    ("grant",), ("grant", "x@example.org"), ("link",), ("link", "a@b.org", "--loud"),
]  # fmt: skip


ALL_IN_ONE = """
import contextlib, io, json, sys
from server.cli import main
for words in json.load(sys.stdin):
    out, err, sys.argv = io.StringIO(), io.StringIO(), ["rounds", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""
"""Every command in one process: each start costs a second, most of it imports."""


def test_commands_refuse_in_words(database_templates: Templates, tmp_path: Path) -> None:
    """One database is enough here: the refusals are the commands', not the database's."""
    url = database_templates.sqlite(tmp_path)
    seed(url, learners=1, published=1, opened=1)
    words = [[*refused] for refused, _ in REFUSED] + [[*misused] for misused in MISUSED]
    done = subprocess.run(
        [sys.executable, "-P", "-c", ALL_IN_ONE],
        check=True, input=json.dumps(words), capture_output=True, text=True,
        env=environment(tmp_path, {}, 0), cwd=tmp_path,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    expected = [(1, names) for _, names in REFUSED] + [(2, "")] * len(MISUSED)
    wrong = [
        (said, status, out, err)
        for said, (status, out, err), (right, names) in zip(words, told, expected, strict=True)
        if status != right or names not in err or not err.strip() or out or "Traceback" in err
    ]
    assert wrong == []
    assert in_rows(url, _roles, "x@example.org") == []


def test_a_refusal_of_a_command_is_one_line_and_a_status(tmp_path: Path) -> None:
    done = rounds("link", "unknown@example.org", data=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "MAIL: unknown@example.org: nobody here has this address\n"
