"""Janus 1.1 as Debian packages it, to compare ourselves with: one event loop for all viewers.

It is fetched when it is first asked for, into a folder of its own and without installing anything,
and listens on an address that is not loopback, since it offers no other. It does more per packet
than a relay for one stage has to (a plugin's boundary, a queue for each handle).
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from realtime.relay.caller import Caller
from realtime.relay.dial import Answer, Login, read_answer
from realtime.relay.dtls import own_fingerprint
from realtime.relay.offer import Fingerprint
from tests.bench.relay.viewers import CERTIFICATE, Viewer
from tests.servers.waiting import eventually_async

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rounds-bench" / "janus"
NOWHERE = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): asking for the way there names our own address."""

_MAIN = """general: {
  configs_folder = "FOLDER"
  plugins_folder = "LIB/janus/plugins"
  transports_folder = "LIB/janus/transports"
  events_folder = "LIB/janus/events"
  loggers_folder = "LIB/janus/loggers"
  debug_level = 2
  session_timeout = 0
  event_loops = 1
}
media: { rtp_port_range = "30000-50000"
  no_media_timer = 60 }
nat: { ice_lite = true
  ice_enforce_list = "HOST"
  full_trickle = false }
"""
_HTTP = """general: { json = "compact"
  http = true
  port = PORT
  ip = "127.0.0.1"
  https = false }
"""


class NoJanus(RuntimeError):
    """It cannot run here; says why."""


