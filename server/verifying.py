"""`rounds ledger verify`: one verdict for each conference, and why.

Exit status: 0 good, 1 bad, 2 when it cannot be decided: a file is missing, the database is away,
there is no such conference, or nothing outside of the database vouches for it. Changes nothing.
"""

import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from server import clock, migrate, signing
from server.agenda import store as agenda
from server.agenda.rules import Conference
from server.attendance import checkpoints, verifying
from server.attendance.chain import Broken, Kind, Signed
from server.attendance.ledger import Written
from server.attendance.verifying import Verified
from server.credit import rechecking
from server.credit.checks import auditing as checks
from server.credit.corrections import auditing as corrections
from server.credit.rechecking import Rechecked
from server.db import DATABASE_AWAY, Database, DatabaseError, Rows, open_database, snapshot
from server.disclosures import store as disclosures
from server.errors import Refused
from server.settings import Settings


class Verdict(IntEnum):
    GOOD = 0
    BAD = 1
    INCOMPLETE = 2


class Undecided(Refused):
    """Nothing can be said: what it takes is not here."""

    code = "ledger.undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What vouches for chains from outside of the database: copies, and the keys we trust."""

    copies: dict[UUID, list[Signed]]
    keys: dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that was found out about one conference."""

    conference: Conference
    chain: Verified
    credit: Rechecked
    seconds: float

    @property
    def bad(self) -> list[Broken]:
        return [*self.chain.bad, *self.credit.bad]

    @property
    def unknown(self) -> list[str]:
        return [*self.chain.unknown, *self.credit.unknown]

    @property
    def verdict(self) -> Verdict:
        if self.bad:
            return Verdict.BAD
        return Verdict.INCOMPLETE if self.unknown else Verdict.GOOD


async def verify(
    settings: Settings, *, slug: str, checkpoint: str, learner: str, as_json: bool
) -> int:
    """Print what was found, and return the worst of the verdicts."""
    verdicts: list[Verdict] = []
    try:
        person_id = _id(learner) if learner else None
        outside, pinned = _outside(settings, checkpoint)
        async with (
            _opened(settings) as database,
            database.read() as beside,
            database.read() as db,
        ):
            await snapshot(beside)
            await snapshot(db)
            chosen = await _chosen(db, slug, pinned)
            for conference in chosen:
                found = await _found(db, beside, conference, outside, person_id)
                verdicts.append(found.verdict)
                _say(_line(found) if as_json else _words(found))
    except Refused as undecided:
        return _undecided(str(undecided), as_json=as_json)
    except (*DATABASE_AWAY, DatabaseError, OSError) as error:
        return _undecided(f"the database does not answer: {type(error).__name__}", as_json=as_json)
    if Verdict.BAD in verdicts:
        return Verdict.BAD
    return max(verdicts, default=Verdict.GOOD)


async def _found(
    db: Rows, beside: Rows, conference: Conference, outside: Outside, person_id: UUID | None
) -> Found:
    began = time.perf_counter()
    chain = await verifying.verify(
        db,
        conference.id,
        copies=outside.copies.get(conference.id, ()),
        keys=outside.keys,
        person_id=person_id,
        beside=beside,
    )
    credit = Rechecked()
    if not chain.bad:  # rows of a broken chain prove nothing about claims
        chain.bad += await disclosures.unlike_ledger(
            db, conference.id, erased=chain.erased, person_id=person_id
        )
        chain.bad += await checks.unlike_ledger(
            db, conference.id, erased=chain.erased, person_id=person_id
        )
        chain.bad += await corrections.unlike_ledger(
            db, conference.id, erased=chain.erased, person_id=person_id
        )
        credit = await rechecking.recheck(
            db, conference.id, erased=chain.erased, person_id=person_id
        )
    seconds = time.perf_counter() - began
    return Found(conference=conference, chain=chain, credit=credit, seconds=seconds)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[Database]:
    """The database as it is: never made and never migrated here."""
    if not _is_there(settings.database):
        raise Undecided("there is no database")
    if await migrate.behind(settings.database):
        raise Undecided("The database is behind this version: run `rounds migrate` first.")
    database = open_database(settings.database)
    try:
        yield database
    finally:
        await database.close()


def _is_there(url: str) -> bool:
    """Opening a SQLite file that is not there would make one."""
    return not url.startswith("sqlite") or Path(url.partition("///")[2]).exists()


def _outside(settings: Settings, checkpoint: str) -> tuple[Outside, UUID | None]:
    """Copies from the folder, the key of this server, and what the file named says, if any."""
    outside = Outside(copies={}, keys={})
    if settings.signing_key_path.exists():
        signer = signing.read(settings.signing_key_path)
        outside.keys[signer.key_id] = signer.public
    for path in sorted(settings.checkpoint_path.glob("*.json")):
        signed, _ = _copy(path)
        outside.copies.setdefault(signed.checkpoint.conference_id, []).append(signed)
    if not checkpoint:
        return outside, None
    signed, public = _copy(Path(checkpoint))
    made = signed.checkpoint
    outside.keys[made.key_id] = public  # whoever names a file trusts it
    outside.copies.setdefault(made.conference_id, []).append(signed)
    return outside, made.conference_id


def _copy(path: Path) -> tuple[Signed, bytes]:
    try:
        return checkpoints.load(path)
    except checkpoints.BadFile as error:
        raise Undecided(str(error)) from error
    except OSError as error:
        raise Undecided(f"{path}: {error.strerror}") from error


async def _chosen(db: Rows, slug: str, pinned: UUID | None) -> Sequence[Conference]:
    known = await agenda.conferences(db)
    if slug:
        known = [one for one in known if one.slug == slug]
        if not known:
            raise Undecided(f"--conference: {slug}: there is no such conference")
    if pinned is not None:
        known = [one for one in known if one.id == pinned]
        if not known:
            raise Undecided("--checkpoint: it is of a conference that is not here")
    return known


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Undecided(f"--learner: {text}: this is no id") from None


def _line(found: Found) -> str:
    first = found.bad[0] if found.bad else None
    return msgspec.json.encode(
        {
            "conference": found.conference.slug,
            "verdict": found.verdict.name.lower(),
            "rows": found.chain.rows,
            "checkpoint": found.chain.vouched,
            "claims": found.credit.claims,
            "first_bad": None if first is None else {"n": first.n, "why": first.why},
            "bad": [{"n": one.n, "why": one.why} for one in found.bad],
            "unknown": found.unknown,
            "clock_steps": _bodies(found.chain.told, Kind.CLOCK_STEP),
            "outages": _bodies(found.chain.told, Kind.OUTAGE),
            "erased": len(found.chain.erased),
            "seconds": round(found.seconds, 3),
        }
    ).decode()


def _words(found: Found) -> str:
    chain = found.chain
    lines = [f"{found.conference.slug}: {found.verdict.name.lower()}"]
    lines += [f"  row {one.n}: {one.why}" if one.n else f"  {one.why}" for one in found.bad]
    lines += [f"  cannot be decided: {one}" for one in found.unknown]
    lines.append(f"  {chain.rows} rows, {found.credit.claims} claims, {found.seconds:.2f} s")
    if chain.vouched:
        at = clock.moment(chain.vouched_ms)
        lines.append(f"  row {chain.vouched} is vouched for outside, {at:%Y-%m-%d %H:%M:%S} UTC")
    lines += [f"  clock set: {body}" for body in _bodies(chain.told, Kind.CLOCK_STEP)]
    lines += [f"  outage: {body}" for body in _bodies(chain.told, Kind.OUTAGE)]
    return "\n".join(lines)


def _bodies(told: Sequence[Written], kind: Kind) -> list[Any]:
    return [{"n": row.n, **msgspec.json.decode(row.body)} for row in told if row.kind == kind]


def _undecided(why: str, *, as_json: bool) -> int:
    if as_json:
        _say(msgspec.json.encode({"verdict": "incomplete", "unknown": [why]}).decode())
    print(why, file=sys.stderr)  # noqa: T201
    return Verdict.INCOMPLETE


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the console is where an operator reads
