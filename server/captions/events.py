"""What captions look like on the wire: an event is the whole new state of one line."""

from uuid import UUID

from realtime.wire import Event
from server.captions.rules import Line


class Caption(Event, frozen=True, kw_only=True, tag="caption"):
    """A line. Of the last one in its language more may come, unless it is `final`."""

    id: UUID
    language: str
    text: str
    final: bool
    said_ms: int
    ended_ms: int
    revision: int


def caption(line: Line) -> Caption:
    return Caption(
        id=line.id,
        language=line.language,
        text=line.text,
        final=line.final,
        said_ms=line.said_ms,
        ended_ms=line.ended_ms,
        revision=line.revision,
    )
