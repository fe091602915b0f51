"""What may happen to a question, and in what order questions are shown. Pure."""

from enum import StrEnum

MAX_CHARACTERS = 500


class Status(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    ANSWERING = "answering"
    ANSWERED = "answered"
    DISMISSED = "dismissed"
