"""Booths, talks and badges: what may be seen by whom. Pure."""

from enum import StrEnum


class Tier(StrEnum):
    LEAD = "lead"
    MAJOR = "major"
    STANDARD = "standard"


class TalkStatus(StrEnum):
    WAITING = "waiting"
    TALKING = "talking"
    DONE = "done"
    LEFT = "left"


class Field(StrEnum):
    """What a badge may hand over; the visitor picks."""

    NAME = "name"
    MAIL = "mail"
    AFFILIATION = "affiliation"
    PROFESSION = "profession"
