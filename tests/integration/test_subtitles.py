"""Captions over HTTPS: playlists beside the picture, and WebVTT that fits it to the millisecond."""

import asyncio
import io
import re
import time
from datetime import datetime
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import av
import httpx

from server.rights import Role
from tests.integration.films import Film, Studio
from tests.integration.live_day import Day
from tests.integration.test_hls import (
    a_viewer,
    conference,
    day,
    fetched,
    files,
    filming,
    hls,
    let_in,
    lines,
    listed,
    number,
    shut,
)
from tests.unit.captions.test_webvtt import parsed

__all__ = ["conference", "day"]

LINE = "SBP < 90 mmHg & falling"
FAR = 100


def written(day: Day, text: str, language: str = "") -> dict[str, Any]:
    """A line as everybody is told of it."""
    form = {"text": text, "language": language}
    answer = day.as_(Role.MODERATOR).post(f"{day.session}/captions", data=form)
    assert answer.status_code == 303, answer.text
    found = day.as_(Role.LEARNER).get(f"{day.session}/captions/fragment").json()["rows"]
    line: dict[str, Any] = found[-1]
    assert line["text"] == text
    return line


def attributes(line: str) -> dict[str, str]:
    """Of a tag, as RFC 8216 §4.2 writes them."""
    found = re.findall(r'([A-Z-]+)=("[^"]*"|[^",]+)(?:,|$)', line)
    assert ",".join(f"{name}={value}" for name, value in found) == line
    return {name: value.strip('"') for name, value in found}


def segments(text: str) -> dict[int, tuple[str, ...]]:
    """By number: what is said of each whole segment besides how its file is called."""
    (first,) = lines(text, "#EXT-X-MEDIA-SEQUENCE:")
    said: list[str] = []
    found = {}
    at = int(first)
    for each in text.splitlines():
        if each.startswith(("#EXTINF:", "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-DISCONTINUITY\\b")):
            said.append(each)
        elif each and not each.startswith("#"):
            found[at] = tuple(said)
            said, at = [], at + 1
    return found


async def media_begins(viewer: httpx.AsyncClient, playlist: str, text: str, which: int) -> float:
    """When a segment's first picture is, in seconds of the media, as a decoder finds it."""
    (first,) = lines(text, "#EXT-X-MEDIA-SEQUENCE:")
    (beginning,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text)
    data = await fetched(viewer, playlist, beginning)
    data += await fetched(viewer, playlist, files(text)[which - int(first)])
    with av.open(io.BytesIO(data), "r") as container:
        packet = next(iter(container.demux(container.streams.video[0])))
        assert packet.pts is not None
        assert packet.time_base is not None
        return float(packet.pts * packet.time_base)


async def shows(viewer: httpx.AsyncClient, playlist: str, text: str) -> tuple[int, str]:
    """The first segment of captions in which somebody says this, by its number."""
    deadline = time.monotonic() + 20
    seen: set[str] = set()
    asked: dict[str, int] = {}
    while time.monotonic() < deadline:
        listing = (await viewer.get(playlist, params=asked)).raise_for_status().text
        for name in files(listing):
            if name in seen:
                continue
            seen.add(name)
            answer = (await viewer.get(urljoin(playlist, name))).raise_for_status()
            assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            if any(cue[2] == text for cue in parsed(answer.text)):
                return int(name.removeprefix("en/").removesuffix(".vtt")), answer.text
        asked = {"_HLS_msn": number(listing)}
    raise AssertionError(f"{text!r} is in no segment")


def streams(variants: str, cookie: str) -> set[tuple[str, str]]:
    """What another player than ours finds in a multivariant playlist."""
    options = {"headers": f"Cookie: {cookie}\r\n", "allowed_extensions": "ALL"}
    with av.open(variants, options=options, timeout=20) as container:
        return {(each.type, each.metadata.get("language", "")) for each in container.streams}


