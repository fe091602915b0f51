"""Who may publish and watch, when, and for how long a permission holds. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from server.agenda.rules import LIVE_PHASES, NotLive, Phase
from server.errors import Refused

TICKET_LIFETIME = timedelta(seconds=60)
"""A page asks for a ticket and uses it at once."""

TOKEN_GRACE = timedelta(minutes=30)
"""How long a speaker's token outlives the session: talks run over."""

GRANT_SECONDS = 30
"""Between our signature and the relay's reading of it lie milliseconds."""

COUNTDOWN_SECONDS = 5


class TokenKind(StrEnum):
    """Where a token is used: each page of the studio has its own, an encoder has one.

    One for captions is for a program that writes them, and publishes nothing.
    """

    STUDIO = "studio"
    ENCODER = "encoder"
    CAPTIONS = "captions"


PUBLISHING = (TokenKind.STUDIO, TokenKind.ENCODER)


class Watching(StrEnum):
    """What a ticket or a connection is for: the audience, or those who run the session."""

    AUDIENCE = "audience"
    DESK = "desk"


class TicketUsed(Refused):
    """A ticket that is unknown, used, too old, or for another session."""

    code = "ticket.used"
    status = 401


class Elsewhere(Refused):
    """The same person already sends from another device: two of them would push each other off."""

    code = "stage.elsewhere"


class TokenUnknown(Refused):
    code = "token.unknown"
    status = 401


def token_expires(now: datetime, ends_at: datetime) -> datetime:
    return max(now, ends_at) + TOKEN_GRACE


def token_holds(expires_at: datetime, phase: Phase, now: datetime) -> bool:
    """A session that runs over is not cut off: while it is live its tokens hold."""
    return now < expires_at or phase in LIVE_PHASES


def watchable(phase: Phase, watching: Watching) -> None:
    """Raise unless the picture may be seen now. Backstage and breaks are the desk's alone."""
    if watching is Watching.AUDIENCE and phase is not Phase.LIVE:
        raise NotLive("There is no picture now: the session is not live.")
