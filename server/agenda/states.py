"""What everybody in a session learns when it changes: one event, whoever changed it."""

from uuid import UUID

from realtime.wire import Event
from server.agenda.rules import Session, credit_figure


class SessionState(Event, frozen=True, tag="session"):
    """A session as its page shows it. Times are ISO 8601 in UTC."""

    id: UUID
    phase: str
    title: str
    subtitle: str
    hall: str
    track: str
    starts_at: str
    ends_at: str
    credit: str
    """AMA PRA Category 1 Credit it is designated for, `0.75`; empty without."""


def state_of(session: Session) -> SessionState:
    return SessionState(
        id=session.id,
        phase=session.phase.value,
        title=session.title,
        subtitle=session.subtitle,
        hall=session.hall,
        track=session.track.name if session.track else "",
        starts_at=session.starts_at.isoformat(),
        ends_at=session.ends_at.isoformat(),
        credit=credit_figure(session.designated_ms),
    )