def fetched() -> Path:
    """The folder of its libraries and program; downloads them once."""
    tree = CACHE / "tree"
    if (tree / "usr/bin/janus").exists():
        return tree
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise NoJanus("Janus comes as a Debian package, and this machine has no apt-get and dpkg")
    packages = CACHE / "packages"
    (packages / "partial").mkdir(parents=True, exist_ok=True)
    options = [f"Dir::Cache::archives={packages}", "Debug::NoLocking=1", "APT::Sandbox::User="]
    said = subprocess.run(
        [
            *("apt-get", "--yes", "--quiet", "--download-only", "--no-install-recommends"),
            *(word for option in options for word in ("-o", option)),
            *("install", "janus"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if said.returncode:
        cause = said.stderr.strip().splitlines() or ["no reason given"]
        raise NoJanus(f"apt-get did not download Janus: {cause[-1]}")
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, tree], check=True)
    return tree


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(NOWHERE)
        except OSError as failure:
            raise NoJanus("Janus needs an address that is not loopback; there is none") from failure
        return str(asking.getsockname()[0])


class Janus:
    """A session with it, over its HTTP interface, and the one room."""

    def __init__(self, http: httpx.AsyncClient, pid: int) -> None:
        self.pid = pid
        self._http = http
        self._awaited: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session = self._room = self._feed = 0

    async def begin(self) -> None:
        self._session = (await self._post("/janus", janus="create"))["data"]["id"]

    async def publish(self, caller: Caller) -> None:
        handle = await self._attach()
        made = await self._tell(
            handle,
            {
                "request": "create",
                "publishers": 1,
                "videocodec": "vp8",
                "audiocodec": "opus",
                "fir_freq": 0,
                **dict.fromkeys(
                    ("videoorient_ext", "playoutdelay_ext", "transport_wide_cc_ext"), False
                ),
            },
        )
        self._room = made["plugindata"]["data"]["room"]
        joined = await self._tell(
            handle,
            {"request": "joinandconfigure", "room": self._room, "ptype": "publisher"},
            {"type": "offer", "sdp": caller.offer},
        )
        self._feed = joined["plugindata"]["data"]["id"]
        await caller.connect(joined["jsep"]["sdp"])

    async def watch(self, viewer: Viewer) -> Answer:
        handle = await self._attach()
        joined = await self._tell(
            handle,
            {
                "request": "join",
                "room": self._room,
                "ptype": "subscriber",
                "streams": [{"feed": self._feed}],
            },
        )
        offer = joined["jsep"]["sdp"]
        answer = write_answer(offer, viewer.path.login, own_fingerprint(CERTIFICATE))
        await self._tell(handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        return read_answer(offer)

    async def listen(self) -> None:
        """Until it is cancelled: what comes by itself."""
        while True:
            with contextlib.suppress(httpx.TimeoutException):
                heard = await self._http.get(f"/janus/{self._session}", params={"maxev": 20})
                events = heard.json()
                for event in events if isinstance(events, list) else [events]:
                    waiting = self._awaited.pop(event.get("transaction", ""), None)
                    if event.get("janus") == "event" and waiting is not None:
                        waiting.set_result(event)

    async def _attach(self) -> int:
        plugin = "janus.plugin.videoroom"
        told = await self._post(f"/janus/{self._session}", janus="attach", plugin=plugin)
        return int(told["data"]["id"])

    async def _tell(
        self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        transaction = secrets.token_hex(8)
        waiting = asyncio.get_running_loop().create_future()
        self._awaited[transaction] = waiting
        said: dict[str, Any] = {"janus": "message", "body": body, "transaction": transaction}
        if jsep is not None:
            said["jsep"] = jsep
        told = await self._post(f"/janus/{self._session}/{handle}", **said)
        if told["janus"] == "success":
            del self._awaited[transaction]
            return told
        async with asyncio.timeout(30):
            return dict(await waiting)

    async def _post(self, path: str, **said: Any) -> dict[str, Any]:
        said.setdefault("transaction", secrets.token_hex(8))
        response = await self._http.post(path, json=said)
        return dict(response.json())


def write_answer(offer: str, login: Login, fingerprint: Fingerprint) -> str:
    """Take everything that is offered, in the first format of each section."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    sections = re.split(r"^(?=m=)", offer, flags=re.MULTILINE)[1:]
    mids = [re.findall(r"^a=mid:(\S+)", section, re.MULTILINE)[0] for section in sections]
    lines.append("a=group:BUNDLE " + " ".join(mids))
    for mid, section in zip(mids, sections, strict=True):
        kind, _, protocol, number = section.splitlines()[0][2:].split()[:4]
        lines += [
            f"m={kind} 9 {protocol} {number}",
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{login.fragment}",
            f"a=ice-pwd:{login.password}",
            f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
            "a=setup:active",
            f"a=mid:{mid}",
            "a=rtcp-mux",
            "a=recvonly",
            *re.findall(rf"^(a=(?:rtpmap|fmtp):{number} [^\r\n]*)", section, re.MULTILINE),
        ]
    return "\r\n".join(lines) + "\r\n"


@asynccontextmanager
async def janus(core: int) -> AsyncGenerator[Janus]:
    """Running on one core, with nobody in it."""
    tree, host = fetched(), own_address()
    libraries = next(tree.glob("usr/lib/*/janus")).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="janus") as folder:
        names = {"FOLDER": folder, "LIB": str(libraries), "HOST": host, "PORT": str(port)}
        for name, text in (
            ("janus.jcfg", _MAIN),
            ("janus.transport.http.jcfg", _HTTP),
            ("janus.plugin.videoroom.jcfg", "general: { }\n"),
        ):
            filled = re.sub("|".join(names), lambda found: names[found[0]], text)
            (Path(folder) / name).write_text(filled)
        process = await asyncio.create_subprocess_exec(
            *("taskset", "-c", str(core), tree / "usr/bin/janus"),
            *("-F", folder, "-C", f"{folder}/janus.jcfg"),
            env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            async with _talking(process, f"http://127.0.0.1:{port}") as talking:
                yield talking
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def _talking(process: Process, url: str) -> AsyncGenerator[Janus]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=40) as http:
        await eventually_async(lambda: _answers(url) or process.returncode is not None, within=15)
        if process.returncode is not None:
            raise NoJanus(f"Janus ended with status {process.returncode}")
        talking = Janus(http, process.pid)
        await talking.begin()
        listening = asyncio.create_task(talking.listen())
        try:
            yield talking
        finally:
            listening.cancel()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/janus/info", trust_env=False).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    print(json.dumps({"tree": str(fetched()), "address": own_address()}))
