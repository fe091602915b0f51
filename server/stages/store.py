"""Who may publish and watch, which media connections stand, and what is on air, as rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock, secrets
from server.agenda.rules import Phase
from server.agenda.store import Session
from server.db import Base, Doc, Word, insert_once, of_session
from server.ids import new_id
from server.stages import rules
from server.stages.rules import TokenKind, Watching

PUBLISH = "publish"
"""The kind of a speaker's connection; the others are what is watched for."""


class StageToken(Base):
    """Lets one speaker publish on one stage; only its hash is kept."""

    __tablename__ = "stage_token"
    __table_args__ = (
        of_session(),
        Index("ix_stage_token_session_id", "conference_id", "session_id", "person_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    kind: Mapped[TokenKind] = mapped_column(Word(TokenKind))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]


class WatchTicket(Base):
    """Lets one person start watching one session within a minute, once."""

    __tablename__ = "watch_ticket"
    __table_args__ = (Index("ix_watch_ticket_expires_at", "expires_at"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    watching: Mapped[Watching] = mapped_column(Word(Watching))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MediaAnswer(Base):
    """A WHIP or WHEP resource: what its public address stands for on the relay, and whose it is."""

    __tablename__ = "media_resource"
    __table_args__ = (Index("ix_media_resource_session_id", "conference_id", "session_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    conference_id: Mapped[UUID]
    session_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes]
    location: Mapped[str]
    kind: Mapped[str]  # PUBLISH, or what is watched for
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class OnAir(Base):
    """A publisher's media flow into a session's stage: there is a row, or they do not."""

    __tablename__ = "stage_on_air"
    __table_args__ = (of_session(),)

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    media: Mapped[dict[str, str]] = mapped_column(Doc())
    since_ms: Mapped[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whom a token or a ticket was given to, and for which session."""

    conference_id: UUID
    session_id: UUID
    person_id: UUID
    watching: Watching = Watching.AUDIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Media that flow: who sends them, kind to codec, and since when."""

    person_id: UUID
    media: dict[str, str]
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A standing media connection."""

    id: UUID
    session_id: UUID
    location: str


async def new_token(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_id: UUID,
    *, kind: TokenKind, expires_at: datetime,
) -> str:  # fmt: skip
    """A token of somebody's. A program's replaces the one before, which stops to hold."""
    if kind is not TokenKind.STUDIO:
        await db.execute(
            delete(StageToken).where(
                StageToken.conference_id == conference_id,
                StageToken.session_id == session_id,
                StageToken.person_id == person_id,
                StageToken.kind == kind,
            )
        )
    token = secrets.new_token()
    db.add(
        StageToken(
            token_hash=secrets.fingerprint(token),
            conference_id=conference_id,
            session_id=session_id,
            person_id=person_id,
            kind=kind,
            expires_at=expires_at,
        )
    )
    await db.flush()
    return token


async def token_bearer(
    db: AsyncSession,
    session_id: UUID,
    token: str,
    now: datetime,
    kinds: Collection[TokenKind] = rules.PUBLISHING,
) -> Bearer | None:
    """Whose token this is, if it holds for this session and is for this use."""
    found = await db.execute(
        select(StageToken, Session.phase)
        .join(
            Session,
            (Session.conference_id == StageToken.conference_id)
            & (Session.id == StageToken.session_id),
        )
        .where(
            StageToken.token_hash == secrets.fingerprint(token),
            StageToken.session_id == session_id,
            StageToken.kind.in_(kinds),
        )
    )
    row = found.first()
    if row is None or not rules.token_holds(row.StageToken.expires_at, row.phase, now):
        return None
    token_row = row.StageToken
    return Bearer(
        conference_id=token_row.conference_id,
        session_id=session_id,
        person_id=token_row.person_id,
    )


async def encoder_since(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_id: UUID
) -> datetime | None:
    """When a person made the encoder's token that holds now."""
    made: datetime | None = await db.scalar(
        select(StageToken.created_at).where(
            StageToken.conference_id == conference_id,
            StageToken.session_id == session_id,
            StageToken.person_id == person_id,
            StageToken.kind == TokenKind.ENCODER,
            StageToken.expires_at > clock.now(),
        )
    )
    return made


async def new_ticket(
    db: AsyncSession, conference_id: UUID, session_id: UUID, person_id: UUID,
    *, watching: Watching, now: datetime,
) -> str:  # fmt: skip
    ticket = secrets.new_token()
    db.add(
        WatchTicket(
            token_hash=secrets.fingerprint(ticket),
            conference_id=conference_id,
            session_id=session_id,
            person_id=person_id,
            watching=watching,
            expires_at=now + rules.TICKET_LIFETIME,
        )
    )
    await db.flush()
    return ticket


async def use_ticket(
    db: AsyncSession, session_id: UUID, ticket: str, now: datetime
) -> Bearer | None:
    """Use a ticket up; None when it is unknown, used, too old or for another session."""
    found = await db.execute(
        update(WatchTicket)
        .where(
            WatchTicket.token_hash == secrets.fingerprint(ticket),
            WatchTicket.session_id == session_id,
            WatchTicket.used_at.is_(None),
            WatchTicket.expires_at > now,
        )
        .values(used_at=now)
        .returning(WatchTicket.conference_id, WatchTicket.person_id, WatchTicket.watching)
    )
    row = found.first()
    if row is None:
        return None
    return Bearer(
        conference_id=row.conference_id,
        session_id=session_id,
        person_id=row.person_id,
        watching=row.watching,
    )


async def phase(db: AsyncSession, conference_id: UUID, session_id: UUID) -> Phase | None:
    found: Phase | None = await db.scalar(
        select(Session.phase).where(
            Session.conference_id == conference_id, Session.id == session_id
        )
    )
    return found


async def add_resource(
    db: AsyncSession, bearer: Bearer, *, token: str, location: str, kind: str
) -> str:
    """Remember an answered connection; returns the secret in its public address."""
    secret = secrets.new_token()
    db.add(
        MediaAnswer(
            secret_hash=secrets.fingerprint(secret),
            conference_id=bearer.conference_id,
            session_id=bearer.session_id,
            person_id=bearer.person_id,
            token_hash=secrets.fingerprint(token),
            location=location,
            kind=kind,
        )
    )
    await db.flush()
    return secret


async def sends_elsewhere(db: AsyncSession, bearer: Bearer, token: str) -> bool:
    """Whether this person is on air here by another token: from an encoder, or another page."""
    on_air = await db.get(OnAir, (bearer.conference_id, bearer.session_id))
    if on_air is None or on_air.person_id != bearer.person_id:
        return False
    last = await db.scalar(
        select(MediaAnswer.token_hash)
        .where(
            MediaAnswer.conference_id == bearer.conference_id,
            MediaAnswer.session_id == bearer.session_id,
            MediaAnswer.kind == PUBLISH,
        )
        .order_by(MediaAnswer.created_at.desc(), MediaAnswer.id.desc())
        .limit(1)
    )
    return last is not None and last != secrets.fingerprint(token)


async def find_resource(
    db: AsyncSession, session_id: UUID, secret: str, token: str
) -> Resource | None:
    """The connection behind an address, for whoever holds the token that opened it."""
    row = await db.scalar(
        select(MediaAnswer).where(
            MediaAnswer.secret_hash == secrets.fingerprint(secret),
            MediaAnswer.session_id == session_id,
            MediaAnswer.token_hash == secrets.fingerprint(token),
        )
    )
    return None if row is None else _resource(row)


async def guest(db: AsyncSession, session_id: UUID, secret: str) -> tuple[Bearer, Phase] | None:
    """Who watches over HTTPS by this secret, and the phase that the session is in."""
    found = await db.execute(
        select(MediaAnswer, Session.phase)
        .join(
            Session,
            (Session.conference_id == MediaAnswer.conference_id)
            & (Session.id == MediaAnswer.session_id),
        )
        .where(
            MediaAnswer.secret_hash == secrets.fingerprint(secret),
            MediaAnswer.session_id == session_id,
            MediaAnswer.location == "",
        )
    )
    row = found.first()
    if row is None:
        return None
    bearer = Bearer(
        conference_id=row.MediaAnswer.conference_id,
        session_id=session_id,
        person_id=row.MediaAnswer.person_id,
        watching=Watching(row.MediaAnswer.kind),
    )
    return bearer, row.phase


async def forget_guest(db: AsyncSession, session_id: UUID, secret: str) -> None:
    await db.execute(
        delete(MediaAnswer).where(
            MediaAnswer.secret_hash == secrets.fingerprint(secret),
            MediaAnswer.session_id == session_id,
            MediaAnswer.location == "",
        )
    )


async def audience(db: AsyncSession, conference_id: UUID, session_id: UUID) -> list[Resource]:
    """The audience's connections of a session; the desk's and the speaker's are not among them."""
    rows = await db.scalars(
        select(MediaAnswer).where(
            MediaAnswer.conference_id == conference_id,
            MediaAnswer.session_id == session_id,
            MediaAnswer.kind == Watching.AUDIENCE.value,
        )
    )
    return [_resource(row) for row in rows]


async def resources_of(db: AsyncSession, person_id: UUID) -> list[Resource]:
    rows = await db.scalars(select(MediaAnswer).where(MediaAnswer.person_id == person_id))
    return [_resource(row) for row in rows]


async def forget_resource(db: AsyncSession, resource_id: UUID) -> None:
    await db.execute(delete(MediaAnswer).where(MediaAnswer.id == resource_id))


async def forget_resources(db: AsyncSession, before: datetime, *, relay: str = "") -> None:
    """Forget connections made before: those of a relay that is gone, or all that are long over."""
    old = delete(MediaAnswer).where(MediaAnswer.created_at < before)
    if relay:
        old = old.where(MediaAnswer.location.startswith(f"{relay}/"))
    await db.execute(old)


async def forget_expired(db: AsyncSession, before: datetime) -> None:
    """Forget tickets and tokens that stopped to hold some time ago."""
    for row in (WatchTicket, StageToken):
        await db.execute(delete(row).where(row.expires_at < before))


async def go_on_air(
    db: AsyncSession, session_id: UUID, *, person_id: UUID, media: Mapping[str, str], at_ms: int
) -> UUID | None:
    """Media flow: the session's conference, or None when that is known or there is no session."""
    conference_id = await db.scalar(select(Session.conference_id).where(Session.id == session_id))
    if conference_id is None:
        return None
    new = await insert_once(
        db, OnAir, conference_id=conference_id, session_id=session_id, person_id=person_id,
        media=dict(media), since_ms=at_ms,
    )  # fmt: skip
    if new:
        return conference_id
    row = await db.get(OnAir, (conference_id, session_id))
    if row is None or (row.media == dict(media) and row.person_id == person_id):
        return None
    row.media, row.person_id, row.since_ms = dict(media), person_id, at_ms
    return conference_id


async def go_off_air(db: AsyncSession, session_id: UUID) -> UUID | None:
    """No media flow any more: the session's conference, or None when that is known."""
    gone = await db.execute(
        delete(OnAir).where(OnAir.session_id == session_id).returning(OnAir.conference_id)
    )
    row = gone.first()
    return None if row is None else row.conference_id


async def on_air(db: AsyncSession, conference_id: UUID, session_id: UUID) -> Air | None:
    row = await db.get(OnAir, (conference_id, session_id))
    if row is None:
        return None
    return Air(person_id=row.person_id, media=row.media, since_ms=row.since_ms)


async def all_on_air(db: AsyncSession) -> list[UUID]:
    return list(await db.scalars(select(OnAir.session_id)))


def _resource(row: MediaAnswer) -> Resource:
    return Resource(id=row.id, session_id=row.session_id, location=row.location)
