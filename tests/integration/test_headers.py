"""What every answer carries, and what is refused before any page is asked.

Generated from the route table: a route that forgets a header or takes a forged form fails here.
"""

import asyncio
import http.client
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.routing import Route

from server import security
from server.app import routes
from server.logs import ALLOWED
from server.people import store as people
from server.rights import Role
from tests.integration.apps import SITE, an_app
from tests.integration.pages import socket_page
from tests.integration.seeds import SLUG, Seeded, in_rows, seed
from tests.servers.rounds import Rounds, running_rounds
from tests.servers.smtp import Mailbox
from tests.servers.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.timeout(240)

ROUTES = [route for route in routes if isinstance(route, Route)]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
OWN = {"sec-fetch-site": "same-origin"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; media-src 'self' blob:; connect-src 'self' {sockets}; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "trusted-types lit-html"
)
NOTHING = "camera=(), microphone=(), display-capture=()"
STUDIO = "camera=(self), microphone=(self), display-capture=(self)"
SNAPSHOT = {
    "content-security-policy": POLICY.format(sockets="ws://127.0.0.1:8000"),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": f"{NOTHING}, geolocation=(), usb=(), publickey-credentials-get=(self)",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "strict-transport-security": None,
    "server": None,
    "access-control-allow-origin": None,
}


@pytest.fixture
def seeded(sqlite_url: str) -> Seeded:
    return seed(sqlite_url, learners=2, published=1, opened=1)


@pytest.fixture
async def app(sqlite_url: str, tmp_path: Path, seeded: Seeded) -> AsyncGenerator[httpx.AsyncClient]:  # noqa: ARG001
    async with an_app(sqlite_url, tmp_path) as opened:
        yield opened


def path_of(route: Route, seeded: Seeded) -> str:
    """An address of the route: of what exists, where it does."""
    known = {"slug": SLUG, "session_id": seeded.session_id, "booth_id": seeded.booth_id}
    path = route.path
    for name, convertor in route.param_convertors.items():
        made = uuid4() if "uuid" in type(convertor).__name__.lower() else "x"
        value = str(known.get(name, made))
        path = path.replace(f"{{{name}:uuid}}", value).replace(f"{{{name}}}", value)
    return path


def cookie(login: str) -> dict[str, str]:
    return {"cookie": f"login={login}"}


async def test_every_route_answers_with_the_same_headers(
    app: httpx.AsyncClient, seeded: Seeded
) -> None:
    wrong = []
    roles = {role: cookie(seeded.staff[role].login) for role in (Role.ORGANISER, Role.EXHIBITOR)}
    for route in ROUTES:
        path = path_of(route, seeded)
        expected = dict(SNAPSHOT)
        if path.endswith("/studio"):
            expected["permissions-policy"] = SNAPSHOT["permissions-policy"].replace(  # type: ignore[union-attr]
                NOTHING, STUDIO
            )
        for name, login in [("stranger", {}), *roles.items()]:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                if path == "/sign-out" and login:
                    continue
                answer = await app.request(
                    method, path, headers=login | OWN | {"accept": "text/html"}
                )
                got = {key: answer.headers.get(key) for key in expected}
                if got != expected or "cookie" not in answer.headers.get("vary", "").lower():
                    wrong.append((name, method, path, answer.status_code, answer.headers))
    assert wrong == []


@pytest.mark.parametrize(
    "path", ["/nothing/here", "/assets/x/shell/nothing.css", "/sign-in/", "//"]
)
async def test_what_is_not_there_carries_them_too(app: httpx.AsyncClient, path: str) -> None:
    answer = await app.get(SITE + path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    for name in ("content-security-policy", "x-content-type-options", "permissions-policy"):
        assert answer.headers[name] == SNAPSHOT[name]


async def test_an_accident_carries_them_too(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def accident(*_: object) -> None:
        raise ZeroDivisionError

    async with an_app(sqlite_url, tmp_path) as app:
        monkeypatch.setattr(people, "link_name", accident)
        answer = await app.get("/enter/x", headers={"accept": "text/html"})
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in SNAPSHOT} == SNAPSHOT
    assert "ZeroDivision" not in answer.text


async def test_assets_may_be_kept_and_nothing_else(app: httpx.AsyncClient) -> None:
    page = await app.get("/sign-in", headers={"accept": "text/html"})
    found = re.search(r'"(/assets/[^"]+\.css)"', page.text)
    assert found
    style = await app.get(found[1])
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    older = await app.get(re.sub(r"^/assets/\w+/", "/assets/0ld/", found[1]))
    assert (older.status_code, older.headers["cache-control"]) == (200, "no-cache")


FOREIGN: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": SITE},
    {},
    {"origin": "null"},
    {"origin": "https://evil.example"},
    {"origin": SITE.replace("http:", "https:")},
    {"origin": SITE.replace(":8000", ":8001")},
    {"origin": SITE.replace(":8000", "")},
    {"origin": SITE + "/"},
    {"origin": SITE + ".evil.example"},
    {"origin": "http://localhost:8000"},
]


