"""Polls: what may be asked, answered and shown when. Pure."""

from enum import StrEnum

MAX_OPTIONS = 12


class Kind(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"


class Status(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
