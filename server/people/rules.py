"""Who people are: professions, names, addresses, links. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from server.errors import Invalid, Refused

MAX_NAME = 120
MAX_MAIL = 254
"""RFC 5321 §4.5.3.1.3: a path has at most 256 octets with its brackets."""

LINK_LIFETIME = timedelta(minutes=15)
LINKS_PER_WINDOW = 10
"""Sign-in links asked for one address in fifteen minutes; more is a nuisance to its owner."""

LOGIN_IDLE = timedelta(hours=12)
LOGIN_LIFETIME = timedelta(days=7)
STAFF_LOGIN_LIFETIME = timedelta(hours=8)

_MAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]+@[^@\s.]+(\.[^@\s.]+)+")


class Profession(StrEnum):
    PHYSICIAN = "physician"
    NURSE = "nurse"
    PHARMACIST = "pharmacist"
    PHYSICIAN_ASSOCIATE = "physician_associate"
    OTHER = "other"


class Registration(StrEnum):
    """How people come to a conference, as its organiser sets it."""

    OPEN = "open"
    INVITATION = "invitation"


class ByInvitation(Refused):
    code = "registration.closed"
    status = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person as they describe themselves."""

    id: UUID
    mail: str
    name: str
    degree: str
    profession: Profession
    affiliation: str
    zone: str
    created_at: datetime


def mail(text: str) -> str:
    """An address as it is kept and compared; raises Invalid."""
    address = text.strip().lower()
    if len(address) > MAX_MAIL or not _MAIL.fullmatch(address):
        raise Invalid("This does not look like an e-mail address.", where="mail")
    return address


def name(text: str) -> str:
    """A person's name on one line; raises Invalid."""
    cleaned = " ".join(text.split())
    if not cleaned:
        raise Invalid("Please give a name.", where="name")
    if len(cleaned) > MAX_NAME:
        raise Invalid(f"A name has at most {MAX_NAME} characters.", where="name")
    return cleaned


def line(text: str, where: str) -> str:
    """One optional line of a profile; raises Invalid."""
    cleaned = " ".join(text.split())
    if len(cleaned) > MAX_NAME:
        raise Invalid(f"At most {MAX_NAME} characters.", where=where)
    return cleaned


def profession(text: str) -> Profession:
    try:
        return Profession(text)
    except ValueError:
        raise Invalid("Please choose a profession.", where="profession") from None
