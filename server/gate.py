"""What the hub asks of the conference about a socket: whose it is, what it may follow and send."""

import time
from dataclasses import dataclass
from uuid import UUID

from realtime.hub.reception import Peer
from realtime.limits import BEAT_SECONDS, LEASE_SECONDS
from realtime.wire import Code, Topic, Welcome
from server import identity, secrets, topics
from server.access import Asking, Places
from server.cookies import login_token
from server.db import DATABASE_AWAY
from server.errors import Refused
from server.exhibits import store as exhibits
from server.rights import Place, Who, may
from server.services import Services

RECENT_SECONDS = 5.0
"""How old rights may be for what everybody sends often; a right taken back closes the socket."""


@dataclass(slots=True, kw_only=True)
class Guest:
    """A socket that somebody signed in opened, with their rights as read last."""

    connection: UUID
    token: str
    who: Who
    read_at: float

    @property
    def person_id(self) -> UUID:
        return self.who.id


class ConferenceGate:
    """Rights are read from rows at every command and follow, never from the guest's memory."""

    def __init__(self, services: Services, places: Places) -> None:
        self._services = services
        self._places = places

    async def admit(self, cookie_header: str, connection: UUID) -> Guest | None:
        secure = self._services.settings.secure
        token = login_token(cookie_header, secure=secure)
        who = await identity.who_is(self._services, token) if token else None
        if token is None or who is None:
            return None
        return Guest(connection=connection, token=token, who=who, read_at=time.monotonic())

    def welcome(self, guest: Guest) -> Welcome:
        return Welcome(
            connection=guest.connection,
            echo=secrets.first_echo(self._services.secret, guest.connection),
            beat_ms=int(BEAT_SECONDS * 1000),
            lease_ms=int(LEASE_SECONDS * 1000),
        )

    async def may_follow(self, guest: Guest, topic: Topic) -> bool:
        parsed = topics.parse(topic)
        who = await identity.who_is(self._services, guest.token)
        if parsed is None or who is None:
            return False
        kind, thing, part = parsed
        if kind == "person":
            return thing == who.id
        if kind == "visit":
            async with self._services.db.read() as db:
                return await exhibits.visitor_of(db, thing) == who.id
        return may(who, topics.FOLLOWING[kind, part], await self._place(kind, thing))

    async def still(self, guest: Guest) -> bool:
        return await identity.who_is(self._services, guest.token) is not None

    def call(self, guest: Guest, peer: Peer) -> Asking:
        async def identify(recently: bool) -> Who | None:  # noqa: FBT001 - see Asking
            if recently and time.monotonic() - guest.read_at < RECENT_SECONDS:
                return guest.who
            who = await identity.who_is(self._services, guest.token)
            if who is not None:
                guest.who, guest.read_at = who, time.monotonic()
            return who

        return Asking(identify=identify, services=self._services, places=self._places, peer=peer)

    def refusal(self, error: Exception) -> tuple[str, str] | None:
        if isinstance(error, (*DATABASE_AWAY, OSError)):
            return Code.BUSY, ""
        return (error.code, error.where or str(error)) if isinstance(error, Refused) else None

    async def left(self, guest: Guest) -> None:
        """Gone from every place for now. For attendance this is no leave: the lease bridges it."""
        await self._services.presence.leave(guest.connection)

    async def _place(self, kind: str, thing: UUID) -> Place | None:
        if kind == "session":
            return await self._places.session(thing)
        if kind == "booth":
            return await self._places.booth(thing)
        return Place(conference_id=thing)