async def test_a_player_finds_captions_beside_the_picture(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer:
        picture = await let_in(viewer, day)
        variants = urljoin(picture, "stage.m3u8")
        answer = (await viewer.get(variants)).raise_for_status()
        assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert answer.headers["cache-control"] == "no-store"
        (media,) = map(attributes, lines(answer.text, "#EXT-X-MEDIA:"))
        (stream,) = map(attributes, lines(answer.text, "#EXT-X-STREAM-INF:"))
        assert (media["TYPE"], media["LANGUAGE"], media["NAME"]) == ("SUBTITLES", "en", "English")
        assert media["GROUP-ID"] == stream["SUBTITLES"]
        assert re.fullmatch(r"avc1\.[0-9a-f]{6},opus", stream["CODECS"])
        assert int(stream["BANDWIDTH"]) > 10_000
        assert [urljoin(variants, name) for name in files(answer.text)] == [picture]

        captions = urljoin(variants, media["URI"])
        text = await listed(viewer, picture, whole=2)
        beside = (await viewer.get(captions)).raise_for_status()
        assert beside.headers["cache-control"] == "no-store"
        assert "#EXT-X-MAP" not in beside.text
        assert "#EXT-X-PART" not in beside.text
        of_picture, of_words = segments(text), segments(beside.text)
        both = of_picture.keys() & of_words.keys()
        assert len(both) >= 2
        for which in both:
            assert of_picture[which] == of_words[which], "the same segments, at the same times"

        (passed,) = viewer.cookies.jar
        found = await asyncio.to_thread(streams, variants, f"{passed.name}={passed.value}")
        assert found == {("video", "und"), ("audio", "und"), ("subtitle", "en")}

        await asyncio.to_thread(written, day, "Guten Morgen.", "de")
        again = (await viewer.get(variants)).raise_for_status().text
        tags = [attributes(each)["LANGUAGE"] for each in lines(again, "#EXT-X-MEDIA:")]
        assert tags == ["en", "de"]


async def test_a_line_begins_with_the_picture_of_its_moment(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer:
        picture = await let_in(viewer, day)
        await listed(viewer, picture, whole=1)
        line = await asyncio.to_thread(written, day, LINE)
        which, words = await shows(viewer, urljoin(picture, "captions/en.m3u8"), LINE)
        text = (await viewer.get(picture)).raise_for_status().text
        begins_ms = 1000 * await media_begins(viewer, picture, text, which)
        (date,) = (each for each in segments(text)[which] if "DATE-TIME" in each)
        at_ms = 1000 * datetime.fromisoformat(date.partition(":")[2]).timestamp()
        (cue,) = parsed(words)
        assert abs((cue[0] - begins_ms) - (line["said_ms"] - at_ms)) <= 2
        assert "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0" in words

        following = f"captions/en/{which + 1}.vtt"
        await viewer.get(picture, params={"_HLS_msn": which + 1})
        goes_on = parsed((await viewer.get(urljoin(picture, following))).raise_for_status().text)
        assert [each[2] for each in goes_on] == [LINE]
        assert abs(goes_on[0][0] - cue[1]) <= 2, "no gap and no overlap"


async def test_captions_are_let_in_and_sent_out_with_the_picture(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer, a_viewer(day) as stranger:
        picture = await let_in(viewer, day)
        text = await listed(viewer, picture, whole=1)
        which = number(text) - 1
        names = ("stage.m3u8", "captions/en.m3u8", f"captions/en/{which}.vtt")
        for name in names:
            assert (await viewer.get(urljoin(picture, name))).status_code == 200
            refused = await stranger.get(urljoin(picture, name))
            assert (refused.status_code, refused.json()["code"]) == (401, "pass.missing")
            elsewhere = f"{hls(day).rpartition('/')[0]}/{uuid4()}/{name}"
            assert (await viewer.get(elsewhere)).status_code == 401
        for name in (
            "captions/EN.m3u8", "captions/english.m3u8", f"captions/x'y/{which}.vtt",
            f"captions/en/{which + FAR}.vtt", "captions/en/x.vtt",
        ):  # fmt: skip
            assert (await viewer.get(urljoin(picture, name))).status_code == 404, name
        await asyncio.to_thread(day.step, "stage.pause")
        for name in names:
            await shut(viewer, urljoin(picture, name), {401, 409})