async def test_no_form_is_taken_from_another_site(app: httpx.AsyncClient, seeded: Seeded) -> None:
    assert len(FOREIGN) >= 12
    login = cookie(seeded.staff[Role.ORGANISER].login)
    wrong = []
    for route in ROUTES:
        path = path_of(route, seeded)
        for method in sorted((route.methods or set()) & UNSAFE):
            for site in FOREIGN:
                answer = await app.request(method, path, headers=login | site)
                if answer.status_code != 403 or "our own page" not in answer.text:
                    wrong.append((method, path, site, answer.status_code))
    assert wrong == []
    for own in (OWN, {"origin": SITE}, OWN | {"origin": "null"}):
        saved = await app.post("/profile", headers=login | own, data={"name": ""})
        assert saved.status_code == 422, "a form of ours comes through"


async def test_a_login_of_the_attackers_is_not_planted(app: httpx.AsyncClient) -> None:
    """Signing in sends no cookie: without one, a page elsewhere may still not sign anybody in."""
    for site in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        for path, form in (("/enter", {"token": "x"}), ("/sign-in", {"mail": "a@example.org"})):
            answer = await app.post(path, headers=site, data=form)
            assert answer.status_code == 403, (path, site)
    assert (await app.post("/enter", data={"token": "x"})).status_code == 410


HOSTS = ("evil.example", "127.0.0.1", "127.0.0.1:8001", "localhost:8000", "127.0.0.1:8000.evil", "")


@pytest.mark.parametrize("host", HOSTS)
async def test_another_host_is_sent_to_the_canonical_one(app: httpx.AsyncClient, host: str) -> None:
    for path in ("/", "/sign-in?next=/x%20y", f"/conferences/{SLUG}"):
        seen = await app.get(path, headers={"host": host})
        assert (seen.status_code, seen.headers["location"]) == (308, SITE + path)
        assert "content-security-policy" in seen.headers
    sent = await app.post("/sign-in", headers={"host": host}, data={"mail": "a@example.org"})
    assert sent.status_code == 421
    for path in ("/healthz", "/readyz"):
        assert (await app.get(path, headers={"host": host})).status_code == 200, "probes may"


async def test_a_path_cannot_redirect_elsewhere(app: httpx.AsyncClient) -> None:
    answer = await app.get(f"{SITE}//evil.example/x", headers={"host": "evil.example"})
    assert answer.status_code == 421


async def test_more_than_a_body_may_hold_is_refused(app: httpx.AsyncClient, seeded: Seeded) -> None:
    login = cookie(seeded.staff[Role.ORGANISER].login) | OWN
    form = {"content-type": "application/x-www-form-urlencoded"}
    large = b"name=" + b"x" * security.MAX_BODY_BYTES

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    announced = await app.post("/profile", headers=login | form, content=large)
    assert announced.status_code == 413
    chunked = await app.post("/profile", headers=login | form, content=pieces())
    assert chunked.status_code == 413
    for size in ("-1", "1e9", "x", "1_0"):
        odd = await app.post("/profile", headers=login | form | {"content-length": size})
        assert odd.status_code == 413, size
    fits = await app.post("/profile", headers=login | form, content=b"name=" + b"x" * 10_000)
    assert fits.status_code == 422
    assert security.limit(f"/conferences/{SLUG}/office/import") == security.MAX_UPLOAD_BYTES


async def _link(db: object, person_id: object) -> str:
    return await people.new_link(db, person_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "https://rounds.example"])
async def test_cookies_are_as_safe_as_the_address(
    address: str, sqlite_url: str, tmp_path: Path, seeded: Seeded
) -> None:
    token = await asyncio.to_thread(in_rows, sqlite_url, _link, seeded.learners[0].id)
    async with an_app(sqlite_url, tmp_path, url=address) as app:
        answer = await app.post("/enter", data={"token": token})
        left = await app.post("/sign-out", headers=OWN)
        plain = await app.get(
            "/profile",
            headers={"cookie": f"login={seeded.learners[1].login}", "accept": "text/html"},
        )
    name, _, rest = answer.headers["set-cookie"].partition("=")
    flags = {flag.strip().lower() for flag in rest.split(";")[1:]}
    secure = address.startswith("https")
    assert name == ("__Host-login" if secure else "login")
    assert ("secure" in flags) is secure
    assert {"httponly", "path=/", "samesite=lax"} <= flags
    assert not any(flag.startswith("domain") for flag in flags)
    assert left.headers["set-cookie"].startswith(f"{name}=")
    assert ("max-age=0" in left.headers["set-cookie"].lower()) is True
    hsts = answer.headers.get("strict-transport-security")
    assert hsts == ("max-age=63072000" if secure else None)
    assert (
        f"{'wss://rounds.example' if secure else 'ws://127.0.0.1:8000'};"
        in (answer.headers["content-security-policy"])
    )
    assert plain.status_code == (303 if secure else 200), "a plain cookie is none behind https"


# What is logged.

CANARY = "Zyxwvut"


def _paths(seeded: Seeded) -> Iterator[str]:
    for route in ROUTES:
        if "GET" in (route.methods or ()):
            yield path_of(route, seeded)


@pytest.fixture
def server(sqlite_url: str, tmp_path: Path, smtp: Mailbox, seeded: Seeded) -> Iterator[Rounds]:  # noqa: ARG001
    env = {"ROUNDS_DATABASE_URL": sqlite_url, "ROUNDS_MAIL_URL": smtp.url, "ROUNDS_LOG": "debug"}
    with running_rounds(tmp_path / "data", env) as running:
        yield running


async def test_no_name_mail_or_token_is_logged(
    server: Rounds, smtp: Mailbox, sqlite_url: str, seeded: Seeded
) -> None:
    mail = f"{CANARY}@example.org"
    token = await asyncio.to_thread(in_rows, sqlite_url, _link, seeded.learners[0].id)
    headers = {"origin": server.url, "accept": "text/html"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=45) as http:
        await http.post("/sign-in", data={"mail": mail, "next": f"/{CANARY}"})
        smtp.stop()
        assert (await http.post("/sign-in", data={"mail": mail})).status_code == 503
        assert (await http.get(f"/enter/{CANARY}")).status_code == 410
        assert (await http.post("/enter", data={"token": token})).status_code == 303
        login = http.cookies["login"]
        saved = {"name": CANARY, "degree": CANARY, "affiliation": CANARY, "profession": "nurse"}
        assert (await http.post("/profile", data=saved)).status_code == 303
        for path in _paths(seeded):
            await http.get(path, params={"q": CANARY})
        await http.post(f"/conferences/{CANARY}/join")
        whip = {"authorization": f"Bearer {CANARY}", "content-type": "application/sdp"}
        await http.post(f"/whip/{seeded.session_id}", headers=whip, content=f"v=0\r\n{CANARY}")
    async with socket_page(server.port, f"login={login}", server.url) as page:
        session = {"session_id": seeded.session_id}
        asked = await page.ask("question.ask", **session, text=f"{CANARY}?")
        assert asked["type"] == "done"
        for frame in (f"{CANARY}", f'{{"type":"{CANARY}"}}', f'{{"type":"beat","n":"{CANARY}"}}'):
            await page.socket.send(frame)
        await page.ask("question.upvote", **session, question_id=uuid4())
        await page.follow(f"session/{CANARY}")
    half_open(server)
    assert server.terminate(30) == 0
    log = server.log_text()
    assert log, "something was logged"
    assert [secret for secret in (CANARY, token, login) if secret.lower() in log.lower()] == []
    assert not {"mail", "token", "cookie", "path", "query"} & ALLOWED


def half_open(server: Rounds) -> None:
    """Requests that are none: what a parser complains of may hold what was sent."""
    for line in (f"GET /{CANARY}", f"{CANARY} / HTTP/1.1", "GET / HTTP/1.1\r\n" + CANARY):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
        connection.connect()
        connection.sock.sendall(line.encode() + b"\r\n\r\n")
        connection.sock.settimeout(5)
        connection.sock.recv(100)
        connection.close()
